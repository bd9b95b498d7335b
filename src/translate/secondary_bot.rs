//! The control table read the other way round: what a Copilot Studio agent says, as body elements of the VA Bot
//! Integration API, and what the user answers to them, as the activity the agent waits for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    answer::meant::{Names, says},
    texts::Words,
};

pub mod answer;
mod card;
mod cited;
pub mod context;
mod drawn;
mod element;
mod form;
mod parts;
mod rules;
#[cfg(test)]
mod tests;
mod values;

pub use card::bill;
pub use element::Said;
pub(crate) use element::number;
pub use form::{Form, Step, StepKind};
pub use rules::{Complaint, Rules};

/// What the user was last asked, so that the answer can be told to the agent in its own terms.
///
/// Part of the stored format.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "asks", rename_all = "snake_case")]
pub enum Pending {
    /// Nothing in particular: any text goes to the agent as it is.
    #[default]
    Nothing,
    Choices {
        choices: Vec<Choice>,
    },
    /// An adaptive card, asked one input after the other.
    Form(Form),
    /// A secret was asked for in a conversation that is gone. What is typed next may be its answer, and goes nowhere.
    Closed,
}

impl Pending {
    /// What is asked when this comes behind what was asked before. Nothing takes the place of what must be kept secret: what is
    /// typed would be stored.
    #[must_use]
    pub fn behind(self, before: &Self) -> Self {
        match (before, self) {
            (Self::Form(form), Self::Choices { choices }) if form.will_be_secret() => {
                Self::Form(Form { beside: [choices, form.beside.clone()].concat(), ..form.clone() })
            }
            (Self::Form(form), Self::Form(other)) if form.will_be_secret() && !other.will_be_secret() => {
                Self::Form(form.clone().followed_by(other))
            }
            (before, Self::Nothing) => before.clone(),
            (_, asked) => asked,
        }
    }

    /// What there is to choose where nothing else is asked, which is gone from it then.
    fn take_choices(&mut self) -> Vec<Choice> {
        match std::mem::take(self) {
            Self::Choices { choices } => choices,
            other => {
                *self = other;
                Vec::new()
            }
        }
    }

    /// What is left of it once its conversation is gone: nobody there has asked.
    #[must_use]
    pub fn closed(&self) -> Self {
        if self.is_secret() { Self::Closed } else { Self::Nothing }
    }

    /// Under which names secrets that were entered already are in memory.
    pub fn held(&self) -> impl Iterator<Item = &str> {
        self.form().into_iter().flat_map(|form| &form.held).map(|(_, name)| name.as_str())
    }

    /// Whether the answer must be kept out of storage, logs and echoes.
    pub fn is_secret(&self) -> bool {
        *self == Self::Closed || self.form().is_some_and(Form::is_secret)
    }

    /// The card that is being filled in.
    pub fn form(&self) -> Option<&Form> {
        match self {
            Self::Form(form) => Some(form),
            Self::Nothing | Self::Choices { .. } | Self::Closed => None,
        }
    }
}

/// Something to choose, and what choosing it says to the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    pub label: String,
    /// What the primary bot sends back; unlike the other choices'.
    pub value: String,
    pub reply: Reply,
    /// The card that it opens, which is asked before anything is posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<Box<Form>>,
}

/// What a choice posts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// imBack: said as the user's own words.
    Text { text: String },
    /// postBack, messageBack and a card's submit: a value behind the words, if there are words.
    Value {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(default)]
        value: Value,
    },
    /// A card's button that submits its own data and leaves out what was entered.
    Bare {
        #[serde(default)]
        value: Value,
    },
}

impl Choice {
    /// One whose value may still be another's.
    fn new(label: String, value: &str, reply: Reply) -> Self {
        Self { label, value: value.to_owned(), reply, opens: None }
    }
}

impl Reply {
    /// With what a card submits besides.
    fn with(self, more: &Map<String, Value>) -> Self {
        match self {
            Self::Value { text, value: Value::Object(mut data) } => {
                data.extend(more.clone());
                Self::Value { text, value: data.into() }
            }
            other => other,
        }
    }
}

/// A hand-off's variables, for `clientVariables.handoff`.
pub type Variables = Map<String, Value>;

/// The choice that a text means, as people name, number or affirm one.
fn choose<'a>(choices: &'a [Choice], text: &str, words: &Words<'_>) -> Option<&'a Choice> {
    let alike = |yes: bool| {
        let says = move |text: &String| says(text, words) == Some(yes);
        choices
            .iter()
            .find(|choice| says(&choice.label))
            .or_else(|| choices.iter().find(|one| says(&one.value)))
    };
    look_up(choices, text, |names, text| names.find(text)).or_else(|| alike(says(text, words)?))
}

/// The choice that a text names where something else is asked: a number may be the answer to that.
fn named<'a>(choices: impl IntoIterator<Item = &'a Choice>, text: &str) -> Option<&'a Choice> {
    look_up(choices, text, |names, text| names.named(text))
}

/// A primary bot answers with the very value.
fn look_up<'a>(
    choices: impl IntoIterator<Item = &'a Choice>,
    text: &str,
    by: impl Fn(&Names<'_>, &str) -> Option<usize>,
) -> Option<&'a Choice> {
    let choices = choices.into_iter().collect::<Vec<_>>();
    let of_value = choices.iter().position(|choice| choice.value == text);
    let names = || Names::of(choices.iter().map(|choice| (choice.label.as_str(), choice.value.as_str())));
    of_value.or_else(|| by(&names(), text)).map(|at| choices[at])
}
