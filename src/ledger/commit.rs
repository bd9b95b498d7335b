//! Decide, append, fold, wake: in a task of its own, so that a caller who goes away cuts nothing.

use std::sync::Arc;

use tracing::Instrument as _;

use super::{
    Ledger,
    entry::{Copy, Entry},
    journal::{Append, JournalError, Position, encode},
    lease::{LEASE, Lease},
    machine::{Decided, Machine},
    outbox::{CallId, Lane, Next},
};
use crate::domain::Timestamp;

/// Rounds of one commit. Each lost one is somebody else's success, so this many mean that something is wrong.
const ROUNDS: usize = 64;

/// What a command came to.
#[derive(Debug)]
pub enum Committed<M: Machine> {
    /// Its facts are stored, the first of them at `at`. None: there was nothing in it.
    Stored { at: Position, facts: Vec<M::Fact> },
    /// It was said before.
    Known(M::Known),
    /// It does not fit the conversation as the journal has it now.
    TooLate,
}

impl<M: Machine> Committed<M> {
    /// The facts that are stored now and were not before.
    pub fn facts(&self) -> &[M::Fact] {
        match self {
            Self::Stored { facts, .. } => facts,
            Self::Known(_) | Self::TooLate => &[],
        }
    }
}

/// Why nothing is known of a commit.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// Whether the facts arrived is unknown; the same command may be given again, it is known by its ids.
    #[error(transparent)]
    Store(#[from] JournalError),
    #[error("{ROUNDS} others were faster, one after the other")]
    Busy,
    #[error("the commit's task ended before it was done")]
    Cut,
}

impl From<NotDone> for JournalError {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Store(error) => error,
            NotDone::Busy | NotDone::Cut => Self::unavailable("a commit did not come to its end")(not_done),
        }
    }
}

/// What is to be done about a conversation, as a copy of it has it, and what is to be said of that.
pub(super) enum Step<M: Machine, T> {
    /// These facts are to be stored.
    Append(Vec<M::Fact>, T),
    Leave(T),
    /// As [`Leave`](Self::Leave), should the journal's end tell the same as the copy.
    ReadOn(T),
}

/// Does it in a task of its own, which no caller who goes away can cut.
pub(super) async fn in_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, NotDone>> + Send + 'static,
) -> Result<T, NotDone> {
    tokio::spawn(work.in_current_span()).await.unwrap_or(Err(NotDone::Cut))
}

impl<M: Machine> Ledger<M> {
    /// Stores what `command` adds.
    pub async fn commit(
        self: &Arc<Self>,
        entry: &Arc<Entry<M>>,
        command: M::Command,
    ) -> Result<Committed<M>, NotDone> {
        let (ledger, entry) = (self.clone(), entry.clone());
        let decide = move |machine: &M, state: &M::State, now| machine.decide(state, &command, now);
        in_task(async move { Ok(ledger.commit_and_lease(&entry, None, decide).await?.0) }).await
    }

