//! What stays of an erased conversation: a hash of its id, so that Direct Line's old event opens nothing again.

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
pub struct Tombstones(Store<Tombstone>);

impl Tombstones {
    pub fn new(store: Store<Tombstone>) -> Self {
        Self(store)
    }

    /// # Errors
    /// When the store fails.
    pub async fn put(&self, id: &ConversationId, now: Timestamp) -> Result<(), JournalError> {
        // One that stands there already is as good.
        self.0.append(&hashed(id), 0, &[Tombstone::Erased { at: now }], None).await.map(drop)
    }

    /// Whether the conversation was erased.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn has(&self, id: &ConversationId) -> Result<bool, JournalError> {
        Ok(!self.0.read(&hashed(id), 0).await?.is_empty())
    }

    /// Takes away those that are older than `before`; how many they were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self, before: Timestamp) -> Result<usize, JournalError> {
        let mut forgotten = 0;
        for id in self.0.all().await? {
            let is_old = |fact: &Tombstone| matches!(fact, Tombstone::Erased { at } if *at < before);
            if self.0.read(&id, 0).await?.iter().all(is_old) {
                forgotten += usize::from(self.0.remove(&id).await?);
            }
        }
        Ok(forgotten)
    }
}

fn hashed(id: &ConversationId) -> ConversationId {
    let hash = hex::encode(Sha256::digest(id.as_str()));
    ConversationId::parse(&hash).expect("64 hexadecimal digits are an id")
}
