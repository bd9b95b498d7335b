//! What a client was shown over a socket: the bot's words may come to us twice, by poll and by socket, or again when Direct Line
//! replays a conversation, and go to the client once.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    hash::{BuildHasher as _, RandomState},
};

use serde::Deserialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::{agent_turn::time, domain::Timestamp, wire::json};

/// More than Direct Line keeps of a conversation; of what is passing, more than a long answer has chunks.
const REMEMBERED: usize = 2_048;

/// Activities that a client was shown. Known by id and time: after a pause Direct Line may count from 0 again.
#[derive(Default)]
pub struct Shown {
    said: Window,
    /// Apart, or the chunks of a few answers would push out what was said.
    passing: Window,
    hasher: RandomState,
    latest: Option<Timestamp>,
}

/// The youngest so many.
#[derive(Default)]
struct Window {
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

/// A batch as far as it is looked into to pass it on.
pub struct Batch {
    /// As it came, or without what was shown before; `None`: nothing is left. One with nothing but typing tells no watermark: it may
    /// have waited while a poll told more, and a client that reads on from an older place is shown twice what stands behind it.
    pub text: Option<String>,
    pub watermark: Option<String>,
    /// It could be looked into.
    pub is_read: bool,
}

#[derive(Deserialize)]
struct Looked<'a> {
    #[serde(borrow, default)]
    activities: Vec<&'a RawValue>,
    #[serde(default)]
    watermark: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    timestamp: Option<Value>,
    #[serde(default, rename = "type")]
    kind: Option<Value>,
}

impl Shown {
    /// Takes out what was shown before. A batch that can't be looked into goes on as it is.
    pub fn pass(&mut self, body: &[u8]) -> Batch {
        let text = json::text(body).into_owned();
        let Ok(looked) = serde_json::from_str::<Looked<'_>>(&text) else {
            return Batch { text: Some(text), watermark: None, is_read: false };
        };
        let watermark = looked.watermark.as_ref().and_then(watermark);
        let mut passing = true;
        let mut is_fresh = |raw: &&RawValue| {
            let named = serde_json::from_str::<Named>(raw.get()).unwrap_or_default();
            let passes = named.kind.as_ref().is_some_and(is_passing);
            let fresh = named.id.is_none_or(|id| self.is_new(&id, named.timestamp.as_ref(), passes));
            passing &= !fresh || passes;
            fresh
        };
        let fresh: Vec<&RawValue> = looked.activities.iter().copied().filter(&mut is_fresh).collect();
        if fresh.is_empty() {
            return Batch { text: None, watermark, is_read: true };
        }
        if fresh.len() == looked.activities.len() && !(passing && watermark.is_some()) {
            return Batch { text: Some(text), watermark, is_read: true };
        }
        Batch { text: rewritten(&text, &fresh, passing), watermark, is_read: true }
    }

    /// The youngest time that was shown.
    pub fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// Takes out what was shown before.
    pub fn retain(&mut self, activities: &mut Vec<Value>) {
        activities.retain(|activity| match activity.get("id") {
            Some(id) => {
                let passes = activity.get("type").is_some_and(is_passing);
                self.is_new(id, activity.get("timestamp"), passes)
            }
            None => true,
        });
    }

    fn is_new(&mut self, id: &Value, timestamp: Option<&Value>, passes: bool) -> bool {
        self.latest = self.latest.max(timestamp.and_then(time));
        let Some(id) = id.as_str().filter(|id| !id.is_empty()) else { return true };
        let key = self.hasher.hash_one((id, timestamp.and_then(Value::as_str)));
        if passes { self.passing.is_new(key) } else { self.said.is_new(key) }
    }
}

