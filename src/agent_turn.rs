//! When an agent's turn is over, and which of what it says belongs to that turn. Pure: every time is an argument.
//!
//! Direct Line has no sign for the end of a turn. What was said unasked or too late for the turn before stands among
//! the answers, and the user's own words often stand behind the answers to them. A reader who takes any speech
//! for the answer is one turn late from then on, for good. So the end is decided by what shows itself as belonging,
//! and everything else is passed on without deciding anything.
//!
//! A reader asks [`Turn::next`] when to poll, tells it each poll's [`Notice`]s as [`Eyes`] see them and [`Seen`] lets them through,
//! or its failure, and stops when that says so. Who gets whole batches and decides no end needs [`Eyes`] alone.
//!
//! # What belongs
//!
//! [`Belongs`], in this order, asked anew with each poll:
//!
//! 1. `replyToId`: that of the user's words (their echo, or the id our post was answered with) belongs, another one
//!    doesn't.
//! 2. Beside those words: the numbers of Direct Line's ids, its timestamps, and a place behind them. When they agree
//!    that it came later it belongs, when they agree on earlier it doesn't, unless it came up only after the call.
//! 3. Without those words: what is older than the call by more than a second, on Direct Line's own clock, doesn't.
//!
//! Words that are as old, too, may be those of a turn before that nobody has read: only a fresh reply to them surely belongs.
//!
//! What is left may belong. It decides once the user's words have been waited for, for two seconds.

mod activity;
mod belongs;
mod clock;
mod turn;
mod when;
mod why;

#[cfg(test)]
mod tests;

/// Bytes of a turn beyond which its reader waits for no more of it: what is left comes with the next one.
pub const LARGEST_TURN: usize = 4 << 20;

pub use activity::{Eyes, Notice, Seen, Sign};
pub use belongs::Belongs;
pub use turn::{Limits, Next, Poll, Turn};
pub use when::{begun_anew, time, time_of};
pub use why::Why;
