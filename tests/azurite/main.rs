//! The connector on Azure Storage, played by Azurite.

mod server;
mod starts;
