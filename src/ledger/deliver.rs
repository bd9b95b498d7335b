//! Lease, call, settle: the calls of a lane, in order, one at a time.

use std::{sync::Arc, time::Duration};

use tokio::{sync::OwnedMutexGuard, time::timeout};
use tracing::{Instrument as _, error, warn};

use super::{
    Ledger,
    commit::{Committed, in_task},
    entry::{Entry, LOOK},
    journal::JournalError,
    machine::{Decided, Machine, Outcome},
    outbox::{Lane, Making, Next},
    retry::Failure,
    role::{Attempt, Role},
    settle::settle,
};
use crate::domain::Timestamp;

/// Stores what `command` adds, and sees to the calls it asks for. One that nothing stands before is leased in the same append.
pub async fn commit_and_deliver<R: Role>(
    role: &Arc<R>,
    entry: &Arc<Entry<R::Machine>>,
    lane: Lane,
    command: <R::Machine as Machine>::Command,
) -> Result<Committed<R::Machine>, JournalError> {
    let decide = move |machine: &R::Machine, state: &_, now| machine.decide(state, &command, now);
    decide_and_deliver(role, entry, lane, decide).await
}

/// As [`commit_and_deliver`], for a command that depends on the state.
pub async fn decide_and_deliver<R: Role>(
    role: &Arc<R>,
    entry: &Arc<Entry<R::Machine>>,
    lane: Lane,
    mut decide: impl FnMut(&R::Machine, &<R::Machine as Machine>::State, Timestamp) -> Decided<R::Machine>
    + Send
    + 'static,
) -> Result<Committed<R::Machine>, JournalError> {
    let (role, entry) = (role.clone(), entry.clone());
    in_task(async move {
        let (ledger, turn, mut leased) = (role.ledger(), entry.turn(lane), None);
        let decide = |state: &_, now| {
            let mut decided = decide(&ledger.machine, state, now);
            leased = match &mut decided {
                Decided::Facts(facts) if turn.is_some() => ledger.lease_first(state, lane, facts, now),
                _ => None,
            };
            decided
        };
        let committed = ledger.change(&entry, decide).await?;
        if let (Some(turn), Some(leased)) = (turn, leased) {
            start(&role, &entry, lane, turn, Some(leased));
        }
        deliver_soon(&role, &entry);
        Ok(committed)
    })
    .await
}

/// Sees to it that somebody delivers for this conversation; returns at once. Goes by our copy of the state: what another
/// instance has stored since, it delivers itself.
pub fn deliver_soon<R: Role>(role: &Arc<R>, entry: &Arc<Entry<R::Machine>>) {
    for lane in Lane::ALL {
        let busy = entry.state.try_lock();
        if busy.is_ok_and(|state| R::Machine::outbox(&state).lane(lane).next().is_none()) {
            continue;
        }
        if let Some(turn) = entry.turn(lane) {
            start(role, entry, lane, turn, None);
        }
    }
}

fn start<R: Role>(
    role: &Arc<R>,
    entry: &Arc<Entry<R::Machine>>,
    lane: Lane,
    turn: OwnedMutexGuard<()>,
    leased: Option<Making>,
) {
    let (role, entry) = (role.clone(), entry.clone());
    let deliver = async move {
        if let Err(failed) = run(&role, &entry, lane, leased).await {
            error!(conversation.id = %entry.id, error = %failed, "Delivery stopped; the next poll, event or sweep goes on");
            return;
        }
        drop(turn);
        // Whoever stored something since the last look found the turn taken, and left it to us.
        let more = {
            let state = entry.state().await;
            let outbox = R::Machine::outbox(&state);
            outbox.lane(lane).next().is_some() && !outbox.is_frozen()
        };
        if more {
            deliver_soon(&role, &entry);
        }
    };
    tokio::spawn(deliver.in_current_span());
}

