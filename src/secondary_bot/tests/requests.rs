use super::*;
use crate::secondary_bot::converse::Heard;

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
            What::Switch { to: json!({"topicName": "VPN"}) },
        ),
        (json!({"action": "SWITCH", "intent": {"id": "i"}}), What::Switch { to: json!({"intentId": "i"}) }),
        (json!({"action": "END_CONVERSATION", "message": {"text": "bye"}}), What::End),
        (json!({"action": "FAULT_CONVERSATION", "cause": "X"}), What::Fault),
        (json!({"action": "SEND_HISTORY"}), What::Note),
        (json!({"action": "SET_USER_TIMEZONE", "timezone": "Asia/Kolkata"}), What::Note),
        (json!({"action": "NEW", "message": {"text": "hi"}}), What::Say),
        (json!({}), What::Nothing),
        (json!({"userId": "u", "message": null}), What::Nothing),
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
fn an_answer_repeats_what_the_primary_bot_sent_without_its_keys() {
    let body = json!({"requestId": "r", "nowBotId": "b", "appInboundId": "a", "token": "secret",
        "message": [{"text": "x", "attachment": [{"url": "u", "headers": {"Authorization": "key"}}]}], "clientVariables": {"n": 1}});
    let asked = asked(&body);
    let handoff = Some(Map::from_iter([("Topic".to_owned(), json!("vpn"))]));
    assert_eq!(
        Answer { take_control: true, handoff, ..Answer::default() }.envelope(&asked.echo),
        json!({"requestId": "r", "nowBotId": "b", "appInboundId": "a", "body": [], "takeControl": true,
            "message": [{"text": "x", "attachment": [{"url": "u"}]}], "clientVariables": {"n": 1, "handoff": {"Topic": "vpn"}}})
    );
}

#[test]
fn a_session_has_one_journal_whatever_its_id_looks_like() {
    let of = |body: Value| session(&request(&body).0).to_string();
    assert_eq!(of(json!({"clientSessionId": "s 1"})), "s:s 1");
    let odd = [
        json!({"clientSessionId": "s", "userId": "ada@example.com"}),
        json!({"clientSessionId": "s", "userId": "u"}),
        json!({"clientSessionId": "a/b"}),
        json!({"clientSessionId": "x".repeat(500)}),
        json!({"userId": "ada@example.com"}),
        json!({}),
    ];
    let names: Vec<String> = odd.into_iter().map(of).collect();
    assert!(names.iter().all(|name| name.len() < 50 && !name.contains("ada")), "{names:?}");
    assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), 6);
    let named = json!({"clientSessionId": "s", "userId": "u", "appInboundId": "a"});
    assert_eq!(of(named), of(json!({"clientSessionId": "s", "userId": "u"})), "only a start names it");
    assert!(Fact::REALM.contains('/'));
}

#[test]
fn what_comes_with_the_answer_to_one_question_of_several_is_told_or_told_of() {
    let question = |id: &str| json!({"id": id, "prompt": id, "required": false, "kind": {"kind": "text", "secret": false}});
    let form = json!({"asks": "form", "steps": [question("size"), question("colour")]});
    let pending: Pending = serde_json::from_value(form).expect("a form");
    let first = asked(&json!({"requestId": "1", "message": {"text": "hi"}}));
    let mut state = session_of(&[Fact::Asked(first), leased(0, 1), opened(0)]);
    state.apply(&answered(0, |given| given.pending = pending.clone()));
    state.apply(&settled(0, 1, Settlement::Done));
    let body = json!({"requestId": "2", "contextVariables": {"Site": "Oslo"}, "message": {"text": "XL", "attachment": [
        {"url": "https://example.com/a.png", "fileName": "a.png", "contentType": "image/png"}]}});
    state.apply(&Fact::Asked(asked(&body)));
    let plan = planned(&state, None);
    let [told] = &plan.posts[..] else { panic!("{plan:?}") };
    assert_eq!(told.fields["value"], json!({"Site": "Oslo"}), "the answer itself waits for the last one");
    let said: Vec<_> = plan.answer.elements.iter().map(Value::to_string).collect();
    assert!(said[0].contains("a.png") && said[1].contains("colour"), "{said:?}");
}

#[test]
fn a_card_that_waits_is_asked_behind_what_the_agent_says_to_the_one_before_it() {
    let question = |id: &str| json!({"id": id, "prompt": id, "required": true, "kind": {"kind": "text", "secret": false}});
    let then = json!([{"steps": [question("mail")]}]);
    let form = json!({"asks": "form", "steps": [question("name")], "then": then});
    let mut state = asked_for_a_pin();
    state.pending = serde_json::from_value(form).expect("a form");
    let say = |mut state: State, message: Value| {
        state.apply(&Fact::Asked(asked(&json!({"requestId": "2", "message": message}))));
        planned(&state, None)
    };
    let file = json!([{"url": "https://example.com/a.png", "fileName": "a.png", "contentType": "image/png"}]);
    let alone = say(state.clone(), json!({"attachment": file}));
    assert_eq!(
        (alone.posts.len(), &alone.answer.pending),
        (0, &Some(state.pending.clone())),
        "a file is no name"
    );
    let plan = || say(state.clone(), json!({"text": "Ada"}));
    let activity = |value: Value| serde_json::from_value(value).expect("an activity");
    let heard = |activities| {
        let mut heard = Heard::default();
        heard.activities = activities;
        heard
    };
    let thanks = vec![activity(json!({"type": "message", "text": "Thanks"}))];
    let answer = Answer::of("s", plan(), heard(thanks), &[], &Words::default());
    let [said, asked] = &answer.elements[..] else { panic!("{answer:?}") };
    assert_eq!((&said["value"], &asked["label"]), (&json!("Thanks"), &json!("mail")));
    assert!(answer.pending.is_some_and(|pending| pending.form().is_some()));
    let bye = vec![activity(json!({"type": "endOfConversation"}))];
    let over = Answer::of("s", plan(), heard(bye), &[], &Words::default());
    assert_eq!((over.elements.len(), over.pending), (0, Some(Pending::Nothing)));
}
