//! What a conversation holds of its visitor's, and the most it may hold: one visitor can't fill the store.

use std::io;

use serde::Serialize;

use super::{Fact, FileFault, HandoffRequested, Notice, UserSaid};
use crate::domain::{Timestamp, control::Control};

/// Bytes that are stored for what is said to us, on Direct Line's side and by our own lines. What ServiceNow says is not in it.
pub const MOST_WORDS: u64 = 16 << 20;
/// Bytes of files, of all chats of a conversation.
pub const MOST_FILES: u64 = 1 << 30;

/// Bytes from which on a message of ServiceNow's counts as a file, because it holds pictures.
const MOST_SAID: u64 = 64 << 10;

/// Bytes of a fact that holds no words.
const WORDLESS: u64 = 100;

/// What a conversation holds no more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    Words,
    Files,
}

/// Bytes, counted as the facts are folded in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub words: u64,
    pub files: u64,
    /// The user has read in this chat that nothing more is taken.
    told: bool,
}

impl Kept {
    pub(super) fn count(&mut self, fact: &Fact) {
        self.words = self.words.saturating_add(weight(fact));
        match fact {
            Fact::UserSaid(said) => self.files = self.files.saturating_add(bytes_of(said)),
            Fact::AgentSaid(said) => self.files = self.files.saturating_add(carried(&said.control)),
            Fact::FilesUnsaid { bytes, .. } => self.files = self.files.saturating_add(*bytes),
            Fact::HandoffRequested(_) => self.told = false,
            Fact::Noticed { notice: Notice::ConversationFull, .. } => self.told = true,
            _ => {}
        }
    }

    /// Whether anything more may be stored of the visitor's.
    pub fn has_room(&self) -> bool {
        self.words < MOST_WORDS
    }

    /// Bytes of files that may still come.
    pub fn room_for_files(&self) -> u64 {
        MOST_FILES.saturating_sub(self.files)
    }

    /// What there is no room for.
    pub(super) fn lacks_room_for(&self, said: &UserSaid) -> Option<Quota> {
        // No one message is half of what there is room for: it is written out to be counted once it is stored, not twice.
        let plenty = self.words < MOST_WORDS / 2;
        if !plenty && self.words.saturating_add(size(said)) > MOST_WORDS {
            return Some(Quota::Words);
        }
        (bytes_of(said) > self.room_for_files()).then_some(Quota::Files)
    }

    /// A hand-off goes on without its history where that does not fit.
    pub(super) fn fit(&self, mut request: HandoffRequested) -> Box<HandoffRequested> {
        if self.words.saturating_add(size(&request)) > MOST_WORDS {
            request.history.clear();
            request.later_history.clear();
        }
        Box::new(request)
    }

    /// What the user reads of it: of words once a chat, because the line is stored as well.
    pub(super) fn tell(&self, lacking: Quota, said: &UserSaid, now: Timestamp) -> Option<Fact> {
        let name = || said.files.first().map(|file| file.name.clone()).unwrap_or_default();
        let notice = match lacking {
            Quota::Words => (!self.told).then_some(Notice::ConversationFull),
            Quota::Files => {
                self.has_room().then(|| Notice::FileRefused { name: name(), why: FileFault::NoRoom })
            }
        };
        notice.map(|notice| Fact::Noticed { notice, at: now })
    }
}

/// Bytes of what a message of ServiceNow's carries in itself; words alone are never that many.
fn carried(control: &Control) -> u64 {
    let size = size(control);
    if size > MOST_SAID { size } else { 0 }
}

fn bytes_of(said: &UserSaid) -> u64 {
    said.files.iter().map(|file| file.bytes).sum()
}

/// Bytes that a fact takes of what its conversation may hold.
fn weight(fact: &Fact) -> u64 {
    match fact {
        // ServiceNow's.
        Fact::AgentSaid(_)
        | Fact::AgentJoined { .. }
        | Fact::AgentTyping { .. }
        | Fact::AgentStoppedTyping { .. }
        | Fact::StreamPiece(_)
        | Fact::StreamDropped { .. }
        | Fact::ChatNamed { .. }
        | Fact::Queued { .. }
        | Fact::NotShown { .. } => 0,
        // Each message has several, and they hold no words.
        Fact::UserTyping { .. }
        | Fact::UserStoppedTyping { .. }
        | Fact::Leased(_)
        | Fact::Settled(_)
        | Fact::Fetched { .. } => WORDLESS,
        // Be it a kind with words or not.
        _ => size(fact),
    }
}

/// Bytes as they are stored.
fn size(what: &impl Serialize) -> u64 {
    let mut counted = Counted(0);
    // Nothing here can't be written as JSON; what could not would not be stored either.
    let _ = serde_json::to_writer(&mut counted, what);
    counted.0
}

struct Counted(u64);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
