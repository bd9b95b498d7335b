//! The readable text of what we don't know.

use serde_json::{Map, Value};

/// The fields people read, in the order they are shown.
pub const KEYS: [&str; 8] =
    ["value", "label", "message", "header", "text", "title", "promptMsg", "description"];

/// Everything readable in a value: its own [`KEYS`], then those of the objects one level down. Strings only, no
/// text twice. A lone string is readable itself.
pub fn readable(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::String(text) => add(&mut found, text),
        Value::Object(map) => object(map, &mut found),
        Value::Array(list) => {
            for entry in list {
                shallow(entry, true, &mut found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    found
}

/// The same as one text, a paragraph each; `None` when nothing is readable.
pub fn joined(value: &Value) -> Option<String> {
    join(&readable(value))
}

/// Paragraphs as one text; `None` when there are none.
pub fn join(paragraphs: &[String]) -> Option<String> {
    (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n"))
}

/// A text in one line, with one blank for each run of blanks.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Adds a text unless it is blank or there already; among very many, repeats are not looked for.
pub fn add(found: &mut Vec<String>, text: &str) {
    if !text.trim().is_empty() && !found.iter().take(500).any(|known| known == text) {
        found.push(text.to_owned());
    }
}

fn object(map: &Map<String, Value>, found: &mut Vec<String>) {
    for key in KEYS {
        match map.get(key) {
            Some(Value::String(text)) => add(found, text),
            Some(nested) => shallow(nested, true, found),
            None => {}
        }
    }
    let others = map.iter().filter(|(key, _)| !KEYS.contains(&key.as_str()) && *key != "agentInfo");
    for (_, nested) in others {
        shallow(nested, false, found);
    }
}

/// One level down: an object's keys, or those of a list's objects; a list's bare strings when its key says it is
/// to be read.
fn shallow(value: &Value, strings: bool, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for text in KEYS.iter().filter_map(|key| map.get(*key)?.as_str()) {
                add(found, text);
            }
        }
        Value::Array(list) => {
            for entry in list {
                match entry {
                    Value::Object(_) => shallow(entry, strings, found),
                    Value::String(text) if strings => add(found, text),
                    _ => {}
                }
            }
        }
        Value::String(text) if strings => add(found, text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_readable_key_is_found_once_and_in_order() {
        let value = json!({
            "description": "d", "promptMsg": "p", "title": "t", "text": "x", "header": "h",
            "message": "m", "label": "x", "value": "v", "secret": "no", "n": 3,
        });
        assert_eq!(readable(&value), ["v", "x", "m", "h", "t", "p", "d"]);
    }

    #[test]
    fn objects_are_read_one_level_deep() {
        let value = json!({
            "value": {"label": "inner", "deep": {"label": "too deep"}},
            "steps": [{"text": "one"}, {"text": "two"}, "bare"],
            "agentInfo": {"title": "no"},
        });
        assert_eq!(readable(&value), ["inner", "one", "two"]);
        assert_eq!(readable(&json!("alone")), ["alone"]);
        assert_eq!(joined(&json!({"a": 1})), None);
    }
}
