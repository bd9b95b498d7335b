//! What the blobs of the journal are called.
//!
//! `journal/<realm>/<conversation>` holds a conversation's facts, `open/<realm>/<conversation>` says that the sweep
//! must look at it. Ids are percent-encoded down to letters, digits, `-` and `_`: an id has at most 200 bytes, so
//! a name stays below the 1,024 characters a blob's may have, and never ends with a dot, which Azure advises against.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{domain::ConversationId, ledger::journal::Stored};

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The blob of the conversation's facts.
pub fn journal<F: Stored>(id: &ConversationId) -> String {
    format!("{}{}", journals::<F>(), utf8_percent_encode(id.as_str(), ENCODED))
}

/// What the names of all journals of the realm begin with.
pub fn journals<F: Stored>() -> String {
    format!("journal/{}", realm::<F>())
}

/// Reads the name of a journal of the realm back.
pub fn kept<F: Stored>(name: &str) -> Option<ConversationId> {
    id_behind(name, &journals::<F>())
}

/// The blob that marks the conversation as open.
pub fn marker<F: Stored>(id: &ConversationId) -> String {
    format!("{}{}", markers::<F>(), utf8_percent_encode(id.as_str(), ENCODED))
}

/// What the names of all markers of the realm begin with.
pub fn markers<F: Stored>() -> String {
    format!("open/{}", realm::<F>())
}

/// Reads the name of a marker of the realm back.
pub fn marked<F: Stored>(name: &str) -> Option<ConversationId> {
    id_behind(name, &markers::<F>())
}

fn id_behind(name: &str, prefix: &str) -> Option<ConversationId> {
    ConversationId::parse(&percent_decode_str(name.strip_prefix(prefix)?).decode_utf8().ok()?)
}

/// With a slash at the end, so that no realm's names begin another's.
fn realm<F: Stored>() -> String {
    match F::REALM.trim_matches('/') {
        "" => "handoff/".to_owned(),
        realm => format!("{realm}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Fact;

    #[test]
    fn any_id_makes_a_name_that_reads_back() {
        for id in ["Abc-123_us", "order|with~odd%20name", "Grüße.", "...", "a?b#c&d=e", &"ü".repeat(100)] {
            let id = ConversationId::parse(id).expect("an id");
            let name = marker::<Fact>(&id);
            assert!(name.len() <= 1024 && !name.ends_with('.'), "{name}");
            assert_eq!(marked::<Fact>(&name), Some(id));
        }
    }

    #[test]
    fn an_ordinary_id_stands_as_it_is() {
        let id = ConversationId::parse("Abc-123_us").expect("an id");
        assert_eq!(journal::<Fact>(&id), "journal/handoff/Abc-123_us");
    }
}
