//! A fact's stored form: a version digit, then JSON. `tests/fixtures/facts-v1.jsonl` keeps one of each
//! for ever, so that a fact written by last month's build is still read.

use serde::{Serialize, de::DeserializeOwned};

use super::{JournalError, Position};
use crate::session::Fact;

const VERSION: u8 = b'1';

/// A kind of fact that journals are made of.
pub trait Stored: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What a store puts before a conversation's id. A conversation's id holds no `/`, so a prefix with one
    /// can't meet an id of the realm without prefix.
    const REALM: &'static str;
}

impl Stored for Fact {
    const REALM: &'static str = "";
}

pub fn encode<F: Stored>(fact: &F) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, fact)
        .expect("facts hold strings, numbers and string-keyed maps only, and a Vec takes every byte");
    bytes
}

pub fn decode<F: Stored>(bytes: &[u8], position: Position) -> Result<F, JournalError> {
    let json = bytes.strip_prefix(&[VERSION]).unwrap_or(bytes);
    serde_json::from_slice(json).map_err(|source| JournalError::Unreadable { position, source })
}

#[cfg(test)]
mod tests;
