//! JSON as JavaScript writes it again: `JSON.stringify(JSON.parse(text))`.

use serde::de::IgnoredAny;

/// The compact form of a JSON text, its keys in the order they came; `None` when it is no JSON.
///
/// Numbers and escapes are written as JavaScript would. Not followed: a key that comes twice, and keys that are whole
/// numbers, which JavaScript puts first.
pub fn compact(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
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
    Some(out)
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
            assert_eq!(compact(text.as_bytes()).as_deref(), Some(written), "{text}");
        }
        for text in ["", "{", "{\"a\":}", "nothing"] {
            assert_eq!(compact(text.as_bytes()), None, "{text}");
        }
    }
}
