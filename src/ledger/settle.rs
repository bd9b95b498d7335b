//! What a call came to, stored with all that follows from it.

use std::sync::Arc;

use super::{
    Ledger,
    journal::JournalError,
    lease::{Settled, Settlement},
    machine::{Decided, Machine, Outcome},
    outbox::{CallId, Lane, Making, Queued},
    retry::after,
    role::{Attempt, Role, Tried},
};
use crate::domain::Timestamp;

/// Settles a call that was made, with all that follows from it; nothing when the lease has passed to another attempt. Gives the
/// next call of the lane, which is leased with it when nothing followed that might change it.
pub async fn settle<R: Role>(
    role: &Arc<R>,
    attempt: &Attempt<R::Machine>,
    tried: Tried<<R::Machine as Machine>::Answer>,
) -> Result<Option<Making>, JournalError> {
    let (ledger, now) = (role.ledger(), role.ledger().now());
    let (id, number, lane) = (attempt.queued.id, attempt.number, attempt.lane);
    ledger.outage(lane).note(tried.as_ref().err().copied(), now);
    let outcome = match tried {
        Ok(answer) => Outcome::Done(answer),
        Err(failure) => after(&attempt.queued, failure, now, ledger.jitter(1_000)),
    };
    let mut next = None;
    let store = |state: &_, now| {
        next = None;
        let held = |queued: &&Queued<_>| queued.is_held_by(number);
        let Some(queued) = R::Machine::outbox(state).get(id).filter(held) else { return Decided::Nothing };
        let mut facts = ledger.settlement(state, queued, Some(number), &outcome, now);
        if facts.len() == 1 && matches!(outcome, Outcome::Done(_)) {
            next = ledger.next_behind(state, lane, id, now);
        }
        facts.extend(next.map(|(call, number)| ledger.lease(call, number, now)));
        Decided::Facts(facts)
    };
    let stored = ledger.change(&attempt.entry, store).await?;
    if !stored.facts().is_empty() {
        role.settled(attempt, &outcome);
    }
    Ok(next)
}

impl<M: Machine> Ledger<M> {
    /// The settlement of a call by the attempt that made it, if one did, and what follows from it.
    pub(super) fn settlement(
        &self,
        state: &M::State,
        queued: &Queued<M::Call>,
        attempt: Option<u32>,
        outcome: &Outcome<M::Answer>,
        now: Timestamp,
    ) -> Vec<M::Fact> {
        let settlement = match outcome {
            Outcome::Done(_) => Settlement::Done,
            Outcome::Retry { at, uncertain } => Settlement::Retry { at: *at, uncertain: *uncertain },
            Outcome::GivenUp(_) => Settlement::Dropped,
        };
        let settled = Settled { call: queued.id, attempt, outcome: settlement, at: now };
        self.machine.settle(state, queued, settled, outcome)
    }

    /// The call behind the one that is settled, when it may be made at once by this process.
    fn next_behind(&self, state: &M::State, lane: Lane, settled: CallId, now: Timestamp) -> Option<Making> {
        let mut waiting = M::outbox(state).lane(lane);
        waiting.next().filter(|head| head.id == settled && !self.outage(lane).is_down())?;
        let next = waiting.next().filter(|next| next.may_be_made(now))?;
        let known = next.whispered_by.as_deref().is_none_or(|by| by == self.name);
        known.then_some((next.id, next.attempts + 1))
    }
}
