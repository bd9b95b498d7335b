//! When the turn is over.

use super::{
    belongs::{Asked, Belongs, Done},
    clock::FarClock,
    {Notice, Sign, Why},
};
use crate::domain::Timestamp;

/// How often is asked, by how long the turn has lasted: milliseconds of the turn, milliseconds between polls.
const PACE: [(i64, i64); 3] = [(3_000, 200), (10_000, 300), (i64::MAX, 400)];
/// Never faster than this, whatever comes back.
const SHORTEST_PAUSE: i64 = 50;
/// After a question, and after an event, one quiet poll this long after it is enough.
const SETTLED: i64 = 200;
/// The poll that finds silence comes this much later, so that what is said just in time still counts.
const MARGIN: i64 = 150;
/// How long the user's own words are waited for before what may belong decides.
const NO_ECHO: i64 = 2_000;
/// Said longer before the call than this, and nothing else known: not an answer.
const OLD: i64 = 1_000;
/// What was said is not held back longer than this because Direct Line fails or goes on with diagnostics.
const GRACE: i64 = 2_000;
/// What a poll brought that was asked so long before the end tells nothing of the end: the process, or Direct Line, stood still.
const STALE: i64 = 2_000;
/// A far end that fails is asked again for this long.
const OUTWAITED: i64 = 5_000;
const FIRST_RETRY: i64 = 200;
const LONGEST_RETRY: i64 = 2_000;

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Silence after which a turn counts as complete.
    pub quiet: i64,
    /// How long a turn may last.
    pub patience: i64,
    /// How long it lasts while the agent shows no sign of itself.
    pub silence: i64,
    /// How long it lasts at least, unless the agent surely ended it.
    pub least: i64,
    /// Somebody gets the agent's events, so that one may be all of its answer.
    pub passes_events: bool,
}

/// A poll that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Poll {
    pub asked: Timestamp,
    pub answered: Timestamp,
    /// Direct Line's time of day, as its answer's header tells it in whole seconds.
    pub date: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask Direct Line at that time.
    Poll(Timestamp),
    Over(Why),
}

/// One turn, from the call to its answer.
#[derive(Debug, Default)]
pub struct Turn {
    limits: Limits,
    called: Timestamp,
    began: Timestamp,
    /// The last poll that was answered, and whether it brought nothing.
    last: Option<(Poll, bool)>,
    clock: FarClock,
    retrying: Option<Retrying>,
    asked: Asked,
    /// What the agent did, in order; what means nothing to the turn is left out.
    done: Vec<Done>,
    places: usize,
    ended: Option<Why>,
}

/// Failures since the last answer.
#[derive(Clone, Copy, Debug)]
struct Retrying {
    since: Timestamp,
    count: u32,
    at: Timestamp,
    /// They lasted, or will by Direct Line's own word, as long as a far end that fails is outwaited.
    is_outwaited: bool,
}

impl Turn {
    /// Begins to listen now; `called` is when the user's words were sent, or when the call for their answer came.
    pub fn begin(limits: Limits, called: Timestamp, now: Timestamp) -> Self {
        Self { limits, called, began: now, ..Self::default() }
    }

