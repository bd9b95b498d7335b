//! A Direct Line client behind a load balancer that sends each request to any of the programs. It polls or holds a socket.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use servicenow_handoff::{
    domain::Timestamp,
    simulate::chat_client::{ChatClient, message, speaker},
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{self, Message},
};

use crate::{
    faults::random::Random,
    faults::stage::{PATIENCE, Stage},
    socket::client::Wire,
};

/// How soon somebody who got no answer asks again, in milliseconds; up to twice that.
const AGAIN: u64 = 100;
/// How long one look at a socket lasts on which nothing comes.
const LOOK: Duration = Duration::from_millis(500);
/// One frame in so many is the last that arrives, because the connection is cut behind it.
const CUT: u64 = 8;

pub struct Client {
    pub conversation: String,
    /// Everything read, in order, repeats included, each with the time it was read.
    pub read: Vec<(Timestamp, Value)>,
    pub counts: Counts,
    random: Random,
    http: reqwest::Client,
    token: String,
    watermark: Option<String>,
    urls: Vec<String>,
    way: Way,
}

/// What a client met.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub polls: usize,
    pub frames: usize,
    /// Sockets that the client cut, and that ended otherwise.
    pub cut: usize,
    pub ended: usize,
    /// Requests that got no answer.
    pub unanswered: usize,
    /// Requests that were answered 503.
    pub put_off: usize,
}

/// How it reads.
enum Way {
    Polls,
    Socket(Option<Box<Wire>>),
}

impl Client {
    async fn start(stage: &Stage) -> Self {
        let url = &stage.processes[0].url;
        let chat = ChatClient::start(url, &stage.copilot.token_endpoint()).await.unwrap();
        Self {
            conversation: chat.conversation().to_owned(),
            read: vec![],
            counts: Counts::default(),
            random: Random(
                chat.conversation().bytes().fold(0, |sum, byte| u64::rotate_left(sum, 7) ^ u64::from(byte)),
            ),
            http: stage.http.clone(),
            token: chat.token().to_owned(),
            watermark: None,
            urls: stage.urls(),
            way: Way::Polls,
        }
    }

    /// One with a live agent; it has read that.
    pub async fn live(stage: &Stage, holds_socket: bool) -> Self {
        let mut client = Self::start(stage).await;
        if holds_socket {
            client.way = Way::Socket(None);
        }
        client.say("agent", "c-agent").await;
        client.read_until(|activity| activity["name"] == "handoff.initiate").await;
        stage.accept(&client.conversation).await;
        client.read_until(|activity| activity["value"]["state"] == "accepted").await;
        client
    }

    /// Another reader and writer of the same conversation, from its start; it draws other numbers.
    pub fn tab(&self, random: Random, holds_socket: bool) -> Self {
        Self {
            conversation: self.conversation.clone(),
            read: vec![],
            counts: Counts::default(),
            random,
            http: self.http.clone(),
            token: self.token.clone(),
            watermark: None,
            urls: self.urls.clone(),
            way: if holds_socket { Way::Socket(None) } else { Way::Polls },
        }
    }

    /// Posts, under the client's own name for the message, until it is taken; the id of the answer.
    pub async fn say(&mut self, text: &str, client_id: &str) -> String {
        let mut activity = message(text);
        activity["channelData"] = json!({"clientActivityID": client_id});
        let answer = self.ask("/activities", |client, url| client.post(url).body(activity.to_string())).await;
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Reads once; how much was new.
    pub async fn read_on(&mut self) -> usize {
        match self.way {
            Way::Polls => self.poll().await,
            Way::Socket(_) => self.hear().await,
        }
    }

    async fn poll(&mut self) -> usize {
        self.counts.polls += 1;
        let path = format!("/activities{}", self.query());
        let page = self.ask(&path, |client, url| client.get(url)).await;
        self.take(&page)
    }

    /// What the socket brings next, if it brings something soon. One that is gone is opened again.
    async fn hear(&mut self) -> usize {
        let Way::Socket(held) = &mut self.way else { return 0 };
        let Some(wire) = held else {
            self.connect().await;
            return 0;
        };
        match tokio::time::timeout(LOOK, wire.next()).await {
            Ok(Some(Ok(Message::Text(frame)))) if !frame.is_empty() => {
                let page: Value = serde_json::from_str(&frame).unwrap();
                self.counts.frames += 1;
                if self.random.below(CUT) == 0 {
                    self.counts.cut += 1;
                    self.way = Way::Socket(None);
                }
                self.take(&page)
            }
            Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                self.counts.ended += 1;
                self.way = Way::Socket(None);
                0
            }
            Ok(Some(Ok(_))) | Err(_) => 0,
        }
    }

