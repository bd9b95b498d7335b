//! A store that is opened behind the listener: who needs it waits, everybody else is served.

use std::{
    marker::PhantomData,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{sync::SetOnce, time::timeout};

use super::{JournalError, Store};

/// How long a request waits for the store to open: less than its caller does.
const PATIENCE: Duration = Duration::from_secs(10);

/// The store once it is there; `None` when it could not be opened.
type Opened = Arc<SetOnce<Option<Store<()>>>>;

/// A store of facts `F` that is being opened.
pub struct Opening<F> {
    opened: Opened,
    /// The same, for this kind of fact.
    here: OnceLock<Box<Store<F>>>,
    facts: PhantomData<fn() -> F>,
}

/// Says that a store is open. Dropped without a word, it never is.
pub struct Opener(Opened);

impl<F> Opening<F> {
    pub(super) fn begin() -> (Self, Opener) {
        let opened = Opened::default();
        (Self::of(opened.clone()), Opener(opened))
    }

    fn of(opened: Opened) -> Self {
        Self { opened, here: OnceLock::new(), facts: PhantomData }
    }

    pub(super) fn realm<G>(&self) -> Opening<G> {
        Opening::of(self.opened.clone())
    }

    /// The store, if it is open.
    pub(super) fn get(&self) -> Option<&Store<F>> {
        let opened = self.opened.get()?.as_ref()?;
        Some(self.here.get_or_init(|| Box::new(opened.realm())))
    }

    /// The store, once it is open.
    ///
    /// # Errors
    /// When it could not be opened, or is not within 10 seconds.
    pub(super) async fn wait(&self) -> Result<&Store<F>, JournalError> {
        if let Some(open) = self.get() {
            return Ok(open);
        }
        timeout(PATIENCE, self.opened.wait()).await.map_err(|_| not_yet())?;
        self.get().ok_or_else(|| JournalError::unavailable("it could not be opened", NotOpened))
    }
}

impl Opener {
    /// What is asked of it goes to `store` from now on.
    pub fn open<F>(self, store: &Store<F>) {
        self.0.set(Some(store.realm())).ok();
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        self.0.set(None).ok();
    }
}

pub(super) fn not_yet() -> JournalError {
    JournalError::unavailable("it is not open yet", NotOpened)
}

#[derive(Debug, thiserror::Error)]
#[error("nothing was asked of it")]
struct NotOpened;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::ConversationId,
        ledger::journal::{Journal as _, MemoryJournal},
        session::Fact,
    };

    #[tokio::test]
    async fn what_is_asked_of_a_store_waits_until_it_is_open() {
        let (store, opener) = Store::<Fact>::opening();
        let realm: Store<Fact> = store.realm();
        let id = ConversationId::parse("c").expect("an id");
        let (read, ()) = tokio::join!(realm.read(&id, 0), async {
            tokio::task::yield_now().await;
            opener.open(&Store::Memory(MemoryJournal::<Fact>::default()));
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
