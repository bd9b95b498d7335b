//! Where facts are stored: a conversation's append-only record, written by one compare-and-swap.
//!
//! That one operation is the lock, the order, the dedupe and the commit. Its contract is the test suite in
//! `journal/contract.rs`, run on every implementation.

use std::future::Future;

use crate::domain::ConversationId;

mod append_blob;
#[cfg(test)]
mod contract;
#[cfg(any(test, feature = "simulate"))]
mod memory;
mod opening;
mod sqlite;
mod stored;

#[cfg(any(test, feature = "simulate"))]
pub use self::memory::{Fault, Faults, MemoryJournal, Operation};
pub use self::{
    append_blob::AppendBlobJournal,
    opening::{Opener, Opening},
    sqlite::SqliteJournal,
    stored::{Stored, decode, encode},
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
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the store can't be used: {what}: {source}")]
    Unavailable {
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The journal was longer before: it was removed, or an older copy was put in its place. Not a conflict: reading on
    /// would bring nothing, for ever.
    #[error(
        "the journal is shorter than the {expected} facts it had: it was removed, or put back to an older state"
    )]
    Shorter { expected: Position },
}

impl JournalError {
    pub(crate) fn unavailable(
        what: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Unavailable { what, source: Box::new(source) }
    }
}

/// A conversation's append-only record of facts `F`. Positions count facts, from 0.
///
/// Each kind of fact is a realm of its own: the same id in two realms is two conversations.
pub trait Journal<F>: Send + Sync + 'static {
    /// The facts from `from` on, in order; none when there are no more, or no such conversation and `from` is 0.
    ///
    /// [`JournalError::Shorter`] when there are fewer facts than `from`.
    fn read(
        &self,
        id: &ConversationId,
        from: Position,
    ) -> impl Future<Output = Result<Vec<F>, JournalError>> + Send;

    /// Stores all of `facts` behind `expected`, or nothing; [`JournalError::Shorter`] when there are fewer facts than that. `open`: whether the sweep must look at this
    /// conversation from now on; `None` leaves that as it is. Without facts only that is changed, under the same
    /// condition.
    fn append(
        &self,
        id: &ConversationId,
        expected: Position,
        facts: &[F],
        open: Option<bool>,
    ) -> impl Future<Output = Result<Append, JournalError>> + Send;

    /// The conversations the sweep must look at. Costs as much as there are such, not as there are any.
    fn open(&self) -> impl Future<Output = Result<Vec<ConversationId>, JournalError>> + Send;

    /// All conversations there are. Costs as much as there are facts; for the operator and for retention, not for requests.
    fn all(&self) -> impl Future<Output = Result<Vec<ConversationId>, JournalError>> + Send;

    /// Takes a conversation out of the store, for good; whether there was one. Processes that know it learn of it with their
    /// next look: the journal is shorter than they know it.
    fn remove(&self, id: &ConversationId) -> impl Future<Output = Result<bool, JournalError>> + Send;
}

/// Direct Line's ids hold no blank.
const NOBODY: &str = "is anybody there";

/// The store that the settings chose.
pub enum Store<F> {
    Sqlite(SqliteJournal<F>),
    AppendBlob(AppendBlobJournal<F>),
    /// One of the others, soon: what is asked of it waits.
    Opening(Opening<F>),
    /// For tests: gone with the process, and it fails when it is told to.
    #[cfg(any(test, feature = "simulate"))]
    Memory(MemoryJournal<F>),
}

impl<F> Store<F> {
    /// A store that is still to be opened, and who says what it came to.
    pub fn opening() -> (Self, Opener) {
        let (opening, opener) = Opening::begin();
        (Self::Opening(opening), opener)
    }

    async fn opened(&self) -> Result<&Self, JournalError> {
        match self {
            Self::Opening(opening) => opening.wait().await,
            opened => Ok(opened),
        }
    }

    /// Whether the store can be read, and the last write worked; when it did not, a write is tried. The read asks for a
    /// conversation that nobody has, which costs the same however many there are.
    pub async fn answers(&self) -> bool
    where
        F: Stored,
    {
        match ConversationId::parse(NOBODY) {
            Some(nobody) => {
                self.read(&nobody, 0).await.is_ok() && (self.wrote() || self.try_write().await.is_ok())
            }
            None => false,
        }
    }

