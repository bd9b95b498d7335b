//! Settings in a file, for `--settings`: a `local.settings.json`, or a line `NAME=value` each.

use std::{borrow::Cow, collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::wire;

/// Reads the file. Of a name that is given twice the last counts.
///
/// # Errors
/// One sentence that names the file and what is wrong with it, never a value.
pub(super) fn settings_file(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let wrong = |what: String| format!("--settings {}: {what}", path.display());
    let bytes = fs::read(path).map_err(|failed| wrong(format!("can't be read: {failed}.")))?;
    parsed(&bytes).map_err(wrong)
}

fn parsed(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let text = decoded(bytes)?;
    let text = text.trim_start();
    if text.starts_with(['{', '/']) { json(text) } else { lines(text) }
}

/// A file's text, as Windows writes it too: with a byte order mark, and PowerShell's in UTF-16 unless told otherwise.
///
/// # Errors
/// When it is none, as the end of a sentence.
pub(super) fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Ok(wire::json::text(bytes)),
        _ => {
            let text = str::from_utf8(bytes).map_err(|_| "is not UTF-8; save it as UTF-8.")?;
            Ok(text.trim_start_matches('\u{feff}').into())
        }
    }
}

/// As the Functions tools read it: comments, and a comma behind the last value, are white space.
fn plain(text: &str) -> Vec<u8> {
    let (bytes, mut out) = (text.as_bytes(), text.as_bytes().to_vec());
    let find = |from: usize, what: &str| text[from..].find(what).map_or(text.len(), |found| from + found);
    let (mut at, mut comma) = (0, None);
    while at < bytes.len() {
        let comment = match &bytes[at..] {
            [b'/', b'/', ..] => find(at, "\n"),
            [b'/', b'*', ..] => (find(at + 2, "*/") + 2).min(text.len()),
            _ => at,
        };
        let blank = out[at..comment].iter_mut().filter(|byte| **byte != b'\n');
        blank.for_each(|byte| *byte = b' ');
        let behind = match bytes[at] {
            _ if comment > at => comment,
            b'"' => {
                let mut end = at + 1;
                while end < bytes.len() && bytes[end] != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                end + 1
            }
            _ => at + 1,
        };
        match bytes[at] {
            b',' => comma = Some(at),
            b'}' | b']' => comma.take().into_iter().for_each(|comma: usize| out[comma] = b' '),
            byte if comment == at && !byte.is_ascii_whitespace() => comma = None,
            _ => {}
        }
        at = behind;
    }
    out
}

fn json(text: &str) -> Result<BTreeMap<String, String>, String> {
    let file: Value = serde_json::from_slice(&plain(text))
        .map_err(|error| format!("is not JSON: see line {}, column {}.", error.line(), error.column()))?;
    if file["IsEncrypted"] == true {
        return Err("its values are encrypted; run `func settings decrypt` first.".to_owned());
    }
    let Some(values) = file["Values"].as_object() else {
        return Err("has no object `Values`; write it as a local.settings.json.".to_owned());
    };
    let text = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        Value::Number(_) | Value::Bool(_) => Ok((name.clone(), value.to_string())),
        Value::Null => Ok((name.clone(), String::new())),
        Value::Array(_) | Value::Object(_) => {
            Err(format!("the value of {name} is no text; write JSON into it as a text."))
        }
    };
    values.iter().map(text).collect()
}

fn lines(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let pair = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, value)) = pair.filter(|(name, _)| is_name(name)) else {
            return Err(format!("line {number} is no `NAME=value`."));
        };
        values.insert(name.to_owned(), unquoted(value).to_owned());
    }
    Ok(values)
}

/// As a variable of the environment is called, or an app setting. What a shell would do first, as `set`, is no part of a name.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    name.bytes().all(fits) && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// Without one pair of quotes around the whole.
pub(super) fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_functions_tools_is_read() {
        let text =
            r#"{"IsEncrypted":false,"Values":{"LOG":"debug","LONG_POLL":2000,"STORE":null},"Host":{}}"#;
        assert_eq!(of(parsed(text.as_bytes())), [("LOG", "debug"), ("LONG_POLL", "2000"), ("STORE", "")]);
    }

    #[test]
    fn a_file_of_lines_is_read_as_a_shell_would() {
        let text = "# ours\n\nLOG=info\nexport RELAY_KEY = 'a=b'\r\nSTORE=\"sqlite:x.db\"\nLOG=warn\n";
        let expected = [("LOG", "warn"), ("RELAY_KEY", "a=b"), ("STORE", "sqlite:x.db")];
        assert_eq!(of(parsed(text.as_bytes())), expected);
    }

    #[test]
    fn comments_and_a_last_comma_are_read_over_and_words_that_look_like_them_are_not() {
        let text = "// ours: \"x\n{/* {\n \" */ \"Values\": {\n\"LOG\": \"a//b\", // c\n\"STORE\": \"/*\\\"*/,}\" , /* d */ },\n}";
        assert_eq!(of(parsed(text.as_bytes())), [("LOG", "a//b"), ("STORE", "/*\"*/,}")]);
    }

    #[test]
    fn a_file_of_windows_is_read() {
        for text in ["{\"Values\":{\"LOG\":\"info\"}}", "LOG=info\r\n"] {
            let marked = format!("\u{feff}{text}");
            let utf16 = |unit: fn(u16) -> [u8; 2]| marked.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
            for bytes in [utf16(u16::to_le_bytes), utf16(u16::to_be_bytes), marked.clone().into_bytes()] {
                assert_eq!(of(parsed(&bytes)), [("LOG", "info")]);
            }
        }
        assert!(parsed(b"LOG=\xe9").unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn the_example_that_comes_with_the_program_is_one() {
        let example = parsed(include_bytes!("../../local.settings.json.example")).unwrap();
        assert_eq!(example["FUNCTIONS_WORKER_RUNTIME"], "custom");
    }

    #[test]
    fn what_is_wrong_is_told_without_a_value() {
        for (text, told) in [
            ("{\"Values\":{\"SECRET\" \"x\"}}", "line 1"),
            ("{\"IsEncrypted\":true,\"Values\":{\"LOG\":\"SECRET\"}}", "encrypted"),
            ("{\"LOG\":\"SECRET\"}", "no object `Values`"),
            ("{\"Values\":{\"SERVICENOW_CONTEXT\":{\"a\":\"SECRET\"}}}", "SERVICENOW_CONTEXT is no text"),
            ("LOG=info\nSECRET", "line 2"),
            ("set RELAY_KEY=SECRET", "line 1"),
            ("# ours\n$env:RELAY_KEY=\"SECRET\"", "line 2"),
            ("setx RELAY_KEY SECRET=", "line 1"),
            ("=SECRET", "line 1"),
            ("1RELAY_KEY=SECRET", "line 1"),
        ] {
            let error = parsed(text.as_bytes()).unwrap_err();
            assert!(error.contains(told) && !error.contains("SECRET"), "{error}");
        }
        let error = settings_file(Path::new("/nowhere/at.all")).unwrap_err();
        assert!(error.starts_with("--settings /nowhere/at.all: can't be read"), "{error}");
    }

    fn of(parsed: Result<BTreeMap<String, String>, String>) -> Vec<(&'static str, &'static str)> {
        let pairs = parsed.unwrap().into_iter();
        pairs.map(|(name, value)| (&*name.leak(), &*value.leak())).collect()
    }
}
