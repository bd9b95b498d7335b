//! Files both ways between both simulated far ends, over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

#[path = "../azurite/server.rs"]
mod azurite;
mod big;
mod client;
mod given_out;
mod hostile;
mod in_blobs;
mod ranges;
mod taken;
#[path = "../it/world.rs"]
#[expect(dead_code, reason = "shared with the other tests, which use more of it")]
mod world;
