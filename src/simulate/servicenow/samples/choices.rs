//! Samples that ask for something: choices and inputs.

use serde_json::{Value, json};

use super::{Sample, one};

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = pickers();
    samples.extend(topics());
    samples.extend(inputs());
    samples
}

fn options(count: usize) -> Vec<Value> {
    let option = |number| {
        json!({"label": format!("Option {number}"), "value": format!("value_{number}"),
            "renderStyle": "data",
            "enabled": false})
    };
    (1..=count).map(option).collect()
}

fn picker(label: &str, options: Vec<Value>) -> Value {
    json!({"uiType": "Picker", "group": "DefaultPicker", "required": true, "nluTextEnabled": false,
        "label": label,
        "itemType": "List", "style": "list", "multiSelect": false, "options": options,
            "scriptedData": null})
}

fn pickers() -> Vec<Sample> {
    let mut multiple = picker("Which of these are affected?", options(4));
    multiple["multiSelect"] = json!(true);
    let mut optional = picker("Which building, if any?", options(3));
    optional["required"] = json!(false);
    let mut scripted = picker("Is it this one?", options(2));
    scripted["scriptedData"] = json!({"cardName": "Large image with text", "cardTemplate": "",
        "renderStyle": "card",
        "cardData": json!({"title": "Laptop", "description": "Bought last year",
            "image": "https://images.example.com/laptop.png", "imageAlt": "A laptop"}).to_string()});
    vec![
        one("Choices", "picker", picker("Choose one", options(3))),
        one("Choices", "long picker", picker("Choose one of many", options(30))),
        one("Choices", "picker of several", multiple),
        one("Choices", "optional picker", optional),
        one("Choices", "carousel", carousel()),
        one("Choices", "picker with a card", scripted),
        one(
            "Choices",
            "yes or no",
            json!({"uiType": "Boolean", "group": "DefaultPicker", "required": true, "nluTextEnabled": false,
            "entityType": "Boolean", "label": "Did that help?", "options": [
                {"label": "Yes", "value": "yes", "renderStyle": "data"},
                {"label": "No", "value": "no", "renderStyle": "data"},
            ]}),
        ),
        one(
            "Choices",
            "yes or no without values",
            json!({"uiType": "Boolean", "group": "DefaultPicker", "required": true, "nluTextEnabled": false,
                "label": "Shall I go on?", "options": [{"label": "Yes"}, {"label": "No"}]}),
        ),
    ]
}

fn carousel() -> Value {
    let mut carousel = picker("Choose a device", Vec::new());
    carousel["itemType"] = json!("Picture");
    carousel["style"] = json!("carousel");
    carousel["options"] = json!([
        {"label": "Laptop", "description": "13 inch", "attachment": "https://images.example.com/laptop.png",
            "value": "laptop", "renderStyle": "data", "enabled": false},
        {"label": "Tablet", "description": "10 inch", "attachment": "https://images.example.com/tablet.png",
            "value": "tablet", "renderStyle": "data", "enabled": false},
    ]);
    carousel
}

fn topics() -> Vec<Sample> {
    vec![
        one(
            "Choices",
            "topic picker",
            json!({"uiType": "TopicPickerControl", "group": "DefaultPicker", "nluTextEnabled": false,
            "promptMsg": "Type what you need or choose a topic.", "label": "All topics", "options": [
                {"label": "Order a phone", "value": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "enabled": true},
                {"label": "Report a fault", "value": "1a1b2c3d4e5f60718293a4b5c6d7e8f9", "enabled": true},
            ]}),
        ),
        one(
            "Choices",
            "topic picker, older form",
            json!({"uiType": "TopicPicker", "group": "DefaultPicker", "nluTextEnabled": true,
                "promptMsg": "",
            "label": "What is it about?", "itemType": "List", "options": [
                {"label": "Order a phone", "value": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "order": 100,
                    "enabled": true},
                {"label": "Report a fault", "value": "1a1b2c3d4e5f60718293a4b5c6d7e8f9", "order": 200,
                    "enabled": true},
            ]}),
        ),
    ]
}

fn inputs() -> Vec<Sample> {
    let text = |label: &str, required: bool, mask: &str| {
        json!({"uiType": "InputText", "group": "DefaultText", "required": required, "nluTextEnabled": false,
            "entityType": "Text", "label": label, "maskType": mask})
    };
    let moment = |kind: &str, label: &str| {
        json!({"uiType": kind, "group": "DefaultDate", "required": true, "nluTextEnabled": false,
            "entityType": kind,
            "label": label})
    };
    vec![
        one("Inputs", "text input", text("What is your computer's name?", true, "NONE")),
        one("Inputs", "optional input", text("Anything to add?", false, "NONE")),
        one("Inputs", "secure input", text("Enter your one-time code", true, "SECURE")),
        one("Inputs", "sensitive input", text("Enter your staff number", true, "SENSITIVE")),
        one("Inputs", "date", moment("Date", "When did it begin?")),
        one("Inputs", "time", moment("Time", "At what time?")),
        one("Inputs", "date and time", moment("DateTime", "When may we call?")),
        one(
            "Inputs",
            "file upload",
            json!({"uiType": "FileUpload", "group": "DefaultText", "required": true,
                "nluTextEnabled": false,
                "itemType": "file", "maskType": null, "label": "Please send a screenshot", "maxCount": 2,
                    "maxSize": 10}),
        ),
        one(
            "Inputs",
            "custom control",
            json!({"uiType": "CustomControl", "group": "DefaultCustomControl", "name": "seat_picker",
                "required": true,
                "uxComponentDefinitionSysId": null, "isInput": true, "serializedControlData": "{}",
                "label": "Choose a seat"}),
        ),
    ]
}
