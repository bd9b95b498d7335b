use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    domain::Timestamp,
    ledger::{Next, Settled, Settlement},
    session::{
        EndReason, Fact, Notice, Opening, Speaker, State, Topic,
        tests::{chat::*, moves::*, property::play},
    },
};

const FACTS: &str = include_str!("../../../../tests/fixtures/facts-v1.jsonl");

/// The name of a value's variant, and the names of all there are. A new variant breaks the build until it stands
/// here, and then the tests until [`FACTS`] has a line of it; lines that are there stay as they are for ever.
macro_rules! variants {
    ($name:ident, $all:ident, $of:ident: $($variant:ident),+ $(,)?) => {
        const $all: &[&str] = &[$(stringify!($variant)),+];
        fn $name(value: &$of) -> &'static str {
            match value {
                $($of::$variant { .. } => stringify!($variant),)+
            }
        }
    };
}

variants!(fact, ALL_FACTS, Fact:
    HandoffRequested, UpstreamDrained, UserSaid, HistoryRead, UserTyping, UserStoppedTyping, Leased, Settled, ChatNamed, Queued,
    AgentJoined, AgentSaid, AgentTyping, AgentStoppedTyping, StreamPiece, StreamDropped, QuestionsClosed, NotShown, Noticed, Fetched, ChatEnded, ConversationOver, BotReturned, BotTokenRenewed,
    FilesUnsaid, TokenAccepted, OfANewerBuild, Unknown,
);
variants!(topic, ALL_TOPICS, Topic: Id, Name, Intent);
variants!(opening, ALL_OPENINGS, Opening: CreateThenStart, Start, Agent);
variants!(outcome, ALL_OUTCOMES, Settlement: Done, Retry, Dropped);
variants!(speaker, ALL_SPEAKERS, Speaker: Agent, VirtualAgent, System);
variants!(notice, ALL_NOTICES, Notice: Joined, Ended, NotDelivered, MayNotHaveArrived, AnsweredBefore, EnterAgain, QuestionClosed, Missing, FileRefused, ConversationFull);
variants!(reason, ALL_REASONS, EndReason:
    ByAgent, ByUser, NobodyInTime, NobodyAvailable, ControlReturned, NotOpened, Idle,
);

fn lines() -> impl Iterator<Item = (usize, &'static str)> {
    (0..).zip(FACTS.lines())
}

fn stored() -> Vec<Fact> {
    lines().map(|(_, line)| decode(format!("1{line}").as_bytes())).collect()
}

#[test]
fn every_fact_ever_stored_is_read_and_written_as_it_was() {
    for (n, line) in lines() {
        let stored = [&[VERSION], line.as_bytes()].concat();
        let fact: Fact = decode(&stored);
        let written = encode(&fact);
        assert_eq!(written[0], VERSION);
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
        assert_eq!(json(&written[1..]), json(line.as_bytes()), "line {}", n + 1);
        assert_eq!(decode::<Fact>(&written), fact);
    }
}

#[test]
fn the_chat_that_the_architecture_tells_is_one_as_it_is_stored() {
    let page = include_str!("../../../../ARCHITECTURE.md");
    let (_, rest) = page.split_once("```jsonl\n").expect("the chat");
    let (lines, _) = rest.split_once("```").expect("its end");
    let mut state = State::new(conversation());
    for line in lines.lines() {
        let fact: Fact = decode(format!("1{line}").as_bytes());
        assert!(!fact.is_of_a_newer_build() && fact != Fact::Unknown, "{line}");
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
        assert_eq!(json(&encode(&fact)[1..]), json(line.as_bytes()));
        state.apply(&fact);
    }
    assert!(state.outbox.is_empty() && !state.is_open(), "all is told, and the bot is back");
}

#[test]
fn a_line_of_every_variant_is_kept() {
    let facts = stored();
    let kept = |names: &mut dyn Iterator<Item = &'static str>, all: &[&'static str]| {
        assert_eq!(names.collect::<BTreeSet<_>>(), all.iter().copied().collect());
    };
    let never = ["OfANewerBuild", "Unknown"];
    let all: Vec<&str> = ALL_FACTS.iter().copied().filter(|name| !never.contains(name)).collect();
    kept(&mut facts.iter().map(fact), &all);
    kept(&mut facts.iter().filter_map(topic_of), ALL_TOPICS);
    kept(&mut facts.iter().filter_map(opening_of), ALL_OPENINGS);
    kept(&mut facts.iter().filter_map(outcome_of), ALL_OUTCOMES);
    kept(&mut facts.iter().filter_map(speaker_of), ALL_SPEAKERS);
    kept(&mut facts.iter().filter_map(notice_of), ALL_NOTICES);
    kept(&mut facts.iter().filter_map(reason_of), ALL_REASONS);
}

