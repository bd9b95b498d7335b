//! The far ends, simulated: real HTTP servers on loopback, for the demo, the tests and load tests.
//!
//! They refuse what the real ones refuse, and break when told to (see [`faults`] and
//! [`servicenow::faults`]). Never part of a package.

pub mod chat_client;
pub mod copilot;
pub mod faults;
pub mod observe;
pub mod servicenow;
