//! Bot Framework activities over Direct Line 3.0, as far as this program looks into them.
//!
//! Followed: the Bot Framework Activity schema and the Direct Line 3.0 REST articles.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::json::{self, NotJson};

pub mod posted;

/// An activity. What we don't name stays in `rest`, so that a message passes through whole; so does a field that is not of the
/// type it should have. A number for a text is taken as its text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Account>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Account>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment_layout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested_actions: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_data: Option<Value>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A channel account, or a conversation account (only its id).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Account {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `user`, `bot`; in Dataverse transcripts the numbers 1 and 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Value>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A page of activities. The watermark is opaque; absent or null means: keep the previous one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActivitySet {
    pub activities: Vec<Activity>,
    /// A string from Direct Line; other implementations send a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Value>,
}

/// A page as far as it could be read.
#[derive(Debug, Default, PartialEq)]
pub struct SetRead {
    pub set: ActivitySet,
    /// Items that are no activities, and parts of activities that can't be held.
    pub lost: usize,
}

/// Why a page can't be looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSet {
    #[error("it is not JSON")]
    NotJson,
    #[error("it is not a JSON object")]
    NotAnObject,
    #[error("it has no list of activities")]
    NoList,
}

impl From<NotJson> for NoSet {
    fn from(_: NotJson) -> Self {
        Self::NotJson
    }
}

impl ActivitySet {
    /// Reads a page item by item: one that can't be read hides no other.
    ///
    /// # Errors
    /// When nothing can be said of what the page holds.
    pub fn read(bytes: &[u8]) -> Result<SetRead, NoSet> {
        let json::Read { value, mut lost } = json::read(bytes)?;
        let Value::Object(mut fields) = value else { return Err(NoSet::NotAnObject) };
        let activities = match fields.remove("activities") {
            Some(Value::Array(items)) => items,
            Some(Value::Null) => vec![],
            None if fields.contains_key("watermark") => vec![],
            None | Some(_) => return Err(NoSet::NoList),
        };
        let all = activities.len();
        let activities: Vec<Activity> = activities.into_iter().filter_map(Activity::from_value).collect();
        lost += all - activities.len();
        let watermark = fields.remove("watermark").filter(|watermark| !watermark.is_null());
        Ok(SetRead { set: Self { activities, watermark }, lost })
    }

    /// The watermark as text.
    pub fn watermark(&self) -> Option<String> {
        match self.watermark.as_ref()? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

impl Activity {
    /// Any JSON object is an activity.
    pub fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(fields.into()),
            _ => None,
        }
    }
}

impl From<Map<String, Value>> for Activity {
    fn from(fields: Map<String, Value>) -> Self {
        let mut read = Self::default();
        for (name, value) in fields {
            let left = match name.as_str() {
                "type" => {
                    if let Value::String(kind) = value {
                        read.kind = kind;
                    }
                    None
                }
                "id" => text(&mut read.id, value),
                "timestamp" => any(&mut read.timestamp, value),
                "channelId" => text(&mut read.channel_id, value),
                "from" => account(&mut read.from, value),
                "conversation" => account(&mut read.conversation, value),
                "name" => text(&mut read.name, value),
                "text" => text(&mut read.text, value),
                "textFormat" => text(&mut read.text_format, value),
                "locale" => text(&mut read.locale, value),
                "localTimezone" => text(&mut read.local_timezone, value),
                "replyToId" => text(&mut read.reply_to_id, value),
                "value" => any(&mut read.value, value),
                "attachments" => list(&mut read.attachments, value),
                "attachmentLayout" => text(&mut read.attachment_layout, value),
                "suggestedActions" => any(&mut read.suggested_actions, value),
                "channelData" => any(&mut read.channel_data, value),
                _ => Some(value),
            };
            read.rest.extend(left.map(|value| (name, value)));
        }
        read
    }
}

impl From<Map<String, Value>> for Account {
    fn from(fields: Map<String, Value>) -> Self {
        let mut read = Self::default();
        for (name, value) in fields {
            let left = match name.as_str() {
                "id" => text(&mut read.id, value),
                "name" => text(&mut read.name, value),
                "role" => any(&mut read.role, value),
                _ => Some(value),
            };
            read.rest.extend(left.map(|value| (name, value)));
        }
        read
    }
}

impl<'de> Deserialize<'de> for Activity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}

/// Puts a value where it belongs, and so do those below; gives it back when it is not of the type that it should have.
fn text(place: &mut Option<String>, value: Value) -> Option<Value> {
    match value {
        Value::String(text) => *place = Some(text),
        Value::Null => {}
        scalar @ (Value::Number(_) | Value::Bool(_)) => *place = Some(scalar.to_string()),
        other => return Some(other),
    }
    None
}

fn any(place: &mut Option<Value>, value: Value) -> Option<Value> {
    *place = Some(value).filter(|value| !value.is_null());
    None
}

fn account(place: &mut Option<Account>, value: Value) -> Option<Value> {
    match value {
        Value::Object(account) => *place = Some(account.into()),
        Value::Null => {}
        other => return Some(other),
    }
    None
}

fn list(place: &mut Option<Vec<Value>>, value: Value) -> Option<Value> {
    match value {
        Value::Array(list) => *place = Some(list),
        Value::Null => {}
        other => return Some(other),
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_of_an_odd_type_is_kept_and_hides_no_other() {
        let odd = json!({"type": "event", "name": "x", "locale": 7, "text": {"a": 1}, "from": "dana",
            "conversation": {"id": 3}, "attachments": "none", "unknown": [1]});
        let read = Activity::from_value(odd.clone()).expect("an activity");
        assert_eq!(
            (read.kind.as_str(), read.name.as_deref(), read.locale.as_deref()),
            ("event", Some("x"), Some("7"))
        );
        assert_eq!((&read.text, &read.from, &read.attachments), (&None, &None, &None));
        let mut written = odd;
        written["locale"] = "7".into();
        written["conversation"]["id"] = "3".into();
        assert_eq!(serde_json::to_value(read).expect("JSON"), written);
    }

    #[test]
    fn a_page_is_read_item_by_item() {
        let page = br#"{"activities":[7,null,"x",[],{"type":"message","text":"\ud83d"},{"type":"event","name":"e","value":1e999}],"watermark":9}"#;
        let SetRead { set, lost } = ActivitySet::read(page).expect("a page");
        assert_eq!(lost, 4);
        assert_eq!(set.activities.len(), 2);
        assert_eq!(set.activities[1].name.as_deref(), Some("e"));
        assert_eq!(set.watermark, Some(9.into()));
        for empty in [r#"{"activities":[]}"#, r#"{"activities":null}"#, r#"{"watermark":null}"#] {
            assert_eq!(ActivitySet::read(empty.as_bytes()).expect("a page"), SetRead::default(), "{empty}");
        }
        for (page, why) in [
            ("", NoSet::NotJson),
            ("[]", NoSet::NotAnObject),
            ("{}", NoSet::NoList),
            (r#"{"error":{"code":"x"}}"#, NoSet::NoList),
            (r#"{"activities":{}}"#, NoSet::NoList),
        ] {
            assert_eq!(ActivitySet::read(page.as_bytes()), Err(why), "{page}");
        }
    }
}
