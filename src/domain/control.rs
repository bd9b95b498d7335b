//! What ServiceNow shows, in our words: every control a message from ServiceNow can hold.
//!
//! Stored in journals: a field may be added with a default, never renamed or given another meaning.
//! URLs stand as ServiceNow sent them: absolute, or relative to the instance.

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod asking;
mod progress;
mod question;

pub use progress::{Progress, Step};
pub use question::{
    Choice, ChoiceKind, ChoiceLook, Item, Mask, Missing, Moment, MomentKind, TextInput, Upload,
};

/// One thing ServiceNow asked us to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum Control {
    /// Markdown.
    Text {
        #[serde(default)]
        text: String,
    },
    /// A text that ServiceNow sends masked.
    Masked(Masked),
    /// The whole of a streamed or synthesised answer.
    Generated(Generated),
    /// HTML, already turned into Markdown.
    Html(Html),
    Link(Link),
    Image(Image),
    Card(Card),
    Table(Table),
    /// One part of several; the next comes when the user asks for it.
    MultiPart(MultiPart),
    /// Links under one heading.
    GroupedParts(GroupedParts),
    /// How far a longer task has come.
    Progress(Progress),
    Choice(Choice),
    TextInput(TextInput),
    /// A date, a time, or both.
    Moment(Moment),
    Upload(Upload),
    /// A control we have no mapping for: its readable text, so that nothing vanishes.
    Degraded {
        #[serde(default)]
        ui_type: String,
        #[serde(default)]
        text: String,
    },
}

impl Control {
    /// The masked text that it is, or that its part is.
    pub fn masked(&mut self) -> Option<&mut Self> {
        match self {
            Self::Masked(_) => Some(self),
            Self::MultiPart(several) => several.part.masked(),
            _ => None,
        }
    }

    /// The words that are shown once, in whatever they stand.
    pub fn hidden(&self) -> Option<&Masked> {
        match self {
            Self::Masked(masked) => Some(masked),
            Self::MultiPart(several) => several.part.hidden(),
            _ => None,
        }
    }

    /// What a repeat of these steps is known by.
    pub fn step(&self) -> Option<String> {
        match self {
            Self::Progress(progress) => {
                let lines = progress.lines();
                lines.last()?;
                Some(format!("{}: {}", progress.key.as_deref().unwrap_or_default(), lines.join("\n")))
            }
            _ => None,
        }
    }

    /// Whether it may be the whole of what was streamed.
    pub fn is_words(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::Generated(_) | Self::Html(_))
    }

    /// The stream that this ends, when it was streamed.
    pub fn stream(&self) -> Option<&str> {
        match self {
            Self::Generated(generated) => generated.stream.as_deref(),
            _ => None,
        }
    }
}

/// A text that is shown once and never stored.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Masked {
    /// What the words are kept under, in memory alone.
    pub whisper: String,
    /// The process that knows them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// ServiceNow waits for `DONE`, as for what it was before it was masked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub waits_for_done: bool,
    #[serde(skip)]
    words: String,
}

impl Masked {
    pub fn new(words: String, waits_for_done: bool) -> Self {
        Self { waits_for_done, words, ..Self::default() }
    }

    /// Puts more words before them.
    pub fn put_before(&mut self, words: &str) {
        self.words = format!("{words}\n\n{}", self.words);
    }

    /// Takes the words out.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.words)
    }
}

/// Never shows the words.
impl std::fmt::Debug for Masked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masked").field("whisper", &self.whisper).finish_non_exhaustive()
    }
}

/// Markdown, and the sources it names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Generated {
    pub text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// The stream this ends, when it was streamed: a repeated end carries the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// ServiceNow's feedback data, kept as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Citation {
    /// As it stands in the text: `[1]`.
    pub mark: String,
    pub label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Html {
    pub markdown: String,
    /// ServiceNow's picture of the HTML, for clients that can show nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// Links of the HTML that its Markdown does not hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading: Option<String>,
    pub label: String,
    pub url: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// A card: also what ServiceNow calls a notification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Card {
    pub look: CardLook,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// Paragraphs, plain text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paragraphs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<CardField>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// What the user may do about it; each answers with its value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Item>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardLook {
    #[default]
    Plain,
    LargeImage,
    SmallImage,
    Video,
    Notification,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CardField {
    pub label: String,
    pub value: String,
}

/// Plain-text cells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub headers: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Rows to show at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// Rows there are in all, when ServiceNow says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_label: Option<String>,
    /// Nobody waits to hear that it was shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub only_told: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultiPart {
    /// Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<String>,
    pub part: Box<Control>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_label: Option<String>,
    /// Nobody would send a further part.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupedParts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading: Option<String>,
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    pub label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_control_stored_with_fewer_fields_is_still_read() {
        for (stored, control) in [
            (json!({"control": "text"}), Control::Text { text: String::new() }),
            (json!({"control": "choice", "later": 1}), Control::Choice(Choice::default())),
            (
                json!({"control": "card", "title": "T"}),
                Control::Card(Card { title: Some("T".to_owned()), ..Card::default() }),
            ),
            (json!({"control": "table"}), Control::Table(Table::default())),
            (
                json!({"control": "moment", "kind": "date_time"}),
                Control::Moment(Moment { kind: MomentKind::DateTime, ..Moment::default() }),
            ),
            (
                json!({"control": "text_input", "mask": "secure"}),
                Control::TextInput(TextInput { mask: Mask::Secure, ..TextInput::default() }),
            ),
            (
                json!({"control": "multi_part", "part": {"control": "degraded"}}),
                Control::MultiPart(MultiPart {
                    heading: None,
                    part: Box::new(Control::Degraded { ui_type: String::new(), text: String::new() }),
                    more_label: None,
                    last: false,
                }),
            ),
        ] {
            assert_eq!(serde_json::from_value::<Control>(stored).expect("a control"), control);
            let written = serde_json::to_value(&control).expect("JSON");
            assert_eq!(serde_json::from_value::<Control>(written).expect("a control"), control);
        }
    }
}
