use serde_json::{Map, Value, json};

use super::{
    ask::{Accepted, accept, session},
    envelope::{Contents, envelope},
    fact::{Answered, Asked, Fact, Outcome, What},
    plan::{End, Listen, Post, plan},
    state::{CLAIM_MILLIS, Claim, State},
};
use crate::{
    domain::Timestamp, journal::Stored, translate::secondary_bot::Pending,
    wire::virtual_agent::request::Request,
};

fn request(body: &Value) -> (Request, Map<String, Value>) {
    let request = Request::parse(body.to_string().as_bytes()).expect("a request");
    (request, body.as_object().expect("an object").clone())
}

fn accepted(state: &State, body: &Value) -> Accepted {
    let (request, fields) = request(body);
    accept(state, request, &fields, true, Timestamp(7))
}

fn asked(body: &Value) -> Box<Asked> {
    match accepted(&State::default(), body) {
        Accepted::New { asked, secret: None } => asked,
        other => panic!("{other:?}"),
    }
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

#[test]
fn every_action_is_known_by_what_it_asks_for() {
    for (body, what) in [
        (json!({"message": {"text": "hi"}}), What::Say),
        (json!({"message": {"attachment": {"url": "https://example.com"}}}), What::Say),
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
    let state = State::of(&[Fact::Asked(asked(&first))]);
    assert!(matches!(accepted(&state, &first), Accepted::Repeat(0)));
    for other in [
        json!({"requestId": "r2", "userId": "u", "message": {"text": "yes"}}),
        json!({"requestId": "r", "userId": "u", "message": {"text": "no"}}),
        json!({"requestId": "r", "userId": "u", "message": {"text": "yes", "clientMessageId": "2"}}),
        json!({"requestId": "r", "userId": "u", "action": "END_CONVERSATION"}),
        json!({"requestId": "r", "userId": "u", "action": "SET_USER_TIMEZONE", "timezone": "UTC"}),
    ] {
        assert!(matches!(accepted(&state, &other), Accepted::New { .. }), "{other}");
    }
    for unnamed in [
        json!({"userId": "u", "message": {"text": "yes"}}),
        json!({"requestId": "u", "userId": "u", "message": {"text": "yes"}}),
    ] {
        let state = State::of(&[Fact::Asked(asked(&unnamed))]);
        assert!(matches!(accepted(&state, &unnamed), Accepted::New { .. }), "{unnamed}");
    }
}

#[test]
fn what_is_asked_in_secret_is_kept_apart() {
    let form = json!({"asks": "form", "steps": [{"id": "pin", "prompt": "PIN", "required": true, "kind": {"kind": "text", "secret": true}}]});
    let pending: Pending = serde_json::from_value(form).expect("a form");
    let first = asked(&json!({"requestId": "1", "message": {"text": "hi"}}));
    let state =
        State::of(&[Fact::Asked(first), opened(0), answered(0, |given| given.pending = pending.clone())]);
    let Accepted::New { asked, secret } =
        accepted(&state, &json!({"requestId": "2", "message": {"text": "4711"}}))
    else {
        panic!("no news")
    };
    assert_eq!(secret.as_deref(), Some("4711"));
    let stored = serde_json::to_string(&Fact::Asked(asked.clone())).expect("JSON");
    assert!(!stored.contains("4711"), "{stored}");
    let mut state = state;
    state.apply(&Fact::Asked(asked));
    let queued = state.queue.front().cloned().expect("queued");
    let Some(Post::Activity(fields)) = plan(&state, &queued, Some("4711")).posts.pop() else {
        panic!("no post")
    };
    assert_eq!(fields["value"], json!({"pin": "4711"}));
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
    let mut state = State::of(&[Fact::Asked(start)]);
    let queued = state.queue.front().cloned().expect("queued");
    assert_eq!(plan(&state, &queued, None).open, Some(true));
    state.apply(&opened(0));
    let before = plan(&state, &queued, None);
    assert_eq!((before.posts.len(), before.listen), (3, Listen::Fully));
    for fact in [
        Fact::Posting { request: 0, ordinal: 0, by: "a".to_owned(), at: Timestamp(2) },
        Fact::Posted { request: 0, ordinal: 0, at: Timestamp(3) },
        Fact::Posting { request: 0, ordinal: 1, by: "a".to_owned(), at: Timestamp(4) },
        Fact::Taken { request: 0, by: "b".to_owned(), at: Timestamp(9_000) },
    ] {
        state.apply(&fact);
    }
    assert_eq!(plan(&state, &queued, None), before);
    assert_eq!((state.progress.posted, state.progress.posting), (1, Some(1)));
    // A conversation that was lost begins anew.
    state.apply(&opened(0));
    assert_eq!((state.progress.posted, state.progress.posting), (0, None));
    state.apply(&answered(0, |_| {}));
    assert!(state.queue.is_empty() && state.answer(0).is_some());
    let agent = state.agent.as_ref().expect("an agent");
    assert_eq!((agent.told, agent.watermark.as_deref()), (true, Some("5")));
}

#[test]
fn an_end_asks_for_no_conversation() {
    let end = asked(&json!({"action": "END_CONVERSATION"}));
    let state = State::of(&[Fact::Asked(end)]);
    let planned = plan(&state, &state.queue[0], None);
    assert_eq!((planned.open, planned.posts.len(), planned.end), (None, 0, Some(End::Completed)));
}

#[test]
fn a_claim_keeps_others_out_for_a_while() {
    let claim = Claim { by: "a".to_owned(), at: Timestamp(0) };
    assert_eq!(claim.keeps_out("a", Timestamp(1)), None);
    assert_eq!(claim.keeps_out("b", Timestamp(1)), Some(Timestamp(CLAIM_MILLIS)));
    assert_eq!(claim.keeps_out("b", Timestamp(CLAIM_MILLIS)), None);
}

#[test]
fn an_answer_leaves_the_outbox_when_it_is_settled() {
    let first = asked(&json!({"message": {"text": "hi"}}));
    let mut state = State::of(&[Fact::Asked(first), opened(0), answered(0, |given| given.deliver = true)]);
    assert!(state.is_open());
    state.apply(&Fact::Sending { answer: 2, attempt: 1, by: "a".to_owned(), at: Timestamp(10) });
    let put_off = Outcome::PutOff { until: Timestamp(99) };
    state.apply(&Fact::Sent { answer: 2, outcome: put_off, at: Timestamp(11) });
    let waiting = &state.outbox[0];
    assert_eq!(
        (waiting.attempts, waiting.not_before, waiting.first_try),
        (1, Timestamp(99), Some(Timestamp(10)))
    );
    state.apply(&Fact::Sent { answer: 2, outcome: Outcome::Done, at: Timestamp(100) });
    assert!(state.outbox.is_empty() && state.is_open());
    state.apply(&answered(0, |given| given.over = true));
    assert!(!state.is_open());
}

#[test]
fn every_fact_is_read_as_it_was_written() {
    let first = asked(&json!({"requestId": "r", "userId": "u", "message": {"text": "hi"}}));
    for fact in [
        Fact::Asked(first),
        Fact::Taken { request: 0, by: "a".to_owned(), at: Timestamp(1) },
        opened(0),
        Fact::Renewed { authorization: "Bearer t".to_owned(), until: Timestamp(5) },
        Fact::Posting { request: 0, ordinal: 1, by: "a".to_owned(), at: Timestamp(2) },
        Fact::Posted { request: 0, ordinal: 1, at: Timestamp(3) },
        answered(0, |given| given.over = true),
        Fact::Sending { answer: 2, attempt: 1, by: "a".to_owned(), at: Timestamp(4) },
        Fact::Sent { answer: 2, outcome: Outcome::GaveUp, at: Timestamp(5) },
    ] {
        let stored = serde_json::to_string(&fact).expect("JSON");
        assert_eq!(serde_json::from_str::<Fact>(&stored).expect("a fact"), fact, "{stored}");
    }
}

#[test]
fn facts_of_version_1_are_read_for_ever() {
    for stored in [
        r#"{"fact":"asked","key":"k","what":{"what":"say"},"user":"ada","text":"hi","echo":{"requestId":"r"},"at":7}"#,
        r#"{"fact":"asked","what":{"what":"switch_topic_id","id":"t"},"user":"ada","secret":true,"files":[{"name":"a","media_type":"b","url":"c"}],"context":{"A":1},"locale":"de","timezone":"UTC","silent":true,"echo":{},"asynchronous":true,"at":7}"#,
        r#"{"fact":"taken","request":0,"by":"a","at":1}"#,
        r#"{"fact":"opened","request":0,"conversation":"dl","authorization":"Bearer t","until":5,"at":1}"#,
        r#"{"fact":"renewed","authorization":"Bearer t","until":5}"#,
        r#"{"fact":"posting","request":0,"ordinal":1,"by":"a","at":2}"#,
        r#"{"fact":"posted","request":0,"ordinal":1,"at":3}"#,
        r#"{"fact":"answered","request":0,"body":{"body":[]},"watermark":"5","pending":{"asks":"choices","choices":[{"label":"A","value":"a","reply":{"reply":"text","text":"a"}},{"label":"B","value":"b","reply":{"reply":"value","value":{"n":1}}}]},"deliver":true,"at":9}"#,
        r#"{"fact":"answered","body":{},"pending":{"asks":"form","steps":[{"id":"x","prompt":"X","required":false,"kind":{"kind":"choice","options":[["A","a"]],"several":true}},{"id":"y","prompt":"Y","required":true,"kind":{"kind":"toggle","on":"1","off":"0"}}],"answers":{"z":"1"},"submits":[]},"over":true,"at":9}"#,
        r#"{"fact":"sending","answer":2,"attempt":1,"by":"a","at":4}"#,
        r#"{"fact":"sent","answer":2,"outcome":{"outcome":"put_off","until":9},"at":5}"#,
        r#"{"fact":"sent","answer":2,"outcome":{"outcome":"gave_up"},"at":5}"#,
    ] {
        assert!(serde_json::from_str::<Fact>(stored).is_ok(), "{stored}");
    }
}
