//! Direct Line's operations: all that a client may ask for.
//!
//! Followed: the Direct Line 3.0 API reference, and `session/getsessionid` as DirectLineJS calls it. A method and a path become
//! one of them or nothing, and what goes on is built from the operation, never from the client's text.

use std::borrow::Cow;

use actix_web::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::domain::ConversationId;

/// Segments of an attachment's address behind `attachments`, at most.
const LONGEST_ADDRESS: usize = 8;
/// What a segment may hold as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A conversation is started, or a token for one is asked for with a secret.
    Start,
    Generate,
    Refresh,
    /// A new token for a conversation that is there.
    Reconnect(ConversationId),
    Read(ConversationId),
    Post(ConversationId),
    Upload(ConversationId),
    /// The web socket on which activities are pushed.
    Stream(ConversationId),
    /// What binds a sign-in to the browser it was begun in.
    SessionId,
    /// The decoded segments behind `attachments`.
    Attachment(Vec<String>),
}

impl Operation {
    /// What `method` asks for at a path below `v3/directline`. Empty segments and letter case don't count; a path that means
    /// something else once decoded, or leads elsewhere, is nothing.
    pub fn read(method: &Method, path: &str) -> Option<Self> {
        let segments = segments(path)?;
        let is = |segment: &str, word: &str| segment.eq_ignore_ascii_case(word);
        let (get, post) = (method == Method::GET, method == Method::POST);
        match segments.as_slice() {
            [one] if post && is(one, "conversations") => Some(Self::Start),
            [one, two] if post && is(one, "tokens") && is(two, "generate") => Some(Self::Generate),
            [one, two] if post && is(one, "tokens") && is(two, "refresh") => Some(Self::Refresh),
            [one, id] if get && is(one, "conversations") => Some(Self::Reconnect(conversation(id)?)),
            [one, id, last] if is(one, "conversations") => {
                let id = conversation(id)?;
                match last {
                    _ if get && is(last, "activities") => Some(Self::Read(id)),
                    _ if post && is(last, "activities") => Some(Self::Post(id)),
                    _ if post && is(last, "upload") => Some(Self::Upload(id)),
                    _ if get && is(last, "stream") => Some(Self::Stream(id)),
                    _ => None,
                }
            }
            [one, two] if get && is(one, "session") && is(two, "getsessionid") => Some(Self::SessionId),
            [one, address @ ..] if (get || method == Method::HEAD) && is(one, "attachments") => {
                let fits = (1..=LONGEST_ADDRESS).contains(&address.len());
                fits.then(|| Self::Attachment(address.iter().map(|segment| segment.to_string()).collect()))
            }
            _ => None,
        }
    }

    /// Where it is asked for below `v3/directline/`.
    pub fn path(&self) -> Cow<'static, str> {
        match self {
            Self::Start => "conversations".into(),
            Self::Generate => "tokens/generate".into(),
            Self::Refresh => "tokens/refresh".into(),
            Self::SessionId => "session/getsessionid".into(),
            Self::Reconnect(id) => format!("conversations/{}", encoded(id.as_str())).into(),
            Self::Read(id) | Self::Post(id) => {
                format!("conversations/{}/activities", encoded(id.as_str())).into()
            }
            Self::Upload(id) => format!("conversations/{}/upload", encoded(id.as_str())).into(),
            Self::Stream(id) => format!("conversations/{}/stream", encoded(id.as_str())).into(),
            Self::Attachment(address) => {
                let address: Vec<String> =
                    address.iter().map(|segment| encoded(segment).to_string()).collect();
                format!("attachments/{}", address.join("/")).into()
            }
        }
    }

    /// The conversation it is about.
    pub fn conversation(&self) -> Option<&ConversationId> {
        match self {
            Self::Reconnect(id) | Self::Read(id) | Self::Post(id) | Self::Upload(id) | Self::Stream(id) => {
                Some(id)
            }
            Self::Start | Self::Generate | Self::Refresh | Self::SessionId | Self::Attachment(_) => None,
        }
    }

    /// The one query parameter it takes.
    pub fn parameter(&self) -> Option<&'static str> {
        match self {
            Self::Reconnect(_) | Self::Read(_) | Self::Stream(_) => Some("watermark"),
            Self::Upload(_) => Some("userId"),
            // What an attachment's address is signed with.
            Self::Attachment(_) => Some("t"),
            Self::Start | Self::Generate | Self::Refresh | Self::Post(_) | Self::SessionId => None,
        }
    }

    /// Whether a credential is asked for in a header; a socket's stands in its address, because browsers send no other.
    pub fn needs_credential(&self) -> bool {
        !matches!(self, Self::SessionId | Self::Attachment(_) | Self::Stream(_))
    }
}

/// A conversation's id, of the letters that ids are made of. With others, at the ends above all, a reader behind us might see the
/// id of a live chat in what is another one's here.
fn conversation(segment: &str) -> Option<ConversationId> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~|:=+@".contains(c);
    let is_one = segment.chars().all(plain) && !segment.starts_with('.') && !segment.ends_with('.');
    is_one.then(|| ConversationId::parse(segment)).flatten()
}

/// A path's segments once decoded; `None` where one would mean something else to another reader.
fn segments(path: &str) -> Option<Vec<Cow<'_, str>>> {
    let raw = path.split('/').filter(|segment| !segment.is_empty());
    // Hardly any is encoded, and each poll comes by here.
    let decoded = raw.map(|segment| match segment.contains('%') {
        true => percent_decode_str(segment).decode_utf8().ok(),
        false => Some(segment.into()),
    });
    decoded
        .map(|segment| segment.filter(|segment| !is_trick(segment)))
        .collect::<Option<Vec<_>>>()
        .filter(|segments| !segments.is_empty())
}

fn is_trick(segment: &str) -> bool {
    let tricks = |c: char| matches!(c, '/' | '\\') || c.is_control();
    matches!(segment, "." | "..") || segment.chars().any(tricks)
}

fn encoded(segment: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(segment, SEGMENT)
}

#[cfg(test)]
mod tests;
