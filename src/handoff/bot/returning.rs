//! Back to the bot after a live chat: a fresh Copilot Studio conversation behind the same client
//! conversation, told what happened.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use serde_json::json;
use tokio::{task::JoinHandle, time::timeout};
use tracing::{Instrument as _, info, warn};

use super::{super::Conversation, Bot, lock, shuts_out};
use crate::{
    domain::Timestamp,
    far_end::CallError,
    ledger::Failure,
    session::{Command, EndReason, Phase},
    telemetry::{of_caller, on_behalf},
    wire::activity::Activity,
};

/// How long somebody waits for the bot who has something to say; it may come later.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long somebody does who only reads.
pub const READERS_PATIENCE: Duration = Duration::from_secs(3);

/// The event that tells an agent what to know, and what we tell it.
const CONTEXT: &str = "pvaSetContext";
const OUTCOME: &str = "ServiceNowOutcome";

impl Bot {
    /// Opens the fresh conversation if one is due; returns at once.
    pub fn return_soon(self: &Arc<Self>, conversation: &Arc<Conversation>) {
        if conversation.local.turns().returning.try_lock().is_ok() {
            drop(self.come_back(conversation, None));
        }
    }

    /// Opens the fresh conversation if one is due, and waits for it. `instead_of`: the stretch whose token has died while nobody
    /// was looking, when it was no live chat that ended.
    pub async fn return_now(self: &Arc<Self>, conversation: &Arc<Conversation>, instead_of: Option<usize>) {
        let _ = timeout(PATIENCE, self.come_back(conversation, instead_of)).await;
    }

    /// Whether a call in a stretch of the bot's failed because that is a conversation of ours whose token has died, while nobody was
    /// looking: the client has nothing to do with it.
    pub async fn has_died(&self, conversation: &Conversation, stretch: usize, error: &CallError) -> bool {
        let state = conversation.state().await;
        shuts_out(error) && state.segments.get(stretch).is_some_and(|stretch| stretch.conversation.is_some())
    }

    /// Opens another conversation in the place of one that [`has_died`](Self::has_died), and waits for it; whether it had.
    pub async fn replace(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        stretch: usize,
        error: &CallError,
    ) -> bool {
        let dead = self.has_died(conversation, stretch, error).await;
        if dead {
            self.return_now(conversation, Some(stretch)).await;
        }
        dead
    }

    /// In a task of its own: a conversation that was opened is not to be forgotten because whoever waited for it has gone.
    fn come_back(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        instead_of: Option<usize>,
    ) -> JoinHandle<()> {
        let (bot, conversation) = (self.clone(), conversation.clone());
        let come_back = async move {
            let turns = conversation.local.turns();
            let _turn = turns.returning.lock().await;
            bot.try_to_return(&conversation, instead_of).await;
        };
        tokio::spawn(on_behalf(of_caller(), come_back).in_current_span())
    }

    async fn try_to_return(&self, conversation: &Arc<Conversation>, instead_of: Option<usize>) {
        match self.open_fresh(conversation, instead_of).await {
            Ok(true) => info!(conversation.id = %conversation.id, "The bot is back, in a fresh conversation"),
            Ok(false) => {}
            Err(error) => {
                warn!(conversation.id = %conversation.id, %error, "The bot can't be brought back now; the next poll tries again");
            }
        }
    }

    async fn open_fresh(
        &self,
        conversation: &Arc<Conversation>,
        instead_of: Option<usize>,
    ) -> Result<bool, CallError> {
        let (user, context) = {
            let state = conversation.state().await;
            let context = match (&state.phase, instead_of) {
                _ if state.outbox.is_frozen() => return Ok(false),
                (Phase::Returning { why, agent }, None) => {
                    Some((*why, agent.as_ref().and_then(|agent| agent.name.clone()).unwrap_or_default()))
                }
                (Phase::Bot, Some(segment)) if segment + 1 == state.segments.len() => None,
                _ => return Ok(false),
            };
            (state.user.clone(), context)
        };
        if lock(&self.opening).may_ask(Timestamp::now(), 0).is_err() {
            return Ok(false);
        }
        let opened =
            self.direct_line.open(Some(&user.id), user.locale.as_deref(), of_caller().as_deref()).await;
        lock(&self.opening).note(opened.as_ref().err().map(Failure::from), Timestamp::now());
        let opened = opened?;
        if let Some((why, agent)) = context {
            let told = json!({
                "type": "event", "name": CONTEXT, "from": {"id": user.id, "role": "user"},
                "value": {OUTCOME: outcome(why), "ServiceNowAgent": agent},
            });
            let (id, token) = (&opened.conversation_id, opened.token.authorization.expose_secret());
            if let Err(error) = self.direct_line.post(id, token, &told, of_caller().as_deref()).await {
                warn!(conversation.id = %conversation.id, %error, "The fresh conversation may not know how the live chat ended");
            }
        }
        let sealed = || opened.token.sealed(&self.seal, &conversation.id, Timestamp::now());
        let token = self.direct_line.own_authorization().is_none().then(sealed);
        let command = Command::BotReturned { conversation: opened.conversation_id, token, instead_of };
        // Its first words are paid for: each one that could not be stored would be followed by another.
        let committed = self.ledger.commit_surely(conversation, &command).await;
        let committed = committed.map_err(|error| CallError::NotSent(Some(error.into())))?;
        Ok(!committed.facts().is_empty())
    }
}

/// Whether it is what a fresh conversation was told by us. A page may tell its agent something under the same name.
pub fn tells_outcome(activity: &Activity) -> bool {
    activity.kind == "event"
        && activity.name.as_deref() == Some(CONTEXT)
        && activity.value.as_ref().is_some_and(|value| value.get(OUTCOME).is_some())
}

/// The outcome as the agent is told it.
fn outcome(why: EndReason) -> &'static str {
    match why {
        EndReason::ByAgent => "ended_by_agent",
        EndReason::ByUser => "ended_by_user",
        EndReason::NobodyInTime => "timed_out",
        EndReason::NobodyAvailable => "no_agent_available",
        EndReason::ControlReturned => "control_returned",
        EndReason::NotOpened => "not_opened",
        EndReason::Idle => "idle",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_tells_its_agent_is_not_taken_for_ours() {
        let own = json!({"ServiceNowOutcome": "ended_by_agent", "ServiceNowAgent": "Ana"});
        for (kind, name, value, expected) in [
            ("event", CONTEXT, own.clone(), true),
            ("event", CONTEXT, json!({"a": 2}), false),
            ("event", CONTEXT, json!("ServiceNowOutcome"), false),
            ("event", CONTEXT, json!(null), false),
            ("event", "other", own.clone(), false),
            ("message", CONTEXT, own, false),
        ] {
            let activity = Activity {
                kind: kind.to_owned(),
                name: Some(name.to_owned()),
                value: Some(value),
                ..Activity::default()
            };
            assert_eq!(tells_outcome(&activity), expected, "{activity:?}");
        }
    }
}
