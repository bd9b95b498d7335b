//! The promises of the engine, searched for a way to break them: by seeded simulation, and by a model checker.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests; how much was looked through is said")]

mod chance;
mod model;
mod simulation;
mod waits;
mod words;

/// Whether all is looked through, as CI does, or so much as a minute allows.
fn is_whole() -> bool {
    std::env::var("PROMISES").is_ok_and(|how| how == "whole")
}

/// Each wrong version of `mutants.txt` can still be built: what it replaces stands once in its file.
#[test]
fn every_wrong_version_has_its_place() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = include_str!("mutants.txt");
    let mut edits = 0;
    for edit in text.split("\nfile: ").skip(1) {
        let (file, rest) = edit.split_once("\n<<<\n").unwrap();
        let (right, _) = rest.split_once("\n===\n").unwrap();
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        assert_eq!(source.matches(right).count(), 1, "{file}: {right}");
        edits += 1;
    }
    assert!(edits >= 20, "only {edits}");
}
