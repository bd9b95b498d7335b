//! What stays of an erased conversation: a hash of its id and when that was, so that Direct Line's old event opens nothing again.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    domain::{ConversationId, Timestamp},
    ledger::journal::{JournalError, Store, Stored},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Tombstone {
    Erased {
        at: Timestamp,
    },
    /// Of a kind that a newer build has added.
    #[serde(other)]
    Unknown,
}

impl Stored for Tombstone {
    const REALM: &'static str = "erased/";

    fn of_a_newer_build() -> Self {
        Self::Unknown
    }

    fn is_of_a_newer_build(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// The tombstones of a store.
pub struct Tombstones {
    store: Store<Tombstone>,
    /// Whether an event has been met that does not say when it was.
    undated: AtomicBool,
}

impl Tombstones {
    pub fn new(store: Store<Tombstone>) -> Self {
        Self { store, undated: AtomicBool::new(false) }
    }

    /// # Errors
    /// When the store fails.
    pub async fn put(&self, id: &ConversationId, now: Timestamp) -> Result<(), JournalError> {
        let id = hashed(id);
        let before = self.store.read(&id, 0).await?.len() as u64;
        // Another that is put at the same time is as good.
        self.store.append(&id, before, &[Tombstone::Erased { at: now }], None).await.map(drop)
    }

    /// When the conversation was erased last, if it was.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn erased_at(&self, id: &ConversationId) -> Result<Option<Timestamp>, JournalError> {
        let at = |fact: &Tombstone| match fact {
            Tombstone::Erased { at } => *at,
            // Nothing is younger than what nobody knows the age of.
            Tombstone::Unknown => Timestamp(i64::MAX),
        };
        Ok(self.store.read(&hashed(id), 0).await?.iter().map(at).max())
    }

    /// Whether this is the first event that does not say when it was.
    pub fn is_first_undated(&self) -> bool {
        !self.undated.swap(true, Relaxed)
    }

    /// Takes away those that are older than `before`; how many they were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self, before: Timestamp) -> Result<usize, JournalError> {
        let mut forgotten = 0;
        for id in self.store.all().await? {
            let is_old = |fact: &Tombstone| matches!(fact, Tombstone::Erased { at } if *at < before);
            if self.store.read(&id, 0).await?.iter().all(is_old) {
                forgotten += usize::from(self.store.remove(&id).await?);
            }
        }
        Ok(forgotten)
    }
}

fn hashed(id: &ConversationId) -> ConversationId {
    let hash = hex::encode(Sha256::digest(id.as_str()));
    ConversationId::parse(&hash).expect("64 hexadecimal digits are an id")
}
