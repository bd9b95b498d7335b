//! `handler doctor` against simulated far ends, each set up wrongly in one way.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

mod azurite;
mod codes;
mod connector;
mod copilot;
mod fake;
mod program;
mod servicenow;
mod store;
mod vault;
mod world;
