//! What far ends must still be told, in order; derived from the journal, so nothing is forgotten. Pure.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    lease::{LEASE, Lease, SKEW, Settled, Settlement},
    machine::Why,
    outage::Outage,
    retry::WORDS_LIVE,
};
use crate::domain::Timestamp;

/// Lanes of a conversation.
pub(super) const LANES: usize = 2;
/// Times that a call is made again because its maker died, unless it says otherwise.
const CRASHES: u8 = 1;

/// A call to a far end: the fact it follows from, and the step when a fact takes several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId(pub u64, pub u8);

/// A conversation's way to one far end. In a lane calls are strictly in order; lanes don't wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    First,
    Second,
}

impl Lane {
    pub const ALL: [Self; LANES] = [Self::First, Self::Second];
}

/// Calls that are not settled. One of a lane is under way at a time.
#[derive(Clone, Debug)]
pub struct Outbox<C> {
    lanes: [Line<C>; LANES],
    /// A fact was met whose neglect may do harm: no calls from here.
    frozen: bool,
}

#[derive(Clone, Debug)]
struct Line<C> {
    queue: VecDeque<Queued<C>>,
    /// When the last call left it.
    moved: Timestamp,
}

/// A call that waits for its turn, is being made, or waits for its next try.
#[derive(Clone, Debug)]
pub struct Queued<C> {
    pub id: CallId,
    pub call: C,
    /// When the fact behind it was stored.
    pub since: Timestamp,
    /// Times it was made.
    pub attempts: u32,
    /// Of these, the ones that ended without a full answer.
    pub timeouts: u8,
    /// And the ones whose maker died.
    pub crashes: u8,
    /// `traceparent` of the request behind it; stored, so that a repeat carries the same.
    pub trace: Option<Arc<str>>,
    /// The process that alone knows its words.
    pub whispered_by: Option<Arc<str>>,
    /// A sign that passes: one try and no more, and none while the far end is down.
    pub passing: bool,
    /// Milliseconds after which it is given up while the far end surely does not take it.
    pub lives: i64,
    /// Times that its maker may die; more than once where another making goes on where the last one stopped.
    pub deaths: u8,
    pub lease: Option<Lease>,
    /// Until when its last failure puts it off.
    pub not_before: Timestamp,
    /// When that was decided.
    pub put_off: Timestamp,
}

impl<C> Queued<C> {
    /// A call that a fact stored `since` asks for.
    pub fn new(id: CallId, call: C, since: Timestamp) -> Self {
        Self {
            id,
            call,
            since,
            attempts: 0,
            timeouts: 0,
            crashes: 0,
            trace: None,
            whispered_by: None,
            passing: false,
            lives: WORDS_LIVE,
            deaths: CRASHES,
            lease: None,
            not_before: Timestamp::default(),
            put_off: Timestamp::default(),
        }
    }

    /// True while somebody is making this call.
    pub fn is_under_way(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.holds(now))
    }

    /// How often it was made, and which of these makings holds the lease.
    pub(super) fn making(&self) -> (u32, Option<u32>) {
        (self.attempts, self.lease.as_ref().map(|lease| lease.attempt))
    }

    /// Whether an earlier making of it may have reached the far end: one without a full answer, or one whose maker died.
    pub fn may_have_arrived(&self) -> bool {
        self.timeouts > 0 || self.crashes > 0
    }

    /// Whether nobody has begun to make it, or has settled what was begun, and no wait holds it back.
    pub(super) fn may_be_made(&self, now: Timestamp) -> bool {
        self.lease.is_none() && self.not_before(now) <= now
    }

    /// When it may be made, as far as its own failures say. A put-off from the future was written by a clock that has been
    /// set back since.
    fn not_before(&self, now: Timestamp) -> Timestamp {
        if self.put_off.millis_since(now) > SKEW { now } else { self.not_before }
    }
}

/// What a lane wants now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Nothing,
    /// Nothing before this time.
    At(Timestamp),
    /// This call is to be made, for the so-manieth time.
    Lease(CallId, u32),
    GiveUp(CallId, Why),
    /// This process, which alone knows the words, waits for the far end until then. It says so, for others not to take them for
    /// gone.
    PutOff(CallId, Timestamp),
}

impl<C> Default for Outbox<C> {
    fn default() -> Self {
        let line = || Line { queue: VecDeque::new(), moved: Timestamp::default() };
        Self { lanes: [line(), line()], frozen: false }
    }
}

