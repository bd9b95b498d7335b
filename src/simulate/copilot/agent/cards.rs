//! The cards the agent shows.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::topics::message;

const PICTURE: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180" width="320" height="180"><rect width="320" height="180" fill="#dfe7f3"/><rect x="70" y="30" width="180" height="108" rx="8" fill="#33415c"/><rect x="80" y="40" width="160" height="88" fill="#7aa2e3"/><path d="M46 142h228l-14 14H60z" fill="#55637d"/></svg>"##;

/// An adaptive card with one input of each kind.
pub fn form() -> Value {
    let card = json!({
        "type": "AdaptiveCard", "version": "1.5", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "body": [
            {"type": "TextBlock", "text": "Order a device", "size": "Large", "weight": "Bolder", "wrap": true},
            {"type": "TextBlock", "text": "It is sent to your desk.", "isSubtle": true, "wrap": true},
            {"type": "Image", "url": picture_url(), "altText": "A laptop", "size": "Medium"},
            {"type": "Input.Text", "id": "reason", "label": "Why do you need it?", "isMultiline": true,
             "isRequired": true, "errorMessage": "Please give a reason", "maxLength": 200},
            {"type": "Input.ChoiceSet", "id": "color", "label": "Colour", "style": "compact", "value": "grey",
             "choices": [{"title": "Grey", "value": "grey"}, {"title": "Blue", "value": "blue"}]},
            {"type": "Input.ChoiceSet", "id": "extras", "label": "Extras", "style": "expanded",
             "isMultiSelect": true,
             "choices": [{"title": "Bag", "value": "bag"}, {"title": "Mouse", "value": "mouse"}]},
            {"type": "Input.Date", "id": "day", "label": "Needed on"},
            {"type": "Input.Time", "id": "time", "label": "Best time"},
            {"type": "Input.Toggle", "id": "express", "title": "Express delivery",
             "valueOn": "true", "valueOff": "false"},
        ],
        "actions": [
            {"type": "Action.Submit", "title": "Order", "data": {"action": "order"}},
            {"type": "Action.OpenUrl", "title": "Catalogue", "url": "https://example.com/catalogue"},
        ],
    });
    with_attachment("", "application/vnd.microsoft.card.adaptive", card)
}

pub fn hero() -> Value {
    with_attachment("Here is what I found.", "application/vnd.microsoft.card.hero", device("Laptop 14"))
}

pub fn carousel() -> Value {
    let card =
        |title| json!({"contentType": "application/vnd.microsoft.card.hero", "content": device(title)});
    let mut activity = message("Here is what I found.");
    activity["attachmentLayout"] = "carousel".into();
    activity["attachments"] = json!([card("Laptop 14"), card("Laptop 16"), card("Tablet 11")]);
    activity
}

pub fn picture() -> Value {
    let mut activity = message("This is how it looks.");
    activity["attachments"] =
        json!([{"contentType": "image/svg+xml", "contentUrl": picture_url(), "name": "laptop.svg"}]);
    activity
}

fn device(title: &str) -> Value {
    json!({
        "title": title, "subtitle": "In stock", "text": "Light, with a **bright** screen.",
        "images": [{"url": picture_url(), "alt": title}],
        "buttons": [
            {"type": "imBack", "title": "Store hours", "value": "store hours"},
            {"type": "openUrl", "title": "Details", "value": "https://example.com/devices"},
        ],
    })
}

fn with_attachment(text: &str, content_type: &str, content: Value) -> Value {
    let mut activity = message(text);
    activity["attachments"] = json!([{"contentType": content_type, "content": content}]);
    activity
}

fn picture_url() -> String {
    format!("data:image/svg+xml;base64,{}", STANDARD.encode(PICTURE))
}
