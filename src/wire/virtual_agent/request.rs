//! Requests to `POST /api/sn_va_as_service/bot/integration`.
//!
//! Followed: the VA Bot Integration API page; where it and its examples differ, the examples.

use std::fmt;

use serde_json::{Map, Value};

use crate::wire::json;

mod attached;
mod read;
mod write;

pub use attached::{json_in, without_credential};
pub use read::ParseError;

/// One request: who speaks, in which session, and what is asked.
///
/// Empty maps and lists and `None` are left out of the JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Unique for the request; a repeat of a call that may have arrived carries the same one.
    pub request_id: String,
    pub client_session_id: String,
    /// Keeps the same value for one person: ServiceNow's channel user hangs on it.
    pub user_id: String,
    pub user_name: Option<String>,
    /// Links the conversation to a ServiceNow account; without it the person is a guest.
    pub email_id: Option<String>,
    /// IANA name. SET_USER_TIMEZONE carries its own and passes this one over.
    pub timezone: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub timestamp: Option<i64>,
    /// Which provider application, on an instance that has several.
    pub app_inbound_id: Option<String>,
    /// `None` leaves it to ServiceNow, which takes it as true.
    pub bot_to_bot: Option<bool>,
    pub context_variables: Map<String, Value>,
    /// Comes back in every answer to the request, unread.
    pub client_variables: Map<String, Value>,
    /// Oldest first. ServiceNow reads it with a session's first request and with SEND_HISTORY.
    pub history: Vec<HistoryItem>,
    /// Asks for the answer in the HTTP response instead of at the response endpoint.
    pub sync_response: bool,
    /// Sticky: silence lasts until a request says `Some(false)`.
    pub silent_message: Option<bool>,
    pub action: Action,
}

impl Request {
    /// A request with nothing optional in it; the rest is set on the fields.
    pub fn new(
        request_id: impl Into<String>,
        client_session_id: impl Into<String>,
        user_id: impl Into<String>,
        action: Action,
    ) -> Self {
        Self {
            request_id: request_id.into(),
            client_session_id: client_session_id.into(),
            user_id: user_id.into(),
            action,
            ..Self::default()
        }
    }

    /// Reads a request as a primary bot sends it.
    ///
    /// # Errors
    /// Only a body that is not a JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        match json::read(body)?.value {
            Value::Object(fields) => Ok(Self::of(fields)),
            _ => Err(ParseError::NotAnObject),
        }
    }

    /// The request that has these fields.
    ///
    /// Forgives what the page's examples and known clients get wrong: `message` as an array or null,
    /// `attachment` as an object, an array or null, its `headers` as `header` or as a list, flags and numbers as strings,
    /// `topic` as a string, `history` as an object, history and variables as JSON in a string, a timestamp in seconds. The
    /// body's `token` is left to whoever checks it.
    pub fn of(fields: Map<String, Value>) -> Self {
        read::request(fields)
    }

    /// The compact JSON, keys always in the same order: the bytes that are signed and sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        write::request(self)
    }
}

/// What the Virtual Agent is asked to do; each variant holds what the page demands for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// No `action` key: the user says something.
    Message(Message),
    /// From the virtual agent to a live agent.
    Agent(Message),
    CreateConversation,
    StartCreatedConversation(Message),
    StartConversation(Message),
    /// Its text is always empty.
    EndConversation,
    /// `cause` is ServiceNow's word, such as `EXTERNAL_FAILURE`.
    FaultConversation {
        cause: String,
    },
    /// Sends [`Request::history`] alone.
    SendHistory,
    /// The IANA name that holds until the next such request.
    SetUserTimezone(String),
    /// The page has no words beside it; primary bots send what the user said.
    Switch(SwitchTo, Message),
    Typing,
    Viewing,
    UpdateMessages(Vec<MessageUpdate>),
    /// An action this program does not know, or one without what it needs; read only.
    Unknown {
        name: String,
        message: Message,
    },
}

impl Default for Action {
    fn default() -> Self {
        Self::Message(Message::default())
    }
}

/// Where SWITCH leads: exactly one of the three, as the page demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwitchTo {
    /// `sys_id` of the topic.
    TopicId(String),
    TopicName(String),
    IntentId(String),
}

/// Something the user said, chose or sent. Empty text with no attachment says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub text: String,
    /// `false` when `text` is the value of an offered choice.
    pub typed: bool,
    pub client_message_id: Option<String>,
    pub attachments: Vec<Attachment>,
}

impl Default for Message {
    fn default() -> Self {
        Self { text: String::new(), typed: true, client_message_id: None, attachments: Vec::new() }
    }
}

impl Message {
    /// Free text.
    pub fn typed(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The value of an offered choice.
    pub fn chosen(value: impl Into<String>) -> Self {
        Self { text: value.into(), typed: false, ..Self::default() }
    }

    /// A file, with no text.
    pub fn file(attachment: Attachment) -> Self {
        Self { attachments: vec![attachment], ..Self::default() }
    }

    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { client_message_id: Some(id.into()), ..self }
    }
}

/// A file that ServiceNow fetches later, from a host it trusts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attachment {
    pub client_attachment_id: Option<String>,
    pub content_type: String,
    pub file_name: String,
    pub url: String,
    /// What ServiceNow presents when it fetches the file.
    pub headers: AttachmentHeaders,
}

/// Header name to value. They authorize, so `Debug` shows names only.
#[derive(Clone, Default, PartialEq)]
pub struct AttachmentHeaders(pub Map<String, Value>);

impl AttachmentHeaders {
    /// The page writes `headers`, and once `header`.
    pub const NAMES: [&'static str; 2] = ["headers", "header"];
    /// The one that opens a file, which may stand beside its address.
    pub const ALONE: &'static str = "authorization";

    /// Whether a field of this name holds them.
    pub fn are_named(name: &str) -> bool {
        Self::NAMES.iter().chain(&[Self::ALONE]).any(|known| name.eq_ignore_ascii_case(known))
    }

    /// What opens the file.
    pub fn authorization(&self) -> Option<&str> {
        let named = |(name, _): &(&String, &Value)| name.trim().eq_ignore_ascii_case("authorization");
        let (_, value) = self.0.iter().find(named)?;
        texts_in(value).next()
    }

    /// Whether there is nothing in them.
    pub fn are_empty(&self) -> bool {
        self.0.values().all(|value| texts_in(value).next().is_none())
    }
}

/// The texts of a header that are not blank, one or a list of them.
fn texts_in(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    several.iter().filter_map(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

impl fmt::Debug for AttachmentHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One line of the primary bot's conversation; always of type `text`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryItem {
    pub is_bot_message: bool,
    pub value: String,
    pub display_name: String,
    /// Milliseconds since the Unix epoch; written as a string of 13 digits.
    pub timestamp: Option<i64>,
}

/// What became of a live agent's message on its way to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageUpdate {
    /// `messageId` of the item in ServiceNow's answer.
    pub id: String,
    pub status: DeliveryStatus,
    /// The text the user was shown instead; the agent sees it tagged "Updated".
    pub text: Option<String>,
}

impl MessageUpdate {
    /// The user has it: two ticks.
    pub fn sent(id: impl Into<String>) -> Self {
        Self { id: id.into(), status: DeliveryStatus::SentToUser, text: None }
    }

    /// It could not be shown: "Failed".
    pub fn failed(id: impl Into<String>) -> Self {
        Self { id: id.into(), status: DeliveryStatus::ExternalError, text: None }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    SentToUser,
    ExternalError,
    /// Read only.
    Unknown(String),
}

#[cfg(test)]
mod tests;
