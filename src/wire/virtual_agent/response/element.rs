//! The elements of a message's `body`.

use serde_json::Value;

use self::kind::{kind, masks, own_mask, unknown};
use super::{Action, Fields, scalar};

mod kind;
mod read;

pub(super) use self::read::words;

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
    OutputLink {
        action: Option<String>,
    },
    OutputImage {
        url: Option<String>,
        alt_text: Option<String>,
    },
    OutputCard(CardData),
    OutputTable(OutputTable),
    MultiPartOutput {
        navigation_label: Option<String>,
        content: Box<Element>,
    },
    GroupedPartsOutput(Vec<GroupedPart>),
    Picker(Picker),
    InputText {
        required: Option<bool>,
    },
    Date {
        of: DateKind,
        required: Option<bool>,
    },
    FileUpload(FileUpload),
    StreamStart {
        stream_id: Option<String>,
    },
    /// `blank`: the blanks and line ends that are all it adds.
    StreamChunk {
        stream_id: Option<String>,
        sequence: Option<u64>,
        blank: Option<String>,
    },
    Action {
        action: Action,
        raw: Value,
    },
    Unknown {
        ui_type: String,
        raw: Value,
        why: Why,
    },
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
    /// Where its `value` leads, when it says of what kind that is.
    pub address: Option<String>,
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
            Kind::Unknown { .. } | Kind::Action { .. } => masks(value, 0),
            Kind::OutputCard(_) => {
                let data = || masks(&Value::Object(fields.embedded("data")?), 0);
                masks(value, 0).or_else(data)
            }
            _ => own_mask(fields),
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
