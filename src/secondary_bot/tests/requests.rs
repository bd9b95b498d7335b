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
    let file = |id: &str, name: &str, url: &str| {
        let file = json!({"clientAttachmentId": id, "fileName": name, "url": url, "headers": {"Authorization": "a"}});
        json!({"requestId": "r", "userId": "u", "message": {"text": "", "attachment": [file]}})
    };
    let state = session_of(&[Fact::Asked(asked(&file("1", "a.pdf", "https://example.com/a")))]);
    let mut again = file("1", "a.pdf", "https://example.com/a");
    again["message"]["attachment"][0]["headers"] = json!({"Authorization": "b"});
    assert!(matches!(accepted(&state, &again), Accepted::Repeat(0)), "another credential for the same file");
    for other in [
        file("2", "a.pdf", "https://example.com/a"),
        file("1", "b.pdf", "https://example.com/a"),
        file("1", "a.pdf", "https://example.com/b"),
        json!({"requestId": "r", "userId": "u", "message": {"text": ""}}),
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
        "message": [{"text": "x", "attachment": [{"url": "u", "headers": {"Authorization": "key"}, "header": "key", "Headers": ["key"]}]}],
        "clientVariables": {"n": 1}});
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
    assert_eq!(of(json!({"clientSessionId": "s-1~x"})), "s:s-1~x");
    let odd = [
        json!({"clientSessionId": "ada@example.com", "userId": "u"}),
        json!({"clientSessionId": "ada lovelace"}),
        json!({"clientSessionId": "ada", "userId": "ada"}),
        json!({"clientSessionId": "s", "userId": "ada@example.com"}),
        json!({"clientSessionId": "s", "userId": "u"}),
        json!({"clientSessionId": "a/b"}),
        json!({"clientSessionId": "x".repeat(500)}),
        json!({"userId": "ada@example.com"}),
        json!({}),
    ];
    let names: Vec<String> = odd.into_iter().map(of).collect();
    assert!(names.iter().all(|name| name.len() < 50 && !name.contains("ada")), "{names:?}");
    assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), 9);
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

#[test]
fn what_is_said_beside_an_action_is_told_with_its_files() {
    let file = json!({"url": "https://example.com/a.png", "fileName": "a.png", "contentType": "image/png"});
    let message = json!({"text": "my printer burns", "attachment": [file, {"fileName": "b.png"}]});
    for (body, action) in [
        (json!({"action": "START_CREATED_CONVERSATION"}), "startConversation"),
        (json!({"action": "SWITCH", "topic": "Printers"}), "servicenow.switch"),
    ] {
        let mut body = body;
        body["requestId"] = json!("1");
        let silent = session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]);
        assert_eq!(planned(&silent, None).posts.len(), 1, "{body}");
        body["message"] = message.clone();
        let plan = planned(&session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]), None);
        let [event, words] = &plan.posts[..] else { panic!("{plan:?}") };
        assert_eq!(
            (&event.fields["name"], &words.fields["text"]),
            (&json!(action), &json!("my printer burns"))
        );
        assert_eq!((words.files.len(), plan.listen), (1, Listen::Fully));
        assert!(plan.answer.elements[0].to_string().contains("b.png"), "{plan:?}");
    }
}

#[test]
fn what_is_longer_than_an_activity_is_told_of_whatever_it_comes_with() {
    for action in [json!(null), json!("AGENT"), json!("START_CONVERSATION")] {
        let body = json!({"requestId": "1", "action": action, "message": {"text": "x".repeat(250_000)}});
        let plan = planned(&session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]), None);
        assert_eq!((plan.posts.len(), plan.unanswered), (0, None), "{action}");
        assert!(plan.answer.elements[0].to_string().contains("000"), "how long it may be");
    }
}

#[test]
fn variables_that_one_activity_has_no_room_for_are_told_in_several() {
    let half = "y".repeat(140_000);
    let body = json!({"requestId": "1", "message": {"text": "hi"},
        "contextVariables": {"a": half, "b": half, "c": "y".repeat(270_000), "d": 1}});
    let plan = planned(&session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]), None);
    let [first, second, said] = &plan.posts[..] else { panic!("{} posts", plan.posts.len()) };
    let names =
        |post: &Post| post.fields["value"].as_object().map(|told| told.keys().cloned().collect::<String>());
    assert_eq!((names(first).as_deref(), names(second).as_deref()), (Some("a"), Some("bd")));
    assert_eq!(said.fields["text"], "hi");
}

