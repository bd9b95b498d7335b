//! How the parts of an element are read; see the types for what they mean.

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

/// What can be read in a field that should be a string: of an object or a list, what people read of it.
fn words(value: &Value) -> Option<String> {
    const KEYS: [&str; 8] =
        ["value", "label", "message", "header", "text", "title", "promptMsg", "description"];
    let found: Vec<String> = match value {
        Value::Object(map) => KEYS.iter().filter_map(|key| Fields(map).text(key)).collect(),
        Value::Array(list) => list.iter().filter_map(scalar).collect(),
        other => vec![scalar(other)?],
    };
    (!found.is_empty()).then(|| found.join("\n\n"))
}

impl OutputText {
    pub(super) fn read(fields: Fields<'_>) -> Self {
        Self {
            item_type: fields.text("itemType"),
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
            label: fields.first(&["citationLabel", "description", "label", "title", "header"]),
            href: fields.first(&["citationHref", "href", "url"]),
        })
    }
}

impl OutputHtml {
    pub(super) fn read(fields: Fields<'_>) -> Self {
        let link = |value: &Value| {
            let link = Fields(value.as_object()?);
            Some((link.text("label"), link.first(&["link", "url", "href", "action"])?))
        };
        Self {
            image_url: fields.text("imageUrl"),
            links: fields.list("links").iter().filter_map(link).collect(),
        }
    }
}

impl CardData {
    pub(super) fn read(template: Option<String>, fields: Fields<'_>) -> Self {
        let field = |value: &Value| {
            let field = Fields(value.as_object()?);
            let label = field.first(&["fieldLabel", "label", "name"]).unwrap_or_default();
            let value = field.first(&["fieldValue", "displayValue", "value"]).unwrap_or_default();
            (!label.is_empty() || !value.is_empty()).then_some((label, value))
        };
        let texts = ["message", "description", "text", "label", "header", "promptMsg", "value"];
        let actions = ["actions", "buttons", "options"].iter().flat_map(|key| fields.list(key));
        Self {
            template,
            title: fields.text("title"),
            subtitle: fields.text("subtitle"),
            heading: fields.text("messageHeading"),
            table_label: fields.text("tableLabel"),
            record: fields.text("recordDisplayValue"),
            texts: texts.iter().filter_map(|key| fields.text(key)).collect(),
            image: fields.first(&["image", "imageUrl"]),
            image_alt: fields.first(&["imageAlt", "altText"]),
            url: fields.text("url"),
            link: fields.text("link"),
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
        action.label = action.label.or_else(|| fields.first(&["actionLabel", "displayName", "name"]));
        action.value = action.value.or_else(|| fields.first(&["actionValue", "action", "utterance", "id"]));
    }
    Some(action)
}

impl OutputTable {
    pub(super) fn read(fields: Fields<'_>) -> Self {
        let heads = fields.list("headers");
        let names = heads.iter().map(cell).collect::<Vec<_>>();
        let row = |value: &Value| match value {
            Value::Array(cells) => cells.iter().map(cell).collect(),
            Value::Object(map) if names.iter().any(|name| map.contains_key(name)) => {
                names.iter().map(|name| map.get(name).map(cell).unwrap_or_default()).collect()
            }
            Value::Object(map) => map.values().map(cell).collect(),
            other => vec![cell(other)],
        };
        let label = |head: &Value| Fields(head.as_object()?).text("label");
        let data = fields.list("data").iter().map(row).collect();
        Self {
            data,
            headers: heads
                .iter()
                .zip(&names)
                .map(|(head, name)| label(head).unwrap_or(name.clone()))
                .collect(),
            pagination_break: fields.count("paginationBreak"),
            total: fields.count("totalSearchResultsCount"),
            navigation_label: fields.text("navigationBtnLabel"),
        }
    }
}

/// A cell as text; objects by the field that people read, else as JSON.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Object(map) => Fields(map)
            .first(&["displayValue", "display_value", "value", "label", "text", "title"])
            .unwrap_or_else(|| value.to_string()),
        Value::Array(list) => list.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => scalar(other).unwrap_or_default(),
    }
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
            label: fields.first(&["label", "title", "header", "text", "message", "value"]),
            description: fields.text("description"),
            context: fields.text("context"),
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
        let attachment = match fields.object("attachment") {
            Some(inner) => inner.first(&["url", "value", "contentUrl"]),
            None => fields.first(&["attachment", "image", "imageUrl"]),
        };
        let whole = || fields.value("value").filter(|value| !value.is_string()).map(Value::to_string);
        Some(Self {
            label: fields.first(&["label", "title", "text", "displayValue"]),
            value: fields.text("value").or_else(whole),
            description: fields.text("description"),
            attachment,
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
