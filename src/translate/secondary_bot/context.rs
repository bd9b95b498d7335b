//! What the primary bot knows, told to the agent.

use serde_json::{Map, Value, json};

use crate::{
    domain::MASKED,
    translate::texts::{Text, Words},
    wire::virtual_agent::request::{HistoryItem, SwitchTo},
};

/// The event an agent can trigger a topic on when the primary bot asks for a topic or an intent.
pub const SWITCH: &str = "servicenow.switch";
/// The event an agent can trigger its escalation on when the primary bot asks for a person.
pub const AGENT: &str = "servicenow.agent";
/// The agent's variable for what was said before.
pub const HISTORY: &str = "ServiceNowHistory";
/// The agent's variable for the user's time zone, an IANA name.
pub const TIMEZONE: &str = "ServiceNowTimezone";

/// Longest history told, in characters: an activity may have 256 Ki of them, and the newest lines matter most.
const LONGEST_HISTORY: usize = 60_000;

/// Bytes, as JSON, that an activity has room for beside the rest of it: Direct Line takes 256 KiB.
pub const ROOM: usize = 240 << 10;

/// `pvaSetContext` for these variables, as many as they need; what is larger than an activity by itself is left out.
pub fn sets(variables: &Map<String, Value>) -> Vec<Map<String, Value>> {
    let mut sets: Vec<Map<String, Value>> = Vec::new();
    let mut room = 0;
    for (name, value) in variables {
        let size = size(name, value);
        if size > ROOM {
            continue;
        }
        if size > room {
            sets.push(Map::new());
            room = ROOM;
        }
        room -= size;
        sets.last_mut().into_iter().for_each(|set| _ = set.insert(name.clone(), value.clone()));
    }
    sets.into_iter().map(|set| event("pvaSetContext", set.into())).collect()
}

/// How many variables are larger than an activity.
pub fn too_large(variables: &Map<String, Value>) -> usize {
    variables.iter().filter(|(name, value)| size(name, value) > ROOM).count()
}

/// Bytes of a variable as JSON.
fn size(name: &str, value: &Value) -> usize {
    format!("{}:{value},", Value::from(name)).len()
}

/// The history as text, a line each, the oldest left out when it is too long, and the end of the newest when it is so by itself;
/// `None` when there is none.
pub fn history(items: &[HistoryItem], words: &Words<'_>) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut room = LONGEST_HISTORY;
    for item in items.iter().rev() {
        let HistoryItem { is_bot_message, value, display_name, timestamp: _ } = item;
        let name = match (display_name.trim(), is_bot_message) {
            ("", true) => words.get(Text::Bot),
            ("", false) => words.get(Text::User),
            (name, _) => name,
        };
        let line = format!("{name}: {value}");
        let length = line.chars().count() + 1;
        if length > room {
            if lines.is_empty() {
                lines.push(line.chars().take(room).collect());
            }
            break;
        }
        room -= length;
        lines.push(line);
    }
    lines.reverse();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The history with dots for what the user said behind the bot's last line; `None` when they said nothing there.
pub fn without_answer(items: &[HistoryItem]) -> Option<Vec<HistoryItem>> {
    let is_users = items.last().is_some_and(|item| !item.is_bot_message);
    is_users.then(|| {
        let asked = items.iter().rposition(|item| item.is_bot_message).map_or(0, |at| at + 1);
        let (before, behind) = items.split_at(asked);
        let masked = behind.iter().map(|item| HistoryItem { value: MASKED.to_owned(), ..item.clone() });
        before.iter().cloned().chain(masked).collect()
    })
}

/// What the event says that asks for a topic or an intent.
pub fn target(to: &SwitchTo) -> Value {
    match to {
        SwitchTo::TopicId(id) => json!({"topicId": id}),
        SwitchTo::TopicName(name) => json!({"topicName": name}),
        SwitchTo::IntentId(id) => json!({"intentId": id}),
    }
}

/// An event without its sender.
pub fn event(name: &str, value: Value) -> Map<String, Value> {
    let mut event = Map::from_iter([("type".to_owned(), "event".into()), ("name".to_owned(), name.into())]);
    if !value.is_null() {
        event.insert("value".to_owned(), value);
    }
    event
}