    /// Whether the last write of this process worked.
    fn wrote(&self) -> bool {
        match self {
            Self::Opening(opening) => opening.get().is_none_or(Self::wrote),
            Self::Sqlite(journal) => journal.wrote(),
            Self::AppendBlob(journal) => journal.wrote(),
            #[cfg(any(test, feature = "simulate"))]
            Self::Memory(_) => true,
        }
    }

    /// Writes something that leaves nothing behind.
    ///
    /// # Errors
    /// When the store takes no writes.
    pub async fn try_write(&self) -> Result<(), JournalError> {
        match self.opened().await? {
            Self::Opening(_) => Err(opening::not_yet()),
            Self::Sqlite(journal) => journal.try_write().await,
            Self::AppendBlob(journal) => Box::pin(journal.try_write()).await,
            #[cfg(any(test, feature = "simulate"))]
            Self::Memory(_) => Ok(()),
        }
    }

    /// The same store, seen as the journals of another kind of fact.
    pub fn realm<G>(&self) -> Store<G> {
        match self {
            Self::Opening(opening) => Store::Opening(opening.realm()),
            Self::Sqlite(journal) => Store::Sqlite(journal.realm()),
            Self::AppendBlob(journal) => Store::AppendBlob(journal.realm()),
            #[cfg(any(test, feature = "simulate"))]
            Self::Memory(journal) => Store::Memory(journal.realm()),
        }
    }
}

/// A call to a container is boxed: it needs much state, which would make that of every caller as large.
impl<F: Stored> Journal<F> for Store<F> {
    async fn read(&self, id: &ConversationId, from: Position) -> Result<Vec<F>, JournalError> {
        match self.opened().await? {
            Self::Opening(_) => Err(opening::not_yet()),
            Self::Sqlite(journal) => journal.read(id, from).await,
            Self::AppendBlob(journal) => Box::pin(journal.read(id, from)).await,
            #[cfg(any(test, feature = "simulate"))]
            Self::Memory(journal) => journal.read(id, from).await,
        }
    }

    async fn append(
        &self,
        id: &ConversationId,
        expected: Position,
        facts: &[F],
        open: Option<bool>,
    ) -> Result<Append, JournalError> {
        match self.opened().await? {
            Self::Opening(_) => Err(opening::not_yet()),
            Self::Sqlite(journal) => journal.append(id, expected, facts, open).await,
            Self::AppendBlob(journal) => Box::pin(journal.append(id, expected, facts, open)).await,
            #[cfg(any(test, feature = "simulate"))]
            Self::Memory(journal) => journal.append(id, expected, facts, open).await,
        }
    }

    async fn open(&self) -> Result<Vec<ConversationId>, JournalError> {
        match self.opened().await? {
            Self::Opening(_) => Err(opening::not_yet()),
            Self::Sqlite(journal) => journal.open().await,
            Self::AppendBlob(journal) => Box::pin(journal.open()).await,
            #[cfg(any(test, feature = "simulate"))]
            Self::Memory(journal) => journal.open().await,
        }
    }

    async fn all(&self) -> Result<Vec<ConversationId>, JournalError> {
        match self.opened().await? {
            Self::Opening(_) => Err(opening::not_yet()),
            Self::Sqlite(journal) => journal.all().await,
            Self::AppendBlob(journal) => Box::pin(journal.all()).await,
            #[cfg(any(test, feature = "simulate"))]
            Self::Memory(journal) => journal.all().await,
        }
    }

    async fn remove(&self, id: &ConversationId) -> Result<bool, JournalError> {
        match self.opened().await? {
            Self::Opening(_) => Err(opening::not_yet()),
            Self::Sqlite(journal) => journal.remove(id).await,
            Self::AppendBlob(journal) => Box::pin(journal.remove(id)).await,
            #[cfg(any(test, feature = "simulate"))]
            Self::Memory(journal) => journal.remove(id).await,
        }
    }
}
