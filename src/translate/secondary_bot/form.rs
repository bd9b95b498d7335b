//! Adaptive cards. A primary bot can ask one thing at a time, so a card's inputs become questions in a row, and
//! the answers are submitted together.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Choice, Reply, card,
    element::picker,
    offer,
    rules::{Complaint, Rules},
};
use crate::{
    translate::texts::{Text, Words},
    wire::virtual_agent::body,
};

/// A card that is being filled in. Part of the stored format.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// What is still to be asked; the first has been.
    pub steps: Vec<Step>,
    /// Answers so far, by the inputs' ids.
    #[serde(default)]
    pub answers: Map<String, Value>,
    /// How it can be submitted; asked last when there are several.
    #[serde(default)]
    pub submits: Vec<Choice>,
    /// Why what was just said is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complaint: Option<String>,
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
    /// Whether what is asked now must be kept out of storage.
    pub fn is_secret(&self) -> bool {
        matches!(self.steps.first(), Some(Step { kind: StepKind::Text { secret: true }, .. }))
    }

    /// What is said now: why the last answer was none, and what is asked.
    pub fn questions(&self, words: &Words<'_>) -> Vec<Value> {
        let complaint = self.complaint.iter().map(|complaint| body::output_text(complaint));
        complaint.chain(self.question(words)).collect()
    }

    /// The same, with a word on why it is asked again.
    pub fn again(&self, complaint: &Complaint, words: &Words<'_>) -> Self {
        let own = self.steps.first().and_then(|step| step.error.clone());
        Self { complaint: Some(own.unwrap_or_else(|| complaint.said(words))), ..self.clone() }
    }

    /// What is asked now: the next input, else how to submit.
    pub fn question(&self, words: &Words<'_>) -> Option<Value> {
        match self.steps.first() {
            Some(step) => Some(step.question(words)),
            None if self.submits.len() > 1 => Some(picker(words.get(Text::Choose), &self.submits)),
            None => None,
        }
    }
}

impl Step {
    fn question(&self, words: &Words<'_>) -> Value {
        let Self { id: _, prompt, required, kind, rules: _, error: _, given: _ } = self;
        match kind {
            StepKind::Text { secret } => body::input_text(prompt, *secret, *required),
            StepKind::Number => body::input_text(prompt, false, *required),
            StepKind::Date => body::input_moment("Date", prompt, *required),
            StepKind::Time => body::input_moment("Time", prompt, *required),
            StepKind::Toggle { on: _, off: _ } => {
                let options = [(Text::Yes, "yes"), (Text::No, "no")];
                let options = options.map(|(label, value)| body::option(words.get(label), value));
                body::boolean(prompt, &options, *required)
            }
            StepKind::Choice { options, several } => {
                let options = options.iter().map(|(label, value)| body::option(label, value));
                body::picker(prompt, &options.collect::<Vec<_>>(), *several, *required)
            }
        }
    }
}

/// What a card is made of, in reading order.
#[derive(Default)]
struct Parts<'a> {
    texts: Vec<String>,
    images: Vec<(String, Option<String>)>,
    facts: Vec<(String, String)>,
    steps: Vec<Step>,
    submits: Vec<Choice>,
    links: Vec<Value>,
    /// A text that stands right before an input without a label is its question.
    heading: bool,
    /// Stands on a button without a title.
    send: &'a str,
}

/// Reads a card: what it shows, what its buttons say, and the form when it asks for more than a press.
pub fn adaptive(
    content: &Value,
    shown: &mut Vec<Value>,
    choices: &mut Vec<Choice>,
    words: &Words<'_>,
) -> Option<Form> {
    let mut parts = Parts { send: words.get(Text::Send), ..Parts::default() };
    parts.walk(content, 0);
    let Parts { texts, images, facts, mut steps, mut submits, links, heading: _, send: _ } = parts;
    let (title, rest) = match texts.split_first() {
        Some((title, rest)) if !rest.is_empty() || !images.is_empty() || !facts.is_empty() => {
            (Some(title.as_str()), rest)
        }
        _ => (None, &texts[..]),
    };
    let text = rest.join("\n\n");
    let mut images = images.iter().map(|(url, alt)| (url.as_str(), alt.as_deref()));
    let text = (!text.is_empty()).then_some(text.as_str());
    shown.extend(card::plain(title, None, text, images.next(), &facts));
    shown.extend(images.map(|(url, alt)| body::output_image(url, alt.unwrap_or_default())));
    shown.extend(links);
    if shown.is_empty() && steps.is_empty() {
        let fallback = content.get("fallbackText").or(content.get("speak")).and_then(Value::as_str);
        shown.extend(fallback.map(body::output_text));
    }
    if steps.is_empty() {
        choices.append(&mut submits);
        return None;
    }
    // A secret is asked last, so that it is submitted at once and never kept; for a second one there is no such
    // place.
    let secrets = steps.extract_if(.., |step| matches!(step.kind, StepKind::Text { secret: true }));
    let secret = secrets.collect::<Vec<_>>().into_iter().next();
    if secret.is_some() {
        submits.truncate(1);
    }
    steps.extend(secret);
    Some(Form { steps, submits, ..Form::default() })
}

