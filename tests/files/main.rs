//! Files both ways between both simulated far ends, over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

mod big;
mod client;
mod given_out;
mod hostile;
mod taken;
#[path = "../it/world.rs"]
#[expect(dead_code, reason = "shared with the other tests, which use more of it")]
mod world;
