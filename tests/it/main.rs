//! The connector against both simulated far ends, over real HTTP.
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod actions;
mod bad_input;
mod controls;
mod counting;
mod faults;
mod hand_off;
mod health;
mod live;
mod logs;
mod pipe;
mod wire;
mod world;
