//! The secondary bot over real HTTP: before a simulated agent, behind this project's own client and documented requests.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

mod agents;
mod asked;
#[path = "../azurite/server.rs"]
mod azurite;
mod door;
mod faults;
mod files;
mod later;
mod trace;
mod world;
