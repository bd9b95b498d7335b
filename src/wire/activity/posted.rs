//! A client's activity, read once and strictly: what was read is what is sent on, so that nobody behind us reads another.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::wire::json::{self, NotStrict};

/// The names of the Bot Framework Activity schema. Direct Line reads them in any case; here they get their own.
const NAMES: [&str; 39] = [
    "action",
    "attachmentLayout",
    "attachments",
    "callerId",
    "channelData",
    "channelId",
    "code",
    "conversation",
    "deliveryMode",
    "entities",
    "expiration",
    "from",
    "historyDisclosed",
    "id",
    "importance",
    "inputHint",
    "label",
    "listenFor",
    "locale",
    "localTimestamp",
    "localTimezone",
    "membersAdded",
    "membersRemoved",
    "name",
    "reactionsAdded",
    "reactionsRemoved",
    "recipient",
    "relatesTo",
    "replyToId",
    "semanticAction",
    "serviceUrl",
    "speak",
    "suggestedActions",
    "summary",
    "text",
    "textFormat",
    "textHighlights",
    "type",
    "value",
];
/// The types that mean something to us; a bot's framework knows them in any case.
const TYPES: [&str; 5] = ["message", "typing", "event", "invoke", "endOfConversation"];
/// Of an account.
const ACCOUNT: [&str; 4] = ["id", "name", "role", "aadObjectId"];

/// Why an activity is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPosted {
    #[error(transparent)]
    NotStrict(#[from] NotStrict),
    #[error("not an object")]
    NotAnObject,
    #[error("from is no account")]
    NoAccount,
    #[error("type or name is no text")]
    NoText,
}

impl NotPosted {
    /// What the client is told.
    pub fn told(self) -> &'static str {
        match self {
            Self::NotStrict(NotStrict::NotUtf8) => "The activity is not UTF-8. Send JSON in UTF-8.",
            Self::NotStrict(NotStrict::NotJson) => {
                "The activity is not JSON. Send one JSON object, in UTF-8 without a byte order mark."
            }
            Self::NotStrict(NotStrict::Twice) => "A name stands twice in the activity. Say each once.",
            Self::NotStrict(NotStrict::TooDeep) => {
                "The activity is nested more than 100 levels deep. Send it as a text inside, or flatter."
            }
            Self::NotAnObject => "The body is not an activity. Send one JSON object.",
            Self::NoText => "The activity's `type` and `name` are texts. Say `\"type\": \"message\"`.",
            Self::NoAccount => "The activity's `from` is not an account. Say `\"from\": {\"id\": \"…\"}`.",
        }
    }
}

/// Reads a client's activity and marks its sender as the user. Names and types of the schema get the schema's case.
///
/// # Errors
/// When another reader might read it otherwise, or it is none.
pub fn read(bytes: &[u8]) -> Result<Map<String, Value>, NotPosted> {
    let Value::Object(fields) = json::strict(bytes)? else { return Err(NotPosted::NotAnObject) };
    let mut fields = in_schemas_case(fields, &NAMES)?;
    let no_text = |name: &str| fields.get(name).is_some_and(|value| !value.is_string() && !value.is_null());
    if no_text("type") || no_text("name") {
        return Err(NotPosted::NoText);
    }
    if let Some(Value::String(kind)) = fields.get_mut("type")
        && let Some(known) = TYPES.iter().find(|known| known.eq_ignore_ascii_case(kind.trim()))
    {
        (*known).clone_into(kind);
    }
    let from = match fields.remove("from") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(from)) => in_schemas_case(from, &ACCOUNT)?,
        Some(_) => return Err(NotPosted::NoAccount),
    };
    let mut from = from;
    from.insert("role".to_owned(), json!("user"));
    fields.insert("from".to_owned(), from.into());
    Ok(fields)
}

