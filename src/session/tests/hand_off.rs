//! A hand-off from its start to the bot's return, and the next one.

use super::chat::*;
use crate::{
    domain::{
        ActivityId, Agent,
        inbound::{Inbound, Item, What},
    },
    session::{Command, Cut, EndReason, Opening, Phase, State, UserSaid},
};

#[test]
fn a_whole_hand_off() {
    let mut chat = Chat::new();
    assert_eq!(chat.on(escalation_with(vec![words_at("8", "hello?")])), ["handoff", "user: hello?"]);
    assert_eq!(chat.on(Command::UpstreamRead { segment: 0, said: vec![], history: None }), ["drained"]);
    let told = ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION", "say hello?"];
    assert_eq!(chat.deliver(), told);
    assert_eq!(chat.hears(Inbound { agent_chat: true, ..webhook([step(What::Queued)]) }), ["queued"]);
    let joined = ["joined Ana", "notice: joined Ana", "Ana: Good morning."];
    assert_eq!(chat.hears(webhook([agent("m1", "Good morning.")])), joined);
    assert_eq!(chat.on(says("My VPN is down.")), ["user: My VPN is down."]);
    assert_eq!(chat.deliver(), ["say My VPN is down."]);
    let fixed = Inbound { completed: true, ..webhook([agent("m2", "Fixed.")]) };
    assert_eq!(chat.hears(fixed), ["Ana: Fixed.", "ended ByAgent", "notice: ByAgent"]);
    let ana = Some(person("Ana"));
    assert_eq!(chat.state.phase, Phase::Returning { why: EndReason::ByAgent, agent: ana });
    assert_eq!(chat.on(bot_returned()), ["bot returned in fresh"]);
    assert_eq!(chat.state.phase, Phase::Bot);
    assert_eq!(chat.outbox(), Vec::<String>::new());
    assert!(!chat.state.is_open());
}

