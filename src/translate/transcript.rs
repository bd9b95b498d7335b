//! Transcripts: activities that were recorded elsewhere and may be written loosely.

use serde_json::Value;

use crate::wire::{activity::Activity, json};

/// The activities of a hand-off's transcript attachment; `None` when it is another attachment.
pub fn in_attachment(attachment: &Value) -> Option<Vec<Activity>> {
    let content = attachment.get("content")?;
    let packed = content.as_str().and_then(json::packed);
    let content = packed.as_ref().map_or(content, |packed| &packed.value);
    let named = attachment
        .get("name")
        .and_then(Value::as_str)
        .is_some_and(|name| name.trim().eq_ignore_ascii_case("transcript"));
    let list = match content {
        Value::Array(list) if named => list,
        _ => content.get("activities")?.as_array()?,
    };
    Some(list.iter().cloned().filter_map(Activity::from_value).collect())
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
            json!({"name": "transcript", "content": format!("\u{feff}[{said}]")}),
            json!({"content": format!(r#"{{"activities":[{said}],"topic":"cut \ud83d","n":1e400}}"#)}),
        ] {
            let found = in_attachment(&attachment).expect("a transcript");
            assert_eq!(found.len(), 1, "{attachment}");
            assert_eq!(found[0].text.as_deref(), Some("hi"));
        }
        for attachment in [json!({}), json!(null), json!({"content": [said]}), json!({"content": {"a": 1}})] {
            assert_eq!(in_attachment(&attachment), None, "{attachment}");
        }
    }
}
