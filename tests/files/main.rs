//! Files both ways between both simulated far ends, over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

#[path = "../azurite/server.rs"]
mod azurite;
mod big;
mod client;
#[path = "../free_port.rs"]
mod free_port;
mod given_out;
mod hostile;
mod in_blobs;
#[path = "../azurite/proxy.rs"]
mod proxy;
mod ranges;
mod taken;
#[path = "../it/world.rs"]
#[expect(dead_code, reason = "shared with the other tests, which use more of it")]
mod world;
