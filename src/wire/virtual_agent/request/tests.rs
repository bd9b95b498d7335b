use serde_json::json;

use super::*;

mod attached;

#[test]
fn every_action_is_written_in_the_documented_shape() {
    let hi = || Message::typed("Hi").with_id("m-1");
    let said = json!({"text": "Hi", "typed": true, "clientMessageId": "m-1"});
    let rows = [
        (Action::Message(hi()), json!({"message": said})),
        (Action::Agent(hi()), json!({"action": "AGENT", "message": said})),
        (Action::CreateConversation, json!({"action": "CREATE_CONVERSATION", "message": {}})),
        (
            Action::StartCreatedConversation(Message::default()),
            json!({"action": "START_CREATED_CONVERSATION", "message": {}}),
        ),
        (
            Action::StartCreatedConversation(hi()),
            json!({"action": "START_CREATED_CONVERSATION", "message": said}),
        ),
        (
            Action::StartConversation(Message::default()),
            json!({"action": "START_CONVERSATION", "message": {"text": "", "typed": true}}),
        ),
        (
            Action::EndConversation,
            json!({"action": "END_CONVERSATION", "message": {"text": "", "typed": true}}),
        ),
        (
            Action::FaultConversation { cause: "EXTERNAL_FAILURE".to_owned() },
            json!({"action": "FAULT_CONVERSATION", "cause": "EXTERNAL_FAILURE"}),
        ),
        (Action::SendHistory, json!({"action": "SEND_HISTORY"})),
        (
            Action::SetUserTimezone("Asia/Kolkata".to_owned()),
            json!({"action": "SET_USER_TIMEZONE", "timezone": "Asia/Kolkata"}),
        ),
        (
            Action::Switch(
                SwitchTo::TopicId("0a1b2c3d4e5f60718293a4b5c6d7e8f9".to_owned()),
                Message::default(),
            ),
            json!({"action": "SWITCH", "topic": {"id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9"}}),
        ),
        (
            Action::Switch(SwitchTo::TopicName("Reset password".to_owned()), Message::default()),
            json!({"action": "SWITCH", "topic": {"name": "Reset password"}}),
        ),
        (
            Action::Switch(SwitchTo::IntentId("reset".to_owned()), hi()),
            json!({"action": "SWITCH", "intent": {"id": "reset"}, "message": said}),
        ),
        (Action::Typing, json!({"action": "TYPING"})),
        (Action::Viewing, json!({"action": "VIEWING"})),
        (
            Action::UpdateMessages(vec![
                MessageUpdate::failed("msg-1"),
                MessageUpdate { text: Some("Hello".to_owned()), ..MessageUpdate::sent("msg-2") },
            ]),
            json!({"action": "UPDATE_MESSAGES", "message": [
                {"id": "msg-1", "status": "external_error"},
                {"id": "msg-2", "status": "sent_to_user", "text": "Hello"},
            ]}),
        ),
    ];
    for (action, expected) in rows {
        let request = Request::new("r-1", "s-1", "jo", action);
        let mut whole = json!({"requestId": "r-1", "clientSessionId": "s-1", "userId": "jo"});
        whole.as_object_mut().expect("an object").extend(expected.as_object().expect("an object").clone());
        assert_eq!(json_of(&request), whole);
        assert_eq!(Request::parse(&request.to_bytes()).expect("a request"), request);
    }
}

