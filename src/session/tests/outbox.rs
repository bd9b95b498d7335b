//! Calls to ServiceNow: one at a time, in order, each leased before it is made.

use super::chat::*;
use crate::{
    domain::inbound::Inbound,
    ledger::{CallId, LEASE, Next, Outage, Outcome, Settled, Settlement, Why},
    session::{Command, Fact, LANE, TYPING_MILLIS},
};

const NOTHING: [&str; 0] = [];

#[test]
fn a_lease_holds_the_others_back_for_ten_seconds() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    chat.on(says("two"));
    let one = chat.lease().expect("due");
    assert_eq!(chat.due(), Next::At(chat.now.plus_millis(LEASE)));
    chat.wait(LEASE - 1);
    assert_eq!(chat.lease(), None);
    chat.wait(1);
    assert_eq!(chat.lease(), Some(one), "the same call under the same id");
    let queued = chat.state.outbox.get(one).expect("not settled");
    assert_eq!((queued.attempts, queued.crashes), (2, 1));
    assert_eq!(chat.due(), Next::At(chat.now.plus_millis(LEASE)));
    chat.done(one);
    assert_eq!(chat.deliver(), ["say two"]);
    assert_eq!(chat.due(), Next::Nothing);
}

#[test]
fn a_call_put_off_is_due_again_at_its_time_before_those_behind_it() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    chat.on(says("two"));
    for attempt in 1..=3 {
        let one = chat.lease().expect("due");
        let queued = chat.state.outbox.get(one).expect("not settled");
        assert_eq!(queued.attempts, attempt);
        let until = chat.now.plus_millis(200);
        let again = format!("{}.0 again at {}", one.0, until.millis_since(START));
        assert_eq!(chat.put_off(one, until), [again]);
        assert_eq!(chat.due(), Next::At(until));
        assert_eq!(chat.lease(), None);
        chat.wait(200);
    }
    assert_eq!(chat.deliver(), ["say one", "say two"]);
}

#[test]
fn a_call_is_settled_once() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    let one = chat.lease().expect("due");
    let until = chat.now.plus_millis(200);
    assert_eq!(chat.done(one), [format!("{}.0 done", one.0)]);
    assert_eq!(chat.done(one), NOTHING);
    assert_eq!(chat.failed(one), NOTHING);
    assert_eq!(chat.put_off(one, until), NOTHING);
    assert_eq!(chat.done(CallId(999, 0)), NOTHING);
    assert_eq!(chat.failed(CallId(0, 7)), NOTHING);
}

#[test]
fn a_settlement_of_an_attempt_that_lost_its_lease_counts_for_nothing() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    let one = chat.lease().expect("due");
    chat.wait(LEASE);
    chat.lease().expect("due again");
    for outcome in [Settlement::Done, Settlement::Dropped, Settlement::Retry { at: START, uncertain: false }]
    {
        chat.store(&[Fact::Settled(Settled { call: one, attempt: Some(1), outcome, at: chat.now })]);
        assert!(chat.state.outbox.is_held(one, 2), "the second attempt goes on");
    }
    chat.done(one);
    assert!(chat.state.outbox.is_empty());
}

#[test]
fn a_call_whose_maker_died_is_made_again_once_and_then_said_to_be_doubtful() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    chat.lease().expect("due");
    chat.wait(LEASE);
    let one = chat.lease().expect("once more");
    chat.wait(LEASE);
    assert_eq!(chat.due(), Next::GiveUp(one, Why::MayHaveArrived));
    let facts = chat.settles(one, Outcome::GivenUp(Why::MayHaveArrived));
    assert_eq!(facts[1..], ["notice: may not have arrived one"]);
}

#[test]
fn a_clock_that_was_set_back_holds_nothing_up() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    let one = chat.lease().expect("due");
    chat.wait(-3_600_000);
    assert_eq!(chat.lease(), Some(one), "a lease from the future does not hold");
    let later = chat.now.plus_millis(30_000);
    chat.put_off(one, later);
    chat.wait(-3_600_000);
    assert_eq!(chat.lease(), Some(one), "nor does a wait");
    let typed = Some(chat.now);
    chat.on(Command::UserTyping);
    chat.wait(-3_600_000);
    assert_eq!(chat.on(Command::Tick { typed })[0], "stopped typing", "nor a sign");
}

#[test]
fn words_that_only_a_dead_process_knew_are_given_up_also_when_the_clock_was_set_back() {
    let mut chat = Chat::with_ana();
    chat.on(whispers("c1", None, "x"));
    let others = |chat: &Chat| chat.state.outbox.next(LANE, chat.now, "another", &mut Outage::default(), 0);
    assert_eq!(others(&chat), Next::At(chat.now.plus_millis(LEASE)), "who knows them comes first");
    chat.wait(-3_600_000);
    assert!(matches!(others(&chat), Next::Lease(..)));
}

#[test]
fn receipts_that_wait_go_in_one_call() {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    for (id, text) in [("m1", "first"), ("m2", "second"), ("m3", "third")] {
        chat.hears(webhook([agent(id, text)]));
        chat.on(Command::Fetched { up_to: chat.position() });
    }
    assert_eq!(chat.deliver(), ["say one", "read m1 m2 m3"]);
}

