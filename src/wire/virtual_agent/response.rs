//! What ServiceNow answers, in the HTTP response or to the response endpoint.
//!
//! Followed: the VA Bot Integration API page and the Supported features page. Both are loose about types, and
//! instances are looser: nothing here fails on JSON of any shape.

pub mod action;
pub mod element;
mod fields;

use std::fmt;

use serde_json::{Map, Value};

use crate::wire::json;

pub use action::Action;
pub use element::{Element, Kind};
pub(crate) use fields::{Fields, scalar};
pub use json::NotJson;

/// What the lists of a message hold, all together: far more than any that is meant for people, and little enough to be read within
/// the second that a webhook may take.
const MOST_LISTED: usize = 20_000;

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
    /// Parts that could not be held.
    pub lost: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamState {
    Start,
    InProgress,
    End,
    Unknown(String),
}

impl Response {
    /// Reads what ServiceNow sent. JSON of any shape gives a response; what isn't an object gives an empty one.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotJson> {
        let json::Read { value, lost } = json::read(bytes)?;
        let mut value = unwrapped(value);
        let cut = cut_short(&mut value);
        Ok(Self { lost: lost + cut, ..Self::from_value(&value) })
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
            lost: 0,
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

/// Scripted REST APIs, and proxies made of them, put what they answer into `result`.
pub fn unwrapped(mut value: Value) -> Value {
    let is_wrapped =
        |map: &Map<String, Value>| map.len() == 1 && map.get("result").is_some_and(Value::is_object);
    if value.as_object().is_some_and(is_wrapped) { value["result"].take() } else { value }
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

/// Bounds the lists of a message, to each element its share, and says how much was cut.
fn cut_short(message: &mut Value) -> usize {
    let Some(Value::Array(elements)) = message.get_mut("body") else {
        return json::cut_lists(message, &mut { MOST_LISTED });
    };
    let over = elements.len().saturating_sub(MOST_LISTED);
    elements.truncate(MOST_LISTED);
    let share = MOST_LISTED / elements.len().max(1);
    let cut = elements.iter_mut().map(|element| json::cut_lists(element, &mut { share }));
    over + cut.sum::<usize>()
}

fn elements(body: Option<&Value>) -> Vec<Element> {
    match body {
        None => Vec::new(),
        Some(Value::Array(list)) => list.iter().map(Element::from_value).collect(),
        Some(lone) => vec![Element::from_value(lone)],
    }
}

#[cfg(test)]
mod tests;
