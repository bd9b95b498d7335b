//! What the blobs of the journal are called.
//!
//! `journal/<realm>/<conversation>` holds a conversation's facts, `open/<realm>/<conversation>` says that the sweep
//! must look at it. Ids are percent-encoded down to letters, digits, `-` and `_`: an id has at most 200 bytes, so
//! a name stays below the 1,024 characters a blob's may have, and never ends with a dot, which Azure advises against.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{domain::ConversationId, ledger::journal::Name};

/// Blobs of conversations' facts.
pub const JOURNALS: &str = "journal";
/// Blobs that mark conversations as open.
pub const MARKERS: &str = "open";
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The conversation's blob among [`JOURNALS`] or [`MARKERS`].
pub fn blob(of: &str, name: Name<'_>) -> String {
    format!("{}{}", prefix(of, name.realm), utf8_percent_encode(name.id.as_str(), ENCODED))
}

/// What the names of all [`JOURNALS`] or [`MARKERS`] of the realm begin with: a slash at the end, so that no realm's names begin
/// another's.
pub fn prefix(of: &str, realm: &str) -> String {
    match realm.trim_matches('/') {
        "" => format!("{of}/handoff/"),
        realm => format!("{of}/{realm}/"),
    }
}

/// Reads a name with this prefix back.
pub fn id_behind(name: &str, prefix: &str) -> Option<ConversationId> {
    ConversationId::parse(&percent_decode_str(name.strip_prefix(prefix)?).decode_utf8().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_makes_a_name_that_reads_back() {
        for id in ["Abc-123_us", "order|with~odd%20name", "Grüße.", "...", "a?b#c&d=e", &"ü".repeat(100)] {
            let id = ConversationId::parse(id).expect("an id");
            let name = blob(MARKERS, Name { realm: "", id: &id });
            assert!(name.len() <= 1024 && !name.ends_with('.'), "{name}");
            assert_eq!(id_behind(&name, &prefix(MARKERS, "")), Some(id));
        }
    }

    #[test]
    fn an_ordinary_id_stands_as_it_is() {
        let id = ConversationId::parse("Abc-123_us").expect("an id");
        assert_eq!(blob(JOURNALS, Name { realm: "", id: &id }), "journal/handoff/Abc-123_us");
    }
}
