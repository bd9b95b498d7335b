//! What waits in a conversation: words that are not through, who holds the lease, when the next try is.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;

/// What a conversation's facts say of its calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    pub waiting: Vec<Waiting>,
}

/// Something that the far end has not taken yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Position of the fact it follows from.
    pub position: i64,
    pub what: String,
    pub attempt: u64,
    /// `queued`, `leased` or `retry`.
    pub state: &'static str,
    /// Who holds the lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Milliseconds since the epoch: until when the lease lasts, or when the next try is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// How long a lease lasts that does not say it itself, in milliseconds.
const LEASE: i64 = 10_000;
/// Letters of what was said that are enough to know it by.
const SHOWN: usize = 40;

/// The first of several calls that follow from one fact has step 0.
type Call = (i64, i64);

/// Reads a conversation's facts, `(position, fact)` in order. Facts it does not know change nothing.
pub fn read(facts: &[(i64, Value)]) -> Standing {
    let mut waiting: BTreeMap<Call, Waiting> = BTreeMap::new();
    let mut names: HashMap<i64, String> = HashMap::new();
    for (position, fact) in facts {
        names.insert(*position, name(fact));
        match fact["fact"].as_str().unwrap_or_default() {
            "handoff_requested" => queue(&mut waiting, *position, name(fact)),
            "user_said" if is_to_be_told(fact) => queue(&mut waiting, *position, name(fact)),
            "claimed" | "leased" => lease(&mut waiting, &names, fact),
            "settled" => settle(&mut waiting, fact),
            "chat_ended" => waiting.retain(|_, one| one.state != "queued"),
            _ => {}
        }
    }
    Standing { waiting: waiting.into_values().collect() }
}

/// Words that a person was asked for behind a mask wait only where they are kept in memory.
fn is_to_be_told(fact: &Value) -> bool {
    fact["message"].is_object() && (fact["secure"] != true || !fact["whisper"].is_null())
}

/// What a call that follows from this fact is for.
fn name(fact: &Value) -> String {
    let said = || match fact["message"]["text"].as_str().filter(|text| !text.is_empty()) {
        _ if fact["secure"] == true => "a masked answer".to_owned(),
        Some(text) => format!("“{}”", text.chars().take(SHOWN).collect::<String>()),
        None => "a file".to_owned(),
    };
    match fact["fact"].as_str().unwrap_or_default() {
        "handoff_requested" => "the opening of the live chat".to_owned(),
        "user_said" => said(),
        "fetched" => "a receipt".to_owned(),
        "user_typing" | "user_stopped_typing" => "a sign of typing".to_owned(),
        "chat_ended" => "the end of the live chat".to_owned(),
        other => format!("what follows from {}", other.replace('_', " ")),
    }
}

fn queue(waiting: &mut BTreeMap<Call, Waiting>, position: i64, what: String) {
    let one = Waiting { position, what, attempt: 0, state: "queued", by: None, until: None };
    waiting.insert((position, 0), one);
}

fn lease(waiting: &mut BTreeMap<Call, Waiting>, names: &HashMap<i64, String>, fact: &Value) {
    let Some(call) = call(fact) else { return };
    let what = names.get(&call.0).cloned().unwrap_or_default();
    let new = Waiting { position: call.0, what, attempt: 0, state: "queued", by: None, until: None };
    let one = waiting.entry(call).or_insert(new);
    one.state = "leased";
    one.attempt = fact["attempt"].as_u64().unwrap_or(one.attempt + 1);
    one.by = fact["by"].as_str().map(str::to_owned);
    one.until = fact["until"].as_i64().or(fact["at"].as_i64().map(|at| at + LEASE));
}

fn settle(waiting: &mut BTreeMap<Call, Waiting>, fact: &Value) {
    let Some(call) = call(fact) else { return };
    let again = &fact["outcome"]["retry"];
    match waiting.get_mut(&call) {
        Some(one) if again.is_object() => {
            (one.state, one.by, one.until) = ("retry", None, again["at"].as_i64());
        }
        _ => drop(waiting.remove(&call)),
    }
}

/// The fact a call follows from, and its step: `[position, step]`.
fn call(fact: &Value) -> Option<Call> {
    Some((fact["call"][0].as_i64()?, fact["call"][1].as_i64().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn standing(facts: &[Value]) -> Vec<(i64, &'static str, u64, Option<i64>)> {
        let facts: Vec<_> = (0..).zip(facts.iter().cloned()).collect();
        let standing = read(&facts);
        standing.waiting.into_iter().map(|one| (one.position, one.state, one.attempt, one.until)).collect()
    }

    #[test]
    fn words_wait_until_the_far_end_has_them() {
        let said = json!({"fact": "user_said", "message": {"text": "a"}});
        let claimed = json!({"fact": "claimed", "call": [0, 0], "attempt": 1, "by": "me", "at": 5});
        let again = json!({"fact": "settled", "call": [0, 0], "outcome": {"retry": {"at": 900}}});
        let done = json!({"fact": "settled", "call": [0, 0], "outcome": "done"});
        let so_far = [said.clone(), said, claimed, again, done];
        assert_eq!(standing(&so_far[..2]), [(0, "queued", 0, None), (1, "queued", 0, None)]);
        assert_eq!(standing(&so_far[..3])[0], (0, "leased", 1, Some(10_005)));
        assert_eq!(standing(&so_far[..4])[0], (0, "retry", 1, Some(900)));
        assert_eq!(standing(&so_far), [(1, "queued", 0, None)]);
    }

    #[test]
    fn a_step_behind_the_first_and_a_renewed_lease_are_known_by_what_they_are_for() {
        let facts = [
            json!({"fact": "handoff_requested"}),
            json!({"fact": "settled", "call": [0, 0], "outcome": "done", "attempt": 1}),
            json!({"fact": "leased", "call": [0, 1], "attempt": 1, "by": "me", "at": 5, "until": 10_005}),
            json!({"fact": "leased", "call": [0, 1], "attempt": 1, "by": "me", "at": 5_005, "until": 15_005}),
            json!({"fact": "user_said", "secure": true, "whisper": "w1", "message": {"text": ""}}),
        ];
        let facts: Vec<_> = (0..).zip(facts).collect();
        let what: Vec<_> = read(&facts).waiting.into_iter().map(|one| (one.what, one.until)).collect();
        assert_eq!(what[0], ("the opening of the live chat".to_owned(), Some(15_005)));
        assert_eq!(what[1], ("a masked answer".to_owned(), None));
    }

    #[test]
    fn facts_of_an_unknown_kind_change_nothing() {
        assert_eq!(standing(&[json!({"fact": "confetti"}), json!(7), Value::Null]), []);
    }
}
