use serde_json::{Map, Value, json};

use super::{
    answer::Answer,
    ask::{Accepted, Incoming, session},
    envelope::{Contents, envelope},
    fact::{Answered, Asked, Fact, What},
    machine::{Command, Dialogue, Overheard, Step},
    plan::{End, Listen, Post, plan},
    state::{Call, State, WORK},
};
use crate::{
    domain::{ConversationId, Timestamp},
    ledger::{
        CallId, Decided, Lane, Lease, Machine as _, Outcome, Queued, Settled, Settlement, Stored as _,
        Whisper, Why,
    },
    translate::{
        secondary_bot::Pending,
        texts::{Texts, Words},
    },
    wire::virtual_agent::request::Request,
};

mod doubt;
mod instances;
mod stored;

fn request(body: &Value) -> (Request, Map<String, Value>) {
    let request = Request::parse(body.to_string().as_bytes()).expect("a request");
    (request, body.as_object().expect("an object").clone())
}

fn incoming(body: &Value) -> Incoming {
    let (request, fields) = request(body);
    Incoming::read(request, &fields, true, None, &Texts::default(), Timestamp(7))
}

fn accepted(state: &State, body: &Value) -> Accepted {
    incoming(body).accept(state, Timestamp(7))
}

fn asked_of(state: &State, incoming: &Incoming) -> Box<Asked> {
    match incoming.accept(state, Timestamp(7)) {
        Accepted::New(asked) => asked,
        Accepted::Repeat(known) => panic!("a repeat of {known}"),
    }
}

fn asked(body: &Value) -> Box<Asked> {
    asked_of(&session_of(&[]), &incoming(body))
}

fn session_of(facts: &[Fact]) -> State {
    let mut state = State::new(&ConversationId::parse("s:s").expect("an id"));
    facts.iter().for_each(|fact| state.apply(fact));
    state
}

/// The request that is worked on.
fn head(state: &State) -> (u64, Asked) {
    let queued = state.outbox.lane(WORK).next().expect("a request");
    let Call::Work(asked) = &queued.call else { panic!("an answer among the requests") };
    (queued.id.0, (**asked).clone())
}

fn planned(state: &State, secret: Option<&str>) -> super::plan::Plan {
    let (request, asked) = head(state);
    plan(state, request, &asked, secret, &Words::default())
}

fn opened(request: u64) -> Fact {
    Fact::Opened {
        request,
        conversation: "dl".to_owned(),
        agent: None,
        authorization: None,
        until: None,
        at: Timestamp(1),
    }
}

fn answered(request: u64, more: impl Fn(&mut Answered)) -> Fact {
    let mut answered = Answered {
        request: Some(request),
        body: json!({"body": []}),
        watermark: Some("5".to_owned()),
        pending: Pending::Nothing,
        over: false,
        deliver: false,
        trace: None,
        at: Timestamp(9),
    };
    more(&mut answered);
    Fact::Answered(Box::new(answered))
}

fn leased(at: u64, attempt: u32) -> Fact {
    let until = Timestamp(10_000);
    Fact::Leased(Lease { call: CallId(at, 0), attempt, by: "a".to_owned(), at: Timestamp(0), until })
}

fn settled(at: u64, attempt: u32, outcome: Settlement) -> Fact {
    Fact::Settled(Settled { call: CallId(at, 0), attempt: Some(attempt), outcome, at: Timestamp(9) })
}

/// A card that asks for a PIN.
fn pin() -> Pending {
    let form = json!({"asks": "form", "steps": [{"id": "pin", "prompt": "PIN", "required": true, "kind": {"kind": "text", "secret": true}}]});
    serde_json::from_value(form).expect("a form")
}

fn whisper(by: &str, mark: &str) -> Whisper {
    Whisper { name: format!("{by}-{mark}"), by: by.to_owned(), mark: mark.to_owned() }
}

/// A session in which the agent has asked for a PIN.
fn asked_for_a_pin() -> State {
    let first = asked(&json!({"requestId": "1", "message": {"text": "hi"}}));
    let mut state = session_of(&[Fact::Asked(first), leased(0, 1), opened(0)]);
    state.apply(&answered(0, |given| given.pending = pin()));
    state.apply(&settled(0, 1, Settlement::Done));
    state
}

