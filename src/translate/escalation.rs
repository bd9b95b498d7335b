//! The bot's wish to hand over.
//!
//! Followed: Copilot Studio's `handoff.initiate` event, and the Bot Framework activity of type `handoff`.

use serde_json::{Map, Value};

use super::{context::variable, transcript};
use crate::{
    agent_turn::{Eyes, Sign},
    domain::ActivityId,
    session::Topic,
    wire::{
        activity::{Account, Activity},
        json,
    },
};

/// What the bot said when it handed over.
#[derive(Clone, Default, PartialEq)]
pub struct Escalation {
    /// The event's own id, the key under which it counts once.
    pub id: Option<ActivityId>,
    pub variables: Map<String, Value>,
    pub transcript: Option<Vec<Activity>>,
    /// Why, in the bot's words: `va_AgentMessage`, else the user's last phrase.
    pub reason: Option<String>,
    /// Of the event itself: the client's, as Direct Line passed it on.
    pub locale: Option<String>,
    /// As the bot wrote it: `en-US`, `En-US`.
    pub language: Option<String>,
    pub user_id: Option<String>,
    /// Where in ServiceNow to go first, when the variables name it.
    pub destination: Option<Topic>,
}

/// Never shows variables or what was said.
impl std::fmt::Debug for Escalation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Escalation")
            .field("id", &self.id)
            .field("variables", &self.variables.len())
            .field("transcript", &self.transcript.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

const MESSAGE: &str = "va_AgentMessage";

/// The first activity that hands over: an event with one of these names, or an activity of type `handoff`. Traces
/// never do, and neither does what the user sent: its variables would be the user's own.
pub fn find(activities: &[Activity], events: &[String]) -> Option<usize> {
    let eyes = Eyes { hand_off: events, ..Eyes::default() };
    activities.iter().position(|activity| eyes.read(activity).sign == Sign::HandOff)
}

/// Whether an activity would be a hand-off to the most forgiving of readers.
pub fn is_claimed(activity: &Activity, events: &[String]) -> bool {
    let name = || seen(activity.name.as_deref().unwrap_or_default());
    match seen(&activity.kind).as_str() {
        "handoff" => true,
        "event" => events.iter().map(|event| seen(event)).any(|event| event == name()),
        _ => false,
    }
}

/// A name as people see it, whatever its case: without signs that take no room, wide letters and full stops as plain ones.
fn seen(name: &str) -> String {
    const WIDE: std::ops::RangeInclusive<char> = '\u{ff01}'..='\u{ff5e}';
    let plain = |c: char| match c {
        '\u{2024}' | '\u{fe52}' | '\u{3002}' => '.',
        c if WIDE.contains(&c) => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    };
    let name: String = name.chars().map(plain).collect();
    // The way over capitals takes ligatures apart and finds dotless letters.
    let folded = name.to_uppercase().to_lowercase();
    folded.chars().filter(|c| c.is_alphanumeric() || c.is_ascii_punctuation()).collect()
}

/// Reads the hand-over. Every field may be missing or of another type.
pub fn read(activity: &Activity) -> Escalation {
    let (variables, transcript) = (variables(activity), transcript(activity));
    let first = |names: &[&str]| names.iter().find_map(|name| spoken(&variables, name));
    let named = |language: &String| !language.trim().is_empty();
    Escalation {
        id: activity.id.clone().map(ActivityId),
        reason: first(&[MESSAGE, "va_LastPhrase", "va_LastPhrases"]),
        locale: activity.locale.clone().filter(named),
        language: first(&["va_Language"]).filter(named),
        user_id: user_id(activity, transcript.as_deref().unwrap_or_default()),
        destination: destination(&variables),
        variables,
        transcript,
    }
}

/// What a hand-off tells of the conversation before it.
pub fn transcript(activity: &Activity) -> Option<Vec<Activity>> {
    activity.attachments.iter().flatten().find_map(transcript::in_attachment)
}

/// Whether an account says it is the user's: `user`, or 1 in Dataverse transcripts.
pub(super) fn is_user(account: &Account) -> bool {
    has_role(account, "user", 1.0)
}

/// Whether an account says it is the bot's: `bot`, or 0 in Dataverse transcripts.
pub(super) fn is_bot(account: &Account) -> bool {
    has_role(account, "bot", 0.0)
}

fn has_role(account: &Account, name: &str, number: f64) -> bool {
    match &account.role {
        Some(Value::String(role)) => role.eq_ignore_ascii_case(name),
        Some(Value::Number(role)) => role.as_f64() == Some(number),
        _ => false,
    }
}

/// An event's value, a hand-off's context. A text alone is the message to the agent.
fn variables(activity: &Activity) -> Map<String, Value> {
    let handoff = activity.kind == "handoff";
    match &activity.value {
        Some(Value::Object(value)) => match value.get("context") {
            Some(Value::Object(context)) if handoff => {
                let mut variables = context.clone();
                if let Some(message) = value.get("message").filter(|message| message.is_string()) {
                    variables.entry(MESSAGE).or_insert_with(|| message.clone());
                }
                variables
            }
            _ => value.clone(),
        },
        Some(Value::String(text)) => match json::packed(text).map(|packed| packed.value) {
            Some(Value::Object(variables)) => variables,
            _ if text.trim().is_empty() => Map::new(),
            _ => Map::from_iter([(MESSAGE.to_owned(), Value::String(text.clone()))]),
        },
        _ => Map::new(),
    }
}

/// A variable as words: of several phrases, the last.
fn spoken(variables: &Map<String, Value>, name: &str) -> Option<String> {
    let text = match variables.get(name)? {
        Value::Array(phrases) => phrases.iter().rev().find_map(|phrase| phrase.as_str().map(str::to_owned)),
        _ => variable(variables, name),
    };
    text.filter(|text| !text.trim().is_empty())
}

fn destination(variables: &Map<String, Value>) -> Option<Topic> {
    let named = |name: &str| spoken(variables, name);
    (named("ServiceNowTopicId").map(Topic::Id))
        .or_else(|| named("ServiceNowTopicName").map(Topic::Name))
        .or_else(|| named("ServiceNowIntentId").map(Topic::Intent))
}

fn user_id(activity: &Activity, transcript: &[Activity]) -> Option<String> {
    let related = activity.rest.get("relatesTo").and_then(|relates| relates.get("user")?.get("id")?.as_str());
    let said = || {
        let mut speakers = transcript.iter().filter_map(|said| said.from.as_ref());
        speakers.find(|account| is_user(account)).and_then(|account| account.id.clone())
    };
    let addressed = || {
        let recipient = activity.rest.get("recipient")?;
        let role = recipient.get("role").and_then(Value::as_str);
        recipient.get("id")?.as_str().filter(|_| role == Some("user")).map(str::to_owned)
    };
    let id = related.map(str::to_owned).or_else(said).or_else(addressed);
    id.filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn activity(value: Value) -> Activity {
        serde_json::from_value(value).expect("an activity")
    }

    fn deep() -> String {
        format!("{}1{}", "[".repeat(200), "]".repeat(200))
    }

    fn events() -> Vec<String> {
        vec!["handoff.initiate".to_owned(), "DeskHandoff".to_owned()]
    }

    #[test]
    fn what_looks_like_a_hand_off_to_anybody_is_one_that_is_claimed() {
        let claimed = |kind: &str, name: &str| {
            is_claimed(&activity(json!({"type": kind, "name": name, "from": {"role": "user"}})), &events())
        };
        for kind in ["event", "EVENT", " event ", "\u{200b}event", "ev\u{ad}ent", "\u{ff45}vent", "event\0"] {
            assert!(claimed(kind, "handoff.initiate"), "{kind:?}");
        }
        for kind in ["handoff", "Hand\u{200d}off", "hando\u{fb00}", "HANDOFF\u{feff}"] {
            assert!(claimed(kind, ""), "{kind:?}");
        }
        for name in [
            "Handoff.Initiate",
            "handoff\u{ff0e}initiate",
            "hando\u{fb00}.initiate",
            "handoff.\u{131}nitiate",
            "HANDOFF.\u{130}NITIATE",
            "\u{ff48}andoff.initiate",
            "handoff .initiate",
            "handoff.initiate\u{fe0f}",
            "deskhandoff",
            "Desk\u{2060}Handoff",
        ] {
            assert!(claimed("event", name), "{name:?}");
        }
        for (kind, name) in [
            ("message", "handoff.initiate"),
            ("invoke", "handoff.initiate"),
            ("event", ""),
            ("event", "handoff.initiated"),
            ("event", "handoffinitiate"),
            ("event", "\u{5f15}\u{304d}\u{7d99}\u{304e}"),
        ] {
            assert!(!claimed(kind, name), "{kind} {name:?}");
        }
        let foreign = ["\u{dc}bergabe".to_owned()];
        let shouted = activity(json!({"type": "event", "name": "\u{dc}BERGABE"}));
        let other = activity(json!({"type": "event", "name": "bergabe"}));
        assert!(is_claimed(&shouted, &foreign) && !is_claimed(&other, &foreign));
    }

    #[test]
    fn the_first_hand_over_is_found_and_a_trace_never_is() {
        let message = json!({"type": "message", "text": "handoff.initiate", "from": {"role": "bot"}});
        let trace = json!({"type": "trace", "name": "handoff.initiate"});
        let escalated = json!({"type": "trace", "valueType": "EscalationRequested"});
        let event = json!({"type": "event", "name": "handoff.initiate", "from": {"role": "bot"}});
        let own = json!({"type": "event", "name": "DeskHandoff", "from": {"role": 0}});
        let handoff = json!({"type": "handoff"});
        let users = json!({"type": "event", "name": "handoff.initiate", "from": {"role": "user"}});
        let nameless = json!({"type": "event", "name": "handoff.initiate", "from": {"id": "dl_ada"}});
        let posted = json!({"type": "handoff", "channelData": {"clientActivityID": "c1"}});
        let other = json!({"type": "event", "name": "DialogTracing"});
        for (activities, found) in [
            (vec![message.clone(), trace.clone(), event.clone(), handoff.clone()], Some(2)),
            (vec![other, own], Some(1)),
            (vec![handoff], Some(0)),
            (vec![users.clone(), event], Some(1)),
            (vec![message, trace, escalated, users, nameless, posted], None),
            (vec![], None),
        ] {
            let activities: Vec<Activity> = activities.into_iter().map(activity).collect();
            assert_eq!(find(&activities, &events()), found);
        }
    }

    #[test]
    fn an_event_is_read_whole() {
        let said = json!({"type": "message", "from": {"id": "u-1", "role": "user"}, "text": "printer"});
        let value = json!({"va_LastPhrase": "printer", "va_Language": "En-US", "Urgent": true,
            "ServiceNowTopicName": "Printers"});
        let event = activity(json!({
            "type": "event", "name": "handoff.initiate", "id": "c|0000005", "value": value,
            "attachments": [{"contentType": "application/json", "name": "Transcript",
                "content": {"activities": [said]}}],
        }));
        let expected = Escalation {
            id: Some(ActivityId("c|0000005".to_owned())),
            variables: value.as_object().expect("an object").clone(),
            transcript: Some(vec![activity(said)]),
            reason: Some("printer".to_owned()),
            locale: None,
            language: Some("En-US".to_owned()),
            user_id: Some("u-1".to_owned()),
            destination: Some(Topic::Name("Printers".to_owned())),
        };
        assert!(read(&event) == expected);
    }

    #[test]
    fn a_hand_off_activity_carries_its_variables_in_its_context() {
        let handoff =
            activity(json!({"type": "handoff", "value": {"type": "transferToAgent", "message": "Effects",
            "context": {"Var1": {"$kind": "OptionDataValue", "value": "Side"}, "va_Language": "en-US"}}}));
        let read = read(&handoff);
        assert_eq!(read.reason.as_deref(), Some("Effects"));
        assert_eq!(variable(&read.variables, "Var1").as_deref(), Some("Side"));
        assert_eq!(read.language.as_deref(), Some("en-US"));
    }

    #[test]
    fn a_reason_is_found_wherever_it_stands() {
        for (value, reason) in [
            (json!("needs help"), Some("needs help")),
            (json!(r#"{"va_AgentMessage": "packed"}"#), Some("packed")),
            (json!("\u{feff}{\"va_AgentMessage\": \"packed\"}"), Some("packed")),
            (json!(r#"{"va_AgentMessage": "packed \ud83d", "n": 1e400}"#), Some("packed \u{fffd}")),
            (json!(format!(r#"{{"va_AgentMessage": "packed", "n": {}}}"#, deep())), Some("packed")),
            (json!({"va_AgentMessage": "", "va_LastPhrases": ["first", "last"]}), Some("last")),
            (json!({"va_AgentMessage": "Transferred", "va_LastPhrase": "x"}), Some("Transferred")),
            (json!({"va_LastPhrase": 5}), Some("5")),
            (json!(null), None),
            (json!([1, 2]), None),
            (json!(7), None),
        ] {
            let event = activity(json!({"type": "event", "name": "handoff.initiate", "value": value}));
            assert_eq!(read(&event).reason.as_deref(), reason, "{value}");
        }
    }

    #[test]
    fn the_user_is_who_the_event_relates_to() {
        let event = activity(json!({"type": "event", "relatesTo": {"user": {"id": "pva_1", "role": "user"}},
            "recipient": {"id": "other", "role": "user"}}));
        assert_eq!(read(&event).user_id.as_deref(), Some("pva_1"));
        let event =
            activity(json!({"type": "event", "relatesTo": "?", "recipient": {"id": "r", "role": "user"}}));
        assert_eq!(read(&event).user_id.as_deref(), Some("r"));
    }
}
