//! One Direct Line conversation: what both sides said, in the order a client sees it.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::agent::{self, Memory, Says, Turn, handoff, sign_in};
use crate::simulate::faults::Fault;

mod sockets;

/// The lock inside is held for moments only, never across an await.
pub struct Conversation {
    pub id: String,
    /// Where the service's pages are, with a slash at its end.
    root: String,
    /// The agent's account, as `from` shows it.
    bot: Value,
    /// Two digits of this conversation's watermarks, so that a foreign one is noticed.
    mark: u32,
    clock_ahead: Duration,
    called_in_below: AtomicU64,
    said: Mutex<Said>,
    /// How much stands in `Said::pushed`.
    moved: watch::Sender<usize>,
    /// The number of the socket that is served; an older one is closed.
    socket: watch::Sender<u64>,
    /// The number of the newest socket that says nothing more and answers nothing.
    silent: watch::Sender<u64>,
    /// The next frame is cut.
    garbled: AtomicBool,
}

#[derive(Default)]
struct Said {
    next_number: u64,
    /// In the order of GET: a user's activity stands behind the answers to it.
    visible: Vec<Entry>,
    /// What sockets are pushed: also what GET never shows. Each with how much GET shows then.
    pushed: Vec<(String, usize)>,
    /// The activity that began the answer which comes token by token now.
    streaming: Option<String>,
    received: Vec<Entry>,
    memory: Memory,
}

/// An activity as JSON text: written once, read by every poll.
#[derive(Clone)]
struct Entry {
    number: u64,
    json: String,
}

/// An activity the bot was given, and what the bot makes of it.
pub struct Received {
    pub id: String,
    pub turn: Turn,
    /// The client has asked for answers token by token.
    pub streams: bool,
    echo: Option<Entry>,
}

impl Conversation {
    pub fn new(id: String, root: &str, bot: Value, locale: Option<String>, clock_ahead: Duration) -> Self {
        let mark = id.bytes().map(u32::from).sum::<u32>() % 100;
        let mut said = Said::default();
        said.memory.locale = locale;
        Self {
            id,
            root: root.to_owned(),
            bot,
            mark,
            clock_ahead,
            called_in_below: AtomicU64::new(0),
            said: Mutex::new(said),
            moved: watch::Sender::new(0),
            socket: watch::Sender::new(0),
            silent: watch::Sender::new(0),
            garbled: AtomicBool::new(false),
        }
    }

    /// Gives an activity of the user's to the agent. It isn't visible until [`Conversation::echo`].
    pub fn receive(&self, mut activity: Map<String, Value>) -> Received {
        let mut said = self.said();
        let number = self.stamp(&mut said, &mut activity);
        let id = self.activity_id(number);
        let shown = is_shown(activity.get("type"));
        let streams = activity.get("deliveryMode").is_some_and(|mode| mode == "stream");
        let activity = Value::Object(activity);
        let entry = Entry { number, json: activity.to_string() };
        said.received.push(entry.clone());
        let turn = agent::answer(&mut said.memory, &activity);
        Received { id, turn, streams, echo: shown.then_some(entry) }
    }

    /// Shows the user's own activity. Direct Line does so after the answers of the turn.
    pub fn echo(&self, received: &mut Received) {
        let mut said = self.said();
        if let Some(echo) = received.echo.take() {
            self.show(&mut said, echo);
        }
    }

    fn show(&self, said: &mut Said, entry: Entry) {
        said.pushed.push((entry.json.clone(), said.visible.len() + 1));
        said.visible.push(entry);
        self.moved.send_replace(said.pushed.len());
    }

    /// Lets the agent say something, now and under its own account unless the activity says otherwise; answers the id.
    pub fn say(&self, says: &Says, reply_to: Option<&str>) -> String {
        let mut said = self.said();
        let content = match says {
            Says::Activity(activity) => activity.clone(),
            Says::HandOff(form) => self.hand_off(&said, *form, reply_to),
            Says::SignIn => sign_in::card(&format!("{}simulator/sign-in?signin={}", self.root, self.id)),
        };
        let Value::Object(mut activity) = content else { return String::new() };
        activity.entry("from").or_insert_with(|| self.bot.clone());
        if let Some(reply_to) = reply_to {
            activity.insert("replyToId".to_owned(), reply_to.into());
        }
        let earlier = activity.remove("timestamp");
        let number = self.stamp(&mut said, &mut activity);
        activity.extend(earlier.map(|at| ("timestamp".to_owned(), at)));
        let id = self.activity_id(number);
        said.join_stream(&mut activity, &id);
        let shown = is_shown(activity.get("type"));
        let is_typing = activity.get("type").is_some_and(|kind| kind == "typing");
        let entry = Entry { number, json: Value::Object(activity).to_string() };
        if shown {
            self.show(&mut said, entry);
        } else if is_typing {
            let at = said.visible.len();
            said.pushed.push((entry.json, at));
            self.moved.send_replace(said.pushed.len());
        }
        id
    }

