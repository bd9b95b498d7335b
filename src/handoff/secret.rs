//! Masked answers: delivered before the client is answered, and never stored, logged or shown again.
//!
//! The one exception to "stored first": what may not be written down can't be tried again either. When it
//! does not get through, the user is told to enter it again.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use tracing::warn;

use super::{
    Conversation, Handoff,
    client::{Posted, said_at},
};
use crate::{
    domain::{ActivityId, SessionId, Timestamp, User},
    journal::JournalError,
    session::{Event, UserSaid},
    translate::{answer::Answer, request, takeover, texts},
    wire::activity::Activity,
};

/// How long a masked answer waits for what was said before it.
const TURN: Duration = Duration::from_secs(8);

impl Handoff {
    pub(super) async fn say_secretly(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        activity: &Activity,
        answer: Answer,
        trace: Option<String>,
    ) -> Result<Option<Posted>, JournalError> {
        let client_id = takeover::client_id(activity);
        let (session, user, known, again) = {
            let state = conversation.state.lock().await;
            let again = answer.question.is_some_and(|question| state.has_answered(question));
            let known = client_id.as_ref().and_then(|id| state.posted_as(id).cloned());
            let session = SessionId { conversation: conversation.id.clone(), chat: state.chat };
            (session, state.user.clone(), known, again)
        };
        if let Some(known) = known {
            self.count_duplicates(1);
            return Ok(Some(Posted::Accepted(known)));
        }
        let question = answer.question;
        let passed_on =
            again || self.pass_on(conversation, client_id.as_deref(), (&session, &user), answer, trace).await;
        let said = UserSaid {
            client_id: client_id.clone(),
            secure: passed_on,
            answers: question,
            echo: masked(activity),
            at: Timestamp::now(),
            ..UserSaid::default()
        };
        let event =
            if passed_on { Event::UserSaid(Box::new(said)) } else { Event::SecretLost(Box::new(said)) };
        let recorded = self.record(conversation, event).await?;
        let Some(position) = said_at(&recorded) else { return Ok(None) };
        Ok(Some(Posted::Accepted(ActivityId::local(&conversation.id, position))))
    }

    /// Tells ServiceNow a masked answer, once; false when it did not get through.
    async fn pass_on(
        self: &Arc<Self>,
        conversation: &Arc<Conversation>,
        client_id: Option<&str>,
        (session, user): (&SessionId, &User),
        answer: Answer,
        trace: Option<String>,
    ) -> bool {
        let began = Timestamp::now();
        let Ok(_turn) = tokio::time::timeout(TURN, self.turn(conversation)).await else { return false };
        let id = format!("{session}-masked-{}", masked_name(client_id));
        let secret = request::secret(id, session, user, answer.text, answer.typed, Timestamp::now());
        let secret = request::in_trace(secret, trace.as_deref());
        let sent = self.servicenow.send(&secret, trace.as_deref()).await;
        if let Err(error) = &sent {
            warn!(conversation.id = %session.conversation, chat = session.chat, %error, "A masked answer did not get through; the user is asked for it again");
            return false;
        }
        self.counters.delivered(Timestamp::now().millis_since(began));
        true
    }

    /// Waits until everything said before is delivered, and keeps others from delivering meanwhile.
    async fn turn(self: &Arc<Self>, conversation: &Arc<Conversation>) -> tokio::sync::OwnedMutexGuard<()> {
        loop {
            let mut moved = conversation.moved.subscribe();
            self.deliver_soon(conversation, None);
            let turn = conversation.delivering.clone().lock_owned().await;
            if conversation.state.lock().await.outbox.is_empty() {
                return turn;
            }
            drop(turn);
            let _ = tokio::time::timeout(Duration::from_millis(100), moved.changed()).await;
        }
    }
}

/// The client's name for the answer makes the request's, so that a post that is repeated after we died is
/// known at the far end; without one it is new each time.
fn masked_name(client_id: Option<&str>) -> String {
    let mut name = [0; 8];
    match client_id {
        Some(id) => crate::auth::token_hash(id).as_str().chars().take(16).collect(),
        None => {
            let _ = getrandom::fill(&mut name);
            hex::encode(name)
        }
    }
}

/// What the client is shown of it: that there was an answer.
fn masked(activity: &Activity) -> Map<String, Value> {
    let mut echo = takeover::echo(activity);
    echo.retain(|name, _| matches!(name.as_str(), "from" | "locale" | "localTimezone"));
    echo.insert("text".to_owned(), texts::HIDDEN.into());
    if let Some(id) = takeover::client_id(activity) {
        echo.insert("channelData".to_owned(), json!({"clientActivityID": id}));
    }
    echo
}
