//! JSON of strangers: a client's read strictly, so that nobody behind us can read it otherwise; a far end's as far as it
//! can be read.

use std::{borrow::Cow, collections::BTreeMap, fmt, ops::Range};

use serde::{
    Deserialize,
    de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value, value::RawValue};

pub mod number;

/// Levels down to which a part that can't be held is looked for; each costs one more reading of what is left.
const SALVAGED: usize = 8;

/// Levels that lists and objects may be nested: what was read is stored some levels deeper, and `serde_json` reads 127 of them.
const DEEPEST: usize = 100;

/// Why a client's text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStrict {
    #[error("The body is not UTF-8.")]
    NotUtf8,
    #[error("The body is not JSON.")]
    NotJson,
    #[error("A name stands twice in one object.")]
    Twice,
    #[error("The body is nested too deep.")]
    TooDeep,
}

/// A far end's bytes hold no JSON at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON")]
pub struct NotJson;

/// A far end's JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    pub value: Value,
    /// Parts that are JSON and can't be held, nested too deep: they are null.
    pub lost: usize,
}

/// Reads JSON in which every name stands once: UTF-8 without a byte order mark. Halves of surrogate pairs, which browsers
/// send, become U+FFFD.
///
/// # Errors
/// When it is anything else.
pub fn strict(bytes: &[u8]) -> Result<Value, NotStrict> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotStrict::NotUtf8)?;
    let read = serde_json::from_str::<Strict>(&with_whole_surrogates(text));
    let Strict(mut value) = read.map_err(|error| match error.to_string() {
        why if why.starts_with(TWICE) => NotStrict::Twice,
        why if why.starts_with(RECURSION) => NotStrict::TooDeep,
        _ => NotStrict::NotJson,
    })?;
    if cut_deep(text, &mut value) > 0 { Err(NotStrict::TooDeep) } else { Ok(value) }
}

/// Reads what a far end sent, whatever its encoding; one part that can't be held hides no other.
///
/// # Errors
/// When it is no JSON.
pub fn read(bytes: &[u8]) -> Result<Read, NotJson> {
    let text = text(bytes);
    let mut lost = 0;
    let mut value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(_) => {
            let raw: &RawValue = serde_json::from_str(&text).map_err(|_| NotJson)?;
            salvage(raw.get(), SALVAGED, &mut lost)
        }
    };
    lost += cut_deep(&text, &mut value);
    if text.contains("private") || text.contains("\\u00") {
        own(&mut value);
    }
    Ok(Read { value, lost })
}

/// Makes null of what is nested deeper than may be, in the value of `text`, and says how many such parts there were.
fn cut_deep(text: &str, value: &mut Value) -> usize {
    fn cut(value: &mut Value, levels: usize) -> usize {
        match value {
            Value::Array(_) | Value::Object(_) if levels == 0 => {
                *value = Value::Null;
                1
            }
            Value::Array(list) => list.iter_mut().map(|item| cut(item, levels - 1)).sum(),
            Value::Object(fields) => fields.values_mut().map(|field| cut(field, levels - 1)).sum(),
            _ => 0,
        }
    }
    let may_be_deep = memchr::memchr2_iter(b'[', b'{', text.as_bytes()).nth(DEEPEST).is_some();
    if may_be_deep { cut(value, DEEPEST) } else { 0 }
}

/// Gives names that begin as the reader's own do another beginning.
fn own(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(own),
        Value::Object(fields) => {
            if fields.keys().any(|name| name.starts_with(PRIVATE)) {
                let named = |(name, value): (String, Value)| (name.replace("::", ":"), value);
                *fields = std::mem::take(fields).into_iter().map(named).collect();
            }
            fields.values_mut().for_each(own);
        }
        _ => {}
    }
}

/// An object or a list that was put into a text, perhaps more than once; read as what a far end sent.
pub fn packed(text: &str) -> Option<Read> {
    let text = text.trim_matches(is_blank);
    let read = text.starts_with(['{', '[', '"']).then(|| read(text.as_bytes()).ok())??;
    match &read.value {
        Value::String(inner) => packed(inner),
        _ => Some(read),
    }
}

/// White space, or a byte order mark.
pub fn is_blank(sign: char) -> bool {
    sign.is_whitespace() || sign == '\u{feff}'
}

