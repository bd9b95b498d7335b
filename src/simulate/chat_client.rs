//! A plain Direct Line client: what a chat page does, without the page. For the scripted demo and the tests.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long anything may take to show up.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// A chat over Direct Line.
pub struct ChatClient {
    http: reqwest::Client,
    root: String,
    token: String,
    conversation: String,
    watermark: Option<String>,
    seen: HashSet<String>,
    /// Everything received, in order.
    pub received: Vec<Value>,
    /// How often something came that had come before.
    pub repeated: usize,
}

/// Something did not work; in words for the terminal.
pub type Failure = String;

/// Host and port of an address.
fn authority(url: &str) -> Option<&str> {
    url.split_once("://").and_then(|(_, rest)| rest.split('/').next())
}

impl ChatClient {
    /// Gets a token and starts a conversation through the connector at `root`.
    pub async fn start(root: &str, token_endpoint: &str) -> Result<Self, Failure> {
        let http = crate::far_end::client_to_here().map_err(|e| e.to_string())?;
        let grant: Value = json_of(http.get(token_endpoint)).await?;
        let token = grant["token"].as_str().ok_or("the token endpoint gave no token")?.to_owned();
        let root = format!("{root}/v3/directline");
        let start = http.post(format!("{root}/conversations")).bearer_auth(&token).body("{}");
        let started: Value = json_of(start.header("content-type", "application/json")).await?;
        let token = started["token"].as_str().unwrap_or(&token).to_owned();
        let conversation =
            started["conversationId"].as_str().ok_or("no conversation was started")?.to_owned();
        if started["streamUrl"].as_str().is_some_and(|url| authority(url) == authority(token_endpoint)) {
            return Err("the start's answer holds a streamUrl that goes round the connector".to_owned());
        }
        let seen = HashSet::new();
        Ok(Self { http, root, token, conversation, watermark: None, seen, received: vec![], repeated: 0 })
    }

    pub fn conversation(&self) -> &str {
        &self.conversation
    }

    /// The bearer token that the start returned.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Where the next read goes on.
    pub fn watermark(&self) -> Option<&str> {
        self.watermark.as_deref()
    }

    /// Forgets what was read, as a page that is loaded again; the conversation stays.
    pub fn reload(&mut self) {
        self.watermark = None;
        self.seen.clear();
        self.received.clear();
        self.repeated = 0;
    }

    /// Reads another client's conversation, as a second tab of the same person.
    pub fn stand_in(&mut self, conversation: &str, token: &str) {
        self.reload();
        conversation.clone_into(&mut self.conversation);
        token.clone_into(&mut self.token);
    }

    /// Goes on through another connector, as behind a load balancer.
    pub fn move_to(&mut self, root: &str) {
        self.root = format!("{root}/v3/directline");
    }

    /// Texts received so far, in order, each with who said it.
    pub fn transcript(&self) -> Vec<(&'static str, &str)> {
        let text = |activity: &'_ Value| activity["type"] == "message";
        let said = self.received.iter().filter(|activity| text(activity));
        said.map(|activity| (speaker(activity), activity["text"].as_str().unwrap_or_default())).collect()
    }

    /// Says something; the echo's id.
    pub async fn say(&self, text: &str) -> Result<String, Failure> {
        self.post(&message(text)).await
    }

    /// Posts an activity; its id.
    pub async fn post(&self, activity: &Value) -> Result<String, Failure> {
        let url = format!("{}/conversations/{}/activities", self.root, self.conversation);
        let post = self.http.post(url).bearer_auth(&self.token).header("content-type", "application/json");
        let answer = json_of(post.body(activity.to_string())).await?;
        Ok(answer["id"].as_str().unwrap_or_default().to_owned())
    }

    /// Reads what is new.
    pub async fn poll(&mut self) -> Result<Vec<Value>, Failure> {
        let url = format!("{}/conversations/{}/activities", self.root, self.conversation);
        let mut url = url::Url::parse(&url).map_err(|e| e.to_string())?;
        if let Some(watermark) = &self.watermark {
            url.query_pairs_mut().append_pair("watermark", watermark);
        }
        let page = json_of(self.http.get(url).bearer_auth(&self.token)).await?;
        if let Some(watermark) = page["watermark"].as_str() {
            self.watermark = Some(watermark.to_owned());
        }
        let mut new = vec![];
        for activity in page["activities"].as_array().into_iter().flatten() {
            let id = activity["id"].as_str().unwrap_or_default().to_owned();
            if self.seen.insert(id) {
                new.push(activity.clone());
            } else {
                self.repeated += 1;
            }
        }
        self.received.extend(new.iter().cloned());
        Ok(new)
    }

    /// Polls until something new satisfies `wanted`; gives everything that came, that included.
    pub async fn until(
        &mut self,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>, Failure> {
        let start = Instant::now();
        let mut came = vec![];
        while start.elapsed() < PATIENCE {
            let new = self.poll().await?;
            let found = new.iter().any(&wanted);
            came.extend(new);
            if found {
                return Ok(came);
            }
            tokio::time::sleep(POLL).await;
        }
        Err(format!("{what} did not arrive within {} s", PATIENCE.as_secs()))
    }

    /// As [`until`](Self::until), unless it has been received already.
    pub async fn see(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<(), Failure> {
        if !self.received.iter().any(&wanted) {
            self.until(what, wanted).await?;
        }
        Ok(())
    }

    /// Starts the agent's greeting.
    pub async fn greet(&self) -> Result<(), Failure> {
        let event = json!({"type": "event", "name": "startConversation", "locale": "en-US",
            "localTimezone": "Europe/Berlin", "from": {"id": "dana", "role": "user"}});
        self.post(&event).await.map(|_| ())
    }
}

/// A message as a plain client posts it.
pub fn message(text: &str) -> Value {
    json!({"type": "message", "text": text, "from": {"id": "dana", "name": "Dana", "role": "user"},
        "locale": "en-US", "localTimezone": "Europe/Berlin"})
}

/// Who speaks in an activity: `user`, `bot`, `agent` or `system`.
pub fn speaker(activity: &Value) -> &'static str {
    let servicenow = &activity["channelData"]["servicenow"];
    if activity["from"]["role"] == "user" {
        "user"
    } else if servicenow["sentFromAgent"] == true {
        "agent"
    } else if servicenow.is_object() || activity["name"] == "handoff.status" {
        "system"
    } else {
        "bot"
    }
}

/// The state a `handoff.status` event tells; empty for other activities.
pub fn handoff_state(activity: &Value) -> &str {
    match activity["name"] == "handoff.status" {
        true => activity["value"]["state"].as_str().unwrap_or_default(),
        false => "",
    }
}

/// Sends it; the JSON of a good answer.
pub(crate) async fn json_of(request: reqwest::RequestBuilder) -> Result<Value, Failure> {
    let response = request.send().await.map_err(|e| e.without_url().to_string())?;
    let status = response.status();
    let body = response.bytes().await.map_err(|e| e.without_url().to_string())?;
    if !status.is_success() {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)));
    }
    serde_json::from_slice(&body).map_err(|e| e.to_string())
}