    /// As [`commit`](Self::commit), in the caller's task. The call that the facts ask for is leased in the same append, when the
    /// caller delivers in that lane and nothing stands before it.
    pub(super) async fn commit_and_lease(
        self: &Arc<Self>,
        entry: &Arc<Entry<M>>,
        lane: Option<Lane>,
        decide: impl Fn(&M, &M::State, Timestamp) -> Decided<M> + Send,
    ) -> Result<(Committed<M>, Option<(CallId, u32)>), NotDone> {
        let decide = move |ledger: &Self, copy: &Copy<'_, M>, now| {
            let at = M::position(copy);
            match decide(&ledger.machine, copy, now) {
                Decided::Facts(mut facts) if !facts.is_empty() => {
                    let lease = lane.and_then(|lane| ledger.first_lease(copy, lane, &facts, now));
                    let leased = lease.as_ref().map(|lease| (lease.call, lease.attempt));
                    facts.extend(lease.map(M::leased));
                    Step::Append(facts, Ok((at, leased)))
                }
                Decided::Facts(_) | Decided::Nothing => Step::Leave(Ok((at, None))),
                Decided::Known(known) => Step::Leave(Err(Committed::Known(known))),
                Decided::TooLate => Step::ReadOn(Err(Committed::TooLate)),
            }
        };
        let (told, facts) = self.change_here(entry, decide).await?;
        Ok(match told {
            Ok((at, leased)) => (Committed::Stored { at, facts }, leased),
            Err(nothing) => (nothing, None),
        })
    }

    /// Does what `decide` makes of the conversation as it is in the journal; it is asked again when somebody else was faster.
    /// Gives what it says, and what is stored.
    pub(super) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        entry: &Arc<Entry<M>>,
        decide: impl Fn(&Self, &Copy<'_, M>, Timestamp) -> Step<M, T> + Send + 'static,
    ) -> Result<(T, Vec<M::Fact>), NotDone> {
        let (ledger, entry) = (self.clone(), entry.clone());
        in_task(async move { ledger.change_here(&entry, decide).await }).await
    }

    /// As [`change`](Self::change), in the caller's task: for who delivers, whom nobody cuts.
    pub(super) async fn change_here<T: Send>(
        &self,
        entry: &Arc<Entry<M>>,
        decide: impl Fn(&Self, &Copy<'_, M>, Timestamp) -> Step<M, T> + Send,
    ) -> Result<(T, Vec<M::Fact>), NotDone> {
        let mut copy = entry.state().await;
        let mut current = false;
        for _ in 0..ROUNDS {
            match decide(self, &copy, self.now()) {
                Step::Append(facts, told) => {
                    if self.append(entry, &mut copy, &facts).await? {
                        return Ok((told, facts));
                    }
                }
                Step::ReadOn(_) if !current => self.catch_up(entry, &mut copy).await?,
                Step::Leave(told) | Step::ReadOn(told) => return Ok((told, vec![])),
            }
            current = true;
        }
        Err(NotDone::Busy)
    }

    /// Stores facts that were decided on this copy; false when somebody else was faster, and the copy then is as the
    /// journal was a moment ago.
    ///
    /// # Errors
    /// When the store fails; the copy then is as before, and whether the facts arrived is unknown.
    async fn append(
        &self,
        entry: &Arc<Entry<M>>,
        copy: &mut Copy<'_, M>,
        facts: &[M::Fact],
    ) -> Result<bool, JournalError> {
        let open = M::opens_or_closes(copy, facts);
        let at = M::position(copy);
        let stored: Vec<Vec<u8>> = facts.iter().map(encode).collect();
        let bytes = stored.iter().map(Vec::len).sum();
        let appended = self.journal.append_encoded(&entry.id, at, stored, open).await;
        match appended.inspect_err(|error| self.heed(&entry.id, error))? {
            Append::Done(_) => {
                copy.absorb(facts);
                self.fresh.appended(&entry.id, at, facts, bytes);
                facts.iter().for_each(|fact| (self.stored)(&entry.id, copy, fact));
                self.remember(entry.clone());
                Ok(true)
            }
            Append::Conflict => {
                self.catch_up(entry, copy).await?;
                Ok(false)
            }
        }
    }

    /// The lease of the one call that these facts ask for, if it may be made at once.
    fn first_lease(
        &self,
        copy: &Copy<'_, M>,
        lane: Lane,
        facts: &[M::Fact],
        now: Timestamp,
    ) -> Option<Lease> {
        let outbox = M::outbox(copy);
        let free = outbox.lane(lane).next().is_none() && !outbox.is_frozen() && !self.outage(lane).is_down();
        let mut asked = (M::position(copy)..).zip(facts).filter_map(|(at, fact)| M::asks(copy, at, fact));
        let call = asked.next().filter(|_| free && facts.len() == 1)?;
        Some(self.lease(call, 1, now))
    }

    pub(super) fn lease(&self, call: CallId, attempt: u32, now: Timestamp) -> Lease {
        Lease { call, attempt, by: self.name.clone(), at: now, until: now.plus_millis(LEASE) }
    }

    /// What a lane wants now.
    pub(super) fn next(&self, copy: &Copy<'_, M>, lane: Lane, now: Timestamp) -> Next {
        let jitter = self.jitter(500);
        M::outbox(copy).next(lane, now, &self.name, &mut self.outage(lane), jitter)
    }
}
