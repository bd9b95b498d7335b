//! Goes over the chats that wait for something: resumes deliveries, ends what took too long.

use std::sync::Arc;

use super::{Conversation, Handoff};
use crate::{
    domain::Timestamp,
    ledger::{self, Ledger, Looked, journal::JournalError},
    session::{Chat, Command, Phase},
};

impl Handoff {
    /// Looks at every open conversation once; what they were like then.
    ///
    /// # Errors
    /// When the open conversations can't be listed. One that fails by itself is logged and passed over.
    pub async fn sweep(&self) -> Result<Looked, JournalError> {
        let swept = ledger::sweep(&self.calls, |conversation| self.look_after(conversation)).await;
        // Behind the journals, for which a store that is being opened is waited for.
        self.files.sweep(Timestamp::now()).await;
        let swept = swept?;
        swept.log();
        Ok(swept)
    }

    /// Whether a person is asked for or present.
    async fn look_after(&self, conversation: Arc<Conversation>) -> Result<bool, JournalError> {
        tick(&self.ledger, &conversation).await?;
        let (live, returning) = {
            let state = conversation.state().await;
            (state.is_live(), matches!(state.phase, Phase::Returning { .. }))
        };
        if returning {
            self.bot.return_soon(&self.ledger.remember(conversation));
        }
        Ok(live)
    }
}

/// Stores what time has brought about.
pub(super) async fn tick(
    ledger: &Arc<Ledger<Chat>>,
    conversation: &Arc<Conversation>,
) -> Result<(), JournalError> {
    let typed = conversation.local.typed();
    ledger.commit(conversation, Command::Tick { typed }).await?;
    Ok(())
}
