//! What tests, the desk page and `GET /simulator/state` see of an instance.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::Timestamp;

/// A call that was processed, or one the instance ignored because it came at a wrong moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    pub at: Timestamp,
    /// `clientSessionId`, or the user when there is none.
    pub session: String,
    /// Empty for an ordinary message.
    pub action: String,
    pub request_id: String,
    pub client_message_id: String,
    pub text: String,
    pub body: Value,
    pub traceparent: Option<String>,
}

/// What came of a webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookResult {
    /// `None`: no answer in time, or nothing was sent (no such chat, an abandoned one, no response URL).
    pub status: Option<u16>,
    pub elapsed: Duration,
}

impl WebhookResult {
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// A webhook that was sent.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    pub at: Timestamp,
    pub status: Option<u16>,
    pub millis: u64,
    /// The `messageId` of each body item that has one.
    pub message_ids: Vec<String>,
}

/// Where a chat stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Made by CREATE_CONVERSATION, not started.
    Created,
    /// With ServiceNow's own virtual agent.
    Bot,
    Queued,
    Live,
    Ended,
    /// A webhook was refused or not answered; the work item is gone.
    ClosedAbandoned,
}

/// A chat as the desk shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatView {
    /// The conversation's `sys_id`.
    pub id: String,
    pub interaction_id: String,
    /// `clientSessionId`, or the user when there is none.
    pub session: String,
    pub user_id: String,
    pub user_name: String,
    pub email: String,
    pub standing: Standing,
    pub agent: Option<String>,
    pub ended_because: Option<&'static str>,
    pub opened_at: Timestamp,
    pub waiting_since: Option<Timestamp>,
    pub language: String,
    pub timezone: String,
    pub user_typing: bool,
    pub context: Map<String, Value>,
    pub history: Vec<Value>,
    pub lines: Vec<Line>,
    /// How many lines there are, when only the last is shown.
    pub line_count: usize,
    pub deliveries: Vec<Delivery>,
}

/// Something said in a chat, from the agent's side of the desk.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub at: Timestamp,
    pub from: Speaker,
    pub name: String,
    pub text: String,
    /// `messageId` of what was sent; `clientMessageId` of what the user said.
    pub message_id: String,
    pub mark: Mark,
    /// What UPDATE_MESSAGES says the user really got.
    pub updated_text: Option<String>,
    pub attachments: Vec<FileView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    User,
    Agent,
    Bot,
    System,
}

/// How far a line got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    Pending,
    /// The webhook was taken: one tick.
    Sent,
    /// UPDATE_MESSAGES said `sent_to_user`: two ticks.
    Delivered,
    Failed,
}

/// A file that came with a message.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileView {
    pub name: String,
    pub media_type: String,
    pub url: String,
    pub fetched: Option<Fetched>,
}

/// What the instance got when it downloaded a user's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetched {
    pub status: u16,
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}
