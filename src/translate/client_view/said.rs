//! What somebody said, as an activity.

use serde_json::{Map, Value, json};

use super::stream_id;
use crate::{
    domain::{
        ActivityId, ConversationId, User,
        control::{Control, Progress},
    },
    session::{AgentSaid, EndReason, Speaker, UserSaid},
    translate::{
        activity::{RenderContext, Rendered, render},
        answer::mark,
        link,
        text::Voice,
        texts::Text,
    },
};

/// Who the client sees when neither a person nor the bot speaks.
const SYSTEM: &str = "ServiceNow";

pub(super) fn end_state(why: EndReason) -> &'static str {
    if why.is_failure_to_connect() { "failed" } else { "completed" }
}

pub(super) fn system() -> Value {
    json!({"id": "servicenow", "name": SYSTEM, "role": "bot"})
}

pub(super) fn status(state: &str, message: &str, from: &Value) -> Value {
    json!({
        "type": "event", "name": "handoff.status", "from": from,
        "value": {"state": state, "message": message},
    })
}

pub(super) fn system_text(text: &str) -> Value {
    json!({
        "type": "message", "text": text, "textFormat": "plain", "from": system(),
        "channelData": {"servicenow": {"sentFromAgent": false, "system": true}},
    })
}

pub(super) fn echo(said: &UserSaid, user: &User) -> Value {
    let mut activity = said.echo.clone();
    activity.insert("type".to_owned(), "message".into());
    let mut from = match activity.remove("from") {
        Some(Value::Object(from)) => from,
        _ => Map::new(),
    };
    from.entry("id").or_insert_with(|| user.id.clone().into());
    from.insert("role".to_owned(), "user".into());
    activity.insert("from".to_owned(), Value::Object(from));
    // Ours to say, to whoever reads it in another window.
    if let Some(Value::Object(data)) = activity.get_mut("channelData") {
        data.remove("servicenow");
    }
    if let Some(question) = said.answers.filter(|_| said.message.is_some()) {
        let data = activity.entry("channelData").or_insert_with(|| json!({}));
        if let Value::Object(data) = data {
            data.insert("servicenow".to_owned(), json!({"answers": question}));
        }
    }
    Value::Object(activity)
}

pub(super) fn account(by: &Speaker, context: &RenderContext<'_>) -> Value {
    match by {
        Speaker::Agent(agent) => {
            let name = agent.name.as_deref().unwrap_or(context.words.get(Text::LiveAgent));
            // Who has their name for an id is called "Bot" by Web Chat.
            let ours = || agent.name.as_ref().map_or("agent".to_owned(), |name| format!("agent {name}"));
            let id = agent.id.clone().filter(|id| id != name).unwrap_or_else(ours);
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
pub(super) fn placed(
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
    if let Some(first) = said.ends {
        activity["channelData"]["streamId"] = stream_id(first, conversation).into();
        activity["channelData"]["streamType"] = "final".into();
    }
    if let Control::Progress(Progress { first: Some(first), .. }) = &said.control {
        activity["channelData"]["streamId"] = ActivityId::local(conversation, *first).0.into();
    }
    activity
}

fn said_by(said: &AgentSaid, context: &RenderContext<'_>) -> Value {
    let AgentSaid { message_id, place: _, step: _, ends: _, lost: _, by, control, at: _ } = said;
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
    let data = Map::from_iter([("servicenow".to_owned(), Value::Object(servicenow))]);
    activity.insert("channelData".to_owned(), data.into());
    Value::Object(activity)
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value.into());
    }
}
