use serde_json::json;

use super::*;

mod attached;
mod read;

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
