//! Bot Framework cards and card actions.

use serde_json::{Value, json};

pub const HERO: &str = "application/vnd.microsoft.card.hero";

/// An action that posts `text` with a `value` behind it, and shows `text` as what the user said.
pub fn message_back(text: &str, value: &Value) -> Value {
    json!({"type": "messageBack", "title": text, "displayText": text, "text": text, "value": value})
}

/// Actions under the last message; they vanish with the user's next.
pub fn suggested_actions(actions: Vec<Value>) -> Option<Value> {
    (!actions.is_empty()).then(|| json!({"to": [], "actions": actions}))
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

/// A file or picture as an attachment; Web Chat reads `name` out as a picture's alternative text.
pub fn media(content_type: &str, url: &str, name: &str) -> Value {
    json!({"contentType": content_type, "contentUrl": url, "name": name})
}
