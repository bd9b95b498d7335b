//! One conversation in this process: its state, and who waits for more of it.

use std::{
    ops::Deref,
    sync::{
        self, Arc,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, timeout},
};

use super::{
    Ledger,
    machine::Machine,
    moved::{Moved, Watch},
    outbox::{LANES, Lane},
};
use crate::{
    domain::{ConversationId, Timestamp},
    ledger::journal::{JournalError, Position, Stored as _, decode, digest},
};

/// How often somebody who waits looks for another instance's facts, which don't wake anybody here.
const LOOK: Duration = Duration::from_secs(1);

/// One conversation, as this process knows it.
pub struct Entry<M: Machine> {
    pub id: ConversationId,
    pub local: M::Local,
    pub(super) state: Mutex<M::State>,
    /// The digest of the last fact in it, by which its journal is known again: one that was removed may have grown anew past it.
    last: AtomicU64,
    /// The store's last failure, for those who waited for their turn meanwhile.
    failed: sync::Mutex<Option<Box<(Instant, JournalError)>>>,
    moved: Moved,
    /// Whether a task of this process delivers in that lane.
    delivers: [AtomicBool; LANES],
}

/// Held by the one task of this process that delivers in a lane.
pub(super) struct Turn<M: Machine> {
    entry: Arc<Entry<M>>,
    lane: Lane,
}

impl<M: Machine> Drop for Turn<M> {
    fn drop(&mut self) {
        self.entry.delivers[self.lane as usize].store(false, Release);
    }
}

impl<M: Machine> Entry<M> {
    /// `stored`: all facts of the journal.
    pub(super) fn new(machine: &M, id: &ConversationId, stored: &[Vec<u8>]) -> Self {
        let mut state = machine.begin(id);
        stored.iter().for_each(|fact| M::fold(&mut state, &decode(fact)));
        Self {
            id: id.clone(),
            local: M::Local::default(),
            state: Mutex::new(state),
            last: stored.last().map_or(0, |last| digest(last)).into(),
            failed: sync::Mutex::default(),
            moved: Moved::default(),
            delivers: Default::default(),
        }
    }

    /// The copy of the state. What is read in it may be behind the journal; only a commit changes it.
    pub async fn state(&self) -> impl Deref<Target = M::State> {
        self.state.lock().await
    }

    /// The copy, to be compared with the journal. Who waited for their turn while the store failed another is told the same: turn
    /// by turn each would wait as long.
    pub(super) async fn turn_at_copy(&self) -> Result<MutexGuard<'_, M::State>, JournalError> {
        let asked = Instant::now();
        let copy = self.state.lock().await;
        match self.failed().as_deref() {
            Some((at, error)) if *at > asked => Err(error.clone()),
            _ => Ok(copy),
        }
    }

    pub(super) fn fails(&self, error: &JournalError) {
        *self.failed() = Some(Box::new((Instant::now(), error.clone())));
    }

    fn failed(&self) -> sync::MutexGuard<'_, Option<Box<(Instant, JournalError)>>> {
        self.failed.lock().unwrap_or_else(sync::PoisonError::into_inner)
    }

    /// The digest of the copy's last fact, for who holds the copy.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Relaxed)
    }

    /// Folds in what the journal holds behind the copy, `last` being the digest of the last of it. The only place where a state
    /// changes, and so the only one that wakes.
    pub(super) fn absorb(&self, copy: &mut M::State, facts: &[M::Fact], last: u64) {
        if facts.is_empty() {
            return;
        }
        facts.iter().for_each(|fact| M::fold(copy, fact));
        self.last.store(last, Relaxed);
        self.moved.to(M::position(copy));
    }

    /// Tells of every change from now on.
    pub fn watch(&self) -> Watch<'_> {
        self.moved.watch()
    }

    /// The turn to deliver in a lane, if nobody has it.
    pub(super) fn turn(self: &Arc<Self>, lane: Lane) -> Option<Turn<M>> {
        let taken = self.delivers[lane as usize].swap(true, Acquire);
        (!taken).then(|| Turn { entry: self.clone(), lane })
    }
}

