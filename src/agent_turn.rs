//! When an agent's turn is over, and which of what it says belongs to that turn. Pure: every time is an argument.
//!
//! Direct Line has no sign for the end of a turn. What was said unasked or too late for the turn before stands among
//! the answers, and the user's own words often stand behind the answers to them. A reader who takes any speech
//! for the answer is one turn late from then on, for good. So the end is decided by what shows itself as belonging,
//! and everything else is passed on without deciding anything.
//!
//! # How it is used
//!
//! ```text
//! let eyes = Eyes { hand_off: &names, ..Eyes::default() };      // who counts as the user, what as a hand-off
//! let mut seen = Seen::default();
//! let mut turn = Turn::begin(limits, called, now);              // `called`: when the words were sent, or the call came
//! turn.posted(id);                                              // what our own post was answered with, when it was ours
//! loop {
//!     match turn.next() {
//!         Next::Over(why) => break why,
//!         Next::Poll(at) => …                                   // wait until then, at most until `turn.until()`
//!     }
//!     // answered:  let news = activities.filter_map(|one| seen.news(eyes.read(one)));
//!     //            turn.heard(Poll { asked, answered, date }, news);
//!     // failed:    turn.failed(at, wait);    given up before it was answered:  turn.missed();
//! }
//! ```
//!
//! A caller that gets whole batches and decides no end (who takes a conversation over) needs [`Eyes`] alone: its
//! [`Notice`] says whose an activity is and what it answers.
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
//! What is left may belong. It decides once the user's words have been waited for, for two seconds.

mod activity;
mod belongs;
mod clock;
mod turn;
mod why;

#[cfg(test)]
mod tests;

/// Bytes of a turn beyond which its reader waits for no more of it: what is left comes with the next one.
pub const LARGEST_TURN: usize = 4 << 20;

pub use activity::{Eyes, Notice, Seen, Sign};
pub use belongs::Belongs;
pub use turn::{Limits, Next, Poll, Turn};
pub use why::Why;
