//! How a chat ends, whether ServiceNow must be told, and what becomes of what still waits.

use super::chat::*;
use crate::{
    domain::{
        ActivityId, Timestamp,
        inbound::{Inbound, What},
    },
    ledger::CallId,
    session::{Call, Command, EndReason, Fact, IDLE_MILLIS, Opening, Phase, UserSaid},
};

mod leftovers;

const NOTHING: [&str; 0] = [];
const END: &str = "END_CONVERSATION";

#[test]
fn a_chat_with_a_person_ends_in_one_of_these_ways() {
    let took_control = Inbound { take_control: true, completed: true, ..webhook([]) };
    let closed = webhook([system("e", "Ana has closed the support session.")]);
    let rows: [(&str, Command, &[&str], &[&str]); 6] = [
        ("completed", heard(1, completed()), &["ended ByAgent", "notice: ByAgent"], &[]),
        (
            "switched to the virtual agent",
            heard(1, webhook([step(What::BackToVirtualAgent)])),
            &["ended ByAgent, to be told", "notice: ByAgent"],
            &[END],
        ),
        (
            "a System text",
            heard(1, closed),
            &["system: Ana has closed the support session.", "ended ByAgent", "notice: ByAgent"],
            &[],
        ),
        ("takeControl", heard(1, took_control), &["ended ControlReturned", "notice: ControlReturned"], &[]),
        ("the user", Command::UserEnded, &["ended ByUser, to be told", "notice: ByUser"], &[END]),
        ("silence", Command::Tick { typed: None }, &["ended Idle, to be told", "notice: Idle"], &[END]),
    ];
    for (way, event, facts, told) in rows {
        let mut chat = Chat::with_ana();
        chat.wait(IDLE_MILLIS);
        assert_eq!(chat.on(event.clone()), facts, "{way}");
        assert_eq!(chat.outbox(), told, "{way}");
        let Phase::Returning { agent, .. } = &chat.state.phase else {
            panic!("{way}: {:?}", chat.state.phase)
        };
        assert_eq!(agent.as_ref(), Some(&person("Ana")), "{way}");
        assert_eq!(chat.on(event), NOTHING, "{way}, again");
        assert_eq!(chat.on(Command::UserEnded), NOTHING, "{way}, then by the user");
        chat.deliver();
        chat.on(bot_returned());
        assert!(!chat.state.is_open(), "{way}");
    }
}

#[test]
fn a_chat_that_waits_for_a_person_ends_in_one_of_these_ways() {
    let none = "There are no agents available. Please try again later.";
    let rows: [(&str, Command, &[&str], &[&str]); 7] = [
        (
            "nobody in time",
            Command::Tick { typed: None },
            &["ended NobodyInTime, to be told", "notice: NobodyInTime"],
            &[END],
        ),
        ("completed", heard(1, completed()), &["ended NobodyAvailable", "notice: NobodyAvailable"], &[]),
        (
            "a System text",
            heard(1, webhook([system("e", none)])),
            &[
                "system: There are no agents available. Please try again later.",
                "ended NobodyAvailable",
                "notice: NobodyAvailable",
            ],
            &[],
        ),
        (
            "the virtual agent's words",
            heard(1, webhook([virtual_agent("e", none)])),
            &[
                "virtual agent: There are no agents available. Please try again later.",
                "ended NobodyAvailable",
                "notice: NobodyAvailable",
            ],
            &[],
        ),
        (
            "switched to the virtual agent",
            heard(1, webhook([step(What::BackToVirtualAgent)])),
            &["ended NobodyAvailable, to be told", "notice: NobodyAvailable"],
            &[END],
        ),
        (
            "takeControl",
            heard(1, Inbound { take_control: true, ..webhook([]) }),
            &["ended ControlReturned", "notice: ControlReturned"],
            &[],
        ),
        ("the user", Command::UserEnded, &["ended ByUser, to be told", "notice: ByUser"], &[END]),
    ];
    for (way, event, facts, told) in rows {
        let mut chat = Chat::waiting();
        chat.wait(POLICY.timeout_millis);
        assert_eq!(chat.on(event.clone()), facts, "{way}");
        assert_eq!(chat.outbox(), told, "{way}");
        assert!(matches!(chat.state.phase, Phase::Returning { agent: None, .. }), "{way}");
        assert_eq!(chat.on(event), NOTHING, "{way}, again");
    }
}

