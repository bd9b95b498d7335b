//! What ServiceNow answers, in the HTTP response or to the response endpoint.
//!
//! Followed: the VA Bot Integration API page and the Supported features page. Both are loose about types, and
//! instances are looser: nothing here fails on JSON of any shape.

pub mod action;
pub mod element;
mod fields;

use std::fmt;

use serde::de::IgnoredAny;
use serde_json::Value;

pub use action::Action;
pub use element::{Element, Kind};
pub(crate) use fields::{Fields, scalar};

/// One message from ServiceNow.
///
/// The `message` it echoes is not kept: it can hold an `Authorization` value of ours.
#[derive(Clone, Default, PartialEq)]
pub struct Response {
    pub request_id: Option<String>,
    pub client_session_id: Option<String>,
    pub user_id: Option<String>,
    pub interaction_id: Option<String>,
    pub now_session_id: Option<String>,
    pub app_inbound_id: Option<String>,
    pub client_variables: Option<Value>,
    pub agent_chat: bool,
    pub completed: bool,
    pub take_control: bool,
    pub score: Option<f64>,
    pub stream_active: Option<bool>,
    pub stream_state: Option<StreamState>,
    /// The answer to a call says `"status":"failure"`, which comes with HTTP 200, too.
    pub failure: bool,
    pub body: Vec<Element>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamState {
    Start,
    InProgress,
    End,
    Unknown(String),
}

/// The bytes are no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON")]
pub struct NotJson;

impl Response {
    /// Reads what ServiceNow sent. JSON of any shape gives a response; what isn't an object gives an empty one.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotJson> {
        let value = match serde_json::from_slice(bytes) {
            Ok(value) => value,
            Err(_) => mended(bytes)?,
        };
        Ok(Self::from_value(&value))
    }

    fn from_value(value: &Value) -> Self {
        let Value::Object(map) = value else { return Self::default() };
        let fields = Fields(map);
        Self {
            request_id: fields.text("requestId"),
            client_session_id: fields.text("clientSessionId"),
            user_id: fields.text("userId"),
            interaction_id: fields.text("interactionId"),
            now_session_id: fields.text("nowSessionId"),
            app_inbound_id: fields.text("appInboundId"),
            client_variables: fields.value("clientVariables").cloned(),
            agent_chat: fields.flag("agentChat") == Some(true),
            completed: fields.flag("completed") == Some(true),
            take_control: fields.flag("takeControl") == Some(true),
            score: fields.number("score"),
            stream_active: fields.flag("streamActive"),
            stream_state: fields.text("streamState").map(StreamState::parse),
            failure: fields.text("status").is_some_and(|status| status.eq_ignore_ascii_case("failure")),
            body: elements(fields.value("body")),
        }
    }
}

impl StreamState {
    fn parse(raw: String) -> Self {
        match raw.trim().to_ascii_uppercase().as_str() {
            "START" => Self::Start,
            "INPROGRESS" | "IN_PROGRESS" => Self::InProgress,
            "END" => Self::End,
            _ => Self::Unknown(raw),
        }
    }
}

/// Says how much there is, never what: people's words and ids don't belong in logs.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("agent_chat", &self.agent_chat)
            .field("completed", &self.completed)
            .field("take_control", &self.take_control)
            .field("stream_state", &self.stream_state)
            .field("failure", &self.failure)
            .field("elements", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn elements(body: Option<&Value>) -> Vec<Element> {
    match body {
        None => Vec::new(),
        Some(Value::Array(list)) => list.iter().map(Element::from_value).collect(),
        Some(lone) => vec![Element::from_value(lone)],
    }
}

/// Second try for JSON that strict reading refuses: bad UTF-8, halves of surrogate pairs, a byte order mark.
/// What is JSON and still can't be held (nested without end, numbers beyond a float) counts as null.
fn mended(bytes: &[u8]) -> Result<Value, NotJson> {
    let text = String::from_utf8_lossy(bytes);
    let text = with_whole_surrogates(text.trim_start_matches('\u{feff}'));
    if let Ok(value) = serde_json::from_str(&text) {
        return Ok(value);
    }
    serde_json::from_str::<IgnoredAny>(&text).map(|_| Value::Null).map_err(|_| NotJson)
}

/// Replaces `\ud800` escapes that have no other half by `\ufffd`.
fn with_whole_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let taken = match (surrogate(tail), tail.get(6..).and_then(surrogate)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(_), _) => 0,
            (None, _) => 1 + tail[1..].chars().next().map_or(0, char::len_utf8),
        };
        match taken {
            0 => out.push_str("\\ufffd"),
            taken => out.push_str(&tail[..taken]),
        }
        rest = &tail[if taken == 0 { 6 } else { taken }..];
    }
    out.push_str(rest);
    out
}

/// The half of a surrogate pair that `text` begins with, as a JSON escape.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok().filter(|unit| (0xd800..0xe000).contains(unit))
}

#[cfg(test)]
mod tests;
