//! What waits in a conversation: words that are not through, who holds the lease, when the next try is.

use std::collections::BTreeMap;

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

/// Reads a conversation's facts, `(position, fact)` in order. Facts it does not know change nothing.
pub fn read(facts: &[(i64, Value)]) -> Standing {
    let mut waiting: BTreeMap<i64, Waiting> = BTreeMap::new();
    for (position, fact) in facts {
        match fact["fact"].as_str().unwrap_or_default() {
            "handoff_requested" => drop(waiting.insert(*position, queued(*position, "open the live chat"))),
            "user_said" if fact["message"].is_object() && fact["secure"] != true => {
                let what = format!("words at {position}");
                drop(waiting.insert(*position, queued(*position, &what)));
            }
            "claimed" | "leased" | "renewed" => lease(&mut waiting, fact),
            "settled" => settle(&mut waiting, fact),
            "chat_ended" => waiting.retain(|_, one| one.state != "queued"),
            _ => {}
        }
    }
    Standing { waiting: waiting.into_values().collect() }
}

fn queued(position: i64, what: &str) -> Waiting {
    let what = what.to_owned();
    Waiting { position, what, attempt: 0, state: "queued", by: None, until: None }
}

fn lease(waiting: &mut BTreeMap<i64, Waiting>, fact: &Value) {
    let Some(position) = call(fact) else { return };
    let what = format!("a sign at {position}");
    let one = waiting.entry(position).or_insert_with(|| queued(position, &what));
    one.state = "leased";
    one.attempt = fact["attempt"].as_u64().unwrap_or(one.attempt + 1);
    one.by = fact["by"].as_str().or(fact["owner"].as_str()).map(str::to_owned).or(one.by.take());
    one.until = fact["until"].as_i64().or(fact["at"].as_i64().map(|at| at + LEASE));
}

fn settle(waiting: &mut BTreeMap<i64, Waiting>, fact: &Value) {
    let Some(position) = call(fact) else { return };
    let again = &fact["outcome"]["retry"];
    match waiting.get_mut(&position) {
        Some(one) if again.is_object() => {
            (one.state, one.by, one.until) = ("retry", None, again["at"].as_i64());
        }
        _ => drop(waiting.remove(&position)),
    }
}

/// The fact a call follows from: `[position, step]`, or a number alone.
fn call(fact: &Value) -> Option<i64> {
    fact["call"][0].as_i64().or(fact["call"].as_i64())
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
    fn facts_of_an_unknown_kind_change_nothing() {
        assert_eq!(standing(&[json!({"fact": "confetti"}), json!(7), Value::Null]), []);
    }
}
