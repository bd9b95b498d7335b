//! Goes over the conversations that wait for something: resumes deliveries, ends what took too long.

use std::sync::Arc;

use tracing::warn;

use super::{Conversation, Handoff};
use crate::{
    domain::{ConversationId, Timestamp},
    journal::{Journal, JournalError, Position},
    session::{Event, Phase},
};

impl Handoff {
    /// Looks at every open conversation once; how many there were.
    ///
    /// # Errors
    /// When the open conversations can't be listed. One that fails by itself is logged and passed over.
    pub async fn sweep(self: &Arc<Self>) -> Result<usize, JournalError> {
        self.files.sweep(Timestamp::now()).await;
        let open = self.journal.open().await?;
        for id in &open {
            let looked = async {
                match self.find(id).await? {
                    Some(conversation) => self.look_after(&conversation).await,
                    None => self.note_closed(id, 0).await,
                }
            };
            if let Err(error) = looked.await {
                warn!(conversation.id = %id, %error, "A conversation could not be looked after; the next sweep tries again");
            }
        }
        Ok(open.len())
    }

    async fn look_after(self: &Arc<Self>, conversation: &Arc<Conversation>) -> Result<(), JournalError> {
        let recorded = self.record(conversation, Event::Tick).await?;
        let (position, open, returning) = {
            let state = conversation.state.lock().await;
            (state.position, state.is_open(), matches!(state.phase, Phase::Returning { .. }))
        };
        if recorded.facts.is_empty() && !open {
            return self.note_closed(&conversation.id, position).await;
        }
        if returning {
            self.return_soon(conversation);
        }
        self.deliver_soon(conversation, None);
        Ok(())
    }

    /// A crash left it listed as open. When it has moved meanwhile, the next sweep looks again.
    async fn note_closed(&self, id: &ConversationId, position: Position) -> Result<(), JournalError> {
        self.journal.append(id, position, &[], Some(false)).await.map(drop)
    }
}
