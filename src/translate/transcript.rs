//! Transcripts: activities that were recorded elsewhere and may be written loosely.

use serde_json::{Map, Value};

use crate::wire::activity::Activity;

/// The activities of a hand-off's transcript attachment; `None` when it is another attachment.
pub fn in_attachment(attachment: &Value) -> Option<Vec<Activity>> {
    let content = attachment.get("content")?;
    let unpacked = content.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let content = unpacked.as_ref().unwrap_or(content);
    let named = attachment
        .get("name")
        .and_then(Value::as_str)
        .is_some_and(|name| name.trim().eq_ignore_ascii_case("transcript"));
    let list = match content {
        Value::Array(list) if named => list,
        _ => content.get("activities")?.as_array()?,
    };
    Some(list.iter().filter_map(activity).collect())
}

/// An activity whose fields may be of other types than they should: what can't be understood is left out of it.
pub fn activity(value: &Value) -> Option<Activity> {
    let map = value.as_object()?;
    serde_json::from_value(value.clone())
        .or_else(|_| serde_json::from_value(Value::Object(mended(map.clone()))))
        .ok()
}

const STRINGS: [&str; 10] = [
    "type",
    "id",
    "channelId",
    "name",
    "text",
    "textFormat",
    "locale",
    "localTimezone",
    "replyToId",
    "attachmentLayout",
];

fn mended(mut map: Map<String, Value>) -> Map<String, Value> {
    as_strings(&mut map, &STRINGS);
    for account in ["from", "conversation"] {
        match map.get_mut(account) {
            Some(Value::Object(inner)) => as_strings(inner, &["id", "name"]),
            Some(_) => drop(map.remove(account)),
            None => {}
        }
    }
    if map.get("attachments").is_some_and(|attachments| !attachments.is_array()) {
        map.remove("attachments");
    }
    map
}

fn as_strings(map: &mut Map<String, Value>, keys: &[&str]) {
    for key in keys {
        match map.get_mut(*key) {
            None | Some(Value::String(_)) => {}
            Some(value @ (Value::Number(_) | Value::Bool(_))) => *value = Value::String(value.to_string()),
            Some(_) => drop(map.remove(*key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_transcript_is_known_by_its_content_or_its_name() {
        let said = json!({"type": "message", "text": "hi"});
        for attachment in [
            json!({"contentType": "application/json", "name": "Transcript", "content": {"activities": [said]}}),
            json!({"content": {"activities": [said]}}),
            json!({"name": "TRANSCRIPT", "content": [said]}),
            json!({"name": "transcript", "content": json!({"activities": [said]}).to_string()}),
        ] {
            let found = in_attachment(&attachment).expect("a transcript");
            assert_eq!(found.len(), 1, "{attachment}");
            assert_eq!(found[0].text.as_deref(), Some("hi"));
        }
        for attachment in [json!({}), json!(null), json!({"content": [said]}), json!({"content": {"a": 1}})] {
            assert_eq!(in_attachment(&attachment), None, "{attachment}");
        }
    }

    #[test]
    fn an_activity_of_odd_types_keeps_what_can_be_understood() {
        let odd = json!({"type": "message", "text": 5, "id": null, "name": {"a": 1}, "from": {"id": 7, "role": 1},
            "conversation": "c", "attachments": "none", "timestamp": 1.5});
        let read = activity(&odd).expect("an activity");
        assert_eq!(read.text.as_deref(), Some("5"));
        assert_eq!(read.from.and_then(|from| from.id).as_deref(), Some("7"));
        assert_eq!((read.id, read.name, read.conversation, read.attachments), (None, None, None, None));
        assert_eq!(activity(&json!("no")), None);
    }
}
