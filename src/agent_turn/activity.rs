//! What one activity is, without taking it apart.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::time_of;
use crate::{domain::Timestamp, wire::activity::Activity};

/// What an activity is to a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The agent said something; `asks` when it now expects an answer.
    Speech {
        asks: bool,
    },
    /// The user's own, come back: words, or something else they posted.
    Echo {
        words: bool,
    },
    HandOff,
    EndOfConversation,
    /// An event that the agent's author sends to whoever listens.
    Event,
    /// The agent is at work.
    Typing,
    /// Diagnostics, what we don't know and what can't be read: passed on, and nothing else.
    Noise,
}

/// An activity as far as a turn depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub sign: Sign,
    pub id: Option<String>,
    pub reply_to: Option<String>,
    /// On Direct Line's clock.
    pub stamp: Option<Timestamp>,
}

impl Notice {
    /// What tells that two activities are the same: ids alone begin anew after a pause.
    fn key(&self) -> Option<Key> {
        Some((self.id.clone()?, self.stamp))
    }
}

type Key = (String, Option<Timestamp>);

/// Activities that came before. Those without an id are never known again.
#[derive(Debug, Default)]
pub struct Seen(HashSet<Key>);

impl Seen {
    /// Whether that one came before.
    pub fn knows(&self, notice: &Notice) -> bool {
        notice.key().is_some_and(|key| self.0.contains(&key))
    }

    pub fn add<'a>(&mut self, notices: impl IntoIterator<Item = &'a Notice>) {
        self.0.extend(notices.into_iter().filter_map(Notice::key));
    }

    /// The notice, unless its activity came before.
    pub fn news(&mut self, notice: Notice) -> Option<Notice> {
        notice.key().is_none_or(|key| self.0.insert(key)).then_some(notice)
    }
}

/// How activities are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Eyes<'a> {
    /// Event names that mean a hand-off.
    pub hand_off: &'a [String],
    /// The user's `from.id`, when we chose it.
    pub user: Option<&'a str>,
    /// The agent's `from.id`, for who knows that nobody else but the user speaks.
    pub agent: Option<&'a str>,
}

impl Eyes<'_> {
    /// Looks at an activity's JSON text. What can't be read is noise.
    #[cfg(test)]
    pub fn raw(&self, raw: &str) -> Notice {
        let read = crate::wire::json::read(raw.as_bytes()).ok();
        self.read(&read.and_then(|read| Activity::from_value(read.value)).unwrap_or_default())
    }

    /// Looks at an activity that has been read.
    pub fn read(&self, activity: &Activity) -> Notice {
        Notice {
            sign: self.sign(activity),
            id: activity.id.clone(),
            reply_to: activity.reply_to_id.clone().filter(|id| !id.is_empty()),
            stamp: time_of(activity),
        }
    }

    fn sign(&self, activity: &Activity) -> Sign {
        let name = activity.name.as_deref().unwrap_or_default();
        let kind = activity.kind.as_str();
        if self.are_users(activity) {
            return match kind {
                "message" => Sign::Echo { words: true },
                "event" | "invoke" | "endOfConversation" => Sign::Echo { words: false },
                _ => Sign::Noise,
            };
        }
        match kind {
            "message" if is_empty(activity) => Sign::Noise,
            "message" => Sign::Speech {
                asks: activity.rest.get("inputHint").is_some_and(|hint| hint == "expectingInput"),
            },
            "endOfConversation" => Sign::EndOfConversation,
            "handoff" => Sign::HandOff,
            "event" if self.hand_off.iter().any(|event| event == name) => Sign::HandOff,
            "event" if !name.is_empty() && !is_diagnostic(name) => Sign::Event,
            "typing" => Sign::Typing,
            _ => Sign::Noise,
        }
    }

    /// Whether an activity is the user's. By role; without one by the user's id or the agent's, the ids Direct Line keeps for
    /// users, and the name a client gives its posts. Who knows neither id goes by its looks. In doubt it was the agent: to close
    /// early costs less than to wait for what has been said.
    pub fn are_users(&self, activity: &Activity) -> bool {
        let from = activity.from.as_ref();
        match from.and_then(|from| from.role.as_ref()) {
            Some(Value::String(role)) => role.eq_ignore_ascii_case("user"),
            Some(Value::Number(role)) => role.as_f64() == Some(1.0),
            _ => {
                let named = activity.channel_data.as_ref().and_then(|data| data.get("clientActivityID"));
                let id = from.and_then(|from| from.id.as_deref());
                named.is_some()
                    || id.is_some_and(|id| {
                        id.starts_with("dl_")
                            || self.user.is_some_and(|user| user == id)
                            || self.agent.is_some_and(|agent| agent != id)
                            || self.user.or(self.agent).is_none() && self.looks_posted(activity)
                    })
            }
        }
    }

    /// Whether it looks as a client posts it. What an agent does names what it answers, says whether it expects an answer, or
    /// means something to its listeners.
    fn looks_posted(&self, activity: &Activity) -> bool {
        let name = activity.name.as_deref().unwrap_or_default();
        let is_plain = match activity.kind.as_str() {
            "message" => !activity.rest.contains_key("inputHint") && activity.suggested_actions.is_none(),
            "event" => !is_diagnostic(name) && !self.hand_off.iter().any(|event| event == name),
            _ => false,
        };
        is_plain && activity.reply_to_id.as_deref().is_none_or(str::is_empty)
    }
}

