//! How the parts of an element are read; see the types for what they mean.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    AgentInfo, CardData, Citation, FileUpload, GroupedPart, OutputHtml, OutputTable, OutputText, Picker,
    PickerKind, PickerOption, Texts,
};
use crate::wire::virtual_agent::response::{Fields, scalar};

impl AgentInfo {
    pub(super) fn read(fields: Fields<'_>) -> Self {
        Self {
            sent_from_agent: fields.flag("sentFromAgent") == Some(true),
            name: fields.text("agentName"),
            id: fields.text("agentId"),
            avatar: fields.text("agentAvatar"),
        }
    }
}

impl Texts {
    pub(super) fn read(fields: Fields<'_>) -> Self {
        let words = |key: &str| fields.value(key).and_then(words);
        Self {
            value: words("value"),
            label: words("label"),
            message: words("message"),
            header: words("header"),
            text: words("text"),
            title: words("title"),
            prompt_msg: words("promptMsg"),
            description: words("description"),
        }
    }
}

/// What can be read in a field that should be a string: of an object, a list or a list of objects, what people read of it.
pub(in super::super) fn words(value: &Value) -> Option<String> {
    const KEYS: [&str; 8] =
        ["value", "label", "message", "header", "text", "title", "promptMsg", "description"];
    let found: Vec<String> = match value {
        Value::Object(map) => KEYS.iter().filter_map(|key| Fields(map).text(key)).collect(),
        Value::Array(list) => list.iter().filter(|entry| !entry.is_array()).filter_map(words).collect(),
        other => vec![scalar(other)?],
    };
    (!found.is_empty()).then(|| found.join("\n\n"))
}

/// What people read of a field that is short: of an object what it is displayed as.
fn told(value: &Value) -> Option<String> {
    match value {
        Value::Object(map) => {
            Fields(map).first(&["displayValue", "display_value", "value", "label", "text", "title"])
        }
        Value::Array(list) => {
            let told = list.iter().map(cell).collect::<Vec<_>>().join(", ");
            (!told.trim().is_empty()).then_some(told)
        }
        other => scalar(other),
    }
}

/// The same of the first of several fields that has it.
fn first_told(fields: Fields<'_>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| told(fields.value(key)?))
}

/// As text, whatever it is; an object in which nothing is to be read as JSON.
fn cell(value: &Value) -> String {
    let whole = || value.is_object().then(|| value.to_string());
    told(value).or_else(whole).unwrap_or_default()
}

/// The first of several fields that has an address, which may stand in an object.
pub(super) fn address(fields: Fields<'_>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| match fields.value(key)? {
        Value::Object(map) => Fields(map).first(&["action", "url", "href", "link", "contentUrl", "value"]),
        other => scalar(other),
    })
}

impl OutputText {
    pub(super) fn read(fields: Fields<'_>) -> Self {
        let item_type = fields.text("itemType");
        Self {
            address: item_type.as_ref().and_then(|_| address(fields, &["value"])),
            item_type,
            citations: fields.list("citations").iter().filter_map(Citation::read).collect(),
            feedback: fields.value("feedback").cloned(),
            stream_id: fields.text("streamId"),
        }
    }
}

impl Citation {
    fn read(value: &Value) -> Option<Self> {
        let fields = Fields(value.as_object()?);
        let numbered = || fields.count("index").map(|index| format!("[{}]", index + 1));
        Some(Self {
            citation_ref: fields.text("citationRef").or_else(numbered),
            label: first_told(fields, &["citationLabel", "description", "label", "title", "header"]),
            href: address(fields, &["citationHref", "href", "url"]),
        })
    }
}

impl OutputHtml {
    pub(super) fn read(fields: Fields<'_>) -> Self {
        let link = |value: &Value| {
            let link = Fields(value.as_object()?);
            Some((first_told(link, &["label"]), address(link, &["link", "url", "href", "action"])?))
        };
        Self {
            image_url: address(fields, &["imageUrl"]),
            links: fields.list("links").iter().filter_map(link).collect(),
        }
    }
}

impl CardData {
    pub(super) fn read(template: Option<String>, fields: Fields<'_>) -> Self {
        let field = |value: &Value| {
            let field = Fields(value.as_object()?);
            let first = |keys: &[&str]| {
                let cells = keys.iter().filter_map(|key| field.value(key)).map(cell);
                cells.into_iter().find(|cell| !cell.is_empty()).unwrap_or_default()
            };
            let label = first(&["fieldLabel", "label", "name"]);
            let value = first(&["fieldValue", "displayValue", "value"]);
            (!label.is_empty() || !value.is_empty()).then_some((label, value))
        };
        let texts = ["message", "description", "text", "label", "header", "promptMsg", "value"];
        let actions = ["actions", "buttons", "options"].iter().flat_map(|key| fields.list(key));
        Self {
            template,
            title: first_told(fields, &["title"]),
            subtitle: first_told(fields, &["subtitle"]),
            heading: first_told(fields, &["messageHeading"]),
            table_label: first_told(fields, &["tableLabel"]),
            record: first_told(fields, &["recordDisplayValue"]),
            texts: texts.iter().filter_map(|key| words(fields.value(key)?)).collect(),
            image: address(fields, &["image", "imageUrl"]),
            image_alt: first_told(fields, &["imageAlt", "altText"]),
            url: address(fields, &["url"]),
            link: address(fields, &["link"]),
            video_id: fields.text("id"),
            enable_link: fields.flag("enableLink"),
            fields: fields.list("fields").iter().filter_map(field).collect(),
            actions: actions.filter_map(card_action).collect(),
        }
    }
}

