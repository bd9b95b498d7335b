//! A conversation's facts as the client sees them: Direct Line activities.

use serde_json::{Map, Value, json};

use super::{
    activity::{RenderContext, Rendered, render},
    answer::mark,
    link,
    text::Voice,
    texts::Text,
};
use crate::{
    domain::{
        ActivityId, ConversationId, Timestamp, User,
        control::{Control, Progress},
    },
    session::{AgentSaid, EndReason, Fact, Notice, Speaker, UserSaid},
};

/// Milliseconds after which an agent's typing is old news.
const TYPING_SHOWN: i64 = 10_000;

/// Who the client sees when neither a person nor the bot speaks.
const SYSTEM: &str = "ServiceNow";

/// What a fact shows the client, if anything.
pub fn shown(
    fact: &Fact,
    position: u64,
    conversation: &ConversationId,
    user: &User,
    context: &RenderContext<'_>,
    now: Timestamp,
) -> Option<Value> {
    let (at, mut activity) = match fact {
        Fact::UserSaid(said) if said.shown => return None,
        Fact::UserSaid(said) => (said.at, echo(said, user)),
        Fact::AgentSaid(said) => (said.at, placed(said, position, conversation, context)),
        Fact::AgentTyping { by, at } if now.millis_since(*at) < TYPING_SHOWN => (
            *at,
            json!({"type": "typing", "from": by.as_ref().map_or_else(system, |by| account(by, context))}),
        ),
        Fact::AgentTyping { .. } => return None,
        Fact::AgentJoined { agent, at } => {
            let message = context.words.notice(&Notice::Joined { name: agent.name.clone() });
            let from = if agent.name.is_some() {
                account(&Speaker::Agent(agent.clone()), context)
            } else {
                system()
            };
            (*at, status("accepted", &message, &from))
        }
        Fact::Noticed { notice, at } => (*at, system_text(&context.words.notice(notice))),
        Fact::ChatEnded { why, at, .. } => (*at, status(end_state(*why), context.words.end(*why), &system())),
        Fact::ConversationOver { at } => {
            (*at, json!({"type": "endOfConversation", "code": "completedSuccessfully", "from": system()}))
        }
        Fact::HandoffRequested(_)
        | Fact::UpstreamDrained { .. }
        | Fact::HistoryRead { .. }
        | Fact::NotShown { .. }
        | Fact::QuestionsClosed { .. }
        | Fact::UserTyping { .. }
        | Fact::UserStoppedTyping { .. }
        | Fact::Leased(_)
        | Fact::Settled(_)
        | Fact::ChatNamed { .. }
        | Fact::Queued { .. }
        | Fact::Fetched { .. }
        | Fact::BotReturned { .. }
        | Fact::BotTokenRenewed { .. }
        | Fact::FilesUnsaid { .. }
        | Fact::TokenAccepted { .. }
        | Fact::OfANewerBuild
        | Fact::Unknown => return None,
    };
    let own_id = match fact {
        Fact::UserSaid(said) => said.id.clone(),
        _ => None,
    };
    let id = own_id.unwrap_or_else(|| ActivityId::local(conversation, position));
    set(&mut activity, &id, conversation, at);
    Some(activity)
}

/// A line of ours in a conversation that has no journal.
pub fn aside(text: &str, conversation: &ConversationId, at: Timestamp) -> Value {
    let mut line = system_text(text);
    set(&mut line, &ActivityId::of_nothing(conversation), conversation, at);
    line
}

/// The user's own message in one.
pub fn aside_echo(
    said: &Map<String, Value>,
    user: &User,
    id: &ActivityId,
    conversation: &ConversationId,
    at: Timestamp,
) -> Value {
    let said = UserSaid { echo: said.clone(), at, ..UserSaid::default() };
    let mut activity = echo(&said, user);
    set(&mut activity, id, conversation, at);
    activity
}

/// What the server sets of an activity.
fn set(activity: &mut Value, id: &ActivityId, conversation: &ConversationId, at: Timestamp) {
    activity["id"] = id.0.as_str().into();
    activity["timestamp"] = at.rfc3339().into();
    activity["channelId"] = "directline".into();
    activity["conversation"] = json!({"id": conversation.as_str()});
}

fn end_state(why: EndReason) -> &'static str {
    if why.is_failure_to_connect() { "failed" } else { "completed" }
}

fn system() -> Value {
    json!({"id": "servicenow", "name": SYSTEM, "role": "bot"})
}

