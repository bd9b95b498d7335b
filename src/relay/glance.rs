//! What one activity means for a turn, without taking it apart.

use serde::Deserialize;
use serde_json::Value;

use super::turn::{Notice, Sign};
use crate::domain::Timestamp;

/// The few fields looked at; each may be missing or of another type.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Glance {
    #[serde(rename = "type")]
    kind: Value,
    id: Value,
    timestamp: Value,
    name: Value,
    input_hint: Value,
    reply_to_id: Value,
    from: Value,
}

/// What tells that two activities are the same: ids alone begin anew after a pause.
pub type Key = (String, Option<String>);

/// Reads an activity's JSON; `events` are the names that mean a hand-off. What can't be read is noise.
pub fn glance(raw: &str, events: &[String]) -> (Option<Key>, Notice) {
    let glance: Glance = serde_json::from_str(raw).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (id, timestamp) = (text(&glance.id), text(&glance.timestamp));
    let notice = Notice {
        sign: glance.sign(events),
        id: id.clone(),
        reply_to: text(&glance.reply_to_id),
        stamp: timestamp.as_deref().and_then(Timestamp::parse_rfc3339),
    };
    (id.map(|id| (id, timestamp)), notice)
}

impl Glance {
    fn sign(&self, events: &[String]) -> Sign {
        let is_named = || self.name.as_str().is_some_and(|name| events.iter().any(|event| event == name));
        match self.kind.as_str() {
            Some("message") if self.is_from_user() => Sign::Echo,
            Some("message") => Sign::Speech { asks: self.input_hint == "expectingInput" },
            Some("endOfConversation") => Sign::EndOfConversation,
            Some("handoff") if !self.is_from_user() => Sign::HandOff,
            Some("event") if is_named() && !self.is_from_user() => Sign::HandOff,
            _ => Sign::Noise,
        }
    }

    /// By role; without one, only ids that Direct Line keeps for users. In doubt it was the agent: to close
    /// early costs less than to wait for what has been said.
    fn is_from_user(&self) -> bool {
        match &self.from["role"] {
            Value::String(role) => role.eq_ignore_ascii_case("user"),
            Value::Number(role) => role.as_f64() == Some(1.0),
            _ => self.from["id"].as_str().is_some_and(|id| id.starts_with("dl_")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_activity_is_speech_echo_end_or_noise() {
        let speech = Sign::Speech { asks: false };
        let rows = [
            (r#"{"type":"message","from":{"role":"bot"}}"#, speech),
            (r#"{"type":"message","from":{"role":"bot"},"inputHint":"acceptingInput"}"#, speech),
            (
                r#"{"type":"message","from":{"role":"bot"},"inputHint":"expectingInput"}"#,
                Sign::Speech { asks: true },
            ),
            (r#"{"type":"message","from":{"role":0}}"#, speech),
            (r#"{"type":"message","from":{"id":"bot1"}}"#, speech),
            (r#"{"type":"message"}"#, speech),
            (r#"{"type":"message","from":{"role":"user"}}"#, Sign::Echo),
            (r#"{"type":"message","from":{"role":"User"},"inputHint":"expectingInput"}"#, Sign::Echo),
            (r#"{"type":"message","from":{"role":1}}"#, Sign::Echo),
            (r#"{"type":"message","from":{"id":"dl_ada"}}"#, Sign::Echo),
            (r#"{"type":"event","name":"handoff.initiate"}"#, Sign::HandOff),
            (r#"{"type":"event","name":"CallAPerson","from":{"role":"bot"}}"#, Sign::HandOff),
            (r#"{"type":"handoff"}"#, Sign::HandOff),
            (r#"{"type":"event","name":"handoff.initiate","from":{"role":"user"}}"#, Sign::Noise),
            (r#"{"type":"event","name":"DialogTracing"}"#, Sign::Noise),
            (r#"{"type":"trace","name":"handoff.initiate"}"#, Sign::Noise),
            (r#"{"type":"trace","name":"HandOff"}"#, Sign::Noise),
            (r#"{"type":"typing"}"#, Sign::Noise),
            (r#"{"type":"endOfConversation"}"#, Sign::EndOfConversation),
            (r#"{"type":7}"#, Sign::Noise),
            (r#"{"type":"message","type":"message"}"#, Sign::Noise),
            ("null", Sign::Noise),
            ("[]", Sign::Noise),
        ];
        let events = ["handoff.initiate".to_owned(), "CallAPerson".to_owned()];
        for (raw, sign) in rows {
            assert_eq!(glance(raw, &events).1.sign, sign, "{raw}");
        }
    }

    #[test]
    fn its_key_is_id_and_timestamp() {
        let rows = [
            (r#"{"id":"a"}"#, Some(("a".to_owned(), None))),
            (r#"{"id":"a","timestamp":"t"}"#, Some(("a".to_owned(), Some("t".to_owned())))),
            (r#"{"timestamp":"t"}"#, None),
            (r#"{"id":3}"#, None),
        ];
        for (raw, key) in rows {
            assert_eq!(glance(raw, &[]).0, key, "{raw}");
        }
    }
}
