//! What happened, in order, for the page *Inside*: calls, facts, the connector's process, the knobs.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;

use super::{
    curl, mask,
    standing::Standing,
    told::{self, Side},
};
use crate::{
    domain::Timestamp,
    simulate::observe::{Call, Observer, Outcome, Seen},
};

/// Entries kept for a page that is opened later.
const KEPT: usize = 5_000;
/// News a slow page may fall behind before it must ask again.
const BEHIND: usize = 1_024;

/// Something that happened. A later entry with the same key takes the earlier one's place.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub seq: u64,
    pub key: String,
    pub at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum What {
    Call(Box<Told>),
    /// A fact as it is stored.
    Fact {
        position: i64,
        body: Value,
    },
    /// What waits in a conversation, as its facts say.
    Standing(Standing),
    /// The connector's process started, died, or answers again.
    Process {
        text: String,
    },
    /// How the simulators' knobs stand.
    Knobs {
        knobs: Value,
    },
}

/// A call as the page shows it, secrets masked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    pub from: Side,
    pub to: Side,
    pub method: String,
    pub path: String,
    pub action: String,
    /// `under way`, `answered`, `cut` or `left`.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub millis: Option<u64>,
    /// The how-manieth call with this `requestId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<usize>,
    /// Nothing came of it.
    pub quiet: bool,
    pub headers: Vec<(String, String)>,
    pub request: Value,
    pub answer: Value,
    pub curl: String,
}

/// The time line of a demo.
pub struct Timeline {
    held: Mutex<Held>,
    news: broadcast::Sender<Arc<Entry>>,
}

#[derive(Default)]
struct Held {
    last: u64,
    entries: VecDeque<Arc<Entry>>,
    /// The calls with one `requestId`, in order.
    attempts: HashMap<String, Vec<u64>>,
    /// Upstream conversations behind a client's own.
    behind: HashMap<String, String>,
    /// Questions for something secret that were seen, and the conversations where one waits for its answer.
    asked: HashSet<String>,
    asking: HashSet<String>,
    secrets: HashSet<String>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { held: Mutex::default(), news: broadcast::Sender::new(BEHIND) }
    }
}

impl Timeline {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came after the entry `seq`, and what comes from now on.
    pub fn since(&self, seq: u64) -> (Vec<Arc<Entry>>, broadcast::Receiver<Arc<Entry>>) {
        let held = self.held();
        let kept = held.entries.iter().filter(|entry| entry.seq > seq).cloned().collect();
        (kept, self.news.subscribe())
    }

    pub fn add(&self, key: String, at: Timestamp, conversation: Option<String>, what: What) {
        self.put(&mut self.held(), key, at, conversation, what);
    }

    fn put(&self, held: &mut Held, key: String, at: Timestamp, conversation: Option<String>, what: What) {
        held.last += 1;
        let conversation = conversation.map(|id| held.behind.get(&id).cloned().unwrap_or(id));
        let entry = Arc::new(Entry { seq: held.last, key, at, conversation, what });
        if let Some(earlier) = held.entries.iter().rposition(|kept| kept.key == entry.key) {
            held.entries.remove(earlier);
        }
        held.entries.push_back(entry.clone());
        if held.entries.len() > KEPT {
            held.entries.pop_front();
        }
        // Without a page that listens there is nobody to tell.
        let _ = self.news.send(entry);
    }

    pub fn process(&self, text: String) {
        let at = Timestamp::now();
        let key = format!("process {}", self.held().last);
        self.add(key, at, None, What::Process { text });
    }

    pub fn fact(&self, conversation: &str, position: i64, mut body: Value) {
        let mut held = self.held();
        if let Some(upstream) = body["conversation"].as_str().filter(|_| is_return(&body)) {
            held.behind.insert(upstream.to_owned(), conversation.to_owned());
        }
        mask::json(&mut body, &held.secrets);
        let key = format!("fact {conversation} {position}");
        // It was stored a moment before it is read.
        let at = body["at"].as_i64().map_or_else(Timestamp::now, Timestamp);
        let what = What::Fact { position, body };
        self.put(&mut held, key, at, Some(conversation.to_owned()), what);
    }

