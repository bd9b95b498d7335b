//! What asks the user something, and how the answer is to be given.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Card, Control};

/// What an answer lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    Choice,
    Words,
    Date,
    Time,
    DateTime,
    File,
    /// A message with nothing in it, when nothing was asked.
    Anything,
}

/// A question answered with one or more of its items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    pub kind: ChoiceKind,
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    pub items: Vec<Item>,
    pub look: ChoiceLook,
    pub several: bool,
    pub optional: bool,
    /// Shown with the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    /// Nobody would hear what is chosen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub only_told: bool,
}

impl Choice {
    /// What may be chosen: of a yes or no that came without options, the words that ServiceNow's page has it answered with.
    pub fn offered(&self) -> Cow<'_, [Item]> {
        if self.kind != ChoiceKind::Boolean || !self.items.is_empty() {
            return Cow::Borrowed(&self.items);
        }
        let bare = |word: &str| Item { label: word.to_owned(), value: word.to_owned(), ..Item::default() };
        Cow::Owned(["yes", "no"].map(bare).into())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceKind {
    #[default]
    Picker,
    Topic,
    Boolean,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceLook {
    #[default]
    List,
    Buttons,
    Pictures,
}

/// Something to choose. Its value is what ServiceNow expects to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Item {
    pub label: String,
    pub value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextInput {
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    pub mask: Mask,
    pub optional: bool,
    /// The choice or the moment that is entered hidden here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hides: Option<Box<Control>>,
}

/// How an answer is to be treated. Anything but `None` is never stored, logged or echoed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    #[default]
    None,
    Secure,
    Sensitive,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moment {
    pub kind: MomentKind,
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    pub optional: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MomentKind {
    #[default]
    Date,
    Time,
    DateTime,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upload {
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_count: Option<u64>,
    /// Of one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_megabytes: Option<u64>,
    /// Only pictures are asked for.
    pub pictures_only: bool,
    pub optional: bool,
    /// Nobody would take the file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub only_told: bool,
}