#[test]
fn headers_that_cant_be_read_leave_the_file_out_by_name() {
    for headers in [json!("Authorization: Basic eDp5"), json!({"X-Key": "k"}), json!([{"X-Key": "k"}])] {
        let file = json!({"url": "https://example.com/a.png", "fileName": "a.png", "headers": headers});
        let body = json!({"requestId": "1", "message": {"text": "see", "attachment": file}});
        let plan = planned(&session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]), None);
        assert!(
            plan.posts[0].files.is_empty() && plan.answer.elements[0].to_string().contains("a.png"),
            "{plan:?}"
        );
    }
}

#[test]
fn a_person_is_not_found_by_an_agent_that_only_answers_the_words() {
    let activity = |value: Value| serde_json::from_value(value).expect("an activity");
    let message =
        |reply_to: &str| json!({"type": "message", "id": "b", "text": "Fine.", "replyToId": reply_to});
    let handoff = json!({"type": "event", "name": "handoff.initiate", "value": {}});
    let late = json!({"type": "message", "id": "late", "text": "And one more thing."});
    let body = json!({"requestId": "1", "action": "AGENT", "message": {"text": "How are you?"}});
    let state = session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]);
    let events = ["handoff.initiate".to_owned()];
    for (activities, texts, takes) in [
        (vec![message("u")], &["Fine.", "No person can be reached here."][..], true),
        (vec![], &["No person can be reached here."], true),
        (vec![message("wish")], &["Fine."], false),
        (vec![message("u"), message("wish")], &["Fine.", "Fine."], false),
        (vec![message("u"), handoff], &["Fine."], true),
        (vec![json!({"type": "message", "id": "b", "text": "Fine."})], &["Fine."], false),
        (vec![late.clone()], &["And one more thing.", "No person can be reached here."], true),
        (
            vec![late.clone(), message("u")],
            &["And one more thing.", "Fine.", "No person can be reached here."],
            true,
        ),
        (vec![late, message("wish")], &["And one more thing.", "Fine."], false),
    ] {
        let mut heard = Heard::default();
        heard.late = (0..activities.len()).filter(|nth| activities[*nth]["id"] == "late").collect();
        heard.said.insert("u".to_owned());
        heard.activities = activities.into_iter().map(activity).collect();
        let answer = Answer::of("s", planned(&state, None), heard, &events, &Words::default());
        let said: Vec<_> =
            answer.elements.iter().map(|element| element["value"].as_str().unwrap_or("?")).collect();
        assert_eq!((&said[..], answer.take_control), (texts, takes));
    }
}

#[test]
fn what_the_agent_said_before_is_no_answer_and_its_end_before_is_not_the_turns() {
    let heard = |late: &[usize], kinds: &[&str]| {
        let activity = |kind: &&str| {
            serde_json::from_value(
                json!({"type": kind, "text": if *kind == "message" { "Fine." } else { "" }}),
            )
        };
        let mut heard = Heard::default();
        heard.late = late.iter().copied().collect();
        heard.activities = kinds.iter().map(activity).collect::<Result<_, _>>().expect("activities");
        heard
    };
    let state = session_of(&[Fact::Asked(asked(&json!({"message": {"text": "hi"}}))), opened(0)]);
    let mut in_doubt = heard(&[0], &["message"]);
    in_doubt.in_doubt = Some("0.0".to_owned());
    let end = "endOfConversation";
    let (none, doubt) = ("I have no answer to that.", "I can't tell whether your message arrived.");
    for (heard, texts, completed) in [
        (heard(&[0], &["message"]), &["Fine.", none][..], false),
        (in_doubt, &["Fine.", doubt], false),
        (heard(&[0], &[end, "message"]), &["Fine."], false),
        (heard(&[0, 1], &[end, "message"]), &["Fine.", doubt], true),
        (heard(&[], &["message", end]), &["Fine."], true),
        (heard(&[0], &[end, "message", end]), &["Fine."], true),
        (heard(&[0], &[end, end]), &[], true),
    ] {
        let answer = Answer::of("s", planned(&state, None), heard, &[], &Words::default());
        let said: Vec<_> =
            answer.elements.iter().map(|element| element["value"].as_str().unwrap_or("?")).collect();
        assert_eq!(
            (said.len(), answer.completed, answer.over),
            (texts.len(), completed, completed),
            "{said:?}"
        );
        assert!(said.iter().zip(texts).all(|(said, text)| said.starts_with(text)), "{said:?}");
    }
}

