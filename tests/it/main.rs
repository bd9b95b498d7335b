//! Everything that needs more than one unit: a module a subject. `cargo test --test it relay::` runs one of them.
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod azurite;
mod demo;
mod docs;
mod doctor;
mod eventually;
mod examples;
mod faults;
mod files;
mod free_port;
mod fuzz;
mod host;
mod live;
#[cfg(feature = "otlp")]
mod otlp;
mod program;
mod pure;
mod relay;
mod secondary;
mod socket;
mod storm;
mod vault;
mod world;
