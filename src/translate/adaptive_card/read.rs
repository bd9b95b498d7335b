//! What can be read in anybody's card.

use std::borrow::Cow;

use serde_json::Value;

use super::written;
use crate::{
    translate::{readable, secondary_bot::bill, texts::Words},
    wire::json,
};

/// Deeper than this nobody reads.
const MAX_DEPTH: usize = 16;

/// The fields of a card of any kind that people read; what describes a picture may repeat what stands beside it.
const READ: [&str; 6] = ["title", "subtitle", "text", "label", "description", "codeSnippet"];
const DESCRIBES: [&str; 2] = ["altText", "alt"];

/// Where a card of any kind has its parts, in the order they are seen.
const PARTS: [&str; 15] = [
    "content", "body", "images", "image", "pages", "items", "columns", "rows", "cells", "inlines", "facts",
    "choices", "card", "buttons", "actions",
];

/// The parts of it that are there to be pressed.
const PRESSED: [&str; 3] = ["choices", "buttons", "actions"];

/// What can be read in a card of any kind: its texts, facts, choices and the titles of its buttons.
pub fn words(card: &Value) -> Vec<String> {
    let mut found = Vec::new();
    read(&unpacked(card), 0, true, &mut found);
    found
}

/// What a card of any kind tells: its title and texts, and the bill of a receipt, without what is there to be pressed; of what
/// has none of it, what is told instead of it.
pub fn told(card: &Value, ours: &Words<'_>) -> Vec<String> {
    let mut card = unpacked(card);
    let bill = bill(&card, ours);
    if let Some(listed) = card.to_mut().as_object_mut().filter(|_| !bill.is_empty()) {
        listed.remove("items");
    }
    let mut found = Vec::new();
    read(&card, 0, false, &mut found);
    found.extend(bill.into_iter().map(|(name, value)| said_of(&name, &value)));
    if found.is_empty() {
        let instead = ["fallbackText", "speak"].iter().find_map(|key| card.get(*key)?.as_str());
        keep(&mut found, instead.unwrap_or_default());
    }
    found
}

/// A card, which may come as JSON in a string.
fn unpacked(card: &Value) -> Cow<'_, Value> {
    let packed = card.as_str().and_then(json::packed);
    packed.map_or(Cow::Borrowed(card), |packed| Cow::Owned(packed.value))
}

/// Rows of a table may say the same.
fn keep(found: &mut Vec<String>, text: &str) {
    found.extend((!text.trim().is_empty()).then(|| text.to_owned()));
}

fn read(value: &Value, depth: usize, pressed: bool, found: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|entry| read(entry, depth, pressed, found)),
        Value::Object(map) if depth < MAX_DEPTH => {
            let before = found.len();
            let texts = |keys: &'static [&str]| keys.iter().filter_map(|key| map.get(*key)?.as_str());
            texts(&READ).for_each(|text| keep(found, &written(text)));
            texts(&DESCRIBES).for_each(|text| readable::add(found, &written(text)));
            let parts = PARTS.iter().filter(|part| pressed || !PRESSED.contains(part));
            for (part, parts) in parts.filter_map(|part| Some((part, map.get(*part)?))) {
                match parts {
                    Value::Array(runs) if *part == "inlines" => keep(found, &written(&line(runs))),
                    Value::Array(facts) if *part == "facts" => facts.iter().for_each(|one| fact(one, found)),
                    parts => read(parts, depth + 1, pressed, found),
                }
            }
            // What stands for an element that clients may not know.
            if let Some(fallback) = map.get("fallback").filter(|_| found.len() == before) {
                read(fallback, depth + 1, pressed, found);
            }
        }
        _ => {}
    }
}

/// The runs of a line of rich text.
fn line(runs: &[Value]) -> String {
    let text = |run: &Value| run.as_str().or_else(|| run.get("text")?.as_str()).map(str::to_owned);
    runs.iter().filter_map(text).collect()
}

fn fact(fact: &Value, found: &mut Vec<String>) {
    let part = |key: &str| match fact.get(key) {
        Some(Value::String(text)) => written(text),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let title = part(if fact.get("title").is_some() { "title" } else { "key" });
    keep(found, &said_of(&title, &part("value")));
}

fn said_of(title: &str, value: &str) -> String {
    match (title, value) {
        ("", one) | (one, "") => one.to_owned(),
        (title, value) => format!("{}: {value}", title.trim_end_matches(':')),
    }
}
