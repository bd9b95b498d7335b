//! An adaptive card read: what it shows, what its buttons say, and the form when it asks for more than a press.
//!
//! Followed: the adaptive card schema 1.6, and what its JavaScript renderer submits.

use serde_json::{Map, Value};

use super::{
    Choice, Form, Reply, Step, StepKind,
    card::{self, text},
    offer,
    rules::Rules,
};
use crate::{
    translate::{
        password::is_password,
        readable,
        texts::{Text, Words},
    },
    wire::virtual_agent::body,
};

/// Deeper is no card.
const DEEPEST: usize = 20;
/// Where elements hold others, in reading order.
const WITHIN: [&str; 12] = [
    "body",
    "items",
    "columns",
    "rows",
    "cells",
    "images",
    "pages",
    "content",
    "card",
    "inlineAction",
    "selectAction",
    "actions",
];
/// What a card is made of, in reading order.
#[derive(Default)]
struct Parts<'a> {
    texts: Vec<String>,
    images: Vec<(String, Option<String>)>,
    facts: Vec<(String, String)>,
    steps: Vec<Step>,
    submits: Vec<Choice>,
    links: Vec<Value>,
    /// What stands in inputs that nobody sees; it is submitted all the same.
    unseen: Map<String, Value>,
    /// A text that stands right before an input without a label is its question.
    heading: bool,
    /// Stands on a button without a title.
    send: &'a str,
}

/// Reads a card.
pub fn adaptive(
    content: &Value,
    shown: &mut Vec<Value>,
    choices: &mut Vec<Choice>,
    words: &Words<'_>,
) -> Option<Form> {
    let mut parts = Parts { send: words.get(Text::Send), ..Parts::default() };
    parts.walk(content, 0);
    parts.show(shown);
    let Parts { mut steps, submits, unseen, .. } = parts;
    if shown.is_empty() && steps.is_empty() {
        let fallback = text(content, "fallbackText").or(text(content, "speak"));
        shown.extend(fallback.map(body::output_text));
    }
    if steps.is_empty() {
        for Choice { label, value, reply } in submits {
            offer(choices, label, &value, reply.with(&unseen));
        }
        return None;
    }
    // Secrets are asked last, so that they are kept in memory for no longer than they must.
    let is_secret = |step: &mut Step| matches!(step.kind, StepKind::Text { secret: true });
    let secrets: Vec<_> = steps.extract_if(.., is_secret).collect();
    steps.extend(secrets);
    Some(Form { steps, submits, answers: unseen, ..Form::default() })
}

