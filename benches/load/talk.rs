//! One user and one live agent who talk through the connector.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    far_ends::LIVE,
    http::{Connection, client_request},
    subject::{RESPONSES_TOKEN, Subject},
};

pub struct Talk {
    client: Connection,
    servicenow: Connection,
    place: Place,
}

/// A conversation, and how far it was followed.
#[derive(Clone, Default)]
pub struct Place {
    id: String,
    path: String,
    watermark: String,
    said: usize,
}

impl Talk {
    /// A conversation that is handed over, on connections of its own.
    pub async fn open(subject: &Subject, group: &str, number: usize) -> Self {
        let mut talk = Self::connect(subject).await;
        talk.begin(group, number).await;
        talk
    }

    /// Connections, and no conversation to talk in.
    pub async fn connect(subject: &Subject) -> Self {
        let open = || async { Connection::open(subject.address).await.expect("it listens") };
        Self { client: open().await, servicenow: open().await, place: Place::default() }
    }

    /// Goes on in another conversation, which is handed over; the one so far stays open.
    pub async fn begin(&mut self, group: &str, number: usize) {
        let id = format!("{LIVE}{group}CkzC7sR2{number:04}-eu");
        let path = format!("/v3/directline/conversations/{id}/activities");
        self.place = Place { id, path, watermark: String::new(), said: 0 };
        self.poll().await;
        let watermark = &self.place.watermark;
        assert!(watermark.starts_with("h1."), "the hand-off was not seen: {watermark}");
    }

    /// Where this is, to come [back](Self::come_back) to.
    pub fn place(&self) -> Place {
        self.place.clone()
    }

    pub fn come_back(&mut self, place: Place) {
        self.place = place;
    }

    pub fn id(&self) -> &str {
        &self.place.id
    }

    /// Where its activities are posted and read.
    pub fn path(&self) -> &str {
        &self.place.path
    }

    /// What a socket is opened with, from here on.
    pub async fn stream_url(&mut self) -> String {
        let path = self.place.path.trim_end_matches("/activities");
        let path = format!("{path}?watermark={}", self.place.watermark);
        let answer = self.client.ask(&client_request("GET", &path, &self.place.id, "")).await;
        let grant: Value = serde_json::from_slice(answer.body).expect("JSON");
        grant["streamUrl"].as_str().unwrap_or_else(|| panic!("no address of a socket: {grant}")).to_owned()
    }

    /// The user says something; milliseconds until it was answered.
    pub async fn user_says(&mut self) -> f64 {
        self.place.said += 1;
        let activity = json!({
            "type": "message", "text": format!("It beeps twice, and this is line {}.", self.place.said),
            "textFormat": "plain", "locale": "en-GB", "localTimezone": "Europe/Berlin",
            "from": {"id": "ada", "name": "Ada", "role": "user"},
            "channelData": {"clientActivityID": format!("17409102720001{:06}", self.place.said)},
        });
        let request = client_request("POST", &self.place.path, &self.place.id, &activity.to_string());
        timed(&mut self.client, &request).await
    }

    /// The agent says something; milliseconds until the webhook was answered.
    pub async fn agent_says(&mut self) -> f64 {
        self.agent_says_at_length(0).await
    }

    /// As [`agent_says`](Self::agent_says), so many bytes more.
    pub async fn agent_says_at_length(&mut self, bytes: usize) -> f64 {
        self.place.said += 1;
        let item = json!({
            "uiType": "OutputText", "group": "DefaultText", "maskType": "NONE", "messageId": self.last_message(),
            "value": format!(
                "Hold the power key for half a minute, and this is line {}.{}", self.place.said, "x".repeat(bytes)),
            "agentInfo": {"sentFromAgent": true, "agentName": "Ana Agent", "agentId": "46d44a5dc0a8010e0000c3c2d9e1b0a1",
                          "agentAvatar": "5d1c7a0e5b13201024f11fc40a81c7ab.iix?t=small"},
        });
        let message = json!({
            "requestId": format!("{}-2-0", self.place.id), "clientSessionId": self.place.id, "nowSessionId": self.place.id,
            "userId": "ada", "agentChat": true, "score": 1, "body": [item],
        })
        .to_string();
        let request = format!(
            "POST /api/servicenow/responses HTTP/1.1\r\nhost: connector.example\r\nuser-agent: ServiceNow/1.0\r\n\
             accept: application/json\r\ntoken: {RESPONSES_TOKEN}\r\ncontent-type: application/json\r\n\
             x-azure-functions-invocationid: 6f1f5c1e-8a53-4c1e-b7a4-0c6f3a2d9e10\r\n\
             content-length: {}\r\n\r\n{message}",
            message.len()
        );
        timed(&mut self.servicenow, request.as_bytes()).await
    }

    /// The client polls, and has what the agent said last; milliseconds.
    pub async fn user_reads(&mut self) -> f64 {
        let asked = Instant::now();
        let body = self.poll().await;
        let millis = asked.elapsed().as_secs_f64() * 1e3;
        assert!(body.contains(&self.last_message()), "the poll after a webhook lacks its message: {body}");
        millis
    }

    pub async fn poll(&mut self) -> String {
        let query = if self.place.watermark.is_empty() { "" } else { "?watermark=" };
        let path = format!("{}{query}{}", self.place.path, self.place.watermark);
        let answer = self.client.ask(&client_request("GET", &path, &self.place.id, "")).await;
        assert_eq!(answer.status, 200, "a poll");
        let page: Value = serde_json::from_slice(answer.body).expect("JSON");
        page["watermark"].as_str().unwrap_or_default().clone_into(&mut self.place.watermark);
        String::from_utf8_lossy(answer.body).into_owned()
    }

    fn last_message(&self) -> String {
        self.place.message(self.place.said)
    }

    /// What the agent's next message is called.
    pub fn next_message(&self) -> String {
        self.place.next_message()
    }
}

impl Place {
    pub fn next_message(&self) -> String {
        self.message(self.said + 1)
    }

    fn message(&self, number: usize) -> String {
        format!("{}-agent-{number}", self.id)
    }
}

async fn timed(connection: &mut Connection, request: &[u8]) -> f64 {
    let asked = Instant::now();
    let answer = connection.ask(request).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(answer.body));
    asked.elapsed().as_secs_f64() * 1e3
}

/// How many chats ServiceNow was asked to open, and how many messages it was told so far.
pub async fn told(far_ends: SocketAddr) -> (u64, u64) {
    let mut connection = Connection::open(far_ends).await.expect("it listens");
    let answer = connection.ask(b"GET /told HTTP/1.1\r\nhost: far.example\r\n\r\n").await;
    let told: Value = serde_json::from_slice(answer.body).expect("JSON");
    let count = |name: &str| told[name].as_u64().unwrap_or_default();
    (count("opened"), count("said"))
}

/// Until so many chats are open in ServiceNow.
pub async fn until_opened(far_ends: SocketAddr, chats: u64) {
    for _ in 0..1_500 {
        if told(far_ends).await.0 >= chats {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the chats were not opened in half a minute");
}
