//! The connector on Azure Storage, played by Azurite.

mod handoff;
mod identity;
mod proxy;
mod server;
mod starts;
#[allow(dead_code)] // It serves other tests too.
#[path = "../it/world.rs"]
mod world;
