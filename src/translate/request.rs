//! Calls to ServiceNow as requests of the VA Bot Integration API.

use secrecy::{ExposeSecret as _, SecretString};

use super::answer::DONE;
use crate::{
    domain::{HistoryLine, SessionId, User},
    ledger::{CallId, Queued},
    session::{Call, ChatCall, HandoffRequested, ToAgent, Topic},
    telemetry::TRACEPARENT,
    wire::virtual_agent::request::{
        Action, Attachment, HistoryItem, Message, MessageUpdate, Request, SwitchTo,
    },
};

/// The request for a call. The same for every try of it, ids and times included, so that a repeat is known
/// to be one.
pub fn request(queued: &Queued<ChatCall>, session: &SessionId, user: &User) -> Request {
    let id = request_id(session, queued.id);
    let call = &queued.call.what;
    let action = match call {
        Call::Create(_) => Action::CreateConversation,
        Call::StartCreated(_) => Action::StartCreatedConversation(Message::default()),
        Call::Start(request) => Action::StartConversation(opening_words(request, &id)),
        Call::Agent(request) => Action::Agent(opening_words(request, &id)),
        Call::Say(message) => Action::Message(words(message, &id)),
        Call::SendHistory(_) => Action::SendHistory,
        Call::Switch(topic) => {
            let to = match topic.clone() {
                Topic::Id(id) => SwitchTo::TopicId(id),
                Topic::Name(name) => SwitchTo::TopicName(name),
                Topic::Intent(id) => SwitchTo::IntentId(id),
            };
            Action::Switch(to, Message::default())
        }
        Call::SetTimezone(timezone) => Action::SetUserTimezone(timezone.clone()),
        Call::NotShown(id) => Action::UpdateMessages(vec![MessageUpdate::failed(id)]),
        Call::Fault => Action::FaultConversation { cause: "EXTERNAL_FAILURE".to_owned() },
        Call::Done => Action::Message(Message::chosen(DONE).with_id(&id)),
        Call::Typing => Action::Typing,
        Call::Viewing => Action::Viewing,
        Call::SentToUser(ids) => Action::UpdateMessages(ids.iter().map(MessageUpdate::sent).collect()),
        Call::End => Action::EndConversation,
    };
    let mut request = Request::new(id, session.to_string(), user.id.clone(), action);
    request.user_name = user.name.clone();
    request.email_id = user.email.clone();
    request.timezone = user.timezone.clone();
    request.timestamp = Some(queued.since.0);
    match call {
        Call::Create(opening) | Call::Start(opening) | Call::Agent(opening) => {
            request.context_variables = opening.context.clone();
            request.history = opening.history.iter().map(history_item).collect();
        }
        Call::SendHistory(lines) => request.history = lines.iter().map(history_item).collect(),
        _ => {}
    }
    request.sync_response = matches!(call, Call::Create(_) | Call::StartCreated(_));
    in_trace(request, queued.trace.as_deref())
}

/// Has ServiceNow give the trace back with each answer, since an answer is a request of its own that continues none.
pub fn in_trace(mut request: Request, traceparent: Option<&str>) -> Request {
    let variable = traceparent.map(|trace| (TRACEPARENT.to_owned(), trace.into()));
    request.client_variables.extend(variable);
    request
}

/// Puts the words of a masked answer, which no journal holds, into its request.
pub fn whisper(request: &mut Request, words: &SecretString) {
    if let Action::Message(message) = &mut request.action {
        message.text = words.expose_secret().to_owned();
    }
}

/// `<session>-<position>-<step>`: derived from the journal, so it is the same after a restart.
pub fn request_id(session: &SessionId, call: CallId) -> String {
    format!("{session}-{}-{}", call.0, call.1)
}

/// The session that a request id of ours names.
pub fn session_of_request(id: &str) -> Option<SessionId> {
    let mut parts = id.rsplitn(3, '-');
    let step = parts.next()?.parse::<u8>();
    let position = parts.next()?.parse::<u64>();
    (step.is_ok() && position.is_ok()).then(|| parts.next().and_then(SessionId::parse))?
}

fn opening_words(request: &HandoffRequested, id: &str) -> Message {
    let text = request.reason.clone().unwrap_or_default();
    Message { client_message_id: Some(id.to_owned()), ..Message::typed(text) }
}

fn words(message: &ToAgent, id: &str) -> Message {
    let ToAgent { text, typed, attachments, whisper: _ } = message;
    let attachments = attachments.iter().enumerate().map(|(n, file)| Attachment {
        client_attachment_id: Some(format!("{id}-{n}")),
        content_type: file.media_type.clone(),
        file_name: file.name.clone(),
        url: file.url.clone(),
        ..Attachment::default()
    });
    Message {
        text: text.clone(),
        typed: *typed,
        client_message_id: Some(id.to_owned()),
        attachments: attachments.collect(),
    }
}

fn history_item(line: &HistoryLine) -> HistoryItem {
    let HistoryLine { from_bot, name, text, at } = line;
    HistoryItem {
        is_bot_message: *from_bot,
        value: text.clone(),
        display_name: name.clone(),
        timestamp: Some(at.0),
    }
}

#[cfg(test)]
mod tests;
