//! Lease, call, settle: the calls of a lane, in order, one at a time.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use tracing::{Instrument as _, error, info, warn};

use super::{
    Ledger,
    commit::{Committed, InDoubt, in_task},
    entry::{Entry, Turn},
    hold::Held,
    journal::JournalError,
    lease::Settled,
    machine::{Decided, Machine, Outcome},
    outbox::{CallId, Lane, Next},
    retry::{Failure, after},
    role::{Attempt, Role},
    settle::settle,
    under_way::Making,
};
use crate::domain::Timestamp;

/// A call that was leased in the append which asks for it.
struct Leased<M: Machine> {
    call: CallId,
    /// When that append got no answer.
    in_doubt: InDoubt<M>,
}

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
        let mut in_doubt = None;
        let committed = ledger.try_change(&entry, &mut in_doubt, decide).await;
        let leased = leased.filter(|_| committed.is_ok() || in_doubt.is_some());
        if let (Some(turn), Some(call)) = (turn, leased) {
            start(&role, &entry, lane, turn, Some(Leased { call, in_doubt }));
        }
        deliver_soon(&role, &entry);
        committed
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
    turn: Turn<R::Machine>,
    leased: Option<Leased<R::Machine>>,
) {
    let (role, entry) = (role.clone(), entry.clone());
    let making = role.ledger().making();
    let deliver = async move {
        match run(&role, &entry, lane, leased, making).await {
            Ok(()) => {}
            Err(gone @ JournalError::Shorter { .. }) => {
                info!(conversation.id = %entry.id, %gone, "Delivery stopped");
                return;
            }
            Err(failed) => {
                error!(conversation.id = %entry.id, error = %failed, "Delivery stopped; the next poll, event or sweep goes on");
                return;
            }
        }
        drop(turn);
        // Whoever stored something since the last look found the turn taken, and left it to us.
        let more = {
            let state = entry.state().await;
            let outbox = R::Machine::outbox(&state);
            outbox.lane(lane).next().is_some() && role.ledger().begins(outbox, lane)
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
    leased: Option<Leased<R::Machine>>,
    making: Making,
) -> Result<(), JournalError> {
    let (ledger, mut making) = (role.ledger(), Some(making));
    let mut leased = match leased {
        Some(leased) => ledger.sure_of_first(entry, leased).await?,
        None => None,
    };
    loop {
        let mut moved = entry.watch();
        making.get_or_insert_with(|| ledger.making());
        let call = match leased.take() {
            Some(call) => call,
            None => match take(role, entry, lane).await? {
                Next::Nothing => return Ok(()),
                Next::Lease(call, _) => call,
                Next::GiveUp(..) | Next::PutOff(..) => continue,
                Next::At(at) => {
                    making = None;
                    let wait = at.millis_since(ledger.now()).max(1).unsigned_abs();
                    ledger.nap(entry, &mut moved, Duration::from_millis(wait)).await?;
                    continue;
                }
            },
        };
        let queued = R::Machine::outbox(&*entry.state().await).get(call).cloned();
        let Some(queued) = queued else { continue };
        leased = make(role, &Attempt::new(entry, lane, queued)).await?;
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
        let (outbox, jitter) = (R::Machine::outbox(state), ledger.jitter(500));
        let head = outbox.lane(lane).next().filter(|_| ledger.begins(outbox, lane));
        next = match head.map(|head| ledger.machine.far_end(state, &head.call)) {
            Some(far_end) => ledger
                .outages(lane)
                .of(&far_end, |outage| outbox.next(lane, now, &ledger.name, outage, jitter)),
            None => Next::Nothing,
        };
        given_up = None;
        match next {
            Next::Lease(call, number) => return Decided::Facts(vec![ledger.lease(call, number, now)]),
            Next::GiveUp(call, why) => given_up = outbox.get(call).cloned().zip(Some(why)),
            Next::PutOff(call, at) => return ledger.put_off(state, call, at, now),
            Next::Nothing | Next::At(_) => {}
        }
        Decided::Nothing
    };
    ledger.change_surely(entry, None, take).await?;
    if let Some((queued, why)) = given_up {
        settle(role, &Attempt::new(entry, lane, queued), &Outcome::GivenUp(why), ledger.now()).await?;
    }
    Ok(next)
}

/// Makes a leased call and settles it; gives the next one, when that could be leased with it.
async fn make<R: Role>(role: &Arc<R>, attempt: &Attempt<R::Machine>) -> Result<Option<CallId>, JournalError> {
    let ledger = role.ledger();
    let Some(until) = ledger.sure_of(attempt).await? else { return Ok(None) };
    // As it was named when it was asked whether it is down.
    let far_end = ledger.machine.far_end(&*attempt.entry.state().await, &attempt.queued.call);
    let held = Held::until(until);
    let call = timeout(role.longest(&attempt.queued.call), role.call(attempt));
    let tried = tokio::select! {
        // The call goes on with what the lease has come to.
        biased;
        () = ledger.keep(attempt, &held) => {
            warn!(conversation.id = %attempt.entry.id, "The lease of a call was lost; whoever has it now settles the call");
            return Ok(None);
        }
        called = held.covers(|| ledger.now(), call) => called.unwrap_or(Err(Failure::Uncertain)),
    };
    let now = ledger.now();
    let failure = tried.as_ref().err().copied();
    ledger.outages(attempt.lane).of(&far_end, |outage| outage.note(failure, now));
    let outcome = match tried {
        Ok(answer) => Outcome::Done(answer),
        Err(failure) => after(&attempt.queued, failure, now, ledger.jitter(1_000)),
    };
    settle(role, attempt, &outcome, now).await
}

impl<M: Machine> Ledger<M> {
    /// The fact that a call is not made before `at`.
    fn put_off(&self, state: &M::State, call: CallId, at: Timestamp, now: Timestamp) -> Decided<M> {
        let Some(queued) = M::outbox(state).get(call) else { return Decided::Nothing };
        let outcome = Outcome::Retry { at, uncertain: false };
        let settled = Settled { call, attempt: None, outcome: outcome.settlement(), at: now };
        Decided::Facts(self.machine.settle(state, queued, settled, &outcome))
    }

    /// Adds the lease of the one call that `facts` ask for, if it may be made at once.
    fn lease_first(
        &self,
        state: &M::State,
        lane: Lane,
        facts: &mut Vec<M::Fact>,
        now: Timestamp,
    ) -> Option<CallId> {
        let [fact] = &facts[..] else { return None };
        let outbox = M::outbox(state);
        let free = outbox.lane(lane).next().is_none() && !self.outages(lane).is_any_down();
        let free = free && self.begins(outbox, lane);
        let call = M::asks(state, M::position(state), fact).filter(|_| free)?;
        facts.push(self.lease(call, 1, now));
        Some(call)
    }

    /// The call, if it is leased: a store that did not answer is asked until it does.
    async fn sure_of_first(
        &self,
        entry: &Arc<Entry<M>>,
        leased: Leased<M>,
    ) -> Result<Option<CallId>, JournalError> {
        if leased.in_doubt.is_none() {
            return Ok(Some(leased.call));
        }
        let found = self.change_surely(entry, leased.in_doubt, |_, _| Decided::Nothing).await?;
        Ok((!found.facts().is_empty()).then_some(leased.call))
    }
}