#[test]
fn a_field_of_a_newer_build_is_passed_over() {
    let newer = br#"1{"fact":"queued","at":5,"place":3}"#;
    assert_eq!(decode::<Fact>(newer), Fact::Queued { at: Timestamp(5) });
}

#[test]
fn a_kind_of_a_newer_build_counts_as_one_position_and_changes_nothing() {
    let newer = br#"1{"fact":"beamed_up","at":5,"to":{"deck":3}}"#;
    assert_eq!(decode::<Fact>(newer), Fact::Unknown);
    let mut chat = Chat::with_ana();
    chat.store(&[Fact::Unknown]);
    chat.on(says("hello"));
    assert_eq!(chat.deliver(), ["say hello"]);
}

#[test]
fn a_line_for_the_user_that_a_newer_build_words_otherwise_is_not_shown_and_holds_nothing_up() {
    for newer in [
        &br#"1{"fact":"noticed","notice":{"notice":"beamed_up","deck":3},"at":5}"#[..],
        br#"1{"fact":"noticed","notice":{"notice":"ended","why":"beamed_up"},"at":5}"#,
        br#"1{"at":5,"fact":"agent_typing","by":"hologram"}"#,
    ] {
        assert_eq!(decode::<Fact>(newer), Fact::Unknown, "{}", String::from_utf8_lossy(newer));
    }
}

#[test]
fn what_this_build_cannot_heed_stops_its_calls_and_nothing_else() {
    for unreadable in [
        &br#"2{"fact":"queued","at":5}"#[..],
        br#"1{"fact":"settled","call":[1,0],"outcome":"forwarded","at":5}"#,
        b"1{\"fact\":\"queued\"",
        b"",
    ] {
        let fact: Fact = decode(unreadable);
        assert!(fact.is_of_a_newer_build(), "{}", String::from_utf8_lossy(unreadable));
        let mut chat = Chat::with_ana();
        chat.store(&[fact]);
        assert_eq!(chat.on(says("hello")), ["user: hello"], "it is stored");
        assert_eq!(chat.hears(webhook([agent("m1", "Hi.")])), ["Ana: Hi."], "and shown");
        assert_eq!(chat.due(), Next::Nothing);
    }
}

fn topic_of(fact: &Fact) -> Option<&'static str> {
    if let Fact::HandoffRequested(request) = fact { request.topic.as_ref().map(topic) } else { None }
}

fn opening_of(fact: &Fact) -> Option<&'static str> {
    if let Fact::HandoffRequested(request) = fact { Some(opening(&request.opening)) } else { None }
}

fn outcome_of(fact: &Fact) -> Option<&'static str> {
    if let Fact::Settled(Settled { outcome: how, .. }) = fact { Some(outcome(how)) } else { None }
}

fn speaker_of(fact: &Fact) -> Option<&'static str> {
    if let Fact::AgentSaid(said) = fact { Some(speaker(&said.by)) } else { None }
}

fn notice_of(fact: &Fact) -> Option<&'static str> {
    if let Fact::Noticed { notice: told, .. } = fact { Some(notice(told)) } else { None }
}

fn reason_of(fact: &Fact) -> Option<&'static str> {
    if let Fact::ChatEnded { why, .. } = fact { Some(reason(why)) } else { None }
}

proptest! {
    #[test]
    fn a_journal_read_again_decides_as_before(past in moves(40), future in moves(20)) {
        let mut chat = play(&past)?;
        let read: Vec<Fact> = chat.facts.iter().map(|fact| decode(&encode(fact))).collect();
        prop_assert_eq!(&read, &chat.facts);
        let mut state = State::new(conversation());
        read.iter().for_each(|fact| state.apply(fact));
        let mut deliverer = Deliverer::default();
        for next in &future {
            let known = chat.facts.len();
            let event = deliverer.event(&mut chat, next);
            chat.facts[known..].iter().for_each(|fact| state.apply(fact));
            let Some(event) = event else { continue };
            let facts = decided(chat.policy, &state, &event, chat.now);
            prop_assert_eq!(&facts, &chat.decides(&event));
            chat.store(&facts);
            facts.iter().for_each(|fact| state.apply(fact));
            prop_assert_eq!(lease(&state, chat.now), lease(&chat.state, chat.now));
            prop_assert_eq!(&state.phase, &chat.state.phase);
        }
    }
}
