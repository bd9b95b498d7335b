//! What was still to be said when a chat ended.

use super::*;

/// One message is on its way to ServiceNow, another waits.
fn talking() -> (Chat, CallId) {
    let mut chat = Chat::with_ana();
    chat.on(says("one"));
    let one = chat.lease().expect("due");
    chat.on(says("two"));
    (chat, one)
}

#[test]
fn what_the_user_said_goes_out_before_their_own_goodbye() {
    let (mut chat, one) = talking();
    assert_eq!(chat.on(Command::UserEnded), ["ended ByUser, to be told", "notice: ByUser"]);
    assert_eq!(chat.outbox(), ["say one", "say two", END]);
    chat.done(one);
    assert_eq!(chat.deliver(), ["say two", END]);
}

#[test]
fn what_waits_when_the_other_side_leaves_is_said_to_be_undelivered() {
    for event in [
        heard(1, completed()),
        heard(1, webhook([step(What::BackToVirtualAgent)])),
        heard(1, webhook([system("e", "Ana has closed the support session.")])),
        heard(1, Inbound { take_control: true, ..webhook([]) }),
        Command::Tick { typed: None },
    ] {
        let (mut chat, one) = talking();
        chat.wait(IDLE_MILLIS);
        // The one on its way was tried again just now.
        let again = Fact::Leased(lease(&chat.state, chat.now).expect("the lease has ended"));
        chat.store(&[again]);
        let two = CallId(one.0 + 2, 0);
        let facts = chat.on(event.clone());
        assert!(facts.contains(&format!("{}.0 dropped", two.0)), "{facts:?}");
        assert_eq!(facts.iter().filter(|fact| *fact == "notice: not delivered two").count(), 1, "{facts:?}");
        assert_eq!(chat.outbox()[0], "say one", "what is on its way is left alone: {event:?}");
        assert_eq!(chat.done(one), [format!("{}.0 done", one.0)]);
        assert!(chat.outbox().iter().all(|call| call == END), "{event:?}");
    }
}

#[test]
fn signs_that_pass_are_dropped_without_a_word() {
    let mut chat = Chat::with_ana();
    chat.on(Command::UserTyping);
    let position = chat.position() - 1;
    let facts = [format!("{position}.0 dropped"), "ended ByAgent".to_owned(), "notice: ByAgent".to_owned()];
    assert_eq!(chat.hears(completed()), facts);
}

#[test]
fn a_message_whose_try_fails_for_good_is_said_to_be_undelivered() {
    let (mut chat, one) = talking();
    let facts = [format!("{}.0 dropped", one.0), "notice: not delivered one".to_owned()];
    assert_eq!(chat.failed(one), facts);
    assert_eq!(chat.failed(one), NOTHING);
    assert_eq!(chat.deliver(), ["say two"], "the next one has its own chance");
}

#[test]
fn an_opening_is_not_tried_again_when_nobody_waits_any_more() {
    let mut chat = Chat::escalated();
    let create = chat.lease().expect("due");
    chat.on(Command::UserEnded);
    assert_eq!(chat.outbox(), ["CREATE_CONVERSATION", END]);
    assert_eq!(chat.put_off(create, chat.now.plus_millis(100)), ["0.0 dropped"]);
    assert_eq!(chat.deliver(), [END]);
}

/// A call of the first chat hangs while the second is opened.
fn second_chat_behind_a_hanging_call() -> (Chat, CallId) {
    let mut chat = Chat::escalated();
    let create = chat.lease().expect("due");
    chat.on(Command::UserEnded);
    chat.on(bot_returned());
    chat.on(escalation(1));
    (chat, create)
}

#[test]
fn an_opening_of_an_older_chat_is_not_tried_again() {
    let (mut chat, create) = second_chat_behind_a_hanging_call();
    assert_eq!(chat.put_off(create, chat.now.plus_millis(100)), ["0.0 dropped"]);
    assert_eq!(chat.deliver(), [END, "CREATE_CONVERSATION", "START_CREATED_CONVERSATION"]);
}

#[test]
fn an_opening_of_an_older_chat_that_fails_ends_nothing() {
    let (mut chat, create) = second_chat_behind_a_hanging_call();
    assert_eq!(chat.failed(create), ["0.0 dropped"]);
    assert!(chat.state.is_live());
}

#[test]
fn what_hangs_of_an_older_chat_says_nothing_about_this_one() {
    let (mut chat, _) = second_chat_behind_a_hanging_call();
    let facts = chat.on(Command::UserEnded);
    assert_eq!(facts[2..], ["ended ByUser", "notice: ByUser"], "ServiceNow has not heard of the second chat");
    let ends = chat.state.outbox.iter().filter(|queued| matches!(queued.call.what, Call::End));
    assert_eq!(ends.map(|queued| queued.call.chat).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_a_person_says_late_is_kept_and_what_the_virtual_agent_says_is_not() {
    let late = |n: u32| {
        webhook([
            agent(&format!("a{n}"), "One more thing."),
            virtual_agent(&format!("v{n}"), "The conversation has ended."),
            system(&format!("s{n}"), "Ana has closed the support session."),
        ])
    };
    let mut chat = Chat::with_ana();
    chat.on(Command::UserEnded);
    assert_eq!(chat.hears(late(1)), ["Ana: One more thing."], "while the bot comes back");
    chat.on(bot_returned());
    assert_eq!(chat.hears(late(2)), ["Ana: One more thing."], "when the bot is back");
    assert_eq!(chat.hears(late(2)), NOTHING);
    assert_eq!(chat.state.phase, Phase::Bot);
    assert_eq!(chat.agent(), None);
}

#[test]
fn after_the_end_nothing_is_said_to_the_live_chat() {
    let mut chat = Chat::with_ana();
    chat.on(Command::UserEnded);
    for event in [says("hello?"), says_as("c9", "hello?"), Command::UserTyping, Command::Tick { typed: None }]
    {
        assert_eq!(chat.on(event.clone()), NOTHING, "{event:?}");
    }
    assert_eq!(chat.state.posted_as("c9"), None, "it is still to be said to the bot");
    assert!(!chat.state.has_taken(&ActivityId("9".to_owned())));
}