/// One name in two cases is one name twice, also when it is none of the schema's.
fn in_schemas_case(fields: Map<String, Value>, names: &[&str]) -> Result<Map<String, Value>, NotPosted> {
    let known = |name: &str| names.iter().find(|known| known.eq_ignore_ascii_case(name));
    let as_it_is = |name: &String| {
        let lower = || !name.bytes().any(|byte| byte.is_ascii_uppercase());
        known(name).map_or_else(lower, |known| known == name)
    };
    // Names of the schema's, in its case, and others without capitals: none of them is another one's in another case.
    if fields.keys().all(as_it_is) {
        return Ok(fields);
    }
    let mut seen = HashSet::new();
    if !fields.keys().all(|name| seen.insert(name.to_ascii_lowercase())) {
        return Err(NotStrict::Twice.into());
    }
    let named = |name: String| known(&name).map_or(name, |known| (*known).to_owned());
    Ok(fields.into_iter().map(|(name, value)| (named(name), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Value, NotPosted> {
        read(text.as_bytes()).map(Value::Object)
    }

    #[test]
    fn a_name_of_nobodys_schema_stands_once_as_well_whatever_its_case() {
        let twice = read_text(r#"{"type":"message","extra":1,"Extra":2}"#);
        assert_eq!(twice, Err(NotStrict::Twice.into()));
    }

    #[test]
    fn whoever_it_says_it_is_the_user_sent_it() {
        let user = json!({"type": "event", "name": "x", "from": {"id": "dana", "role": "user"}});
        for text in [
            r#"{"type":"event","name":"x","from":{"id":"dana"}}"#,
            r#"{"type":"event","name":"x","from":{"id":"dana","role":"bot"}}"#,
            r#"{"Type":"event","NAME":"x","From":{"ID":"dana","Role":"bot"}}"#,
            r#"{"type":" EVENT","name":"x","from":{"id":"dana"}}"#,
            r#"{"t\u0079pe":"event","\u006eame":"x","from":{"id":"dana","role":0}}"#,
        ] {
            assert_eq!(read_text(text), Ok(user.clone()), "{text}");
        }
        let nobody = json!({"type": "message", "from": {"role": "user"}});
        assert_eq!(read_text(r#"{"type":"message"}"#), Ok(nobody.clone()));
        assert_eq!(read_text(r#"{"type":"message","from":null}"#), Ok(nobody));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_taken() {
        let twice = Err(NotPosted::NotStrict(NotStrict::Twice));
        for (text, expected) in [
            (r#"{"type":"message","type":"event"}"#, &twice),
            (r#"{"type":"message","Type":"event"}"#, &twice),
            (r#"{"type":"message","t\u0079pe":"event"}"#, &twice),
            (r#"{"type":"message","from":{"id":"a","Id":"b"}}"#, &twice),
            (r#"{"type":"message","from":{"id":"a"},"FROM":{"role":"bot"}}"#, &twice),
            (r#"{"type":"message","value":{"a":1,"a":2}}"#, &twice),
            (r#"{"type":"message","from":"dana"}"#, &Err(NotPosted::NoAccount)),
            (r#"{"type":["event"],"name":"x"}"#, &Err(NotPosted::NoText)),
            (r#"{"type":"event","name":{"x":1}}"#, &Err(NotPosted::NoText)),
            (r#"{"type":"event","Name":7}"#, &Err(NotPosted::NoText)),
            (r#"[{"type":"message"}]"#, &Err(NotPosted::NotAnObject)),
            ("\u{feff}{}", &Err(NotPosted::NotStrict(NotStrict::NotJson))),
        ] {
            assert_eq!(&read_text(text), expected, "{text}");
        }
    }

    #[test]
    fn the_rest_stays_as_it_was_said() {
        let text = r#"{"type":"message","text":"é \ud83d\ude00","value":{"Type":[1,-0.5,null]},"channelData":{"clientActivityID":"7"},"own":{}}"#;
        let mut expected: Value = serde_json::from_str(text).expect("JSON");
        expected["from"] = json!({"role": "user"});
        assert_eq!(read_text(text), Ok(expected));
    }
}
