//! The secondary bot over real HTTP: before a simulated agent, behind this project's own client and documented requests.

mod agents;
mod asked;
mod direct_line;
mod documented;
mod door;
mod faults;
mod files;
mod hop;
mod itself;
mod latency;
mod later;
pub mod page;
mod stories;
mod trace;
pub mod world;
