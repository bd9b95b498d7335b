//! The shape of a request as documented, and where we deliberately write another than an example's.

use serde_json::{Map, Value, json};

/// What a documented value looks like.
enum Shape {
    Text,
    Flag,
    /// Milliseconds since 1970, as a number.
    Millis,
    /// Any names, each with a value that ServiceNow doesn't look into.
    Variables,
    Object(&'static [(&'static str, Shape)]),
    List(&'static Shape),
    /// The schema says list, every example shows an object.
    OneOrMore(&'static Shape),
    /// The schema says flag; the one example that turns it on says `"true"`.
    Silence,
}

use Shape::{Flag, List, Millis, Object, OneOrMore, Silence, Text, Variables};

const FILE: Shape = Object(&[
    ("clientAttachmentId", Text),
    ("contentType", Text),
    ("fileName", Text),
    ("headers", Variables),
    ("id", Text),
    ("url", Text),
]);

const MESSAGE: Shape =
    Object(&[("attachment", OneOrMore(&FILE)), ("clientMessageId", Text), ("text", Text), ("typed", Flag)]);

const UPDATES: Shape = List(&Object(&[("id", Text), ("status", Text), ("text", Text)]));

const LINE: Shape = Object(&[
    ("displayName", Text),
    ("isBotMessage", Flag),
    ("timestamp", Text),
    ("type", Text),
    ("value", Text),
]);

/// The body parameters of the page. Not on it: `syncResponse` and `appInboundId`, from the newer reference of the
/// same API, and `userName`, which known clients send and the instance passes over.
const REQUEST: &[(&str, Shape)] = &[
    ("action", Text),
    ("botToBot", Flag),
    ("cause", Text),
    ("clientSessionId", Text),
    ("clientVariables", Variables),
    ("contextVariables", Variables),
    ("emailId", Text),
    ("history", List(&LINE)),
    ("intent", Object(&[("id", Text)])),
    ("requestId", Text),
    ("silentMessage", Silence),
    ("timestamp", Millis),
    ("timezone", Text),
    ("topic", Object(&[("id", Text), ("name", Text)])),
    ("userId", Text),
    ("syncResponse", Flag),
    ("appInboundId", Text),
    ("userName", Text),
];

const ACTIONS: &[&str] = &[
    "AGENT",
    "CREATE_CONVERSATION",
    "END_CONVERSATION",
    "FAULT_CONVERSATION",
    "SEND_HISTORY",
    "SET_USER_TIMEZONE",
    "START_CONVERSATION",
    "START_CREATED_CONVERSATION",
    "SWITCH",
    "TYPING",
    "VIEWING",
    "UPDATE_MESSAGES",
];

/// What is wrong with a request by the pages; empty when nothing is.
pub fn faults(request: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let Value::Object(fields) = request else { return vec!["no object".to_owned()] };
    let action = fields.get("action").and_then(Value::as_str);
    if action.is_some_and(|action| !ACTIONS.contains(&action)) {
        faults.push(format!("no such action: {action:?}"));
    }
    for (key, value) in fields {
        match (key.as_str(), REQUEST.iter().find(|(known, _)| known == key)) {
            ("message", _) if action == Some("UPDATE_MESSAGES") => check(key, value, &UPDATES, &mut faults),
            ("message", _) => check(key, value, &MESSAGE, &mut faults),
            (_, Some((_, shape))) => check(key, value, shape, &mut faults),
            (_, None) => faults.push(format!("{key} is not documented")),
        }
    }
    rules(action, fields, &mut faults);
    faults
}

fn check(at: &str, value: &Value, shape: &Shape, faults: &mut Vec<String>) {
    let fits = match shape {
        Text => value.is_string(),
        Flag => value.is_boolean(),
        Millis => value.as_i64().is_some_and(|at| at > 100_000_000_000),
        Variables => value.is_object(),
        Silence => value == &json!("true") || value == &json!(false),
        Object(known) => match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match known.iter().find(|(name, _)| name == key) {
                        Some((_, shape)) => check(&format!("{at}.{key}"), value, shape, faults),
                        None => faults.push(format!("{at}.{key} is not documented")),
                    }
                }
                true
            }
            _ => false,
        },
        List(shape) => match value {
            Value::Array(list) => {
                list.iter().for_each(|value| check(at, value, shape, faults));
                true
            }
            _ => false,
        },
        OneOrMore(shape) if value.is_array() => return check(at, value, &List(shape), faults),
        OneOrMore(shape) => return check(at, value, shape, faults),
    };
    if !fits {
        faults.push(format!("{at} has a wrong type: {value}"));
    }
}

