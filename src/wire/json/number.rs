//! Numbers that no double holds: an integer of more than 64 bits, a fraction with its zeros. What is only passed through keeps
//! them, as texts under a mark, until it is written.

use serde_json::{Value, value::RawValue};

/// Stands before a number that is kept as a text.
const MARK: &str = "\u{f8ff}number\u{f8ff}";

/// The value, with each number that would be written otherwise than it came kept by its mark.
pub fn kept(json: &RawValue) -> Option<Value> {
    let (mut out, mut rest) = (String::new(), json.get());
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
    serde_json::from_str(&out).ok()
}

/// JSON with the numbers that were kept as they came.
pub fn written(value: &Value) -> String {
    let (mut out, json, kept) = (String::new(), value.to_string(), ["\"", MARK].concat());
    let mut parts = json.split(&kept);
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once('"') {
            Some((number, rest)) if number_end(number) == number.len() && is_number(number) => {
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
    serde_json::from_str::<&RawValue>(token).is_ok()
}

fn is_same(token: &str) -> bool {
    let written = serde_json::from_str::<Value>(token).map(|value| value.to_string());
    written.is_ok_and(|written| written == token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_came_and_texts_are_left_alone() {
        let json = r#"{"a":123456789012345678901234567890,"b":[1.10,-9223372036854775809,1e3,0.1,7,-0],"c":"1e3 \"9.90\\","d":{"9.90":true}}"#;
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        let value = kept(raw).expect("a value");
        assert_eq!(written(&value), json);
        assert_eq!((&value["b"][3], &value["b"][4]), (&Value::from(0.1), &Value::from(7)));
        let stored: Value = serde_json::from_str(&value.to_string()).expect("JSON");
        assert_eq!(written(&stored), json, "also when it was stored meanwhile");
    }

    #[test]
    fn a_text_that_only_looks_like_a_kept_number_stays_a_text() {
        for text in ["x", "", "1 ", "--", "1\"", "\\"] {
            let json = Value::from([MARK, text].concat());
            assert_eq!(written(&json), json.to_string(), "{text}");
        }
    }
}
