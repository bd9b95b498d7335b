//! The stored format.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::ledger::journal::{decode, encode};

const FACTS: &str = include_str!("../../../tests/fixtures/secondary-facts-v1.jsonl");

/// A new kind breaks the build until it stands here, and then a test until [`FACTS`] has a line of it; lines that are there
/// stay as they are for ever.
fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::Asked(_) => "asked",
        Fact::Opened { .. } => "opened",
        Fact::Renewed { .. } => "renewed",
        Fact::Posting { .. } => "posting",
        Fact::Posted { .. } => "posted",
        Fact::Answered(_) => "answered",
        Fact::Leased(_) => "leased",
        Fact::Settled(_) => "settled",
        Fact::OfANewerBuild => "of a newer build",
        Fact::Unknown => "unknown",
    }
}

const KINDS: [&str; 8] = ["asked", "opened", "renewed", "posting", "posted", "answered", "leased", "settled"];

fn read(line: &str) -> Fact {
    decode(format!("1{line}").as_bytes())
}

#[test]
fn every_fact_ever_stored_is_read_and_written_as_it_was() {
    for line in FACTS.lines() {
        let written = encode(&read(line));
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
        assert_eq!(json(&written[1..]), json(line.as_bytes()), "{line}");
        assert_eq!(decode::<Fact>(&written), read(line));
    }
    let kept: BTreeSet<_> = FACTS.lines().map(|line| kind(&read(line))).collect();
    assert_eq!(kept, BTreeSet::from(KINDS));
}

#[test]
fn a_kind_of_a_newer_build_changes_nothing_and_what_cannot_be_heeded_stops_the_calls() {
    let say = || Fact::Asked(asked(&json!({"requestId": "1", "message": {"text": "hi"}})));
    assert_eq!(read(r#"{"fact":"beamed_up","at":5,"to":{"deck":3}}"#), Fact::Unknown);
    let state = session_of(&[say(), Fact::Unknown]);
    assert_eq!((state.position, state.outbox.is_frozen()), (2, false));
    for unreadable in
        [&br#"2{"fact":"renewed"}"#[..], br#"1{"fact":"settled","outcome":"forwarded"}"#, b"1{", b""]
    {
        let fact: Fact = decode(unreadable);
        assert!(fact.is_of_a_newer_build());
        assert!(session_of(&[say(), fact]).outbox.is_frozen());
    }
}
