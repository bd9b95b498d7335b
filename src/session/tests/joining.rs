//! How a person joins: by a flag, by words, or by speaking. Once.

use super::chat::*;
use crate::{
    domain::{
        Agent,
        inbound::{Inbound, Item, What},
    },
    session::Phase,
};

const NOTHING: [&str; 0] = [];

#[test]
fn a_person_joins_by_any_of_three_signs() {
    let rows: [(Inbound, &[&str]); 5] = [
        (webhook([step(What::AgentJoined)]), &["joined -", "notice: joined -"]),
        (
            webhook([system("m1", "Ana has entered the chat.")]),
            &["system: Ana has entered the chat.", "joined Ana"],
        ),
        (webhook([agent("m1", "Hello.")]), &["joined Ana", "notice: joined Ana", "Ana: Hello."]),
        (
            webhook([step(What::AgentJoined), system("m1", "Ana has entered the chat.")]),
            &["joined Ana", "system: Ana has entered the chat."],
        ),
        (
            webhook([Item { agent: Some(person("Ana")), ..step(What::AgentJoined) }, agent("m1", "Hello.")]),
            &["joined Ana", "notice: joined Ana", "Ana: Hello."],
        ),
    ];
    for (sign, facts) in rows {
        let mut chat = Chat::waiting();
        assert_eq!(chat.hears(sign.clone()), facts);
        assert!(matches!(chat.state.phase, Phase::WithAgent { .. }), "{sign:?}");
    }
}

#[test]
fn a_person_joins_once_by_whatever_signs_follow() {
    let mut chat = Chat::waiting();
    chat.hears(webhook([step(What::AgentJoined)]));
    assert_eq!(chat.hears(webhook([step(What::AgentJoined)])), NOTHING);
    let words = webhook([system("m1", "Ana has entered the chat.")]);
    assert_eq!(chat.hears(words), ["system: Ana has entered the chat."]);
    assert_eq!(chat.hears(webhook([agent("m2", "Hello.")])), ["Ana: Hello."]);
}

#[test]
fn each_new_person_is_introduced_once_by_whatever_name() {
    let by = |id: &str, name: &str| webhook([Item { agent: Some(person(name)), ..agent(id, "Hi.") }]);
    let mut chat = Chat::with_ana();
    assert_eq!(chat.hears(by("p1", "Bob")), ["joined Bob", "notice: joined Bob", "Bob: Hi."]);
    assert_eq!(chat.hears(by("p2", "Ana")), ["Ana: Hi."]);
    assert_eq!(chat.hears(by("p3", "Bob")), ["Bob: Hi."]);
    let words = webhook([system("p4", "Cara has entered the chat.")]);
    assert_eq!(chat.hears(words), ["system: Cara has entered the chat.", "joined Cara"]);
    assert_eq!(chat.hears(by("p5", "Cara Long")), ["Cara Long: Hi."]);
    assert_eq!(chat.hears(by("p6", "ANA")), ["ANA: Hi."]);
    assert_eq!(chat.hears(by("p7", "Anatol"))[0], "joined Anatol");
}

#[test]
fn people_are_told_apart_by_their_ids_where_both_have_one() {
    let by = |id: &str, name: Option<&str>, of: Option<&str>| {
        let who = Agent { name: name.map(str::to_owned), id: of.map(str::to_owned), avatar: None };
        webhook([Item { agent: Some(who), ..agent(id, "Hi.") }])
    };
    let ana = Some("Ana Lopez");
    for (first, then, is_new) in [
        ((ana, Some("a1")), (ana, Some("a2")), true),
        ((Some("Ana"), Some("a1")), (ana, Some("a2")), true),
        ((ana, Some("a1")), (None, Some("a2")), true),
        ((None, Some("a1")), (Some("Bob"), Some("a2")), true),
        ((ana, Some("a1")), (Some("Annie"), Some("a1")), false),
        ((ana, None), (Some("Ana"), Some("a1")), false),
        ((ana, Some("a1")), (None, None), false),
    ] {
        let mut chat = Chat::waiting();
        chat.hears(by("m1", first.0, first.1));
        let heard = chat.hears(by("m2", then.0, then.1));
        assert_eq!(
            heard.iter().any(|line| line.starts_with("notice: joined")),
            is_new,
            "{first:?} {then:?}: {heard:?}"
        );
        // Who has been there is known, whatever was missing before.
        assert_eq!(chat.hears(by("m3", first.0, first.1)).len(), 1, "{first:?}");
    }
}