/// No page shows a card's action, so any name that can mean a label or an answer is taken for one.
fn card_action(value: &Value) -> Option<PickerOption> {
    let mut action = PickerOption::read(value)?;
    if let Value::Object(map) = value {
        let fields = Fields(map);
        action.label = action.label.or_else(|| first_told(fields, &["actionLabel", "displayName", "name"]));
        action.value = action.value.or_else(|| fields.first(&["actionValue", "action", "utterance", "id"]));
    }
    Some(action)
}

impl OutputTable {
    pub(super) fn read(fields: Fields<'_>) -> Self {
        let heads = fields.list("headers").iter().map(Head::read).collect::<Vec<_>>();
        let data = fields.list("data");
        let places = heads.len() * data.iter().filter(|row| row.is_object()).count();
        let cells = data.iter().filter_map(|row| Some(row.as_object()?.len())).sum::<usize>();
        let sparse = places > MAX_PLACES * (heads.len() + cells);
        let data = data.iter().map(|value| row(value, &heads, sparse)).collect();
        Self {
            data,
            headers: heads.into_iter().map(|head| head.label).collect(),
            pagination_break: fields.count("paginationBreak"),
            total: fields.count("totalSearchResultsCount"),
            navigation_label: first_told(fields, &["navigationBtnLabel"]),
        }
    }
}

/// What a column is called, and the names its cells may go by in rows that are objects.
struct Head {
    label: String,
    names: Vec<String>,
}

impl Head {
    fn read(value: &Value) -> Self {
        let label = match value {
            Value::Object(map) => first_told(Fields(map), &["label"]).unwrap_or_else(|| cell(value)),
            value => cell(value),
        };
        let named = |map| {
            let keys = ["name", "key", "field", "id", "column", "columnName", "value"];
            keys.iter().filter_map(|key| Fields(map).text(key)).collect::<Vec<_>>()
        };
        let names = value.as_object().map(named).unwrap_or_default();
        Self { names: names.into_iter().chain([label.clone()]).collect(), label }
    }
}

/// With more places to a cell, rows that are objects are not filled up: that would take more room than they have content.
const MAX_PLACES: usize = 16;

/// A row's cells in the order of its heads. Of an object that no head names anything of, or of a sparse table, each cell says
/// what it is.
fn row(value: &Value, heads: &[Head], sparse: bool) -> Vec<String> {
    let map = match value {
        Value::Array(cells) => return cells.iter().map(cell).collect(),
        Value::Object(map) if heads.is_empty() => return map.values().map(cell).collect(),
        Value::Object(map) => map,
        other => return vec![cell(other)],
    };
    let loosely: HashMap<String, &Value> = map.iter().map(|(key, value)| (loose(key), value)).collect();
    let of = |head: &Head| {
        let exactly = head.names.iter().find_map(|name| map.get(name));
        exactly.or_else(|| head.names.iter().find_map(|name| loosely.get(&loose(name)).copied()))
    };
    let found = if sparse { Vec::new() } else { heads.iter().map(of).collect::<Vec<_>>() };
    if found.iter().all(Option::is_none) {
        return map.iter().map(|(key, value)| format!("{key}: {}", cell(value))).collect();
    }
    found.into_iter().map(|value| value.map(cell).unwrap_or_default()).collect()
}

/// A name as it is alike in a label and in a field: `Assigned to`, `assigned_to`.
fn loose(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl GroupedPart {
    pub(super) fn read(value: &Value) -> Option<Self> {
        let Value::Object(map) = value else {
            return Some(Self { label: Some(scalar(value)?), ..Self::default() });
        };
        let fields = Fields(map);
        let action = match fields.object("value") {
            Some(inner) => inner.first(&["action", "url"]),
            None => fields.first(&["action", "url"]),
        };
        Some(Self {
            action,
            label: first_told(fields, &["label", "title", "header", "text", "message", "value"]),
            description: first_told(fields, &["description"]),
            context: first_told(fields, &["context"]),
        })
    }
}

impl Picker {
    pub(super) fn read(fields: Fields<'_>, of: PickerKind) -> Self {
        let scripted = fields.embedded("scriptedData").and_then(|scripted| {
            let scripted = Fields(&scripted);
            let data = scripted.embedded("cardData")?;
            Some(CardData::read(scripted.text("cardName"), Fields(&data)))
        });
        Self {
            of,
            required: fields.flag("required"),
            item_type: fields.text("itemType"),
            style: fields.text("style"),
            multi_select: fields.flag("multiSelect") == Some(true),
            options: fields.list("options").iter().filter_map(PickerOption::read).collect(),
            card: scripted,
        }
    }
}

impl PickerOption {
    fn read(value: &Value) -> Option<Self> {
        let Value::Object(map) = value else {
            let text = scalar(value)?;
            return Some(Self { label: Some(text.clone()), value: Some(text), ..Self::default() });
        };
        let fields = Fields(map);
        let whole = || fields.value("value").filter(|value| !value.is_string()).map(Value::to_string);
        Some(Self {
            label: first_told(fields, &["label", "title", "text", "displayValue"]),
            value: fields.text("value").or_else(whole),
            description: first_told(fields, &["description"]),
            attachment: address(fields, &["attachment", "image", "imageUrl"]),
        })
    }
}

impl FileUpload {
    pub(super) fn read(fields: Fields<'_>) -> Self {
        Self {
            max_count: fields.count("maxCount"),
            max_size: fields.count("maxSize"),
            item_type: fields.text("itemType"),
            required: fields.flag("required"),
        }
    }
}