#[test]
fn signs_that_pass_are_tried_once() {
    let mut chat = Chat::with_ana();
    chat.on(Command::UserTyping);
    let typing = chat.lease().expect("due");
    assert_eq!(chat.put_off(typing, chat.now.plus_millis(100)), [format!("{}.0 dropped", typing.0)]);
    assert!(chat.state.outbox.is_empty());
}

#[test]
fn typing_is_told_once_a_burst_and_its_end_after_five_seconds() {
    let mut chat = Chat::with_ana();
    assert_eq!(chat.on(Command::UserTyping), ["typing"]);
    for _ in 0..4 {
        chat.wait(TYPING_MILLIS - 1);
        assert_eq!(chat.on(Command::UserTyping), NOTHING, "one fact a burst");
        let typed = Some(chat.now);
        assert_eq!(chat.on(Command::Tick { typed }), NOTHING);
    }
    chat.wait(TYPING_MILLIS - 1);
    assert_eq!(chat.on(Command::Tick { typed: Some(chat.now.plus_millis(1 - TYPING_MILLIS)) }), NOTHING);
    chat.wait(1);
    assert_eq!(chat.on(Command::Tick { typed: None }), ["stopped typing"]);
    assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING);
    assert_eq!(chat.outbox(), ["TYPING", "VIEWING"]);
    assert_eq!(chat.on(Command::UserTyping), ["typing"]);
    assert_eq!(chat.outbox(), ["TYPING", "VIEWING", "TYPING"], "another burst");
}

#[test]
fn a_message_ends_the_burst_before_it() {
    let mut chat = Chat::with_ana();
    chat.on(Command::UserTyping);
    assert_eq!(chat.on(says("done")), ["stopped typing", "user: done"]);
    chat.wait(TYPING_MILLIS);
    assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING);
    assert_eq!(chat.deliver(), ["TYPING", "VIEWING", "say done"]);
}

#[test]
fn typing_is_nobodys_business_while_no_person_is_there() {
    for mut chat in [Chat::new(), Chat::escalated(), Chat::waiting()] {
        assert_eq!(chat.on(Command::UserTyping), NOTHING);
    }
    let mut chat = Chat::with_ana();
    chat.on(Command::UserTyping);
    chat.hears(completed());
    chat.wait(TYPING_MILLIS);
    assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING, "a burst ends with the chat");
}

#[test]
fn what_the_client_has_fetched_is_told_once_and_together() {
    let mut chat = Chat::with_ana();
    chat.hears(webhook([agent("m1", "one"), virtual_agent("v1", "-"), agent("m2", "two")]));
    let both = chat.position();
    chat.hears(webhook([system("s1", "-"), agent("m3", "three")]));
    assert_eq!(chat.on(Command::Fetched { up_to: both - 3 }), NOTHING, "that is before the first");
    assert_eq!(chat.on(Command::Fetched { up_to: both }), [format!("fetched {both}")]);
    assert_eq!(chat.on(Command::Fetched { up_to: both }), NOTHING);
    assert_eq!(chat.deliver(), ["read m1 m2"]);
    let all = chat.position();
    assert_eq!(chat.on(Command::Fetched { up_to: all }), [format!("fetched {all}")]);
    assert_eq!(chat.deliver(), ["read m3"]);
}

#[test]
fn what_is_fetched_after_the_end_is_not_told() {
    let mut chat = Chat::with_ana();
    chat.hears(webhook([agent("m1", "one")]));
    chat.hears(completed());
    chat.hears(webhook([agent("m2", "late")]));
    assert_eq!(chat.on(Command::Fetched { up_to: chat.position() }), NOTHING);
    chat.on(bot_returned());
    chat.hears(webhook([agent("m3", "later")]));
    assert_eq!(chat.on(Command::Fetched { up_to: chat.position() }), NOTHING);
    chat.on(escalation(1));
    assert_eq!(chat.on(Command::Fetched { up_to: chat.position() }), NOTHING, "nor to the next chat");
}

#[test]
fn an_opening_holds_back_whatever_comes_behind_it() {
    let mut chat = Chat::escalated();
    chat.on(says("hello?"));
    chat.hears(webhook([agent("m1", "Hello.")]));
    chat.on(Command::UserTyping);
    chat.on(Command::Fetched { up_to: chat.position() });
    assert_eq!(
        chat.deliver(),
        ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION", "say hello?", "TYPING", "read m1"]
    );
}

#[test]
fn words_on_their_way_when_the_agent_leaves_are_given_back_and_not_tried_again() {
    let mut chat = Chat::with_ana();
    chat.on(says("late?"));
    let call = chat.lease().expect("due");
    chat.hears(Inbound { completed: true, ..webhook([]) });
    let facts = chat.put_off(call, START);
    assert_eq!(facts[1..], ["notice: not delivered late?"]);
    assert!(facts[0].ends_with("dropped"), "{facts:?}");
}

#[test]
fn words_before_the_users_own_end_are_tried_again() {
    let mut chat = Chat::with_ana();
    chat.on(says("one last thing"));
    let call = chat.lease().expect("due");
    chat.on(Command::UserEnded);
    let facts = chat.put_off(call, START);
    assert!(facts[0].contains("again at"), "{facts:?}");
}
