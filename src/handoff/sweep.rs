//! Goes over the conversations that wait for something: resumes deliveries, ends what took too long.

use std::sync::Arc;

use tracing::{info, warn};

use super::{Conversation, Handoff};
use crate::{
    domain::{ConversationId, Timestamp},
    journal::{Journal, JournalError, Position},
    session::{Event, Phase, State},
};

/// What the open conversations are like at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Conversations the sweep looked at.
    pub open: usize,
    /// Of these, the ones in which a person is asked for or present.
    pub chats: usize,
    /// Calls that ServiceNow has not taken yet.
    pub undelivered: usize,
    /// Milliseconds since the oldest of them was stored; 0 without any.
    pub oldest_millis: i64,
}

impl Handoff {
    /// Looks at every open conversation once; what they were like then.
    ///
    /// # Errors
    /// When the open conversations can't be listed. One that fails by itself is logged and passed over.
    pub async fn sweep(self: &Arc<Self>) -> Result<Swept, JournalError> {
        self.files.sweep(Timestamp::now()).await;
        let open = self.journal.open().await?;
        let mut swept = Swept { open: open.len(), ..Swept::default() };
        for id in &open {
            let looked = async {
                match self.find(id).await? {
                    Some(conversation) => self.look_after(&conversation, &mut swept).await,
                    None => self.note_closed(id, 0).await,
                }
            };
            if let Err(error) = looked.await {
                warn!(conversation.id = %id, %error, "A conversation could not be looked after; the next sweep tries again");
            }
        }
        swept.log();
        Ok(swept)
    }

    async fn look_after(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        swept: &mut Swept,
    ) -> Result<(), JournalError> {
        let recorded = self.record(conversation, Event::Tick).await?;
        let (position, open, returning) = {
            let state = conversation.state.lock().await;
            swept.take_in(&state, Timestamp::now());
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

impl Swept {
    fn take_in(&mut self, state: &State, now: Timestamp) {
        self.chats += usize::from(state.is_live());
        for queued in state.outbox.iter() {
            self.undelivered += 1;
            self.oldest_millis = self.oldest_millis.max(now.millis_since(queued.since));
        }
    }

    /// Of all instances together, since the journal is theirs together; nothing when nothing is open.
    fn log(&self) {
        let Self { open, chats, undelivered, oldest_millis } = *self;
        if open > 0 {
            info!(
                open,
                open_chats = chats,
                undelivered,
                oldest_undelivered_ms = oldest_millis,
                "Looked after what is open"
            );
        }
    }
}