/// Makes the lane's calls until there are none.
async fn run<R: Role>(
    role: &Arc<R>,
    entry: &Arc<Entry<R::Machine>>,
    lane: Lane,
    mut leased: Option<Making>,
) -> Result<(), JournalError> {
    loop {
        let (call, number) = match leased.take() {
            Some(leased) => leased,
            None => match take(role, entry, lane).await? {
                Next::Nothing => return Ok(()),
                Next::Lease(call, number) => (call, number),
                Next::GiveUp(..) => continue,
                Next::At(at) => {
                    role.ledger().sleep_until(entry, at).await?;
                    continue;
                }
            },
        };
        let queued = R::Machine::outbox(&*entry.state().await).get(call).cloned();
        let Some(queued) = queued else { continue };
        let attempt = Attempt::new(entry, lane, queued, number);
        leased = make(role, &attempt).await?;
        // What a call's outcome asks for in another lane, nobody else has seen.
        deliver_soon(role, entry);
    }
}

/// Leases the oldest call, if it is due, or settles it, if it is not to be made (again).
async fn take<R: Role>(
    role: &Arc<R>,
    entry: &Arc<Entry<R::Machine>>,
    lane: Lane,
) -> Result<Next, JournalError> {
    let (ledger, mut next, mut given_up) = (role.ledger(), Next::Nothing, None);
    let take = |state: &_, now| {
        next = ledger.next(state, lane, now);
        given_up = None;
        Decided::Facts(match next {
            Next::Nothing | Next::At(_) => vec![],
            Next::Lease(call, number) => vec![ledger.lease(call, number, now)],
            Next::GiveUp(call, why) => {
                let Some(queued) = R::Machine::outbox(state).get(call) else { return Decided::Nothing };
                let (attempt, outcome) =
                    (queued.lease.as_ref().map(|held| held.attempt), Outcome::GivenUp(why));
                let facts = ledger.settlement(state, queued, attempt, &outcome, now);
                let attempt = Attempt::new(entry, lane, queued.clone(), attempt.unwrap_or_default());
                given_up = Some((attempt, outcome));
                facts
            }
        })
    };
    ledger.change(entry, take).await?;
    if let Some((attempt, outcome)) = given_up {
        role.settled(&attempt, &outcome);
    }
    Ok(next)
}

/// Makes a leased call and settles it; gives the next one, when that could be leased with it.
async fn make<R: Role>(role: &Arc<R>, attempt: &Attempt<R::Machine>) -> Result<Option<Making>, JournalError> {
    let ledger = role.ledger();
    let Some(until) = ledger.sure_of(attempt).await? else { return Ok(None) };
    let tried = tokio::select! {
        // A call that has its answer is settled, be its lease lost or not.
        biased;
        called = timeout(role.longest(&attempt.queued.call), role.call(attempt)) => {
            called.unwrap_or(Err(Failure::Uncertain))
        }
        () = ledger.keep(attempt, until) => {
            warn!(conversation.id = %attempt.entry.id, "The lease of a call was lost; whoever has it now settles the call");
            return Ok(None);
        }
    };
    settle(role, attempt, tried).await
}

impl<M: Machine> Ledger<M> {
    /// Adds the lease of the one call that `facts` ask for, if it may be made at once.
    fn lease_first(
        &self,
        state: &M::State,
        lane: Lane,
        facts: &mut Vec<M::Fact>,
        now: Timestamp,
    ) -> Option<Making> {
        let [fact] = &facts[..] else { return None };
        let outbox = M::outbox(state);
        let free = outbox.lane(lane).next().is_none() && !outbox.is_frozen() && !self.outage(lane).is_down();
        let call = M::asks(state, M::position(state), fact).filter(|_| free)?;
        facts.push(self.lease(call, 1, now));
        Some((call, 1))
    }

    /// What a lane wants now.
    fn next(&self, state: &M::State, lane: Lane, now: Timestamp) -> Next {
        let jitter = self.jitter(500);
        M::outbox(state).next(lane, now, &self.name, &mut self.outage(lane), jitter)
    }

    /// Sleeps until then, or until the conversation moves. Another process's facts wake nobody here: they are looked for.
    async fn sleep_until(&self, entry: &Entry<M>, at: Timestamp) -> Result<(), JournalError> {
        let mut moved = entry.watch();
        let wait = Duration::from_millis(at.millis_since(self.now()).clamp(1, 3_600_000).unsigned_abs());
        if timeout(wait.min(LOOK), moved.changed()).await.is_err() {
            self.refresh(entry).await?;
        }
        Ok(())
    }
}
