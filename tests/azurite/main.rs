//! The connector on Azure Storage, played by Azurite.
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod handoff;
mod identity;
mod outage;
mod proxy;
mod server;
mod starts;
#[allow(dead_code, reason = "it serves other tests too")]
#[path = "../it/world.rs"]
mod world;
