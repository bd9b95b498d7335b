//! Requests as facts. Pure.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    fact::{Asked, File, What},
    state::State,
};
use crate::{
    domain::{ConversationId, Timestamp},
    translate::secondary_bot::context,
    wire::virtual_agent::request::{Action, Attachment, Message, Request, SwitchTo},
};

/// What a request comes to.
#[derive(Debug)]
pub enum Accepted {
    /// It is new. What the user said is apart when it must not be stored.
    New { asked: Box<Asked>, secret: Option<String> },
    /// It repeats this one.
    Repeat(u64),
}

/// The journal of a request's session.
///
/// A request that names no session belongs to its user's only one. Ids that can't name a journal, and users, who may
/// be named by their e-mail address, are told apart by a digest.
pub fn session(request: &Request) -> ConversationId {
    let Request { client_session_id: session, user_id: user, .. } = request;
    let named = if session.is_empty() {
        format!("u:{}", digest(&[user]))
    } else if ConversationId::parse(session).is_some() && session.len() <= 180 {
        format!("s:{session}")
    } else {
        format!("d:{}", digest(&[session]))
    };
    ConversationId::parse(&named).expect("short, and without a slash")
}

/// Reads a request against what is known of its session. `body` is the JSON it was read from.
///
/// A repeat has the same `requestId` and asks for the same: the documentation's own examples use one id for a
/// whole session. An id that is the user's names no request.
pub fn accept(
    state: &State,
    request: Request,
    body: &Map<String, Value>,
    has_response_url: bool,
    now: Timestamp,
) -> Accepted {
    let secret = state.pending.is_secret() && state.queue.is_empty();
    let asynchronous = has_response_url && !request.sync_response;
    let (what, message) = what(request.action);
    let Message { text, typed: _, client_message_id, attachments } = message;
    let secret = secret && what == What::Say && !text.is_empty();
    let said = if secret { "" } else { text.as_str() };
    let zone = new_zone(body);
    let mut variables = request.context_variables;
    let history = context::history(&request.history);
    variables.extend(history.map(|history| (context::HISTORY.to_owned(), history.into())));
    variables.extend(zone.clone().map(|zone| (context::TIMEZONE.to_owned(), zone)));
    let key = key(
        &request.request_id,
        &request.user_id,
        &[
            body.get("action").and_then(Value::as_str).unwrap_or_default(),
            &format!("{what:?}{:?}", request.silent_message),
            said,
            client_message_id.as_deref().unwrap_or_default(),
            &serde_json::to_string(&variables).unwrap_or_default(),
        ],
    );
    if let Some(known) = key.as_ref().and_then(|key| state.known(key)) {
        return Accepted::Repeat(known);
    }
    let language = variables.get("requester_session_language").and_then(Value::as_str);
    let asked = Asked {
        key,
        what,
        user: if request.user_id.is_empty() { "guest".to_owned() } else { request.user_id },
        text: said.to_owned(),
        secret,
        files: attachments.into_iter().map(file).collect(),
        locale: language.map(str::to_owned),
        context: variables,
        timezone: zone.and_then(|zone| zone.as_str().map(str::to_owned)).or(request.timezone),
        silent: request.silent_message,
        echo: echo(body, secret),
        asynchronous,
        trace: None,
        at: now,
    };
    Accepted::New { asked: Box::new(asked), secret: secret.then_some(text) }
}

/// What a repeat has in common with its request; `None` when the request names itself by nothing of its own.
fn key(request: &str, user: &str, asks: &[&str]) -> Option<String> {
    let named = !request.is_empty() && request != user;
    named.then(|| digest(&[&[request], asks].concat()))
}

/// The time zone that is to hold from now on.
fn new_zone(body: &Map<String, Value>) -> Option<Value> {
    let action = body.get("action").and_then(Value::as_str)?;
    action.eq_ignore_ascii_case("SET_USER_TIMEZONE").then(|| body.get("timezone").cloned())?
}

/// What is asked for, and what was said with it. An action we don't know is taken by its message.
fn what(action: Action) -> (What, Message) {
    let bare = |what| (what, Message::default());
    match action {
        Action::Message(message) | Action::Unknown { name: _, message } => {
            let empty = message.text.is_empty() && message.attachments.is_empty();
            (if empty { What::Note } else { What::Say }, message)
        }
        Action::Agent(message) => (What::Agent, message),
        Action::CreateConversation => bare(What::Create),
        Action::StartCreatedConversation => bare(What::StartCreated),
        Action::StartConversation(message) => (What::Start, message),
        Action::EndConversation => bare(What::End),
        Action::FaultConversation { cause: _ } => bare(What::Fault),
        Action::Switch(SwitchTo::TopicId(id)) => bare(What::SwitchTopicId { id }),
        Action::Switch(SwitchTo::TopicName(name)) => bare(What::SwitchTopicName { name }),
        Action::Switch(SwitchTo::IntentId(id)) => bare(What::SwitchIntentId { id }),
        Action::SendHistory
        | Action::SetUserTimezone(_)
        | Action::Typing
        | Action::Viewing
        | Action::UpdateMessages(_) => bare(What::Note),
    }
}

fn file(attachment: Attachment) -> File {
    let Attachment { client_attachment_id: _, content_type, file_name, url, headers: _ } = attachment;
    File { name: file_name, media_type: content_type, url }
}

/// What an answer repeats. Headers that open an attachment are left out: they are credentials.
fn echo(body: &Map<String, Value>, secret: bool) -> Map<String, Value> {
    const KEYS: [&str; 9] = [
        "requestId",
        "clientSessionId",
        "nowSessionId",
        "enterpriseId",
        "nowBotId",
        "appInboundId",
        "userId",
        "message",
        "clientVariables",
    ];
    let known = KEYS.iter().filter_map(|key| Some(((*key).to_owned(), body.get(*key)?.clone())));
    let mut echo: Map<String, Value> = known.collect();
    let Some(message) = echo.get_mut("message") else { return echo };
    if secret {
        match message.as_object_mut() {
            Some(message) => drop(message.remove("text")),
            None => *message = Value::Null,
        }
    }
    match message.get_mut("attachment") {
        Some(Value::Object(one)) => drop(one.remove("headers")),
        Some(Value::Array(several)) => {
            several.iter_mut().filter_map(Value::as_object_mut).for_each(|one| drop(one.remove("headers")));
        }
        _ => {}
    }
    echo
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..16])
}
