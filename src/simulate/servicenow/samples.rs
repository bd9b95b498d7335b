//! Webhook bodies of every shape a client may meet, to be sent from the desk or walked by a test.

mod actions;
mod choices;
mod display;

use serde_json::{Value, json};

/// `sys_id` of a small text file that every instance has, for the sample of an agent's file.
pub const FILE_ID: &str = "5a1e5a1e5a1e5a1e5a1e5a1e5a1e5a1e";

/// A prepared message: its bodies are sent one after the other.
///
/// A body lacks what is the same for each message of a chat (ids, user, echo) and each item its `messageId`;
/// an item with an empty `agentInfo` gets the agent who serves the chat.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: &'static str,
    /// The heading it stands under in the desk's menu.
    pub group: &'static str,
    pub bodies: Vec<Value>,
}

/// Every sample. Those that end the chat for the reader (group `Ends`) stand last.
pub fn all() -> Vec<Sample> {
    let mut samples = Vec::new();
    samples.extend(display::samples());
    samples.extend(choices::samples());
    samples.extend(actions::samples());
    samples
}

/// A sample of one body with these items.
fn one(group: &'static str, name: &'static str, items: Value) -> Sample {
    Sample { name, group, bodies: vec![body(items)] }
}

/// One item or a list of them, as a body of a live chat.
fn body(items: Value) -> Value {
    let items = if items.is_array() { items } else { json!([items]) };
    json!({"body": items, "agentChat": true, "score": 1})
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_known_control_is_there() {
        let samples = all();
        let names: HashSet<&str> = samples.iter().map(|sample| sample.name).collect();
        assert_eq!(names.len(), samples.len());
        let items = samples.iter().flat_map(|sample| &sample.bodies);
        let items = items.flat_map(|body| body["body"].as_array().into_iter().flatten());
        let kinds: HashSet<&str> =
            items.flat_map(|item| [item["uiType"].as_str(), item["actionType"].as_str()]).flatten().collect();
        for kind in [
            "OutputText",
            "OutputHtml",
            "OutputLink",
            "OutputImage",
            "OutputCard",
            "OutputTable",
            "MultiPartOutput",
            "GroupedPartsOutputControl",
            "Picker",
            "TopicPicker",
            "TopicPickerControl",
            "Boolean",
            "InputText",
            "Date",
            "Time",
            "DateTime",
            "FileUpload",
            "CustomControl",
            "ActionMsg",
            "ActionRichControl",
            "StreamStart",
            "StreamChunk",
            "StartTypingIndicator",
            "EndTypingIndicator",
            "StartSpinner",
            "EndSpinner",
            "ChatSubHeader",
            "SwitchToLiveAgent",
            "SwitchToVirtualAgent",
            "SwitchConversation",
            "System",
            "DynamicLoader",
            "TopicFinished",
            "Separator",
            "SubscribeToSupportQueue",
            "SubscribeToChatPresence",
            "CreateConversation",
            "StartConversation",
        ] {
            assert!(kinds.contains(kind), "{kind}");
        }
    }

    #[test]
    fn the_data_of_a_card_is_json_in_a_string() {
        let cards = all().into_iter().flat_map(|sample| sample.bodies).flat_map(|mut body| {
            let items = body["body"].as_array_mut().map(std::mem::take);
            items.unwrap_or_default()
        });
        let cards: Vec<Value> = cards.filter(|item| item["uiType"] == "OutputCard").collect();
        assert!(cards.len() >= 6);
        for card in cards {
            assert!(serde_json::from_str::<Value>(card["data"].as_str().unwrap()).unwrap().is_object());
        }
    }
}
