//! The connector on Azure Storage, played by Azurite.

mod handoff;
mod identity;
mod outage;
pub mod proxy;
pub mod server;
mod starts;