    /// The same turn before anything of it was heard.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::begin(self.limits, self.called, self.began)
    }

    /// What the post of the user's words was answered with, for who made it.
    pub fn posted(&mut self, id: String) {
        self.asked.posted(id);
    }

    /// A poll was answered; `news` is what had not come before, in Direct Line's order.
    pub fn heard(&mut self, poll: Poll, news: Vec<Notice>) {
        self.clock.heard(poll);
        let quiet = news.is_empty();
        for notice in news {
            let place = self.places;
            self.places += 1;
            self.asked.heard(&notice, place, self.may_be_old(notice.stamp));
            match notice.sign {
                Sign::HandOff => self.ended = Some(Why::HandOff),
                Sign::Event if !self.limits.passes_events => {}
                Sign::Speech { .. } | Sign::EndOfConversation | Sign::Event | Sign::Typing => {
                    self.done.push(self.placed(notice, place, poll));
                }
                Sign::Echo { .. } | Sign::Noise => {}
            }
        }
        self.last = Some((poll, quiet));
        self.retrying = None;
    }

    /// A poll that was made at `asked` failed at `at` in a way that may pass; it may have hung for long. `wait` in milliseconds
    /// when Direct Line asked for one.
    pub fn failed(&mut self, asked: Timestamp, at: Timestamp, wait: Option<i64>) {
        let (since, count) = self.retrying.map_or((asked, 0), |faults| (faults.since, faults.count));
        let outwaited = since.plus_millis(OUTWAITED);
        let until = self.end().min(outwaited);
        let pause = (FIRST_RETRY << count.min(8)).min(LONGEST_RETRY);
        let retry = at.plus_millis(pause.max(wait.unwrap_or(0)));
        let earliest = at.plus_millis(wait.unwrap_or(0));
        if at >= until || earliest > until {
            self.ended = Some(Why::Fault);
        }
        let is_outwaited = earliest >= outwaited;
        self.retrying = Some(Retrying { since, count: count + 1, at: retry.min(until), is_outwaited });
    }

    /// Whether Direct Line has failed for so long, or from the beginning, that its own answer is what is left to tell.
    pub fn is_outwaited(&self) -> bool {
        self.last.is_none() || self.retrying.is_some_and(|faults| faults.is_outwaited)
    }

    /// Time ended before another poll was answered.
    pub fn missed(&mut self) {
        self.ended = Some(match (self.retrying, self.last) {
            _ if self.has_answer() => Why::Patience,
            (None, Some(_)) => Why::Silence,
            _ => Why::Fault,
        });
    }

    /// Whether the agent said or did something that somebody waits for, in this turn or too late for the one before.
    pub fn has_answer(&self) -> bool {
        let says = |done: &Done| done.notice.sign != Sign::Typing;
        self.ended == Some(Why::HandOff) || self.done.iter().any(says)
    }

    /// Where, among all that was heard, what the agent said unasked or too late for the turn before stands, and its end then.
    pub fn late(&self) -> impl Iterator<Item = usize> {
        let speaks = |sign| matches!(sign, Sign::Speech { .. } | Sign::EndOfConversation);
        let is_late = move |done: &&Done| speaks(done.notice.sign) && self.belongs(done) == Belongs::Not;
        self.done.iter().filter(is_late).map(|done| done.place)
    }

    /// What to do now.
    pub fn next(&self) -> Next {
        if let Some(why) = self.ended.or_else(|| self.closed()) {
            return Next::Over(why);
        }
        if let Some(Retrying { at, .. }) = self.retrying {
            return Next::Poll(at);
        }
        let Some((poll, quiet)) = self.last else { return Next::Poll(self.began) };
        let due = self.due();
        if let Some((due, why)) = due {
            let long_over = poll.asked >= due.plus_millis(GRACE);
            if poll.asked >= due && (quiet || long_over) {
                return Next::Over(why);
            }
        }
        let end = self.latest();
        if poll.answered >= end && poll.asked.plus_millis(STALE) >= end {
            return Next::Over(if self.has_answer() { Why::Patience } else { Why::Silence });
        }
        let paced = poll.asked.plus_millis(pace(poll.asked.millis_since(self.began)));
        // The poll that decides comes on time; one shortly before it would only get in its way.
        let next = match due {
            Some((due, _)) if due < paced.plus_millis(2 * SHORTEST_PAUSE) => due,
            _ => paced,
        };
        let earliest = poll.answered.max(poll.asked.plus_millis(SHORTEST_PAUSE));
        Next::Poll(next.max(earliest).min(end).max(poll.answered))
    }

    /// When a poll that is still unanswered is given up.
    pub fn until(&self) -> Timestamp {
        let end = self.end();
        self.retrying.map_or(end, |faults| end.min(faults.since.plus_millis(OUTWAITED)))
    }

    /// When it ends whatever Direct Line does.
    pub fn end(&self) -> Timestamp {
        let end = self.latest();
        self.due().map_or(end, |(due, _)| due.plus_millis(GRACE).min(end))
    }

    /// When patience ends, with an agent that has shown itself or with one that has not.
    fn latest(&self) -> Timestamp {
        let Limits { patience, silence, .. } = self.limits;
        let shows_itself = self.done.iter().any(|done| self.belongs(done) != Belongs::Not);
        self.began.plus_millis(if shows_itself { patience } else { silence.min(patience) })
    }

    fn belongs(&self, done: &Done) -> Belongs {
        self.asked.belongs(done)
    }

    fn closed(&self) -> Option<Why> {
        let closes =
            |done: &Done| done.notice.sign == Sign::EndOfConversation && self.belongs(done) != Belongs::Not;
        self.done.iter().any(closes).then_some(Why::EndOfConversation)
    }

    /// When it is over if nothing more comes.
    fn due(&self) -> Option<(Timestamp, Why)> {
        [self.due_by_event(), self.due_by_silence()].into_iter().flatten().min_by_key(|(due, _)| *due)
    }

    fn due_by_event(&self) -> Option<(Timestamp, Why)> {
        let events = self.done.iter().filter(|done| done.notice.sign == Sign::Event);
        let due = events.filter_map(|event| match self.belongs(event) {
            Belongs::Not => None,
            Belongs::Perhaps if !event.is_younger => Some(self.without_echo().max(event.at)),
            Belongs::Surely | Belongs::Perhaps => Some(event.at.plus_millis(SETTLED)),
        });
        due.min().map(|due| (due, Why::Event))
    }

    /// When the silence after the last words is long enough. Typing behind them says that more is coming.
    fn due_by_silence(&self) -> Option<(Timestamp, Why)> {
        let of_turn: Vec<_> = self.done.iter().filter(|done| self.belongs(done) != Belongs::Not).collect();
        let is_speech = |done: &&&Done| matches!(done.notice.sign, Sign::Speech { .. });
        let last = of_turn.iter().filter(is_speech).max_by_key(|speech| (speech.at, speech.place))?;
        let types = |done: &&Done| done.notice.sign == Sign::Typing && done.place > last.place;
        if of_turn.iter().any(types) {
            return None;
        }
        let is_sure = of_turn.iter().filter(is_speech).any(|speech| self.belongs(speech) == Belongs::Surely);
        let (due, why) = if last.notice.sign == (Sign::Speech { asks: true }) {
            (last.at.plus_millis(self.limits.quiet.min(SETTLED)), Why::Question)
        } else {
            let quiet = last.at.plus_millis(self.limits.quiet.saturating_add(MARGIN));
            (quiet.max(self.began.plus_millis(self.limits.least)), Why::Quiet)
        };
        Some((if is_sure { due } else { due.max(self.without_echo()) }, why))
    }

    fn without_echo(&self) -> Timestamp {
        self.began.plus_millis(NO_ECHO)
    }

    fn placed(&self, notice: Notice, place: usize, poll: Poll) -> Done {
        let is_old = self.is_old(notice.stamp);
        let is_younger = notice.stamp.is_some_and(|stamp| self.clock.is_after(stamp, self.called))
            || self.last.is_some() && !is_old;
        let may_be_old = self.may_be_old(notice.stamp);
        Done { at: self.spoken_at(poll, notice.stamp), notice, place, is_younger, is_old, may_be_old }
    }

    fn is_old(&self, stamp: Option<Timestamp>) -> bool {
        stamp.is_some_and(|stamp| self.clock.is_before(stamp, self.called.plus_millis(-OLD)))
    }

    /// Whether it is old, or came with the first poll and nothing tells how old it is.
    fn may_be_old(&self, stamp: Option<Timestamp>) -> bool {
        let is_told = stamp.is_some() && self.clock.is_known();
        self.is_old(stamp) || self.last.is_none() && !is_told
    }

    /// Between the poll that didn't show it and the one that did; the timestamp decides when it lies there.
    fn spoken_at(&self, poll: Poll, stamp: Option<Timestamp>) -> Timestamp {
        let stamp = stamp.filter(|stamp| self.clock.is_ours() && *stamp <= poll.answered);
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
