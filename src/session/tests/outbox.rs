//! Calls to ServiceNow: one at a time, in order, each claimed before it is made.

use super::chat::*;
use crate::{
    domain::inbound::Inbound,
    session::{CLAIM_MILLIS, CallId, Due, Event, TYPING_MILLIS},
};

const NOTHING: [&str; 0] = [];

#[test]
fn a_claim_holds_the_others_back_for_ten_seconds() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    chat.on(says("two"));
    let one = chat.claim().expect("due");
    assert_eq!(chat.due(), Due::At(chat.now.plus_millis(CLAIM_MILLIS)));
    chat.wait(CLAIM_MILLIS - 1);
    assert_eq!(chat.claim(), None);
    chat.wait(1);
    assert_eq!(chat.claim(), Some(one), "the same call under the same id");
    let queued = chat.state.outbox.get(one).expect("not settled");
    assert_eq!((queued.attempts, queued.first_try), (2, Some(START)));
    assert_eq!(chat.due(), Due::At(chat.now.plus_millis(CLAIM_MILLIS)));
    chat.on(Event::CallDone(one));
    assert_eq!(chat.deliver(), ["say two"]);
    assert_eq!(chat.due(), Due::Nothing);
}

#[test]
fn a_call_put_off_is_due_again_at_its_time_before_those_behind_it() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    chat.on(says("two"));
    for attempt in 1..=3 {
        let one = chat.claim().expect("due");
        let queued = chat.state.outbox.get(one).expect("not settled");
        assert_eq!((queued.attempts, queued.first_try), (attempt, Some(START)));
        let until = chat.now.plus_millis(200);
        let again = format!("{}.0 again at {}", one.0, until.millis_since(START));
        assert_eq!(chat.on(Event::CallPutOff { call: one, until }), [again]);
        assert_eq!(chat.due(), Due::At(until));
        assert_eq!(chat.claim(), None);
        chat.wait(200);
    }
    assert_eq!(chat.deliver(), ["say one", "say two"]);
}

#[test]
fn a_call_is_settled_once() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    let one = chat.claim().expect("due");
    let until = chat.now.plus_millis(200);
    assert_eq!(chat.on(Event::CallDone(one)), [format!("{}.0 done", one.0)]);
    for event in [
        Event::CallDone(one),
        Event::CallFailed(one),
        Event::CallPutOff { call: one, until },
        Event::CallDone(CallId(999, 0)),
        Event::CallFailed(CallId(0, 7)),
    ] {
        assert_eq!(chat.on(event.clone()), NOTHING, "{event:?}");
    }
}

#[test]
fn a_call_whose_owner_was_slow_may_be_settled_by_either() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    let one = chat.claim().expect("due");
    chat.wait(CLAIM_MILLIS);
    chat.claim().expect("due again");
    chat.on(Event::CallDone(one));
    let until = chat.now.plus_millis(200);
    assert_eq!(chat.on(Event::CallPutOff { call: one, until }), NOTHING, "it has arrived");
    assert!(chat.state.outbox.is_empty());
}

#[test]
fn signs_that_pass_are_tried_once() {
    let mut chat = Chat::with_ana();
    chat.on(Event::UserTyping);
    let typing = chat.claim().expect("due");
    let put_off = Event::CallPutOff { call: typing, until: chat.now.plus_millis(100) };
    assert_eq!(chat.on(put_off), [format!("{}.0 dropped", typing.0)]);
    assert!(chat.state.outbox.is_empty());
}

#[test]
fn typing_is_told_once_a_burst_and_its_end_after_five_seconds() {
    let mut chat = Chat::with_ana();
    for _ in 0..4 {
        assert_eq!(chat.on(Event::UserTyping), ["typing"]);
        chat.wait(TYPING_MILLIS - 1);
        assert_eq!(chat.on(Event::Tick), NOTHING);
    }
    chat.wait(1);
    assert_eq!(chat.on(Event::Tick), ["stopped typing"]);
    assert_eq!(chat.on(Event::Tick), NOTHING);
    assert_eq!(chat.outbox(), ["TYPING", "VIEWING"]);
    assert_eq!(chat.on(Event::UserTyping), ["typing"]);
    assert_eq!(chat.outbox(), ["TYPING", "VIEWING", "TYPING"], "another burst");
}