impl Window {
    fn is_new(&mut self, key: u64) -> bool {
        if !self.known.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// Lines of ours are stamped no earlier than what was shown before them, whosever clock is right.
pub fn not_before(lines: &mut [Value], latest: Option<Timestamp>) {
    let Some(latest) = latest else { return };
    for stamp in lines.iter_mut().filter_map(|line| line.get_mut("timestamp")) {
        if time(stamp).is_some_and(|at| at < latest) {
            *stamp = latest.rfc3339().into();
        }
    }
}

/// Whether a type is that of an activity which is no part of the conversation that is read again.
pub fn is_passing(kind: &Value) -> bool {
    kind == "typing"
}

/// The youngest time in a batch.
pub fn latest_of(activities: &[Box<RawValue>]) -> Option<Timestamp> {
    let named = activities.iter().filter_map(|raw| serde_json::from_str::<Named>(raw.get()).ok());
    named.filter_map(|named| time(named.timestamp.as_ref()?)).max()
}

fn rewritten(text: &str, activities: &[&RawValue], passing: bool) -> Option<String> {
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
    if passing {
        fields.remove("watermark");
    }
    fields.insert("activities".to_owned(), to_raw_value(activities).ok()?);
    serde_json::to_string(&fields).ok()
}

/// A watermark as text; some servers send numbers.
fn watermark(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_goes_on_as_it_came_and_once() {
        let mut shown = Shown::default();
        let first = r#"{ "activities":[{"id":"c|1","timestamp":"t","a" : 1}], "watermark":7, "b":{} }"#;
        let batch = shown.pass(first.as_bytes());
        assert_eq!((batch.text.as_deref(), batch.watermark.as_deref()), (Some(first), Some("7")));
        assert_eq!(shown.pass(first.as_bytes()).text, None);
        let both = r#"{"activities":[{"id":"c|1","timestamp":"t"},{"id":"c|1","timestamp":"u","x":[ 1 ]},{"type":"typing"}],"watermark":null}"#;
        let batch = shown.pass(both.as_bytes());
        let left =
            r#"{"activities":[{"id":"c|1","timestamp":"u","x":[ 1 ]},{"type":"typing"}],"watermark":null}"#;
        assert_eq!((batch.text.as_deref(), batch.watermark), (Some(left), None));
    }

    #[test]
    fn typing_that_waited_while_more_was_polled_leads_no_client_back() {
        let mut shown = Shown::default();
        shown.pass(br#"{"activities":[{"id":"c|1"},{"id":"c|2"}],"watermark":"2"}"#);
        for late in [
            r#"{"activities":[{"id":"c|1"},{"id":"t","type":"typing"}],"watermark":"1"}"#,
            r#"{"activities":[{"id":"t2","type":"typing"}],"watermark":"1"}"#,
        ] {
            let batch = shown.pass(late.as_bytes());
            assert!(batch.text.as_deref().is_some_and(|text| text.contains("typing")), "{late}");
            assert!(batch.text.is_some_and(|text| !text.contains("watermark")), "{late}");
            assert_eq!(batch.watermark.as_deref(), Some("1"), "what asks for the next part of an answer");
        }
        let next = r#"{"activities":[{"id":"t3","type":"typing"},{"id":"c|3"}],"watermark":"3"}"#;
        assert_eq!(shown.pass(next.as_bytes()).text.as_deref(), Some(next));
    }

    #[test]
    fn what_can_t_be_looked_into_goes_on() {
        for (odd, is_read) in [("{", false), (r#"{"activities":{}}"#, false), (r#"{"activities":[7]}"#, true)]
        {
            let batch = Shown::default().pass(odd.as_bytes());
            assert_eq!((batch.text.as_deref(), batch.is_read), (Some(odd), is_read));
        }
        assert_eq!(Shown::default().pass(br#"{"watermark":"3"}"#).watermark.as_deref(), Some("3"));
    }

    #[test]
    fn a_line_of_ours_is_stamped_no_earlier_than_what_was_shown() {
        let mut shown = Shown::default();
        let said = |id: u8, at: &str| serde_json::json!({"id": id.to_string(), "timestamp": at});
        let mut before = vec![said(1, "2026-03-02T10:00:05.1234567Z"), said(2, "2026-03-02T10:00:01Z")];
        shown.retain(&mut before);
        let mut lines =
            [said(3, "2026-03-02T10:00:03.000Z"), said(4, "2026-03-02T10:00:06.000Z"), said(5, "x")];
        not_before(&mut lines, shown.latest());
        let stamps = lines.map(|line| line["timestamp"].as_str().expect("a time").to_owned());
        assert_eq!(stamps, ["2026-03-02T10:00:05.123Z", "2026-03-02T10:00:06.000Z", "x"]);
    }

    #[test]
    fn it_does_not_grow_for_ever_and_chunks_push_out_no_words() {
        let mut shown = Shown::default();
        let words = br#"{"activities":[{"type":"message","id":"c|1"}]}"#;
        shown.pass(words);
        for n in 0..3 * REMEMBERED {
            let mut activities = vec![serde_json::json!({"type": "typing", "id": format!("c|t{n}")})];
            shown.retain(&mut activities);
            assert_eq!(activities.len(), 1);
        }
        assert_eq!(shown.pass(words).text, None, "shown twice");
        for n in 0..3 * REMEMBERED {
            let said = format!(r#"{{"activities":[{{"type":"message","id":"c|m{n}"}}]}}"#);
            assert!(shown.pass(said.as_bytes()).text.is_some());
        }
        for window in [&shown.said, &shown.passing] {
            assert_eq!((window.known.len(), window.order.len()), (REMEMBERED, REMEMBERED));
        }
    }
}
