//! A duplicate is known by its id, never by its text.

use super::chat::*;
use crate::{
    domain::{
        ActivityId,
        inbound::{Inbound, Item, What},
    },
    session::{Command, UserSaid},
};

const NOTHING: [&str; 0] = [];

#[test]
fn equal_texts_with_ids_of_their_own_are_as_many_messages() {
    let mut chat = Chat::with_ana();
    for (client_id, message_id) in [("c1", "m1"), ("c2", "m2"), ("c3", "m3")] {
        assert_eq!(chat.on(says_as(client_id, "ok")), ["user: ok"]);
        assert_eq!(chat.hears(webhook([agent(message_id, "yes")])), ["Ana: yes"]);
    }
    let said = |id: &str| Command::UserSaid(Box::new(words_at(id, "ok")));
    for id in ["21", "22", "23"] {
        assert_eq!(chat.on(said(id)), ["user: ok"]);
    }
    assert_eq!(chat.deliver(), ["say ok"; 6]);
}

#[test]
fn messages_without_ids_all_count() {
    let mut chat = Chat::with_ana();
    let nameless = || webhook([Item { message_id: None, ..agent("-", "yes") }]);
    for _ in 0..3 {
        assert_eq!(chat.on(says("ok")), ["user: ok"]);
        assert_eq!(chat.hears(nameless()), ["Ana: yes"]);
    }
    let twice = webhook([
        Item { message_id: None, ..agent("-", "no") },
        Item { message_id: None, ..agent("-", "no") },
    ]);
    assert_eq!(chat.hears(twice), ["Ana: no", "Ana: no"]);
}

#[test]
fn a_post_made_again_is_known_by_the_clients_id() {
    let mut chat = Chat::with_ana();
    let first = ActivityId::local(&conversation(), chat.position());
    chat.on(says_as("c1", "ok"));
    assert_eq!(chat.on(says_as("c1", "ok")), NOTHING);
    assert_eq!(chat.on(says_as("c1", "changed")), NOTHING);
    assert_eq!(chat.state.posted_as("c1"), Some(&first));
    chat.hears(completed());
    chat.on(bot_returned());
    chat.on(escalation(1));
    assert_eq!(chat.on(says_as("c1", "ok")), NOTHING, "in the next chat, too");
}

#[test]
fn what_direct_line_shows_again_is_known_by_its_id() {
    let mut chat = Chat::with_ana();
    let said =
        || Command::UserSaid(Box::new(UserSaid { client_id: Some("c1".to_owned()), ..words_at("8", "ok") }));
    assert_eq!(chat.on(said()), ["user: ok"]);
    assert_eq!(chat.on(said()), NOTHING);
    assert_eq!(chat.on(Command::UserSaid(Box::new(words_at("8", "ok")))), NOTHING);
    assert_eq!(
        chat.state.posted_as("c1"),
        Some(&ActivityId("8".to_owned())),
        "Direct Line's id is the echo's"
    );
}

/// A POST to the bot ended in a time-out while the escalation was stored: the words are in the live chat, without
/// an id; then Direct Line shows that they had arrived there.
#[test]
fn words_taken_from_an_uncertain_post_are_not_taken_again_when_direct_line_shows_them() {
    let mut chat = Chat::escalated();
    assert_eq!(chat.on(says_as("c1", "hello?")), ["user: hello?"]);
    let shown = UserSaid { client_id: Some("c1".to_owned()), ..words_at("8", "hello?") };
    assert_eq!(chat.on(Command::UpstreamRead { segment: 0, said: vec![shown], history: None }), ["drained"]);
}

#[test]
fn a_batch_that_holds_a_message_twice_counts_it_once() {
    let named = |id: &str| UserSaid { client_id: Some("c1".to_owned()), ..words_at(id, "hello?") };
    let mut chat = Chat::new();
    assert_eq!(chat.on(escalation_with(vec![named("8"), named("8")])), ["handoff", "user: hello?"]);
    let said = vec![words_at("9", "you?"), words_at("9", "you?"), named("10")];
    assert_eq!(chat.on(Command::UpstreamRead { segment: 0, said, history: None }), ["user: you?", "drained"]);
}

