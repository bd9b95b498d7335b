//! What was said before the hand-off, and what else follows the opening of a chat.

use super::chat::*;
use crate::{
    domain::HistoryLine,
    session::{Before, Command, HandoffRequested, Opening, Topic},
};

fn remark(text: &str) -> HistoryLine {
    HistoryLine { from_bot: true, name: "Bot".to_owned(), text: text.to_owned(), at: START }
}

#[test]
fn a_topic_and_the_rest_of_the_history_follow_the_opening() {
    for (opening, calls) in [
        (Opening::CreateThenStart, &["CREATE_CONVERSATION", "START_CREATED_CONVERSATION"][..]),
        (Opening::Start, &["START_CONVERSATION"]),
    ] {
        let request = HandoffRequested {
            topic: Some(Topic::Name("VPN".to_owned())),
            later_history: vec![vec![remark("one")], vec![remark("two"), remark("three")]],
            ..request(opening)
        };
        let mut chat = Chat::new();
        chat.on(Command::Escalated { segment: 0, request: Box::new(request), said: vec![words("hello?")] });
        let rest = ["SWITCH", "history one", "history two three", "say hello?"];
        assert_eq!(chat.deliver(), [calls, &rest[..]].concat());
    }
}

#[test]
fn history_that_could_not_be_read_at_first_follows_once() {
    let read = |lines: &[&str]| Command::UpstreamRead {
        segment: 0,
        said: vec![],
        history: Some(Before {
            portions: vec![lines.iter().copied().map(remark).collect()],
            ..Before::default()
        }),
    };
    let missing = |history_missing| {
        let request = HandoffRequested { history_missing, ..request(Opening::Start) };
        let mut chat = Chat::new();
        chat.on(Command::Escalated { segment: 0, request: Box::new(request), said: vec![] });
        chat
    };
    let mut chat = missing(true);
    assert_eq!(chat.on(read(&["one", "two"])), ["history of 2", "drained"]);
    assert_eq!(chat.on(read(&["one", "two"])), NOTHING);
    assert_eq!(chat.deliver(), ["START_CONVERSATION", "history one two"]);
    assert_eq!(missing(true).on(read(&[])), ["drained"], "there is none");
    assert_eq!(missing(false).on(read(&["one"])), ["drained"], "it went with the opening");
    let mut slow = missing(true);
    let words = Command::UpstreamRead { segment: 0, said: vec![], history: None };
    assert_eq!(slow.on(words), ["drained"], "words don't wait for it");
    assert!(slow.state.is_unread() && slow.state.undrained() == Some(0));
    assert_eq!(slow.on(read(&["one"])), ["history of 1", "drained"]);
    assert!(slow.state.undrained().is_none());
    let mut late = missing(true);
    let password_inputs = || ["pin".to_owned()].into();
    let before = Before { password_inputs: password_inputs(), ..Before::default() };
    late.on(Command::UpstreamRead { segment: 0, said: vec![], history: Some(before) });
    assert!(late.state.password_inputs().eq(&password_inputs()), "the bot's cards are known from now on");
    let mut over = missing(true);
    over.on(Command::UserEnded);
    assert_eq!(over.on(read(&["one"])), ["drained"], "nobody waits for it");
}
