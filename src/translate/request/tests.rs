use serde_json::{Value, json};

use super::*;
use crate::{
    domain::{
        ConversationId,
        control::{Control, Table},
        inbound::{Item, What},
    },
    session::{
        Command, Opening, State, UserSaid,
        tests::chat::{
            Chat, START, agent, bot_returned, completed, heard, request as handoff, webhook, words,
        },
    },
};

const AT: i64 = START.0;
/// Of the request that asked for a person.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_request_id_names_its_session() {
    let conversation = ConversationId::parse("91hc-ED-o").expect("valid");
    for chat in [1, 2] {
        let session = SessionId { conversation: conversation.clone(), chat };
        assert_eq!(session_of_request(&request_id(&session, CallId(42, 1))), Some(session));
    }
    for foreign in ["", "abc", "322bas2be70-sadsa-we32", "-1-"] {
        assert_eq!(session_of_request(foreign), None, "{foreign}");
    }
}

/// Jo asks for a person, with everything that an escalation can bring.
fn escalation(opening: Opening, reason: Option<&str>) -> Command {
    let line = |from_bot, text: &str, millis| HistoryLine {
        from_bot,
        name: if from_bot { "Bot" } else { "Jo" }.to_owned(),
        text: text.to_owned(),
        at: START.plus_millis(millis),
    };
    let user = User {
        id: "dl_jo".to_owned(),
        name: Some("Jo".to_owned()),
        email: Some("jo@example.com".to_owned()),
        locale: Some("de-DE".to_owned()),
        language: None,
        timezone: Some("Europe/Berlin".to_owned()),
    };
    let context = json!({"live_agent_only": "true", "LiveAgent_queue": "0a1b2c3d"});
    let request = HandoffRequested {
        user,
        reason: reason.map(str::to_owned),
        context: context.as_object().expect("an object").clone(),
        history: vec![line(true, "How can I help you?", -2_000), line(false, "agent", -1_000)],
        trace: Some(TRACE.to_owned()),
        ..handoff(opening)
    };
    Command::Escalated { segment: 0, request: Box::new(request), said: vec![] }
}

/// The requests that stand in the outbox, as they go out.
fn requests(chat: &Chat) -> Vec<Value> {
    let json = |queued: &Queued<ChatCall>| {
        let session = SessionId { conversation: chat.state.conversation.clone(), chat: queued.call.chat };
        let bytes = request(queued, &session, &chat.state.user).to_bytes();
        serde_json::from_slice(&bytes).expect("JSON")
    };
    chat.state.outbox.iter().map(json).collect()
}

/// What every request holds, and `rest`.
fn whole(position: u64, step: u8, rest: Value) -> Value {
    let mut whole = json!({
        "requestId": format!("91hcXEd0-eu-{position}-{step}"), "clientSessionId": "91hcXEd0-eu",
        "userId": "dl_jo", "userName": "Jo", "emailId": "jo@example.com", "timezone": "Europe/Berlin",
        "timestamp": AT, "clientVariables": {"traceparent": TRACE},
    });
    whole.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
    whole
}

#[test]
fn each_opening_carries_context_and_history_once() {
    let brought = |rest: Value| {
        let mut brought = json!({
            "contextVariables": {"live_agent_only": "true", "LiveAgent_queue": "0a1b2c3d"},
            "history": [
                {"isBotMessage": true, "value": "How can I help you?", "displayName": "Bot", "type": "text",
                    "timestamp": (AT - 2_000).to_string()},
                {"isBotMessage": false, "value": "agent", "displayName": "Jo", "type": "text",
                    "timestamp": (AT - 1_000).to_string()},
            ],
        });
        brought.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
        brought
    };
    let words = |text: &str| json!({"text": text, "typed": true, "clientMessageId": "91hcXEd0-eu-0-0"});
    let create = brought(json!({"action": "CREATE_CONVERSATION", "syncResponse": true, "message": {}}));
    let start = json!({"action": "START_CREATED_CONVERSATION", "syncResponse": true, "message": {}});
    let rows = [
        (Opening::CreateThenStart, Some("VPN is down"), vec![create, start]),
        (Opening::Start, None, vec![brought(json!({"action": "START_CONVERSATION", "message": words("")}))]),
        (
            Opening::Start,
            Some("VPN is down"),
            vec![brought(json!({"action": "START_CONVERSATION", "message": words("VPN is down")}))],
        ),
        (
            Opening::Agent,
            Some("VPN is down"),
            vec![brought(json!({"action": "AGENT", "message": words("VPN is down")}))],
        ),
    ];
    for (opening, reason, expected) in rows {
        let mut chat = Chat::new();
        chat.on(escalation(opening, reason));
        let expected: Vec<Value> = (0..).zip(expected).map(|(step, rest)| whole(0, step, rest)).collect();
        assert_eq!(requests(&chat), expected, "{opening:?}");
    }
}

