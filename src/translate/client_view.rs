//! A conversation's facts as the client sees them: Direct Line activities.

use serde_json::{Map, Value, json};

use super::{
    activity::{RenderContext, Rendered, render},
    answer::mark,
    link,
    text::{self, Voice},
    texts::Text,
};
use crate::{
    domain::{
        ActivityId, ConversationId, Timestamp, User,
        control::{Control, Progress},
    },
    session::{AgentSaid, AgentTypes, EndReason, Fact, Lift, Notice, Speaker, Stream, UserSaid, stamp},
};

/// Who the client sees when neither a person nor the bot speaks.
const SYSTEM: &str = "ServiceNow";

/// What a conversation is while its facts are shown.
pub struct Scene<'a> {
    pub conversation: &'a ConversationId,
    pub user: &'a User,
    pub context: RenderContext<'a>,
    /// Answers that are not whole yet.
    pub streams: &'a [Stream],
    /// Who types at ServiceNow now.
    pub types: Option<&'a AgentTypes>,
    pub lifts: &'a [Lift],
}

/// What a fact shows the client, if anything.
pub fn shown(fact: &Fact, position: u64, scene: &Scene<'_>) -> Option<Value> {
    let Scene { conversation, user, context, .. } = scene;
    let (at, mut activity) = match fact {
        Fact::UserSaid(said) if said.shown => return None,
        Fact::UserSaid(said) => (said.at, echo(said, user)),
        Fact::AgentSaid(said) => (said.at, placed(said, position, conversation, context)),
        // Typing that is over is no news, nor is what came of an answer that has grown since.
        Fact::AgentTyping { by, at } => {
            scene.types.filter(|types| types.position == position)?;
            (*at, typing(by.as_ref(), context))
        }
        Fact::StreamPiece(piece) => {
            let stream = scene.streams.iter().find(|stream| stream.newest == position)?;
            (piece.at, growing(stream, conversation, context))
        }
        Fact::StreamDropped { first, at } => {
            let mut end = typing(None, context);
            end["channelData"] = json!({"streamId": stream_id(*first, conversation), "streamType": "final"});
            (*at, end)
        }
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
        | Fact::AgentStoppedTyping { .. }
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
    set(&mut activity, &id, conversation, stamp(scene.lifts, position, at));
    Some(activity)
}

/// Somebody still types: a sign for the so-manieth time, which passes and is in no history.
pub fn still_types(types: &AgentTypes, nth: u32, scene: &Scene<'_>, now: Timestamp) -> Value {
    let mut activity = typing(types.by.as_ref(), &scene.context);
    let id = ActivityId(format!("{}|T{:07}.{nth}", scene.conversation, types.position));
    set(&mut activity, &id, scene.conversation, stamp(scene.lifts, u64::MAX, now));
    activity
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

fn typing(by: Option<&Speaker>, context: &RenderContext<'_>) -> Value {
    json!({"type": "typing", "from": by.map_or_else(system, |by| account(by, context))})
}

/// An answer as far as it has come, as Web Chat shows what is streamed.
fn growing(stream: &Stream, conversation: &ConversationId, context: &RenderContext<'_>) -> Value {
    let by = if stream.by.is_person() { Voice::Person } else { Voice::Bot };
    let context = RenderContext { by, ..*context };
    let (kind, text) = match stream.text.trim().is_empty() {
        true => {
            let hint = stream.hint.as_deref().map(|hint| text::shown(hint, &context).markdown);
            ("informative", hint.unwrap_or_else(|| context.words.get(Text::Writing).to_owned()))
        }
        false => ("streaming", text::shown(&stream.text, &context).markdown),
    };
    let mut activity = typing(Some(&stream.by), &context);
    activity["text"] = text.into();
    activity["textFormat"] = "markdown".into();
    activity["channelData"] = json!({
        "streamId": stream_id(stream.first, conversation), "streamType": kind, "streamSequence": stream.count,
    });
    activity
}

/// A stream goes by the id of its first activity.
fn stream_id(first: u64, conversation: &ConversationId) -> String {
    ActivityId::local(conversation, first).0
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
