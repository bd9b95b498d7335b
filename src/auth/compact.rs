//! JSON without the white space around its tokens, as whoever signed it may have written it.

use serde::de::IgnoredAny;

/// How numbers and strings are written.
type Writing = (fn(&str, &mut String), fn(&str, &mut String));

/// JavaScript's `JSON.stringify(JSON.parse(text))`; numbers kept to the digit, by those who can; all tokens as they came.
const WRITINGS: [Writing; 3] = [(number, string), (as_it_came, string), (as_it_came, as_it_came)];

/// The compact forms of a JSON text, its keys in the order they came; none when it is no JSON.
///
/// Not followed: a key that comes twice, and keys that are whole numbers, which JavaScript puts first.
pub fn compact(body: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(body).ok();
    let text = text.filter(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    text.map_or_else(Vec::new, |text| WRITINGS.iter().map(|writing| written(text, *writing)).collect())
}

fn written(text: &str, (number, string): Writing) -> String {
    let mut out = String::with_capacity(text.len());
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
            _ => out.push_str(token),
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

/// Half an emoji can't be read; JavaScript leaves it as it came, too.
fn string(token: &str, out: &mut String) {
    let read = serde_json::from_str::<String>(token).ok();
    match read.and_then(|text| serde_json::to_string(&text).ok()) {
        Some(written) => out.push_str(&written),
        None => out.push_str(token),
    }
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
                "[1.0, 1e3, 1.50, -0, 0.1, 1e21, 1E-7, 123456789012345678901, -2.5e-8]",
                "[1,1000,1.5,0,0.1,1e+21,1e-7,123456789012345680000,-2.5e-8]",
            ),
            (" 7 ", "7"),
        ];
        for (text, written) in rows {
            assert_eq!(compact(text.as_bytes())[0], written, "{text}");
        }
        for text in ["", "{", "{\"a\":}", "nothing"] {
            assert!(compact(text.as_bytes()).is_empty(), "{text}");
        }
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
