//! A conversation's facts as the client sees them: Direct Line activities.

use serde_json::{Map, Value, json};

use self::said::{account, echo, end_state, placed, status, system, system_text};
use super::{
    activity::RenderContext,
    text::{self, Voice},
    texts::Text,
};
use crate::{
    domain::{ActivityId, Agent, ConversationId, Timestamp, User},
    ledger::journal::Position,
    session::{AgentTypes, Fact, Lift, Notice, Speaker, State, Stream, UserSaid, stamp},
};

mod said;

/// What a conversation is while its facts are shown.
pub struct Scene<'a> {
    pub conversation: &'a ConversationId,
    pub user: &'a User,
    pub context: RenderContext<'a>,
    /// Answers that are not whole yet.
    pub streams: Vec<&'a Stream>,
    /// Who types at ServiceNow now.
    pub types: Option<&'a AgentTypes>,
    pub lifts: &'a [Lift],
}

impl<'a> Scene<'a> {
    /// `types`: who types now.
    pub fn of(state: &'a State, types: Option<&'a AgentTypes>, context: RenderContext<'a>) -> Self {
        let State { conversation, user, .. } = state;
        Self { conversation, user, context, streams: state.streams().collect(), types, lifts: state.lifts() }
    }
}

/// What a fact shows the client, if anything.
pub fn shown(fact: &Fact, position: u64, scene: &Scene<'_>) -> Option<Value> {
    let (at, mut activity) = activity(fact, position, scene)?;
    let own_id = match fact {
        Fact::UserSaid(said) => said.id.clone(),
        _ => None,
    };
    let id = own_id.unwrap_or_else(|| ActivityId::local(scene.conversation, position));
    set(&mut activity, &id, scene.conversation, stamp(scene.lifts, position, at));
    Some(activity)
}

/// When a fact came, and what is shown for it, but for what the server sets.
fn activity(fact: &Fact, position: u64, scene: &Scene<'_>) -> Option<(Timestamp, Value)> {
    let Scene { conversation, user, context, .. } = scene;
    let shown = match fact {
        Fact::UserSaid(said) if said.shown => return None,
        Fact::UserSaid(said) => (said.at, echo(said, user)),
        Fact::AgentSaid(said) => (said.at, placed(said, position, conversation, context)),
        // Typing that is over is no news, nor is what came of an answer that has grown since.
        Fact::AgentTyping { by, at } => {
            scene.types.filter(|types| types.position == position)?;
            (*at, typing(Some(by), context))
        }
        Fact::StreamPiece(piece) => {
            let stream = scene.streams.iter().find(|stream| stream.newest == position)?;
            (piece.at, growing(stream, conversation, context))
        }
        Fact::StreamDropped { first, at } => (*at, dropped(*first, conversation, context)),
        Fact::AgentJoined { agent, at } => (*at, joined(agent, context)),
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
    Some(shown)
}

/// A stream that came to nothing.
fn dropped(first: u64, conversation: &ConversationId, context: &RenderContext<'_>) -> Value {
    let mut end = typing(None, context);
    end["channelData"] = json!({"streamId": stream_id(first, conversation), "streamType": "final"});
    end
}

fn joined(agent: &Agent, context: &RenderContext<'_>) -> Value {
    let message = context.words.notice(&Notice::Joined { name: agent.name.clone() });
    let named = agent.name.is_some().then(|| account(&Speaker::Agent(agent.clone()), context));
    status("accepted", &message, &named.unwrap_or_else(system))
}

/// Somebody still types: a sign for the so-manieth time, behind all that stands before `head`; it passes and is in no history.
pub fn still_types(types: &AgentTypes, nth: u32, head: Position, scene: &Scene<'_>, now: Timestamp) -> Value {
    let mut activity = typing(Some(&types.by), &scene.context);
    let id = ActivityId(format!("{}|T{:07}.{nth}", scene.conversation, types.position));
    set(&mut activity, &id, scene.conversation, stamp(scene.lifts, head, now));
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
        false => ("streaming", text::growing(&stream.text, &context).markdown),
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

#[cfg(test)]
mod tests;
