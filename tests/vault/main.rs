//! Settings that stand in Key Vaults: the real program, an identity endpoint and vaults that speak Azure's protocols.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

mod azure;
mod program;
mod rotation;
mod start;
