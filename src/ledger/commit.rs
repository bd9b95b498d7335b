//! Decide, append, fold, wake: in a task of its own, so that a caller who goes away cuts nothing.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::{Instrument as _, warn};

use super::{
    Ledger,
    entry::Entry,
    journal::{Append, Expected, JournalError, Position, digest, encode},
    machine::{Decided, Machine},
};
use crate::domain::Timestamp;

/// Rounds of one commit. Each lost one is somebody else's success, so this many mean that something is wrong.
const ROUNDS: usize = 64;
/// After which what the store did not take is tried again, at first and at last.
pub(super) const AGAIN: Duration = Duration::from_millis(300);
const LATER: Duration = Duration::from_secs(5);

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

/// Facts whose append got no answer, and where they stand if it arrived.
pub(super) type InDoubt<M> = Option<(Position, Vec<<M as Machine>::Fact>)>;

/// Does it in a task of its own, which no caller who goes away can cut.
pub(super) async fn in_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, JournalError>> + Send + 'static,
) -> Result<T, JournalError> {
    let done = tokio::spawn(work.in_current_span()).await;
    done.unwrap_or_else(|cut| Err(JournalError::unavailable("a commit was cut")(cut)))
}

impl<M: Machine> Ledger<M> {
    /// Stores what `command` adds.
    ///
    /// # Errors
    /// When the store fails. Whether the facts arrived is then unknown; the same command may be given again, it is known by its
    /// ids.
    pub async fn commit(
        self: &Arc<Self>,
        entry: &Arc<Entry<M>>,
        command: M::Command,
    ) -> Result<Committed<M>, JournalError> {
        let (ledger, entry) = (self.clone(), entry.clone());
        in_task(async move {
            ledger.change(&entry, |state, now| ledger.machine.decide(state, &command, now)).await
        })
        .await
    }

    /// As [`commit`](Self::commit), for what came of a call, or of a part of one: nobody else knows it, and so a store that fails
    /// is asked again until it answers. In the caller's task: who no longer makes the call has nothing to store. A command that
    /// counts only while the call is held comes to its end when another process takes it over.
    ///
    /// # Errors
    /// When the journal was removed.
    pub async fn commit_surely(
        &self,
        entry: &Arc<Entry<M>>,
        command: &M::Command,
    ) -> Result<Committed<M>, JournalError> {
        self.change_surely(entry, None, |state, now| self.machine.decide(state, command, now)).await
    }

    /// As [`change`](Self::change), until the store answers. What an append without an answer has stored all the same, this one's
    /// or the one `in_doubt`, is known again, and nothing decided in its place.
    pub(super) async fn change_surely(
        &self,
        entry: &Arc<Entry<M>>,
        mut in_doubt: InDoubt<M>,
        mut decide: impl FnMut(&M::State, Timestamp) -> Decided<M> + Send,
    ) -> Result<Committed<M>, JournalError> {
        let mut wait = AGAIN;
        loop {
            match self.try_change(entry, &mut in_doubt, &mut decide).await {
                Err(error @ JournalError::Unavailable { .. }) => {
                    warn!(%error, "What is known of a call could not be stored; will try again");
                    sleep(wait).await;
                    wait = (2 * wait).min(LATER);
                }
                done => return done,
            }
        }
    }

    /// Stores what `decide` makes of the conversation as it is in the journal; it is asked again when somebody else was faster.
    /// In the caller's task, which nobody may cut.
    pub(super) async fn change(
        &self,
        entry: &Arc<Entry<M>>,
        decide: impl FnMut(&M::State, Timestamp) -> Decided<M> + Send,
    ) -> Result<Committed<M>, JournalError> {
        self.try_change(entry, &mut None, decide).await
    }

    /// As [`change`](Self::change); notes what an append without an answer leaves in doubt.
    pub(super) async fn try_change(
        &self,
        entry: &Arc<Entry<M>>,
        in_doubt: &mut InDoubt<M>,
        mut decide: impl FnMut(&M::State, Timestamp) -> Decided<M> + Send,
    ) -> Result<Committed<M>, JournalError> {
        let mut copy = entry.turn_at_copy().await?;
        if let Some((at, facts)) = in_doubt
            && self.arrived(entry, &mut copy, *at, facts).await?
        {
            return Ok(Committed::Stored { at: *at, facts: std::mem::take(facts) });
        }
        let mut current = false;
        for _ in 0..ROUNDS {
            let at = M::position(&copy);
            match decide(&copy, self.now()) {
                Decided::Facts(facts) if !facts.is_empty() => {
                    let appended = self.append(entry, &mut copy, &facts).await;
                    if appended.inspect_err(|_| *in_doubt = Some((at, facts.clone())))? {
                        return Ok(Committed::Stored { at, facts });
                    }
                }
                Decided::Facts(_) | Decided::Nothing => return Ok(Committed::Stored { at, facts: vec![] }),
                // The copy may be behind: what was said before may have been lost since, and be asked for again.
                Decided::Known(_) if !current => self.catch_up(entry, &mut copy).await?,
                Decided::TooLate if !current => self.catch_up(entry, &mut copy).await?,
                Decided::Known(known) => return Ok(Committed::Known(known)),
                Decided::TooLate => return Ok(Committed::TooLate),
            }
            current = true;
        }
        let why = format!("{ROUNDS} others were faster, one after the other");
        Err(JournalError::unavailable("a commit did not come to its end")(why))
    }

    /// Stores facts that were decided on this copy; false when somebody else was faster, and the copy then is as the
    /// journal was a moment ago.
    ///
    /// # Errors
    /// When the store fails; the copy then is as before, and whether the facts arrived is unknown.
    async fn append(
        &self,
        entry: &Arc<Entry<M>>,
        copy: &mut M::State,
        facts: &[M::Fact],
    ) -> Result<bool, JournalError> {
        let open = M::opens_or_closes(copy, facts);
        let at = M::position(copy);
        let stored: Vec<Vec<u8>> = facts.iter().map(encode).collect();
        let bytes = stored.iter().map(Vec::len).sum();
        let last = stored.last().map_or(0, |last| digest(last));
        let expected = Expected { length: at, last: (at > 0).then(|| entry.last()) };
        let appended = self.journal.append_encoded(&entry.id, expected, stored, open).await;
        match appended.inspect_err(|error| self.heed(entry, error))? {
            Append::Done(_) => {
                entry.absorb(copy, facts, last);
                self.fresh.appended(&entry.id, at, facts, bytes);
                self.observe(entry, copy, facts);
                Ok(true)
            }
            Append::Conflict => {
                self.catch_up(entry, copy).await?;
                Ok(false)
            }
        }
    }

    /// Whether facts whose append got no answer are stored all the same; they then are folded in, and so is what stands behind.
    async fn arrived(
        &self,
        entry: &Arc<Entry<M>>,
        copy: &mut M::State,
        at: Position,
        facts: &[M::Fact],
    ) -> Result<bool, JournalError> {
        let there = self.read_into(entry, copy, at).await?;
        let same = |(fact, stored)| encode::<M::Fact>(fact) == encode(stored);
        let arrived = there.len() >= facts.len() && facts.iter().zip(&there).all(same);
        if arrived {
            self.observe(entry, copy, facts);
        }
        Ok(arrived)
    }

    fn observe(&self, entry: &Arc<Entry<M>>, copy: &M::State, facts: &[M::Fact]) {
        facts.iter().for_each(|fact| (self.stored)(&entry.id, copy, fact));
        self.remember(entry.clone());
    }
}
