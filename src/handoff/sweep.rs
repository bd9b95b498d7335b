//! Goes over the conversations that wait for something: resumes deliveries, ends what took too long.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tracing::{info, warn};

use super::{Conversation, Handoff};
use crate::{
    domain::{ConversationId, Timestamp},
    journal::{Journal, JournalError, Position},
    session::{Event, Phase, State},
};

/// Conversations looked at at the same time: a blob store answers each in milliseconds, and there may be thousands.
const AT_ONCE: usize = 16;

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
        let looks = open.iter().map(|id| self.look_at(id));
        let mut swept = Swept { open: open.len(), ..Swept::default() };
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some(looked) = looks.next().await {
            swept.take_in(looked);
        }
        swept.log();
        Ok(swept)
    }

    /// What it was like; nothing when it could not be looked at.
    async fn look_at(self: &Arc<Self>, id: &ConversationId) -> Swept {
        let looked = async {
            match self.find(id).await? {
                Some(conversation) => self.look_after(&conversation).await,
                None => self.note_closed(id, 0).await.map(|()| Swept::default()),
            }
        };
        looked.await.unwrap_or_else(|error| {
            warn!(conversation.id = %id, %error, "A conversation could not be looked after; the next sweep tries again");
            Swept::default()
        })
    }

    async fn look_after(self: &Arc<Self>, conversation: &Arc<Conversation>) -> Result<Swept, JournalError> {
        let recorded = self.record(conversation, Event::Tick).await?;
        let (position, open, returning, looked) = {
            let state = conversation.state.lock().await;
            let looked = Swept::of(&state, Timestamp::now());
            (state.position, state.is_open(), matches!(state.phase, Phase::Returning { .. }), looked)
        };
        if recorded.facts.is_empty() && !open {
            self.note_closed(&conversation.id, position).await?;
            return Ok(looked);
        }
        if returning {
            self.return_soon(conversation);
        }
        self.deliver_soon(conversation, None);
        Ok(looked)
    }

    /// A crash left it listed as open. When it has moved meanwhile, the next sweep looks again.
    async fn note_closed(&self, id: &ConversationId, position: Position) -> Result<(), JournalError> {
        self.journal.append(id, position, &[], Some(false)).await.map(drop)
    }
}

impl Swept {
    fn of(state: &State, now: Timestamp) -> Self {
        let ages = || state.outbox.iter().map(|queued| now.millis_since(queued.since));
        Self {
            open: 0,
            chats: usize::from(state.is_live()),
            undelivered: ages().count(),
            oldest_millis: ages().max().unwrap_or_default().max(0),
        }
    }

    fn take_in(&mut self, looked: Self) {
        self.chats += looked.chats;
        self.undelivered += looked.undelivered;
        self.oldest_millis = self.oldest_millis.max(looked.oldest_millis);
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