#[test]
fn every_action_is_known_by_what_it_asks_for() {
    for (body, what) in [
        (json!({"message": {"text": "hi"}}), What::Say),
        (json!({"message": {"attachment": {"url": "https://example.com"}}}), What::Say),
        (json!({"message": {"text": " "}}), What::Nothing),
        (json!({"message": null, "contextVariables": {"a": 1}}), What::Note),
        (json!({"silentMessage": "true"}), What::Note),
        (json!({"action": "START_CONVERSATION"}), What::Start),
        (json!({"action": "create_conversation"}), What::Create),
        (json!({"action": "START_CREATED_CONVERSATION"}), What::StartCreated),
        (json!({"action": "AGENT", "message": {"text": "x"}}), What::Agent),
        (
            json!({"action": "SWITCH", "topic": {"name": "VPN"}}),
            What::SwitchTopicName { name: "VPN".to_owned() },
        ),
        (json!({"action": "SWITCH", "intent": {"id": "i"}}), What::SwitchIntentId { id: "i".to_owned() }),
        (json!({"action": "END_CONVERSATION", "message": {"text": "bye"}}), What::End),
        (json!({"action": "FAULT_CONVERSATION", "cause": "X"}), What::Fault),
        (json!({"action": "SEND_HISTORY"}), What::Note),
        (json!({"action": "SET_USER_TIMEZONE", "timezone": "Asia/Kolkata"}), What::Note),
        (json!({"action": "NEW", "message": {"text": "hi"}}), What::Say),
        (json!({}), What::Note),
    ] {
        assert_eq!(asked(&body).what, what, "{body}");
    }
}

#[test]
fn a_repeat_is_known_by_its_id_and_by_asking_for_the_same() {
    let first = json!({"requestId": "r", "userId": "u", "message": {"text": "yes"}});
    let state = session_of(&[Fact::Asked(asked(&first))]);
    assert!(matches!(accepted(&state, &first), Accepted::Repeat(0)));
    for other in [
        json!({"requestId": "r2", "userId": "u", "message": {"text": "yes"}}),
        json!({"requestId": "r", "userId": "u", "message": {"text": "no"}}),
        json!({"requestId": "r", "userId": "u", "message": {"text": "yes", "clientMessageId": "2"}}),
        json!({"requestId": "r", "userId": "u", "action": "END_CONVERSATION"}),
        json!({"requestId": "r", "userId": "u", "action": "SET_USER_TIMEZONE", "timezone": "UTC"}),
    ] {
        assert!(matches!(accepted(&state, &other), Accepted::New(_)), "{other}");
    }
    for unnamed in [
        json!({"userId": "u", "message": {"text": "yes"}}),
        json!({"requestId": "u", "userId": "u", "message": {"text": "yes"}}),
    ] {
        let state = session_of(&[Fact::Asked(asked(&unnamed))]);
        assert!(matches!(accepted(&state, &unnamed), Accepted::New(_)), "{unnamed}");
    }
}

#[test]
fn what_is_typed_while_a_secret_is_asked_for_is_stored_nowhere_whatever_it_comes_with() {
    for (what, body) in [
        (What::Say, json!({"requestId": "2", "message": {"text": "4711", "typed": true}})),
        (What::Say, json!({"requestId": "2", "message": "4711"})),
        (What::Say, json!({"requestId": "2", "message": [{"text": "4711"}]})),
        (What::Agent, json!({"requestId": "2", "action": "AGENT", "message": {"text": "4711"}})),
        (What::Start, json!({"requestId": "2", "action": "START_CONVERSATION", "message": {"text": "4711"}})),
        (What::End, json!({"requestId": "2", "action": "END_CONVERSATION", "message": {"text": "4711"}})),
    ] {
        let state = asked_for_a_pin();
        let incoming = incoming(&body);
        let held = incoming.words().map(|_| whisper("a", "m"));
        let asked = asked_of(&state, &held.into_iter().fold(incoming, Incoming::whispered));
        let stored = serde_json::to_string(&Fact::Asked(asked.clone())).expect("JSON");
        assert!(!stored.contains("4711"), "{stored}");
        assert_eq!((&asked.what, asked.whisper.is_some()), (&what, what != What::End), "{body}");
        // While it is worked on, the next words are no less secret.
        let mut state = state;
        state.apply(&Fact::Asked(asked));
        assert!(state.is_secret(), "{body}");
    }
}

#[test]
fn the_key_of_a_secret_tells_nothing_of_its_words() {
    let state = asked_for_a_pin();
    let key = |text: &str| {
        let body = json!({"requestId": "2", "message": {"text": text}});
        asked_of(&state, &incoming(&body).whispered(whisper("a", text))).key
    };
    assert!(key("4711").is_some());
    assert_eq!(key("4711"), key("1234"));
}

