//! A fact's stored form: a version digit, then JSON whose `fact` names the kind.
//!
//! A fact of a kind that this build does not know counts as one position and changes nothing, and so does one in a shape it can't
//! read, of a kind that only shows or counts. Any other, and one of a version it does not know, may be one whose neglect does harm:
//! it too is passed over, and the conversation gets no calls from this build. `tests/fixtures/facts-v1.jsonl` keeps one of each
//! kind for ever.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

const VERSION: u8 = b'1';

/// A kind of fact that journals are made of. Its kinds are told apart by the tag `fact`; an unknown tag is read as a variant
/// that folds to nothing.
pub trait Stored: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What a store puts before a conversation's id. A conversation's id holds no `/`, so a prefix with one
    /// can't meet an id of the realm without prefix.
    const REALM: &'static str;

    /// Kinds that no call and no decision hangs on, as `fact` names them.
    const HARMLESS: &'static [&'static str] = &[];

    /// What stands for a fact that this build can't read.
    fn of_a_newer_build() -> Self;

    fn is_of_a_newer_build(&self) -> bool;
}

pub fn encode<F: Stored>(fact: &F) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, fact)
        .expect("facts hold strings, numbers and string-keyed maps only, and a Vec takes every byte");
    bytes
}

pub fn decode<F: Stored>(bytes: &[u8]) -> F {
    let json = bytes.strip_prefix(&[VERSION]);
    json.and_then(|json| serde_json::from_slice(json).ok().or_else(|| passed_over(json)))
        .unwrap_or_else(F::of_a_newer_build)
}

/// All that a stored fact holds, whichever build has written it; its text when it is no JSON.
pub fn held(bytes: &[u8]) -> Value {
    let json = bytes.get(1..).unwrap_or_default();
    serde_json::from_slice(json).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
}

/// A fact of a harmless kind, in a shape that this build can't read, as one of a kind that it does not know.
fn passed_over<F: Stored>(json: &[u8]) -> Option<F> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        fact: &'a str,
    }
    let Kind { fact } = serde_json::from_slice(json).ok()?;
    F::HARMLESS.contains(&fact).then(|| serde_json::from_str(r#"{"fact":"unknown"}"#).ok())?
}

#[cfg(test)]
mod tests;
