//! A person was asked for: by whom, and what whoever comes is to know.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::{ActivityId, HistoryLine, Timestamp, User};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HandoffRequested {
    pub cut: Cut,
    /// The user's activities that the client was shown with the batch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<ActivityId>,
    pub user: User,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryLine>,
    /// What did not fit into the first request, in requests' worth, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later_history: Vec<Vec<HistoryLine>>,
    /// The youngest timestamp of Direct Line's that the client was shown: what follows is not stamped earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Timestamp>,
    /// Nothing could be read of what was said; it follows when it can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history_missing: bool,
    /// The topic to go to once the chat is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    pub opening: Opening,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<(String, Timestamp)>,
    /// `traceparent` of the request that brought it; what ServiceNow is told of it goes on in this trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    pub at: Timestamp,
}

/// The end of a bot's stretch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// The event's activity id; empty when it has none.
    pub event: String,
    /// When it was, by Direct Line's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_at: Option<Timestamp>,
    /// Who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
    /// Watermark of the batch that held the event; what lies behind it in Direct Line is not the user's to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// Activities that came behind the event in its batch and were passed on with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<ActivityId>,
    /// The user's activities that the bot still answered; they are no part of the live chat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<ActivityId>,
    /// What the user said last before the escalation, when no id tells which activity that was; until it is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched_request: Option<String>,
    /// Ids of the password inputs in the cards that the bot has shown: what is entered there is for the bot alone.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub password_inputs: BTreeSet<String>,
    /// Direct Line could not be read up to the event, so that not all of them are known; later facts tell when it was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
    /// What the user said behind the event has been taken over, as later facts tell.
    #[serde(skip)]
    pub drained: bool,
}

/// Where in ServiceNow an escalation leads; exactly one of the three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// `sys_id` of the topic.
    Id(String),
    Name(String),
    /// NLU intent.
    Intent(String),
}

/// How the live chat is opened in ServiceNow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    #[default]
    CreateThenStart,
    Start,
    Agent,
}