#[test]
fn the_answer_to_a_secret_question_is_posted_as_the_cards_value() {
    for action in [Value::Null, json!("AGENT")] {
        let mut state = asked_for_a_pin();
        let mut body = json!({"requestId": "2", "message": {"text": "4711"}});
        if !action.is_null() {
            body["action"] = action;
        }
        let asked = asked_of(&state, &incoming(&body).whispered(whisper("a", "m")));
        state.apply(&Fact::Asked(asked));
        let Some(Post::Activity(fields)) = planned(&state, Some("4711")).posts.pop() else {
            panic!("no post")
        };
        assert_eq!(fields["value"], json!({"pin": "4711"}));
    }
}

#[test]
fn the_same_secret_again_is_known_by_its_id_and_its_words() {
    let say = |id: &str, by: &str, mark: &str| {
        incoming(&json!({"requestId": id, "message": {"text": "4711"}})).whispered(whisper(by, mark))
    };
    let mut state = asked_for_a_pin();
    let first = state.position;
    let mut asked = asked_of(&state, &say("2", "a", "m"));
    asked.at = Timestamp(0);
    state.apply(&Fact::Asked(asked));
    let known = |state: &State, incoming: Incoming, at: i64| match incoming.accept(state, Timestamp(at)) {
        Accepted::Repeat(known) => Some(known),
        Accepted::New(_) => None,
    };
    let answered = |pending: Pending| {
        let mut state = state.clone();
        state.apply(&leased(first, 1));
        state.apply(&answered(first, |given| given.pending = pending.clone()));
        state.apply(&settled(first, 1, Settlement::Done));
        state
    };
    let (over, anew) = (answered(Pending::Nothing), answered(pin()));
    for state in [&state, &over, &anew] {
        assert_eq!(known(state, say("2", "a", "m"), 700), Some(first), "the same request");
        assert_eq!(known(state, say("2", "b", "x"), 700), Some(first), "on another instance");
        assert_eq!(known(state, say("2", "a", "other"), 700), None, "other words under one id");
    }
    assert_eq!(known(&state, say("3", "a", "m"), 700), Some(first), "a double click");
    assert_eq!(known(&over, say("3", "a", "m"), 700), Some(first), "a slow one");
    assert_eq!(known(&over, say("3", "a", "m"), 60_000), None, "said again, and meant");
    assert_eq!(known(&anew, say("3", "a", "m"), 700), None, "asked for once more");
}

#[test]
fn a_secret_whose_words_are_gone_is_asked_for_again() {
    let mut state = asked_for_a_pin();
    let position = state.position;
    let body = json!({"requestId": "2", "message": {"text": "4711"}});
    state.apply(&Fact::Asked(asked_of(&state, &incoming(&body).whispered(whisper("a", "m")))));
    let queued = state.outbox.get(CallId(position, 0)).expect("queued").clone();
    let facts = settle(&state, &queued, &Outcome::GivenUp(Why::WordsGone));
    let [Fact::Answered(given), Fact::Settled(_)] = &facts[..] else { panic!("{facts:?}") };
    let elements = given.body["body"].as_array().expect("elements");
    assert_eq!(elements[0]["actionType"], "EndTypingIndicator");
    assert!(elements[1]["value"].as_str().is_some_and(|text| text.starts_with("Your answer did not")));
    assert_eq!((&elements[2]["label"], &elements[2]["maskType"]), (&json!("PIN"), &json!("SECURE")));
    facts.iter().for_each(|fact| state.apply(fact));
    assert!(state.is_secret() && !state.is_busy());
}

fn settle(state: &State, queued: &Queued<Call>, outcome: &Outcome<Answer>) -> Vec<Fact> {
    let attempt = queued.lease.as_ref().map(|lease| lease.attempt);
    let how = match outcome {
        Outcome::Done(_) => Settlement::Done,
        Outcome::Retry { at, uncertain } => Settlement::Retry { at: *at, uncertain: *uncertain },
        Outcome::GivenUp(_) => Settlement::Dropped,
    };
    let settled = Settled { call: queued.id, attempt, outcome: how, at: Timestamp(9) };
    Dialogue::default().settle(state, queued, settled, outcome, Timestamp(9))
}

