//! Lines of ours for the user, and why a chat ended: as reasons, which each reader is told in its own language.

use serde::{Deserialize, Serialize};

use crate::domain::control::Missing;

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
    /// A masked answer may not have arrived and is not kept.
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
        why: FileFault,
    },
    /// The conversation holds as many words as it may; these were not taken.
    ConversationFull,
}

/// Why a file was not taken, as the user is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FileFault {
    /// ServiceNow does not take a file like this.
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
