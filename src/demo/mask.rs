//! Secrets in what the time line shows: they become dots, whichever way they are spelt.

use std::collections::HashSet;

use serde_json::Value;

pub const DOTS: &str = "••••";

/// Keys whose values open something.
const KEYS: [&str; 9] = [
    "token",
    "access_token",
    "refresh_token",
    "password",
    "client_secret",
    "authorization",
    "secret",
    "hash",
    "streamurl",
];
const HEADERS: [&str; 7] =
    ["authorization", "token", "x-b2b-signature", "dlsecret", "x-relay-key", "cookie", "set-cookie"];
/// Shorter secrets are only found where they are all there is.
const FOUND_INSIDE: usize = 6;

/// Masks a JSON value in place; `secrets` are words that people were asked for behind a mask.
pub fn json(value: &mut Value, secrets: &HashSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                if KEYS.contains(&key.to_ascii_lowercase().as_str()) && field.is_string() {
                    *field = DOTS.into();
                } else {
                    json(field, secrets);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| json(item, secrets)),
        Value::String(text) => *text = words(text, secrets),
        _ => {}
    }
}

fn words(text: &str, secrets: &HashSet<String>) -> String {
    if secrets.contains(text) || text.starts_with("Bearer ") {
        return DOTS.to_owned();
    }
    let long = secrets.iter().filter(|secret| secret.len() >= FOUND_INSIDE);
    long.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), DOTS))
}

/// A header's value as it may be shown.
pub fn header<'a>(name: &str, value: &'a str) -> &'a str {
    if HEADERS.contains(&name.to_ascii_lowercase().as_str()) { DOTS } else { value }
}

/// A form's fields, or a query's, as they may be shown.
pub fn form(text: &str) -> String {
    let field = |pair: &str| match pair.split_once('=') {
        Some((key, _)) if is_secret_field(key) => format!("{key}={DOTS}"),
        _ => pair.to_owned(),
    };
    text.split('&').map(field).collect::<Vec<_>>().join("&")
}

fn is_secret_field(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    KEYS.contains(&key.as_str()) || ["code", "t", "sig", "signature"].contains(&key.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_and_masked_answers_become_dots_wherever_they_stand() {
        let secrets = HashSet::from(["correct-horse".to_owned(), "42".to_owned()]);
        let mut body = json!({"token": "abc", "message": {"text": "correct-horse", "typed": true},
            "echo": ["it was correct-horse!", "42", "room 42"], "value": {"Authorization": "Bearer x"}});
        json(&mut body, &secrets);
        let expected = json!({"token": DOTS, "message": {"text": DOTS, "typed": true},
            "echo": [format!("it was {DOTS}!"), DOTS, "room 42"], "value": {"Authorization": DOTS}});
        assert_eq!(body, expected);
    }

    #[test]
    fn forms_headers_and_queries_are_masked_by_name() {
        assert_eq!(
            form("grant_type=password&password=p%20w&username=u"),
            format!("grant_type=password&password={DOTS}&username=u")
        );
        assert_eq!(form("code=key"), format!("code={DOTS}"));
        assert_eq!(header("Authorization", "Basic eA=="), DOTS);
        assert_eq!(header("Content-Type", "text/plain"), "text/plain");
    }
}