#[test]
fn an_answer_and_the_settlement_of_its_request_are_stored_together() {
    let say = asked(&json!({"requestId": "1", "message": {"text": "hi"}}));
    let mut state = session_of(&[Fact::Asked(say), leased(0, 1)]);
    let queued = state.outbox.get(CallId(0, 0)).expect("queued").clone();
    let contents = Contents { completed: true, ..Contents::default() };
    let answer = Answer { contents, over: true, ..Answer::default() };
    let facts = settle(&state, &queued, &Outcome::Done(Some(answer)));
    assert!(matches!(&facts[..], [Fact::Answered(_), Fact::Settled(_)]));
    assert_eq!(Dialogue::opens_or_closes(&state, &facts), None, "the answer is still to be sent");
    facts.iter().for_each(|fact| state.apply(fact));
    assert!(state.answer(0).is_some() && !state.is_busy() && state.is_open());
    let sent = settled(2, 1, Settlement::Done);
    state.apply(&leased(2, 1));
    assert_eq!(Dialogue::opens_or_closes(&state, &[sent]), Some(false));
    // What is tried again is not answered yet.
    let again = Outcome::Retry { at: Timestamp(99), uncertain: false };
    assert_eq!(settle(&state, &queued, &again).len(), 1);
}

#[test]
fn what_is_only_to_be_known_is_answered_though_the_agent_is_out_of_reach() {
    let note = asked(&json!({"requestId": "1", "action": "SET_USER_TIMEZONE", "timezone": "UTC"}));
    let state = session_of(&[Fact::Asked(note)]);
    let queued = state.outbox.get(CallId(0, 0)).expect("queued").clone();
    let facts = settle(&state, &queued, &Outcome::GivenUp(Why::Unreachable));
    let Some(Fact::Answered(given)) = facts.first() else { panic!("{facts:?}") };
    assert_eq!((given.over, &given.body["body"]), (false, &json!([])));
}

#[test]
fn an_answer_repeats_what_the_primary_bot_sent_without_its_keys() {
    let body = json!({"requestId": "r", "nowBotId": "b", "appInboundId": "a", "token": "secret",
        "message": {"text": "x", "attachment": [{"url": "u", "headers": {"Authorization": "key"}}]}, "clientVariables": {"n": 1}});
    let asked = asked(&body);
    let contents = Contents {
        take_control: true,
        handoff: Some(Map::from_iter([("Topic".to_owned(), json!("vpn"))])),
        ..Contents::default()
    };
    assert_eq!(
        envelope(&asked.echo, contents),
        json!({"requestId": "r", "nowBotId": "b", "appInboundId": "a", "body": [], "takeControl": true,
            "message": {"text": "x", "attachment": [{"url": "u"}]}, "clientVariables": {"n": 1, "handoff": {"Topic": "vpn"}}})
    );
}

#[test]
fn a_session_has_one_journal_whatever_its_id_looks_like() {
    let of = |body: Value| session(&request(&body).0).to_string();
    assert_eq!(of(json!({"clientSessionId": "s 1", "userId": "u"})), "s:s 1");
    let odd = [
        json!({"clientSessionId": "a/b"}),
        json!({"clientSessionId": "x".repeat(500)}),
        json!({"userId": "ada@example.com"}),
        json!({}),
    ];
    let names: Vec<String> = odd.into_iter().map(of).collect();
    assert!(names.iter().all(|name| name.len() < 50 && !name.contains("ada")), "{names:?}");
    assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), 4);
    assert!(Fact::REALM.contains('/'));
}

#[test]
fn a_plan_is_the_same_before_and_after_a_crash() {
    let start = asked(
        &json!({"requestId": "1", "action": "START_CONVERSATION", "contextVariables": {"A": 1}, "message": {"text": "hi"}}),
    );
    let mut state = session_of(&[Fact::Asked(start), leased(0, 1)]);
    assert_eq!(planned(&state, None).open, Some(true));
    state.apply(&opened(0));
    let before = planned(&state, None);
    assert_eq!((before.posts.len(), before.listen), (3, Listen::Fully));
    for fact in [
        Fact::Posting { request: 0, ordinal: 0, at: Timestamp(2) },
        Fact::Posted { request: 0, ordinal: 0, at: Timestamp(3) },
        Fact::Posting { request: 0, ordinal: 1, at: Timestamp(4) },
        leased(0, 2),
    ] {
        state.apply(&fact);
    }
    assert_eq!(planned(&state, None), before);
    assert_eq!((state.progress.posted, state.progress.posting), (1, Some(1)));
    // What surely was not taken is in no doubt, what may have been is.
    let mut not_taken = state.clone();
    not_taken.apply(&settled(0, 2, Settlement::Retry { at: Timestamp(5), uncertain: false }));
    assert_eq!(not_taken.progress.posting, None);
    state.apply(&settled(0, 2, Settlement::Retry { at: Timestamp(5), uncertain: true }));
    assert_eq!(state.progress.posting, Some(1));
    // A conversation that was lost begins anew.
    state.apply(&opened(0));
    assert_eq!((state.progress.posted, state.progress.posting), (0, None));
    state.apply(&answered(0, |_| {}));
    state.apply(&settled(0, 2, Settlement::Done));
    assert!(state.answer(0).is_some());
    let agent = state.agent.as_ref().expect("an agent");
    assert_eq!((agent.told, agent.watermark.as_deref()), (true, Some("5")));
}

