//! The connector against both simulated far ends, over real HTTP.

mod actions;
mod bad_input;
mod bounds;
mod controls;
mod counting;
mod ending;
mod erased;
mod faults;
pub mod growing;
mod hand_off;
mod health;
mod logs;
mod passwords;
mod person;
mod pipe;
mod questions;
mod quotas;
pub mod wire;