#[test]
fn nobody_is_given_up_before_the_time_is_over() {
    let mut chat = Chat::waiting();
    chat.wait(POLICY.timeout_millis - 1);
    assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING);
    chat.hears(webhook([agent("m1", "Hello.")]));
    chat.wait(1);
    assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING, "a person is there");
}

#[test]
fn words_that_are_old_by_direct_lines_clock_end_no_chat_and_are_tried_like_young_ones() {
    let long_ago = UserSaid { at: Timestamp(0), ..words_at("dl|9", "said while away") };
    let waiting = {
        let mut chat = Chat::new();
        chat.on(escalation_with(vec![long_ago.clone()]));
        chat
    };
    let mut with_ana = Chat::with_ana();
    with_ana.on(Command::UpstreamRead { segment: 0, said: vec![long_ago], history: None });
    for mut chat in [waiting, with_ana] {
        assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING);
        let words = chat.state.outbox.iter().find(|queued| matches!(queued.call.what, Call::Say(_)));
        assert_eq!(words.map(|queued| queued.since), Some(chat.now));
    }
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
    let mut chat = Chat::waiting();
    chat.wait(-3_600_000);
    let said = UserSaid { at: chat.now, ..words("Is anybody there?") };
    chat.on(Command::UserSaid(Box::new(said)));
    chat.wait(POLICY.timeout_millis - 1);
    assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING);
    chat.wait(1);
    let over = chat.on(Command::Tick { typed: None });
    assert!(over.iter().any(|fact| fact.starts_with("ended NobodyInTime")), "{over:?}");
}

#[test]
fn a_clock_that_is_set_back_holds_up_no_chat_in_which_nothing_happens() {
    for (mut chat, wait, end) in [
        (Chat::waiting(), POLICY.timeout_millis, "ended NobodyInTime"),
        (Chat::with_ana(), IDLE_MILLIS, "ended Idle"),
    ] {
        chat.wait(-86_400_000);
        assert_eq!(chat.on(Command::Tick { typed: None }), ["fetched 0"]);
        assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING, "once");
        chat.wait(wait - 1);
        assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING);
        chat.wait(1);
        let over = chat.on(Command::Tick { typed: None });
        assert!(over.iter().any(|fact| fact.starts_with(end)), "{over:?}");
    }
}

#[test]
fn whoever_speaks_keeps_the_chat_from_being_idle() {
    let mut chat = Chat::with_ana();
    chat.wait(IDLE_MILLIS - 1);
    chat.hears(webhook([agent("m1", "Still there?")]));
    chat.wait(IDLE_MILLIS - 1);
    let said = UserSaid { at: chat.now, ..words("Yes.") };
    chat.on(Command::UserSaid(Box::new(said)));
    chat.wait(IDLE_MILLIS - 1);
    assert_eq!(chat.on(Command::Tick { typed: None }), NOTHING);
    chat.wait(1);
    assert_eq!(chat.on(Command::Tick { typed: None })[2..], ["ended Idle, to be told", "notice: Idle"]);
}

#[test]
fn what_an_agent_says_never_ends_the_chat_by_its_words() {
    let mut chat = Chat::with_ana();
    for (id, text) in
        [("m1", "Ana has closed the support session."), ("m2", "There are no agents available.")]
    {
        assert_eq!(chat.hears(webhook([agent(id, text)])), [format!("Ana: {text}")]);
    }
    let nobody = webhook([system("m3", "There are no agents available.")]);
    assert_eq!(chat.hears(nobody), ["system: There are no agents available."], "a person is there");
}

#[test]
fn words_that_say_it_is_over_end_nothing_before_a_person_came() {
    let mut chat = Chat::waiting();
    let over = webhook([system("m1", "It seems you have left the conversation")]);
    assert_eq!(chat.hears(over), ["system: It seems you have left the conversation"]);
    assert!(chat.state.is_live());
}

#[test]
fn a_flag_says_more_than_an_action_and_that_more_than_words() {
    let all = Inbound {
        take_control: true,
        completed: true,
        ..webhook([step(What::BackToVirtualAgent), system("e", "The conversation has ended.")])
    };
    let rows = [
        (all.clone(), "ended ControlReturned"),
        (Inbound { take_control: false, ..all.clone() }, "ended ByAgent"),
        (Inbound { take_control: false, completed: false, ..all }, "ended ByAgent, to be told"),
    ];
    for (inbound, end) in rows {
        let facts = Chat::with_ana().hears(inbound);
        assert_eq!(facts[1], end);
        assert_eq!(facts.len(), 3, "one end: {facts:?}");
    }
}

