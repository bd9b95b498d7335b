//! The promises of the engine, searched for a way to break them: by seeded simulation, and by a model checker.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests; how much was looked through is said")]

mod chance;
mod model;
mod simulation;
mod waits;
