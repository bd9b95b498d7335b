//! Transcripts: activities that were recorded elsewhere and may be written loosely.

use serde_json::Value;

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
