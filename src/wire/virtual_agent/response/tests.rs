use proptest::prelude::*;
use serde_json::json;

use super::{
    element::{AgentInfo, OutputText, PickerKind, Texts, Why},
    *,
};

fn parse(value: &Value) -> Response {
    Response::parse(value.to_string().as_bytes()).expect("JSON")
}

#[test]
fn a_message_of_a_million_items_is_not_held_whole() {
    let body = format!(r#"{{"body":[{}{{}}]}}"#, "{},".repeat(1_000_000));
    let read = Response::parse(body.as_bytes()).expect("JSON");
    assert_eq!((read.body.len(), read.lost), (MOST_LISTED, 1_000_001 - MOST_LISTED));
    let table: Vec<Value> = (0..50_000).map(|row| json!([row])).collect();
    let read = parse(
        &json!({"body": [{"uiType": "OutputTable", "data": table}, {"uiType": "OutputText", "value": "x"}]}),
    );
    assert_eq!(read.body.len(), 2, "its neighbour is there");
    assert_eq!(read.lost, 45_000, "half of the room holds 5,000 rows of one cell");
}

#[test]
fn rows_that_are_objects_take_no_more_room_than_they_have_content() {
    let heads = (0..2_000).map(|at| format!("h{at}")).collect::<Vec<_>>();
    let rows = heads.iter().map(|head| json!({head.as_str(): "x"})).collect::<Vec<_>>();
    let read = parse(&json!({"body": [{"uiType": "OutputTable", "headers": heads, "data": rows}]}));
    let element::Kind::OutputTable(table) = &read.body[0].kind else { panic!("a table: {read:?}") };
    assert_eq!((table.data.len(), &*table.data[7]), (2_000, &["h7: x".to_owned()][..]));
}

#[test]
fn what_a_script_puts_into_result_is_read() {
    let message = json!({"clientSessionId": "c-1", "body": [{"uiType": "OutputText", "value": "Hi"}]});
    assert_eq!(parse(&json!({"result": message})), parse(&message));
    let beside = json!({"result": {"body": [1]}, "clientSessionId": "c-1"});
    assert_eq!(parse(&beside).body, [], "a field of that name is no wrapping");
}

#[test]
fn what_surrounds_the_body_is_read_whatever_its_types() {
    let read = parse(&json!({
        "requestId": 17, "clientSessionId": "c-1", "userId": "", "interactionId": null, "nowSessionId": "n",
        "appInboundId": "NT", "clientVariables": {"a": 1}, "agentChat": "true", "completed": true, "takeControl": 1,
        "score": "0.92", "streamActive": "false", "streamState": "END", "status": "success", "body": [],
        "message": {"attachment": {"headers": {"Authorization": "Basic c2VjcmV0"}}},
    }));
    let expected = Response {
        request_id: Some("17".to_owned()),
        client_session_id: Some("c-1".to_owned()),
        user_id: None,
        interaction_id: None,
        now_session_id: Some("n".to_owned()),
        app_inbound_id: Some("NT".to_owned()),
        client_variables: Some(json!({"a": 1})),
        agent_chat: true,
        completed: true,
        take_control: true,
        score: Some(0.92),
        stream_active: Some(false),
        stream_state: Some(StreamState::End),
        failure: false,
        body: vec![],
        lost: 0,
    };
    assert!(read == expected);
    assert!(!format!("{read:?}").contains("c2VjcmV0"));
}

#[test]
fn json_of_any_shape_is_a_response_and_nothing_else_is() {
    for bytes in ["[]", "null", "\"text\"", "5", "true", "{}", r#"{"body":null}"#, r#"{"body":7,"score":[]}"#]
    {
        assert!(Response::parse(bytes.as_bytes()).is_ok(), "{bytes}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Response::parse(deep.as_bytes()).expect("JSON").body.is_empty());
    assert!(Response::parse(br#"{"score":1e999}"#).is_ok());
    for bytes in ["", "<html>", "{", "Message Processed Successfully", "{}x"] {
        assert_eq!(Response::parse(bytes.as_bytes()), Err(NotJson), "{bytes}");
    }
}

#[test]
fn text_that_strict_reading_refuses_is_mended() {
    let text = |bytes: &[u8]| Response::parse(bytes).expect("JSON").body[0].texts.value.clone();
    assert_eq!(text(br#"{"body":[{"value":"a\ud83d\ude00b\ud83d"}]}"#).as_deref(), Some("a😀b\u{fffd}"));
    assert_eq!(
        text(br#"{"body":[{"value":"\\ud83d \udc00 \ud83dx"}]}"#).as_deref(),
        Some("\\ud83d \u{fffd} \u{fffd}x")
    );
    assert_eq!(text(b"{\"body\":[{\"value\":\"a\xffb\"}]}").as_deref(), Some("a\u{fffd}b"));
    assert_eq!(text(b"\xef\xbb\xbf{\"body\":[{\"value\":\"x\"}]}").as_deref(), Some("x"));
}

#[test]
fn numbers_are_the_texts_they_were_written_as() {
    let element = |number: &str| {
        let body = format!(r#"{{"body":[{{"uiType":"OutputText","messageId":{number},"value":{number}}}]}}"#);
        Response::parse(body.as_bytes()).expect("JSON").body.remove(0)
    };
    for number in ["12345678901234567890123", "12345678901234567890124", "10.00", "1e+3", "7"] {
        let read = element(number);
        let read = (read.message_id.as_deref(), read.texts.value.as_deref());
        assert_eq!(read, (Some(number), Some(number)));
    }
}

#[test]
fn a_body_may_be_a_list_or_a_lone_element() {
    let element = json!({"uiType": "OutputText", "value": "hi", "messageId": "m", "agentInfo": {
        "sentFromAgent": "true", "agentName": "Ana", "agentAvatar": "a.iix", "agentId": 5, "more": {}}});
    let expected = Element {
        message_id: Some("m".to_owned()),
        agent: Some(AgentInfo {
            sent_from_agent: true,
            name: Some("Ana".to_owned()),
            id: Some("5".to_owned()),
            avatar: Some("a.iix".to_owned()),
        }),
        texts: Texts { value: Some("hi".to_owned()), ..Texts::default() },
        mask_type: None,
        kind: Kind::OutputText(OutputText::default()),
    };
    assert_eq!(parse(&json!({"body": [element]})).body, vec![expected.clone()]);
    assert_eq!(parse(&json!({"body": element})).body, [expected]);
}

#[test]
fn what_is_not_known_keeps_its_json_and_says_why() {
    for (element, ui_type, why) in [
        (json!("bare"), "", Why::NotAnObject),
        (json!({"value": "x"}), "", Why::NoType),
        (json!({"uiType": 7}), "7", Why::UnknownType),
        (json!({"uiType": "OutputHologram"}), "OutputHologram", Why::UnknownType),
        (json!({"uiType": "ActionMsg"}), "ActionMsg", Why::UnknownAction),
        (json!({"uiType": "ActionMsg", "actionType": "Dance"}), "ActionMsg", Why::UnknownAction),
        (json!({"uiType": "OutputCard", "data": "{cut"}), "OutputCard", Why::Broken("data")),
        (json!({"uiType": "MultiPartOutput"}), "MultiPartOutput", Why::Broken("content")),
    ] {
        let kind = Kind::Unknown { ui_type: ui_type.to_owned(), raw: element.clone(), why };
        assert_eq!(Element::from_value(&element).kind, kind);
    }
}

#[test]
fn actions_are_known_with_and_without_their_suffix_and_wrapping() {
    for element in [
        json!({"uiType": "ActionMsg", "actionType": "StartTypingIndicator"}),
        json!({"uiType": "ActionMsg", "actionType": "StartTypingIndicatorActionMsg"}),
        json!({"uiType": "actionmsg", "actionType": "starttypingindicator"}),
        json!({"actionType": "StartTypingIndicator"}),
        json!({"uiType": "ActionRichControl", "actionMsg": {"actionType": "StartTypingIndicator"}}),
    ] {
        let kind = Element::from_value(&element).kind;
        assert!(matches!(kind, Kind::Action { action: Action::StartTypingIndicator, .. }), "{element}");
    }
    let odd = json!({"uiType": "OutputText", "actionType": "DefaultText", "value": "x"});
    assert!(matches!(Element::from_value(&odd).kind, Kind::OutputText(_)));
}

#[test]
fn a_topic_picker_goes_by_both_its_names() {
    for name in ["TopicPicker", "TopicPickerControl"] {
        let kind = Element::from_value(&json!({"uiType": name, "options": [{"label": "a"}]})).kind;
        assert!(matches!(kind, Kind::Picker(picker) if picker.of == PickerKind::TopicPicker));
    }
}

proptest! {
    #![proptest_config(crate::cases(128))]

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in ".{0,64}") {
        let _ = Response::parse(&bytes);
        let _ = Response::parse(text.as_bytes());
        let _ = Response::parse(format!("{{\"body\":[\"{text}\"]}}").as_bytes());
    }

    #[test]
    fn escapes_cut_anywhere_are_read_without_panic(cut in 0_usize..12, tail in "[\\\\ud8é]{0,8}") {
        let escape = &"\\ud83d\\ude00"[..cut];
        let _ = Response::parse(format!("{{\"body\":[\"{escape}{tail}\"]}}").as_bytes());
    }
}