    /// Watches the calls to one place, whose root is `root`; `from` knows who calls there.
    pub fn observer(
        self: &Arc<Self>,
        to: Side,
        root: impl Fn() -> String + Send + Sync + 'static,
        from: impl Fn(&str) -> Option<Side> + Send + Sync + 'static,
    ) -> Observer {
        let timeline = Arc::clone(self);
        Observer::new(move |call| {
            if let Some(from) = from(&call.path_and_query) {
                timeline.call(from, to, &root(), call);
            }
        })
    }

    fn call(&self, from: Side, to: Side, root: &str, call: &Call) {
        let mut held = self.held();
        let mut request = read(&call.body);
        let (state, status, mut answer) = match call.end.as_ref().map(|end| &end.outcome) {
            None => ("under way", None, Value::Null),
            Some(Outcome::Answered { status, body }) => ("answered", Some(*status), read(body)),
            Some(Outcome::Cut) => ("cut", None, Value::Null),
            Some(Outcome::Left) => ("left", None, Value::Null),
        };
        let conversation = told::conversation(&call.path_and_query, &request, &answer);
        let conversation = conversation.map(|id| held.behind.get(&id).cloned().unwrap_or(id));
        let action = told::action(to, &call.method, &call.path_and_query, &request);
        held.notice_secrets(from, to, conversation.as_deref(), &action, [&request, &answer], status);
        let attempt = held.attempt(to, &request, call.number);
        mask::json(&mut request, &held.secrets);
        mask::json(&mut answer, &held.secrets);
        let path = masked_query(&call.path_and_query);
        let shown = |(name, value): &(String, String)| (name.clone(), mask::header(name, value).to_owned());
        let headers: Vec<_> = call.headers.iter().map(shown).collect();
        let body = match &request {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            json => Some(json.to_string()),
        };
        let curl = curl::command(&call.method, &format!("{root}{path}"), &headers, body.as_deref());
        let told = Told {
            quiet: told::is_quiet(&action, &answer),
            method: call.method.clone(),
            millis: call.end.as_ref().map(|end| end.millis),
            from,
            to,
            path,
            action,
            state,
            status,
            attempt,
            headers,
            request,
            answer,
            curl,
        };
        let key = format!("call {}", call.number);
        self.put(&mut held, key, call.at, conversation, What::Call(Box::new(told)));
    }
}

impl Held {
    /// The calls of one `requestId` are tries of one thing.
    fn attempt(&mut self, to: Side, request: &Value, number: u64) -> Option<usize> {
        let id = request["requestId"].as_str().filter(|_| to == Side::ServiceNow)?;
        let calls = self.attempts.entry(id.to_owned()).or_default();
        if !calls.contains(&number) {
            calls.push(number);
        }
        calls.iter().position(|known| *known == number).map(|place| place + 1)
    }

    /// Remembers what a person was asked for behind a mask, and what they answered.
    fn notice_secrets(
        &mut self,
        from: Side,
        to: Side,
        conversation: Option<&str>,
        action: &str,
        bodies: [&Value; 2],
        status: Option<u16>,
    ) {
        let Some(conversation) = conversation else { return };
        for id in bodies.into_iter().flat_map(told::masked_questions) {
            if self.asked.insert(id) {
                self.asking.insert(conversation.to_owned());
            }
        }
        if !self.asking.contains(conversation) || action != "message" {
            return;
        }
        let request = bodies[0];
        leaves(&request["text"], &mut self.secrets);
        leaves(&request["value"], &mut self.secrets);
        leaves(&request["message"]["text"], &mut self.secrets);
        let through = (from, to) == (Side::Connector, Side::ServiceNow) && status.is_some_and(|s| s < 300);
        if through {
            self.asking.remove(conversation);
        }
    }
}

fn leaves(value: &Value, found: &mut HashSet<String>) {
    match value {
        Value::String(text) if !text.is_empty() => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, found)),
        _ => {}
    }
}

fn is_return(body: &Value) -> bool {
    ["fact", "kind"].iter().any(|key| body[*key].as_str().is_some_and(|kind| kind.contains("return")))
}

