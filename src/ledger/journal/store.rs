//! The store that the settings chose, as the journals of one kind of fact.
//!
//! It may still be being opened, behind the listener: who needs it waits, everybody else is served.

use std::{
    cmp::Ordering,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::SetOnce, time::timeout};

use super::{Append, Expected, Journal, JournalError, Name, Position, Stored, Which, decode, encode};
use crate::domain::ConversationId;

/// How long a request waits for the store to open: less than its caller does.
const PATIENCE: Duration = Duration::from_secs(10);
/// Direct Line's ids hold no blank.
const NOBODY: &str = "is anybody there";

/// Journals of facts `F`.
pub struct Store<F> {
    shared: Arc<Shared>,
    facts: PhantomData<fn() -> F>,
}

/// The journals of all kinds of facts.
#[derive(Default)]
struct Shared {
    /// `None` when they could not be opened.
    opened: SetOnce<Option<Arc<dyn Journal>>>,
    /// The last write failed.
    failing: AtomicBool,
}

/// Says that a store is open. Dropped without a word, it never is.
pub struct Opener(Arc<Shared>);

impl Opener {
    /// What is asked of it goes to `store` from now on.
    pub fn open<F>(self, store: &Store<F>) {
        self.0.opened.set(store.shared.opened.get().cloned().flatten()).ok();
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        self.0.opened.set(None).ok();
    }
}

impl<F> Store<F> {
    pub fn of(journal: impl Journal) -> Self {
        let (store, opener) = Self::opening();
        opener.0.opened.set(Some(Arc::new(journal))).ok();
        store
    }

    /// A store that is still to be opened, and who says what it came to.
    pub fn opening() -> (Self, Opener) {
        let shared = Arc::<Shared>::default();
        (Self { shared: shared.clone(), facts: PhantomData }, Opener(shared))
    }

    /// The same store, seen as the journals of another kind of fact.
    pub fn realm<G>(&self) -> Store<G> {
        Store { shared: self.shared.clone(), facts: PhantomData }
    }

    async fn journal(&self) -> Result<&dyn Journal, JournalError> {
        let failed = |what| JournalError::unavailable(what)("nothing was asked of it");
        let opened = match self.shared.opened.get() {
            Some(opened) => opened,
            None => timeout(PATIENCE, self.shared.opened.wait())
                .await
                .map_err(|_| failed("it is not open yet"))?,
        };
        opened.as_deref().ok_or_else(|| failed("it could not be opened"))
    }

    /// See [`Journal::try_write`].
    pub async fn try_write(&self) -> Result<(), JournalError> {
        self.noted(self.journal().await?.try_write().await)
    }

    fn noted<T>(&self, written: Result<T, JournalError>) -> Result<T, JournalError> {
        self.shared.failing.store(written.is_err(), Relaxed);
        written
    }
}

/// See [`Journal`].
impl<F: Stored> Store<F> {
    pub async fn read(&self, id: &ConversationId, from: Position) -> Result<Vec<F>, JournalError> {
        let facts = self.read_encoded(id, from).await?;
        Ok(facts.iter().map(|fact| decode(fact)).collect())
    }

    /// As [`read`](Self::read), of facts in their stored form.
    pub async fn read_encoded(
        &self,
        id: &ConversationId,
        from: Position,
    ) -> Result<Vec<Vec<u8>>, JournalError> {
        let facts = self.journal().await?.read(name::<F>(id), from).await?;
        facts.ok_or(JournalError::Shorter { expected: from })
    }

    pub async fn append(
        &self,
        id: &ConversationId,
        expected: Position,
        facts: &[F],
        open: Option<bool>,
    ) -> Result<Append, JournalError> {
        self.append_encoded(id, expected.into(), facts.iter().map(encode).collect(), open).await
    }

    /// As [`append`](Self::append), of facts in their stored form.
    pub async fn append_encoded(
        &self,
        id: &ConversationId,
        expected: Expected,
        facts: Vec<Vec<u8>>,
        open: Option<bool>,
    ) -> Result<Append, JournalError> {
        let length = expected.length;
        let end = length + facts.len() as u64;
        let appended = self.journal().await?.append(name::<F>(id), expected, facts, open).await;
        match self.noted(appended)? {
            Ordering::Equal => Ok(Append::Done(end)),
            Ordering::Greater => Ok(Append::Conflict),
            Ordering::Less => Err(JournalError::Shorter { expected: length }),
        }
    }

    pub async fn open(&self) -> Result<Vec<ConversationId>, JournalError> {
        self.journal().await?.list(F::REALM, Which::Open).await
    }

    pub async fn all(&self) -> Result<Vec<ConversationId>, JournalError> {
        self.journal().await?.list(F::REALM, Which::All).await
    }

    pub async fn remove(&self, id: &ConversationId) -> Result<bool, JournalError> {
        self.noted(self.journal().await?.remove(name::<F>(id)).await)
    }

    /// Whether the store can be read, and the last write worked; when it did not, a write is tried. The read asks for a
    /// conversation that nobody has, which costs the same however many there are.
    pub async fn answers(&self) -> bool {
        let Some(nobody) = ConversationId::parse(NOBODY) else { return false };
        self.read(&nobody, 0).await.is_ok()
            && (!self.shared.failing.load(Relaxed) || self.try_write().await.is_ok())
    }
}

fn name<F: Stored>(id: &ConversationId) -> Name<'_> {
    Name { realm: F::REALM, id }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::journal::MemoryJournal, session::Fact};

    #[tokio::test]
    async fn what_is_asked_of_a_store_waits_until_it_is_open() {
        let (store, opener) = Store::<Fact>::opening();
        let realm: Store<Fact> = store.realm();
        let id = ConversationId::parse("c").expect("an id");
        let (read, ()) = tokio::join!(realm.read(&id, 0), async {
            tokio::task::yield_now().await;
            opener.open(&Store::<Fact>::of(MemoryJournal::default()));
        });
        assert!(read.expect("a journal").is_empty());
        assert!(store.answers().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_open_fails_whoever_waits_for_it() {
        let (store, opener) = Store::<Fact>::opening();
        assert!(store.open().await.is_err_and(|error| error.to_string().contains("not open yet")));
        drop(opener);
        assert!(store.open().await.is_err_and(|error| error.to_string().contains("could not be opened")));
        assert!(!store.answers().await);
    }
}