/// What the pages say in words.
fn rules(action: Option<&str>, fields: &Map<String, Value>, faults: &mut Vec<String>) {
    let message = fields.get("message").cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let mut demand = |holds: bool, rule: &str| {
        if !holds {
            faults.push(rule.to_owned());
        }
    };
    for required in ["requestId", "userId"] {
        demand(fields.get(required).is_some_and(|id| id != ""), required);
    }
    match action {
        Some("END_CONVERSATION") => demand(text(&message, "text").is_empty(), "an end has no text"),
        Some("FAULT_CONVERSATION") => demand(fields.contains_key("cause"), "a fault has a cause"),
        Some("SEND_HISTORY") => demand(fields.contains_key("history"), "a history is sent"),
        Some("SET_USER_TIMEZONE") => demand(fields.contains_key("timezone"), "a time zone is set"),
        Some("SWITCH") => {
            let targets = [&fields.get("topic"), &fields.get("intent")];
            let named = targets.iter().filter_map(|target| target.as_ref()?.as_object());
            demand(named.map(Map::len).sum::<usize>() == 1, "one topic or intent, by one name");
        }
        Some("UPDATE_MESSAGES") => {
            let known = |update: &Value| {
                let status = update["status"].as_str().unwrap_or_default();
                matches!(status, "sent_to_user" | "external_error") && update["id"].is_string()
            };
            demand(message.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(known)), "updates");
        }
        None if message.is_object() => {
            let says = !text(&message, "text").is_empty() || message.get("attachment").is_some();
            demand(says && message["typed"].is_boolean(), "a message says something, typed or chosen");
        }
        None => demand(fields.contains_key("silentMessage"), "a request without a message changes a flag"),
        _ => {}
    }
    demand(message.get("attachment") != Some(&Value::Null), "no attachment is ever null");
}

/// An example as we would write it: what is currently unused or for the receiver to check is left out, and where
/// the page's words and its examples differ, or newer examples differ from older, the better documented wins.
pub fn as_we_write_it(mut example: Value) -> Value {
    let Some(fields) = example.as_object_mut() else { return example };
    // Said to be unused; the token goes as a header.
    for unused in ["enterpriseId", "nowBotId", "nowSessionId", "token"] {
        fields.remove(unused);
    }
    fields.retain(|_, value| value != &json!({}));
    // The page's unit is milliseconds, most examples write seconds.
    if let Some(at) = fields.get("timestamp").and_then(Value::as_i64).filter(|at| *at < 100_000_000_000) {
        fields.insert("timestamp".to_owned(), json!(at * 1_000));
    }
    match fields.get("action").and_then(Value::as_str) {
        // `message` is optional for actions since 4.0.0; the newer reference sends these two with an empty one.
        Some("CREATE_CONVERSATION" | "START_CREATED_CONVERSATION") => {
            fields.insert("message".to_owned(), json!({}));
        }
        // Must be empty, says the page; one of its two examples has words in it.
        Some("END_CONVERSATION") => {
            fields.insert("message".to_owned(), json!({"text": "", "typed": true}));
        }
        // Required by the page, missing in its example.
        Some("SWITCH") => {
            if let Some(Value::Object(message)) = fields.get_mut("message") {
                message.entry("text").or_insert(json!(""));
            }
        }
        _ => {}
    }
    // Required by the page, missing in its examples with attachments.
    if let Some(message) = fields.get_mut("message").and_then(Value::as_object_mut)
        && message.contains_key("attachment")
    {
        message.entry("typed").or_insert(json!(true));
    }
    example
}