#[test]
fn the_bytes_are_compact_in_a_fixed_order() {
    let request = Request {
        user_name: Some("Jo".to_owned()),
        email_id: Some("jo@example.com".to_owned()),
        timezone: Some("America/New_York".to_owned()),
        timestamp: Some(1_760_000_000_123),
        app_inbound_id: Some("NT".to_owned()),
        bot_to_bot: Some(true),
        context_variables: map(json!({"live_agent_only": "true"})),
        client_variables: map(json!({"chat": 1})),
        history: vec![HistoryItem {
            is_bot_message: true,
            value: "What can I do?".to_owned(),
            display_name: "Bot".to_owned(),
            timestamp: Some(1_760_000_000_123),
        }],
        sync_response: true,
        silent_message: Some(false),
        ..Request::new("r-1", "s-1", "jo", Action::Agent(Message::typed("Grüße")))
    };
    let expected = concat!(
        r#"{"requestId":"r-1","clientSessionId":"s-1","appInboundId":"NT","action":"AGENT","botToBot":true,"#,
        r#""syncResponse":true,"silentMessage":false,"message":{"text":"Grüße","typed":true},"userId":"jo","#,
        r#""userName":"Jo","emailId":"jo@example.com","timestamp":1760000000123,"timezone":"America/New_York","#,
        r#""history":[{"isBotMessage":true,"value":"What can I do?","displayName":"Bot","type":"text","#,
        r#""timestamp":"1760000000123"}],"contextVariables":{"live_agent_only":"true"},"#,
        r#""clientVariables":{"chat":1}}"#,
    );
    assert_eq!(String::from_utf8(request.to_bytes()).expect("UTF-8"), expected);
    assert_eq!(Request::parse(&request.to_bytes()).expect("a request"), request);
}

#[test]
fn silence_is_written_as_its_example_has_it_and_needs_no_message() {
    for (silent, written) in [(true, json!("true")), (false, json!(false))] {
        let request = Request {
            silent_message: Some(silent),
            ..Request::new("r", "s", "jo", Action::Message(Message::default()))
        };
        let expected =
            json!({"requestId": "r", "clientSessionId": "s", "userId": "jo", "silentMessage": written});
        assert_eq!(json_of(&request), expected);
    }
}

#[test]
fn an_attachment_is_absent_an_object_or_an_array_and_never_null() {
    let pdf = Attachment {
        client_attachment_id: Some("a-1".to_owned()),
        content_type: "application/pdf".to_owned(),
        file_name: "form.pdf".to_owned(),
        url: "https://files.example.com/form.pdf".to_owned(),
        headers: AttachmentHeaders(map(json!({"Authorization": "Bearer PLACEHOLDER"}))),
    };
    let png = Attachment {
        content_type: "image/png".to_owned(),
        file_name: "shot.png".to_owned(),
        url: "https://files.example.com/shot.png".to_owned(),
        ..Attachment::default()
    };
    let pdf_json = json!({
        "clientAttachmentId": "a-1",
        "contentType": "application/pdf",
        "fileName": "form.pdf",
        "url": "https://files.example.com/form.pdf",
        "headers": {"Authorization": "Bearer PLACEHOLDER"},
    });
    let png_json = json!({
        "contentType": "image/png",
        "fileName": "shot.png",
        "url": "https://files.example.com/shot.png",
    });
    let both = Message { attachments: vec![pdf.clone(), png.clone()], ..Message::typed("see") };
    for (message, expected) in [
        (Message::typed(""), None),
        (Message::file(pdf), Some(json!({"typed": true, "attachment": pdf_json}))),
        (Message::file(png), Some(json!({"typed": true, "attachment": png_json}))),
        (both, Some(json!({"text": "see", "typed": true, "attachment": [pdf_json, png_json]}))),
    ] {
        let request = Request::new("r", "s", "jo", Action::Message(message));
        assert_eq!(json_of(&request).get("message"), expected.as_ref());
        assert_eq!(Request::parse(&request.to_bytes()).expect("a request"), request);
    }
}

#[test]
fn a_message_is_read_in_every_form_seen() {
    let hello = || Message::typed("hello");
    let file = Attachment { url: "https://x.example.com/a".to_owned(), ..Attachment::default() };
    let rows = [
        (json!({}), Message::default()),
        (json!({"message": null, "action": null}), Message::default()),
        (json!({"message": [], "action": ""}), Message::default()),
        (json!({"message": "hello"}), hello()),
        (json!({"message": {"text": "hello", "typed": "true", "attachment": null}}), hello()),
        (json!({"message": [{"text": "hello", "attachment": []}]}), hello()),
        (json!({"message": {"text": 7, "typed": false}}), Message::chosen("7")),
        (
            json!({"message": {"attachment": {"url": "https://x.example.com/a", "headers": null}}}),
            Message::file(file.clone()),
        ),
        (
            json!({"message": {"attachment": [{"url": "https://x.example.com/a"}, null]}}),
            Message::file(file.clone()),
        ),
        (json!({"message": {"attachment": "https://x.example.com/a"}}), Message::file(file.clone())),
        (json!({"message": {"attachment": ["https://x.example.com/a"]}}), Message::file(file.clone())),
        (json!({"message": [{"text": "hello"}, {"text": "again"}]}), Message::typed("hello\nagain")),
        (
            json!({"message": [{"text": "hello"}, {"attachment": {"url": "https://x.example.com/a"}}]}),
            Message { attachments: vec![file], ..hello() },
        ),
    ];
    for (body, expected) in rows {
        assert_eq!(read(&body).action, Action::Message(expected), "{body}");
    }
}

