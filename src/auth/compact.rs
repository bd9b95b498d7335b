//! JSON without the white space around its tokens, as whoever signed it may have written it.

use std::collections::{HashMap, hash_map::Entry};

use serde::de::IgnoredAny;

use crate::wire::json;

/// How numbers, strings and an object's members are written.
struct Writing {
    number: fn(&str, &mut String),
    string: fn(&str, &mut String),
    members: fn(&str, &[usize]) -> Option<String>,
}

/// JavaScript's `JSON.stringify(JSON.parse(text))`; numbers kept to the digit, by those who can; all tokens as they came.
const WRITINGS: [Writing; 3] = [
    Writing { number, string, members: ordered },
    Writing { number: as_it_came, string, members: |_, _| None },
    Writing { number: as_it_came, string: as_it_came, members: |_, _| None },
];

/// Objects deeper down keep their members as they came: what moves there would move again with each object around it.
const DEEPEST: usize = 32;

/// The compact forms of a JSON text; none when it is no JSON.
pub fn compact(body: &[u8]) -> Vec<String> {
    let text = json::decoded(body);
    let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
    WRITINGS.iter().filter(|_| is_json).map(|writing| written(&text, writing)).collect()
}

fn written(text: &str, Writing { number, string, members }: &Writing) -> String {
    let mut out = String::with_capacity(text.len());
    // Where the members begin of each object that is open; an array has none.
    let mut open: Vec<Vec<usize>> = vec![];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => end_of_string(rest),
            '-' | '0'..='9' => rest
                .find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9'))
                .unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        match first {
            ' ' | '\t' | '\r' | '\n' => {}
            '"' => string(token, &mut out),
            '-' | '0'..='9' => number(token, &mut out),
            '}' => {
                close(&mut out, &open.pop().unwrap_or_default(), open.len(), *members);
                out.push('}');
            }
            ']' => {
                open.pop();
                out.push(']');
            }
            _ => out.push_str(token),
        }
        match (first, open.last_mut()) {
            ('{', _) => open.push(vec![out.len()]),
            ('[', _) => open.push(vec![]),
            (',', Some(begun)) if !begun.is_empty() => begun.push(out.len()),
            _ => {}
        }
        rest = after;
    }
    out
}

fn as_it_came(token: &str, out: &mut String) {
    out.push_str(token);
}

/// Behind the closing quote; the text is known to be JSON.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Puts the members of an object that ends into their order.
fn close(out: &mut String, begun: &[usize], depth: usize, order: fn(&str, &[usize]) -> Option<String>) {
    let Some(&start) = begun.first() else { return };
    if depth < DEEPEST
        && let Some(members) = order(out, begun)
    {
        out.truncate(start);
        out.push_str(&members);
    }
}

/// Keys that are whole numbers go first, by their size. Of those that are equal the last counts, at the place of the first.
fn ordered(out: &str, begun: &[usize]) -> Option<String> {
    let ends = begun.iter().skip(1).map(|next| next - 1).chain([out.len()]);
    let all = begun.iter().zip(ends).map(|(start, end)| &out[*start..end]);
    let (mut members, mut places) = (Vec::<(u64, &str)>::new(), HashMap::<&str, usize>::new());
    for member in all {
        let key = &member[..end_of_string(member)];
        match places.entry(key) {
            Entry::Occupied(place) => members[*place.get()].1 = member,
            Entry::Vacant(place) => {
                place.insert(members.len());
                members.push((rank(key), member));
            }
        }
    }
    if members.len() == begun.len() && members.is_sorted_by_key(|(rank, _)| *rank) {
        return None;
    }
    members.sort_by_key(|(rank, _)| *rank);
    Some(members.iter().map(|(_, member)| *member).collect::<Vec<_>>().join(","))
}

/// What JavaScript takes for an index, by its size; all other keys behind it.
fn rank(key: &str) -> u64 {
    let digits = key.trim_matches('"');
    let index = digits.parse::<u32>().ok().filter(|index| *index < u32::MAX && index.to_string() == digits);
    index.map_or(u64::MAX, u64::from)
}

/// Half an emoji stays an escape.
fn string(token: &str, out: &mut String) {
    out.push('"');
    let mut done = 1;
    for half in json::halves(token) {
        whole(&token[done..half.start], out);
        out.push_str(&token[half.clone()].to_ascii_lowercase());
        done = half.end;
    }
    whole(&token[done..token.len() - 1], out);
    out.push('"');
}

