//! What has ended is deleted after `RETENTION_DAYS`, on every store.

use std::time::Duration;

use tracing::{info, warn};

use super::{folded, tombstone::Tombstones, values, view};
use crate::{
    domain::{ConversationId, Timestamp},
    files::FileStore,
    ledger::journal::{JournalError, Store},
    secondary_bot,
    session::Fact,
};

/// Milliseconds.
const DAY: i64 = 24 * 3_600 * 1_000;
/// After a start, so that it does not stand in its way, and then each day.
const FIRST: Duration = Duration::from_secs(3_600);
const EVERY: Duration = Duration::from_secs(24 * 3_600);

/// The stores that are cleared, and what is kept.
pub struct Retention {
    chats: Store<Fact>,
    sessions: Store<secondary_bot::fact::Fact>,
    tombstones: Tombstones,
    files: FileStore,
    /// Milliseconds.
    kept: i64,
}

impl Retention {
    /// `None` when everything is kept.
    pub fn new(chats: &Store<Fact>, files: FileStore, days: u32) -> Option<Self> {
        let (sessions, tombstones) = (chats.realm(), Tombstones::new(chats.realm()));
        let kept = i64::from(days) * DAY;
        (days > 0).then(|| Self { chats: chats.realm(), sessions, tombstones, files, kept })
    }

    /// Deletes what has ended and said nothing for as long; how many conversations that were.
    ///
    /// # Errors
    /// When the store fails; the next run goes on.
    pub async fn run(&self, now: Timestamp) -> Result<usize, JournalError> {
        let before = now.plus_millis(-self.kept);
        let mut deleted = 0;
        for id in self.chats.all().await? {
            let facts = self.chats.read_encoded(&id, 0).await?;
            if !folded(&id, &facts).is_open() {
                deleted += usize::from(self.delete(&id, &values(&facts), before).await?);
            }
        }
        for id in self.sessions.all().await? {
            let facts = values(&self.sessions.read_encoded(&id, 0).await?);
            deleted += usize::from(self.delete(&id, &facts, before).await?);
        }
        self.tombstones.forget(before).await?;
        Ok(deleted)
    }

    async fn delete(
        &self,
        id: &ConversationId,
        facts: &[serde_json::Value],
        before: Timestamp,
    ) -> Result<bool, JournalError> {
        // Without any time it can't be told to be old.
        if facts.iter().filter_map(view::time).max().is_none_or(|last| last >= before) {
            return Ok(false);
        }
        for key in view::file_keys(facts) {
            if let Err(error) = self.files.remove(&key).await {
                warn!(conversation.id = %id, %error, "A file of an old conversation stays; the next run tries again");
                return Ok(false);
            }
        }
        self.chats.remove(id).await?;
        self.sessions.remove(id).await?;
        Ok(true)
    }

    /// Runs each day until the process ends.
    pub async fn keep_running(self) {
        tokio::time::sleep(FIRST).await;
        loop {
            match self.run(Timestamp::now()).await {
                Ok(0) => {}
                Ok(deleted) => info!(deleted, "Deleted conversations older than RETENTION_DAYS"),
                Err(error) => {
                    warn!(%error, "Old conversations could not be deleted; tomorrow's run tries again")
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}
