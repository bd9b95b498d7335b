//! Lease, call, settle: the calls of a lane, in order, one at a time.

use std::{pin::pin, sync::Arc, time::Duration};

use tracing::{Instrument as _, error, warn};

use super::{
    Ledger,
    commit::{Committed, NotDone, Step, in_task},
    entry::{Copy, Entry, LOOK, Turn},
    journal::JournalError,
    machine::{Decided, Machine, Outcome, Why},
    outbox::{CallId, Lane, Next, Queued},
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
) -> Result<Committed<R::Machine>, NotDone> {
    let decide = move |machine: &R::Machine, state: &_, now| machine.decide(state, &command, now);
    decide_and_deliver(role, entry, lane, decide).await
}

/// As [`commit_and_deliver`], for a command that depends on the state.
pub async fn decide_and_deliver<R: Role>(
    role: &Arc<R>,
    entry: &Arc<Entry<R::Machine>>,
    lane: Lane,
    decide: impl Fn(&R::Machine, &<R::Machine as Machine>::State, Timestamp) -> Decided<R::Machine>
    + Send
    + 'static,
) -> Result<Committed<R::Machine>, NotDone> {
    let (role, entry) = (role.clone(), entry.clone());
    in_task(async move {
        let turn = entry.turn(lane);
        let mine = turn.as_ref().map(|_| lane);
        let (committed, leased) = role.ledger().commit_and_lease(&entry, mine, decide).await?;
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
        let idle = |state: Copy<'_, _>| R::Machine::outbox(&state).lane(lane).next().is_none();
        if entry.try_state().is_some_and(idle) {
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
    leased: Option<(CallId, u32)>,
) {
    let (role, entry) = (role.clone(), entry.clone());
    let deliver = async move {
        if let Err(failed) = run(&role, &entry, lane, leased).await {
            error!(conversation.id = %entry.id, error = %failed, "Delivery stopped; the next poll, event or sweep goes on");
            return;
        }
        drop(turn);
        // Whoever stored something since the last look found the turn taken, and left it to us.
        let more = R::Machine::outbox(&*entry.state().await).lane(lane).next().is_some();
        if more && !R::Machine::outbox(&*entry.state().await).is_frozen() {
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
    mut leased: Option<(CallId, u32)>,
) -> Result<(), NotDone> {
    let ledger = role.ledger();
    loop {
        let (call, number) = match leased.take() {
            Some(leased) => leased,
            None => match ledger.take(entry, lane).await? {
                Taken::Call(call, number) => (call, number),
                Taken::Nothing => return Ok(()),
                Taken::GivenUp(queued, why) => {
                    let number = queued.lease.as_ref().map_or(0, |lease| lease.attempt);
                    let attempt = Attempt::new(entry, lane, *queued, number);
                    role.settled(&attempt, &Outcome::GivenUp(why));
                    continue;
                }
                Taken::At(at) => {
                    ledger.sleep_until(entry, at).await?;
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

/// What a lane has to do.
enum Taken<M: Machine> {
    Nothing,
    At(Timestamp),
    Call(CallId, u32),
    /// It was settled.
    GivenUp(Box<Queued<M::Call>>, Why),
}

impl<M: Machine> Ledger<M> {
    /// Leases the oldest call, if it is due, or settles it, if it is not to be made (again).
    async fn take(self: &Arc<Self>, entry: &Arc<Entry<M>>, lane: Lane) -> Result<Taken<M>, NotDone> {
        let take = move |ledger: &Self, copy: &Copy<'_, M>, now| match ledger.next(copy, lane, now) {
            Next::Nothing => Step::Leave(Taken::Nothing),
            Next::At(at) => Step::Leave(Taken::At(at)),
            Next::Lease(call, number) => {
                Step::Append(vec![M::leased(ledger.lease(call, number, now))], Taken::Call(call, number))
            }
            Next::GiveUp(call, why) => match M::outbox(copy).get(call) {
                Some(queued) => {
                    let attempt = queued.lease.as_ref().map(|lease| lease.attempt);
                    let facts = ledger.settlement(copy, queued, attempt, &Outcome::GivenUp(why), now);
                    Step::Append(facts, Taken::GivenUp(Box::new(queued.clone()), why))
                }
                None => Step::Leave(Taken::Nothing),
            },
        };
        Ok(self.change_here(entry, take).await?.0)
    }

    /// Sleeps until then, or until the conversation moves. Another process's facts wake nobody here: they are looked for.
    async fn sleep_until(&self, entry: &Entry<M>, at: Timestamp) -> Result<(), JournalError> {
        let mut moved = entry.watch();
        let wait = Duration::from_millis(at.millis_since(self.now()).clamp(1, 3_600_000).unsigned_abs());
        if tokio::time::timeout(wait.min(LOOK), moved.changed()).await.is_err() {
            self.refresh(entry).await?;
        }
        Ok(())
    }
}

/// Makes a leased call and settles it; gives the next one, when that could be leased with it.
async fn make<R: Role>(
    role: &Arc<R>,
    attempt: &Attempt<R::Machine>,
) -> Result<Option<(CallId, u32)>, NotDone> {
    let ledger = role.ledger();
    let Some(until) = ledger.sure_of(attempt).await? else { return Ok(None) };
    let called = {
        let mut call = pin!(tokio::time::timeout(role.longest(&attempt.queued.call), role.call(attempt)));
        tokio::select! {
            // A call that has its answer is settled, be its lease lost or not.
            biased;
            called = &mut call => Some(called.unwrap_or(Err(Failure::Uncertain))),
            () = ledger.keep(attempt, until) => None,
        }
    };
    let Some(tried) = called else {
        warn!(conversation.id = %attempt.entry.id, "The lease of a call was lost; whoever has it now settles the call");
        return Ok(None);
    };
    settle(role, attempt, tried).await
}