/// Deeper is no card.
const DEEPEST: usize = 20;

impl Parts<'_> {
    fn walk(&mut self, node: &Value, depth: usize) {
        if depth > DEEPEST || node.get("isVisible") == Some(&Value::Bool(false)) {
            return;
        }
        let text = |key: &str| node.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        match text("type").unwrap_or_default() {
            "TextBlock" => {
                self.heading = text("text").is_some();
                self.texts.extend(text("text").map(str::to_owned));
                return;
            }
            "RichTextBlock" => return self.runs(node),
            "Image" => {
                let alt = text("altText").map(str::to_owned);
                self.images.extend(text("url").map(|url| (url.to_owned(), alt)));
            }
            "FactSet" => self.facts.extend(card::facts(node.get("facts"), "title")),
            "Action.OpenUrl" => {
                let link = text("url").map(|url| body::output_link(text("title").unwrap_or(url), None, url));
                self.links.extend(link);
            }
            "Action.Submit" | "Action.Execute" => self.submit(node),
            kind if kind.starts_with("Input.") => self.input(&kind["Input.".len()..], node),
            _ => {}
        }
        self.heading = false;
        for key in ["body", "items", "columns", "rows", "cells", "images", "card", "inlineAction", "actions"]
        {
            match node.get(key) {
                Some(Value::Array(children)) => children.iter().for_each(|child| self.walk(child, depth + 1)),
                Some(child @ Value::Object(_)) => self.walk(child, depth + 1),
                _ => {}
            }
        }
    }

    fn runs(&mut self, node: &Value) {
        let runs = node.get("inlines").and_then(Value::as_array).into_iter().flatten();
        let run = |run: &Value| run.as_str().or_else(|| run.get("text")?.as_str()).map(str::to_owned);
        let text = runs.filter_map(run).collect::<String>();
        self.heading = !text.is_empty();
        self.texts.extend((!text.is_empty()).then_some(text));
    }

    fn submit(&mut self, node: &Value) {
        let label = node.get("title").and_then(Value::as_str).unwrap_or(self.send);
        let reply = match node.get("data") {
            Some(Value::String(said)) => Reply::Text { text: said.clone() },
            data => Reply::Value { text: None, value: data.cloned().unwrap_or_else(|| Map::new().into()) },
        };
        offer(&mut self.submits, label.to_owned(), label, reply);
    }

    fn input(&mut self, kind: &str, node: &Value) {
        let text = |key: &str| node.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let Some(id) = text("id") else { return };
        let kind = match kind {
            "Number" => StepKind::Number,
            "Date" => StepKind::Date,
            "Time" => StepKind::Time,
            "Toggle" => StepKind::Toggle {
                on: text("valueOn").unwrap_or("true").to_owned(),
                off: text("valueOff").unwrap_or("false").to_owned(),
            },
            "ChoiceSet" => StepKind::Choice {
                options: options(node),
                several: node.get("isMultiSelect") == Some(&Value::Bool(true)),
            },
            _ => StepKind::Text {
                secret: text("style").is_some_and(|style| style.eq_ignore_ascii_case("password")),
            },
        };
        let label = text("label").or(if node["type"] == "Input.Toggle" { text("title") } else { None });
        let prompt = match label {
            Some(label) => label.to_owned(),
            None if self.heading => self.texts.pop().unwrap_or_default(),
            None => text("placeholder").unwrap_or(id).to_owned(),
        };
        let required = node.get("isRequired") == Some(&Value::Bool(true));
        let given = node.get("value").and_then(|value| match value {
            Value::String(text) => (!text.is_empty()).then(|| text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        let (rules, error) = (Rules::read(node), text("errorMessage").map(str::to_owned));
        self.steps.push(Step { id: id.to_owned(), prompt, required, kind, rules, error, given });
    }
}

fn options(node: &Value) -> Vec<(String, String)> {
    let listed = node.get("choices").and_then(Value::as_array).into_iter().flatten();
    listed
        .filter_map(|choice| {
            let text = |key: &str| choice.get(key).and_then(Value::as_str).map(str::to_owned);
            let value = text("value").or_else(|| text("title"))?;
            Some((text("title").unwrap_or_else(|| value.clone()), value))
        })
        .collect()
}
