//! Requests as primary bots write them.

use super::*;

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
