//! Calls to ServiceNow, and what came of them.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use tracing::{debug, error, info, warn};

use super::{Conversation, hear};
use crate::{
    domain::SessionId,
    far_end::CallError,
    ledger::{Attempt, CallId, Failure, Ledger, Outcome, Role, Tried, Why},
    servicenow::ServiceNow,
    session::{Answered, Call, Chat, ChatCall, State, TYPING_MILLIS},
    telemetry::{Count, Counters, trace_id},
    translate::request::{request, whisper},
};

/// What an instance may take for a call; its own limit is 175 s.
const LONGEST: Duration = Duration::from_secs(60);
/// What it may take for the user's time zone.
const ZONE_TAKES: Duration = Duration::from_secs(5);
/// What the user is made to wait for their words to get through.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes the calls that the facts ask for.
pub struct Calls {
    pub ledger: Arc<Ledger<Chat>>,
    pub servicenow: ServiceNow,
    /// Bytes that a picture in a message may have.
    pub largest_picture: u64,
    pub counters: Arc<Counters>,
}

impl Calls {
    /// Waits until the call is settled or put off, or has taken too long for a client to wait.
    pub async fn wait_for(&self, conversation: &Conversation, call: CallId) {
        let through = |state: &State, now| {
            let queued = state.outbox.get(call);
            let pending = queued.is_some_and(|q| q.attempts == 0 || q.is_under_way(now));
            (!pending).then_some(())
        };
        // Whoever removed the conversation waits for nothing of it.
        self.ledger.wait_for(conversation, PATIENCE, through).await.ok();
    }

    /// Counts what was said again.
    pub fn count_duplicates(&self, many: usize) {
        self.counters.add(Count::Duplicates, many);
    }
}

impl Role for Calls {
    type Machine = Chat;

    fn ledger(&self) -> &Arc<Ledger<Chat>> {
        &self.ledger
    }

    fn longest(&self, _: &ChatCall) -> Duration {
        LONGEST
    }

    async fn call(self: &Arc<Self>, attempt: &Attempt<Chat>) -> Tried<Answered> {
        let Attempt { entry, queued, .. } = attempt;
        let ChatCall { chat, what } = &queued.call;
        // A sign that the user types is worth nothing once they have stopped.
        if matches!(what, Call::Typing) && self.ledger.now().millis_since(queued.since) > TYPING_MILLIS {
            return Err(Failure::Refused);
        }
        if queued.passing && !self.servicenow.takes_signs(self.ledger.now()) {
            return Err(Failure::Refused);
        }
        let session = SessionId { conversation: entry.id.clone(), chat: *chat };
        let mut request = request(queued, &session, &entry.state().await.user);
        if let Call::Say(message) = what
            && let Some(held) = &message.whisper
        {
            let words = self.ledger.whispers().get(&held.name).ok_or(Failure::WordsGone)?;
            whisper(&mut request, &words);
        }
        let sent = self.servicenow.send(&request, queued.trace.as_deref());
        // The calls behind it name the zone, too: they are not held up for it.
        let is_zone = matches!(what, Call::SetTimezone(_));
        let answer = match is_zone {
            true => timeout(ZONE_TAKES, sent).await.map_err(|_| Failure::Refused)?,
            false => sent.await,
        };
        match answer {
            Ok(answer) => Ok(hear::told(self, entry, answer).await),
            Err(error) => {
                attempt.failed(&error);
                // Who is not let in to open a chat is told at once.
                let refused = what.is_opening() && matches!(error, CallError::Rejected { .. });
                let refused = refused || is_zone && matches!(error, CallError::Uncertain(_));
                Err(if refused { Failure::Refused } else { Failure::from(&error) })
            }
        }
    }

    fn settled(self: &Arc<Self>, attempt: &Attempt<Chat>, outcome: &Outcome<Answered>) {
        let Attempt { entry, queued, .. } = attempt;
        let ChatCall { chat, what } = &queued.call;
        let (id, call, trace) = (&entry.id, what.name(), queued.trace.as_deref().and_then(trace_id));
        let error = attempt.error();
        if let Call::Say(message) = what
            && let Some(whisper) = &message.whisper
            && !matches!(outcome, Outcome::Retry { .. })
        {
            self.ledger.whispers().forget(&whisper.name);
        }
        match outcome {
            Outcome::Done(_) => {
                if let Call::Say(_) = what {
                    self.counters.delivered(self.ledger.now().millis_since(queued.since));
                }
                if what.is_opening() {
                    info!(conversation.id = %id, chat, trace.id = trace, call, attempt = queued.attempts, "ServiceNow took the request for a live chat");
                } else {
                    debug!(conversation.id = %id, chat, trace.id = trace, call, attempt = queued.attempts, "Delivered to ServiceNow");
                }
            }
            Outcome::Retry { .. } | Outcome::GivenUp(_) if queued.passing => {
                self.counters.one(Count::SignsDropped);
                debug!(conversation.id = %id, chat, trace.id = trace, call, error, "A passing sign was lost on its way to ServiceNow");
            }
            Outcome::Retry { .. } => {
                warn!(conversation.id = %id, chat, trace.id = trace, call, attempt = queued.attempts, error, "ServiceNow did not take it; will try again");
            }
            Outcome::GivenUp(Why::WordsGone) => {
                warn!(conversation.id = %id, chat, call, "A masked answer is gone, because it is not stored; the user is asked for it again");
            }
            Outcome::GivenUp(why) => {
                error!(conversation.id = %id, chat, trace.id = trace, call, attempt = queued.attempts, error, ?why, "ServiceNow did not take it; gave up");
            }
        }
    }
}
