//! Settings in a file, for `--settings`: a `local.settings.json`, or a line `NAME=value` each.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

/// Reads the file. Of a name that is given twice the last counts.
///
/// # Errors
/// One sentence that names the file and what is wrong with it, never a value.
pub fn settings_file(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let wrong = |what: String| format!("--settings {}: {what}", path.display());
    let text = fs::read_to_string(path).map_err(|failed| wrong(format!("can't be read: {failed}.")))?;
    parsed(text.trim_start_matches('\u{feff}')).map_err(wrong)
}

fn parsed(text: &str) -> Result<BTreeMap<String, String>, String> {
    if text.trim_start().starts_with('{') { json(text) } else { lines(text) }
}

fn json(text: &str) -> Result<BTreeMap<String, String>, String> {
    let file: Value = serde_json::from_str(text)
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
        let Some((name, value)) = line.split_once('=') else {
            return Err(format!("line {number} is no `NAME=value`."));
        };
        values.insert(name.trim().to_owned(), unquoted(value.trim()).to_owned());
    }
    Ok(values)
}

/// Without one pair of quotes around the whole.
fn unquoted(value: &str) -> &str {
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
        assert_eq!(of(parsed(text)), [("LOG", "debug"), ("LONG_POLL", "2000"), ("STORE", "")]);
    }

    #[test]
    fn a_file_of_lines_is_read_as_a_shell_would() {
        let text = "# ours\n\nLOG=info\nexport RELAY_KEY = 'a=b'\r\nSTORE=\"sqlite:x.db\"\nLOG=warn\n";
        let expected = [("LOG", "warn"), ("RELAY_KEY", "a=b"), ("STORE", "sqlite:x.db")];
        assert_eq!(of(parsed(text)), expected);
    }

    #[test]
    fn the_example_that_comes_with_the_program_is_one() {
        let example = parsed(include_str!("../../local.settings.json.example")).unwrap();
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
        ] {
            let error = parsed(text).unwrap_err();
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
