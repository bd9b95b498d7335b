//! When the agent's turn is over. Pure: every time is an argument.
//!
//! The promise is narrow: two messages less than the quiet time apart belong to one answer, and an answer
//! leaves at most half a second after the agent's last word. Polling alone knows that word only to an
//! interval, so Direct Line's own timestamp is taken where it fits between two polls.

use crate::domain::Timestamp;

#[cfg(test)]
mod tests;

/// How often is asked, by how long the turn has lasted: milliseconds of the turn, milliseconds between polls.
///
/// The slowest stays below the usual quiet time, so that a late word is answered within half a second, too.
const PACE: [(i64, i64); 3] = [(3_000, 200), (10_000, 300), (i64::MAX, 400)];
/// Never faster than this, whatever comes back.
const SHORTEST_PAUSE: i64 = 50;
/// After a question one quiet poll this long after it is enough.
const QUIET_AFTER_QUESTION: i64 = 200;
/// What was said is not held back longer than this because Direct Line fails or goes on with diagnostics.
const GRACE: i64 = 2_000;
const FIRST_RETRY: i64 = 200;
const LONGEST_RETRY: i64 = 2_000;

/// Milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Silence after which a turn counts as complete.
    pub quiet: i64,
    /// How long a turn may last.
    pub patience: i64,
}

/// A poll that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Poll {
    pub asked: Timestamp,
    pub answered: Timestamp,
    /// Whether Direct Line's clock agrees with ours.
    pub one_clock: bool,
}

/// What an activity means for the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The agent said something; `asks` when it now expects an answer.
    Speech {
        asks: bool,
    },
    /// The user's own message, come back.
    Echo,
    HandOff,
    EndOfConversation,
    /// Diagnostics, typing, what we don't know: passed on, and nothing else.
    Noise,
}

/// An activity as far as the end of a turn depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub sign: Sign,
    pub id: Option<String>,
    pub reply_to: Option<String>,
    /// On Direct Line's clock.
    pub stamp: Option<Timestamp>,
}

/// Why a turn ended; for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    HandOff,
    EndOfConversation,
    /// The agent asked something and waits.
    Question,
    /// The agent spoke and fell silent.
    Quiet,
    /// The agent was still speaking when patience ended.
    Patience,
    /// The agent said nothing until patience ended.
    Silence,
    /// Direct Line failed for too long.
    Fault,
    /// Direct Line refused; asking again would get the same.
    Refused,
}

impl Why {
    pub fn word(self) -> &'static str {
        match self {
            Self::HandOff => "hand-off",
            Self::EndOfConversation => "end of conversation",
            Self::Question => "question",
            Self::Quiet => "quiet",
            Self::Patience => "patience",
            Self::Silence => "silence",
            Self::Fault => "fault",
            Self::Refused => "refused",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Poll(Timestamp),
    Over(Why),
}

/// One turn, from the relay's call to its answer.
#[derive(Debug)]
pub struct Turn {
    limits: Limits,
    began: Timestamp,
    /// The last poll that was answered, and whether it brought nothing.
    last: Option<(Poll, bool)>,
    faults: Faults,
    speech: Vec<Speech>,
    echo: Option<Notice>,
    ended: Option<Why>,
}

#[derive(Debug)]
struct Speech {
    /// On our clock.
    at: Timestamp,
    asks: bool,
    notice: Notice,
}

/// Failures since the last answer.
#[derive(Debug)]
enum Faults {
    None,
    Retrying { count: u32, at: Timestamp },
    GivenUp,
}

impl Turn {
    pub fn new(limits: Limits, began: Timestamp) -> Self {
        let (speech, faults) = (Vec::new(), Faults::None);
        Self { limits, began, last: None, faults, speech, echo: None, ended: None }
    }

    /// A poll was answered; `news` is what had not come before, in Direct Line's order.
    pub fn heard(&mut self, poll: Poll, news: Vec<Notice>) {
        let quiet = news.is_empty();
        for notice in news {
            match notice.sign {
                Sign::Speech { asks } => {
                    let at = self.spoken_at(poll, notice.stamp);
                    self.speech.push(Speech { at, asks, notice });
                }
                Sign::Echo => self.echo = Some(notice),
                Sign::HandOff => self.ended = Some(Why::HandOff),
                Sign::EndOfConversation => self.ended = self.ended.or(Some(Why::EndOfConversation)),
                Sign::Noise => {}
            }
        }
        self.last = Some((poll, quiet));
        self.faults = Faults::None;
    }

    /// A poll failed in a way that may pass; `wait` in milliseconds when Direct Line asked for one.
    pub fn failed(&mut self, at: Timestamp, wait: Option<i64>) {
        let count = match self.faults {
            Faults::Retrying { count, .. } => count,
            Faults::None | Faults::GivenUp => 0,
        };
        let pause = (FIRST_RETRY << count.min(8)).min(LONGEST_RETRY);
        let retry = at.plus_millis(pause.max(wait.unwrap_or(0)));
        let until = self.until();
        let told_to_wait_longer = wait.is_some_and(|wait| at.plus_millis(wait) > until);
        self.faults = if at >= until || told_to_wait_longer {
            Faults::GivenUp
        } else {
            Faults::Retrying { count: count + 1, at: retry.min(until) }
        };
    }