    /// Asks any program for a socket, as a client does that goes on from its watermark. One in the Functions host has none.
    async fn connect(&mut self) {
        let grant = self.ask(&self.query(), |client, url| client.get(url)).await;
        let Some(url) = grant["streamUrl"].as_str() else { return };
        match connect_async(url).await {
            Ok((wire, _)) => self.way = Way::Socket(Some(Box::new(wire))),
            Err(tungstenite::Error::Http(answer)) => {
                let status = answer.status().as_u16();
                // The sockets that were cut before are not all found to be gone yet.
                assert!(
                    matches!(status, 429 | 503),
                    "a socket was refused with {status}: {:?}",
                    answer.body()
                );
                self.counts.put_off += 1;
            }
            Err(_) => self.counts.unanswered += 1,
        }
    }

    fn take(&mut self, page: &Value) -> usize {
        if let Some(watermark) = page["watermark"].as_str() {
            self.watermark = Some(watermark.to_owned());
        }
        let (now, new) = (Timestamp::now(), page["activities"].as_array().unwrap());
        self.read.extend(new.iter().map(|activity| (now, activity.clone())));
        new.len()
    }

    fn query(&self) -> String {
        self.watermark.as_ref().map(|mark| format!("?watermark={mark}")).unwrap_or_default()
    }

    pub async fn read_until(&mut self, wanted: impl Fn(&Value) -> bool) {
        let reading = async {
            while !self.has_read(&wanted) {
                if self.read_on().await == 0 {
                    self.wait(AGAIN).await;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, reading).await.is_err() {
            let way = if matches!(self.way, Way::Polls) { "polls" } else { "a socket" };
            let last: Vec<_> = self.read.iter().rev().take(9).map(|(at, read)| (at.0, read)).collect();
            panic!("it did not come to {} over {way} at {:?}: {last:#?}", self.conversation, self.watermark);
        }
    }

    pub fn has_read(&self, wanted: impl Fn(&Value) -> bool) -> bool {
        self.read.iter().rev().any(|(_, activity)| wanted(activity))
    }

    /// Messages read from `who`, in order.
    pub fn heard(&self, who: &str) -> impl Iterator<Item = &(Timestamp, Value)> {
        self.read.iter().filter(move |(_, a)| a["type"] == "message" && speaker(a) == who)
    }

    /// So many milliseconds on average, none at least.
    pub async fn wait(&mut self, millis: u64) {
        tokio::time::sleep(Duration::from_millis(self.random.below(2 * millis + 1))).await;
    }

    /// As [`wait`](Self::wait), between two polls; who holds a socket hears at once.
    pub async fn wait_to_poll(&mut self, millis: u64) {
        if matches!(self.way, Way::Polls) {
            self.wait(millis).await;
        }
    }

    /// Asks any program until one answers. The store may fail a post, and nothing else may fail.
    async fn ask(
        &mut self,
        path: &str,
        request: impl Fn(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> Value {
        loop {
            let root = &self.urls[self.random.below(self.urls.len() as u64) as usize];
            let url = format!("{root}/v3/directline/conversations/{}{path}", self.conversation);
            let request = request(&self.http, &url).bearer_auth(&self.token);
            let answer = request.header("content-type", "application/json").send().await;
            match whole(answer).await {
                Some((200, body)) => return serde_json::from_slice(&body).unwrap(),
                Some((503, _)) => self.counts.put_off += 1,
                Some((status, body)) => panic!("{status}: {}", String::from_utf8_lossy(&body)),
                None => self.counts.unanswered += 1,
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
