//! The client's web socket: over real HTTP, with a client that knows nothing of ours.

pub mod client;
mod drops;
pub mod ends;
mod journey;
mod readers;
mod strangers;
mod upstream;
