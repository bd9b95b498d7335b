//! Body elements as a Virtual Agent sends them, for when we are the one that answers.
//!
//! Followed: the examples of the VA Bot Integration API page and the Supported features page. `messageId` is
//! added by whoever knows it.

use serde_json::{Value, json};

/// Text is Markdown.
pub fn output_text(text: &str) -> Value {
    json!({"uiType": "OutputText", "group": "DefaultText", "value": text, "maskType": "NONE"})
}

/// A source that a text's `[1]` points at.
pub fn citation(index: usize, mark: &str, label: &str, url: Option<&str>) -> Value {
    let mut citation = json!({"index": index, "citationRef": mark, "citationLabel": label});
    if let Some(url) = url {
        citation["citationHref"] = url.into();
    }
    citation
}

pub fn output_image(url: &str, alt: &str) -> Value {
    json!({"uiType": "OutputImage", "group": "DefaultOutputImage", "value": url, "altText": alt})
}

pub fn output_link(label: &str, heading: Option<&str>, url: &str) -> Value {
    json!({
        "uiType": "OutputLink", "group": "DefaultOutputLink", "label": label,
        "header": heading.unwrap_or_default(), "type": "link",
        "value": {"action": url, "target": "_blank"},
    })
}

/// `data` goes as JSON in a string, as the page has it.
pub fn output_card(template: &str, data: &Value) -> Value {
    json!({
        "uiType": "OutputCard", "group": "DefaultOutputCard",
        "templateName": template, "data": data.to_string(),
    })
}

pub fn option(label: &str, value: &str) -> Value {
    json!({"label": label, "value": value, "renderStyle": "data", "enabled": true})
}

pub fn picker(prompt: &str, options: &[Value], several: bool, required: bool) -> Value {
    json!({
        "uiType": "Picker", "group": "DefaultPicker", "required": required, "nluTextEnabled": false,
        "label": prompt, "itemType": "List", "style": "list", "multiSelect": several, "options": options,
    })
}

/// Pictures to choose from. Each option is one of [`option`], with `attachment` and `description`.
pub fn carousel(prompt: &str, options: &[Value]) -> Value {
    let mut picker = picker(prompt, options, false, true);
    picker["itemType"] = "Picture".into();
    picker["style"] = "carousel".into();
    picker
}

pub fn boolean(prompt: &str, options: &[Value], required: bool) -> Value {
    json!({
        "uiType": "Boolean", "group": "DefaultPicker", "required": required, "nluTextEnabled": false,
        "label": prompt, "options": options,
    })
}

/// What is typed into a secret one is not to be shown or kept.
pub fn input_text(prompt: &str, secret: bool, required: bool) -> Value {
    json!({
        "uiType": "InputText", "group": "DefaultText", "required": required, "nluTextEnabled": false,
        "label": prompt, "maskType": if secret { "SECURE" } else { "NONE" },
    })
}

/// `ui_type` is `Date`, `Time` or `DateTime`.
pub fn input_moment(ui_type: &str, prompt: &str, required: bool) -> Value {
    json!({
        "uiType": ui_type, "group": "DefaultDate", "required": required, "nluTextEnabled": false,
        "label": prompt,
    })
}

/// An action message without fields of its own.
pub fn action(action_type: &str) -> Value {
    json!({"uiType": "ActionMsg", "actionType": action_type})
}

/// `CreateConversation` or `StartConversation`, with the ids of what was created or started.
pub fn conversation_action(action_type: &str, conversation: &str) -> Value {
    let mut message = action(action_type);
    message["conversationId"] = conversation.into();
    message["interactionId"] = conversation.into();
    message
}
