//! `handler doctor` against simulated far ends, each set up wrongly in one way.

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