#[test]
fn numbers_beyond_64_bits_keep_their_digits() {
    let request = Request::parse(
        br#"{"requestId":36893488147419103233,"userId":110169484474386276334,"message":{"text":1.10},
            "contextVariables":{"employee":123456789012345678901,"sum":1.10},"clientVariables":{"large":1e400}}"#,
    )
    .expect("a request");
    assert_eq!((&*request.request_id, &*request.user_id), ("36893488147419103233", "110169484474386276334"));
    assert_eq!(request.action, Action::Message(Message::typed("1.10")));
    let variables = r#"{"employee":"123456789012345678901","sum":1.10}"#;
    assert_eq!(Value::Object(request.context_variables).to_string(), variables);
}

#[test]
fn history_and_variables_are_read_out_of_a_string_too() {
    let history = json!([{"value": "first"}, {"value": "second"}]);
    let variables = json!({"Department": "IT"});
    let packed = read(&json!({"history": history.to_string(), "contextVariables": variables.to_string()}));
    assert_eq!(packed, read(&json!({"history": history, "contextVariables": variables})));
    assert_eq!((packed.history.len(), packed.context_variables.len()), (2, 1));
    let words = read(&json!({"history": "we talked", "contextVariables": "[{"}));
    assert_eq!(words, Request::default());
}

#[test]
fn flags_and_times_are_read_as_text_too() {
    let rows = [
        (json!({"silentMessage": "true", "syncResponse": "True", "botToBot": "false"}), Some(true)),
        (json!({"silentMessage": true, "syncResponse": true, "botToBot": false}), Some(true)),
    ];
    for (body, silent) in rows {
        let request = read(&body);
        assert_eq!(
            (request.silent_message, request.sync_response, request.bot_to_bot),
            (silent, true, Some(false))
        );
    }
    assert_eq!(read(&json!({"silentMessage": null, "syncResponse": 1})).silent_message, None);
    for (given, expected) in [
        (json!(1_750_000_000_456_i64), Some(1_750_000_000_456)),
        (json!("1750000000456"), Some(1_750_000_000_456)),
        (json!(1_740_000_001), Some(1_740_000_001_000)),
        (json!(1_740_000_001_000.0), Some(1_740_000_001_000)),
        (json!("yesterday"), None),
        (json!(i64::MIN), Some(i64::MIN)),
        (json!(null), None),
    ] {
        assert_eq!(read(&json!({"timestamp": given})).timestamp, expected, "{given}");
    }
}

#[test]
fn a_switch_is_read_whichever_way_it_points() {
    use SwitchTo::*;
    let sys_id = "f9e8d7c6b5a493827160f5e4d3c2b1a0";
    for (body, expected) in [
        (json!({"topic": {"id": "a", "name": ""}}), TopicId("a".to_owned())),
        (json!({"topic": {"name": "b"}, "intent": {"id": "c"}}), TopicName("b".to_owned())),
        (json!({"topic": sys_id}), TopicId(sys_id.to_owned())),
        (json!({"topic": "Reset password"}), TopicName("Reset password".to_owned())),
        (json!({"topic": null, "intent": {"id": "c"}}), IntentId("c".to_owned())),
        (json!({"intent": "c"}), IntentId("c".to_owned())),
    ] {
        let mut body = body;
        body["action"] = json!("switch");
        assert_eq!(read(&body).action, Action::Switch(expected, Message::default()), "{body}");
    }
}