    /// The answer to GET: what follows the watermark. One we didn't give means: from the start.
    pub fn page(&self, watermark: Option<&str>, limit: usize, bent: Option<&Fault>) -> String {
        let said = self.said();
        let from = watermark.and_then(|mark| self.position(mark)).filter(|at| *at <= said.visible.len());
        let from = from.unwrap_or(0);
        let to = from.saturating_add(limit).min(said.visible.len());
        let mut shown: Vec<&str> = said.visible[from..to].iter().map(|entry| entry.json.as_str()).collect();
        if bent.is_some_and(|fault| fault.duplicate) {
            shown = shown.into_iter().flat_map(|activity| [activity, activity]).collect();
        }
        if bent.is_some_and(|fault| fault.reorder) {
            shown.reverse();
        }
        self.set(&shown, to)
    }

    fn set(&self, activities: &[&str], watermark: usize) -> String {
        format!(
            r#"{{"activities":[{}],"watermark":"{watermark:05x}-{:02}"}}"#,
            activities.join(","),
            self.mark
        )
    }

    /// What the page of a sign-in shows; `None` when the agent waits for none.
    pub fn sign_in_code(&self) -> Option<String> {
        self.said().memory.sign_in.code.clone()
    }

    /// Every activity the bot was given, in order.
    pub fn received(&self) -> Vec<Value> {
        self.said().received.iter().map(Entry::value).collect()
    }

    /// Whether a token is still good here.
    pub fn honours(&self, serial: u64) -> bool {
        serial >= self.called_in_below.load(Ordering::Relaxed)
    }

    /// From now on, tokens with a lower serial are expired here.
    pub fn call_in_below(&self, serial: u64) {
        self.called_in_below.store(serial, Ordering::Relaxed);
    }

    /// Reads a watermark of this conversation: the number of activities before it.
    fn position(&self, watermark: &str) -> Option<usize> {
        let (position, mark) = watermark.split_once('-')?;
        let ours = mark.parse() == Ok(self.mark);
        usize::from_str_radix(position, 16).ok().filter(|_| ours)
    }

    fn activity_id(&self, number: u64) -> String {
        format!("{}|{number:07}", self.id)
    }

    /// Adds what every activity has; answers its number.
    fn stamp(&self, said: &mut Said, activity: &mut Map<String, Value>) -> u64 {
        let number = said.next_number;
        said.next_number += 1;
        let now = jiff::Timestamp::now();
        let now = format!("{:.7}", now.checked_add(self.clock_ahead).unwrap_or(now));
        activity.insert("id".to_owned(), self.activity_id(number).into());
        activity.insert("timestamp".to_owned(), now.into());
        activity.insert("channelId".to_owned(), "directline".into());
        activity.insert("conversation".to_owned(), json!({"id": self.id}));
        number
    }

    fn hand_off(&self, said: &Said, form: handoff::Form, asked_in: Option<&str>) -> Value {
        let user = said.received.last().map_or(Value::Null, |entry| entry.value()["from"].clone());
        let scene = handoff::Scene {
            conversation: &self.id,
            bot: &self.bot,
            user: &user,
            asked_in,
            transcript: said.transcript(),
        };
        handoff::activity(form, &said.memory, scene)
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Said {
    /// Activities of one streamed answer name the first of them.
    fn join_stream(&mut self, activity: &mut Map<String, Value>, id: &str) {
        let Some(data) = activity.get_mut("channelData").filter(|data| data["streamType"].is_string()) else {
            return;
        };
        let is_last = data["streamType"] == "final";
        match &self.streaming {
            Some(first) => data["streamId"] = first.as_str().into(),
            None => self.streaming = Some(id.to_owned()),
        }
        if is_last {
            self.streaming = None;
        }
    }

    /// All messages, in the order they were said, those included that GET doesn't show yet.
    fn transcript(&self) -> Vec<Value> {
        let mut entries: Vec<&Entry> = self.visible.iter().chain(&self.received).collect();
        entries.sort_by_key(|entry| entry.number);
        entries.dedup_by_key(|entry| entry.number);
        entries.into_iter().map(Entry::value).filter(|activity| activity["type"] == "message").collect()
    }
}

impl Entry {
    fn value(&self) -> Value {
        serde_json::from_str(&self.json).expect("the text was written from a value")
    }
}

/// Typing comes over the WebSocket only, `conversationUpdate` never.
fn is_shown(kind: Option<&Value>) -> bool {
    !matches!(kind.and_then(Value::as_str), Some("typing" | "conversationUpdate"))
}
