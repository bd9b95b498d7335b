//! Bot Framework activities over Direct Line 3.0, as far as this program looks into them.
//!
//! Followed: the Bot Framework Activity schema and the Direct Line 3.0 REST articles.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An activity. What we don't name stays in `rest`, so that a message passes through whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
