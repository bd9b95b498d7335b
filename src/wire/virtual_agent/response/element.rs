//! The elements of a message's `body`.

use serde_json::{Map, Value};

use super::{Action, Fields, scalar};

/// One element of `body`, with what any of them can carry.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// ServiceNow's id of the message; newer instances only.
    pub message_id: Option<String>,
    pub agent: Option<AgentInfo>,
    /// Every readable text the element has, whatever its kind makes of them.
    pub texts: Texts,
    /// Whether what it shows, or what it is answered with, must be hidden; of one we don't know also what is anywhere in it.
    pub mask_type: Option<String>,
    pub kind: Kind,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentInfo {
    pub sent_from_agent: bool,
    pub name: Option<String>,
    pub id: Option<String>,
    pub avatar: Option<String>,
}

/// The fields that hold what people read; of one that is an object, what people read in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pub value: Option<String>,
    pub label: Option<String>,
    pub message: Option<String>,
    pub header: Option<String>,
    pub text: Option<String>,
    pub title: Option<String>,
    pub prompt_msg: Option<String>,
    pub description: Option<String>,
}

/// An element by its `uiType`. What we don't know keeps its raw JSON, and why we don't.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    OutputText(OutputText),
    OutputHtml(OutputHtml),
    OutputLink { action: Option<String> },
    OutputImage { alt_text: Option<String> },
    OutputCard(CardData),
    OutputTable(OutputTable),
    MultiPartOutput { navigation_label: Option<String>, content: Box<Element> },
    GroupedPartsOutput(Vec<GroupedPart>),
    Picker(Picker),
    InputText { required: Option<bool> },
    Date { of: DateKind, required: Option<bool> },
    FileUpload(FileUpload),
    StreamStart { stream_id: Option<String> },
    StreamChunk { stream_id: Option<String>, sequence: Option<u64> },
    Action { action: Action, raw: Value },
    Unknown { ui_type: String, raw: Value, why: Why },
}

