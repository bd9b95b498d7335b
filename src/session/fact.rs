//! What a journal holds. A stored format: names and shapes only ever gain, never change.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    domain::{
        ActivityId, Agent, HistoryLine, Timestamp, User,
        control::{Control, Missing},
    },
    ledger::{Lease, Settled, Stored, Whisper},
};

/// One thing that happened in a conversation since its first escalation.
///
/// At most one activity is shown to the client for a fact, so a fact's position names its activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    HandoffRequested(Box<HandoffRequested>),
    /// Direct Line was read once more after the escalation was stored: nothing the user said is left there.
    UpstreamDrained {
        /// The bot's stretch that was read; the last one when it does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        segment: Option<usize>,
        at: Timestamp,
    },
    UserSaid(Box<UserSaid>),
    /// What was said before the escalation, when it could only be read later.
    HistoryRead {
        lines: Vec<HistoryLine>,
        at: Timestamp,
    },
    UserTyping {
        at: Timestamp,
    },
    UserStoppedTyping {
        at: Timestamp,
    },
    /// A call to ServiceNow is about to be made, or goes on.
    Leased(Lease),
    Settled(Settled),
    /// ServiceNow's own ids of the chat, kept for support.
    ChatNamed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interaction: Option<String>,
        at: Timestamp,
    },
    /// ServiceNow has the user in a queue.
    Queued {
        at: Timestamp,
    },
    AgentJoined {
        agent: Agent,
        at: Timestamp,
    },
    AgentSaid(Box<AgentSaid>),
    AgentTyping {
        /// Clients take the typing for over when this one says something.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Speaker>,
        at: Timestamp,
    },
    /// Whoever was typing has stopped.
    AgentStoppedTyping {
        at: Timestamp,
    },
    /// A piece of an answer that is not whole yet, or word that one is coming.
    StreamPiece(Box<StreamPiece>),
    /// Nothing came of a stream.
    StreamDropped {
        /// Position of its first fact.
        first: u64,
        at: Timestamp,
    },
    /// ServiceNow no longer waits for an answer to what its virtual agent asked.
    QuestionsClosed {
        at: Timestamp,
    },
    /// A live agent's message with nothing in it that could be shown.
    NotShown {
        message_id: String,
        at: Timestamp,
    },
    /// A line of ours for the user.
    Noticed {
        notice: Notice,
        at: Timestamp,
    },
    /// The client's next GET carried a watermark past these messages of ServiceNow's.
    Fetched {
        up_to: u64,
        at: Timestamp,
    },
    ChatEnded {
        why: EndReason,
        /// ServiceNow believes the chat is open and must be told.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tell: bool,
        at: Timestamp,
    },
    /// `AFTER_CHAT=end`: nothing follows.
    ConversationOver {
        at: Timestamp,
    },
    /// A fresh Copilot Studio conversation answers from here on.
    BotReturned {
        conversation: String,
        /// `Bearer …` for that conversation, sealed, when it was not opened with our own secret.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorization: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        at: Timestamp,
    },
    BotTokenRenewed {
        /// Sealed.
        authorization: String,
        until: Timestamp,
    },
    /// Files of an upload that came to nothing, and that ServiceNow has all the same.
    FilesUnsaid {
        bytes: u64,
        at: Timestamp,
    },
    /// Direct Line accepted this token (SHA-256 of it) for the conversation.
    TokenAccepted {
        hash: String,
        until: Timestamp,
    },
    /// Stored by a newer build, in a shape this one can't read.
    #[serde(skip)]
    OfANewerBuild,
    /// Of a kind that a newer build has added. Changes nothing.
    #[serde(other)]
    Unknown,
}