/// Whether a message says nothing.
fn is_empty(activity: &Activity) -> bool {
    let nothing = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    activity.text.as_deref() == Some("")
        && activity.attachments.as_ref().is_none_or(Vec::is_empty)
        && activity.suggested_actions.as_ref().is_none_or(nothing)
}

/// Whether an event is one that Copilot Studio adds for its test pane and for transcripts.
///
/// Followed: the catalogue of event names seen in published agents' transcripts. What is no diagnostic was put there
/// by the agent's author, for somebody who listens.
pub fn is_diagnostic(name: &str) -> bool {
    const NAMES: [&str; 2] = ["ProtocolInfo", "agent.capabilities"];
    const STARTS: [&str; 4] =
        ["DynamicPlan", "DynamicServer", "Microsoft.PowerApps.Copilot.", "ConnectedAgent"];
    const ENDS: [&str; 3] = ["TraceData", "SupportData", "Tracing"];
    NAMES.contains(&name)
        || STARTS.iter().any(|start| name.starts_with(start))
        || ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEECH: Sign = Sign::Speech { asks: false };
    const WORDS: Sign = Sign::Echo { words: true };
    const OTHER: Sign = Sign::Echo { words: false };

    #[test]
    fn an_activity_is_one_thing_however_it_is_read() {
        let rows = [
            (r#"{"type":"message","from":{"role":"bot"}}"#, SPEECH),
            (r#"{"type":"message","from":{"role":"bot"},"inputHint":"acceptingInput"}"#, SPEECH),
            (
                r#"{"type":"message","from":{"role":"bot"},"inputHint":"expectingInput"}"#,
                Sign::Speech { asks: true },
            ),
            (r#"{"type":"message","from":{"role":0}}"#, SPEECH),
            (r#"{"type":"message","from":{"id":"bot1"}}"#, SPEECH),
            (r#"{"type":"message"}"#, SPEECH),
            (r#"{"type":"message","from":{"role":0},"text":"","attachments":[]}"#, Sign::Noise),
            (r#"{"type":"message","from":{"role":0},"text":"","attachments":[{"contentType":"x"}]}"#, SPEECH),
            (r#"{"type":"message","from":{"role":"user"}}"#, WORDS),
            (r#"{"type":"message","from":{"role":"user"},"text":""}"#, WORDS),
            (r#"{"type":"message","from":{"role":"User"},"inputHint":"expectingInput"}"#, WORDS),
            (r#"{"type":"message","from":{"role":1}}"#, WORDS),
            (r#"{"type":"message","from":{"id":"dl_ada"}}"#, WORDS),
            (r#"{"type":"message","from":{"id":"ada"}}"#, WORDS),
            (r#"{"type":"message","from":{"id":"x"},"channelData":{"clientActivityID":"1"}}"#, WORDS),
            (r#"{"type":"message","from":{"id":"ada","role":"bot"}}"#, SPEECH),
            (r#"{"type":"event","name":"handoff.initiate"}"#, Sign::HandOff),
            (r#"{"type":"event","name":"CallAPerson","from":{"role":"bot"}}"#, Sign::HandOff),
            (r#"{"type":"handoff"}"#, Sign::HandOff),
            (r#"{"type":"event","name":"EscalateToHuman","from":{"role":"bot"}}"#, Sign::Event),
            (r#"{"type":"event","name":"handoff.initiate","from":{"role":"user"}}"#, OTHER),
            (r#"{"type":"event","name":"startConversation","from":{"role":"user"}}"#, OTHER),
            (r#"{"type":"endOfConversation","from":{"role":"user"}}"#, OTHER),
            (r#"{"type":"event","name":"DialogTracing"}"#, Sign::Noise),
            (r#"{"type":"event"}"#, Sign::Noise),
            (r#"{"type":"trace","name":"handoff.initiate"}"#, Sign::Noise),
            (r#"{"type":"trace","name":"HandOff"}"#, Sign::Noise),
            (r#"{"type":"typing"}"#, Sign::Typing),
            (r#"{"type":"typing","from":{"role":"user"}}"#, Sign::Noise),
            (r#"{"type":"endOfConversation"}"#, Sign::EndOfConversation),
        ];
        let names = ["handoff.initiate".to_owned(), "CallAPerson".to_owned()];
        let eyes = Eyes { hand_off: &names, user: Some("ada"), agent: None };
        for (raw, sign) in rows {
            assert_eq!(eyes.raw(raw).sign, sign, "{raw}");
            assert_eq!(eyes.read(&serde_json::from_str(raw).unwrap()).sign, sign, "{raw}");
        }
    }

    #[test]
    fn whoever_knows_the_agent_knows_everybody_else_for_the_user() {
        let eyes = Eyes { agent: Some("bot1"), ..Eyes::default() };
        for (raw, sign) in [
            (r#"{"type":"message","from":{"id":"bot1"}}"#, SPEECH),
            (r#"{"type":"message","from":{"id":"ada"}}"#, WORDS),
            (r#"{"type":"message","from":{"id":"ada","role":"bot"}}"#, SPEECH),
            (r#"{"type":"message","from":{"name":"Ada"}}"#, SPEECH),
            (r#"{"type":"message"}"#, SPEECH),
        ] {
            assert_eq!(eyes.raw(raw).sign, sign, "{raw}");
        }
    }

    #[test]
    fn without_roles_and_known_ids_a_post_is_known_by_its_looks() {
        let names = ["handoff.initiate".to_owned()];
        let eyes = Eyes { hand_off: &names, ..Eyes::default() };
        for (raw, sign) in [
            (r#"{"type":"message","from":{"id":"user1"},"text":"hello"}"#, WORDS),
            (r#"{"type":"message","from":{"id":"user1","name":"Ada"},"replyToId":""}"#, WORDS),
            (r#"{"type":"message","from":{"id":"user1","role":"bot"}}"#, SPEECH),
            (r#"{"type":"message","from":{"id":"bot1"},"replyToId":"c|0000000"}"#, SPEECH),
            (r#"{"type":"message","from":{"id":"bot1"},"inputHint":"acceptingInput"}"#, SPEECH),
            (r#"{"type":"message","from":{"id":"bot1"},"suggestedActions":{"actions":[{}]}}"#, SPEECH),
            (r#"{"type":"message","from":{"name":"Bot"}}"#, SPEECH),
            (r#"{"type":"event","name":"startConversation","from":{"id":"user1"}}"#, OTHER),
            (
                r#"{"type":"event","name":"openPage","from":{"id":"bot1"},"replyToId":"c|0000000"}"#,
                Sign::Event,
            ),
            (r#"{"type":"event","name":"handoff.initiate","from":{"id":"bot1"}}"#, Sign::HandOff),
            (r#"{"type":"handoff","from":{"id":"bot1"}}"#, Sign::HandOff),
            (r#"{"type":"endOfConversation","from":{"id":"bot1"}}"#, Sign::EndOfConversation),
            (r#"{"type":"event","name":"DialogTracing","from":{"id":"bot1"}}"#, Sign::Noise),
            (r#"{"type":"typing","from":{"id":"bot1"}}"#, Sign::Typing),
        ] {
            assert_eq!(eyes.raw(raw).sign, sign, "{raw}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_noise_and_half_an_emoji_is_no_hindrance() {
        let eyes = Eyes { hand_off: &[], user: None, agent: None };
        for raw in [r#"{"type":7}"#, "null", "[]", "{"] {
            assert_eq!(eyes.raw(raw).sign, Sign::Noise, "{raw}");
        }
        assert_eq!(eyes.raw(r#"{"type":"message","text":"\ud83d"}"#).sign, SPEECH);
    }

    #[test]
    fn its_key_is_id_and_timestamp_and_news_are_told_once() {
        let rows = [
            (r#"{"id":"a"}"#, Some(("a".to_owned(), None))),
            (
                r#"{"id":"a","timestamp":"1970-01-01T00:00:01Z"}"#,
                Some(("a".to_owned(), Some(Timestamp(1_000)))),
            ),
            (r#"{"timestamp":"1970-01-01T00:00:01Z"}"#, None),
            (r#"{"id":3}"#, Some(("3".to_owned(), None))),
        ];
        let eyes = Eyes { hand_off: &[], user: None, agent: None };
        let mut seen = Seen::default();
        for (raw, key) in rows {
            assert_eq!(eyes.raw(raw).key(), key, "{raw}");
            assert!(seen.news(eyes.raw(raw)).is_some(), "{raw}");
            assert_eq!(seen.news(eyes.raw(raw)).is_none(), key.is_some(), "{raw}");
        }
    }

    #[test]
    fn what_copilot_studio_adds_is_diagnostic_and_what_an_author_sends_is_not() {
        for name in [
            "DialogTracing",
            "DynamicPlanReceived",
            "DynamicPlanReceivedDebug",
            "DynamicPlanStepTriggered",
            "DynamicPlanStepBindUpdate",
            "DynamicPlanStepFinished",
            "DynamicPlanStepBlocked",
            "DynamicPlanFinished",
            "DynamicServerInitialize",
            "DynamicServerToolsList",
            "UniversalSearchToolTraceData",
            "ResponseGeneratorSupportData",
            "GenerativeAnswersSupportData",
            "ConnectedAgentInitializeTraceData",
            "AIBuilderTraceData",
            "ProtocolInfo",
            "Microsoft.PowerApps.Copilot.RecordUpdate",
            "agent.capabilities",
        ] {
            assert!(is_diagnostic(name), "{name}");
        }
        for name in ["EscalateToHuman", "GenesysHandoff", "EndOfConversation", "openPage", "", "Trace"] {
            assert!(!is_diagnostic(name), "{name}");
        }
    }
}
