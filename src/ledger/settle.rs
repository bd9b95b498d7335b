//! What a call came to, stored with all that follows from it.

use std::sync::Arc;

use super::{
    Ledger,
    commit::{NotDone, Step},
    entry::Copy,
    lease::{Settled, Settlement},
    machine::{Machine, Outcome},
    outbox::{CallId, Lane, Queued},
    retry::after,
    role::{Attempt, Role, Tried},
};
use crate::domain::Timestamp;

/// Settles a call that was made; gives the next one, when that could be leased with it.
pub async fn settle<R: Role>(
    role: &Arc<R>,
    attempt: &Attempt<R::Machine>,
    tried: Tried<<R::Machine as Machine>::Answer>,
) -> Result<Option<(CallId, u32)>, NotDone> {
    let (ledger, now) = (role.ledger(), role.ledger().now());
    ledger.outage(attempt.lane).note(tried.as_ref().err().copied(), now);
    let outcome = Arc::new(match tried {
        Ok(answer) => Outcome::Done(answer),
        Err(failure) => after(&attempt.queued, failure, now, ledger.jitter(1_000)),
    });
    let (stored, next) = ledger.store_outcome(attempt, outcome.clone()).await?;
    if stored {
        role.settled(attempt, &outcome);
    }
    Ok(next)
}

impl<M: Machine> Ledger<M> {
    /// Stores a settlement with all that follows from it; nothing when the lease has passed to another attempt. The next call of
    /// the lane is leased with it, when nothing followed that might change it. Whether it was stored, and what was leased.
    async fn store_outcome(
        self: &Arc<Self>,
        attempt: &Attempt<M>,
        outcome: Arc<Outcome<M::Answer>>,
    ) -> Result<(bool, Option<(CallId, u32)>), NotDone> {
        let (id, number, lane) = (attempt.queued.id, attempt.number, attempt.lane);
        let store = move |ledger: &Self, copy: &Copy<'_, M>, now| {
            let held = |queued: &&Queued<M::Call>| queued.is_held_by(number);
            let Some(queued) = M::outbox(copy).get(id).filter(held) else {
                return Step::Leave((false, None));
            };
            let mut facts = ledger.settlement(copy, queued, Some(number), &outcome, now);
            let next =
                (facts.len() == 1).then(|| ledger.lease_behind(copy, lane, id, &outcome, now)).flatten();
            facts.extend(next.map(|(call, number)| M::leased(ledger.lease(call, number, now))));
            Step::Append(facts, (true, next))
        };
        Ok(self.change_here(&attempt.entry, store).await?.0)
    }

    /// The settlement of a call by the attempt that made it, if one did, and what follows from it.
    pub(super) fn settlement(
        &self,
        copy: &Copy<'_, M>,
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
        self.machine.settle(copy, queued, settled, outcome)
    }

    /// The call behind the one that is settled, when it may be made at once by this process.
    fn lease_behind(
        &self,
        copy: &Copy<'_, M>,
        lane: Lane,
        settled: CallId,
        outcome: &Outcome<M::Answer>,
        now: Timestamp,
    ) -> Option<(CallId, u32)> {
        if !matches!(outcome, Outcome::Done(_)) || self.outage(lane).is_down() {
            return None;
        }
        let mut waiting = M::outbox(copy).lane(lane);
        waiting.next().filter(|head| head.id == settled)?;
        let next = waiting.next().filter(|next| next.may_be_made(now))?;
        let known = next.whispered_by.as_deref().is_none_or(|by| by == self.name);
        known.then_some((next.id, next.attempts + 1))
    }
}