impl Fact {
    /// When it happened, by the clock of whoever told it.
    pub fn at(&self) -> Option<Timestamp> {
        Some(match self {
            Self::HandoffRequested(request) => request.at,
            Self::UserSaid(said) => said.at,
            Self::AgentSaid(said) => said.at,
            Self::StreamPiece(piece) => piece.at,
            Self::Leased(lease) => lease.at,
            Self::Settled(settled) => settled.at,
            Self::UpstreamDrained { at, .. }
            | Self::HistoryRead { at, .. }
            | Self::UserTyping { at }
            | Self::UserStoppedTyping { at }
            | Self::ChatNamed { at, .. }
            | Self::Queued { at }
            | Self::AgentJoined { at, .. }
            | Self::AgentTyping { at, .. }
            | Self::AgentStoppedTyping { at }
            | Self::StreamDropped { at, .. }
            | Self::QuestionsClosed { at }
            | Self::NotShown { at, .. }
            | Self::Noticed { at, .. }
            | Self::Fetched { at, .. }
            | Self::ChatEnded { at, .. }
            | Self::ConversationOver { at }
            | Self::FilesUnsaid { at, .. }
            | Self::BotReturned { at, .. } => *at,
            Self::BotTokenRenewed { .. }
            | Self::TokenAccepted { .. }
            | Self::OfANewerBuild
            | Self::Unknown => {
                return None;
            }
        })
    }
}

impl Stored for Fact {
    const REALM: &'static str = "";

    fn of_a_newer_build() -> Self {
        Self::OfANewerBuild
    }

    fn is_of_a_newer_build(&self) -> bool {
        matches!(self, Self::OfANewerBuild)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandoffRequested {
    /// The event's activity id.
    pub event: String,
    /// Who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
    /// Watermark of the batch that held the event; what lies behind it in Direct Line is not the user's to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// Activities that came behind the event in its batch and were passed on with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<ActivityId>,
    /// The user's activities that the client was shown with the batch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<ActivityId>,
    /// The user's activities that the bot still answered; they are no part of the live chat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<ActivityId>,
    /// What the user said last before the escalation, when no id tells which activity that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched_request: Option<String>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    CreateThenStart,
    Start,
    Agent,
}

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
    pub files: Vec<crate::domain::Attachment>,
    /// `traceparent` of the request that brought it; what ServiceNow is told of it goes on in this trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
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
    pub attachments: Vec<crate::domain::Attachment>,
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
    /// What a step of a longer task is known by, where the control does not say it.
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

impl AgentSaid {
    /// What a repeat of this is known by; nothing when ServiceNow gave it no name, and then it counts as new.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        let stream = self.control.stream().map(|stream| format!("stream {stream}"));
        let step = self.step.clone().or_else(|| self.control.step()).map(|step| format!("step {step}"));
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    Joined {
        name: Option<String>,
    },
    Ended {
        why: EndReason,
    },
    NotDelivered {
        text: String,
    },
    /// It was sent as often as may be, without an answer.
    MayNotHaveArrived {
        text: String,
    },
    /// The question had its answer; another is not passed on.
    AnsweredBefore,
    /// A masked answer did not get through and is not kept.
    EnterAgain,
    /// The question's chat is over, or ServiceNow no longer waits for its answer; this one is not passed on.
    QuestionClosed,
    /// Nothing was passed on, because this was lacking.
    Missing {
        what: Missing,
    },
    /// A file, and what came with it, was not passed on.
    FileRefused {
        name: String,
        #[serde(default, skip_serializing_if = "FileFault::is_default")]
        why: FileFault,
    },
    /// The conversation holds as many words as it may; these were not taken.
    ConversationFull,
}

/// Why a file was not taken, as the user is told it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FileFault {
    /// ServiceNow does not take a file like this.
    #[default]
    NotTaken,
    /// `limit` in bytes.
    TooLarge {
        limit: u64,
    },
    /// More files than were asked for.
    TooMany {
        limit: u64,
    },
    NoPicture,
    /// It came with an answer that may not be kept.
    WithMasked,
    /// The conversation, or the store, holds as much as it may.
    NoRoom,
}

impl FileFault {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    ByAgent,
    ByUser,
    /// Nobody accepted within `HANDOFF_TIMEOUT`.
    NobodyInTime,
    NobodyAvailable,
    /// ServiceNow's bot gave up and handed control back.
    ControlReturned,
    /// ServiceNow refused to open the chat, or could not be reached for the whole retry table.
    NotOpened,
    /// Nothing was said for a day.
    Idle,
}

impl EndReason {
    /// True when no person ever joined because ServiceNow could not or would not: `handoff.status` is `failed`.
    pub fn is_failure_to_connect(self) -> bool {
        matches!(self, Self::NobodyInTime | Self::NobodyAvailable | Self::NotOpened)
    }
}
