//! Numbers that no double holds: an integer of more than 64 bits, a fraction with its zeros. What is only passed through keeps
//! them, as texts under a mark, until it is written.

use std::borrow::Cow;

use serde_json::{Value, value::RawValue};

use super::{NotJson, Read};

/// Stands before a number that is kept as a text.
const MARK: &str = "\u{f8ff}number\u{f8ff}";

/// Reads what a far end sent as [`read`](super::read) does, with each number that would be written otherwise than it came kept by
/// its mark.
///
/// # Errors
/// When it is no JSON.
pub fn read(bytes: &[u8]) -> Result<Read, NotJson> {
    let text = super::text(bytes);
    let json: &RawValue = serde_json::from_str(&text).map_err(|_| NotJson)?;
    super::read(marked(json.get()).as_bytes())
}

fn marked(json: &str) -> String {
    let (mut out, mut rest) = (String::new(), json);
    while let Some(start) = rest.find(|sign: char| sign == '"' || sign == '-' || sign.is_ascii_digit()) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let is_text = rest.starts_with('"');
        let (token, behind) = rest.split_at(if is_text { text_end(rest) } else { number_end(rest) });
        rest = behind;
        if is_text || is_same(token) {
            out.push_str(token);
        } else {
            out.push_str(&Value::from([MARK, token].concat()).to_string());
        }
    }
    out.push_str(rest);
    out
}

/// The digits of a number that is kept as this text.
pub fn kept(text: &str) -> Option<&str> {
    text.strip_prefix(MARK).filter(|digits| is_number(digits))
}

/// A text or a number as it came.
pub fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => kept(text).unwrap_or(text).into(),
        other => other.to_string().into(),
    }
}

/// Gives up the marks, for readers that know doubles only: an integer becomes the text of its digits, so that they are all there.
pub fn loosen(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(digits) = kept(text) {
                let is_whole = !digits.contains(['.', 'e', 'E']);
                let number = serde_json::from_str::<Value>(digits).ok().filter(|_| !is_whole);
                *value = number.unwrap_or_else(|| digits.into());
            }
        }
        Value::Array(list) => list.iter_mut().for_each(loosen),
        Value::Object(fields) => fields.values_mut().for_each(loosen),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// JSON with the numbers that were kept as they came.
pub fn written(value: &Value) -> String {
    let (mut out, json, kept) = (String::new(), value.to_string(), ["\"", MARK].concat());
    let mut parts = json.split(&kept);
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once('"') {
            Some((number, rest)) if is_number(number) => {
                out.push_str(number);
                out.push_str(rest);
            }
            _ => out.extend(["\"", MARK, part]),
        }
    }
    out
}

fn text_end(json: &str) -> usize {
    let mut escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(json.len(), |end| end + 2)
}

fn number_end(json: &str) -> usize {
    json.find(|sign: char| !matches!(sign, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(json.len())
}

fn is_number(token: &str) -> bool {
    number_end(token) == token.len() && serde_json::from_str::<&RawValue>(token).is_ok()
}

fn is_same(token: &str) -> bool {
    let written = serde_json::from_str::<Value>(token).map(|value| value.to_string());
    written.is_ok_and(|written| written == token)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_written_as_they_came_and_texts_are_left_alone() {
        let json = r#"{"a":123456789012345678901234567890,"b":[1.10,-9223372036854775809,1e3,0.1,7,-0],"c":"1e3 \"9.90\\","d":{"9.90":true}}"#;
        let Read { value, lost: 0 } = read(json.as_bytes()).expect("JSON") else { panic!("lost") };
        assert_eq!(written(&value), json);
        assert_eq!((&value["b"][3], &value["b"][4]), (&Value::from(0.1), &Value::from(7)));
        let stored: Value = serde_json::from_str(&value.to_string()).expect("JSON");
        assert_eq!(written(&stored), json, "also when it was stored meanwhile");
    }

    #[test]
    fn numbers_without_end_and_lists_without_end_hide_no_neighbour() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        let Read { value, lost } =
            read(format!(r#"{{"a":1e400,"b":{deep},"c":7}}"#).as_bytes()).expect("JSON");
        assert_eq!((lost, written(&value)), (1, r#"{"a":1e400,"b":[[[[[[[null]]]]]]],"c":7}"#.to_owned()));
        assert_eq!(read(b"{\"a\":1.}"), Err(NotJson));
    }

    #[test]
    fn who_knows_doubles_only_gets_all_digits_of_an_integer() {
        let json = r#"{"a":[110169484474386276334,1.10,1e3,7],"b":1e400}"#;
        let mut value = read(json.as_bytes()).expect("JSON").value;
        loosen(&mut value);
        let a = json!(["110169484474386276334", 1.1, 1000.0, 7]);
        assert_eq!(value, json!({"a": a, "b": "1e400"}));
    }

    #[test]
    fn a_text_that_only_looks_like_a_kept_number_stays_a_text() {
        for text in ["x", "", "1 ", "--", "1\"", "\\"] {
            let json = Value::from([MARK, text].concat());
            assert_eq!(written(&json), json.to_string(), "{text}");
        }
    }
}
