//! What a call came to, stored with all that follows from it.

use std::sync::Arc;

use super::{
    Ledger,
    deliver::deliver_soon,
    journal::JournalError,
    lease::{Lease, Settled},
    machine::{Decided, Machine, Outcome},
    outbox::{CallId, Lane, Queued},
    role::{Attempt, Role},
};
use crate::domain::Timestamp;

/// Settles a call that was made, or is given up, with all that follows from it; nothing when somebody has leased or settled it
/// since. `decided`: when the outcome was. Gives the next call of the lane, which is leased with it when nothing followed that might change it.
pub async fn settle<R: Role>(
    role: &Arc<R>,
    attempt: &Attempt<R::Machine>,
    outcome: &Outcome<<R::Machine as Machine>::Answer>,
    decided: Timestamp,
) -> Result<Option<CallId>, JournalError> {
    let (ledger, id) = (role.ledger(), attempt.queued.id);
    let mut next = None;
    let store = |state: &_, now| {
        next = None;
        let held = |queued: &&Queued<_>| queued.making() == attempt.queued.making();
        // An old copy may give up what its maker goes on with: a renewed lease is the same making.
        let gives_up = matches!(outcome, Outcome::GivenUp(_));
        let elsewhere = |lease: &Lease| gives_up && lease.by != ledger.name && lease.holds(now);
        let held = R::Machine::outbox(state).get(id).filter(held);
        let Some(queued) = held.filter(|queued| !queued.lease.as_ref().is_some_and(elsewhere)) else {
            return Decided::Nothing;
        };
        let (_, number) = queued.making();
        // A wait counts from when it was decided on: the clock may be set back until that is stored.
        let at = if let Outcome::Retry { .. } = outcome { decided } else { now };
        let settled = Settled { call: id, attempt: number, outcome: outcome.settlement(), at };
        let mut facts = ledger.machine.settle(state, queued, settled, outcome);
        if facts.len() == 1 && matches!(outcome, Outcome::Done(_)) {
            let behind = ledger.next_behind(state, attempt.lane, id, now);
            facts.extend(behind.map(|queued| ledger.lease(queued.id, queued.attempts + 1, now)));
            next = behind.map(|queued| queued.id);
        }
        Decided::Facts(facts)
    };
    let stored = ledger.change_surely(&attempt.entry, None, store).await?;
    if !stored.facts().is_empty() {
        role.settled(attempt, outcome);
    }
    // What it asks for in another lane, nobody else has seen.
    deliver_soon(role, &attempt.entry);
    Ok(next)
}

impl<M: Machine> Ledger<M> {
    /// The call behind the one that is settled, when it may be made at once by this process.
    fn next_behind<'a>(
        &self,
        state: &'a M::State,
        lane: Lane,
        settled: CallId,
        now: Timestamp,
    ) -> Option<&'a Queued<M::Call>> {
        let outbox = M::outbox(state);
        let free = !self.outages(lane).is_any_down() && self.begins(outbox, lane);
        let mut waiting = outbox.lane(lane);
        waiting.next().filter(|head| head.id == settled && free)?;
        let next = waiting.next().filter(|next| next.may_be_made(now))?;
        next.whispered_by.as_deref().is_none_or(|by| by == self.name).then_some(next)
    }
}
