//! What is attached to a message.

use serde_json::Value;

use crate::{domain::Attachment, wire::activity::Activity};

/// The files of a message; cards are none.
pub fn files(activity: &Activity) -> Vec<Attachment> {
    let file = |attachment: &Value| {
        let field =
            |key: &str| attachment.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let url = field("contentUrl")?.to_owned();
        let name = name(attachment).unwrap_or("?").to_owned();
        let media_type = field("contentType").unwrap_or("application/octet-stream").to_owned();
        Some(Attachment { name, media_type, url, bytes: 0 })
    };
    activity.attachments.iter().flatten().filter_map(file).collect()
}

/// What an attachment is called by its name, else by the end of its address.
pub fn name(attachment: &Value) -> Option<&str> {
    let url = text_of(attachment.get("contentUrl")).filter(|url| !url.starts_with("data:"));
    let path = url.map(|url| url.split(['?', '#']).next().unwrap_or_default());
    let last = path.and_then(|path| path.rsplit('/').next()).filter(|last| !last.is_empty());
    text_of(attachment.get("name")).or(last)
}

/// The attachments of a message that have no address: they stand in the message itself, or are only named there.
pub fn inline(activity: &Activity) -> impl Iterator<Item = &Value> {
    let has_address = |attachment: &&Value| {
        let url = attachment.get("contentUrl").and_then(Value::as_str);
        url.is_some_and(|url| !url.trim().is_empty())
    };
    activity.attachments.iter().flatten().filter(move |attachment| !has_address(attachment))
}

/// What an attachment is called: by its name, else a card by its title, else by its kind.
pub fn called(attachment: &Value) -> &str {
    let content = attachment.get("content");
    let of_content = |key: &str| content.and_then(|content| content.get(key));
    let named = text_of(attachment.get("name")).or_else(|| text_of(of_content("title")));
    named
        .or_else(|| text_of(of_content("text")))
        .or_else(|| text_of(attachment.get("contentType")))
        .unwrap_or("?")
}

fn text_of(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.trim().is_empty())
}
