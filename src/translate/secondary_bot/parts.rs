//! An adaptive card read: what it shows, what its buttons say, and the form when it asks for more than a press.
//!
//! Followed: the adaptive card schema 1.6, and what its JavaScript renderer submits.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{
    Choice, Form, Step,
    card::{self, text},
};
use crate::{
    translate::{adaptive_card::written, readable, texts::Words},
    wire::virtual_agent::body,
};

mod button;
mod input;

use input::unseen;

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
    /// The ids of what an action of the card brings to sight.
    toggled: Vec<&'a str>,
    words: &'a Words<'a>,
}

/// Reads a card. Where several cards stand side by side, `among` says so, and a button is named with its card's first line.
pub fn adaptive<'a>(
    content: &'a Value,
    among: bool,
    shown: &mut Vec<Value>,
    choices: &mut Vec<Choice>,
    words: &'a Words<'a>,
) -> Option<Form> {
    let mut toggled = Vec::new();
    targets(content, 0, &mut toggled);
    let mut buttons = Vec::new();
    let (form, title) = Parts::new(toggled, words).read(content, 0, shown, &mut buttons);
    let title = title.filter(|title| among && !title.contains('\n'));
    for button in &mut buttons {
        if let Some(title) = &title {
            button.label = format!("{title}: {}", button.label);
            button.value.clone_from(&button.label);
        }
    }
    choices.append(&mut buttons);
    form
}

impl<'a> Parts<'a> {
    fn new(toggled: Vec<&'a str>, words: &'a Words<'a>) -> Self {
        Self {
            texts: Vec::new(),
            images: Vec::new(),
            facts: Vec::new(),
            steps: Vec::new(),
            submits: Vec::new(),
            links: Vec::new(),
            unseen: Map::new(),
            heading: false,
            toggled,
            words,
        }
    }

    fn read(
        mut self,
        content: &Value,
        depth: usize,
        shown: &mut Vec<Value>,
        choices: &mut Vec<Choice>,
    ) -> (Option<Form>, Option<String>) {
        self.walk(content, depth);
        self.show(shown);
        let Parts { mut steps, submits, unseen, texts, .. } = self;
        let title = texts.into_iter().next();
        if shown.is_empty() && steps.is_empty() {
            let fallback = text(content, "fallbackText").or(text(content, "speak"));
            shown.extend(fallback.map(body::output_text));
        }
        let form = Form { answers: unseen, ..Form::default() };
        if steps.is_empty() {
            choices.extend(submits.into_iter().map(|choice| Choice {
                reply: choice.reply.with(&form.answers),
                opens: choice.opens.map(|card| Box::new(form.opening(&card))),
                ..choice
            }));
            return (None, title);
        }
        // Secrets are asked last, so that they are kept in memory for no longer than they must.
        steps.sort_by_key(Step::is_secret);
        (Some(Form { steps, submits, ..form }), title)
    }