/// Why an element is not one of the known kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    NotAnObject,
    NoType,
    UnknownType,
    UnknownAction,
    /// A known type whose essential field is missing or unreadable.
    Broken(&'static str),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputText {
    pub item_type: Option<String>,
    pub citations: Vec<Citation>,
    pub feedback: Option<Value>,
    pub stream_id: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Citation {
    pub citation_ref: Option<String>,
    pub label: Option<String>,
    pub href: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputHtml {
    pub image_url: Option<String>,
    /// Label and address.
    pub links: Vec<(Option<String>, String)>,
}

/// A card's `data`, which is JSON inside a string. Templates differ in their field names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardData {
    pub template: Option<String>,
    pub title: Option<String>,
    pub subtitle: Option<String>,
    pub heading: Option<String>,
    pub table_label: Option<String>,
    pub record: Option<String>,
    /// What else is to be read, in order.
    pub texts: Vec<String>,
    pub image: Option<String>,
    pub image_alt: Option<String>,
    pub url: Option<String>,
    pub link: Option<String>,
    pub video_id: Option<String>,
    pub enable_link: Option<bool>,
    pub fields: Vec<(String, String)>,
    pub actions: Vec<PickerOption>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputTable {
    pub headers: Vec<String>,
    pub data: Vec<Vec<String>>,
    pub pagination_break: Option<u64>,
    pub total: Option<u64>,
    pub navigation_label: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupedPart {
    pub action: Option<String>,
    pub label: Option<String>,
    pub description: Option<String>,
    pub context: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picker {
    pub of: PickerKind,
    pub required: Option<bool>,
    pub item_type: Option<String>,
    pub style: Option<String>,
    pub multi_select: bool,
    /// `enabled` is not read: the documented examples send `false` for options that are to be chosen from.
    pub options: Vec<PickerOption>,
    /// `scriptedData`: a card beside the question.
    pub card: Option<CardData>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PickerKind {
    #[default]
    Picker,
    TopicPicker,
    Boolean,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PickerOption {
    pub label: Option<String>,
    pub value: Option<String>,
    pub description: Option<String>,
    pub attachment: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateKind {
    Date,
    Time,
    DateTime,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileUpload {
    pub max_count: Option<u64>,
    /// Megabytes.
    pub max_size: Option<u64>,
    pub item_type: Option<String>,
    pub required: Option<bool>,
}

const MASK: &str = "maskType";
/// Deeper nesting than this (multi-part within multi-part) counts as unknown.
const MAX_DEPTH: usize = 8;

impl Element {
    pub fn from_value(value: &Value) -> Self {
        Self::read(value, 0)
    }

    fn read(value: &Value, depth: usize) -> Self {
        let Value::Object(map) = value else {
            let text = scalar(value);
            let texts = Texts { value: text, ..Texts::default() };
            let kind = unknown(String::new(), value, Why::NotAnObject);
            return Self { message_id: None, agent: None, texts, mask_type: None, kind };
        };
        let (fields, kind) = (Fields(map), kind(map, depth));
        let mask = match kind {
            Kind::Unknown { .. } => masks(value, 0),
            _ => fields.text(MASK),
        };
        Self {
            message_id: fields.text("messageId"),
            agent: fields.object("agentInfo").map(AgentInfo::read),
            texts: Texts::read(fields),
            mask_type: mask,
            kind,
        }
    }
}

fn kind(map: &Map<String, Value>, depth: usize) -> Kind {
    let fields = Fields(map);
    let raw = || Value::Object(map.clone());
    let Some(ui_type) = fields.text("uiType") else {
        return match Action::read(map) {
            Some(action) => Kind::Action { action, raw: raw() },
            None => unknown(String::new(), &raw(), Why::NoType),
        };
    };
    let known = match ui_type.trim().to_ascii_lowercase().as_str() {
        "outputtext" => Ok(Kind::OutputText(OutputText::read(fields))),
        "outputhtml" => Ok(Kind::OutputHtml(OutputHtml::read(fields))),
        "outputlink" => Ok(Kind::OutputLink { action: link_action(fields) }),
        "outputimage" => Ok(Kind::OutputImage { alt_text: fields.first(&["altText", "alt"]) }),
        "outputcard" => card(fields).map(Kind::OutputCard).ok_or(Why::Broken("data")),
        "outputtable" => Ok(Kind::OutputTable(OutputTable::read(fields))),
        "multipartoutput" => multi_part(fields, depth),
        "groupedpartsoutputcontrol" | "groupedpartsoutput" => {
            Ok(Kind::GroupedPartsOutput(fields.list("values").iter().filter_map(GroupedPart::read).collect()))
        }
        "streamstart" => Ok(Kind::StreamStart { stream_id: fields.text("streamId") }),
        "streamchunk" => Ok(Kind::StreamChunk {
            stream_id: fields.text("streamId"),
            sequence: fields.count("streamSequence"),
        }),
        "actionmsg" => action(map),
        "actionrichcontrol" => match fields.embedded("actionMsg") {
            Some(inner) => {
                let whole = unwrapped(map, inner);
                return action(&whole).unwrap_or_else(|why| unknown(ui_type, &Value::Object(whole), why));
            }
            None => action(map),
        },
        other => question(other, fields).ok_or(Why::UnknownType),
    };
    known.unwrap_or_else(|why| unknown(ui_type, &raw(), why))
}

/// What asks the user for something.
fn question(ui_type: &str, fields: Fields<'_>) -> Option<Kind> {
    let picker = |kind| Kind::Picker(Picker::read(fields, kind));
    let date = |of| Kind::Date { of, required: fields.flag("required") };
    Some(match ui_type {
        "picker" => picker(PickerKind::Picker),
        "topicpickercontrol" | "topicpicker" => picker(PickerKind::TopicPicker),
        "boolean" => picker(PickerKind::Boolean),
        "inputtext" => Kind::InputText { required: fields.flag("required") },
        "date" => date(DateKind::Date),
        "time" => date(DateKind::Time),
        "datetime" => date(DateKind::DateTime),
        "fileupload" => Kind::FileUpload(FileUpload::read(fields)),
        _ => return None,
    })
}

/// The first mask that is named in it and is one.
fn masks(value: &Value, depth: usize) -> Option<String> {
    let within = |inner: &Value| if depth < MAX_DEPTH { masks(inner, depth + 1) } else { None };
    match value {
        Value::Object(map) => {
            let own = Fields(map).text(MASK).filter(|mask| !mask.trim().eq_ignore_ascii_case("NONE"));
            own.or_else(|| map.values().find_map(within))
        }
        Value::Array(list) => list.iter().find_map(within),
        _ => None,
    }
}

fn unknown(ui_type: String, raw: &Value, why: Why) -> Kind {
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

fn link_action(fields: Fields<'_>) -> Option<String> {
    match fields.object("value") {
        Some(value) => value.first(&["action", "url", "href", "link"]),
        None => fields.first(&["value", "action", "url", "href"]),
    }
}

fn card(fields: Fields<'_>) -> Option<CardData> {
    let data = fields.embedded("data")?;
    Some(CardData::read(fields.text("templateName"), Fields(&data)))
}

mod read;
