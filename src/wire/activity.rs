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
    #[error("its activities are not a list")]
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
            None | Some(Value::Null) => vec![],
            Some(_) => return Err(NoSet::NoList),
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
    fn from(mut rest: Map<String, Value>) -> Self {
        let fields = &mut rest;
        let kind = match fields.remove("type") {
            Some(Value::String(kind)) => kind,
            _ => String::new(),
        };
        Self {
            kind,
            id: text(fields, "id"),
            timestamp: value(fields, "timestamp"),
            channel_id: text(fields, "channelId"),
            from: account(fields, "from"),
            conversation: account(fields, "conversation"),
            name: text(fields, "name"),
            text: text(fields, "text"),
            text_format: text(fields, "textFormat"),
            locale: text(fields, "locale"),
            local_timezone: text(fields, "localTimezone"),
            reply_to_id: text(fields, "replyToId"),
            value: value(fields, "value"),
            attachments: list(fields, "attachments"),
            attachment_layout: text(fields, "attachmentLayout"),
            suggested_actions: value(fields, "suggestedActions"),
            channel_data: value(fields, "channelData"),
            rest,
        }
    }
}

impl From<Map<String, Value>> for Account {
    fn from(mut rest: Map<String, Value>) -> Self {
        let fields = &mut rest;
        Self { id: text(fields, "id"), name: text(fields, "name"), role: value(fields, "role"), rest }
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

fn text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.remove(name)? {
        Value::String(text) => Some(text),
        Value::Null => None,
        scalar @ (Value::Number(_) | Value::Bool(_)) => Some(scalar.to_string()),
        other => put_back(fields, name, other),
    }
}

fn value(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    fields.remove(name).filter(|value| !value.is_null())
}

fn account(fields: &mut Map<String, Value>, name: &str) -> Option<Account> {
    match fields.remove(name)? {
        Value::Object(account) => Some(account.into()),
        Value::Null => None,
        other => put_back(fields, name, other),
    }
}

fn list(fields: &mut Map<String, Value>, name: &str) -> Option<Vec<Value>> {
    match fields.remove(name)? {
        Value::Array(list) => Some(list),
        Value::Null => None,
        other => put_back(fields, name, other),
    }
}

fn put_back<T>(fields: &mut Map<String, Value>, name: &str, value: Value) -> Option<T> {
    fields.insert(name.to_owned(), value);
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
        assert_eq!(lost, 5);
        assert_eq!(set.activities.len(), 2);
        assert_eq!(set.activities[1].name.as_deref(), Some("e"));
        assert_eq!(set.watermark, Some(9.into()));
        assert_eq!(ActivitySet::read(b"{}").expect("a page"), SetRead::default());
        for (page, why) in
            [("", NoSet::NotJson), ("[]", NoSet::NotAnObject), (r#"{"activities":{}}"#, NoSet::NoList)]
        {
            assert_eq!(ActivitySet::read(page.as_bytes()), Err(why), "{page}");
        }
    }
}
