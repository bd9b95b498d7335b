//! Adaptive cards, as far as we send them. Schema 1.5; a client that knows less ignores what it doesn't know.

use serde_json::{Value, json};

pub const CONTENT_TYPE: &str = "application/vnd.microsoft.card.adaptive";

/// A card as an attachment; `fallback` is for clients that can't draw it.
pub fn attachment(body: Vec<Value>, actions: Vec<Value>, fallback: &str) -> Value {
    let mut content = json!({
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "body": body,
    });
    if !actions.is_empty() {
        content["actions"] = Value::Array(actions);
    }
    if !fallback.trim().is_empty() {
        content["fallbackText"] = fallback.into();
    }
    json!({"contentType": CONTENT_TYPE, "content": content})
}

/// Markdown in its smaller form: emphasis, lists, links.
pub fn text(markdown: &str) -> Value {
    json!({"type": "TextBlock", "text": markdown, "wrap": true})
}

pub fn strong(markdown: &str) -> Value {
    json!({"type": "TextBlock", "text": markdown, "wrap": true, "weight": "Bolder"})
}

pub fn title(markdown: &str) -> Value {
    json!({"type": "TextBlock", "text": markdown, "wrap": true, "weight": "Bolder", "size": "Medium"})
}

pub fn subtle(markdown: &str) -> Value {
    json!({"type": "TextBlock", "text": markdown, "wrap": true, "isSubtle": true, "spacing": "Small"})
}

pub fn image(url: &str, alt: &str, size: &str) -> Value {
    json!({"type": "Image", "url": url, "altText": alt, "size": size})
}

pub fn facts(facts: impl IntoIterator<Item = (String, String)>) -> Value {
    let facts = facts.into_iter().map(|(title, value)| json!({"title": title, "value": value}));
    json!({"type": "FactSet", "facts": facts.collect::<Vec<_>>()})
}

/// Columns of equal width, with the elements of each.
pub fn columns(cells: impl IntoIterator<Item = Vec<Value>>) -> Value {
    let columns = cells.into_iter().map(|cell| json!({"type": "Column", "width": "stretch", "items": cell}));
    json!({"type": "ColumnSet", "columns": columns.collect::<Vec<_>>()})
}

/// A picture beside what it belongs to.
pub fn beside(image: Value, items: Vec<Value>) -> Value {
    json!({"type": "ColumnSet", "columns": [
        {"type": "Column", "width": "auto", "items": [image]},
        {"type": "Column", "width": "stretch", "items": items},
    ]})
}

pub fn container(items: Vec<Value>) -> Value {
    json!({"type": "Container", "items": items, "separator": true})
}

/// Gives an element an id, and says whether it is seen at first.
pub fn named(mut element: Value, id: &str, visible: bool) -> Value {
    element["id"] = id.into();
    element["isVisible"] = visible.into();
    element
}

pub fn action_set(actions: &[Value]) -> Value {
    json!({"type": "ActionSet", "actions": actions})
}

pub fn open_url(title: &str, url: &str) -> Value {
    json!({"type": "Action.OpenUrl", "title": title, "url": url})
}

/// Submits the card's inputs together with `data`.
pub fn submit(title: &str, data: &Value) -> Value {
    json!({"type": "Action.Submit", "title": title, "data": data})
}

/// Submits `data` alone, whatever the inputs hold.
pub fn submit_only(title: &str, data: &Value) -> Value {
    json!({"type": "Action.Submit", "title": title, "data": data, "associatedInputs": "none"})
}

/// Shows and hides elements by their ids.
pub fn toggle(title: &str, targets: &[(String, bool)]) -> Value {
    let targets = targets.iter().map(|(id, visible)| json!({"elementId": id, "isVisible": visible}));
    json!({"type": "Action.ToggleVisibility", "title": title, "targetElements": targets.collect::<Vec<_>>()})
}

pub fn date_input(id: &str, label: &str) -> Value {
    json!({"type": "Input.Date", "id": id, "label": label, "isRequired": true, "errorMessage": label})
}

pub fn time_input(id: &str, label: &str) -> Value {
    json!({"type": "Input.Time", "id": id, "label": label, "isRequired": true, "errorMessage": label})
}

pub fn password_input(id: &str, label: &str) -> Value {
    json!({"type": "Input.Text", "id": id, "label": label, "style": "Password", "isRequired": true,
        "errorMessage": label})
}

/// Choices are titles and values; a value must not hold a comma when several may be chosen. `empty` stands where one
/// is to be chosen from a list that is folded up.
pub fn choice_input(
    id: &str,
    label: &str,
    choices: &[(String, String)],
    several: bool,
    empty: &str,
) -> Value {
    let choices = choices.iter().map(|(title, value)| json!({"title": title, "value": value}));
    let mut input = json!({
        "type": "Input.ChoiceSet", "id": id, "label": label, "isRequired": true, "errorMessage": label,
        "isMultiSelect": several, "style": if several { "expanded" } else { "compact" }, "wrap": true,
        "choices": choices.collect::<Vec<_>>(),
    });
    if !several {
        input["placeholder"] = empty.into();
    }
    input
}
