//! Facts as lines without words, and what of them names a person or a file.

use serde_json::Value;

use crate::{
    domain::{ConversationId, Timestamp},
    session::{Phase, State},
};

/// How a conversation stands, in a word or two.
pub(super) fn standing(state: &State) -> &'static str {
    match &state.phase {
        Phase::Bot => "with the bot",
        Phase::Waiting { .. } => "waiting",
        Phase::WithAgent { .. } => "with a person",
        Phase::Returning { .. } => "returning",
        Phase::Over => "over",
    }
}

pub(super) fn line(id: &ConversationId, role: &str, standing: &str, facts: &[Value]) -> String {
    let times: Vec<Timestamp> = facts.iter().filter_map(time).collect();
    let shown = |at: Option<&Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.rfc3339());
    format!(
        "{id}\t{role}\t{standing}\t{} facts\t{}\t{}",
        facts.len(),
        shown(times.first()),
        shown(times.last())
    )
}

pub(super) fn fact(position: usize, fact: &Value) -> String {
    let at = time(fact).map_or_else(|| "-".to_owned(), Timestamp::rfc3339);
    let kind = fact.get("fact").and_then(word).unwrap_or_else(|| "unknown".to_owned());
    let outcome = ["outcome", "why", "status"].iter().find_map(|name| word(fact.get(*name)?));
    format!("{position}\t{at}\t{kind}\t{}", outcome.unwrap_or_default())
}

/// When it happened, of a kind that says it.
pub(super) fn time(fact: &Value) -> Option<Timestamp> {
    fact.get("at")?.as_i64().map(Timestamp)
}

/// A name of ours, never what anybody said: an enumeration's value or, where it holds more, its kind.
fn word(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Object(fields) => fields.keys().next()?,
        _ => return None,
    };
    let ours = |c: char| c.is_ascii_lowercase() || c == '_';
    (!text.is_empty() && text.len() < 40 && text.chars().all(ours)).then(|| text.clone())
}

/// Fields that hold what somebody said: it may name any person, and quote the link to anybody's file.
const SAID: [&str; 9] =
    ["body", "context", "control", "echo", "history", "later_history", "message", "text", "words"];

/// A conversation's own files that facts point to: `…/api/files/s/<key>/…`, and a primary bot's uploads by their id.
pub(super) fn file_keys(facts: &[Value]) -> Vec<String> {
    const MARKS: [&str; 2] = ["/api/files/s/", crate::secondary_bot::media::PATH];
    let mut keys = vec![];
    for fact in facts {
        texts(fact, &mut |path, text| {
            for mark in MARKS.into_iter().filter(|_| !is_said(path)) {
                let rest = text.split(mark).skip(1);
                keys.extend(rest.filter_map(|rest| rest.split(['/', '?', '"']).next()).map(str::to_owned));
            }
        });
    }
    keys.sort();
    keys.dedup();
    keys
}

/// Whether a fact says that this is the user: whoever asked for a person, wrote in the chat, or wrote to the primary bot.
pub(super) fn names_user(fact: &Value, user: &str) -> bool {
    let mut found = false;
    texts(fact, &mut |path, text| {
        let of_a_user = match path {
            // An agent's words have a sender, too.
            ["echo", "from", "id"] => fact.get("fact").is_some_and(|kind| kind == "user_said"),
            ["user"] | [.., "user", "id"] | [.., "user_id" | "userId"] => !is_said(path),
            _ => false,
        };
        found |= of_a_user && text == user;
    });
    found
}

fn is_said(path: &[&str]) -> bool {
    path.first().is_some_and(|field| SAID.contains(field))
}

/// Calls with each text or number and the names it stands under.
fn texts<'a>(value: &'a Value, each: &mut impl FnMut(&[&'a str], &str)) {
    fn walk<'a>(value: &'a Value, path: &mut Vec<&'a str>, each: &mut impl FnMut(&[&'a str], &str)) {
        match value {
            Value::String(text) => each(path, text),
            Value::Array(list) => list.iter().for_each(|value| walk(value, path, each)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    path.push(name);
                    walk(value, path, each);
                    path.pop();
                }
            }
            Value::Number(number) => each(path, &number.to_string()),
            Value::Null | Value::Bool(_) => {}
        }
    }
    walk(value, &mut vec![], each);
}
