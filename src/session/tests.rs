//! The core, tried on conversations: a fact a line, a clock held by hand.

mod bot_returns;
pub(crate) mod chat;
mod controls;
mod duplicates;
mod ends;
mod hand_off;
mod history;
mod joining;
mod kept;
mod masked;
pub(crate) mod moves;
mod notifications;
mod outbox;
mod promises;
pub(crate) mod property;
mod streams;
