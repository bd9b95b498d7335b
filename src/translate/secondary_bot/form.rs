//! Adaptive cards. A primary bot can ask one thing at a time, so a card's inputs become questions in a row, and
//! the answers are submitted together.

use std::{borrow::Cow, collections::HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Choice, Reply,
    element::picker,
    rules::{Complaint, Rules},
};
use crate::{
    translate::texts::{Text, Words},
    wire::virtual_agent::body,
};

/// What a toggle's question sends back.
pub const YES: &str = "yes";
pub const NO: &str = "no";

/// A card that is being filled in. Part of the stored format.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// What is still to be asked; the first has been.
    pub steps: Vec<Step>,
    /// Secrets that were entered, oldest first: each input, and the name under which its words are in memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<(Step, String)>,
    /// Answers so far, by the inputs' ids.
    #[serde(default)]
    pub answers: Map<String, Value>,
    /// How it can be submitted; asked last when there are several.
    #[serde(default)]
    pub submits: Vec<Choice>,
    /// Why what was just said is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complaint: Option<String>,
    /// What else was offered, beside it or behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Choice>,
    /// What is shown when it is opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Value>,
    /// Cards that came with it; each is asked once the one before it is answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<Form>,
    /// The question for a secret is still to be seen beside it: what is typed may be the answer to that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beside_secret: bool,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub id: String,
    pub prompt: String,
    pub required: bool,
    pub kind: StepKind,
    #[serde(default, skip_serializing_if = "Rules::are_none")]
    pub rules: Rules,
    /// What the card says to an answer that breaks its rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What stands in the input before anybody fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
    /// What the primary bot sends back of all that it offers, where something else that is open has one of its own values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sends: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepKind {
    Text {
        secret: bool,
    },
    Number,
    Date,
    Time,
    /// What the card calls yes and no.
    Toggle {
        on: String,
        off: String,
    },
    /// Labels and values.
    Choice {
        options: Vec<(String, String)>,
        several: bool,
    },
}

impl Form {
    /// The button that leaves the form as it is, when that is what is said: a card's *Cancel*.
    pub fn way_out(&self, text: &str) -> Option<&Reply> {
        if self.offers(text) && !self.asks_how() {
            return None;
        }
        let bare = self.submits.iter().filter(|submit| matches!(submit.reply, Reply::Bare { .. }));
        super::named(bare, text).map(|submit| &submit.reply)
    }

    /// How the last answer submits the form; `None` while that is a question of its own.
    pub fn sends(&self) -> Option<Reply> {
        let with_answers =
            || self.submits.iter().filter(|submit| !matches!(submit.reply, Reply::Bare { .. }));
        let whole = with_answers().find(|submit| submit.opens.is_none());
        match self.submits.as_slice() {
            [only] if only.opens.is_none() => Some(only.reply.clone()),
            [_, _, ..] if self.has_secrets() && with_answers().count() == 1 => Some(whole?.reply.clone()),
            [] => Some(Reply::Value { text: None, value: Map::new().into() }),
            _ => None,
        }
    }

    /// Whether it is asked now how to submit: behind the inputs, but before secrets, which wait for no other question.
    pub fn asks_how(&self) -> bool {
        match self.steps.first() {
            Some(step) => step.is_secret() && self.sends().is_none(),
            None => !self.submits.is_empty(),
        }
    }

    /// What follows from how to submit: a card inside this one, this one's secrets, or `None` when nothing more is asked.
    pub fn submitted_by(&self, submit: &Choice) -> Option<Self> {
        match &submit.opens {
            Some(card) => Some(self.opening(card)),
            None if self.steps.is_empty() || matches!(submit.reply, Reply::Bare { .. }) => None,
            None => Some(Self { submits: vec![submit.clone()], ..self.asked() }),
        }
    }

    /// The same with all its secrets still to be entered.
    pub fn without_secrets(&self) -> Self {
        let entered = self.held.iter().map(|(step, _)| step);
        let steps = entered.chain(&self.steps).cloned().collect();
        Self { steps, held: Vec::new(), ..self.clone() }
    }

    /// Whether what is asked now must be kept out of storage.
    pub fn is_secret(&self) -> bool {
        self.beside_secret || (self.steps.first().is_some_and(Step::is_secret) && !self.asks_how())
    }

    /// Whether something is asked, now or later, that must be kept out of storage.
    pub fn will_be_secret(&self) -> bool {
        self.has_secrets() || self.then.iter().any(Self::will_be_secret)
    }

    fn has_secrets(&self) -> bool {
        self.steps.iter().any(Step::is_secret)
    }

    /// With another card behind it, and what that one brings.
    pub fn followed_by(mut self, mut other: Self) -> Self {
        self.beside.append(&mut other.beside);
        let then = std::mem::take(&mut other.then);
        self.then.push(other);
        self.then.extend(then);
        self
    }

    /// The card to ask when this one is answered.
    pub fn next(&self) -> Option<Self> {
        let (next, then) = self.then.split_first()?;
        Some(Self { then: then.to_vec(), beside: self.beside.clone(), ..next.clone() })
    }

