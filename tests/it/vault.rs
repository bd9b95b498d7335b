//! Settings that stand in Key Vaults: the real program, an identity endpoint and vaults that speak Azure's protocols.

pub mod azure;
mod program;
mod rotation;
mod start;
