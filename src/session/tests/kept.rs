//! What a conversation may hold of its visitor's.

use serde_json::json;

use super::chat::*;
use crate::{
    domain::{Attachment, HistoryLine},
    session::{
        Command, Fact, FileFault, HandoffRequested, MOST_FILES, MOST_WORDS, Notice, Quota, ToAgent, UserSaid,
    },
};

const KILOBYTE: usize = 1 << 10;

#[test]
fn words_are_taken_until_the_conversation_is_full_and_that_is_said_once_a_chat() {
    let mut chat = Chat::with_ana();
    let mut taken = 0;
    while chat.on(long(200 * KILOBYTE)) != ["notice: full"] {
        taken += 1;
        assert!(taken < 100, "there is an end");
    }
    assert!(taken >= 80, "sixteen megabytes are sixteen: {taken}");
    assert!(chat.state.kept.words <= MOST_WORDS + 200);
    let facts = chat.facts.len();
    for _ in 0..1_000 {
        chat.on(long(200 * KILOBYTE));
    }
    assert_eq!(chat.facts.len(), facts, "nothing grows any more");
    assert_eq!(chat.on(says("short")).len(), 1, "and what fits is taken");
    assert_eq!(chat.hears(webhook([agent("m1", "Still here.")])), ["Ana: Still here."]);
}

#[test]
fn nothing_of_a_visitors_makes_a_full_conversation_grow() {
    let mut chat = Chat::with_ana();
    let filling = UserSaid { echo: echo(MOST_WORDS as usize), at: chat.now, ..UserSaid::default() };
    chat.store(&[Fact::UserSaid(Box::new(filling))]);
    let position = chat.state.position;
    for n in 0..100 {
        chat.on(Command::UserTyping);
        chat.on(Command::TokenAccepted { hash: format!("hash {n}"), until: START });
        chat.on(Command::Tell(Notice::FileRefused { name: "a.exe".into(), why: FileFault::NotTaken }));
        chat.on(says("hello"));
    }
    assert_eq!(chat.state.position, position + 1, "one line that it is full");
}

#[test]
fn files_count_whether_a_message_names_them_or_not() {
    let mut chat = Chat::with_ana();
    chat.on(Command::FilesUnsaid { bytes: MOST_FILES - 1_000 });
    assert_eq!(chat.state.kept.room_for_files(), 1_000);
    assert_eq!(chat.state.kept.lacks_room_for(&with_file(1_001)), Some(Quota::Files));
    let refused = chat.on(Command::UserSaid(Box::new(with_file(1_001))));
    assert_eq!(refused, ["notice: file refused film.mp4"]);
    assert_eq!(chat.on(Command::UserSaid(Box::new(with_file(1_000)))), ["user: see this"]);
    assert_eq!(chat.state.kept.room_for_files(), 0);
    assert_eq!(chat.on(says("words go on")), ["user: words go on"]);
}

#[test]
fn a_hand_off_of_a_full_conversation_comes_without_its_history() {
    let mut chat = Chat::new();
    let line = HistoryLine { from_bot: true, name: "Bot".into(), text: "x".repeat(1 << 20), at: START };
    let Command::Escalated { segment, request, said } = escalation(0) else { panic!("an escalation") };
    let history = vec![line; 17];
    let request = HandoffRequested { history: history.clone(), later_history: vec![history], ..*request };
    chat.on(Command::Escalated { segment, request: Box::new(request), said });
    assert!(chat.state.is_live());
    assert!(chat.state.kept.words < 10_000, "{:?}", chat.state.kept);
}

#[test]
fn the_tokens_that_are_known_are_a_hundred_and_those_that_end_first_go() {
    let mut chat = Chat::with_ana();
    for n in 0..300 {
        chat.on(Command::TokenAccepted { hash: format!("hash {n}"), until: START.plus_millis(1 + n) });
    }
    let known = (0..300).filter(|n| chat.state.knows_token(&format!("hash {n}"), START)).count();
    assert!(known <= 100);
    assert!(chat.state.knows_token("hash 299", START));
}

fn long(bytes: usize) -> Command {
    let said = UserSaid { echo: echo(bytes), at: START, ..UserSaid::default() };
    Command::UserSaid(Box::new(said))
}

fn echo(bytes: usize) -> serde_json::Map<String, serde_json::Value> {
    let echo = json!({"text": "x".repeat(bytes)});
    echo.as_object().cloned().expect("an object")
}

fn with_file(bytes: u64) -> UserSaid {
    let file = Attachment {
        name: "film.mp4".into(),
        media_type: "video/mp4".into(),
        url: "https://x.example.com/1".into(),
        bytes,
    };
    UserSaid {
        message: Some(ToAgent { text: "see this".into(), typed: true, ..ToAgent::default() }),
        files: vec![file],
        at: START,
        ..UserSaid::default()
    }
}