#[test]
fn an_end_asks_for_no_conversation() {
    let state = session_of(&[Fact::Asked(asked(&json!({"action": "END_CONVERSATION"})))]);
    let planned = planned(&state, None);
    assert_eq!((planned.open, planned.posts.len(), planned.end), (None, 0, Some(End::Completed)));
}

#[test]
fn a_step_counts_only_from_who_holds_the_lease() {
    let say = asked(&json!({"requestId": "1", "message": {"text": "hi"}}));
    let state = session_of(&[Fact::Asked(say), leased(0, 1), opened(0), leased(0, 2)]);
    let step = |attempt, step| {
        let command = Command::Step { of: (CallId(0, 0), attempt), step };
        Dialogue::default().decide(&state, &command, Timestamp(1))
    };
    for late in [Step::Posting(0), Step::Posted(0)] {
        assert!(matches!(step(1, late.clone()), Decided::TooLate));
        assert!(matches!(step(2, late), Decided::Facts(facts) if facts.len() == 1));
    }
    let renewed = |conversation: &str, by| {
        let (conversation, authorization) = (conversation.to_owned(), "Bearer t".to_owned());
        let command = Command::Renewed { conversation, by, authorization, until: Timestamp(9) };
        Dialogue::default().decide(&state, &command, Timestamp(1))
    };
    assert!(matches!(renewed("dl", Some((CallId(0, 0), 1))), Decided::TooLate));
    assert!(matches!(renewed("another", None), Decided::TooLate));
    assert!(matches!(renewed("dl", None), Decided::Facts(_)));
}

#[test]
fn what_the_agent_says_unasked_is_stored_once_and_never_into_a_request() {
    let say = asked(&json!({"requestId": "1", "message": {"text": "hi"}}));
    let mut state = session_of(&[Fact::Asked(say), leased(0, 1), opened(0)]);
    let overheard = |state: &State, agent| {
        let contents = Contents { elements: vec![json!({"value": "by the way"})], ..Contents::default() };
        let watermark = Some("7".to_owned());
        let heard = Overheard { agent, contents, watermark, pending: Pending::Nothing };
        let command = Command::Overheard(Box::new(heard));
        Dialogue::default().decide(state, &command, Timestamp(1))
    };
    let agent = state.agent.clone().expect("an agent");
    assert!(matches!(overheard(&state, agent), Decided::TooLate), "somebody works here");
    state.apply(&answered(0, |_| {}));
    state.apply(&settled(0, 1, Settlement::Done));
    let agent = state.agent.clone().expect("an agent");
    let Decided::Facts(facts) = overheard(&state, agent.clone()) else { panic!("not stored") };
    facts.iter().for_each(|fact| state.apply(fact));
    assert!(matches!(overheard(&state, agent), Decided::TooLate), "by another instance");
    assert_eq!(state.outbox.lane(Lane::Second).count(), 1);
}

#[test]
fn an_idle_session_ends_unless_somebody_has_spoken_meanwhile() {
    let state = asked_for_a_pin();
    let idle = |state: &State, now| {
        Dialogue::default().decide(state, &Command::Idle { now: Timestamp(now) }, Timestamp(0))
    };
    assert!(matches!(idle(&state, 3_600_000), Decided::Nothing));
    let Decided::Facts(facts) = idle(&state, 3_600_010) else { panic!("not ended") };
    let mut ended = state.clone();
    facts.iter().for_each(|fact| ended.apply(fact));
    assert!(ended.agent.is_none() && !ended.is_secret());
    let mut asked_more = state;
    asked_more.apply(&Fact::Asked(asked(&json!({"requestId": "2", "message": {"text": "hi"}}))));
    assert!(matches!(idle(&asked_more, 9_000_000), Decided::Nothing));
}
