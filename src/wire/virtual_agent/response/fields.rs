//! Reads fields whose type can't be relied on.

use serde_json::{Map, Value};

use super::MOST_LISTED;
use crate::wire::json;

/// An object seen through forgiving eyes: what is missing, null or of a hopeless type is `None`.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// A value that is there and not null.
    pub fn value(self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A string that is not blank, as it stands; numbers and booleans as text.
    pub fn text(self, key: &str) -> Option<String> {
        self.value(key).and_then(scalar)
    }

    /// A string that is nothing but blanks and line ends.
    pub fn blank(self, key: &str) -> Option<String> {
        let text = self.value(key)?.as_str()?;
        text.trim().is_empty().then(|| text.to_owned())
    }

    /// The first of several keys that has a text.
    pub fn first(self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.text(key))
    }

    /// `true`, `"true"`, `1` and their opposites.
    pub fn flag(self, key: &str) -> Option<bool> {
        match self.value(key)? {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => number.as_f64().map(|number| number != 0.0),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => Some(true),
                "false" | "0" | "no" => Some(false),
                _ => None,
            },
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub fn number(self, key: &str) -> Option<f64> {
        match self.value(key)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// A number of things; fractions are rounded up.
    pub fn count(self, key: &str) -> Option<u64> {
        let number = self.number(key)?.ceil();
        (0.0..=1e15).contains(&number).then_some(number as u64)
    }

    /// A list; a lone object counts as a list of one.
    pub fn list(self, key: &str) -> &'a [Value] {
        match self.value(key) {
            Some(Value::Array(list)) => list,
            Some(lone @ Value::Object(_)) => std::slice::from_ref(lone),
            _ => &[],
        }
    }

    pub fn object(self, key: &str) -> Option<Fields<'a>> {
        self.value(key)?.as_object().map(Fields)
    }

    /// An object, or one written as JSON inside a string.
    pub fn embedded(self, key: &str) -> Option<Map<String, Value>> {
        match self.value(key)? {
            Value::Object(map) => Some(map.clone()),
            Value::String(text) => match json::packed(text)?.value {
                mut value @ Value::Object(_) => {
                    json::cut_lists(&mut value, &mut { MOST_LISTED });
                    value.as_object_mut().map(std::mem::take)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// A string that is not blank, a number or a boolean, as text.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