/// A chat with Ana and nothing to be told.
fn with_ana() -> Chat {
    let mut chat = Chat::new();
    chat.on(escalation(Opening::Start, None));
    chat.deliver();
    chat.hears(webhook([agent("m1", "Hello.")]));
    chat
}

#[test]
fn each_call_has_its_documented_request() {
    let chosen = Command::UserSaid(Box::new(UserSaid {
        message: Some(ToAgent { text: "yes".to_owned(), typed: false, attachments: vec![], whisper: None }),
        at: START,
        ..UserSaid::default()
    }));
    let from_tokyo =
        Command::UserSaid(Box::new(UserSaid { timezone: Some("Asia/Tokyo".to_owned()), ..words("hi") }));
    let item = |what| Item { message_id: Some("m2".to_owned()), agent: None, what };
    let table = webhook([item(What::Said(Control::Table(Table::default())))]);
    let hologram = webhook([Item {
        agent: Some(crate::domain::Agent::default()),
        ..item(What::Unreadable { ui_type: "Hologram".to_owned() })
    }]);
    let read = |up_to| Command::Fetched { up_to };
    let message = |at: u64, text: &str, typed: bool| json!({"message": {"text": text, "typed": typed, "clientMessageId": format!("91hcXEd0-eu-{at}-0")}});
    let at = with_ana().position();
    let rows: [(Command, u8, Value); 8] = [
        (Command::UserSaid(Box::new(words("Grüße 👋"))), 0, message(at, "Grüße 👋", true)),
        (chosen, 0, message(at, "yes", false)),
        (Command::UserTyping, 0, json!({"action": "TYPING"})),
        (
            read(at),
            0,
            json!({"action": "UPDATE_MESSAGES", "message": [{"id": "m1", "status": "sent_to_user"}]}),
        ),
        (
            heard(1, hologram),
            0,
            json!({"action": "UPDATE_MESSAGES", "message": [{"id": "m2", "status": "external_error"}]}),
        ),
        (heard(1, table), 0, message(at, "DONE", false)),
        (
            Command::UserEnded,
            0,
            json!({"action": "END_CONVERSATION", "message": {"text": "", "typed": true}}),
        ),
        (from_tokyo, 1, json!({"action": "SET_USER_TIMEZONE", "timezone": "Asia/Tokyo"})),
    ];
    for (event, step, expected) in rows {
        let mut chat = with_ana();
        chat.on(event);
        assert_eq!(requests(&chat)[0], whole(at, step, expected));
    }
}

#[test]
fn the_end_of_typing_is_told_as_viewing() {
    let mut chat = with_ana();
    chat.on(Command::UserTyping);
    let at = chat.position();
    chat.on(Command::UserSaid(Box::new(words("hi"))));
    assert_eq!(requests(&chat)[1], whole(at, 0, json!({"action": "VIEWING"})));
}

#[test]
fn a_chat_that_was_made_and_is_of_no_use_is_given_up() {
    let mut chat = Chat::new();
    chat.on(escalation(Opening::CreateThenStart, None));
    let create = chat.lease().expect("due");
    chat.done(create);
    let start = chat.lease().expect("due");
    chat.failed(start);
    let at = chat.position() - 2;
    let fault = json!({"action": "FAULT_CONVERSATION", "cause": "EXTERNAL_FAILURE"});
    assert_eq!(requests(&chat), [whole(at, 0, fault)]);
}