    /// Time ended before another poll was answered.
    pub fn missed(&mut self) {
        match (&self.faults, &self.last) {
            _ if self.has_speech() => self.ended = Some(Why::Patience),
            (Faults::None, Some(_)) => self.ended = Some(Why::Silence),
            _ => self.faults = Faults::GivenUp,
        }
    }

    pub fn has_speech(&self) -> bool {
        !self.speech.is_empty()
    }

    /// Parts of the answer before this turn that came too late for it.
    pub fn late_parts(&self) -> usize {
        self.speech.iter().filter(|speech| self.is_left_over(speech)).count()
    }

    /// What to do now.
    pub fn next(&self) -> Next {
        if let Some(why) = self.ended {
            return Next::Over(why);
        }
        match self.faults {
            Faults::None => {}
            Faults::Retrying { at, .. } => return Next::Poll(at),
            Faults::GivenUp => return Next::Over(Why::Fault),
        }
        let Some((poll, quiet)) = self.last else { return Next::Poll(self.began) };
        let due = self.due();
        if let Some((due, why)) = due {
            let long_over = poll.asked >= due.plus_millis(GRACE);
            if poll.asked >= due && (quiet || long_over) {
                return Next::Over(why);
            }
        }
        let end = self.began.plus_millis(self.limits.patience);
        if poll.answered >= end {
            return Next::Over(if self.has_speech() { Why::Patience } else { Why::Silence });
        }
        let paced = poll.asked.plus_millis(pace(poll.asked.millis_since(self.began)));
        // The poll that decides comes on time; one shortly before it would only get in its way.
        let next = match due {
            Some((due, _)) if due < paced.plus_millis(2 * SHORTEST_PAUSE) => due,
            _ => paced,
        };
        let earliest = poll.answered.max(poll.asked.plus_millis(SHORTEST_PAUSE));
        Next::Poll(next.max(earliest).min(end))
    }

    /// When a poll that is still unanswered is given up.
    pub fn until(&self) -> Timestamp {
        let end = self.began.plus_millis(self.limits.patience);
        self.due().map_or(end, |(due, _)| due.plus_millis(GRACE).min(end))
    }

    /// When the silence after the last word of this turn is long enough.
    fn due(&self) -> Option<(Timestamp, Why)> {
        let speech = self.speech.iter().filter(|speech| !self.is_left_over(speech));
        let last = speech.max_by_key(|speech| speech.at)?;
        Some(if last.asks {
            (last.at.plus_millis(self.limits.quiet.min(QUIET_AFTER_QUESTION)), Why::Question)
        } else {
            (last.at.plus_millis(self.limits.quiet), Why::Quiet)
        })
    }

    /// Said before the user's last message, and so no answer to it: what came too late for the turn before.
    ///
    /// Direct Line shows a user's message behind the answers to it, so its place says nothing. All other
    /// evidence must agree, because an answer taken for a left-over would be waited for in vain.
    fn is_left_over(&self, speech: &Speech) -> bool {
        let Some(echo) = &self.echo else { return false };
        let (Some(said), Some(asked)) = (speech.notice.stamp, echo.stamp) else { return false };
        let replies = echo.id.is_some() && speech.notice.reply_to == echo.id;
        let numbered_later = match (number(&speech.notice), number(echo)) {
            (Some(said), Some(asked)) => said > asked,
            _ => false,
        };
        said < asked && !replies && !numbered_later
    }

    /// Between the poll that didn't show it and the one that did; the timestamp decides when it lies there.
    fn spoken_at(&self, poll: Poll, stamp: Option<Timestamp>) -> Timestamp {
        let stamp = stamp.filter(|stamp| poll.one_clock && *stamp <= poll.answered);
        let Some((before, _)) = self.last else { return stamp.unwrap_or(poll.asked) };
        if let Some(stamp) = stamp.filter(|stamp| *stamp >= before.asked) {
            return stamp;
        }
        // After a failure the poll before may be long ago.
        let slowest = PACE[PACE.len() - 1].1;
        let earliest = before.asked.max(poll.answered.plus_millis(-slowest));
        earliest.plus_millis((poll.answered.millis_since(earliest) / 2).min(100))
    }
}

fn pace(lasted: i64) -> i64 {
    PACE.iter().find(|(until, _)| lasted < *until).map_or(PACE[0].1, |(_, pause)| *pause)
}

/// The number in `<conversation>|0000005`.
fn number(notice: &Notice) -> Option<u64> {
    notice.id.as_deref()?.rsplit_once('|')?.1.parse().ok()
}