#[test]
fn a_person_who_joins_and_leaves_in_one_message_was_there() {
    let mut chat = Chat::waiting();
    let brief = Inbound { completed: true, ..webhook([agent("m1", "Bye.")]) };
    let facts = ["joined Ana", "notice: joined Ana", "Ana: Bye.", "ended ByAgent", "notice: ByAgent"];
    assert_eq!(chat.hears(brief), facts);
}

#[test]
fn an_opening_that_is_refused_ends_the_chat() {
    let rows: [(Opening, usize, &str, &[&str]); 4] = [
        (Opening::CreateThenStart, 0, "ended NotOpened", &[]),
        (Opening::CreateThenStart, 1, "ended NotOpened, to be told", &["FAULT_CONVERSATION"]),
        (Opening::Start, 0, "ended NotOpened", &[]),
        (Opening::Agent, 0, "ended NotOpened", &[]),
    ];
    for (opening, taken, end, told) in rows {
        let mut chat = Chat::escalated_by(opening);
        for _ in 0..taken {
            let call = chat.lease().expect("due");
            chat.done(call);
        }
        chat.on(says("hello?"));
        let refused = chat.lease().expect("due");
        let facts = chat.failed(refused);
        assert_eq!(facts[0], format!("0.{} dropped", refused.1), "{opening:?}");
        assert_eq!(facts[facts.len() - 2..], [end, "notice: NotOpened"], "{opening:?}");
        assert!(facts.contains(&"notice: not delivered hello?".to_owned()), "{facts:?}");
        assert_eq!(chat.outbox(), told, "{opening:?}");
    }
}

#[test]
fn an_opening_that_is_given_up_after_it_may_have_arrived_is_called_off() {
    for opening in [Opening::CreateThenStart, Opening::Start, Opening::Agent] {
        let mut chat = Chat::escalated_by(opening);
        let call = chat.lease().expect("due");
        chat.put_off(call, chat.now);
        assert_eq!(chat.lease(), Some(call));
        let facts = chat.failed(call);
        assert_eq!(facts[facts.len() - 2..], ["ended NotOpened, to be told", "notice: NotOpened"]);
        assert_eq!(chat.outbox(), ["FAULT_CONVERSATION"], "{opening:?}");
    }
}

#[test]
fn an_opening_call_that_fails_after_a_person_came_ends_nothing() {
    let mut chat = Chat::escalated();
    let create = chat.lease().expect("due");
    chat.done(create);
    let start = chat.lease().expect("due");
    chat.hears(webhook([agent("m1", "Hello.")]));
    assert_eq!(chat.failed(start), ["0.1 dropped"], "its first try had arrived");
    assert_eq!(chat.agent(), Some("Ana"));
}

#[test]
fn servicenow_is_not_told_the_end_of_what_it_never_heard_of() {
    let rows: [(Command, &str); 2] =
        [(Command::UserEnded, "ByUser"), (Command::Tick { typed: None }, "NobodyInTime")];
    for (event, why) in rows {
        let mut chat = Chat::escalated();
        chat.on(says("hello?"));
        chat.wait(POLICY.timeout_millis);
        let facts = [
            "0.0 dropped".to_owned(),
            "0.1 dropped".to_owned(),
            "1.0 dropped".to_owned(),
            "notice: not delivered hello?".to_owned(),
            format!("ended {why}"),
            format!("notice: {why}"),
        ];
        assert_eq!(chat.on(event), facts);
        assert!(chat.state.outbox.is_empty());
    }
}

#[test]
fn servicenow_is_told_the_end_of_what_it_may_have_heard_of() {
    let mut chat = Chat::escalated();
    let create = chat.lease().expect("due");
    chat.put_off(create, chat.now.plus_millis(100));
    let facts = chat.on(Command::UserEnded);
    assert_eq!(facts, ["0.0 dropped", "0.1 dropped", "ended ByUser, to be told", "notice: ByUser"]);
    assert_eq!(chat.outbox(), [END]);
}

#[test]
fn why_it_ended_is_a_failure_only_when_no_person_could_be_had() {
    use EndReason::*;
    let failures = [NobodyInTime, NobodyAvailable, NotOpened];
    for why in [ByAgent, ByUser, NobodyInTime, NobodyAvailable, ControlReturned, NotOpened, Idle] {
        assert_eq!(why.is_failure_to_connect(), failures.contains(&why), "{why:?}");
    }
}