#[test]
fn a_nameless_agent_gets_the_name_they_speak_under() {
    let mut chat = Chat::waiting();
    chat.hears(webhook([step(What::AgentJoined)]));
    assert_eq!(chat.agent(), None);
    chat.hears(webhook([agent("m1", "Hello.")]));
    assert_eq!(chat.agent(), Some("Ana"));
    let nameless = Item { agent: Some(Agent::default()), ..agent("m2", "Still here.") };
    chat.hears(webhook([nameless]));
    assert_eq!(chat.agent(), Some("Ana"));
    let bob = Item { agent: Some(person("Bob")), ..agent("m3", "I take over.") };
    chat.hears(webhook([bob]));
    assert_eq!(chat.agent(), Some("Bob"));
}

#[test]
fn a_person_may_join_before_servicenow_has_answered_the_opening() {
    let mut chat = Chat::escalated();
    chat.lease();
    chat.hears(webhook([agent("m1", "Hello.")]));
    assert_eq!(chat.agent(), Some("Ana"));
    assert_eq!(chat.outbox(), ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION"]);
}

#[test]
fn the_virtual_agents_words_are_no_person() {
    let mut chat = Chat::waiting();
    let wait = webhook([virtual_agent("m1", "Please stand by while I connect you to a live agent.")]);
    let said = "virtual agent: Please stand by while I connect you to a live agent.";
    assert_eq!(chat.hears(wait), [said]);
    assert!(matches!(chat.state.phase, Phase::Waiting { .. }));
}

#[test]
fn being_queued_counts_once_and_only_while_waiting() {
    let queued = || Inbound { agent_chat: true, ..webhook([step(What::Queued), step(What::Queued)]) };
    let mut chat = Chat::waiting();
    assert_eq!(chat.hears(queued()), ["queued"]);
    assert!(matches!(chat.state.phase, Phase::Waiting { queued: true, .. }));
    assert_eq!(chat.hears(queued()), NOTHING);
    assert_eq!(Chat::with_ana().hears(queued()), NOTHING);
}

#[test]
fn the_words_of_a_wait_are_the_systems() {
    let mut chat = Chat::waiting();
    let item = |what| Item { message_id: Some("m1".to_owned()), ..step(what) };
    let spinner = webhook([item(What::Waiting("Routing you (13 Seconds)".to_owned()))]);
    assert_eq!(chat.hears(spinner.clone()), ["system: Routing you (13 Seconds)"]);
    assert_eq!(chat.hears(spinner), NOTHING);
}

#[test]
fn the_chat_is_named_by_what_servicenow_calls_it() {
    let named = |interaction: Option<&str>| {
        let interaction = interaction.map(str::to_owned);
        step(What::Created { conversation: Some("113927".to_owned()), interaction })
    };
    let mut chat = Chat::escalated();
    assert_eq!(chat.hears(webhook([named(Some("9d39"))])), [r#"named Some("9d39")"#]);
    let elsewhere = Inbound { interaction_id: Some("0dce".to_owned()), ..webhook([named(None)]) };
    assert_eq!(chat.hears(elsewhere.clone()), [r#"named Some("0dce")"#]);
    assert_eq!(chat.hears(elsewhere), NOTHING, "once");
    chat.hears(completed());
    assert_eq!(chat.hears(webhook([named(None)])), NOTHING);
}

#[test]
fn any_message_may_tell_servicenows_own_id_of_the_chat() {
    let told = |id: &str| Inbound { interaction_id: Some("0dce".to_owned()), ..webhook([agent(id, "Hi.")]) };
    let mut chat = Chat::with_ana();
    assert_eq!(chat.hears(told("m1")), [r#"named Some("0dce")"#, "Ana: Hi."]);
    assert_eq!(chat.hears(told("m2")), ["Ana: Hi."], "once");
    chat.hears(completed());
    chat.on(bot_returned());
    chat.on(escalation(1));
    assert_eq!(chat.hears(told("m3"))[0], r#"named Some("0dce")"#, "of the next chat, too");
}

#[test]
fn an_agents_typing_shows_while_the_chat_is_on() {
    let types = || webhook([step(What::TypingStarted), step(What::TypingStopped)]);
    let mut chat = Chat::with_ana();
    assert_eq!(chat.hears(types()), ["agent types", "agent stopped typing"]);
    chat.hears(completed());
    assert_eq!(chat.hears(types()), NOTHING);
}

#[test]
fn whoever_types_is_known_until_they_stop_or_speak_or_a_minute_has_passed() {
    let begins = || webhook([step(What::TypingStarted)]);
    let types = |chat: &Chat| chat.state.agent_types(chat.now).is_some();
    let mut chat = Chat::with_ana();
    assert_eq!(chat.hears(begins()), ["agent types"]);
    chat.wait(9_000);
    assert_eq!(chat.hears(begins()), NOTHING, "that is known");
    chat.wait(50_999);
    assert!(types(&chat));
    chat.wait(1);
    assert!(!types(&chat), "a minute");
    assert_eq!(chat.hears(begins()), ["agent types"]);
    chat.hears(webhook([agent("m1", "Here.")]));
    assert!(!types(&chat), "spoken");
    chat.hears(begins());
    chat.hears(webhook([step(What::TypingStopped)]));
    assert!(!types(&chat), "stopped");
    assert_eq!(chat.hears(webhook([step(What::TypingStopped)])), NOTHING);
    chat.hears(begins());
    chat.hears(completed());
    assert!(!types(&chat), "over");
    let mut chat = Chat::with_ana();
    chat.hears(begins());
    chat.wait(-3_600_000);
    assert!(!types(&chat), "a clock that was set back makes nobody type for an hour");
    assert_eq!(chat.hears(begins()), ["agent types"]);
    assert!(types(&chat), "nor does it hide who types");
}

#[test]
fn a_stream_that_goes_on_shows_that_somebody_writes_whatever_it_brings() {
    let active = |inbound| Inbound { streaming: true, ..inbound };
    let mut chat = Chat::with_ana();
    assert_eq!(chat.hears(active(webhook([]))), ["agent types"]);
    let words = active(webhook([virtual_agent("m1", "Looking into it")]));
    assert_eq!(chat.hears(words), ["virtual agent: Looking into it"], "that is known");
    let start = step(What::StreamStarted { stream: None, hint: None });
    assert_eq!(chat.hears(active(webhook([start]))), ["piece of None: "]);
    chat.hears(completed());
    assert_eq!(chat.hears(active(webhook([]))), NOTHING);
}

#[test]
fn what_shows_nothing_adds_nothing() {
    let mut chat = Chat::with_ana();
    let nothing = webhook([
        step(What::Nothing),
        step(What::NewConversation),
        step(What::Unreadable { ui_type: "Hologram".to_owned() }),
    ]);
    assert_eq!(chat.hears(nothing), NOTHING);
    assert_eq!(chat.hears(webhook([])), NOTHING);
}

#[test]
fn what_leads_up_to_a_person_is_over_once_they_are_there() {
    let mut chat = Chat::escalated();
    let create = chat.lease().expect("due");
    chat.done(create);
    let start = chat.lease().expect("due");
    chat.hears(webhook([agent("m1", "Hello, this is Ana.")]));
    let routing = webhook([
        virtual_agent("m2", "Routing you to a live agent…"),
        step(What::Waiting("You are number 3.".to_owned())),
        agent("m3", "How can I help?"),
    ]);
    let at = format!("{}.{}", start.0, start.1);
    assert_eq!(chat.answered(start, routing), [format!("{at} done"), "Ana: How can I help?".to_owned()]);
    let late = webhook([step(What::Waiting("You are number 2.".to_owned()))]);
    assert_eq!(chat.hears(late), Vec::<String>::new());
}

#[test]
fn what_an_answer_tells_is_stored_with_the_settlement() {
    let mut chat = Chat::escalated();
    let create = chat.lease().expect("due");
    chat.done(create);
    let start = chat.lease().expect("due");
    let routing = webhook([virtual_agent("m2", "Routing you to a live agent…")]);
    let expected =
        [format!("{}.{} done", start.0, start.1), "virtual agent: Routing you to a live agent…".to_owned()];
    assert_eq!(chat.answered(start, routing), expected);
}
