//! The secondary bot over real HTTP: before a simulated agent, behind this project's own client and documented requests.

mod agents;
mod asked;
mod door;
mod faults;
mod files;
mod itself;
mod later;
pub mod page;
mod stories;
mod trace;
mod world;
