//! What was said, by the user or on ServiceNow's side.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    domain::{ActivityId, Agent, Attachment, Timestamp, control::Control},
    ledger::Whisper,
};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserSaid {
    /// Direct Line's id when the user said it there; else `None`, and the fact's position gives the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ActivityId>,
    /// `channelData.clientActivityID`: the client's own name for the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The client's time zone, when it is another than before (IANA name).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The client has it already, from Direct Line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shown: bool,
    /// What ServiceNow is told; `None` when there is nothing to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<ToAgent>,
    /// Position of the question this answers, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<u64>,
    /// What the client's echo holds besides ids and times.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub echo: Map<String, Value>,
    /// Files that came with it and that we have put where ServiceNow finds them; the echo shows them, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// `traceparent` of the request that brought it; what ServiceNow is told of it goes on in this trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The youngest time of what the bot had said, when it was said while the bot speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Timestamp>,
    pub at: Timestamp,
}

/// A message of the user's, as ServiceNow gets it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToAgent {
    /// Empty for a masked answer.
    pub text: String,
    /// False when the user chose instead of typing.
    pub typed: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// What stands for the words of a masked answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whisper: Option<Whisper>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentSaid {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// How many items of the same message had the same id before this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub place: u32,
    /// What a step of a longer task is known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Position of the first fact of the stream that this ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<u64>,
    /// This is what came of that stream, because its end did not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    pub by: Speaker,
    pub control: Control,
    pub at: Timestamp,
}

/// A piece of a streamed answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamPiece {
    /// Position of the stream's first fact; `None`: this is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// ServiceNow's name for the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Said before there is any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What is added to what came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    pub by: Speaker,
    pub at: Timestamp,
}

impl UserSaid {
    /// What stands for its words, when they are not stored.
    pub fn whisper(&self) -> Option<&Whisper> {
        self.message.as_ref()?.whisper.as_ref()
    }

    /// As the client sees it, and nobody else.
    pub fn only_shown(&self) -> Self {
        Self { message: None, timezone: None, ..self.clone() }
    }
}

impl AgentSaid {
    /// Something that nothing is known of besides.
    pub fn new(by: Speaker, control: Control, at: Timestamp) -> Self {
        Self { message_id: None, place: 0, step: None, ends: None, lost: false, by, control, at }
    }

    /// What a repeat of this is known by; nothing when ServiceNow gave it no name, and then it counts as new.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        let stream = self.control.stream().map(|stream| format!("stream {stream}"));
        let step = self.step.as_ref().map(|step| format!("step {step}"));
        Self::known_by(self.message_id.as_deref(), self.place).into_iter().chain(stream).chain(step)
    }

    pub fn known_by(message_id: Option<&str>, place: u32) -> Option<String> {
        let id = message_id?;
        Some(if place == 0 { id.to_owned() } else { format!("{id} {place}") })
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Who on ServiceNow's side speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    Agent(Agent),
    VirtualAgent,
    /// Not a person and not a bot: "you are number two", "the agent has left".
    System,
}

impl Speaker {
    pub fn is_person(&self) -> bool {
        matches!(self, Self::Agent(_))
    }
}
