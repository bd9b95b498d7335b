//! Decide, append, fold, wake: in a task of its own, so that a caller who goes away cuts nothing.

use std::sync::Arc;

use tracing::Instrument as _;

use super::{
    Ledger,
    entry::{Copy, Entry},
    journal::{Append, Journal as _, JournalError, Position},
    lease::{LEASE, Lease},
    machine::{Decided, Machine},
    outbox::{CallId, Lane, Next},
};

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
            NotDone::Busy | NotDone::Cut => Self::unavailable("a commit did not come to its end", not_done),
        }
    }
}

impl<M: Machine> Ledger<M> {
    /// Stores what `command` adds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn commit(
        self: &Arc<Self>,
        entry: &Arc<Entry<M>>,
        command: M::Command,
    ) -> Result<Committed<M>, NotDone> {
        self.commit_with(entry, move |machine, state, now| machine.decide(state, &command, now)).await
    }

    /// Stores what `decide` makes of the state as it is in the journal; it is asked again when somebody else was faster.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn commit_with(
        self: &Arc<Self>,
        entry: &Arc<Entry<M>>,
        decide: impl Fn(&M, &M::State, crate::domain::Timestamp) -> Decided<M> + Send + Sync + 'static,
    ) -> Result<Committed<M>, NotDone> {
        self.commit_and_lease(entry, None, decide).await.map(|(committed, _)| committed)
    }

    /// As [`commit_with`](Self::commit_with). The call that the facts ask for is leased in the same append, when the caller
    /// delivers in that lane and nothing stands before it.
    pub(super) async fn commit_and_lease(
        self: &Arc<Self>,
        entry: &Arc<Entry<M>>,
        lane: Option<Lane>,
        decide: impl Fn(&M, &M::State, crate::domain::Timestamp) -> Decided<M> + Send + Sync + 'static,
    ) -> Result<(Committed<M>, Option<(CallId, u32)>), NotDone> {
        let (ledger, entry) = (self.clone(), entry.clone());
        let task = async move { ledger.commit_now(&entry, lane, decide).await };
        tokio::spawn(task.in_current_span()).await.unwrap_or(Err(NotDone::Cut))
    }

    async fn commit_now(
        self: &Arc<Self>,
        entry: &Arc<Entry<M>>,
        lane: Option<Lane>,
        decide: impl Fn(&M, &M::State, crate::domain::Timestamp) -> Decided<M>,
    ) -> Result<(Committed<M>, Option<(CallId, u32)>), NotDone> {
        let mut copy = entry.state().await;
        let mut current = false;
        for _ in 0..ROUNDS {
            let now = self.now();
            let mut facts = match decide(&self.machine, &copy, now) {
                Decided::Facts(facts) if !facts.is_empty() => facts,
                Decided::Known(known) => return Ok((Committed::Known(known), None)),
                Decided::TooLate if !current => {
                    self.catch_up(entry, &mut copy).await?;
                    current = true;
                    continue;
                }
                Decided::TooLate => return Ok((Committed::TooLate, None)),
                Decided::Facts(_) | Decided::Nothing => {
                    return Ok((Committed::Stored { at: M::position(&copy), facts: vec![] }, None));
                }
            };
            let lease = lane.and_then(|lane| self.first_lease(&copy, lane, &facts, now));
            let leased = lease.as_ref().map(|lease| (lease.call, lease.attempt));
            facts.extend(lease.map(M::leased));
            let at = M::position(&copy);
            if self.append(entry, &mut copy, &facts).await? {
                return Ok((Committed::Stored { at, facts }, leased));
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
    pub(super) async fn append(
        &self,
        entry: &Arc<Entry<M>>,
        copy: &mut Copy<'_, M>,
        facts: &[M::Fact],
    ) -> Result<bool, JournalError> {
        let open = M::opens_or_closes(copy, facts);
        let appended = self.journal.append(&entry.id, M::position(copy), facts, open).await;
        match appended.inspect_err(|error| {
            if matches!(error, JournalError::Shorter { .. }) {
                self.forget(&entry.id);
            }
        })? {
            Append::Done(_) => {
                copy.absorb(facts);
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
        now: crate::domain::Timestamp,
    ) -> Option<Lease> {
        let outbox = M::outbox(copy);
        let free = outbox.lane(lane).next().is_none() && !outbox.is_frozen() && !self.outage(lane).is_down();
        let mut asked = (M::position(copy)..).zip(facts).filter_map(|(at, fact)| M::asks(copy, at, fact));
        let call = asked.next().filter(|_| free && facts.len() == 1)?;
        Some(self.lease(call, 1, now))
    }

    pub(super) fn lease(&self, call: CallId, attempt: u32, now: crate::domain::Timestamp) -> Lease {
        Lease { call, attempt, by: self.name.clone(), at: now, until: now.plus_millis(LEASE) }
    }

    /// What a lane wants now.
    pub(super) fn next(&self, copy: &Copy<'_, M>, lane: Lane, now: crate::domain::Timestamp) -> Next {
        let jitter = self.jitter(500);
        M::outbox(copy).next(lane, now, &self.name, &mut self.outage(lane), jitter)
    }
}
