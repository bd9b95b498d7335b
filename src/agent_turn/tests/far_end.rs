//! A Direct Line in simulated time, and who reads it.

use serde_json::{Value, json};

use crate::{
    agent_turn::{Eyes, Limits, Next, Poll, Seen, Turn, Why},
    domain::Timestamp,
};

/// What a poll takes, there and back.
const TRIP: i64 = 20;

pub const LIMITS: Limits =
    Limits { quiet: 1_000, patience: 25_000, silence: i64::MAX, least: 0, passes_events: true };

/// What both sides said. An activity comes up at a time of its own and keeps its place from then on.
#[derive(Default)]
pub struct FarEnd {
    entries: Vec<Entry>,
    numbers: u32,
    /// By how much its clock is ahead.
    pub ahead: i64,
    /// Whether answers name what they answer.
    pub names: bool,
    /// Whether its answers bear no `Date`.
    pub hides_date: bool,
    /// Whether activities say nothing of who speaks but an id.
    pub hides_roles: bool,
    pub reader: Reader,
    /// The user's latest words: their id, and when they were posted.
    words: Option<(String, i64)>,
}

/// Who listens to the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reader {
    /// Somebody else posted the words; nothing is known of them but that it is time to listen.
    #[default]
    Relay,
    /// Posted the words itself, and knows the id they were given.
    SecondaryBot,
}

pub const READERS: [Reader; 2] = [Reader::Relay, Reader::SecondaryBot];

struct Entry {
    appears: i64,
    text: String,
    json: String,
}

/// What a reader got, and when.
#[derive(Debug)]
pub struct Got {
    pub at: i64,
    pub why: Why,
    pub texts: Vec<String>,
    pub watermark: usize,
}

impl FarEnd {
    pub fn new(names: bool, ahead: i64) -> Self {
        Self { ahead, names, ..Self::default() }
    }

    pub fn read_by(self, reader: Reader) -> Self {
        Self { reader, ..self }
    }

    /// The user posts at `at`; the echo comes up at `appears`. Answers the activity's id.
    pub fn user(&mut self, at: i64, appears: i64, text: &str) -> String {
        let words = json!({"type": "message", "text": text, "from": {"id": "ada", "role": "user"}});
        let id = self.add(at, appears, text, words);
        self.words = Some((id.clone(), at));
        id
    }

    /// The agent says something, in answer to `to` if that is given and answers are named here.
    pub fn agent(&mut self, at: i64, to: Option<&str>, text: &str) {
        self.agent_does(at, to, text, json!({"type": "message", "inputHint": "acceptingInput"}));
    }

    /// The agent does something else.
    pub fn agent_does(&mut self, at: i64, to: Option<&str>, text: &str, activity: Value) {
        let mut activity = activity;
        activity["from"] = json!({"id": "bot", "role": "bot"});
        if activity["type"] == "message" {
            activity["text"] = text.into();
        }
        if let Some(to) = to.filter(|_| self.names) {
            activity["replyToId"] = to.into();
        }
        self.add(at, at, text, activity);
    }

    fn add(&mut self, at: i64, appears: i64, text: &str, mut activity: Value) -> String {
        if self.hides_roles {
            activity["from"] = json!({"id": activity["from"]["id"]});
        }
        let id = format!("abc-eu|{:07}", self.numbers);
        self.numbers += 1;
        activity["id"] = id.clone().into();
        activity["timestamp"] = Timestamp(at + self.ahead).rfc3339().into();
        let place = self.entries.partition_point(|entry| entry.appears <= appears);
        self.entries.insert(place, Entry { appears, text: text.to_owned(), json: activity.to_string() });
        id
    }

    /// What stands behind `watermark` at `at`, and the watermark after it.
    fn page(&self, at: i64, watermark: usize) -> (&[Entry], usize) {
        let end = self.entries.partition_point(|entry| entry.appears <= at).max(watermark);
        (&self.entries[watermark..end], end)
    }

    /// As the documented function reads: once, after a fixed wait.
    pub fn read_once(&self, called: i64, wait: i64, watermark: usize) -> Got {
        let (entries, watermark) = self.page(called + wait + TRIP / 2, watermark);
        let texts = entries.iter().map(|entry| entry.text.clone()).collect();
        Got { at: called + wait + TRIP, why: Why::Quiet, texts, watermark }
    }

    /// As we read: until the turn is over.
    pub fn read(&self, called: i64, limits: Limits, watermark: usize) -> Got {
        let turn = match (self.reader, &self.words) {
            (Reader::SecondaryBot, Some((id, posted))) => {
                let mut turn = Turn::begin(limits, Timestamp(*posted), Timestamp(called));
                turn.posted(id.clone());
                turn
            }
            _ => Turn::begin(limits, Timestamp(called), Timestamp(called)),
        };
        self.listen(turn, called, watermark)
    }

    /// As a reader does that has posted the words itself.
    pub fn listen(&self, mut turn: Turn, began: i64, watermark: usize) -> Got {
        let names = ["handoff.initiate".to_owned()];
        let user = (self.reader == Reader::SecondaryBot).then_some("ada");
        let eyes = Eyes { hand_off: &names, user, agent: None };
        let (mut seen, mut texts, mut watermark, mut now) = (Seen::default(), Vec::new(), watermark, began);
        loop {
            let asked = match turn.next() {
                Next::Over(why) => return Got { at: now, why, texts, watermark },
                Next::Poll(when) => when.0.max(now),
            };
            let (entries, after) = self.page(asked + TRIP / 2, watermark);
            watermark = after;
            texts.extend(entries.iter().map(|entry| entry.text.clone()));
            let news = entries.iter().filter_map(|entry| seen.news(eyes.raw(&entry.json))).collect();
            now = asked + TRIP;
            let date = (asked + TRIP / 2 + self.ahead).div_euclid(1_000) * 1_000;
            let date = (!self.hides_date).then_some(Timestamp(date));
            let poll = Poll { asked: Timestamp(asked), answered: Timestamp(now), date };
            turn.heard(poll, news);
        }
    }
}

impl Got {
    pub fn has(&self, text: &str) -> bool {
        self.texts.iter().any(|one| one == text)
    }
}
