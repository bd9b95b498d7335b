//! Lease, call, settle: the calls of a lane, in order, one at a time.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{sync::OwnedMutexGuard, time::sleep};
use tracing::{Instrument as _, error, warn};

use super::{
    Ledger,
    commit::{Committed, NotDone},
    entry::{Copy, Entry},
    journal::JournalError,
    lease::{LEASE, MARGIN, RENEW, Settled, Settlement},
    machine::{Decided, Machine, Outcome, Why},
    outbox::{CallId, Lane, Next, Queued},
    retry::{Failure, after},
};
use crate::domain::Timestamp;

/// How often a lane that waits for another process's call is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Milliseconds after which a renewal that the store did not take is tried again.
const AGAIN: Duration = Duration::from_millis(300);

/// What came of one making of a call.
pub type Tried<A> = Result<Option<A>, Failure>;

/// One making of a call, under a lease.
pub struct Attempt<M: Machine> {
    pub entry: Arc<Entry<M>>,
    pub lane: Lane,
    pub queued: Queued<M::Call>,
    /// Its number; 1 is the first.
    pub number: u32,
    error: OnceLock<String>,
}

impl<M: Machine> Attempt<M> {
    fn new(entry: &Arc<Entry<M>>, lane: Lane, queued: Queued<M::Call>, number: u32) -> Self {
        Self { entry: entry.clone(), lane, queued, number, error: OnceLock::new() }
    }

    /// Notes why the call failed, for the log line that says what follows from it.
    pub fn failed(&self, error: &impl std::fmt::Display) {
        let _ = self.error.set(error.to_string());
    }

    /// Why the call failed.
    pub fn error(&self) -> Option<&str> {
        self.error.get().map(String::as_str)
    }
}

/// What makes a machine's calls.
pub trait Role: Send + Sync + Sized + 'static {
    type Machine: Machine;

    fn ledger(&self) -> &Arc<Ledger<Self::Machine>>;

    /// Makes the call, once. It is cut off when the lease is lost or [`longest`](Self::longest) is over.
    fn call(
        self: &Arc<Self>,
        attempt: &Attempt<Self::Machine>,
    ) -> impl Future<Output = Tried<<Self::Machine as Machine>::Answer>> + Send;

    /// How long a call may take.
    fn longest(&self, call: &<Self::Machine as Machine>::Call) -> Duration;

    /// Logs and counts what a call came to, once that is stored.
    fn settled(
        self: &Arc<Self>,
        attempt: &Attempt<Self::Machine>,
        failure: Option<Failure>,
        outcome: &Outcome<<Self::Machine as Machine>::Answer>,
    );
}

type Answer<R> = <<R as Role>::Machine as Machine>::Answer;

/// Stores what `decide` makes of the state, and sees to the calls it asks for. One that nothing stands before is leased in
/// the same append.
///
/// # Errors
/// When the store fails.
pub async fn commit_and_deliver<R: Role>(
    role: &Arc<R>,
    entry: &Arc<Entry<R::Machine>>,
    lane: Lane,
    decide: impl Fn(&R::Machine, &<R::Machine as Machine>::State, Timestamp) -> Decided<R::Machine>
    + Send
    + Sync
    + 'static,
) -> Result<Committed<R::Machine>, NotDone> {
    let turn = entry.lanes[lane.index()].clone().try_lock_owned().ok();
    let mine = turn.as_ref().map(|_| lane);
    let (committed, leased) = role.ledger().commit_and_lease(entry, mine, decide).await?;
    if let (Some(turn), Some(leased)) = (turn, leased) {
        start(role, entry, lane, turn, Some(leased));
    }
    deliver_soon(role, entry);
    Ok(committed)
}

/// Sees to it that somebody delivers for this conversation; returns at once. Goes by our copy of the state: what another
/// instance has stored since, it delivers itself.
pub fn deliver_soon<R: Role>(role: &Arc<R>, entry: &Arc<Entry<R::Machine>>) {
    for lane in Lane::ALL {
        let idle = |state: Copy<'_, _>| R::Machine::outbox(&state).lane(lane).next().is_none();
        if entry.try_state().is_some_and(idle) {
            continue;
        }
        if let Ok(turn) = entry.lanes[lane.index()].clone().try_lock_owned() {
            start(role, entry, lane, turn, None);
        }
    }
}