#[test]
fn an_escalation_seen_twice_is_one() {
    let mut chat = Chat::escalated();
    assert_eq!(chat.on(escalation(0)), Vec::<String>::new());
    assert_eq!(chat.outbox(), ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION"]);
}

#[test]
fn the_event_of_a_stretch_that_is_over_asks_for_nobody() {
    let mut chat = Chat::with_ana();
    chat.hears(completed());
    assert_eq!(chat.on(escalation(0)), Vec::<String>::new(), "while the bot comes back");
    chat.on(bot_returned());
    assert_eq!(chat.on(escalation(0)), Vec::<String>::new(), "late");
    assert_eq!(chat.on(escalation(2)), Vec::<String>::new(), "of no stretch there is");
    assert_eq!(chat.state.phase, Phase::Bot);
}

#[test]
fn the_bot_that_came_back_may_ask_for_a_person_again() {
    let mut chat = Chat::with_ana();
    chat.hears(completed());
    chat.on(bot_returned());
    assert_eq!(chat.on(escalation(1)), ["handoff"]);
    assert_eq!(chat.state.chat, 2);
    assert!(matches!(chat.state.phase, Phase::Waiting { queued: false, .. }));
    chat.on(says("again"));
    assert!(chat.state.outbox.iter().all(|queued| queued.call.chat == 2));
    let told = ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION", "say again"];
    assert_eq!(chat.deliver(), told);
    let bob = Agent { name: Some("Bob".to_owned()), ..Agent::default() };
    let hello = Item { agent: Some(bob), ..agent("m9", "Hello.") };
    assert_eq!(chat.hears(webhook([hello])), ["joined Bob", "notice: joined Bob", "Bob: Hello."]);
    assert_eq!(chat.hears(completed()), ["ended ByAgent", "notice: ByAgent"]);
    chat.on(bot_returned());
    assert_eq!(chat.on(escalation(2)), ["handoff"]);
    assert_eq!(chat.state.chat, 3);
}

#[test]
fn each_opening_has_its_calls() {
    for (opening, calls) in [
        (Opening::CreateThenStart, &["CREATE_CONVERSATION", "START_CREATED_CONVERSATION"][..]),
        (Opening::Start, &["START_CONVERSATION"]),
        (Opening::Agent, &["AGENT"]),
    ] {
        let mut chat = Chat::escalated_by(opening);
        assert!(matches!(chat.state.phase, Phase::Waiting { .. }));
        assert_eq!(chat.deliver(), calls);
    }
}

#[test]
fn what_the_user_says_while_waiting_goes_out_in_order_once_the_chat_is_open() {
    let mut chat = Chat::escalated();
    let create = chat.lease().expect("the first call is due");
    chat.on(says("hello?"));
    chat.on(says("still there?"));
    assert_eq!(chat.lease(), None, "nothing else while the chat is being opened");
    chat.put_off(create, chat.now.plus_millis(100));
    assert_eq!(chat.lease(), None, "nor while that waits for its next try");
    chat.wait(100);
    assert_eq!(
        chat.deliver(),
        ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION", "say hello?", "say still there?"]
    );
}

#[test]
fn what_the_user_said_to_the_bot_behind_the_event_is_taken_over_once() {
    let mut chat = Chat::new();
    chat.on(escalation_with(vec![words_at("8", "one")]));
    let said = vec![words_at("8", "one"), words_at("9", "two"), words_at("10", "one")];
    let read = Command::UpstreamRead { segment: 0, said, history: None };
    assert_eq!(chat.on(read.clone()), ["user: two", "user: one", "drained"]);
    assert_eq!(chat.on(read), Vec::<String>::new());
    assert_eq!(
        chat.on(Command::UpstreamRead { segment: 0, said: vec![words_at("11", "late")], history: None }),
        Vec::<String>::new()
    );
}

#[test]
fn what_is_found_when_the_chat_is_over_is_shown_and_said_to_be_undelivered() {
    let said = || vec![words_at("9", "two"), UserSaid { message: None, ..words_at("10", "agent") }];
    let read = |segment| Command::UpstreamRead { segment, said: said(), history: None };
    let given_back = ["user: -", "notice: not delivered two", "user: -", "drained"];
    let mut chat = Chat::escalated();
    chat.on(Command::UserEnded);
    assert_eq!(chat.state.undrained(), Some(0));
    assert_eq!(chat.on(read(0)), given_back, "while the bot comes back");
    assert_eq!((chat.on(read(0)), chat.outbox()), (vec![], vec![]));
    let mut chat = Chat::escalated();
    chat.on(Command::UserEnded);
    chat.on(bot_returned());
    chat.on(escalation(1));
    assert_eq!(chat.on(read(0)), given_back, "when the next chat is on, which is not what it was said to");
    assert_eq!(chat.state.undrained(), Some(1), "that one's own end is still to be looked at");
}

#[test]
fn nothing_is_taken_over_before_there_was_an_escalation() {
    let mut chat = Chat::new();
    assert_eq!(
        chat.on(Command::UpstreamRead { segment: 0, said: vec![words_at("1", "hi")], history: None }),
        Vec::<String>::new()
    );
    assert_eq!(chat.on(says("hi")), Vec::<String>::new());
    assert!(!chat.state.is_open());
}

#[test]
fn the_escalation_keeps_where_the_bot_was_cut_off() {
    let mut chat = Chat::new();
    let mut request = request(Opening::Agent);
    let id = |id: &str| ActivityId(id.to_owned());
    request.cut.tail = vec![id("8"), id("9")];
    request.seen = vec![id("6")];
    request.cut.answered = vec![id("6")];
    request.cut.unmatched_request = Some("agent".to_owned());
    chat.on(Command::Escalated { segment: 0, request: Box::new(request), said: vec![] });
    let cut = Cut {
        event: "91hcXEd0-eu|0000007".to_owned(),
        bot: Some("bot".to_owned()),
        watermark: Some("7".to_owned()),
        tail: vec![id("8"), id("9")],
        answered: vec![id("6")],
        unmatched_request: Some("agent".to_owned()),
        drained: false,
        ..Cut::default()
    };
    assert_eq!(chat.state.segment().and_then(|segment| segment.cut.clone()), Some(cut));
    assert!(["6", "8", "9"].iter().all(|at| chat.state.has_taken(&id(at))));
    assert!(!chat.state.has_taken(&id("7")));
}

#[test]
fn the_words_that_asked_for_a_person_are_looked_for_until_they_are_found() {
    let mut chat = Chat::new();
    let mut request = request(Opening::Agent);
    request.cut.unmatched_request = Some("agent".to_owned());
    chat.on(Command::Escalated { segment: 0, request: Box::new(request), said: vec![] });
    let unmatched = |chat: &Chat| chat.state.segment()?.cut.clone()?.unmatched_request;
    let shown = |text: &str| {
        let echo = serde_json::json!({"text": text}).as_object().expect("an object").clone();
        UserSaid { id: Some(ActivityId(text.to_owned())), echo, at: START, ..UserSaid::default() }
    };
    chat.on(Command::UserSaid(Box::new(shown("something else"))));
    chat.on(Command::UserSaid(Box::new(UserSaid { message: words("agent").message, ..shown("agent") })));
    assert_eq!(unmatched(&chat).as_deref(), Some("agent"), "said to the live chat");
    let found = UserSaid { id: Some(ActivityId("8".to_owned())), ..shown("agent") };
    chat.on(Command::UserSaid(Box::new(found)));
    assert_eq!(unmatched(&chat), None);
}

#[test]
fn a_token_is_known_until_it_ends() {
    let accepted = |millis| Command::TokenAccepted { hash: "h".to_owned(), until: START.plus_millis(millis) };
    let mut chat = Chat::with_ana();
    let knows = |state: &State, millis| state.knows_token("h", START.plus_millis(millis));
    assert!(!knows(&chat.state, 0));
    assert_eq!(chat.on(accepted(1_000)), ["token h"]);
    assert_eq!(chat.on(accepted(1_000)), Vec::<String>::new(), "known");
    assert_eq!(chat.on(accepted(900)), Vec::<String>::new(), "known for longer");
    assert!(knows(&chat.state, 999) && !knows(&chat.state, 1_000));
    assert_eq!(chat.on(accepted(2_000)), ["token h"], "renewed");
    assert!(knows(&chat.state, 1_999) && !knows(&chat.state, 2_000));
    assert!(!chat.state.knows_token("other", START));
}

#[test]
fn the_escalation_brings_the_token_that_saw_it() {
    let mut chat = Chat::new();
    let mut request = request(Opening::Agent);
    request.token = Some(("h".to_owned(), START.plus_millis(5)));
    chat.on(Command::Escalated { segment: 0, request: Box::new(request), said: vec![] });
    assert!(chat.state.knows_token("h", START));
}

#[test]
fn a_message_that_says_nothing_is_kept_and_not_told() {
    let mut chat = Chat::with_ana();
    let nothing = UserSaid { client_id: Some("c1".to_owned()), at: START, ..UserSaid::default() };
    assert_eq!(chat.on(Command::UserSaid(Box::new(nothing))), ["user: -"]);
    assert!(chat.state.outbox.is_empty());
    assert!(chat.state.posted_as("c1").is_some());
}