fn status(state: &str, message: &str, from: &Value) -> Value {
    json!({
        "type": "event", "name": "handoff.status", "from": from,
        "value": {"state": state, "message": message},
    })
}

fn system_text(text: &str) -> Value {
    json!({
        "type": "message", "text": text, "textFormat": "plain", "from": system(),
        "channelData": {"servicenow": {"sentFromAgent": false, "system": true}},
    })
}

fn echo(said: &UserSaid, user: &User) -> Value {
    let mut activity = said.echo.clone();
    activity.insert("type".to_owned(), "message".into());
    let mut from = match activity.remove("from") {
        Some(Value::Object(from)) => from,
        _ => Map::new(),
    };
    from.entry("id").or_insert_with(|| user.id.clone().into());
    from.insert("role".to_owned(), "user".into());
    activity.insert("from".to_owned(), Value::Object(from));
    if let Some(question) = said.answers.filter(|_| said.message.is_some()) {
        let data = activity.entry("channelData").or_insert_with(|| json!({}));
        if let Value::Object(data) = data {
            data.insert("servicenow".to_owned(), json!({"answers": question}));
        }
    }
    Value::Object(activity)
}

fn account(by: &Speaker, context: &RenderContext<'_>) -> Value {
    match by {
        Speaker::Agent(agent) => {
            let id = agent.id.as_deref().or(agent.name.as_deref()).unwrap_or("agent");
            let name = agent.name.as_deref().unwrap_or(context.words.get(Text::LiveAgent));
            json!({"id": id, "name": name, "role": "bot"})
        }
        Speaker::VirtualAgent => {
            json!({"id": "servicenow-virtual-agent", "name": context.words.get(Text::VirtualAgent), "role": "bot"})
        }
        Speaker::System => system(),
    }
}

/// What ServiceNow said, with where it belongs: a question's answers say what they answer; more of a longer task
/// stands, in clients that know revisions, in the place of what was shown of it before.
fn placed(
    said: &AgentSaid,
    position: u64,
    conversation: &ConversationId,
    context: &RenderContext<'_>,
) -> Value {
    let mut activity = said_by(said, context);
    if said.control.takes_answers() {
        mark(&mut activity, position, conversation);
    }
    if said.control.is_answered_once() {
        activity["channelData"]["servicenow"]["question"] = position.into();
    }
    if let Control::Progress(Progress { first: Some(first), .. }) = &said.control {
        activity["channelData"]["streamId"] = ActivityId::local(conversation, *first).0.into();
    }
    activity
}

fn said_by(said: &AgentSaid, context: &RenderContext<'_>) -> Value {
    let AgentSaid { message_id, place: _, step: _, by, control, at: _ } = said;
    let mut servicenow = Map::new();
    match by {
        Speaker::Agent(agent) => {
            servicenow.insert("sentFromAgent".to_owned(), true.into());
            let avatar = agent.avatar.as_deref().and_then(|avatar| link::resolve_picture(avatar, context));
            put(&mut servicenow, "agentId", agent.id.as_deref());
            put(&mut servicenow, "agentAvatar", avatar.as_deref());
        }
        Speaker::VirtualAgent => {
            servicenow.insert("sentFromAgent".to_owned(), false.into());
        }
        Speaker::System => {
            servicenow.insert("sentFromAgent".to_owned(), false.into());
            servicenow.insert("system".to_owned(), true.into());
        }
    }
    put(&mut servicenow, "messageId", message_id.as_deref());
    let by_whom = match by {
        Speaker::Agent(_) | Speaker::System => Voice::Person,
        Speaker::VirtualAgent => Voice::Bot,
    };
    message(control, account(by, context), servicenow, &RenderContext { by: by_whom, ..*context })
}

fn message(
    control: &Control,
    from: Value,
    servicenow: Map<String, Value>,
    context: &RenderContext<'_>,
) -> Value {
    let Rendered { text, text_format, attachments, attachment_layout, input_hint, degraded: _ } =
        render(control, context);
    let mut activity = Map::new();
    activity.insert("type".to_owned(), "message".into());
    activity.insert("from".to_owned(), from);
    put(&mut activity, "text", text.as_deref());
    put(&mut activity, "textFormat", text_format);
    put(&mut activity, "attachmentLayout", attachment_layout.as_deref());
    put(&mut activity, "inputHint", input_hint);
    if !attachments.is_empty() {
        activity.insert("attachments".to_owned(), Value::Array(attachments));
    }
    activity.insert("channelData".to_owned(), json!({ "servicenow": servicenow }));
    Value::Object(activity)
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests;
