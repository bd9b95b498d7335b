//! Back to the bot after a live chat: a fresh Copilot Studio conversation behind the same client
//! conversation, told what happened.

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::json;
use tracing::{Instrument as _, info, warn};

use super::{Conversation, Handoff};
use crate::{
    domain::Timestamp,
    far_end::CallError,
    ledger::journal::JournalError,
    session::{Command, Phase, Segment},
    telemetry::{of_caller, on_behalf},
    translate::texts,
};

impl Handoff {
    /// Opens the fresh conversation if one is due; returns at once.
    pub(super) fn return_soon(self: &Arc<Self>, conversation: &Arc<Conversation>) {
        let (handoff, conversation) = (self.clone(), conversation.clone());
        let come_back = async move {
            let Ok(_turn) = conversation.local.returning.try_lock() else { return };
            handoff.try_to_return(&conversation).await;
        };
        tokio::spawn(on_behalf(of_caller(), come_back).in_current_span());
    }

    /// Opens the fresh conversation if one is due, and waits for it.
    pub(super) async fn return_now(&self, conversation: &Arc<Conversation>) {
        let _turn = conversation.local.returning.lock().await;
        self.try_to_return(conversation).await;
    }

    async fn try_to_return(&self, conversation: &Arc<Conversation>) {
        match self.open_fresh(conversation, None).await {
            Ok(true) => info!(conversation.id = %conversation.id, "The bot is back, in a fresh conversation"),
            Ok(false) => {}
            Err(error) => {
                warn!(conversation.id = %conversation.id, %error, "The bot can't be brought back now; the next poll tries again");
            }
        }
    }

    /// Opens a conversation in place of the one whose token has died while nobody was looking.
    pub(super) async fn replace(
        &self,
        conversation: &Arc<Conversation>,
        segment: usize,
    ) -> Result<(), ReturnError> {
        let _turn = conversation.local.returning.lock().await;
        self.open_fresh(conversation, Some(segment)).await?;
        Ok(())
    }

    async fn open_fresh(
        &self,
        conversation: &Arc<Conversation>,
        instead_of: Option<usize>,
    ) -> Result<bool, ReturnError> {
        let (user, context) = {
            let state = conversation.state().await;
            let context = match (&state.phase, instead_of) {
                (Phase::Returning { why, agent }, None) => Some((*why, agent.clone())),
                (Phase::Bot, Some(segment)) if segment + 1 == state.segments.len() => None,
                _ => return Ok(false),
            };
            (state.user.clone(), context)
        };
        let opened =
            self.direct_line.open(Some(&user.id), user.locale.as_deref(), of_caller().as_deref()).await?;
        let authorization = opened.authorization.expose_secret();
        if let Some((why, agent)) = context {
            let name = agent.and_then(|agent| agent.name).unwrap_or_default();
            let told = json!({
                "type": "event", "name": "pvaSetContext", "from": {"id": user.id, "role": "user"},
                "value": {"ServiceNowOutcome": texts::outcome(why), "ServiceNowAgent": name},
            });
            let trace = of_caller();
            let post = self.direct_line.post(&opened.conversation_id, authorization, &told, trace.as_deref());
            if let Err(error) = post.await {
                warn!(conversation.id = %conversation.id, %error, "The fresh conversation may not know how the live chat ended");
            }
        }
        let until = i64::try_from(opened.expires_in.as_millis()).unwrap_or(i64::MAX);
        let own_secret = self.secret.is_some();
        let command = Command::BotReturned {
            conversation: opened.conversation_id,
            authorization: (!own_secret).then(|| self.seal.seal(authorization, conversation.id.as_str())),
            until: (!own_secret).then(|| Timestamp::now().plus_millis(until)),
            instead_of,
        };
        Ok(!self.commit(conversation, command).await?.facts().is_empty())
    }

    /// How to speak for ourselves in a segment of ours, renewing its token when half its life is over.
    pub(super) async fn authorization(
        &self,
        conversation: &Arc<Conversation>,
        segment: &Segment,
    ) -> Result<String, ReturnError> {
        let (Some(held), Some(until)) = (&segment.authorization, segment.until) else {
            let secret =
                self.secret.as_ref().map(|secret| format!("Bearer {}", secret.value().expose_secret()));
            return Ok(secret.unwrap_or_default());
        };
        // Sealed while the settings had other secrets: as good as over, and the conversation is replaced.
        let held = self.seal.open(held, conversation.id.as_str()).ok_or_else(over)?;
        if until.millis_since(Timestamp::now()) > HALF_LIFE {
            return Ok(held);
        }
        let renewed = self.direct_line.refresh(&held).await?;
        let authorization = renewed.authorization.expose_secret().to_owned();
        let lasts = i64::try_from(renewed.expires_in.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp::now().plus_millis(lasts);
        let sealed = self.seal.seal(&authorization, conversation.id.as_str());
        let command = Command::BotTokenRenewed { authorization: sealed, until };
        self.commit(conversation, command).await?;
        Ok(authorization)
    }
}

/// Milliseconds before its end at which a token is renewed: half of the shortest life documented.
const HALF_LIFE: i64 = 15 * 60_000;

fn over() -> CallError {
    CallError::Rejected { status: 403, code: Some("TokenExpired".to_owned()) }
}

/// Why the bot is not back.
#[derive(Debug, thiserror::Error)]
pub enum ReturnError {
    #[error("Direct Line: {0}")]
    DirectLine(#[from] CallError),
    #[error(transparent)]
    Store(#[from] JournalError),
}