#[test]
fn a_webhook_that_comes_twice_changes_nothing_the_second_time() {
    let ending = || Inbound {
        agent_chat: true,
        completed: true,
        ..webhook([agent("m1", "Bye."), system("m2", "Ana has closed the support session.")])
    };
    let mut chat = Chat::with_ana();
    let first =
        ["Ana: Bye.", "system: Ana has closed the support session.", "ended ByAgent", "notice: ByAgent"];
    assert_eq!(chat.hears(ending()), first);
    assert_eq!(chat.hears(ending()), NOTHING);
}

#[test]
fn a_message_known_already_does_not_hide_its_new_neighbours() {
    let mut chat = Chat::with_ana();
    chat.hears(webhook([agent("m1", "one")]));
    let again = webhook([agent("m1", "one"), agent("m2", "two"), agent("m3", "three")]);
    assert_eq!(chat.hears(again), ["Ana: two", "Ana: three"]);
}

#[test]
fn a_request_id_is_no_key() {
    let answer = |id: &str| Inbound { request_id: Some("r1".to_owned()), ..webhook([agent(id, "yes")]) };
    let mut chat = Chat::with_ana();
    assert_eq!(chat.hears(answer("m1")), ["Ana: yes"]);
    assert_eq!(chat.hears(answer("m2")), ["Ana: yes"]);
}

#[test]
fn a_join_told_again_by_an_old_message_is_no_join() {
    let mut chat = Chat::waiting();
    let joined = webhook([system("j", "Ana has entered the chat.")]);
    chat.hears(joined.clone());
    chat.hears(completed());
    chat.on(bot_returned());
    chat.on(escalation(1));
    assert_eq!(chat.hears(joined), NOTHING, "though it names the chat of now");
}

#[test]
fn what_an_older_chat_says_changes_nothing() {
    let mut chat = Chat::with_ana();
    chat.hears(completed());
    chat.on(bot_returned());
    chat.on(escalation(1));
    for late in [
        webhook([agent("m7", "Are you there?")]),
        webhook([step(What::AgentJoined)]),
        webhook([step(What::BackToVirtualAgent)]),
        webhook([system("m8", "Ana has closed the support session.")]),
        Inbound { agent_chat: true, ..webhook([]) },
        Inbound { take_control: true, ..webhook([]) },
        completed(),
    ] {
        assert_eq!(chat.hears_for(1, late.clone()), NOTHING, "{late:?}");
        assert_eq!(chat.hears_for(3, late.clone()), NOTHING, "of a chat that is yet to come: {late:?}");
    }
}

#[test]
fn an_id_used_twice_in_one_message_names_two_things_and_each_is_shown_once() {
    let mut chat = Chat::with_ana();
    let both = || webhook([agent("m1", "one"), agent("m1", "two")]);
    assert_eq!(chat.hears(both()), ["Ana: one", "Ana: two"]);
    assert_eq!(chat.hears(both()), Vec::<String>::new());
    assert_eq!(chat.hears(webhook([agent("m1", "one")])), Vec::<String>::new());
}

#[test]
fn a_life_cycle_step_with_the_id_of_a_text_beside_it_counts_once() {
    let mut chat = Chat::with_ana();
    let both = || {
        let last = Item { message_id: Some("m1".to_owned()), ..step(What::BackToVirtualAgent) };
        webhook([agent("m1", "Good-bye."), last])
    };
    assert_eq!(chat.hears(both())[0], "Ana: Good-bye.");
    assert!(!chat.state.is_live());
    chat.on(bot_returned());
    chat.on(escalation(1));
    assert_eq!(chat.hears(both()), NOTHING);
}
