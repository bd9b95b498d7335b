//! `docs/mapping.md` and `docs/reports.md` can't rot: what they name exists, and what the wire knows stands in the first.

use std::path::{Path, PathBuf};

#[test]
fn every_row_names_a_test_that_exists() {
    let functions = functions();
    let mut rows = 0;
    for cells in table_rows("docs/mapping.md").into_iter().chain(table_rows("docs/reports.md")) {
        let proof = cells.last().expect("a cell");
        let tests = quoted(proof);
        assert!(!tests.is_empty(), "no test proves {}", cells[0]);
        for test in tests {
            assert!(
                functions.contains(&test),
                "{} is to be proved by {test}, which does not exist",
                cells[0]
            );
        }
        let put_off = |word: &str| matches!(word.to_lowercase().as_str(), "later" | "planned" | "todo");
        assert!(!cells.concat().split(|c: char| !c.is_alphabetic()).any(put_off), "{} is put off", cells[0]);
        rows += 1;
    }
    assert!(rows > 90, "{rows} rows");
}

#[test]
fn everything_the_wire_knows_has_a_row() {
    let named: Vec<String> =
        table_rows("docs/mapping.md").iter().flat_map(|cells| quoted(&cells[0])).collect();
    let named = named.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
    let wire = root().join("src/wire/virtual_agent");
    let mut known = 0;
    for file in ["response/element/kind.rs", "response/action.rs", "request/read.rs"] {
        let source = std::fs::read_to_string(wire.join(file)).expect("a source");
        // An arm of a match over names begins with a name.
        for arm in source.lines().map(str::trim).filter(|line| line.starts_with('"') && line.contains("=>")) {
            let names = arm.split("=>").next().unwrap_or_default().split('"').skip(1).step_by(2);
            for name in names.filter(|name| !name.is_empty()) {
                assert!(named.contains(&name.to_lowercase()), "{name} of {file} has no row");
                known += 1;
            }
        }
    }
    assert!(known > 50, "only {known} names found in the sources");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The rows of all tables, without their heads.
fn table_rows(page: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join(page)).expect(page);
    let lines: Vec<&str> = text.lines().collect();
    let is_row = |at: &usize| {
        let head = lines.get(at + 1).is_some_and(|next| next.starts_with("|---"));
        lines[*at].starts_with("| ") && !head
    };
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    (0..lines.len()).filter(is_row).map(|at| cells(lines[at])).collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every function's name in the sources and tests.
fn functions() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src"), root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let source = std::fs::read_to_string(path).expect("a source");
                let names = source.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
                found.extend(names.map(str::to_owned));
            }
        }
    }
    found
}
