//! Elements we have no mapping for.

use serde_json::Value;

use super::hidden;
use crate::{
    domain::control::{Control, Mask, TextInput},
    translate::{readable, text::Voice},
    wire::json,
};

/// An element we have no mapping for: its readable text, or, where the answer to it must be hidden, a question like the one we know.
pub fn degraded(ui_type: String, raw: &Value, mask: Mask, by: Voice) -> Option<Control> {
    let text = degraded_text(raw);
    if mask != Mask::None && (is_input(&ui_type) || asks(raw)) {
        return Some(Control::TextInput(TextInput { prompt: text, mask, ..TextInput::default() }));
    }
    Some(hidden(Control::Degraded { ui_type, text: text? }, mask, by))
}

fn is_input(ui_type: &str) -> bool {
    ui_type.to_ascii_lowercase().contains("input")
}

/// Whether something in it wants an answer: it, or what it holds.
fn asks(raw: &Value) -> bool {
    match raw {
        Value::Object(map) => {
            let named = map.get("uiType").and_then(Value::as_str).is_some_and(is_input);
            named || map.contains_key("required") || map.values().any(asks)
        }
        Value::Array(list) => list.iter().any(asks),
        _ => false,
    }
}

/// The readable text of an element we have no mapping for, also of what a custom control or a card packs into a
/// string.
fn degraded_text(raw: &Value) -> Option<String> {
    let mut found = readable::readable(raw);
    for key in ["serializedControlData", "data"] {
        let Some(packed) = raw.get(key).and_then(Value::as_str) else { continue };
        match json::read(packed.as_bytes()) {
            Ok(json::Read { value, .. }) if !value.is_string() => {
                readable::readable(&value).iter().for_each(|text| readable::add(&mut found, text));
            }
            _ if key == "data" => readable::add(&mut found, packed),
            _ => {}
        }
    }
    if found.is_empty()
        && let Some(name) = raw.get("serializedControlData").and(raw.get("name")).and_then(Value::as_str)
    {
        readable::add(&mut found, name);
    }
    readable::join(&found)
}
