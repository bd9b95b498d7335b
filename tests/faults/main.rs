//! The program itself, killed without a warning and under load, between both simulated far ends.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]
#![expect(clippy::print_stdout, reason = "figures and seeds are for the one who reads the test's output")]

mod client;
mod crash;
mod load;
mod random;
mod stage;
mod talk;

/// Held for reading by tests that leave the machine time to spare, for writing by those that measure it.
static MACHINE: tokio::sync::RwLock<()> = tokio::sync::RwLock::const_new(());
