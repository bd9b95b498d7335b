//! Which kind an element is, by its `uiType`.

use serde_json::{Map, Value};

use super::{
    Action, CardData, DateKind, Element, Fields, FileUpload, GroupedPart, Kind, MASK, OutputHtml,
    OutputTable, OutputText, Picker, PickerKind, Why, read::address,
};

/// Deeper nesting than this (multi-part within multi-part) counts as unknown.
const MAX_DEPTH: usize = 8;

pub(super) fn kind(map: &Map<String, Value>, depth: usize) -> Kind {
    let fields = Fields(map);
    let raw = || Value::Object(map.clone());
    let Some(ui_type) = fields.text("uiType") else {
        return match Action::read(map) {
            Some(action) => Kind::Action { action, raw: raw() },
            None => unknown(String::new(), &raw(), Why::NoType),
        };
    };
    let name = ui_type.trim().to_ascii_lowercase();
    let known = match name.as_str() {
        "actionmsg" => action(map),
        "actionrichcontrol" => match fields.embedded("actionMsg") {
            Some(inner) => {
                let whole = unwrapped(map, inner);
                return action(&whole).unwrap_or_else(|why| unknown(ui_type, &Value::Object(whole), why));
            }
            None => action(map),
        },
        name => asks(name, fields).map_or_else(|| shows(name, fields, depth), Ok),
    };
    known.unwrap_or_else(|why| unknown(ui_type, &raw(), why))
}

/// What shows something.
fn shows(name: &str, fields: Fields<'_>, depth: usize) -> Result<Kind, Why> {
    Ok(match name {
        "outputtext" => Kind::OutputText(OutputText::read(fields)),
        "outputhtml" => Kind::OutputHtml(OutputHtml::read(fields)),
        "outputlink" => Kind::OutputLink { action: address(fields, &["value", "action", "url", "href"]) },
        "outputimage" => {
            let url = address(fields, &["value", "imageUrl", "url"]);
            Kind::OutputImage { url, alt_text: fields.first(&["altText", "alt"]) }
        }
        "outputcard" => Kind::OutputCard(card(fields).ok_or(Why::Broken("data"))?),
        "outputtable" => Kind::OutputTable(OutputTable::read(fields)),
        "multipartoutput" => return multi_part(fields, depth),
        "groupedpartsoutputcontrol" | "groupedpartsoutput" => {
            Kind::GroupedPartsOutput(fields.list("values").iter().filter_map(GroupedPart::read).collect())
        }
        "streamstart" => Kind::StreamStart { stream_id: fields.text("streamId") },
        "streamchunk" => Kind::StreamChunk {
            stream_id: fields.text("streamId"),
            sequence: fields.count("streamSequence"),
            blank: fields.blank("value"),
        },
        _ => return Err(Why::UnknownType),
    })
}

/// What asks something.
fn asks(name: &str, fields: Fields<'_>) -> Option<Kind> {
    let required = fields.flag("required");
    let date = |of| Kind::Date { of, required };
    Some(match name {
        "picker" => Kind::Picker(Picker::read(fields, PickerKind::Picker)),
        "topicpickercontrol" | "topicpicker" => Kind::Picker(Picker::read(fields, PickerKind::TopicPicker)),
        "boolean" => Kind::Picker(Picker::read(fields, PickerKind::Boolean)),
        "inputtext" => Kind::InputText { required },
        "date" => date(DateKind::Date),
        "time" => date(DateKind::Time),
        "datetime" => date(DateKind::DateTime),
        "fileupload" => Kind::FileUpload(FileUpload::read(fields)),
        _ => return None,
    })
}

/// The first mask that is named in it and is one.
pub(super) fn masks(value: &Value, depth: usize) -> Option<String> {
    let within = |inner: &Value| if depth < MAX_DEPTH { masks(inner, depth + 1) } else { None };
    match value {
        Value::Object(map) => {
            let own = own_mask(Fields(map)).filter(|mask| !mask.trim().eq_ignore_ascii_case("NONE"));
            own.or_else(|| map.values().find_map(within))
        }
        Value::Array(list) => list.iter().find_map(within),
        _ => None,
    }
}

/// The mask, which may stand in an object, as reference fields do.
pub(super) fn own_mask(fields: Fields<'_>) -> Option<String> {
    let named = || fields.object(MASK)?.0.values().find_map(Value::as_str).map(str::to_owned);
    fields.text(MASK).or_else(named)
}

pub(super) fn unknown(ui_type: String, raw: &Value, why: Why) -> Kind {
    Kind::Unknown { ui_type, raw: raw.clone(), why }
}

fn action(map: &Map<String, Value>) -> Result<Kind, Why> {
    let action = Action::read(map).ok_or(Why::UnknownAction)?;
    Ok(Kind::Action { action, raw: Value::Object(map.clone()) })
}

/// An action message with what its wrapping says besides.
fn unwrapped(wrapping: &Map<String, Value>, mut inner: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in wrapping.iter().filter(|(key, _)| *key != "actionMsg") {
        inner.entry(key.clone()).or_insert_with(|| value.clone());
    }
    inner
}

fn multi_part(fields: Fields<'_>, depth: usize) -> Result<Kind, Why> {
    let content = fields.value("content").ok_or(Why::Broken("content"))?;
    if depth >= MAX_DEPTH {
        return Err(Why::Broken("depth"));
    }
    Ok(Kind::MultiPartOutput {
        navigation_label: fields.text("navigationBtnLabel"),
        content: Box::new(Element::read(content, depth + 1)),
    })
}

fn card(fields: Fields<'_>) -> Option<CardData> {
    let data = fields.embedded("data")?;
    Some(CardData::read(fields.text("templateName"), Fields(&data)))
}
