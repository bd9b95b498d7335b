//! A Direct Line client behind a load balancer that sends each request to any of the programs.

use std::time::Duration;

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::Timestamp,
    simulate::chat_client::{ChatClient, message, speaker},
};

use crate::{
    faults::random::Random,
    faults::stage::{PATIENCE, Stage},
};

/// How soon somebody who got no answer asks again, in milliseconds; up to twice that.
const AGAIN: u64 = 100;

pub struct Client {
    pub conversation: String,
    /// Everything read, in order, repeats included, each with the time it was read.
    pub read: Vec<(Timestamp, Value)>,
    pub polls: usize,
    /// Requests that got no answer.
    pub unanswered: usize,
    /// Requests that were answered 503.
    pub put_off: usize,
    random: Random,
    http: reqwest::Client,
    token: String,
    watermark: Option<String>,
    urls: Vec<String>,
}

impl Client {
    async fn start(stage: &Stage) -> Self {
        let url = &stage.processes[0].url;
        let chat = ChatClient::start(url, &stage.copilot.token_endpoint()).await.unwrap();
        Self {
            conversation: chat.conversation().to_owned(),
            read: vec![],
            polls: 0,
            unanswered: 0,
            put_off: 0,
            random: Random(
                chat.conversation().bytes().fold(0, |sum, byte| u64::rotate_left(sum, 7) ^ u64::from(byte)),
            ),
            http: stage.http.clone(),
            token: chat.token().to_owned(),
            watermark: None,
            urls: stage.urls(),
        }
    }

    /// One with a live agent; it has read that.
    pub async fn live(stage: &Stage) -> Self {
        let mut client = Self::start(stage).await;
        client.say("agent", "c-agent").await;
        client.read_until(|activity| activity["name"] == "handoff.initiate").await;
        stage.accept(&client.conversation).await;
        client.read_until(|activity| activity["value"]["state"] == "accepted").await;
        client
    }

    /// The part of the same client that posts; it draws other numbers.
    pub fn writer(&self, random: Random) -> Self {
        Self {
            conversation: self.conversation.clone(),
            read: vec![],
            polls: 0,
            unanswered: 0,
            put_off: 0,
            random,
            http: self.http.clone(),
            token: self.token.clone(),
            watermark: None,
            urls: self.urls.clone(),
        }
    }

    /// Posts, under the client's own name for the message, until it is taken; the id of the answer.
    pub async fn say(&mut self, text: &str, client_id: &str) -> String {
        let mut activity = message(text);
        activity["channelData"] = json!({"clientActivityID": client_id});
        let answer = self.ask(|client, url| client.post(url).body(activity.to_string())).await;
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Reads once; how much was new.
    pub async fn read_on(&mut self) -> usize {
        self.polls += 1;
        let query = self.watermark.as_ref().map(|mark| format!("?watermark={mark}")).unwrap_or_default();
        let page = self.ask(|client, url| client.get(format!("{url}{query}"))).await;
        self.watermark = page["watermark"].as_str().map(str::to_owned);
        let (now, new) = (Timestamp::now(), page["activities"].as_array().unwrap());
        self.read.extend(new.iter().map(|activity| (now, activity.clone())));
        new.len()
    }

    pub async fn read_until(&mut self, wanted: impl Fn(&Value) -> bool) {
        let reading = async {
            while !self.read.iter().any(|(_, activity)| wanted(activity)) {
                if self.read_on().await == 0 {
                    self.wait(AGAIN).await;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("it did not come");
    }

    /// Messages read from `who`, in order.
    pub fn heard(&self, who: &str) -> impl Iterator<Item = &(Timestamp, Value)> {
        self.read.iter().filter(move |(_, a)| a["type"] == "message" && speaker(a) == who)
    }

    /// So many milliseconds on average, none at least.
    pub async fn wait(&mut self, millis: u64) {
        tokio::time::sleep(Duration::from_millis(self.random.below(2 * millis + 1))).await;
    }

    /// Asks any program until one answers. The store may fail a post, and nothing else may fail.
    async fn ask(&mut self, request: impl Fn(&reqwest::Client, &str) -> reqwest::RequestBuilder) -> Value {
        loop {
            let root = &self.urls[self.random.below(self.urls.len() as u64) as usize];
            let url = format!("{root}/v3/directline/conversations/{}/activities", self.conversation);
            let request = request(&self.http, &url).bearer_auth(&self.token);
            let answer = request.header("content-type", "application/json").send().await;
            match whole(answer).await {
                Some((200, body)) => return serde_json::from_slice(&body).unwrap(),
                Some((503, _)) => self.put_off += 1,
                Some((status, body)) => panic!("{status}: {}", String::from_utf8_lossy(&body)),
                None => self.unanswered += 1,
            }
            self.wait(AGAIN).await;
        }
    }
}

/// Status and body; `None` when there was no answer or not all of it.
async fn whole(answer: reqwest::Result<reqwest::Response>) -> Option<(u16, Vec<u8>)> {
    let answer = answer.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.bytes().await.ok()?.to_vec()))
}