    /// What is only to be looked at.
    fn show(&mut self, shown: &mut Vec<Value>) {
        let (texts, images, facts) = (&self.texts, &self.images, &self.facts);
        let (title, rest) = match texts.split_first() {
            Some((title, rest))
                if is_title(title) && (!rest.is_empty() || !images.is_empty() || !facts.is_empty()) =>
            {
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
        let is_toggled = || text(node, "id").is_some_and(|id| self.toggled.contains(&id));
        if node.get("isVisible") == Some(&Value::Bool(false)) && !is_toggled() {
            return self.keep(node, depth);
        }
        let kind = text(node, "type").unwrap_or_default();
        if let Some(instead) = node.get("fallback").filter(|it| it.is_object() && is_beyond(kind, node)) {
            return self.walk(instead, depth + 1);
        }
        if kind.starts_with("Action.") && node.get("isEnabled") == Some(&Value::Bool(false)) {
            return;
        }
        match kind {
            "TextBlock" => {
                self.heading = text(node, "text").is_some();
                self.texts.extend(text(node, "text").map(written));
                return;
            }
            "RichTextBlock" => return self.runs(node, depth),
            "Image" => {
                let alt = text(node, "altText").map(str::to_owned);
                self.images.extend(text(node, "url").map(|url| (url.to_owned(), alt)));
            }
            "Media" => self.media(node),
            "CodeBlock" => self.texts.extend(text(node, "codeSnippet").map(fenced)),
            "FactSet" => {
                let facts = card::facts(node.get("facts"), "title").into_iter();
                self.facts.extend(facts.map(|(title, value)| (written(&title), written(&value))));
            }
            "Action.OpenUrl" => self.link(text(node, "title"), text(node, "url")),
            "Action.Submit" | "Action.Execute" => self.submit(node),
            "Action.ShowCard" => return self.show_card(node, depth),
            kind if kind.starts_with("Input.") => self.input(&kind["Input.".len()..], node),
            kind if kind.starts_with("Action.") => {}
            _ => return self.other(node, depth),
        }
        self.heading = false;
        self.children(node, depth);
    }

    /// What an element holds. What pressing it does has the element's first words when it has none of its own.
    fn children(&mut self, node: &Value, depth: usize) {
        let (texts, images) = (self.texts.len(), self.images.len());
        for (key, child) in within(node) {
            let mut child = Cow::Borrowed(child);
            if key == "selectAction" && child.is_object() && text(&child, "title").is_none() {
                let alt = || self.images.get(images).and_then(|(_, alt)| alt.as_deref());
                let first = self.texts.get(texts).map(String::as_str).or_else(alt);
                child.to_mut()["title"] = first.or(text(node, "altText")).or(text(node, "text")).into();
            }
            self.walk(&child, depth + 1);
        }
    }

    /// What only holds others, and what we don't know: that stands for its text.
    fn other(&mut self, node: &Value, depth: usize) {
        let is_empty = within(node).next().is_none();
        match node.get("fallback").filter(|_| is_empty) {
            Some(Value::String(drop)) if drop == "drop" => {}
            _ => {
                let own = self.texts.len();
                self.texts.extend(readable::KEYS.iter().filter_map(|key| text(node, key)).map(written));
                let (texts, steps) = (self.texts.len(), self.steps.len());
                self.heading &= own == texts;
                self.children(node, depth);
                // Texts side by side are none's question.
                let is_row = ["columns", "cells"].iter().any(|key| node.get(*key).is_some());
                self.heading &= !is_row || self.steps.len() > steps || self.texts.len() < texts + 2;
            }
        }
    }

    fn keep(&mut self, node: &Value, depth: usize) {
        let is_input = text(node, "type").is_some_and(|kind| kind.starts_with("Input."));
        if let (true, Some(id), Some(given)) = (is_input, text(node, "id"), unseen(node)) {
            self.unseen.insert(id.to_owned(), given.into());
        }
        if depth <= DEEPEST {
            within(node).for_each(|(_, child)| self.keep(child, depth + 1));
        }
    }

    fn runs(&mut self, node: &Value, depth: usize) {
        let runs = || node.get("inlines").and_then(Value::as_array).into_iter().flatten();
        let run = |run: &Value| run.as_str().or_else(|| run.get("text")?.as_str()).map(str::to_owned);
        let text = written(&runs().filter_map(run).collect::<String>());
        let is_heading = !text.is_empty();
        self.texts.extend(is_heading.then_some(text));
        runs().for_each(|run| self.children(run, depth));
        self.heading = is_heading;
    }

    fn media(&mut self, node: &Value) {
        let alt = text(node, "altText");
        self.images.extend(text(node, "poster").map(|url| (url.to_owned(), alt.map(str::to_owned))));
        for source in node.get("sources").and_then(Value::as_array).into_iter().flatten() {
            self.link(alt, text(source, "url"));
        }
    }

    fn link(&mut self, title: Option<&str>, url: Option<&str>) {
        self.links.extend(url.map(|url| card::link(title, None, url, self.words)));
    }
}

/// Whether a text is a line that stands over others, and no heading by itself.
fn is_title(text: &str) -> bool {
    !text.contains('\n') && !text.starts_with('#')
}

/// Code as Markdown has it, whatever fences stand in it.
fn fenced(code: &str) -> String {
    let longest = code.split(|sign| sign != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{code}\n{fence}")
}

const KNOWN: [&str; 18] = [
    "Action.Submit",
    "Action.Execute",
    "Action.OpenUrl",
    "Action.ShowCard",
    "Action.ToggleVisibility",
    "Input.Text",
    "Input.Number",
    "Input.Date",
    "Input.Time",
    "Input.Toggle",
    "Input.ChoiceSet",
    "Input.Rating",
    "TextBlock",
    "RichTextBlock",
    "Image",
    "Media",
    "CodeBlock",
    "FactSet",
];

/// Whether an element is of a kind we don't know, or needs more of who shows it than adaptive cards.
fn is_beyond(kind: &str, node: &Value) -> bool {
    let is_known = KNOWN.contains(&kind) || !kind.contains('.') && within(node).next().is_some();
    let required = node.get("requires").and_then(Value::as_object);
    !is_known || required.is_some_and(|features| features.keys().any(|feature| feature != "adaptiveCards"))
}

/// What an element holds, and where.
fn within(node: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    WITHIN.iter().filter_map(|key| Some((*key, node.get(*key)?))).flat_map(|(key, held)| {
        let held = match held {
            Value::Array(several) => several.as_slice(),
            one @ Value::Object(_) => std::slice::from_ref(one),
            _ => &[],
        };
        held.iter().map(move |one| (key, one))
    })
}

/// The ids of what the actions of a card bring to sight and hide again.
fn targets<'v>(node: &'v Value, depth: usize, found: &mut Vec<&'v str>) {
    if text(node, "type") == Some("Action.ToggleVisibility") {
        let listed = node.get("targetElements").and_then(Value::as_array).into_iter().flatten();
        found.extend(listed.filter_map(|one| one.as_str().or_else(|| text(one, "elementId"))));
    }
    if depth <= DEEPEST {
        within(node).for_each(|(_, child)| targets(child, depth + 1, found));
    }
}
