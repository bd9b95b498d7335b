//! Files that are kept here until all of their upload have been looked at.

use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::{
    Cut, FileHead, Files, Incoming, TakeError,
    store::Label,
    taking::{PIECES, pump},
};
use crate::domain::{Attachment, Timestamp};

/// Milliseconds after which a held file is deleted, should nobody come back for it.
const HELD: i64 = 3_600_000;

/// A file that is kept here for a moment.
pub struct Held {
    key: String,
    label: Label,
}

impl Held {
    pub fn name(&self) -> &str {
        &self.label.name
    }
}

impl Files {
    /// Keeps the file that `incoming` stands at until it is sent on or let go.
    ///
    /// # Errors
    /// See [`TakeError`]; nothing of the file is left here then.
    pub async fn hold(
        &self,
        file: FileHead,
        incoming: &mut Incoming,
        now: Timestamp,
    ) -> Result<Held, TakeError> {
        let label = Label { name: file.name, media_type: file.media_type };
        let (sender, receiver) = mpsc::channel(PIECES);
        let until = now.plus_millis(HELD);
        let key = pump(incoming, sender, self.keep(&label, receiver, until)).await?;
        Ok(Held { key, label })
    }

    /// Takes a held file to where ServiceNow finds it; it is no longer held then, whatever came of it.
    ///
    /// # Errors
    /// See [`TakeError`].
    pub async fn send_held(
        &self,
        user_id: &str,
        held: Held,
        now: Timestamp,
    ) -> Result<Attachment, TakeError> {
        let sent = self.send(user_id, &held, now).await;
        self.let_go(held).await;
        sent
    }

    /// Deletes a held file; a store that fails will do so later.
    pub async fn let_go(&self, held: Held) {
        let _ = self.store.remove(&held.key).await;
    }

    async fn send(&self, user_id: &str, held: &Held, now: Timestamp) -> Result<Attachment, TakeError> {
        const GONE: TakeError = TakeError::Broken("The file is gone. Send it again.");
        let opened = self.store.open(&held.key).await.map_err(TakeError::Store)?.ok_or(GONE)?;
        let Label { name, media_type } = held.label.clone();
        let bytes = opened.length;
        let file = FileHead { name, media_type, length: Some(bytes) };
        let range = 0..opened.length;
        let mut pieces = opened.read(range).await.map_err(TakeError::Store)?;
        let (sender, receiver) = mpsc::channel(PIECES);
        let feed = async move {
            while let Some(piece) = pieces.next().await {
                if sender.send(piece.map_err(|_| Cut)).await.is_err() {
                    break;
                }
            }
        };
        let (_, put) = tokio::join!(feed, self.put(user_id, &file, receiver, now));
        let FileHead { name, media_type, length: _ } = file;
        Ok(Attachment { name, media_type, url: put?, bytes })
    }
}