/// What stands between a string's quotes, with no escape but those that JSON demands.
fn whole(text: &str, out: &mut String) {
    let read = serde_json::from_str::<String>(&format!("\"{text}\"")).ok();
    let written = read.and_then(|text| serde_json::to_string(&text).ok());
    out.push_str(written.as_deref().map_or(text, |written| &written[1..written.len() - 1]));
}

fn number(token: &str, out: &mut String) {
    let digits = token.strip_prefix('-').unwrap_or(token);
    let is_plain = digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let written = match token.parse::<f64>() {
        Ok(0.0) => "0".to_owned(),
        Ok(number) if !is_plain => shortest(number),
        _ => token.to_owned(),
    };
    out.push_str(&written);
}

fn shortest(number: f64) -> String {
    if (1e-6..1e21).contains(&number.abs()) {
        return number.to_string();
    }
    let written = format!("{number:e}");
    if written.contains("e-") { written } else { written.replace('e', "e+") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_javascript_writes_it() {
        let rows = [
            (
                "{ \"a\" : [ 1 , true , null ] ,\r\n\t\"b c\" : \"x  y\" }",
                r#"{"a":[1,true,null],"b c":"x  y"}"#,
            ),
            (r#"{"a":"\u00e4\/\t\u001F\u2028"}"#, "{\"a\":\"ä/\\t\\u001f\u{2028}\"}"),
            (r#"["a\"b\\", "\ud83d\ude00", "\ud83d"]"#, "[\"a\\\"b\\\\\",\"😀\",\"\\ud83d\"]"),
            (
                r#"["\uD83D", "\u00e4\ud83d\t\uDE00\uD83D\uDE00", "\\ud83d\u00E4"]"#,
                r#"["\ud83d","ä\ud83d\t\ude00😀","\\ud83dä"]"#,
            ),
            ("\u{feff}{ }", "{}"),
            (
                r#"{"b":1, "10":2, "2":[{"c":0, "1":0}], "01":3, "-1":4, "4294967295":5, "4294967294":6}"#,
                r#"{"2":[{"1":0,"c":0}],"10":2,"4294967294":6,"b":1,"01":3,"-1":4,"4294967295":5}"#,
            ),
            (
                r#"{"a":1, "b":[2, 3], "\u0061":{"x":1, "x":2}, "7":8, "7":9}"#,
                r#"{"7":9,"a":{"x":2},"b":[2,3]}"#,
            ),
            (r#"[{}, [], {"a":{}}, {"a":[],"0":""}]"#, r#"[{},[],{"a":{}},{"0":"","a":[]}]"#),
            (
                "[1.0, 1e3, 1.50, -0, 0.1, 1e21, 1E-7, 123456789012345678901, -2.5e-8]",
                "[1,1000,1.5,0,0.1,1e+21,1e-7,123456789012345680000,-2.5e-8]",
            ),
            (" 7 ", "7"),
        ];
        for (text, written) in rows {
            assert_eq!(compact(text.as_bytes())[0], written, "{text}");
        }
        let utf16: Vec<u8> = "\u{feff}[ 1 ]".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(compact(&utf16)[0], "[1]");
        for text in ["", "{", "{\"a\":}", "nothing"] {
            assert!(compact(text.as_bytes()).is_empty(), "{text}");
        }
    }

    #[test]
    fn far_down_nothing_is_moved() {
        let deep = format!("{}1{}", r#"{"b":0,"1":"#.repeat(20_000), "}".repeat(20_000));
        let written = compact(deep.as_bytes()).swap_remove(0);
        assert_eq!(written.len(), deep.len());
        let moved = written.matches(r#","b":0}"#).count();
        assert_eq!((written.starts_with(r#"{"1":{"1":"#), moved), (true, DEEPEST));
    }

    #[test]
    fn others_keep_numbers_or_every_token() {
        let body = br#"{ "a" : "\u00e4" , "n" : [ 1.50, 12345678901234567890 ] }"#;
        let rest = compact(body).split_off(1);
        assert_eq!(
            rest,
            [
                r#"{"a":"ä","n":[1.50,12345678901234567890]}"#,
                r#"{"a":"\u00e4","n":[1.50,12345678901234567890]}"#
            ]
        );
    }
}
