//! What a message attaches, and what opens it, in every form in which primary bots write that.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use url::Url;

use super::{
    Attachment, AttachmentHeaders,
    read::{objects, text},
};
use crate::wire::json::{self, number};

type Object = Map<String, Value>;

/// A bare string is taken as an address, unless it is JSON.
pub(super) fn attachments(value: Option<Value>) -> Vec<Attachment> {
    let named = |url: &str| Value::Object(Object::from_iter([("url".to_owned(), url.into())]));
    let whole = |value: Value| match value.as_str() {
        Some(text) => json_in(text).unwrap_or_else(|| named(text)),
        None => value,
    };
    let value = match value {
        Some(Value::String(text)) if json_in(&text).is_some() => return attachments(json_in(&text)),
        Some(Value::Array(list)) => Some(list.into_iter().map(whole).collect()),
        other => other.map(whole),
    };
    objects(value).map(attachment).collect()
}

fn attachment(file: Object) -> Attachment {
    let mut headers = headers(&file);
    let mut url = text(&file, "url").unwrap_or_default();
    if let Some((bare, credential)) = without_credential(&url) {
        url = bare;
        headers.0.entry(AttachmentHeaders::ALONE).or_insert(credential.into());
    }
    Attachment {
        client_attachment_id: text(&file, "clientAttachmentId"),
        content_type: text(&file, "contentType").unwrap_or_default(),
        file_name: text(&file, "fileName").unwrap_or_default(),
        url,
        headers,
    }
}

/// An address without the user and password that stand in it, and those as a header has them.
pub fn without_credential(url: &str) -> Option<(String, String)> {
    let mut url = url.contains('@').then(|| Url::parse(url.trim()).ok())??;
    let plain = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let pair = format!("{}:{}", plain(url.username()), plain(url.password().unwrap_or_default()));
    url.set_username("").and_then(|()| url.set_password(None)).ok()?;
    (pair != ":").then(|| (url.to_string(), format!("Basic {}", BASE64_STANDARD.encode(pair))))
}

/// In whatever form they stand. What can't be read stays, under no name: a file that needs it can't be had without.
fn headers(file: &Object) -> AttachmentHeaders {
    let of = |name: &str| file.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let mut all = Object::new();
    for name in AttachmentHeaders::NAMES.iter().rev() {
        of(name).into_iter().for_each(|value| read_headers(value, &mut all));
    }
    if let Some(value) = of(AttachmentHeaders::ALONE) {
        all.insert(AttachmentHeaders::ALONE.to_owned(), as_text(value));
    }
    Some(AttachmentHeaders(all)).filter(|headers| !headers.are_empty()).unwrap_or_default()
}

/// As an object, a list of them, of `name` or `key` and `value`, or of lines; each perhaps as JSON in a string.
fn read_headers(value: &Value, all: &mut Object) {
    match value {
        Value::Null => {}
        Value::Array(list) => list.iter().for_each(|value| read_headers(value, all)),
        Value::Object(header) => {
            match (text(header, "name").or_else(|| text(header, "key")), header.get("value")) {
                (Some(name), Some(value)) => _ = all.insert(name, as_text(value)),
                _ => header.iter().for_each(|(name, value)| match value {
                    Value::Object(_) => read_headers(value, all),
                    _ => _ = all.insert(name.clone(), as_text(value)),
                }),
            }
        }
        Value::String(given) if given.trim().is_empty() => {}
        Value::String(given) => match (json_in(given), given.split_once(':')) {
            (Some(value), _) => read_headers(&value, all),
            (None, Some((name, value))) => _ = all.insert(name.trim().to_owned(), value.trim().into()),
            (None, None) => _ = all.insert(String::new(), given.as_str().into()),
        },
        other => _ = all.insert(String::new(), as_text(other)),
    }
}

/// A number or a flag is a text to who reads headers.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Number(_) | Value::Bool(_) | Value::String(_) => number::plain(value).into(),
        other => other.clone(),
    }
}

/// An object or a list that stands in a string.
pub fn json_in(text: &str) -> Option<Value> {
    let value = text.trim_start().starts_with(['{', '[']).then(|| json::read(text.as_bytes()).ok())??.value;
    (value.is_object() || value.is_array()).then_some(value)
}
