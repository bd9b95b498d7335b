//! What a journal holds. A stored format: names and shapes only ever gain, never change.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

mod notice;
mod request;
mod said;

pub use self::{
    notice::{EndReason, FileFault, Notice},
    request::{Cut, HandoffRequested, Opening, Topic},
    said::{AgentSaid, Speaker, StreamPiece, ToAgent, UserSaid},
};
use crate::{
    domain::{Agent, HistoryLine, Timestamp},
    ledger::{Lease, Settled, Stored},
};

/// `Bearer …` for a conversation of ours, sealed, and when it is to be renewed.
pub type SealedToken = (String, Timestamp);

/// One thing that happened in a conversation since its first escalation.
///
/// At most one activity is shown to the client for a fact, so a fact's position names its activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    HandoffRequested(Box<HandoffRequested>),
    /// Direct Line was read once more after the escalation was stored: nothing the user said is left there.
    UpstreamDrained {
        /// The bot's stretch that was read.
        segment: usize,
        /// As those of the [`Cut`], when the bot's cards could only be read then.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        password_inputs: BTreeSet<String>,
        /// What was said before the escalation was read, too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        before: bool,
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
        by: Speaker,
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
        /// When it was not opened with our own secret.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<SealedToken>,
        at: Timestamp,
    },
    BotTokenRenewed {
        token: SealedToken,
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
    const HARMLESS: &'static [&'static str] =
        &["noticed", "queued", "chat_named", "agent_typing", "agent_stopped_typing", "stream_piece"];

    fn of_a_newer_build() -> Self {
        Self::OfANewerBuild
    }

    fn is_of_a_newer_build(&self) -> bool {
        matches!(self, Self::OfANewerBuild)
    }
}
