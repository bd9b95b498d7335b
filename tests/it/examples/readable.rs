//! What there is to read in an element, by the pages alone: written apart from the code under test.

use serde_json::Value;

/// Every text of an element that a person should get to see, in the order of the fields.
pub fn texts(element: &Value) -> Vec<String> {
    let mut found = Vec::new();
    // The value comes once the stream is complete; until then the user sees that somebody writes.
    if matches!(element["uiType"].as_str(), Some("StreamStart" | "StreamChunk")) {
        return found;
    }
    let mut add =
        |value: &Value| found.extend(value.as_str().filter(|text| !text.trim().is_empty()).map(plain));
    for key in ["promptMsg", "label", "message", "waitTime", "value", "navigationBtnLabel"] {
        // A table is shown whole, with pages of its own.
        if key != "navigationBtnLabel" || element["uiType"] == "MultiPartOutput" {
            add(&element[key]);
        }
    }
    for option in list(&element["options"]) {
        add(&option["label"]);
        add(&option["description"]);
    }
    list(&element["headers"]).iter().for_each(&mut add);
    list(&element["data"]).iter().flat_map(list).for_each(|cell| add(&cell));
    list(&element["progressMessages"]).iter().for_each(|step| add(&step["message"]));
    list(&element["citations"]).iter().for_each(|citation| add(&citation["citationLabel"]));
    if let Some(data) = element["data"].as_str().and_then(|data| serde_json::from_str::<Value>(data).ok()) {
        for key in ["messageHeading", "message", "recordDisplayValue", "tableLabel"] {
            add(&data[key]);
        }
        for field in list(&data["fields"]) {
            add(&field["fieldLabel"]);
            add(&field["fieldValue"]);
        }
    }
    if element["content"].is_object() {
        found.extend(texts(&element["content"]));
    }
    found
}

/// The words of a text as they can be looked for: letters and digits only.
pub fn words(text: &str) -> Vec<String> {
    let words = text.split_whitespace().map(|word| word.chars().filter(|c| c.is_alphanumeric()).collect());
    words.filter(|word: &String| !word.is_empty()).collect()
}

/// Whether all words stand in what is shown, in their order.
pub fn stands_in(text: &str, shown: &str) -> bool {
    let shown: String = words(shown).join(" ");
    let mut rest = shown.as_str();
    words(text).iter().all(|word| match rest.find(word.as_str()) {
        Some(at) => {
            rest = &rest[at + word.len()..];
            true
        }
        None => false,
    })
}

/// Without tags and without the addresses of links, which are shown as links.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut in_tag = false;
    for part in text.split_inclusive(['<', '>']) {
        let (head, tag) = (part.trim_end_matches(['<', '>']), part.ends_with('<'));
        if !in_tag {
            out.push_str(head);
        }
        in_tag = tag;
    }
    let links = out.split("](").map(|part| part.split_once(')').map_or(part, |(_, after)| after));
    links.collect::<Vec<_>>().join(" ")
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
