//! Files both ways between both simulated far ends, over real HTTP.

mod asked;
mod big;
mod carried;
pub mod client;
mod cut;
mod given_out;
mod hostile;
mod in_blobs;
mod posted;
mod ranges;
mod taken;