fn start<R: Role>(
    role: &Arc<R>,
    entry: &Arc<Entry<R::Machine>>,
    lane: Lane,
    turn: OwnedMutexGuard<()>,
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
                    give_up(role, entry, lane, queued, why).await?;
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
    GivenUp(Box<Queued<M::Call>>, Why),
}

impl<M: Machine> Ledger<M> {
    /// Leases the oldest call, if it is due.
    async fn take(self: &Arc<Self>, entry: &Arc<Entry<M>>, lane: Lane) -> Result<Taken<M>, NotDone> {
        let (ledger, entry) = (self.clone(), entry.clone());
        let task = async move {
            let mut copy = entry.state().await;
            loop {
                let now = ledger.now();
                match ledger.next(&copy, lane, now) {
                    Next::Nothing => return Ok(Taken::Nothing),
                    Next::At(at) => return Ok(Taken::At(at)),
                    Next::GiveUp(call, why) => {
                        let Some(queued) = M::outbox(&copy).get(call) else { return Ok(Taken::Nothing) };
                        return Ok(Taken::GivenUp(Box::new(queued.clone()), why));
                    }
                    Next::Lease(call, number) => {
                        let lease = M::leased(ledger.lease(call, number, now));
                        if ledger.append(&entry, &mut copy, &[lease]).await? {
                            return Ok(Taken::Call(call, number));
                        }
                    }
                }
            }
        };
        tokio::spawn(task.in_current_span()).await.unwrap_or(Err(NotDone::Cut))
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

    /// Renews the lease while the call lasts; returns when it is lost, or no longer to be counted on.
    async fn keep(self: &Arc<Self>, attempt: &Attempt<M>, mut until: Timestamp) {
        loop {
            // A clock that is set back must not put the renewal off.
            let wait = until.plus_millis(-RENEW).millis_since(self.now()).clamp(0, LEASE - RENEW);
            sleep(Duration::from_millis(wait.unsigned_abs())).await;
            // A store that hangs must not let the call outlive its lease.
            let left = until.plus_millis(-MARGIN).millis_since(self.now()).clamp(0, LEASE).unsigned_abs();
            match tokio::time::timeout(Duration::from_millis(left), self.renew(attempt)).await {
                Ok(Ok(Some(renewed))) => until = renewed,
                Ok(Ok(None)) => return,
                Ok(Err(_)) if until.plus_millis(-MARGIN) > self.now() => sleep(AGAIN).await,
                Ok(Err(_)) | Err(_) => {
                    warn!(conversation.id = %attempt.entry.id, "A lease could not be renewed in time; its call is cut off");
                    return;
                }
            }
        }
    }

    /// Renews the lease; gives its new end, or nothing when another attempt has it.
    async fn renew(self: &Arc<Self>, attempt: &Attempt<M>) -> Result<Option<Timestamp>, NotDone> {
        let Attempt { entry, queued, number, .. } = attempt;
        let (ledger, call, number) = (self.clone(), queued.id, *number);
        let renewed = self
            .commit_with(entry, move |_, state, now| match M::outbox(state).is_held(call, number) {
                true => Decided::Facts(vec![M::leased(ledger.lease(call, number, now))]),
                false => Decided::TooLate,
            })
            .await?;
        Ok(match renewed {
            Committed::Stored { .. } => {
                let state = entry.state().await;
                M::outbox(&state).get(call).and_then(|queued| Some(queued.lease.as_ref()?.until))
            }
            Committed::Known(_) | Committed::TooLate => None,
        })
    }

    /// The end of a lease that a call can be begun under; nothing when it was lost. A slow store may have used most of it up.
    async fn sure_of(self: &Arc<Self>, attempt: &Attempt<M>) -> Result<Option<Timestamp>, NotDone> {
        let lease = attempt.queued.lease.as_ref().filter(|lease| lease.attempt == attempt.number);
        let mut until = lease.map(|lease| lease.until);
        while let Some(end) = until.filter(|end| end.plus_millis(-RENEW) <= self.now()) {
            until = self.renew(attempt).await?.filter(|renewed| *renewed > end);
        }
        Ok(until)
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

async fn settle<R: Role>(
    role: &Arc<R>,
    attempt: &Attempt<R::Machine>,
    tried: Tried<Answer<R>>,
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
async fn give_up<R: Role>(
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
