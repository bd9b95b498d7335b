use serde_json::{Value, json};

use super::{Pending, Said};
use crate::{translate::texts::Words, wire::activity::Activity};

mod asked;
mod shown;
mod worded;

fn activity(value: Value) -> Activity {
    serde_json::from_value(value).expect("an activity")
}

fn events() -> Vec<String> {
    vec!["handoff.initiate".to_owned()]
}

fn said(activities: &[Activity], events: &[String], turn: &str, words: &Words<'_>) -> Said {
    Said::default().hearing(activities, events, turn, words)
}

/// The elements of one message, without what all of them have.
fn elements(message: &Value) -> Vec<Value> {
    let mut message = message.clone();
    message["type"] = "message".into();
    let mut elements = said(&[activity(message)], &events(), "t", &Words::default()).elements;
    for element in &mut elements {
        for key in ["group", "messageId", "nluTextEnabled", "maskType", "renderStyle"] {
            element.as_object_mut().expect("an object").remove(key);
        }
    }
    elements
}

fn pending(message: &Value) -> Pending {
    let mut message = message.clone();
    message["type"] = "message".into();
    said(&[activity(message)], &events(), "t", &Words::default()).pending
}

fn hero(content: &Value) -> Value {
    json!({"attachments": [{"contentType": "application/vnd.microsoft.card.hero", "content": content}]})
}

fn adaptive(body: &Value, actions: &Value) -> Value {
    let content = json!({"type": "AdaptiveCard", "body": body, "actions": actions});
    json!({"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}]})
}

fn option(label: &str, value: &str) -> Value {
    json!({"label": label, "value": value, "renderStyle": "data", "enabled": true})
}