#[test]
fn a_topic_and_history_that_came_later_have_requests_of_their_own() {
    let late = HistoryLine { from_bot: true, name: "Bot".to_owned(), text: "late".to_owned(), at: START };
    let line = json!({"isBotMessage": true, "value": "late", "displayName": "Bot", "type": "text",
        "timestamp": AT.to_string()});
    for (topic, expected) in [
        (Topic::Id("ce2e".to_owned()), json!({"action": "SWITCH", "topic": {"id": "ce2e"}})),
        (Topic::Name("VPN".to_owned()), json!({"action": "SWITCH", "topic": {"name": "VPN"}})),
        (Topic::Intent("vpn".to_owned()), json!({"action": "SWITCH", "intent": {"id": "vpn"}})),
    ] {
        let Command::Escalated { mut request, .. } = escalation(Opening::Start, None) else { unreachable!() };
        request.topic = Some(topic);
        request.later_history = vec![vec![late.clone()]];
        let mut chat = Chat::new();
        chat.on(Command::Escalated { segment: 0, request, said: vec![] });
        let history = json!({"action": "SEND_HISTORY", "history": [line]});
        assert_eq!(requests(&chat)[1..], [whole(0, 2, expected), whole(0, 3, history)]);
    }
}

#[test]
fn files_go_with_the_words_each_under_its_own_id() {
    let file = |name: &str| crate::domain::Attachment {
        name: name.to_owned(),
        media_type: "application/pdf".to_owned(),
        url: format!("https://files.example.com/{name}"),
        bytes: 0,
    };
    let sent = |at: u64, n: usize, name: &str| {
        json!({"clientAttachmentId": format!("91hcXEd0-eu-{at}-0-{n}"), "contentType": "application/pdf",
            "fileName": name, "url": format!("https://files.example.com/{name}")})
    };
    let at = with_ana().position();
    let both = json!([sent(at, 0, "a.pdf"), sent(at, 1, "b.pdf")]);
    for (files, attachment) in
        [(vec![file("a.pdf")], sent(at, 0, "a.pdf")), (vec![file("a.pdf"), file("b.pdf")], both)]
    {
        let mut chat = with_ana();
        let message = ToAgent { text: String::new(), typed: true, attachments: files, whisper: None };
        let said = UserSaid { message: Some(message), at: START, ..UserSaid::default() };
        chat.on(Command::UserSaid(Box::new(said)));
        let id = format!("91hcXEd0-eu-{at}-0");
        let message = json!({"typed": true, "clientMessageId": id, "attachment": attachment});
        assert_eq!(requests(&chat), [whole(at, 0, json!({"message": message}))]);
    }
}

#[test]
fn a_repeat_is_the_same_request_to_the_byte_even_after_a_restart() {
    let mut chat = with_ana();
    chat.on(Command::UserSaid(Box::new(words("hi"))));
    let first = requests(&chat);
    let call = chat.lease().expect("due");
    chat.put_off(call, chat.now.plus_millis(400));
    chat.wait(10_000);
    chat.lease();
    assert_eq!(requests(&chat), first);
    let mut again = Chat { state: State::new(chat.state.conversation.clone()), ..Chat::new() };
    again.store(&chat.facts);
    assert_eq!(requests(&again), first);
}

#[test]
fn words_carry_the_trace_of_the_request_that_brought_them_and_what_follows_the_chats() {
    const OWN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let mut chat = with_ana();
    chat.on(Command::UserSaid(Box::new(UserSaid { trace: Some(OWN.to_owned()), ..words("hi") })));
    chat.on(Command::UserEnded);
    let traces: Vec<Value> =
        requests(&chat).iter().map(|r| r["clientVariables"]["traceparent"].clone()).collect();
    assert_eq!(traces, [OWN, TRACE]);
}

#[test]
fn the_second_chat_has_a_session_of_its_own() {
    let mut chat = with_ana();
    chat.hears(completed());
    chat.on(bot_returned());
    let Command::Escalated { request, .. } = escalation(Opening::Agent, None) else { unreachable!() };
    let at = chat.position();
    chat.on(Command::Escalated { segment: 1, request, said: vec![] });
    let request = &requests(&chat)[0];
    assert_eq!(request["clientSessionId"], "91hcXEd0-eu~2");
    assert_eq!(request["requestId"], format!("91hcXEd0-eu~2-{at}-0"));
}

#[test]
fn a_guest_is_nothing_but_an_id() {
    let chat = Chat::escalated_by(Opening::Start);
    let expected = json!({
        "requestId": "91hcXEd0-eu-0-0", "clientSessionId": "91hcXEd0-eu", "userId": "dl_jo", "timestamp": AT,
        "action": "START_CONVERSATION",
        "message": {"text": "", "typed": true, "clientMessageId": "91hcXEd0-eu-0-0"},
    });
    assert_eq!(requests(&chat), [expected]);
}
