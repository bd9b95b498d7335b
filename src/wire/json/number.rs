//! Numbers as they were written. Older builds stored those that no double holds as texts under a mark.

use std::borrow::Cow;

use serde_json::{Value, value::RawValue};

/// Stands before a number that is kept as a text.
const MARK: &str = "\u{f8ff}number\u{f8ff}";

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

/// For readers that know doubles only: a larger integer becomes the text of its digits, so that they are all there.
pub fn loosen(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(number) = kept(text).and_then(|digits| digits.parse().ok()) {
                *value = Value::Number(number);
                loosen(value);
            }
        }
        Value::Number(number) if !(number.is_i64() || number.is_u64() || number.is_f64()) => {
            *value = number.to_string().into();
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

fn number_end(json: &str) -> usize {
    json.find(|sign: char| !matches!(sign, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(json.len())
}

fn is_number(token: &str) -> bool {
    number_end(token) == token.len() && serde_json::from_str::<&RawValue>(token).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{NotJson, Read, read},
        *,
    };

    #[test]
    fn numbers_are_written_as_they_came_and_texts_are_left_alone() {
        let json = r#"{"a":123456789012345678901234567890,"b":[1.10,-9223372036854775809,1e+3,0.1,7,-0],"c":"1e3 \"9.90\\","d":{"9.90":true}}"#;
        let Read { value, lost: 0 } = read(json.as_bytes()).expect("JSON") else { panic!("lost") };
        assert_eq!(written(&value), json);
        assert_eq!((&value["b"][3], &value["b"][4]), (&Value::from(0.1), &Value::from(7)));
        let stored = value.to_string().replace("1.10", &Value::from([MARK, "1.10"].concat()).to_string());
        let stored: Value = serde_json::from_str(&stored).expect("JSON");
        assert_eq!(written(&stored), json, "also when an older build stored it");
    }

    #[test]
    fn numbers_without_end_and_lists_without_end_hide_no_neighbour() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        let Read { value, lost } =
            read(format!(r#"{{"a":1e+400,"b":{deep},"c":7}}"#).as_bytes()).expect("JSON");
        assert_eq!((lost, written(&value)), (1, r#"{"a":1e+400,"b":[[[[[[[null]]]]]]],"c":7}"#.to_owned()));
        assert_eq!(read(b"{\"a\":1.}"), Err(NotJson));
    }

    #[test]
    fn who_knows_doubles_only_gets_all_digits_of_an_integer() {
        let json = r#"{"a":[110169484474386276334,1.10,1e3,7],"b":1e400}"#;
        let mut value = read(json.as_bytes()).expect("JSON").value;
        loosen(&mut value);
        assert_eq!(value.to_string(), r#"{"a":["110169484474386276334",1.10,1e+3,7],"b":"1e+400"}"#);
    }

    #[test]
    fn a_text_that_only_looks_like_a_kept_number_stays_a_text() {
        for text in ["x", "", "1 ", "--", "1\"", "\\"] {
            let json = Value::from([MARK, text].concat());
            assert_eq!(written(&json), json.to_string(), "{text}");
        }
    }
}
