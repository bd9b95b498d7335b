//! Where facts are stored: a conversation's append-only record, written by one compare-and-swap.
//!
//! That one operation is the lock, the order, the dedupe and the commit. Its contract is the test suite in
//! `journal/contract.rs`, run on every implementation.

use std::{cmp::Ordering, fmt, sync::Arc};

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
    /// The journal was longer before: it was removed, or an older copy was put in its place. Not a conflict: reading on
    /// would bring nothing, for ever.
    #[error(
        "the journal is shorter than the {expected} facts it had: it was removed, or put back to an older state"
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

    /// Stores all of `facts` if the journal has `expected` of them, or nothing; gives its length before, beside that. `open`:
    /// whether the sweep must look at this conversation from now on; `None` leaves that as it is. Without facts only that is
    /// changed, under the same condition.
    async fn append(
        &self,
        name: Name<'_>,
        expected: Position,
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
