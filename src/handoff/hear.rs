//! What ServiceNow says: to the response endpoint, or in the answer to a call.

use tracing::{Span, debug, warn};

use super::{Conversation, Handoff, calls::Calls};
use crate::{
    domain::{SessionId, control::Control},
    ledger::{commit_and_deliver, journal::JournalError},
    servicenow::Answer,
    session::{Answered, Command, LANE},
    telemetry::{TRACEPARENT, trace_id},
    translate::{
        picture,
        request::session_of_request,
        virtual_agent::{Inbound, Item, SystemMeaning, What, inbound, system_meaning},
    },
    wire::virtual_agent::response::Response,
};

/// What became of a message of ServiceNow's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Stored,
    /// Nothing new in it.
    OldNews,
    /// Of no conversation we know.
    Unknown,
}

impl Handoff {
    /// Stores what a webhook tells. The caller may answer 200 when this has returned.
    pub async fn hear(&self, response: Response) -> Result<Heard, JournalError> {
        let inbound = inbound(response);
        if let Some(trace) = trace_of(&inbound) {
            Span::current().record("trace.id", trace);
        }
        let Some(SessionId { conversation: id, chat }) = session_of(&inbound) else {
            warn!("ServiceNow sent a message without a session of ours; it is dropped");
            return Ok(Heard::Unknown);
        };
        let Some(conversation) = self.ledger.find(&id).await? else {
            warn!(conversation.id = %id.shown(), chat, "ServiceNow sent a message of a conversation we don't know; it is dropped");
            return Ok(Heard::Unknown);
        };
        let told = take_in(&self.calls, &conversation, inbound).await;
        let known = {
            let state = conversation.state().await;
            let heard = |item: &&Item| chat == state.chat && state.has_heard(item);
            told.inbound.items.iter().filter(heard).count()
        };
        let command = Command::Heard { chat, told };
        let facts = commit_and_deliver(&self.calls, &conversation, LANE, command).await?.facts().len();
        self.calls.count_duplicates(known);
        debug!(conversation.id = %id, chat, facts, "Heard from ServiceNow");
        Ok(if facts == 0 { Heard::OldNews } else { Heard::Stored })
    }
}

/// What a synchronous answer tells, as if it had come by webhook. It does not name its session.
pub(super) async fn told(calls: &Calls, conversation: &Conversation, answer: Answer) -> Option<Answered> {
    if answer.unread {
        warn!(conversation.id = %conversation.id, "ServiceNow took a call, and what it answered can't be read");
    }
    let response = Response::parse(&answer.synchronous?).ok()?;
    if response.lost > 0 {
        warn!(conversation.id = %conversation.id, lost = response.lost, "Parts of an answer of ServiceNow's can't be read; the others are used");
    }
    Some(take_in(calls, conversation, inbound(response)).await)
}

/// What ServiceNow tells, ready to be stored: masked words are kept in memory alone, pictures that there is no room for are left
/// out.
async fn take_in(calls: &Calls, conversation: &Conversation, mut inbound: Inbound) -> Answered {
    let meanings = inbound.items.iter().map(meaning).collect();
    let mut room = conversation.state().await.kept.room_for_files();
    for item in &mut inbound.items {
        let What::Said(control) = &mut item.what else { continue };
        if let Some(Control::Masked(masked)) = control.masked() {
            let kept = calls.ledger.whisper(&calls.ledger.random_name(), masked.take().into());
            (masked.whisper, masked.by) = (kept.name, kept.by);
        }
        if matches!(control, Control::Text { text } if !picture::stands_in(text)) {
            continue;
        }
        let Ok(mut stored) = serde_json::to_value(&*control) else { continue };
        let gone = picture::fit(&mut stored, &mut room, calls.largest_picture);
        if gone > 0
            && let Ok(fits) = serde_json::from_value(stored)
        {
            *control = fits;
            warn!(conversation.id = %conversation.id, pictures = gone, "Pictures in a message of ServiceNow's are larger than MAX_UPLOAD, or than the conversation has room for; they are left out");
        }
    }
    Answered { inbound, meanings }
}

/// The trace of the request that this answers, as ServiceNow gives it back: for the log and nothing else.
fn trace_of(inbound: &Inbound) -> Option<&str> {
    trace_id(inbound.client_variables.as_ref()?.get(TRACEPARENT)?.as_str()?)
}

fn session_of(inbound: &Inbound) -> Option<SessionId> {
    let named = inbound.session.as_deref().filter(|session| !session.is_empty());
    named.and_then(SessionId::parse).or_else(|| inbound.request_id.as_deref().and_then(session_of_request))
}

/// What an item means when only its words say so; a live agent's own words never mean anything but themselves.
fn meaning(item: &Item) -> Option<SystemMeaning> {
    match &item.what {
        What::System(text) => system_meaning(text),
        What::Said(Control::Text { text }) if item.agent.is_none() => system_meaning(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_trace_as_the_standard_has_it_is_taken_from_servicenow() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (variables, expected) in [
            (json!({"traceparent": trace, "other": 1}), Some("4bf92f3577b34da6a3ce929d0e0e4736")),
            (json!({"traceparent": "my password is x"}), None),
            (json!({"traceparent": format!("{trace} and more")}), None),
            (json!({"traceparent": [trace]}), None),
            (json!([trace]), None),
            (json!(trace), None),
            (json!({}), None),
        ] {
            let body = json!({"clientVariables": variables, "body": []}).to_string();
            let inbound = inbound(Response::parse(body.as_bytes()).expect("JSON"));
            assert_eq!(trace_of(&inbound), expected, "{variables}");
        }
    }
}