#[test]
fn an_action_beside_a_text_that_nobody_sees_says_nothing() {
    for action in ["AGENT", "START_CONVERSATION", "SWITCH"] {
        let body = json!({"action": action, "topic": {"name": "VPN"}, "message": {"text": " "}});
        let state = session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]);
        let plan = planned(&state, None);
        assert_eq!((plan.posts.len(), plan.listen), (1, Listen::Briefly), "{action}");
    }
}

#[test]
fn a_time_zone_that_was_set_holds_until_it_is_set_again() {
    let asks = |body: &Value, asynchronous| {
        let (request, fields) = request(body);
        let incoming = Incoming::read(request, &fields, asynchronous, None, &Texts::default());
        Fact::Asked(asked_of(&session_of(&[]), &incoming))
    };
    let says = |zone: &str| json!({"message": {"text": "hi"}, "timezone": zone});
    let sets = |zone: &str| json!({"action": "SET_USER_TIMEZONE", "timezone": zone});
    let mut state = session_of(&[]);
    for (body, zone) in [
        (says("Europe/Rome"), "Europe/Rome"),
        (sets("Asia/Tokyo"), "Asia/Tokyo"),
        (says("America/New_York"), "Asia/Tokyo"),
        (sets("UTC"), "UTC"),
    ] {
        state.apply(&asks(&body, body["message"].is_object()));
        assert_eq!(state.timezone.as_deref(), Some(zone), "{body}");
    }
    let body = json!({"message": {"text": "hi"}, "contextVariables": {"liveagent_requester_session_language": "de"}});
    assert_eq!(asked(&body).locale.as_deref(), Some("de"));
}

#[test]
fn what_the_agent_may_not_have_been_told_it_is_told_with_the_next_request() {
    let told = |untold: bool, outcome: Settlement| {
        let first = json!({"requestId": "1", "message": {"text": "hi"}, "contextVariables": {"VIP": "yes"}});
        let mut state = session_of(&[Fact::Asked(asked(&first)), leased(0, 1), opened(0)]);
        for ordinal in [0, 1] {
            state.apply(&Fact::Posted { ordinal, untold: untold && ordinal == 0, at: Timestamp(3) });
        }
        state.apply(&answered(0, |_| {}));
        state.apply(&settled(0, 1, outcome));
        state.apply(&Fact::Asked(asked(&json!({"requestId": "2", "message": {"text": "and now?"}}))));
        let plan = planned(&state, None);
        plan.posts.iter().filter(|post| !post.is_words()).map(|post| post.fields["value"].clone()).collect()
    };
    let vip = vec![json!({"VIP": "yes"})];
    assert_eq!(told(false, Settlement::Done), Vec::<Value>::new());
    assert_eq!((told(true, Settlement::Done), told(false, Settlement::Dropped)), (vip.clone(), vip));
}

#[test]
fn an_id_of_its_own_names_a_message_whatever_is_told_beside_it() {
    let says = |id: Option<&str>, told: &Value| {
        let mut body =
            json!({"requestId": "r", "userId": "u", "message": {"text": "pay 100", "clientMessageId": id}});
        body.as_object_mut().unwrap().extend(told.as_object().expect("fields").clone());
        body
    };
    let history = json!({"history": [{"value": "x", "type": "text", "isBotMessage": false}]});
    for told in [json!({"contextVariables": {"ts": 2}}), history, json!({"silentMessage": false})] {
        for id in [Some("m-1"), None] {
            let first = says(id, &json!({"contextVariables": {"ts": 1}}));
            let state = session_of(&[Fact::Asked(asked(&first))]);
            let is_repeat = matches!(accepted(&state, &says(id, &told)), Accepted::Repeat(0));
            assert_eq!(is_repeat, id.is_some(), "{told}");
        }
    }
}
