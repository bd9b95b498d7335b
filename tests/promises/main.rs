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
