//! What a call came to, stored with all that follows from it.

use std::sync::Arc;

use tracing::Instrument as _;

use super::{
    Ledger,
    commit::NotDone,
    entry::{Copy, Entry},
    lease::{Settled, Settlement},
    machine::{Machine, Outcome, Why},
    outbox::{CallId, Lane, Queued},
    retry::{Failure, after},
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
    let failure = tried.as_ref().err().copied();
    note(ledger, attempt.lane, failure, now);
    let outcome = match tried {
        Ok(answer) => Outcome::Done(answer),
        Err(failure) => after(&attempt.queued, failure, now, ledger.jitter(1_000)),
    };
    let (stored, outcome, next) = ledger.store_outcome(attempt, outcome).await?;
    if stored {
        role.settled(attempt, failure, &outcome);
    }
    Ok(next)
}

/// What a call tells of its far end.
fn note<M: Machine>(ledger: &Ledger<M>, lane: Lane, failure: Option<Failure>, now: Timestamp) {
    let mut outage = ledger.outage(lane);
    match failure {
        None | Some(Failure::Refused) => outage.up(),
        Some(Failure::NotTaken { wait }) => outage.down(now, wait),
        // That one took long says nothing of the others.
        Some(Failure::Uncertain | Failure::WordsGone) => {}
    }
}

/// Settles a call that is not made (again).
pub async fn give_up<R: Role>(
    role: &Arc<R>,
    entry: &Arc<Entry<R::Machine>>,
    lane: Lane,
    queued: Box<Queued<<R::Machine as Machine>::Call>>,
    why: Why,
) -> Result<(), NotDone> {
    let number = queued.lease.as_ref().map_or(0, |lease| lease.attempt);
    let attempt = Attempt::new(entry, lane, *queued, number);
    let (stored, outcome, _) = role.ledger().store_outcome(&attempt, Outcome::GivenUp(why)).await?;
    if stored {
        role.settled(&attempt, None, &outcome);
    }
    Ok(())
}

/// What [`Ledger::store_outcome`] did: whether it stored the outcome, the outcome, and what it leased with it.
type StoredOutcome<M> = (bool, Outcome<<M as Machine>::Answer>, Option<(CallId, u32)>);

impl<M: Machine> Ledger<M> {
    /// Stores a settlement with all that follows from it; nothing when the lease has passed to another attempt. The next call of
    /// the lane is leased with it, when nothing followed that might change it.
    async fn store_outcome(
        self: &Arc<Self>,
        attempt: &Attempt<M>,
        outcome: Outcome<M::Answer>,
    ) -> Result<StoredOutcome<M>, NotDone> {
        let (ledger, entry, lane) = (self.clone(), attempt.entry.clone(), attempt.lane);
        let (id, number) = (attempt.queued.id, attempt.number);
        let task = async move {
            let mut copy = entry.state().await;
            loop {
                let now = ledger.now();
                let Some(queued) = M::outbox(&copy)
                    .get(id)
                    .filter(|queued| queued.lease.as_ref().map_or(0, |lease| lease.attempt) == number)
                else {
                    return Ok((false, outcome, None));
                };
                let settlement = match &outcome {
                    Outcome::Done(_) => Settlement::Done,
                    Outcome::Retry { at, uncertain } => Settlement::Retry { at: *at, uncertain: *uncertain },
                    Outcome::GivenUp(_) => Settlement::Dropped,
                };
                let settled = Settled {
                    call: id,
                    attempt: (number > 0).then_some(number),
                    outcome: settlement,
                    at: now,
                };
                let mut facts = ledger.machine.settle(&copy, queued, settled, &outcome, now);
                let next = (facts.len() == 1).then(|| ledger.lease_behind(&copy, lane, id, &outcome, now));
                let next = next.flatten();
                facts.extend(next.map(|(call, number)| M::leased(ledger.lease(call, number, now))));
                if ledger.append(&entry, &mut copy, &facts).await? {
                    return Ok((true, outcome, next));
                }
            }
        };
        tokio::spawn(task.in_current_span()).await.unwrap_or(Err(NotDone::Cut))
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