impl Parts<'_> {
    /// What is only to be looked at.
    fn show(&mut self, shown: &mut Vec<Value>) {
        let (texts, images, facts) = (&self.texts, &self.images, &self.facts);
        let (title, rest) = match texts.split_first() {
            Some((title, rest)) if !rest.is_empty() || !images.is_empty() || !facts.is_empty() => {
                (Some(title.as_str()), rest)
            }
            _ => (None, &texts[..]),
        };
        let text = rest.join("\n\n");
        let mut images = images.iter().map(|(url, alt)| (url.as_str(), alt.as_deref()));
        let text = (!text.is_empty()).then_some(text.as_str());
        shown.extend(card::plain(title, None, text, images.next(), facts));
        shown.extend(images.map(|(url, alt)| body::output_image(url, alt.unwrap_or_default())));
        shown.append(&mut self.links);
    }

    fn walk(&mut self, node: &Value, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        if node.get("isVisible") == Some(&Value::Bool(false)) {
            return self.keep(node, depth);
        }
        match text(node, "type").unwrap_or_default() {
            "TextBlock" => {
                self.heading = text(node, "text").is_some();
                self.texts.extend(text(node, "text").map(str::to_owned));
                return;
            }
            "RichTextBlock" => return self.runs(node),
            "Image" => {
                let alt = text(node, "altText").map(str::to_owned);
                self.images.extend(text(node, "url").map(|url| (url.to_owned(), alt)));
            }
            "Media" => self.media(node),
            "FactSet" => self.facts.extend(card::facts(node.get("facts"), "title")),
            "Action.OpenUrl" => self.link(text(node, "title"), text(node, "url")),
            "Action.Submit" | "Action.Execute" => self.submit(node),
            kind if kind.starts_with("Input.") => self.input(&kind["Input.".len()..], node),
            kind if kind.starts_with("Action.") => {}
            _ => return self.other(node, depth),
        }
        self.heading = false;
        within(node).for_each(|child| self.walk(child, depth + 1));
    }

    /// What only holds others, and what we don't know: that stands for what the card has instead of it, else for its text.
    fn other(&mut self, node: &Value, depth: usize) {
        self.heading = false;
        let is_empty = within(node).next().is_none();
        match node.get("fallback").filter(|_| is_empty) {
            Some(fallback @ Value::Object(_)) => self.walk(fallback, depth + 1),
            Some(Value::String(drop)) if drop == "drop" => {}
            _ => {
                self.texts.extend(readable::KEYS.iter().filter_map(|key| text(node, key)).map(str::to_owned));
                within(node).for_each(|child| self.walk(child, depth + 1));
            }
        }
    }

    fn keep(&mut self, node: &Value, depth: usize) {
        let is_input = text(node, "type").is_some_and(|kind| kind.starts_with("Input."));
        if let (true, Some(id), Some(given)) = (is_input, text(node, "id"), given(node)) {
            self.unseen.insert(id.to_owned(), given.into());
        }
        if depth <= DEEPEST {
            within(node).for_each(|child| self.keep(child, depth + 1));
        }
    }

    fn runs(&mut self, node: &Value) {
        let runs = node.get("inlines").and_then(Value::as_array).into_iter().flatten();
        let run = |run: &Value| run.as_str().or_else(|| run.get("text")?.as_str()).map(str::to_owned);
        let text = runs.filter_map(run).collect::<String>();
        self.heading = !text.is_empty();
        self.texts.extend((!text.is_empty()).then_some(text));
    }

    fn media(&mut self, node: &Value) {
        let alt = text(node, "altText");
        self.images.extend(text(node, "poster").map(|url| (url.to_owned(), alt.map(str::to_owned))));
        for source in node.get("sources").and_then(Value::as_array).into_iter().flatten() {
            self.link(alt, text(source, "url"));
        }
    }

    fn link(&mut self, title: Option<&str>, url: Option<&str>) {
        self.links.extend(url.map(|url| body::output_link(title.unwrap_or(url), None, url)));
    }

    fn submit(&mut self, node: &Value) {
        let label = text(node, "title").unwrap_or(self.send);
        let reply = match node.get("data") {
            _ if text(node, "associatedInputs").is_some_and(|which| which.eq_ignore_ascii_case("none")) => {
                Reply::Bare { value: node.get("data").cloned().unwrap_or_else(|| Map::new().into()) }
            }
            Some(Value::String(said)) => Reply::Text { text: said.clone() },
            data => Reply::Value { text: None, value: data.cloned().unwrap_or_else(|| Map::new().into()) },
        };
        offer(&mut self.submits, label.to_owned(), label, reply);
    }

    fn input(&mut self, kind: &str, node: &Value) {
        let text = |key: &str| text(node, key);
        let Some(id) = text("id") else { return };
        let kind = match kind {
            "Number" | "Rating" => StepKind::Number,
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
            _ => StepKind::Text { secret: is_password(node) },
        };
        let label = text("label").or(if node["type"] == "Input.Toggle" { text("title") } else { None });
        let prompt = match label {
            Some(label) => label.to_owned(),
            None if self.heading => self.texts.pop().unwrap_or_default(),
            None => text("placeholder").unwrap_or(id).to_owned(),
        };
        let required = node.get("isRequired") == Some(&Value::Bool(true));
        let (mut rules, error) = (Rules::read(node), text("errorMessage").map(str::to_owned));
        if node["type"] == "Input.Rating" {
            rules.max.get_or_insert_with(|| "5".to_owned());
        }
        let given = given(node);
        self.steps.push(Step { id: id.to_owned(), prompt, required, kind, rules, error, given });
    }
}

/// What an element holds.
fn within(node: &Value) -> impl Iterator<Item = &Value> {
    WITHIN.iter().filter_map(|key| node.get(*key)).flat_map(|held| match held {
        Value::Array(several) => several.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => &[],
    })
}

/// What stands in an input before anybody fills it in.
fn given(node: &Value) -> Option<String> {
    node.get("value").and_then(|value| match value {
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn options(node: &Value) -> Vec<(String, String)> {
    let listed = node.get("choices").and_then(Value::as_array).into_iter().flatten();
    listed
        .filter_map(|choice| {
            let label = text(choice, "title").or(text(choice, "value"))?;
            let value = choice.get("value").and_then(Value::as_str).unwrap_or(label);
            Some((label.to_owned(), value.to_owned()))
        })
        .collect()
}