    /// Whether a text is the very value of something that is asked now.
    fn offers(&self, text: &str) -> bool {
        if self.asks_how() {
            return self.submits.iter().any(|submit| submit.value == text);
        }
        self.steps.first().is_some_and(|step| step.values().contains(&text))
    }

    /// The card as it still stands when a choice beside it is what is said.
    pub fn standing_beside(&self, text: &str) -> Option<(&Choice, Self)> {
        if self.offers(text) {
            return None;
        }
        let choice = super::named(&self.beside, text)?;
        let beside = self.beside.iter().filter(|other| other.value != choice.value).cloned().collect();
        Some((choice, Self { beside, ..self.asked() }))
    }

    /// A card inside this one, which is submitted with what was entered here; secrets of both are asked last.
    pub fn opening(&self, card: &Self) -> Self {
        let (then, beside, mut answers) = (self.then.clone(), self.beside.clone(), self.answers.clone());
        answers.extend(card.answers.clone());
        let steps = [card.steps.as_slice(), &self.steps].concat();
        Self { steps, answers, beside, then, beside_secret: self.beside_secret, ..card.clone() }
    }

    /// What is said now: what a card shows, why the last answer was none, and what is asked.
    pub fn questions(&self, words: &Words<'_>) -> Vec<Value> {
        let complaint = self.complaint.iter().map(|complaint| body::output_text(complaint));
        self.shown.iter().cloned().chain(complaint).chain(self.question(words)).collect()
    }

    /// The same, with a word on why it is asked again.
    pub fn again(&self, complaint: &Complaint, words: &Words<'_>) -> Self {
        let own = self.steps.first().and_then(|step| step.error.clone());
        Self { complaint: Some(own.unwrap_or_else(|| complaint.said(words))), ..self.asked() }
    }

    /// The same once it has been shown.
    pub fn asked(&self) -> Self {
        Self { complaint: None, shown: Vec::new(), ..self.clone() }
    }

    /// What is asked now: the next input, or how to submit.
    pub fn question(&self, words: &Words<'_>) -> Option<Value> {
        if self.asks_how() {
            return Some(picker(words.get(Text::Choose), &self.submits));
        }
        self.steps.first().map(|step| step.question(words))
    }
}

impl Step {
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, StepKind::Text { secret: true })
    }

    /// What the primary bot sends back of what it offers.
    pub fn values(&self) -> Vec<&str> {
        if self.sends.is_empty() {
            self.own_values()
        } else {
            self.sends.iter().map(String::as_str).collect()
        }
    }

    /// What was said, with the card's own value for each that is sent back in its stead.
    pub fn in_own_values<'a>(&'a self, text: &'a str) -> Cow<'a, str> {
        let sent: HashMap<_, _> = self.sends.iter().map(String::as_str).zip(self.own_values()).collect();
        let own = |one: &'a str| sent.get(one.trim()).copied();
        let several = matches!(self.kind, StepKind::Choice { several: true, .. });
        match own(text) {
            Some(value) => value.into(),
            None if several && text.split(',').any(|one| own(one).is_some()) => {
                text.split(',').map(|one| own(one).unwrap_or(one)).collect::<Vec<_>>().join(",").into()
            }
            None => text.into(),
        }
    }

    fn own_values(&self) -> Vec<&str> {
        match &self.kind {
            StepKind::Toggle { on: _, off: _ } => vec![YES, NO],
            StepKind::Choice { options, several: _ } => options.iter().map(sent).collect(),
            StepKind::Text { secret: _ } | StepKind::Number | StepKind::Date | StepKind::Time => Vec::new(),
        }
    }

    fn question(&self, words: &Words<'_>) -> Value {
        let Self { id: _, prompt, required, kind, rules: _, error: _, given: _, sends: _ } = self;
        match kind {
            StepKind::Text { secret } => body::input_text(prompt, *secret, *required),
            StepKind::Number => body::input_text(prompt, false, *required),
            StepKind::Date => body::input_moment("Date", prompt, *required),
            StepKind::Time => body::input_moment("Time", prompt, *required),
            StepKind::Toggle { on: _, off: _ } => {
                let labels = [Text::Yes, Text::No].into_iter().zip(self.values());
                let options = labels.map(|(label, value)| body::option(words.get(label), value));
                body::boolean(prompt, &options.collect::<Vec<_>>(), *required)
            }
            // They would be looked up as somebody types.
            StepKind::Choice { options, several: _ } if options.is_empty() => {
                body::input_text(prompt, false, *required)
            }
            StepKind::Choice { options, several } => {
                let options = options.iter().zip(self.values());
                let options = options.map(|((label, _), value)| body::option(label, value));
                body::picker(prompt, &options.collect::<Vec<_>>(), *several, *required)
            }
        }
    }
}

/// What is sent back of a choice: a choice of nothing can't be sent back as nothing.
pub fn sent((label, value): &(String, String)) -> &str {
    if value.is_empty() { label } else { value }
}
