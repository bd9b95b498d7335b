//! A Direct Line client that holds a socket, as DirectLineJS does with `webSocket: true`.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use servicenow_handoff::simulate::chat_client::{message, speaker};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message},
};

use crate::world::{PATIENCE, World};

pub type Wire = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub struct SocketClient {
    http: reqwest::Client,
    root: String,
    pub token: String,
    pub conversation: String,
    /// As start or the last reconnect gave it.
    pub stream_url: String,
    pub watermark: Option<String>,
    /// Everything that was pushed, in order, doubles included.
    pub received: Vec<Value>,
    wire: Option<Wire>,
}

impl SocketClient {
    /// A conversation that has been started; the socket is not open yet.
    pub async fn begin(world: &World) -> Self {
        Self::begin_at(world, &world.url).await
    }

    /// As [`begin`](Self::begin), through another connector.
    pub async fn begin_at(world: &World, root: &str) -> Self {
        let http = world.http.clone();
        let grant = http.get(world.copilot.token_endpoint()).send().await.unwrap().bytes().await.unwrap();
        let grant: Value = serde_json::from_slice(&grant).unwrap();
        let root = format!("{root}/v3/directline");
        let start = http.post(format!("{root}/conversations")).body("{}");
        let start =
            start.bearer_auth(grant["token"].as_str().unwrap()).header("content-type", "application/json");
        let started = start.send().await.unwrap().bytes().await.unwrap();
        let started: Value = serde_json::from_slice(&started).unwrap();
        let text =
            |name: &str| started[name].as_str().unwrap_or_else(|| panic!("{name} in {started}")).to_owned();
        Self {
            token: text("token"),
            conversation: text("conversationId"),
            stream_url: text("streamUrl"),
            http,
            root,
            watermark: None,
            received: vec![],
            wire: None,
        }
    }

    /// A conversation with its socket.
    pub async fn start(world: &World) -> Self {
        let mut client = Self::begin(world).await;
        client.connect().await;
        client
    }

    /// A conversation with its socket and a person in it, which it has been told; and the chat's name.
    pub async fn live(world: &World) -> (Self, String) {
        let mut client = Self::start(world).await;
        let session = client.is_handed_over(world).await;
        (client, session)
    }

    /// Asks for a person, who comes; the first chat's name.
    pub async fn is_handed_over(&mut self, world: &World) -> String {
        self.say("agent").await;
        let session = self.conversation.clone();
        world.accept(&session).await;
        self.see_state("accepted").await;
        session
    }

    pub async fn connect(&mut self) {
        self.wire = Some(connect_async(&self.stream_url).await.unwrap().0);
    }

    /// Another reader of the same conversation, from its start.
    pub async fn second_tab(&self) -> Self {
        let mut tab = Self {
            http: self.http.clone(),
            root: self.root.clone(),
            token: self.token.clone(),
            conversation: self.conversation.clone(),
            stream_url: String::new(),
            watermark: None,
            received: vec![],
            wire: None,
        };
        tab.reconnect().await;
        tab
    }

    /// Its connection is gone, and nobody is told.
    pub fn cut(&mut self) {
        self.wire = None;
    }

    /// Goes on through another connector, as behind a load balancer.
    pub fn move_to(&mut self, root: &str) {
        self.root = format!("{root}/v3/directline");
    }

    /// Asks for a new address of the socket; what the answer was.
    pub async fn ask_again(&mut self) -> (u16, Value) {
        let mut url = url::Url::parse(&format!("{}/conversations/{}", self.root, self.conversation)).unwrap();
        if let Some(watermark) = &self.watermark {
            url.query_pairs_mut().append_pair("watermark", watermark);
        }
        let answer = self.http.get(url).bearer_auth(&self.token).send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        if let Some(url) = body["streamUrl"].as_str() {
            self.stream_url = url.to_owned();
        }
        (status, body)
    }

    /// A new token for the one it has, over HTTP, as DirectLineJS does now and then.
    pub async fn refresh(&mut self) {
        let post = self.http.post(format!("{}/tokens/refresh", self.root)).bearer_auth(&self.token);
        let answer = post.header("content-length", "0").send().await.unwrap();
        let grant: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        self.token = grant["token"].as_str().unwrap_or_else(|| panic!("a token in {grant}")).to_owned();
    }

