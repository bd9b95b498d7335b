//! Bot Framework cards and card actions.

use serde_json::{Value, json};

pub const HERO: &str = "application/vnd.microsoft.card.hero";

/// An action that posts `text` with a `value` behind it, and shows `text` as what the user said.
pub fn message_back(text: &str, value: &Value) -> Value {
    json!({"type": "messageBack", "title": text, "displayText": text, "text": text, "value": value})
}

/// A hero card as an attachment. `image` is an address and its alternative text.
pub fn hero(
    title: Option<&str>,
    text: Option<&str>,
    image: Option<(&str, &str)>,
    buttons: &[Value],
) -> Value {
    let mut content = json!({"buttons": buttons});
    if let Some(title) = title {
        content["title"] = title.into();
    }
    if let Some(text) = text {
        content["text"] = text.into();
    }
    if let Some((url, alt)) = image {
        content["images"] = json!([{"url": url, "alt": alt}]);
    }
    json!({"contentType": HERO, "content": content})
}

/// Whether an attachment is a hero card with nothing but buttons.
pub fn is_buttons_only(attachment: &Value) -> bool {
    let content = attachment["content"].as_object();
    attachment["contentType"] == HERO
        && content.is_some_and(|content| content.keys().all(|key| key == "buttons"))
}

/// A file or picture as an attachment; Web Chat reads `name` out as a picture's alternative text.
pub fn media(content_type: &str, url: &str, name: &str) -> Value {
    json!({"contentType": content_type, "contentUrl": url, "name": name})
}