#[test]
fn a_message_ends_the_burst_before_it() {
    let mut chat = Chat::with_ana();
    chat.on(Event::UserTyping);
    assert_eq!(chat.on(says("done")), ["stopped typing", "user: done"]);
    chat.wait(TYPING_MILLIS);
    assert_eq!(chat.on(Event::Tick), NOTHING);
    assert_eq!(chat.deliver(), ["TYPING", "VIEWING", "say done"]);
}

#[test]
fn typing_is_nobodys_business_while_no_person_is_there() {
    for mut chat in [Chat::new(), Chat::escalated(), Chat::waiting()] {
        assert_eq!(chat.on(Event::UserTyping), NOTHING);
    }
    let mut chat = Chat::with_ana();
    chat.on(Event::UserTyping);
    chat.hears(completed());
    chat.wait(TYPING_MILLIS);
    assert_eq!(chat.on(Event::Tick), NOTHING, "a burst ends with the chat");
}

#[test]
fn what_the_client_has_fetched_is_told_once_and_together() {
    let mut chat = Chat::with_ana();
    chat.hears(webhook([agent("m1", "one"), virtual_agent("v1", "-"), agent("m2", "two")]));
    let both = chat.position();
    chat.hears(webhook([system("s1", "-"), agent("m3", "three")]));
    assert_eq!(chat.on(Event::Fetched { up_to: both - 3 }), NOTHING, "that is before the first");
    assert_eq!(chat.on(Event::Fetched { up_to: both }), [format!("fetched {both}")]);
    assert_eq!(chat.on(Event::Fetched { up_to: both }), NOTHING);
    assert_eq!(chat.deliver(), ["read m1 m2"]);
    let all = chat.position();
    assert_eq!(chat.on(Event::Fetched { up_to: all }), [format!("fetched {all}")]);
    assert_eq!(chat.deliver(), ["read m3"]);
}

#[test]
fn what_is_fetched_after_the_end_is_not_told() {
    let mut chat = Chat::with_ana();
    chat.hears(webhook([agent("m1", "one")]));
    chat.hears(completed());
    chat.hears(webhook([agent("m2", "late")]));
    assert_eq!(chat.on(Event::Fetched { up_to: chat.position() }), NOTHING);
    chat.on(bot_returned());
    chat.hears(webhook([agent("m3", "later")]));
    assert_eq!(chat.on(Event::Fetched { up_to: chat.position() }), NOTHING);
    chat.on(escalation(1));
    assert_eq!(chat.on(Event::Fetched { up_to: chat.position() }), NOTHING, "nor to the next chat");
}

#[test]
fn an_opening_holds_back_whatever_comes_behind_it() {
    let mut chat = Chat::escalated();
    chat.on(says("hello?"));
    chat.hears(webhook([agent("m1", "Hello.")]));
    chat.on(Event::UserTyping);
    chat.on(Event::Fetched { up_to: chat.position() });
    assert_eq!(
        chat.deliver(),
        ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION", "say hello?", "TYPING", "read m1"]
    );
}

#[test]
fn words_on_their_way_when_the_agent_leaves_are_given_back_and_not_tried_again() {
    let mut chat = Chat::with_ana();
    chat.on(says("late?"));
    let call = chat.claim().expect("due");
    chat.hears(Inbound { completed: true, ..webhook([]) });
    let facts = chat.on(Event::CallPutOff { call, until: START });
    assert_eq!(facts[1..], ["notice: not delivered late?"]);
    assert!(facts[0].ends_with("dropped"), "{facts:?}");
}

#[test]
fn words_before_the_users_own_end_are_tried_again() {
    let mut chat = Chat::with_ana();
    chat.on(says("one last thing"));
    let call = chat.claim().expect("due");
    chat.on(Event::UserEnded);
    let facts = chat.on(Event::CallPutOff { call, until: START });
    assert!(facts[0].contains("again at"), "{facts:?}");
}