#[test]
fn what_is_unknown_or_incomplete_is_kept() {
    for (body, name) in [
        (json!({"action": "DANCE", "message": {"text": "hi", "typed": true}}), "DANCE"),
        (json!({"action": "SWITCH", "message": {"text": "hi", "typed": true}}), "SWITCH"),
        (
            json!({"action": "SWITCH", "message": {"text": "hi", "typed": true}, "topic": {"id": "a", "name": "b"}}),
            "SWITCH",
        ),
        (
            json!({"action": "SWITCH", "message": {"text": "hi", "typed": true}, "intent": {"id": "a", "name": "b"}}),
            "SWITCH",
        ),
        (
            json!({"action": "SET_USER_TIMEZONE", "message": {"text": "hi", "typed": true}}),
            "SET_USER_TIMEZONE",
        ),
    ] {
        let request = read(&body);
        let expected = Action::Unknown { name: name.to_owned(), message: Message::typed("hi") };
        assert_eq!(request.action, expected);
        let written = json_of(&request);
        assert_eq!((&written["action"], &written["message"]), (&body["action"], &body["message"]));
    }
}

#[test]
fn no_action_is_said_in_several_ways() {
    for none in [json!(null), json!(""), json!(" "), json!("null"), json!("Null")] {
        let request = read(&json!({"action": none, "message": "hi"}));
        assert_eq!(request.action, Action::Message(Message::typed("hi")), "{none}");
    }
}

#[test]
fn what_is_no_text_is_no_action() {
    for (odd, name) in [
        (json!({"x": 1}), "{\"x\":1}"),
        (json!([]), "[]"),
        (json!(["AGENT"]), "[\"AGENT\"]"),
        (json!(true), "true"),
    ] {
        let request = read(&json!({"action": odd, "message": "hi"}));
        assert_eq!(request.action, Action::Unknown { name: name.to_owned(), message: Message::typed("hi") });
    }
}

#[test]
fn updates_are_read_in_any_case_and_number() {
    let one = json!({"id": "m", "status": "SENT_TO_USER"});
    for message in [one.clone(), json!([one]), json!([one, {"status": "external_error"}, "x"])] {
        let body = json!({"action": "UPDATE_MESSAGES", "message": message});
        assert_eq!(read(&body).action, Action::UpdateMessages(vec![MessageUpdate::sent("m")]), "{body}");
    }
}

#[test]
fn history_is_read_as_a_list_or_as_one_line() {
    let line = json!({"isBotMessage": "true", "value": "Hi", "displayName": "Bot", "timestamp": 1_760_000_000_123_i64});
    let expected = HistoryItem {
        is_bot_message: true,
        value: "Hi".to_owned(),
        display_name: "Bot".to_owned(),
        timestamp: Some(1_760_000_000_123),
    };
    assert_eq!(read(&json!({"history": line})).history, vec![expected.clone()]);
    let untimed = HistoryItem { timestamp: None, ..expected.clone() };
    let bare = json!({"isBotMessage": true, "value": "Hi", "displayName": "Bot", "type": "text"});
    assert_eq!(read(&json!({"history": [line, bare]})).history, [expected, untimed]);
}

#[test]
fn only_what_is_no_json_object_is_no_request() {
    assert_eq!(Request::parse(b"{}").expect("a request"), Request::default());
    assert!(matches!(Request::parse(b"hello"), Err(ParseError::NotJson(_))));
    assert!(matches!(Request::parse(b"[]"), Err(ParseError::NotAnObject)));
}

#[test]
fn a_file_is_shown_without_its_authorization() {
    let headers = AttachmentHeaders(map(json!({"Authorization": "Bearer hush"})));
    let request = Request::new(
        "r",
        "s",
        "u",
        Action::Message(Message::file(Attachment { headers, ..Attachment::default() })),
    );
    let shown = format!("{request:?}");
    assert!(shown.contains("Authorization") && !shown.contains("hush"));
}

fn json_of(request: &Request) -> Value {
    serde_json::from_slice(&request.to_bytes()).expect("JSON")
}

fn read(body: &Value) -> Request {
    Request::parse(body.to_string().as_bytes()).expect("a request")
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}