    /// As DirectLineJS does when its socket is gone.
    pub async fn reconnect(&mut self) {
        let (status, body) = self.ask_again().await;
        assert_eq!(status, 200, "{body}");
        self.connect().await;
    }

    pub async fn say(&self, text: &str) -> String {
        let answer = self.post(&message(text)).await;
        answer["id"].as_str().unwrap_or_else(|| panic!("no id in {answer}")).to_owned()
    }

    pub async fn post(&self, activity: &Value) -> Value {
        let url = format!("{}/conversations/{}/activities", self.root, self.conversation);
        let post = self.http.post(url).bearer_auth(&self.token).header("content-type", "application/json");
        let answer = post.body(activity.to_string()).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }

    pub async fn greet(&self) {
        let event = json!({"type": "event", "name": "startConversation", "locale": "en-US",
            "from": {"id": "dana", "role": "user"}});
        self.post(&event).await;
    }

    /// The next frame that is one; `None` once the socket is closed, with why.
    pub async fn next(&mut self) -> Result<Value, Option<(u16, String)>> {
        let wire = self.wire.as_mut().expect("a socket");
        loop {
            let message = timeout(PATIENCE, wire.next()).await.expect("a frame or a keep-alive");
            match message {
                Some(Ok(Message::Text(text))) if text.is_empty() => {}
                Some(Ok(Message::Text(text))) => {
                    let set: Value = serde_json::from_str(&text).unwrap();
                    if let Some(watermark) = set["watermark"].as_str() {
                        self.watermark = Some(watermark.to_owned());
                    }
                    self.received.extend(set["activities"].as_array().unwrap().iter().cloned());
                    return Ok(set);
                }
                Some(Ok(Message::Close(why))) => {
                    return Err(why.map(|why| (why.code.into(), why.reason.as_str().to_owned())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Reads until the socket is closed; code and reason, if there were any.
    pub async fn end(&mut self) -> Option<(u16, String)> {
        loop {
            if let Err(end) = self.next().await {
                return end;
            }
        }
    }

    /// Reads until this has been pushed, unless it has been already.
    pub async fn see(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) {
        let reading = async {
            while !self.received.iter().any(&wanted) {
                let next = self.next().await;
                assert!(next.is_ok(), "the socket was closed before {what}: {next:?}");
            }
        };
        let seen = timeout(PATIENCE, reading).await;
        assert!(seen.is_ok(), "{what} was not pushed; what was: {:#?}", self.transcript());
    }

    pub async fn see_text(&mut self, text: &str) {
        self.see(text, |activity| activity["type"] == "message" && activity["text"] == text).await;
    }

    pub async fn see_state(&mut self, state: &str) {
        self.see(state, |activity| activity["value"]["state"] == state).await;
    }

    /// Says nothing to pings for a while, and reads nothing: it only waits.
    pub fn wire(&mut self) -> &mut Wire {
        self.wire.as_mut().expect("a socket")
    }

    pub async fn send(&mut self, frame: Message) -> Result<(), tungstenite::Error> {
        self.wire().send(frame).await
    }

    /// Texts, in order, each with who said it.
    pub fn transcript(&self) -> Vec<(&'static str, String)> {
        let said = self.received.iter().filter(|activity| activity["type"] == "message");
        let text = |activity: &Value| activity["text"].as_str().unwrap_or_default().to_owned();
        said.map(|activity| (speaker(activity), text(activity))).collect()
    }

    /// Texts of one speaker, in order.
    pub fn said_by(&self, who: &str) -> Vec<String> {
        self.transcript().into_iter().filter(|(by, _)| *by == who).map(|(_, text)| text).collect()
    }

    /// Nothing was pushed twice.
    pub fn assert_once(&self) {
        let mut ids: Vec<&str> =
            self.received.iter().filter_map(|activity| activity["id"].as_str()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "pushed twice: {:#?}", self.transcript());
    }
}
