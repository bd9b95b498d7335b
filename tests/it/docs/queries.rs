//! The queries of docs/operations.md name fields and messages that the code writes: it is read for its log lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::docs::{
    file,
    words::{between, inside},
};

/// What tracing adds to every line.
const ALWAYS: [&str; 5] = ["timestamp", "level", "message", "target", "span"];

/// Message of a log line to its fields.
fn log_lines() -> BTreeMap<String, BTreeSet<String>> {
    let mut lines = BTreeMap::new();
    read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut lines);
    assert!(lines.len() > 50, "hardly any log line was found: {}", lines.len());
    lines
}

fn read_folder(folder: &Path, lines: &mut BTreeMap<String, BTreeSet<String>>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            read_folder(&path, lines);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            read_source(&fs::read_to_string(&path).unwrap(), lines);
        }
    }
}

fn read_source(source: &str, lines: &mut BTreeMap<String, BTreeSet<String>>) {
    for level in ["debug!", "info!", "warn!", "error!"] {
        for (at, _) in source.match_indices(&format!("{level}(")) {
            let macro_body = inside(source, at + level.len(), '"');
            let Some((fields, rest)) = macro_body.split_once('"') else { continue };
            let Some((message, _)) = rest.split_once('"') else { continue };
            lines.entry(message.to_owned()).or_default().extend(fields_of(fields));
        }
    }
}

/// `a = b, %c, ?d` names `a`, `c` and `d`.
fn fields_of(fields: &str) -> impl Iterator<Item = String> + '_ {
    let mut depth = 0;
    let parts = fields.split(move |c: char| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.filter_map(|part| {
        let name = part.split('=').next()?.trim().trim_start_matches(['%', '?']);
        (!name.is_empty()).then(|| name.to_owned())
    })
}

fn queries() -> Vec<String> {
    let page = file("docs/operations.md");
    let all = between(&page, "```kusto\n", "```").into_iter();
    // Those over the host's own tables name no line of ours.
    all.filter(|query| query.starts_with("traces")).map(str::to_owned).collect()
}

/// The fields of a log line that a query reads: `line.name` and `line["name"]`, without what follows them.
fn fields_named(query: &str) -> BTreeSet<&str> {
    let plain = query.split("line.").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    });
    plain.chain(between(query, "line[\"", "\"]")).collect()
}

/// The messages that a query looks for: what `line.message` is compared with.
fn messages_named(query: &str) -> Vec<&str> {
    let mut named = vec![];
    for rest in query.split("line.message").skip(1) {
        let rest = rest.trim_start();
        if let Some(one) = rest.strip_prefix("== \"") {
            named.extend(one.split_once('"').map(|(message, _)| message));
        } else if let Some(several) = rest.strip_prefix("in (") {
            named.extend(several.split_once(')').unwrap().0.split('"').skip(1).step_by(2));
        }
    }
    named
}

#[test]
fn there_are_five_queries_and_more_each_over_lines_the_code_writes() {
    let (queries, lines) = (queries(), log_lines());
    assert!(queries.len() >= 5, "{}", queries.len());
    for query in queries {
        assert!(query.contains("Host.Function.Console") && query.contains("parse_json(message)"), "{query}");
        let messages = messages_named(&query);
        for message in &messages {
            assert!(lines.contains_key(*message), "no line says {message:?}");
        }
        let written: BTreeSet<&str> = lines
            .iter()
            .filter(|(message, _)| messages.is_empty() || messages.contains(&message.as_str()))
            .flat_map(|(_, fields)| fields.iter().map(String::as_str))
            .chain(ALWAYS)
            .collect();
        let named = fields_named(&query);
        assert!(named.len() > 1, "{query}");
        for field in named {
            assert!(written.contains(field), "no line of {messages:?} has {field}:\n{query}");
        }
    }
}

#[test]
fn what_alerts_and_workbook_look_for_is_written() {
    let lines = log_lines();
    let alerts = file("infra/monitoring.bicep");
    let workbook = file("infra/workbook.json").replace("\\\"", "\"");
    let named = [messages_named(&alerts), messages_named(&workbook)].concat();
    assert!(named.len() > 7, "{named:?}");
    for message in named {
        assert!(lines.contains_key(message), "no line says {message:?}");
    }
}

#[test]
fn what_is_counted_is_told_in_the_operations_page() {
    let lines = log_lines();
    let page = file("docs/operations.md");
    for field in lines["Counted"].iter().chain(&lines["Looked after what is open"]) {
        assert!(page.contains(&format!("`{field}`")), "{field}");
    }
}