/// Cuts lists short once `left` entries have come in all of them, and says how many were cut.
pub fn cut_lists(value: &mut Value, left: &mut usize) -> usize {
    match value {
        Value::Array(list) => {
            let (mut kept, mut cut) = (0, 0);
            for entry in &mut *list {
                let Some(less) = left.checked_sub(1) else { break };
                *left = less;
                kept += 1;
                cut += cut_lists(entry, left);
            }
            cut += list.len() - kept;
            list.truncate(kept);
            cut
        }
        Value::Object(fields) => fields.values_mut().map(|field| cut_lists(field, left)).sum(),
        _ => 0,
    }
}

/// Bytes as JSON text that strict readers take: as [`decoded`], and halves of surrogate pairs as U+FFFD.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match decoded(bytes) {
        Cow::Borrowed(text) => with_whole_surrogates(text),
        Cow::Owned(text) => match with_whole_surrogates(&text) {
            Cow::Owned(mended) => mended.into(),
            Cow::Borrowed(_) => text.into(),
        },
    }
}

/// Bytes as text without a byte order mark, UTF-16 and UTF-32 decoded, what is not UTF-8 as U+FFFD.
pub fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match *bytes {
        [0xef, 0xbb, 0xbf, ref rest @ ..] => String::from_utf8_lossy(rest),
        [0xff, 0xfe, 0, 0, ref rest @ ..] => utf32(rest, u32::from_le_bytes).into(),
        [0, 0, 0xfe, 0xff, ref rest @ ..] => utf32(rest, u32::from_be_bytes).into(),
        // The same as below, with three zeros.
        [0, 0, 0, first, ..] if first != 0 => utf32(bytes, u32::from_be_bytes).into(),
        [first, 0, 0, 0, ..] if first != 0 => utf32(bytes, u32::from_le_bytes).into(),
        [0xff, 0xfe, ref rest @ ..] => utf16(rest, u16::from_le_bytes).into(),
        [0xfe, 0xff, ref rest @ ..] => utf16(rest, u16::from_be_bytes).into(),
        // JSON begins with an ASCII character, so a zero beside it gives UTF-16 away (RFC 4627, section 3).
        [0, first, ..] if first != 0 => utf16(bytes, u16::from_be_bytes).into(),
        [first, 0, ..] if first != 0 => utf16(bytes, u16::from_le_bytes).into(),
        _ => std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> String {
    let units = bytes.chunks_exact(4).map(|four| unit([four[0], four[1], four[2], four[3]]));
    units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn salvage(text: &str, levels: usize, lost: &mut usize) -> Value {
    if let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    match text.as_bytes().first() {
        Some(b'{') if levels > 0 => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap_or_default();
            fields.into_iter().map(|(name, raw)| (name, salvage(raw.get(), levels - 1, lost))).collect()
        }
        Some(b'[') if levels > 0 => {
            let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            items.into_iter().map(|raw| salvage(raw.get(), levels - 1, lost)).collect()
        }
        _ => {
            *lost += 1;
            Value::Null
        }
    }
}

/// Replaces `\ud800` escapes that have no other half by `\ufffd`.
fn with_whole_surrogates(text: &str) -> Cow<'_, str> {
    let halves = halves(text);
    if halves.is_empty() {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for half in halves {
        out.push_str(&text[done..half.start]);
        out.push_str("\\ufffd");
        done = half.end;
    }
    out.push_str(&text[done..]);
    out.into()
}

/// Where `\ud800` escapes stand that have no other half.
pub fn halves(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let half = |at: usize| matches!(bytes.get(at..at + 3), Some(b"\\ud" | b"\\uD"));
    let mut halves = vec![];
    if !memchr::memchr_iter(b'\\', bytes).any(half) {
        return halves;
    }
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'\\', &bytes[at..]) {
        at += next;
        let tail = &text[at..];
        at += match (surrogate(tail), tail.get(6..).and_then(surrogate)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(_), _) => {
                halves.push(at..at + 6);
                6
            }
            (None, _) => 1 + tail[1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    halves
}

/// The half of a surrogate pair that `text` begins with, as a JSON escape.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok().filter(|unit| (0xd800..0xe000).contains(unit))
}

const TWICE: &str = "a name stands twice";
/// As `serde_json` says it.
const RECURSION: &str = "recursion limit exceeded";
/// How names begin that `serde_json` keeps for itself: what has one can be written and not read again.
const PRIVATE: &str = "$serde_json::private::";
/// Under this name `serde_json` hands out a number as it was written; only an exponent always gets its sign.
const WRITTEN: &str = "$serde_json::private::Number";

/// A value in which no object has a name twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Once).map(Self)
    }
}

struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = vec![];
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Strict(value))) = fields.next_entry::<String, _>()? {
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        if !map.keys().any(|name| name.starts_with(PRIVATE)) {
            return Ok(map.into());
        }
        let written = map.get(WRITTEN).and_then(Value::as_str).filter(|_| map.len() == 1);
        match written.and_then(|written| written.parse::<Number>().ok()) {
            Some(number) if number.as_f64().is_none() => Err(A::Error::custom("no number that others read")),
            Some(number) => Ok(number.into()),
            None => {
                let mut odd = map.into();
                own(&mut odd);
                Ok(odd)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_end_where_there_is_no_more_room() {
        let whole = json!({"a": [[1, 2, 3], {"b": [4, 5]}, 6], "c": {"d": [7]}});
        for (most, cut, expected) in [
            (20, 0, whole.clone()),
            (5, 4, json!({"a": [[1, 2, 3], {"b": []}], "c": {"d": []}})),
            (2, 5, json!({"a": [[1]], "c": {"d": []}})),
        ] {
            let mut value = whole.clone();
            assert_eq!((cut_lists(&mut value, &mut { most }), &value), (cut, &expected), "{most}");
        }
    }

    #[test]
    fn a_client_is_read_strictly() {
        assert_eq!(
            strict(br#" {"a":[1,-2,0.5,true,null,"x\u00e9"]} "#),
            Ok(json!({"a": [1, -2, 0.5, true, null, "x\u{e9}"]}))
        );
        assert_eq!(
            strict(br#"{"a":"\ud83d","b":"\ude00 \ud83d\ude00"}"#),
            Ok(json!({"a": "\u{fffd}", "b": "\u{fffd} \u{1f600}"}))
        );
        let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for (bytes, why) in [
            (&b"{\"a\":1,\"a\":1}"[..], NotStrict::Twice),
            (b"{\"a\":1,\"\\u0061\":1}", NotStrict::Twice),
            (b"[{\"b\":{\"a\":1,\"a\":2}}]", NotStrict::Twice),
            (b"\xef\xbb\xbf{}", NotStrict::NotJson),
            (&utf16, NotStrict::NotJson),
            (b"{\"a\":\"\xff\"}", NotStrict::NotUtf8),
            (b"{} {}", NotStrict::NotJson),
            (b"{'a':1}", NotStrict::NotJson),
            (b"{\"a\":1,}", NotStrict::NotJson),
            (b"// x\n{}", NotStrict::NotJson),
            (b"{\"a\":1e999}", NotStrict::NotJson),
            (b"{\"a\":NaN}", NotStrict::NotJson),
            (b"{\"a\":\"x\ny\"}", NotStrict::NotJson),
            (b"", NotStrict::NotJson),
            (deep.as_bytes(), NotStrict::TooDeep),
        ] {
            assert_eq!(strict(bytes), Err(why), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_is_read_can_be_stored_some_levels_deeper_and_read_again() {
        for (levels, taken) in
            [(99, true), (100, true), (101, false), (127, false), (128, false), (5_000, false)]
        {
            let within = levels - 1;
            let deep = format!(r#"{{"a":{}1{},"b":"x"}}"#, "[".repeat(within), "]".repeat(within));
            assert_eq!(strict(deep.as_bytes()).err(), (!taken).then_some(NotStrict::TooDeep), "{levels}");
            let Read { value, lost } = read(deep.as_bytes()).expect("JSON");
            assert_eq!((lost, &value["b"]), (usize::from(!taken), &json!("x")), "{levels}");
            let stored = format!(r#"{}{value}{}"#, "[".repeat(20), "]".repeat(20));
            assert!(serde_json::from_str::<Value>(&stored).is_ok(), "{levels}");
        }
        let wide = format!(r#"[{}1]"#, "[],".repeat(1_000));
        assert!(strict(wide.as_bytes()).is_ok());
    }

    #[test]
    fn names_that_the_reader_keeps_for_itself_make_nothing_unreadable() {
        for name in ["Number", "RawValue"] {
            let given =
                format!(r#"{{"a":{{"\u0024b":1,"\u0024serde_json::private::{name}":"zz"}},"c":[7]}}"#);
            let Read { value, .. } = read(given.as_bytes()).expect("JSON");
            for value in [value, strict(given.as_bytes()).expect("JSON")] {
                assert_eq!((&value["c"], &value["a"]["$b"]), (&json!([7]), &json!(1)));
                assert_eq!(serde_json::from_str::<Value>(&value.to_string()).expect("read again"), value);
            }
            for alone in ["\"zz\"", "7", "{}"] {
                let alone = format!(r#"{{"$serde_json::private::{name}":{alone}}}"#);
                let value = strict(alone.as_bytes()).expect("JSON");
                assert_eq!(serde_json::from_str::<Value>(&value.to_string()).expect("read again"), value);
            }
        }
    }

    #[test]
    fn numbers_stay_as_they_were_written() {
        let json = r#"{"id":12345678901234567890123,"list":[10.00,1e+3,-0,-9223372036854775809,0.10000000000000000001,7]}"#;
        let read = read(json.as_bytes()).expect("JSON").value;
        assert_eq!(strict(json.as_bytes()).as_ref(), Ok(&read));
        assert_eq!(read.to_string(), json);
    }

    #[test]
    fn a_far_end_is_read_in_every_encoding() {
        let expected = json!({"text": "\u{e9}\u{1f600}"});
        let plain = r#"{"text":"é😀"}"#;
        let utf16 = |bom: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            format!("{bom}{plain}").encode_utf16().flat_map(bytes).collect()
        };
        let utf32 = |bom: &str, bytes: fn(u32) -> [u8; 4]| -> Vec<u8> {
            format!("{bom}{plain}").chars().flat_map(|c| bytes(u32::from(c))).collect()
        };
        for bytes in [
            utf32("\u{feff}", u32::to_le_bytes),
            utf32("\u{feff}", u32::to_be_bytes),
            utf32("", u32::to_le_bytes),
            utf32("", u32::to_be_bytes),
            plain.as_bytes().to_vec(),
            format!("\u{feff}{plain}").into_bytes(),
            utf16("\u{feff}", u16::to_le_bytes),
            utf16("\u{feff}", u16::to_be_bytes),
            utf16("", u16::to_le_bytes),
            utf16("", u16::to_be_bytes),
            br#"{"text":"\u00e9\ud83d\ude00"}"#.to_vec(),
        ] {
            assert_eq!(read(&bytes), Ok(Read { value: expected.clone(), lost: 0 }), "{bytes:?}");
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}").map(|read| read.value), Ok(json!({"a": "\u{fffd}"})));
        assert_eq!(
            read(br#"{"a":"\ud83d","b":"\\ud83d"}"#).map(|read| read.value),
            Ok(json!({"a": "\u{fffd}", "b": "\\ud83d"}))
        );
        for no_json in [&b""[..], b"<html>", b"{\"a\":", b"\x1f\x8b\x08\x00", b"\x00\x00"] {
            assert_eq!(read(no_json), Err(NotJson), "{no_json:?}");
        }
    }

    #[test]
    fn json_in_a_text_is_read_as_a_far_ends_is() {
        let expected = json!({"a": "x\u{fffd}"});
        let text = r#"{"a":"x\ud83d"}"#;
        let again = json!(text).to_string();
        for text in [text, &format!("\u{feff}{text}"), &format!("\r\n \u{feff}{text} \n"), &again] {
            assert_eq!(packed(text).map(|read| read.value), Some(expected.clone()), "{text}");
        }
        assert_eq!(packed(r#"{"a":1e400,"b":2}"#).map(|read| read.value["b"].clone()), Some(json!(2)));
        let deep = format!(r#"{{"a":{}1{},"b":2}}"#, "[".repeat(200), "]".repeat(200));
        let Read { value, lost } = packed(&deep).expect("JSON");
        assert_eq!((lost, &value["b"]), (1, &json!(2)));
        for text in
            ["", "words", "\"words\"", "[urgent] words", "{\"a\":", "{} {}", "4711", "null", "{'a':1}"]
        {
            assert_eq!(packed(text), None, "{text}");
        }
    }

    #[test]
    fn what_cant_be_held_hides_no_neighbour() {
        let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
        let given = format!(r#"{{"list":[{{"a":1}},{{"a":{deep}}},{{"a":-1e+999,"b":"x"}}],"after":true}}"#);
        let expected = json!({"list": [{"a": 1}, {"a": null}, {"b": "x"}], "after": true});
        let Read { value, lost } = read(given.as_bytes()).expect("JSON");
        assert_eq!(lost, 1);
        assert_eq!(
            (value["list"][2]["a"].to_string().as_str(), &value["list"][2]["b"]),
            ("-1e+999", &"x".into())
        );
        assert_eq!((&value["list"][0], &value["after"]), (&expected["list"][0], &expected["after"]));
    }
}
