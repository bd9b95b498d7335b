//! Whatever anybody sends, they get a clear answer, and a chat that is going on does not notice.

use serde_json::{Value, json};
use servicenow_handoff::simulate::{chat_client::ChatClient, servicenow::Standing};

use crate::{
    free_port::free_port,
    live::wire::{Answer, exchange, request},
    world::{RESPONSES_TOKEN, World},
};

mod cases;
mod framing;

/// What is sent, and what must come back.
struct Case {
    what: &'static str,
    sent: Call,
    status: u16,
    /// `error.code`; empty for an answer that is no error of ours or Direct Line's.
    code: &'static str,
}

/// A request written down byte for byte.
#[derive(Clone)]
pub struct Call {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Who is there while the requests come in.
struct Scene {
    conversation: String,
    token: String,
    /// Token of another conversation, which is still the bot's.
    other: (String, String),
    secret: String,
}

#[tokio::test]
async fn bad_input_gets_a_clear_answer_and_leaves_a_running_chat_untouched() {
    let port = free_port().to_string();
    let world = World::with(&[("MAX_UPLOAD", "100000"), ("FUNCTIONS_CUSTOMHANDLER_PORT", &port)]).await;
    let mut chat = world.live_chat().await;
    say_something(&world, &mut chat, "before").await;
    let before = whole(&mut chat).await;
    let other = world.chat().await;
    let scene = Scene {
        conversation: chat.conversation().to_owned(),
        token: chat.token().to_owned(),
        other: (other.conversation().to_owned(), other.token().to_owned()),
        secret: world.copilot.secret().to_owned(),
    };
    let cases = cases::all(&scene);
    assert!(cases.len() >= 45, "only {} cases", cases.len());
    let mut wrong = vec![];
    for case in &cases {
        let answer = exchange(&world.url, &case.sent.bytes()).await;
        wrong.extend(fault(case, &answer, &scene));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert_eq!(whole(&mut chat).await, before, "the chat's history has changed");
    say_something(&world, &mut chat, "after").await;
    assert_eq!(whole(&mut chat).await[..before.len()], before[..]);
    assert_eq!(world.told(&scene.conversation), ["before, says Dana", "after, says Dana"]);
    assert_eq!(world.servicenow.chat(&scene.conversation).unwrap().standing, Standing::Live);
    assert_eq!(world.servicenow.chats().len(), 1, "a live chat was opened");
}

/// The host is on this machine; nobody else fires its timer.
#[tokio::test]
async fn the_sweep_is_refused_to_callers_from_elsewhere() {
    let port = free_port().to_string();
    let world = World::with(&[("FUNCTIONS_CUSTOMHANDLER_PORT", &port)]).await;
    let sweep = || Call::post("/sweep").json("{}");
    for host in ["127.0.0.1:7071", "localhost", "[::1]:7071"] {
        assert_eq!(exchange(&world.url, &sweep().at(host).bytes()).await.status, 200, "{host}");
    }
    for (name, value) in [
        ("X-Forwarded-For", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("X-Forwarded", "for=192.0.2.1"),
        ("Forwarded-For", "192.0.2.1"),
        ("Forwarded", "for=192.0.2.1"),
        ("Via", "1.1 a"),
        ("X-Real-IP", "192.0.2.1"),
        ("True-Client-IP", "192.0.2.1"),
        ("X-Client-IP", "192.0.2.1"),
        ("X-Cluster-Client-IP", "192.0.2.1"),
        ("X-Azure-ClientIP", "192.0.2.1"),
        ("X-Azure-FDID", "0"),
        ("CF-Connecting-IP", "192.0.2.1"),
        ("X-Envoy-External-Address", "192.0.2.1"),
        ("X-ProxyUser-Ip", "192.0.2.1"),
        ("X-Original-URL", "/sweep"),
        ("X-Original-Host", "a.example.com"),
        ("X-Original-Forwarded-For", "192.0.2.1"),
        ("X-Rewrite-URL", "/sweep"),
        ("X-ARR-ClientCert", "x"),
        ("CDN-Loop", "a"),
        ("X-Host", "a.example.com"),
        ("Origin", "https://a.example.com"),
        ("Host", "a.example.com"),
        ("Host", "127.0.0.1.example.com"),
        ("Host", "localhost.example.com:80"),
        ("Host", ""),
    ] {
        let sent = if name == "Host" { sweep().at(value) } else { sweep().at("127.0.0.1").with(name, value) };
        let refused = exchange(&world.url, &sent.bytes()).await;
        assert_eq!((refused.status, refused.code()), (403, "Forbidden".to_owned()), "{name}: {value}");
    }
    let alone = World::start().await;
    assert_eq!(exchange(&alone.url, &sweep().bytes()).await.status, 404, "without a host there is no timer");
}

/// What is wrong with the answer, if anything.
fn fault(case: &Case, answer: &Answer, scene: &Scene) -> Option<String> {
    let Case { what, status, code, sent } = case;
    let body = String::from_utf8_lossy(&answer.body);
    let told = |why: &str| Some(format!("{what}: {why}: {} {body:.200} for {}", answer.status, sent.line));
    if answer.status != *status || answer.code() != *code {
        return told(&format!("expected {status} {code}"));
    }
    let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    if !code.is_empty() && message.is_empty() {
        return told("the error says nothing");
    }
    let leaks = [&scene.token, &scene.secret, RESPONSES_TOKEN, "panicked", "src/"];
    if leaks.iter().any(|leak| body.contains(*leak)) {
        return told("the answer says too much");
    }
    None
}

async fn say_something(world: &World, chat: &mut ChatClient, when: &str) {
    let session = chat.conversation().to_owned();
    chat.say(&format!("{when}, says Dana")).await.unwrap();
    let heard = |at: &servicenow_handoff::simulate::servicenow::ServiceNow| {
        at.requests_of(&session).iter().any(|asked| asked.text == format!("{when}, says Dana"))
    };
    assert!(world.servicenow.wait_for(crate::world::PATIENCE, heard).await, "{when}");
    let words = format!("{when}, says the agent");
    world.agent_says(&session, &words).await;
    chat.until(&words, |activity| activity["text"] == words.as_str()).await.unwrap();
}

/// All that a client sees that reads from the start.
async fn whole(chat: &mut ChatClient) -> Vec<Value> {
    chat.reload();
    while !chat.poll().await.unwrap().is_empty() {}
    chat.received.clone()
}

impl Call {
    pub fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), headers: vec![], body: vec![] }
            .with("Host", "x")
            .with("Connection", "close")
    }

