use serde_json::{Map, Value, json};

use super::{
    answer::Answer,
    ask::{Accepted, Incoming, session},
    fact::{Answered, Asked, Fact, What},
    machine::{Command, Dialogue},
    plan::{Listen, Post, plan},
    state::{Call, State, WORK},
};
use crate::{
    domain::{ConversationId, Timestamp},
    ledger::{
        CallId, Decided, Lane, Lease, Machine as _, Marks, Outcome, Queued, Settled, Settlement, Stored as _,
        Whisper, Why,
    },
    translate::{
        secondary_bot::{Pending, answer::Typed},
        texts::{Texts, Words},
    },
    wire::virtual_agent::request::Request,
};

mod agents;
mod doubt;
mod heard;
mod instances;
mod requests;
mod secrets;
mod stored;

fn request(body: &Value) -> (Request, Map<String, Value>) {
    let request = Request::parse(body.to_string().as_bytes()).expect("a request");
    (request, body.as_object().expect("an object").clone())
}

fn incoming(body: &Value) -> Incoming {
    let (request, fields) = request(body);
    Incoming::read(request, &fields, true, None, &Texts::default())
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
fn head(state: &State) -> Asked {
    let queued = state.outbox.lane(WORK).next().expect("a request");
    let Call::Work(asked) = &queued.call else { panic!("an answer among the requests") };
    (**asked).clone()
}

fn planned(state: &State, secret: Option<&str>) -> super::plan::Plan {
    let asked = head(state);
    let name = asked.whisper.as_ref().map(|whisper| &*whisper.name);
    let typed = Typed { text: secret.unwrap_or(&asked.text), name, held: &[] };
    plan(state, &asked, typed, &Words::default())
}

fn opened(request: u64) -> Fact {
    Fact::Opened {
        request,
        conversation: "dl".to_owned(),
        agent: None,
        authorization: None,
        renew_at: None,
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

fn marks() -> Marks {
    Marks::new([7; 32])
}

/// A session in which the agent has asked for a PIN.
fn asked_for_a_pin() -> State {
    let first = asked(&json!({"requestId": "1", "message": {"text": "hi"}}));
    let mut state = session_of(&[Fact::Asked(first), leased(0, 1), opened(0)]);
    state.apply(&answered(0, |given| given.pending = pin()));
    state.apply(&settled(0, 1, Settlement::Done));
    state
}

fn settle(state: &State, queued: &Queued<Call>, outcome: &Outcome<Answer>) -> Vec<Fact> {
    let attempt = queued.lease.as_ref().map(|lease| lease.attempt);
    let how = match outcome {
        Outcome::Done(_) => Settlement::Done,
        Outcome::Retry { at, uncertain } => Settlement::Retry { at: *at, uncertain: *uncertain },
        Outcome::GivenUp(_) => Settlement::Dropped,
    };
    let settled = Settled { call: queued.id, attempt, outcome: how, at: Timestamp(9) };
    Dialogue::default().settle(state, queued, settled, outcome)
}

#[test]
fn an_answer_and_the_settlement_of_its_request_are_stored_together() {
    let say = asked(&json!({"requestId": "1", "message": {"text": "hi"}}));
    let mut state = session_of(&[Fact::Asked(say), leased(0, 1)]);
    let queued = state.outbox.get(CallId(0, 0)).expect("queued").clone();
    let answer = Answer { completed: true, over: true, ..Answer::default() };
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
        Fact::Posting { ordinal: 0, at: Timestamp(2) },
        Fact::Posted { ordinal: 0, untold: false, at: Timestamp(3) },
        Fact::Posting { ordinal: 1, at: Timestamp(4) },
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
fn a_file_that_comes_with_an_action_goes_before_it_and_one_without_an_address_is_told_of() {
    let files = json!({"text": "", "attachment": [
        {"url": "https://example.com/a.png", "fileName": "a.png", "contentType": "image/png"}, {"fileName": "b.png"}]});
    for (action, at) in [("AGENT", 0), ("START_CONVERSATION", 1)] {
        let body = json!({"requestId": "1", "action": action, "message": files});
        let state = session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]);
        let plan = planned(&state, None);
        assert!(matches!(&plan.posts[at], Post { files, .. } if files.len() == 1), "{plan:?}");
        assert_eq!(
            (plan.posts.len(), plan.answer.elements.len(), plan.listen),
            (2, 1, Listen::Fully),
            "{plan:?}"
        );
    }
}

#[test]
fn an_end_asks_for_no_conversation() {
    let state = session_of(&[Fact::Asked(asked(&json!({"action": "END_CONVERSATION"})))]);
    let planned = planned(&state, None);
    assert_eq!((planned.open, planned.posts.len(), planned.answer.completed), (None, 0, true));
}

#[test]
fn a_step_counts_only_from_who_holds_the_lease() {
    let say = asked(&json!({"requestId": "1", "message": {"text": "hi"}}));
    let state = session_of(&[Fact::Asked(say), leased(0, 1), opened(0), leased(0, 2)]);
    let at = Timestamp(1);
    let step = |attempt, fact| {
        Dialogue::default().decide(&state, &Command::Step { of: (CallId(0, 0), attempt), fact }, at)
    };
    for late in [Fact::Posting { ordinal: 0, at }, Fact::Posted { ordinal: 0, untold: false, at }] {
        assert!(matches!(step(1, late.clone()), Decided::TooLate));
        assert!(matches!(step(2, late), Decided::Facts(facts) if facts.len() == 1));
    }
    let renewed = |conversation: &str| {
        let (conversation, authorization) = (conversation.to_owned(), "Bearer t".to_owned());
        let command = Command::Renewed { conversation, authorization, renew_at: Timestamp(9) };
        Dialogue::default().decide(&state, &command, at)
    };
    assert!(matches!(renewed("another"), Decided::TooLate));
    assert!(matches!(renewed("dl"), Decided::Facts(_)));
}

#[test]
fn what_the_agent_says_unasked_is_stored_once_and_never_into_a_request() {
    let say = asked(&json!({"requestId": "1", "message": {"text": "hi"}}));
    let mut state = session_of(&[Fact::Asked(say), leased(0, 1), opened(0)]);
    let behind = |state: &State, agent, pending| {
        let (elements, watermark) = (vec![json!({"value": "by the way"})], Some("7".to_owned()));
        let answer = Box::new(Answer { elements, watermark, ..Answer::default() });
        let command = Command::Overheard { agent, pending: Box::new(pending), answer };
        Dialogue::default().decide(state, &command, Timestamp(1))
    };
    let overheard = |state: &State, agent| behind(state, agent, Pending::Nothing);
    let agent = state.agent.clone().expect("an agent");
    assert!(matches!(overheard(&state, agent), Decided::TooLate), "somebody works here");
    state.apply(&answered(0, |_| {}));
    state.apply(&settled(0, 1, Settlement::Done));
    let agent = state.agent.clone().expect("an agent");
    assert!(matches!(behind(&state, agent.clone(), pin()), Decided::TooLate), "something else is asked now");
    let Decided::Facts(facts) = overheard(&state, agent.clone()) else { panic!("not stored") };
    let named = state.unasked();
    facts.iter().for_each(|fact| state.apply(fact));
    assert_ne!(state.unasked(), named, "what comes next without an id is another message");
    assert!(matches!(overheard(&state, agent), Decided::TooLate), "by another instance");
    assert_eq!(state.outbox.lane(Lane::Second).count(), 1);
}

#[test]
fn an_idle_session_ends_unless_somebody_has_spoken_meanwhile() {
    let state = asked_for_a_pin();
    let idle = |state: &State, now| {
        Dialogue::default().decide(state, &Command::Idle { now: Timestamp(now), tells: true }, Timestamp(0))
    };
    assert!(matches!(idle(&state, 3_600_000), Decided::Nothing));
    let Decided::Facts(facts) = idle(&state, 3_600_010) else { panic!("not ended") };
    let mut ended = state.clone();
    facts.iter().for_each(|fact| ended.apply(fact));
    assert!(ended.agent.is_none() && ended.is_secret(), "what is typed next may be the PIN");
    let mut asked_more = state;
    asked_more.apply(&Fact::Asked(asked(&json!({"requestId": "2", "message": {"text": "hi"}}))));
    assert!(matches!(idle(&asked_more, 9_000_000), Decided::Nothing));
}
