//! What happens in a session without a request: words that the agent says unasked, and the end of an idle one.

use std::{sync::Arc, time::Duration};

use tracing::info;

use super::{
    SecondaryBot,
    answer::Answer,
    converse::Heard,
    machine::{Command, Session},
    plan::Plan,
    state::RESPONSE,
};
use crate::{
    domain::Timestamp,
    ledger::{self, commit_and_deliver, journal::JournalError},
};

/// When an agent that answered a request is looked at again, for what it says later.
const LINGER: [u64; 6] = [500, 1_000, 2_000, 4_000, 8_000, 15_000];

impl SecondaryBot {
    /// Looks at every open session once, as the time stands then; how many there were.
    ///
    /// # Errors
    /// When the open sessions can't be listed. One that fails by itself is logged and passed over.
    pub async fn sweep(self: &Arc<Self>, now: Timestamp) -> Result<usize, JournalError> {
        let swept = ledger::sweep(self, |session| self.look_after(session, now)).await?;
        self.media.forget_old(now).await;
        Ok(swept.open)
    }

    /// Whether the agent is there.
    async fn look_after(
        self: &Arc<Self>,
        session: Arc<Session>,
        now: Timestamp,
    ) -> Result<bool, JournalError> {
        self.end_idle(&session, now).await?;
        self.overhear(&session).await?;
        Ok(session.state().await.agent.is_some())
    }

    /// Looks for a while for what the agent says after it has answered this request; returns at once.
    pub(super) fn linger_soon(self: &Arc<Self>, session: &Arc<Session>, request: u64) {
        if self.responder.is_none() {
            return;
        }
        let (bot, session) = (self.clone(), session.clone());
        tokio::spawn(async move {
            let _listening = session.local.lock().await;
            let mut moved = session.watch();
            for pause in LINGER {
                let asked_more = async {
                    while session.state().await.is_newest(request) {
                        moved.changed().await;
                    }
                };
                if tokio::time::timeout(Duration::from_millis(pause), asked_more).await.is_ok() {
                    return;
                }
                // Whatever a store that fails keeps from us now, the sweep finds.
                let _ = bot.overhear(&session).await;
            }
        });
    }

    /// Sends on what the agent said unasked. Without a response address it waits for the next request.
    async fn overhear(self: &Arc<Self>, session: &Arc<Session>) -> Result<(), JournalError> {
        let (mut heard, agent, pending, words, source) = {
            let state = session.state().await;
            let free = !state.is_busy() && !state.outbox.is_frozen() && self.responder.is_some();
            let agent = state.agent.clone().filter(|_| free);
            (Heard::behind(&state), agent, state.pending.clone(), state.words(&self.texts), state.unasked())
        };
        let Some(agent) = agent.filter(|agent| self.may_ask(agent)) else { return Ok(()) };
        let Ok(look) = self.read(session, agent.watermark.as_deref()).await else { return Ok(()) };
        heard.take(look.set, &self.events);
        let plan = Plan { stays: pending.clone(), ..Plan::default() };
        let answer = Box::new(Answer::of(&source, plan, heard, &self.events, &words));
        if answer.says_something() {
            let overheard = Command::Overheard { agent, pending: Box::new(pending), answer };
            commit_and_deliver(self, session, RESPONSE, overheard).await?;
        }
        Ok(())
    }

    /// The primary bot takes over, as it does when a Virtual Agent's session has been idle. Stored first: the agent is told
    /// good-bye only when nobody has said anything meanwhile.
    async fn end_idle(self: &Arc<Self>, session: &Arc<Session>, now: Timestamp) -> Result<(), JournalError> {
        let Some(agent) = session.state().await.agent.clone() else { return Ok(()) };
        let idle = Command::Idle { now, tells: self.responder.is_some() };
        let ended = commit_and_deliver(self, session, RESPONSE, idle).await?;
        if !ended.facts().is_empty() {
            self.say_in_passing(session, agent, "endOfConversation").await;
            info!(session.id = %session.id, "Ended an idle session");
        }
        Ok(())
    }
}
