//! The rules in simulated time.

mod far_end;
mod rules;
mod situations;
mod stories;
mod talk;
