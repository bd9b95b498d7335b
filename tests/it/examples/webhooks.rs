//! Webhooks: every documented one is understood, and what can be read in it reaches the user.

use serde_json::{Value, json};
use servicenow_handoff::{
    session::{EndReason, Fact, Opening},
    wire::virtual_agent::response::{Kind, Response},
};

use crate::{
    examples::{
        example, examples,
        readable::{stands_in, texts},
    },
    pure::{Heard, Talk},
};

#[test]
fn every_element_of_every_documented_webhook_is_known() {
    for (name, body) in webhooks() {
        let response = Response::parse(body.to_string().as_bytes()).expect("JSON");
        assert_eq!(response.body.len(), items(&body).len(), "{name}");
        for element in &response.body {
            assert!(!matches!(element.kind, Kind::Unknown { .. }), "{name}: {element:?}");
        }
        for (key, read) in [
            ("requestId", &response.request_id),
            ("clientSessionId", &response.client_session_id),
            ("userId", &response.user_id),
            ("interactionId", &response.interaction_id),
        ] {
            let sent = body[key].as_str().filter(|id| !id.is_empty());
            assert_eq!(read.as_deref(), sent, "{key} of {name}");
        }
        assert_eq!(response.client_variables, body.get("clientVariables").cloned(), "{name}");
        let score = body["score"].as_f64().or_else(|| body["score"].as_str()?.parse().ok());
        assert_eq!(response.score, score, "{name}");
    }
}

#[test]
fn every_readable_text_of_every_documented_webhook_reaches_the_user_in_order() {
    for (name, body) in webhooks() {
        // A wait is over once a person is there.
        let waits = body.to_string().contains("waitTime");
        let mut talk = if waits { Talk::waiting(Opening::CreateThenStart) } else { Talk::live() };
        let Heard { activities, .. } = talk.hear_json(&body);
        let mut at = 0;
        for element in items(&body) {
            for text in texts(&element) {
                let found = activities[at..].iter().position(|activity| stands_in(&text, &shown(activity)));
                let Some(found) = found else {
                    panic!("{name}: {text:?} does not stand in {activities:#?}, from {at}")
                };
                at += found;
            }
        }
    }
}

#[test]
fn a_stream_shows_that_somebody_writes_and_then_its_answer_once() {
    let mut talk = Talk::live();
    for state in ["start", "inprogress"] {
        let Heard { activities, .. } = talk.hear_json(&example(&format!("webhook-stream-{state}")));
        assert_eq!(activities.len(), 1, "{state}");
        assert_eq!(activities[0]["type"], "typing", "{state}");
    }
    let end = example("webhook-stream-end");
    let Heard { activities, .. } = talk.hear_json(&end);
    let shown = activities[0]["text"].as_str().expect("a text");
    assert!(shown.contains("[Setting up the VPN](https://kb.example.com/sp"), "{shown}");
    assert_eq!(talk.hear_json(&end).facts, [], "a repeated end is no news");
}

#[test]
fn a_documented_webhook_ends_the_chat_exactly_when_it_says_so() {
    for (name, body) in webhooks() {
        let Heard { facts, .. } = Talk::live().hear_json(&body);
        let ended = facts.iter().find_map(|fact| match fact {
            Fact::ChatEnded { why, .. } => Some(*why),
            _ => None,
        });
        let expected = match () {
            () if body["takeControl"] == true => Some(EndReason::ControlReturned),
            // It comes with `completed`, but of a conversation that ServiceNow opened for it alone.
            () if name.starts_with("webhook-notification") => None,
            () if body["completed"] == true => Some(EndReason::ByAgent),
            // In words only.
            () if name == "webhook-end-conversation-virtual-agent" => Some(EndReason::ByAgent),
            () => None,
        };
        assert_eq!(ended, expected, "{name}");
    }
}

#[test]
fn a_documented_webhook_means_the_same_to_who_waits() {
    for (name, body) in webhooks() {
        let mut talk = Talk::waiting(Opening::CreateThenStart);
        talk.deliver();
        let Heard { facts, .. } = talk.hear_json(&body);
        let queued = facts.iter().any(|fact| matches!(fact, Fact::Queued { .. }));
        assert_eq!(queued, body["agentChat"] == true, "{name}");
        let joined = facts.iter().any(|fact| matches!(fact, Fact::AgentJoined { .. }));
        assert_eq!(joined, body.pointer("/body/0/agentInfo").is_some(), "{name}");
    }
}

#[test]
fn documented_answers_say_whether_the_request_was_taken() {
    for (name, answer) in examples("answer-") {
        let response = Response::parse(answer.to_string().as_bytes()).expect("JSON");
        assert_eq!(response.failure, name == "answer-failure", "{name}");
        assert_eq!(response.body, [], "{name}");
    }
}

/// Webhooks, and elements as webhooks.
fn webhooks() -> Vec<(String, Value)> {
    let mut all = examples("webhook-");
    all.extend(examples("element-").into_iter().map(|(name, element)| (name, json!({"body": [element]}))));
    let said = json!({"uiType": "OutputText", "group": "DefaultText", "value": "Hello",
        "agentInfo": example("fragment-agent-info")});
    all.push(("fragment-agent-info".to_owned(), json!({"body": [said], "agentChat": true})));
    all
}

fn items(body: &Value) -> Vec<Value> {
    match &body["body"] {
        Value::Array(items) => items.clone(),
        other => vec![other.clone()],
    }
}

/// Everything that can be seen of an activity, as one text.
fn shown(activity: &Value) -> String {
    match activity {
        Value::String(text) => text.replace('\\', ""),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(" "),
        // What is read first stands first, wherever its key is in the alphabet.
        Value::Object(fields) => {
            let keys = ["title", "text", "body", "items"];
            let first = keys.iter().filter_map(|key| fields.get(*key));
            let rest = fields.iter().filter(|(key, _)| !keys.contains(&key.as_str())).map(|(_, value)| value);
            first.chain(rest).map(shown).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}
