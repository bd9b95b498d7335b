//! What a session's journal holds. A stored format: names and shapes only ever gain, never change.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    domain::Timestamp,
    ledger::{Lease, Settled, Stored, Whisper},
    translate::secondary_bot::Pending,
};

/// One thing that happened in a session with a primary bot. A request is named by its position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The primary bot asked for something.
    Asked(Box<Asked>),
    /// A conversation with the agent was opened; posts of the request start anew in it.
    Opened {
        request: u64,
        conversation: String,
        /// The agent's name in the settings; `None`: the default one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<String>,
        /// `None`: the secret serves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Sealed.
        authorization: Option<String>,
        #[serde(rename = "until", default, skip_serializing_if = "Option::is_none")]
        renew_at: Option<Timestamp>,
        at: Timestamp,
    },
    Renewed {
        /// Sealed.
        authorization: String,
        #[serde(rename = "until")]
        renew_at: Timestamp,
    },
    /// The post of this number is about to be made, of the request that is worked on.
    Posting {
        ordinal: usize,
        at: Timestamp,
    },
    Posted {
        ordinal: usize,
        /// It only tells something, and may not have arrived.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        untold: bool,
        at: Timestamp,
    },
    Answered(Box<Answered>),
    /// A call is about to be made, or goes on: the work on a request, or sending an answer to the response address.
    Leased(Lease),
    Settled(Settled),
    /// Stored by a newer build, in a shape this one can't read.
    #[serde(skip)]
    OfANewerBuild,
    /// Of a kind that a newer build has added. Changes nothing.
    #[serde(other)]
    Unknown,
}

impl Stored for Fact {
    const REALM: &'static str = "secondary/";

    fn of_a_newer_build() -> Self {
        Self::OfANewerBuild
    }

    fn is_of_a_newer_build(&self) -> bool {
        matches!(self, Self::OfANewerBuild)
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What a repeat of the request has in common with it; `None` when it names itself by nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    pub what: What,
    pub user: String,
    /// What the user said; empty when it is a secret.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What stands for what the user said in secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whisper: Option<Whisper>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// The agent's variables, as the request has them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
    /// What every answer to the request repeats.
    #[serde(default)]
    pub echo: Map<String, Value>,
    /// The answer goes to the response address.
    #[serde(default)]
    pub asynchronous: bool,
    /// The `traceparent` it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    pub at: Timestamp,
}

impl Asked {
    /// Whether it may answer what was asked: words, or what is said in secret beside something else.
    pub fn says(&self) -> bool {
        self.what == What::Say || self.whisper.is_some()
    }

    /// Whether it is answered in a conversation of its own. What is said in secret answers a question in the one there is.
    pub fn opens_anew(&self) -> bool {
        matches!(self.what, What::Start | What::Create) && self.whisper.is_none()
    }
}

/// Never shows what was said.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("what", &self.what.name()).field("at", &self.at).finish_non_exhaustive()
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    Say,
    /// A message with nothing in it.
    Nothing,
    Start,
    Create,
    StartCreated,
    /// A person.
    Agent,
    /// To this topic or intent, as the agent's event has it.
    Switch {
        to: Value,
    },
    End,
    Fault,
    /// Only something to know: history, a time zone, silence.
    Note,
}

impl What {
    /// Whether the agent is told the context with it.
    pub fn tells(&self) -> bool {
        !matches!(self, Self::Create | Self::End | Self::Fault)
    }

    /// Whether it is answered too soon for a sign that somebody types.
    pub fn is_quick(&self) -> bool {
        matches!(self, Self::Nothing | Self::Create | Self::End | Self::Fault | Self::Note)
    }

    /// For logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Say | Self::Nothing => "message",
            Self::Start => "START_CONVERSATION",
            Self::Create => "CREATE_CONVERSATION",
            Self::StartCreated => "START_CREATED_CONVERSATION",
            Self::Agent => "AGENT",
            Self::Switch { .. } => "SWITCH",
            Self::End => "END_CONVERSATION",
            Self::Fault => "FAULT_CONVERSATION",
            Self::Note => "note",
        }
    }
}

/// A file the user sent, where it is to be had. Headers that would open it are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub name: String,
    pub media_type: String,
    pub url: String,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// `None`: said unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// The whole answer, as the primary bot gets it.
    pub body: Value,
    /// Where the conversation was read up to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    #[serde(default)]
    pub pending: Pending,
    /// The agent's conversation is over; the next request opens another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
    /// Is to be sent to the response address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deliver: bool,
    /// The request's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    pub at: Timestamp,
}

/// Never shows what was said.
impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Answered");
        shown.field("request", &self.request).field("deliver", &self.deliver).finish_non_exhaustive()
    }
}
