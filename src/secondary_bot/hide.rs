//! What was said in secret, looked for in what a primary bot tells, and dots in its place. Pure.

use std::{cmp::Reverse, collections::BTreeSet, mem, ops::Range};

use serde_json::{Map, Number, Value};

use super::fact::Asked;
use crate::{domain::MASKED, wire::json::number};

/// Segments of a text that a secret may have to be found inside it.
const LONGEST: usize = 9;

/// What may be a secret in the texts of these fields, their names among them.
pub fn tellings_in(fields: &Map<String, Value>, look: &mut impl FnMut(&str)) {
    for (name, value) in fields {
        tellings_of(name, look);
        tellings(value, look);
    }
}

pub fn tellings(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => tellings_of(number::kept(text).unwrap_or(text), look),
        Value::Number(number) => tellings_of(&number.to_string(), look),
        Value::Array(list) => list.iter().for_each(|value| tellings(value, look)),
        Value::Object(fields) => tellings_in(fields, look),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The whole text, and each run of a few of its segments that could be told from other words.
fn tellings_of(text: &str, look: &mut impl FnMut(&str)) {
    look(text.trim());
    let segments = segments(text);
    for (at, first) in segments.iter().enumerate() {
        for last in segments[at..].iter().take(LONGEST) {
            let run = &text[first.start..last.end];
            if run.trim().len() == run.len() && is_telling(run) {
                look(run);
            }
        }
    }
}

/// Cuts a text into longest runs of letters and digits, and single other signs: whatever stands around a secret, these can be
/// put together to it.
fn segments(text: &str) -> Vec<Range<usize>> {
    let mut segments: Vec<Range<usize>> = Vec::new();
    let mut goes_on = false;
    for (at, sign) in text.char_indices() {
        let end = at + sign.len_utf8();
        match segments.last_mut() {
            Some(last) if goes_on && sign.is_alphanumeric() => last.end = end,
            _ => segments.push(at..end),
        }
        goes_on = sign.is_alphanumeric();
    }
    segments
}

/// Whether words can be looked for inside others: short ones stand everywhere, but for numbers.
fn is_telling(words: &str) -> bool {
    let is_long = |least: usize| words.chars().nth(least - 1).is_some();
    is_long(4) || is_long(3) && words.contains(|sign: char| sign.is_ascii_digit())
}

/// Puts dots where secrets stand in what the agent is told and in what is given back. One may be a part of another.
pub fn hide_in(asked: &mut Asked, secrets: &BTreeSet<String>) {
    let mut secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    secrets.sort_by_key(|words| Reverse(words.len()));
    for words in secrets {
        hide_fields(&mut asked.context, words);
        asked.echo.get_mut("clientVariables").into_iter().for_each(|value| hide(value, words));
    }
}

fn hide_fields(fields: &mut Map<String, Value>, words: &str) {
    fields.values_mut().for_each(|value| hide(value, words));
    if fields.keys().any(|name| is_told_by(name, words)) {
        *fields = mem::take(fields).into_iter().map(|(name, value)| (hidden(&name, words), value)).collect();
    }
}

fn hide(value: &mut Value, words: &str) {
    match value {
        Value::String(text) => match number::kept(text) {
            Some(digits) if is_told_by(digits, words) => *value = MASKED.into(),
            Some(_) => {}
            None => *text = hidden(text, words),
        },
        Value::Number(number) if is_in(number, words) => *value = MASKED.into(),
        Value::Array(list) => list.iter_mut().for_each(|value| hide(value, words)),
        Value::Object(fields) => hide_fields(fields, words),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A time or a count only by chance has the words within; a longer number, or a fraction, may say them.
fn is_in(number: &Number, words: &str) -> bool {
    let text = number.to_string();
    let is_small = number.is_i64() || number.is_u64();
    text == words || !is_small && is_told_by(&text, words)
}

/// Whether who reads the text knows the words.
pub fn is_told_by(text: &str, words: &str) -> bool {
    text.trim() == words || is_telling(words) && text.contains(words)
}

fn hidden(text: &str, words: &str) -> String {
    if text.trim() == words {
        return MASKED.to_owned();
    }
    if is_telling(words) {
        return text.replace(words, MASKED);
    }
    // A line of the history, however short.
    let is_said = |line: &str| said(line).is_some_and(|(_, said)| said == words);
    if !text.lines().any(is_said) {
        return text.to_owned();
    }
    let lines = text.lines().map(|line| match said(line) {
        Some((who, said)) if said == words => format!("{who}: {MASKED}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Who said what, in a line of the history.
fn said(line: &str) -> Option<(&str, &str)> {
    line.split_once(": ").map(|(who, said)| (who, said.trim()))
}

/// Of the message nothing stays but what can't be words. `words`: what was said in it.
pub fn without_words(echo: &mut Map<String, Value>, words: &str) {
    match echo.get_mut("message") {
        Some(Value::Object(message)) => message.retain(|key, value| match key.as_str() {
            "typed" | "attachment" => true,
            "clientMessageId" => !is_told_by(&number::plain(value), words),
            _ => false,
        }),
        Some(message) => *message = Value::Null,
        None => {}
    }
}
