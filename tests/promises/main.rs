//! The promises of the engine, searched for a way to break them: by seeded simulation, and by a model checker.
#![expect(clippy::unwrap_used, reason = "tests")]

mod chance;
mod model;
mod simulation;