impl<C> Outbox<C> {
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|line| line.queue.is_empty())
    }

    /// Whether a newer build has stored something that this one must not act on.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    pub fn iter(&self) -> impl Iterator<Item = &Queued<C>> {
        self.lanes.iter().flat_map(|line| &line.queue)
    }

    pub fn lane(&self, lane: Lane) -> impl Iterator<Item = &Queued<C>> {
        self.lanes[lane as usize].queue.iter()
    }

    pub fn get(&self, id: CallId) -> Option<&Queued<C>> {
        self.iter().find(|queued| queued.id == id)
    }

    /// Whether this making of the call holds the lease.
    pub fn is_held(&self, id: CallId, attempt: u32) -> bool {
        self.get(id).and_then(|queued| queued.lease.as_ref()).is_some_and(|lease| lease.attempt == attempt)
    }

    /// What is to be done about the oldest call, which holds back those behind it. `me` names this process; `jitter`:
    /// milliseconds by chance, for what must wait.
    pub fn next(&self, lane: Lane, now: Timestamp, me: &str, outage: &mut Outage, jitter: i64) -> Next {
        let line = &self.lanes[lane as usize];
        let Some(head) = line.queue.front().filter(|_| !self.frozen) else { return Next::Nothing };
        if let Some(lease) = &head.lease {
            if lease.holds(now) {
                return Next::At(lease.until);
            }
            if head.crashes >= head.deaths {
                return Next::GiveUp(head.id, Why::MayHaveArrived);
            }
        }
        let free = head.not_before(now);
        if free > now {
            return Next::At(free);
        }
        // Who knows the words comes first, again and again while it is put off; whoever does not can only give them up.
        let turn = line.moved.max(head.since).max(free);
        let known_until = turn.plus_millis(LEASE);
        let may_come = known_until > now && turn.millis_since(now) <= SKEW;
        if head.whispered_by.as_deref().is_some_and(|by| by != me) && may_come {
            return Next::At(known_until);
        }
        if outage.is_down() {
            let end = head.since.plus_millis(head.lives);
            if head.passing || end <= now {
                let doubtful = head.may_have_arrived() || head.lease.is_some();
                return Next::GiveUp(head.id, if doubtful { Why::MayHaveArrived } else { Why::Unreachable });
            }
            if let Err(later) = outage.may_ask(now, jitter) {
                let at = later.min(end);
                let taken_for_gone = known_until.millis_since(at) < LEASE / 2;
                let mine = head.whispered_by.as_deref() == Some(me) && head.lease.is_none();
                return if mine && taken_for_gone { Next::PutOff(head.id, at) } else { Next::At(at) };
            }
        }
        Next::Lease(head.id, head.attempts + 1)
    }

    pub fn push(&mut self, lane: Lane, queued: Queued<C>) {
        let queue = &mut self.lanes[lane as usize].queue;
        // One call waits at most of the time, in thousands of conversations.
        queue.reserve_exact(1);
        queue.push_back(queued);
    }

    /// The call at the end of the lane, when nobody has begun to make it.
    pub fn last_waiting(&mut self, lane: Lane) -> Option<&mut Queued<C>> {
        self.lanes[lane as usize].queue.back_mut().filter(|queued| queued.attempts == 0)
    }

    /// Folds in a lease.
    pub fn lease(&mut self, lease: &Lease) {
        let Some(queued) = self.find(lease.call) else { return };
        let renews = queued.lease.as_ref().map(|held| held.attempt == lease.attempt);
        if renews == Some(false) {
            queued.crashes = queued.crashes.saturating_add(1);
        }
        queued.attempts = lease.attempt;
        queued.lease = Some(lease.clone());
    }

    /// Folds in a settlement. One of another making than the lease's counts for nothing.
    pub fn settle(&mut self, settled: &Settled) {
        let Settled { call, attempt, outcome, at } = settled;
        if attempt.is_some_and(|attempt| !self.is_held(*call, attempt)) {
            return;
        }
        match outcome {
            Settlement::Done | Settlement::Dropped => {
                for line in &mut self.lanes {
                    let before = line.queue.len();
                    line.queue.retain(|queued| queued.id != *call);
                    if line.queue.len() < before {
                        line.moved = *at;
                        line.queue.shrink_to_fit();
                    }
                }
            }
            Settlement::Retry { at: not_before, uncertain } => {
                let Some(queued) = self.find(*call) else { return };
                queued.lease = None;
                queued.not_before = *not_before;
                queued.put_off = *at;
                queued.timeouts = queued.timeouts.saturating_add(u8::from(*uncertain));
            }
        }
    }

    /// A fact of a newer build was met that this one can't heed.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    fn find(&mut self, id: CallId) -> Option<&mut Queued<C>> {
        self.lanes.iter_mut().flat_map(|line| &mut line.queue).find(|queued| queued.id == id)
    }
}
