//! Our own words: ids, people, what is said. Stored in journals, so every type here is part of the stored format.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

mod chance;
pub mod control;
pub mod inbound;
pub mod zone;

pub use self::chance::random;

/// The client's Direct Line conversation. Opaque; the same before, during and after any number of hand-offs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConversationId(Arc<str>);

impl ConversationId {
    /// Accepts an id as Direct Line shows it: not empty, at most 200 bytes, no control characters, no `/`.
    pub fn parse(raw: &str) -> Option<Self> {
        let fits = !raw.is_empty() && raw.len() <= 200;
        let clean = !raw.chars().any(|c| c.is_control() || c == '/' || c == '\\');
        (fits && clean && raw != "." && raw != "..").then(|| Self(raw.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For the log, of an id that somebody else says: only what looks like Direct Line's names nobody.
    pub fn shown(&self) -> Cow<'_, str> {
        let is_opaque = |sign: u8| sign.is_ascii_alphanumeric() || matches!(sign, b'-' | b'_');
        match self.0.bytes().all(is_opaque) {
            true => self.as_str().into(),
            false => format!("sha256:{}", &hex::encode(Sha256::digest(self.as_str()))[..12]).into(),
        }
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One live chat of a conversation, as ServiceNow knows it (`clientSessionId`).
///
/// The first chat carries the conversation's own id, the second `<id>~2`, and so on, so that a late
/// webhook of an old chat can't fall into a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionId {
    pub conversation: ConversationId,
    /// 1 for the conversation's first hand-off.
    pub chat: u32,
}

impl SessionId {
    /// Reads a `clientSessionId` back. `None` when it can't be one of ours.
    pub fn parse(raw: &str) -> Option<Self> {
        if let Some((head, tail)) = raw.rsplit_once('~')
            && let Ok(chat) = tail.parse::<u32>()
            && chat >= 2
            && let Some(conversation) = ConversationId::parse(head)
        {
            return Some(Self { conversation, chat });
        }
        let conversation = ConversationId::parse(raw)?;
        Some(Self { conversation, chat: 1 })
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.chat {
            0 | 1 => write!(f, "{}", self.conversation),
            chat => write!(f, "{}~{chat}", self.conversation),
        }
    }
}

/// An activity's id: Direct Line's own, or ours (`<conversation>|L0000001`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActivityId(pub String);

impl ActivityId {
    /// The id of the activity that stands at `position` of the conversation's journal.
    pub fn local(conversation: &ConversationId, position: u64) -> Self {
        Self(format!("{conversation}|L{position:07}"))
    }

    /// An id for what was taken and has no echo: of nothing else, ever.
    pub fn of_nothing(conversation: &ConversationId) -> Self {
        Self(format!("{conversation}|N{}", hex::encode(random::<8>())))
    }
}

/// Stands where words may not be shown.
pub const MASKED: &str = "••••••••";

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The clock. Only the shell calls this; the core takes the time as an argument.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// Reads RFC 3339, as activities carry it.
    pub fn parse_rfc3339(raw: &str) -> Option<Self> {
        raw.parse::<jiff::Timestamp>().ok().map(|at| Self(at.as_millisecond()))
    }

    /// RFC 3339 in UTC with milliseconds, as Direct Line writes it.
    pub fn rfc3339(self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        format!("{at:.3}")
    }

    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    pub fn plus(self, time: Duration) -> Self {
        self.plus_millis(millis(time))
    }

    /// Milliseconds from `earlier` to this; negative when `earlier` is later.
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A length of time, as times are counted.
pub fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// The live agent as the user sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `sys_id` of the agent's live profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// As ServiceNow sent it: absolute, or relative to the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

impl Agent {
    /// Whether this may be the same person: by their ids or, where one has none, by their names, of which one may be the first
    /// name alone. Where there is neither, nothing tells them apart.
    pub fn may_be(&self, other: &Self) -> bool {
        let begins = |name: &str, with: &str| {
            name.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        match (&self.id, &other.id, &self.name, &other.name) {
            (Some(id), Some(other), _, _) => id == other,
            (_, _, Some(name), Some(other)) => {
                let (name, other) = (name.to_lowercase(), other.to_lowercase());
                begins(&name, &other) || begins(&other, &name)
            }
            _ => true,
        }
    }
}

/// The person in the chat client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `from.id` as Direct Line shows it; ServiceNow's `userId`.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// BCP 47, as the client said it: `en-US`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The agent's `va_Language`, for readers whose own language there are no words in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// IANA name: `Europe/Berlin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// One line of what user and bot said before the escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    pub from_bot: bool,
    pub name: String,
    pub text: String,
    pub at: Timestamp,
}

/// A file somebody sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub name: String,
    /// Media type: `image/png`.
    pub media_type: String,
    pub url: String,
    /// Its length, where we have taken it; 0 when somebody else has it.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub bytes: u64,
}

fn is_nothing(bytes: &u64) -> bool {
    *bytes == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_may_be_a_persons_is_not_logged() {
        for (id, is_shown) in [
            ("9wVnNoSuch-eu", true),
            ("handler-doctor-1", true),
            ("jo@example.com", false),
            ("Jo Doe", false),
            ("jo.doe", false),
        ] {
            let id = ConversationId::parse(id).expect("an id");
            assert_eq!(id.shown() == id.as_str(), is_shown, "{id}");
        }
    }

    #[test]
    fn a_session_id_reads_back_as_written() {
        let conversation = ConversationId::parse("91hcXEd0~x-o").expect("valid");
        for chat in [1, 2, 17] {
            let session = SessionId { conversation: conversation.clone(), chat };
            assert_eq!(SessionId::parse(&session.to_string()), Some(session));
        }
    }

    #[test]
    fn a_timestamp_is_written_as_direct_line_writes_it() {
        assert_eq!(Timestamp(1_739_866_290_393).rfc3339(), "2025-02-18T08:11:30.393Z");
        assert_eq!(
            Timestamp::parse_rfc3339("2020-02-10T21:51:37.4997264Z"),
            Some(Timestamp(1_581_371_497_499))
        );
    }

    #[test]
    fn path_tricks_are_no_conversation_ids() {
        for raw in ["", ".", "..", "a/b", "a\\b", "a\u{0}b"] {
            assert_eq!(ConversationId::parse(raw), None, "{raw:?}");
        }
    }
}