impl<M: Machine> Ledger<M> {
    /// As [`refresh`](Self::refresh), for who holds the copy.
    pub(super) async fn catch_up(&self, entry: &Entry<M>, copy: &mut M::State) -> Result<(), JournalError> {
        let end = M::position(copy);
        self.read_into(entry, copy, end).await.map(drop)
    }

    /// The facts from `from` on, or from the copy's end when that comes before, as they are stored now; and the copy, which they
    /// are folded into. Where this process has stored some since the last look, those, and the store is not asked.
    pub async fn look<'a>(
        &self,
        entry: &'a Entry<M>,
        from: Position,
    ) -> Result<(Vec<M::Fact>, impl Deref<Target = M::State> + use<'a, M>), JournalError> {
        let mut copy = entry.turn_at_copy().await?;
        let end = M::position(&copy);
        let facts = match self.fresh.take(&entry.id, from, end) {
            Some(facts) => facts,
            None => self.read_into(entry, &mut copy, from.min(end)).await?,
        };
        self.fresh.begin(&entry.id, M::position(&copy));
        Ok((facts, copy))
    }

    /// The facts from `from` on, which is not behind the copy's end; those behind that are folded in.
    pub(super) async fn read_into(
        &self,
        entry: &Entry<M>,
        copy: &mut M::State,
        from: Position,
    ) -> Result<Vec<M::Fact>, JournalError> {
        let expected = M::position(copy);
        // With the copy's last fact: another one in its place is another journal.
        let begin = from.min(expected.saturating_sub(1));
        let stored = self.journal.read_encoded(&entry.id, begin).await;
        let mut stored = stored.inspect_err(|error| self.heed(entry, error))?;
        let count = |facts| usize::try_from(facts).unwrap_or(usize::MAX);
        let known = stored.get(..count(expected - begin)).map(<[_]>::last);
        if known.is_none_or(|last| last.is_some_and(|last| digest(last) != entry.last())) {
            self.forget(&entry.id);
            return Err(JournalError::Shorter { expected });
        }
        let last = stored.last().map_or(0, |last| digest(last));
        let facts: Vec<M::Fact> = stored.drain(count(from - begin)..).map(|fact| decode(&fact)).collect();
        let news = &facts[count(expected - from)..];
        let unreadable = news.iter().filter(|fact| fact.is_of_a_newer_build()).count();
        if unreadable > 0 {
            tracing::warn!(conversation.id = %entry.id, unreadable, "A newer build has stored what this one can't read; it stores and shows what it can, and makes no calls for the conversation");
        }
        entry.absorb(copy, news, last);
        Ok(facts)
    }

    /// Folds in what other instances have stored.
    ///
    /// # Errors
    /// When the store fails. When the journal is not the copy's any more, the conversation is forgotten, too: it is read anew by
    /// whoever asks for it next.
    pub async fn refresh(&self, entry: &Entry<M>) -> Result<(), JournalError> {
        self.catch_up(entry, &mut *entry.turn_at_copy().await?).await
    }

    /// Waits until the conversation moves, or so long. Another process's facts wake nobody here: they are looked for each second.
    pub(super) async fn nap(
        &self,
        entry: &Entry<M>,
        moved: &mut Watch<'_>,
        wait: Duration,
    ) -> Result<(), JournalError> {
        if timeout(wait.min(LOOK), moved.changed()).await.is_err() && wait >= LOOK {
            self.refresh(entry).await?;
        }
        Ok(())
    }

    /// Waits until `look` finds something, in this process's facts or another's, or the time is over. Facts stored
    /// here are seen at once, others' within a second.
    ///
    /// # Errors
    /// When the journal was removed: nothing is to be found in it any more.
    pub async fn wait_for<T>(
        &self,
        entry: &Entry<M>,
        patience: Duration,
        look: impl Fn(&M::State, Timestamp) -> Option<T>,
    ) -> Result<Option<T>, JournalError> {
        let mut moved = entry.watch();
        let end = Instant::now() + patience;
        loop {
            if let Some(found) = look(&*entry.state().await, self.now()) {
                return Ok(Some(found));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // Another failure of the store is asked about again with the next look.
            if let Err(gone @ JournalError::Shorter { .. }) = self.nap(entry, &mut moved, left).await {
                return Err(gone);
            }
        }
    }
}
