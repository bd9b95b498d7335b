//! The program itself, killed without a warning and under load, between both simulated far ends.
#![expect(clippy::print_stdout, reason = "figures and seeds are for the one who reads the test's output")]

mod client;
mod crash;
mod load;
pub mod random;
pub mod stage;
mod talk;