fn read(body: &Seen) -> Value {
    match body {
        Seen::Nothing => Value::Null,
        Seen::Other => Value::String("(not kept)".to_owned()),
        Seen::Text(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(mask::form(text))),
    }
}

fn masked_query(path: &str) -> String {
    match path.split_once('?') {
        Some((path, query)) => format!("{path}?{}", mask::form(query)),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(timeline: &Timeline) -> Vec<Value> {
        timeline.since(0).0.iter().map(|entry| serde_json::to_value(&**entry).unwrap()).collect()
    }

    fn post(observer: &Observer, path: &str, body: &Value) -> crate::simulate::observe::Watched {
        let headers = vec![("authorization".to_owned(), "Bearer secret".to_owned())];
        observer.begin("POST", path, headers, Seen::Text(body.to_string()))
    }

    fn answered(status: u16) -> Outcome {
        Outcome::Answered { status, body: Seen::Text(r#"{"status":"success"}"#.to_owned()) }
    }

    #[test]
    fn a_call_is_told_when_it_begins_and_ends_in_one_place_with_its_attempt() {
        let timeline = Arc::new(Timeline::default());
        let root = || "http://sn".to_owned();
        let observer = timeline.observer(Side::ServiceNow, root, |_| Some(Side::Connector));
        let body = json!({"requestId": "r1", "clientSessionId": "c~2", "message": {"text": "hi"}});
        post(&observer, "/integration", &body).end(Outcome::Cut);
        let second = post(&observer, "/integration", &body);
        assert_eq!(kept(&timeline)[1]["state"], "under way");
        second.end(answered(200));
        let entries = kept(&timeline);
        assert_eq!(entries.len(), 2);
        let told: Vec<_> = entries.iter().map(|e| (&e["state"], &e["attempt"], &e["conversation"])).collect();
        assert_eq!(told[0], (&json!("cut"), &json!(1), &json!("c")));
        assert_eq!(told[1], (&json!("answered"), &json!(2), &json!("c")));
        assert!(!entries[1].to_string().contains("Bearer secret"), "{entries:?}");
    }

    #[test]
    fn an_answer_to_a_masked_question_is_never_shown_in_any_call_that_carries_it() {
        let timeline = Arc::new(Timeline::default());
        let connector = timeline.observer(Side::Connector, String::new, told::caller_of_connector);
        let servicenow = timeline.observer(Side::ServiceNow, String::new, |_| Some(Side::Connector));
        let item = json!({"uiType": "InputText", "maskType": "SECURE", "messageId": "m"});
        let question = json!({"clientSessionId": "c", "body": [item]});
        post(&connector, "/api/servicenow/responses", &question).end(answered(200));
        let said = json!({"type": "message", "value": {"answer": "hunter2"}});
        post(&connector, "/v3/directline/conversations/c/activities", &said).end(answered(200));
        let told = json!({"clientSessionId": "c", "message": {"text": "hunter2"}});
        post(&servicenow, "/integration", &told).end(answered(200));
        let echo = json!({"clientSessionId": "c", "message": {"text": "hunter2"}, "body": []});
        post(&connector, "/api/servicenow/responses", &echo).end(answered(200));
        assert!(!format!("{:?}", kept(&timeline)).contains("hunter2"));
        let plain = json!({"clientSessionId": "c", "message": {"text": "hello there"}});
        post(&servicenow, "/integration", &plain).end(answered(200));
        assert!(format!("{:?}", kept(&timeline)).contains("hello there"), "the next words are no secret");
    }

    #[test]
    fn calls_to_the_conversation_behind_a_clients_own_belong_to_the_clients() {
        let timeline = Arc::new(Timeline::default());
        timeline.fact("c", 9, json!({"fact": "bot_returned", "conversation": "upstream"}));
        let copilot = timeline.observer(Side::CopilotStudio, String::new, |_| Some(Side::Connector));
        post(&copilot, "/v3/directline/conversations/upstream/activities", &json!({})).end(answered(200));
        assert_eq!(kept(&timeline)[1]["conversation"], "c");
    }
}