    pub fn get(path: &str) -> Self {
        Self::new(format!("GET {path}"))
    }

    pub fn post(path: &str) -> Self {
        Self::new(format!("POST {path}"))
    }

    /// Under another name of ours.
    pub fn at(mut self, host: &str) -> Self {
        self.headers[0].1 = host.to_owned();
        self
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.with("Authorization", format!("Bearer {token}"))
    }

    /// As the client of a chat sends it: with its token, and `{id}` for its conversation, `{ID}` for it in capitals.
    pub fn of(&self, chat: &ChatClient) -> Self {
        let (id, capitals) = (chat.conversation(), chat.conversation().to_ascii_uppercase());
        let line = self.line.replace("{id}", id).replace("{ID}", &capitals);
        Self { line, ..self.clone() }.bearer(chat.token())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.with("Content-Length", length)
    }

    pub fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.with("Content-Type", "application/json").body(body)
    }

    /// In chunks of 64 KiB, without a length.
    pub fn chunked(mut self, body: &[u8]) -> Self {
        for chunk in body.chunks(65_536) {
            self.body.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
            self.body.extend(chunk);
            self.body.extend(b"\r\n");
        }
        self.body.extend(b"0\r\n\r\n");
        self.with("Transfer-Encoding", "chunked").with("Content-Type", "application/json")
    }

    fn gives(self, what: &'static str, status: u16, code: &'static str) -> Case {
        Case { what, sent: self, status, code }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        request(&self.line, &headers, &self.body)
    }
}

/// A message of the user's, as JSON.
fn message(text: &str) -> String {
    json!({"type": "message", "text": text, "from": {"id": "dana"}}).to_string()
}
