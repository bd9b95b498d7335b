//! Requests: the documented ones are read and written as they are, and ours are shaped like them.

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::{Attachment, HistoryLine},
    ledger::{Outcome, Why},
    session::{Command, Opening, ToAgent, UserSaid},
    wire::virtual_agent::request::{HistoryItem, Request},
};

use crate::{
    examples::{
        documented::{as_we_write_it, faults},
        example, examples,
    },
    pure::Talk,
};

#[test]
fn every_documented_request_is_written_as_it_was_read() {
    for (name, example) in examples("request-") {
        let request = Request::parse(example.to_string().as_bytes()).expect("a request");
        let written: Value = serde_json::from_slice(&request.to_bytes()).expect("JSON");
        assert_eq!(written, as_we_write_it(example), "{name}");
        assert_eq!(faults(&written), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn documented_parts_of_requests_are_written_as_they_were_read() {
    let context = example("fragment-context-variables");
    let context = context.get("contextVariables").unwrap_or(&context);
    let body = json!({"requestId": "r", "clientSessionId": "s", "userId": "u",
        "message": {"text": "hi", "typed": true}, "contextVariables": context});
    let request = Request::parse(body.to_string().as_bytes()).expect("a request");
    assert_eq!(serde_json::from_slice::<Value>(&request.to_bytes()).expect("JSON"), body);
    let line = example("fragment-history-item");
    let body = json!({"requestId": "r", "clientSessionId": "s", "userId": "u", "action": "SEND_HISTORY",
        "history": [line]});
    let request = Request::parse(body.to_string().as_bytes()).expect("a request");
    let item = HistoryItem { timestamp: None, ..request.history[0].clone() };
    assert_eq!(item.value, line["value"]);
    assert_eq!(serde_json::from_slice::<Value>(&request.to_bytes()).expect("JSON"), body);
}

#[test]
fn every_request_we_make_is_shaped_as_documented() {
    let mut made = Vec::new();
    for opening in [Opening::CreateThenStart, Opening::Start, Opening::Agent] {
        made.extend(Talk::waiting(opening).deliver());
    }
    made.extend(a_whole_conversation());
    made.extend(a_chat_that_could_not_be_opened());
    for request in &made {
        assert_eq!(faults(request), Vec::<String>::new(), "{request}");
        for named in ["requestId", "clientSessionId", "userId"] {
            assert!(request[named].is_string(), "{request}");
        }
    }
    let mut actions: Vec<&str> = made.iter().map(|r| r["action"].as_str().unwrap_or("")).collect();
    actions.sort_unstable();
    actions.dedup();
    let all = [
        "",
        "AGENT",
        "CREATE_CONVERSATION",
        "END_CONVERSATION",
        "FAULT_CONVERSATION",
        "SEND_HISTORY",
        "SET_USER_TIMEZONE",
        "START_CONVERSATION",
        "START_CREATED_CONVERSATION",
        "SWITCH",
        "TYPING",
        "UPDATE_MESSAGES",
        "VIEWING",
    ];
    assert_eq!(actions, all, "an action of the page that the live-agent role never asks for");
}

/// What is asked of ServiceNow when everything happens that can.
fn a_whole_conversation() -> Vec<Value> {
    let mut talk = Talk::live();
    let at = talk.now;
    let line = HistoryLine { from_bot: false, name: "Dana".to_owned(), text: "earlier".to_owned(), at };
    talk.on(Command::UpstreamRead { segment: 0, said: vec![], history: Some(vec![vec![line]].into()) });
    talk.on(Command::UserTyping);
    let file = |name: &str| Attachment {
        name: name.to_owned(),
        media_type: "application/pdf".to_owned(),
        url: format!("https://files.example.com/{name}"),
        bytes: 0,
    };
    for (text, typed, files) in [
        ("hello", true, vec![]),
        ("value_2", false, vec![]),
        ("", true, vec![file("one.pdf")]),
        ("both", true, vec![file("one.pdf"), file("two.pdf")]),
    ] {
        let message = ToAgent { text: text.to_owned(), typed, attachments: files, whisper: None };
        let timezone = Some("Asia/Kolkata".to_owned()).filter(|_| text == "hello");
        let said = UserSaid { message: Some(message), timezone, at, ..UserSaid::default() };
        talk.on(Command::UserSaid(Box::new(said)));
    }
    let agent = json!({"sentFromAgent": true, "agentName": "Ana Agent"});
    talk.hear_json(&json!({"agentChat": true, "body": [
        {"uiType": "OutputText", "value": "Hello", "messageId": "m1", "agentInfo": agent},
        {"uiType": "Hologram", "messageId": "m2", "agentInfo": agent},
        {"uiType": "OutputTable", "headers": ["A"], "data": [["1"]]},
    ]}));
    talk.on(Command::Fetched { up_to: talk.state.position });
    talk.on(Command::UserEnded);
    talk.deliver()
}

fn a_chat_that_could_not_be_opened() -> Vec<Value> {
    let mut talk = Talk::waiting(Opening::CreateThenStart);
    let calls: Vec<_> = talk.state.outbox.iter().map(|queued| queued.id).collect();
    talk.settle(calls[0], &Outcome::Done(None));
    talk.settle(calls[1], &Outcome::GivenUp(Why::Refused));
    talk.deliver()
}
