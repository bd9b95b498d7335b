//! A request as JSON, in the shapes of the page's examples.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Action, Attachment, DeliveryStatus, HistoryItem, Message, MessageUpdate, Request, SwitchTo};

type Variables = Map<String, Value>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    request_id: &'a str,
    client_session_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_inbound_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bot_to_bot: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sync_response: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_message: Option<Silence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<Target<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<Target<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Content<'a>>,
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<HistoryBody<'a>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    context_variables: &'a Variables,
    #[serde(skip_serializing_if = "Map::is_empty")]
    client_variables: &'a Variables,
}

/// The one example that turns silence on writes the string `"true"`, those that leave it off write the
/// boolean `false`; the string would also read as true to a mere truth test, so each goes as its example has it.
struct Silence(bool);

impl Serialize for Silence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 { serializer.serialize_str("true") } else { serializer.serialize_bool(false) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Target<'a> {
    Id(&'a str),
    Name(&'a str),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Nothing {},
    Message(MessageBody<'a>),
    Updates(Vec<UpdateBody<'a>>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    typed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<Files<'a>>,
}

/// The schema says array, every example shows an object.
#[derive(Serialize)]
#[serde(untagged)]
enum Files<'a> {
    One(FileBody<'a>),
    Several(Vec<FileBody<'a>>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_attachment_id: Option<&'a str>,
    content_type: &'a str,
    file_name: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    headers: &'a Variables,
}

#[derive(Serialize)]
struct UpdateBody<'a> {
    status: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryBody<'a> {
    is_bot_message: bool,
    value: &'a str,
    display_name: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
}

pub(super) fn request(request: &Request) -> Vec<u8> {
    let Request {
        request_id,
        client_session_id,
        user_id,
        user_name,
        email_id,
        timezone,
        timestamp,
        app_inbound_id,
        bot_to_bot,
        context_variables,
        client_variables,
        history,
        sync_response,
        silent_message,
        action,
    } = request;
    let Asked { name, cause, topic, intent, timezone: own_timezone, message } = asked(action);
    let body = Body {
        request_id,
        client_session_id,
        app_inbound_id: app_inbound_id.as_deref(),
        action: name,
        bot_to_bot: *bot_to_bot,
        sync_response: sync_response.then_some(true),
        silent_message: silent_message.map(Silence),
        cause,
        topic,
        intent,
        message,
        user_id,
        user_name: user_name.as_deref(),
        email_id: email_id.as_deref(),
        timestamp: *timestamp,
        timezone: own_timezone.or(timezone.as_deref()),
        history: history.iter().map(history_item).collect(),
        context_variables,
        client_variables,
    };
    serde_json::to_vec(&body).expect("strings, numbers and maps with string keys always have a JSON form")
}

/// What an action adds to the body.
#[derive(Default)]
struct Asked<'a> {
    name: Option<&'a str>,
    cause: Option<&'a str>,
    topic: Option<Target<'a>>,
    intent: Option<Target<'a>>,
    timezone: Option<&'a str>,
    message: Option<Content<'a>>,
}

fn asked(action: &Action) -> Asked<'_> {
    let named = |name| Asked { name: Some(name), ..Asked::default() };
    let saying = |name, message| Asked { message: Some(message), ..named(name) };
    match action {
        Action::Message(message) => Asked { message: unless_empty(message), ..Asked::default() },
        Action::Agent(message) => saying("AGENT", content(message)),
        Action::CreateConversation => saying("CREATE_CONVERSATION", Content::Nothing {}),
        Action::StartCreatedConversation(message) => {
            saying("START_CREATED_CONVERSATION", unless_empty(message).unwrap_or(Content::Nothing {}))
        }
        Action::StartConversation(message) => saying("START_CONVERSATION", content(message)),
        Action::EndConversation => saying("END_CONVERSATION", Content::Message(NO_WORDS)),
        Action::FaultConversation { cause } => Asked { cause: Some(cause), ..named("FAULT_CONVERSATION") },
        Action::SendHistory => named("SEND_HISTORY"),
        Action::SetUserTimezone(zone) => Asked { timezone: Some(zone), ..named("SET_USER_TIMEZONE") },
        Action::Switch(to, message) => {
            let (topic, intent) = match to {
                SwitchTo::TopicId(id) => (Some(Target::Id(id)), None),
                SwitchTo::TopicName(name) => (Some(Target::Name(name)), None),
                SwitchTo::IntentId(id) => (None, Some(Target::Id(id))),
            };
            Asked { topic, intent, message: unless_empty(message), ..named("SWITCH") }
        }
        Action::Typing => named("TYPING"),
        Action::Viewing => named("VIEWING"),
        Action::UpdateMessages(updates) => {
            saying("UPDATE_MESSAGES", Content::Updates(updates.iter().map(update).collect()))
        }
        Action::Unknown { name, message } => Asked { message: unless_empty(message), ..named(name) },
    }
}

const NO_WORDS: MessageBody<'static> =
    MessageBody { text: Some(""), typed: true, client_message_id: None, attachment: None };

/// A request that only changes a flag, such as silence, has no `message`.
fn unless_empty(message: &Message) -> Option<Content<'_>> {
    let empty =
        message.text.is_empty() && message.attachments.is_empty() && message.client_message_id.is_none();
    (!empty).then(|| content(message))
}

fn content(message: &Message) -> Content<'_> {
    let Message { text, typed, client_message_id, attachments } = message;
    let attachment = match attachments.as_slice() {
        [] => None,
        [one] => Some(Files::One(file(one))),
        several => Some(Files::Several(several.iter().map(file).collect())),
    };
    Content::Message(MessageBody {
        text: (!text.is_empty() || attachment.is_none()).then_some(text),
        typed: *typed,
        client_message_id: client_message_id.as_deref(),
        attachment,
    })
}

fn file(attachment: &Attachment) -> FileBody<'_> {
    let Attachment { client_attachment_id, content_type, file_name, url, headers } = attachment;
    FileBody {
        client_attachment_id: client_attachment_id.as_deref(),
        content_type,
        file_name,
        url,
        headers: &headers.0,
    }
}

fn update(update: &MessageUpdate) -> UpdateBody<'_> {
    let MessageUpdate { id, status, text } = update;
    let status = match status {
        DeliveryStatus::SentToUser => "sent_to_user",
        DeliveryStatus::ExternalError => "external_error",
        DeliveryStatus::Unknown(other) => other,
    };
    UpdateBody { status, id, text: text.as_deref() }
}

fn history_item(item: &HistoryItem) -> HistoryBody<'_> {
    let HistoryItem { is_bot_message, value, display_name, timestamp } = item;
    HistoryBody {
        is_bot_message: *is_bot_message,
        value,
        display_name,
        r#type: "text",
        timestamp: timestamp.map(|at| format!("{at:013}")),
    }
}
