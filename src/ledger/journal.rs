//! Where facts are stored: a conversation's append-only record, written by one compare-and-swap.
//!
//! That one operation is the lock, the order, the dedupe and the commit. Its contract is the test suite in
//! `journal/contract.rs`, run on every implementation.

use std::{
    cmp::Ordering,
    fmt,
    hash::{DefaultHasher, Hasher as _},
    sync::Arc,
};

use async_trait::async_trait;

use crate::domain::ConversationId;

mod append_blob;
#[cfg(test)]
mod contract;
#[cfg(any(test, feature = "simulate"))]
mod memory;
mod sqlite;
mod store;
mod stored;

#[cfg(any(test, feature = "simulate"))]
pub use self::memory::{Fault, Faults, MemoryJournal, Operation};
pub use self::{
    append_blob::AppendBlobJournal,
    sqlite::SqliteJournal,
    store::{Opener, Store},
    stored::{Stored, decode, encode, held},
};

/// A conversation's position in its journal: how many facts stand before it.
pub type Position = u64;

/// What a writer knows of a journal.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub length: Position,
    /// The [`digest`] of its last fact, where the writer has it.
    pub last: Option<u64>,
}

impl From<Position> for Expected {
    fn from(length: Position) -> Self {
        Self { length, last: None }
    }
}

impl Expected {
    /// The journal's length beside the one expected; less, too, when its last fact is another.
    fn compare(self, length: Position, last: Option<&[u8]>) -> Ordering {
        let is_other = self.last.zip(last).is_some_and(|(known, last)| known != digest(last));
        length.cmp(&self.length).then(if is_other { Ordering::Less } else { Ordering::Equal })
    }
}

/// By which a fact in its stored form is known again in this process.
pub fn digest(fact: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(fact);
    hasher.finish()
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Append {
    /// Stored for good; the journal now ends here.
    Done(Position),
    /// Somebody else was faster. Nothing was stored; read on and decide again.
    Conflict,
}

/// The store failed. Whether an append arrived is then unknown: read before another try.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the store can't be used: {what}: {source}")]
    Unavailable {
        what: &'static str,
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The journal was longer before, or another: it was removed, or an older copy was put in its place, and may have grown
    /// since. Not a conflict: reading on would bring nothing, for ever, or what does not follow from what is known.
    #[error(
        "the journal does not hold the {expected} facts it had: it was removed, or put back to an older state"
    )]
    Shorter { expected: Position },
}

impl JournalError {
    /// Makes an error of its source.
    pub(crate) fn unavailable<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        what: &'static str,
    ) -> impl Fn(E) -> Self + Copy {
        move |source| Self::Unavailable { what, source: Arc::from(source.into()) }
    }
}

/// What names a journal. Each kind of fact is a realm of its own: the same id in two realms is two conversations.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    pub realm: &'static str,
    pub id: &'a ConversationId,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.realm, self.id)
    }
}

/// Which conversations are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that the sweep must look at. Costs as much as there are such, not as there are any.
    Open,
    /// Costs as much as there are facts; for the operator and for retention, not for requests.
    All,
}

/// Conversations' append-only records of facts in their stored form. Positions count facts, from 0.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// The facts from `from` on, in order; none when there are no more, or no such conversation and `from` is 0. `None` when there
    /// are fewer facts than `from`.
    async fn read(&self, name: Name<'_>, from: Position) -> Result<Option<Vec<Vec<u8>>>, JournalError>;

    /// Stores all of `facts` if the journal is as `expected`, or nothing; gives its length before, beside that; less, too, when
    /// the last of its facts is another. `open`: whether the sweep must look at this conversation from now on; `None` leaves that as
    /// it is. Without facts only that is changed, under the same condition.
    async fn append(
        &self,
        name: Name<'_>,
        expected: Expected,
        facts: Vec<Vec<u8>>,
        open: Option<bool>,
    ) -> Result<Ordering, JournalError>;

    /// Conversations of a realm.
    async fn list(&self, realm: &'static str, which: Which) -> Result<Vec<ConversationId>, JournalError>;

    /// Takes a conversation out of the store, for good; whether there was one. Processes that know it learn of it with their
    /// next look: the journal is shorter than they know it.
    async fn remove(&self, name: Name<'_>) -> Result<bool, JournalError>;

    /// Writes something that leaves nothing behind.
    async fn try_write(&self) -> Result<(), JournalError>;
}
