//! The connector beside a simulated Copilot Studio, and ServiceNow as far as the relay sees it.

use std::time::{Duration, Instant};

use actix_web::rt;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use servicenow_handoff::{
    app::Connector,
    config::Settings,
    domain::Timestamp,
    simulate::copilot::{self, CopilotOptions, CopilotStudio},
};

use crate::{eventually::found, secondary::page};

/// So long a silence, or patience, ends no turn that a test waits for: something else ended it.
pub const NEVER_QUIET: [(&str, &str); 2] = [("RELAY_QUIET", "60000"), ("RELAY_MAX_WAIT", "200000")];

/// A running connector that has the relay and nothing else.
pub struct Stage {
    pub studio: CopilotStudio,
    pub url: String,
    pub http: reqwest::Client,
}

/// What the relay answered, and how long it took.
pub struct Turn {
    pub status: u16,
    pub body: Value,
    pub raw: String,
    pub lasted: Duration,
    pub retry_after: Option<String>,
}

impl Stage {
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with(CopilotOptions::default(), settings).await
    }

    pub async fn start_with(options: CopilotOptions, settings: &[(&str, &str)]) -> Self {
        let studio = copilot::start(options).await.unwrap();
        let url = connector(studio.url(), settings);
        Self { studio, url, http: reqwest::Client::new() }
    }

    /// Without a word that opens the relay.
    pub async fn closed(settings: &[(&str, &str)]) -> Self {
        Self::start(&[settings, &[("RELAY", "")]].concat()).await
    }

    /// Opens a conversation, as Bot Interconnect does.
    pub async fn conversation(&self) -> String {
        let opened = self.post("conversations", &json!({})).await;
        opened["conversationId"].as_str().unwrap().to_owned()
    }

    pub async fn user_says(&self, conversation: &str, text: &str) {
        let activity = json!({"type": "message", "text": text, "from": {"id": "dl_ada"}});
        self.post(&format!("conversations/{conversation}/activities"), &activity).await;
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}v3/directline/{path}", self.studio.url());
        let post = self.http.post(url).bearer_auth(self.studio.secret());
        let post = post.header("content-type", "application/json").body(body.to_string());
        serde_json::from_str(&post.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    pub fn agent_says(&self, conversation: &str, text: &str) {
        self.agent(conversation, json!({"type": "message", "text": text, "inputHint": "acceptingInput"}));
    }

    /// So long ago that it is of no turn which begins now.
    pub fn agent_said(&self, conversation: &str, text: &str) {
        let earlier = Timestamp::now().plus_millis(-10_000).rfc3339();
        self.agent(conversation, json!({"type": "message", "text": text, "timestamp": earlier}));
    }

    pub fn agent(&self, conversation: &str, activity: Value) {
        self.studio.bot_says(conversation, activity).unwrap();
    }

    /// Lets the agent say one text after another, each so many milliseconds from now.
    pub fn agent_will_say(&self, conversation: &str, texts: &'static [(u64, &'static str)]) {
        self.agent_will_speak(conversation, texts, "acceptingInput");
    }

    /// The same, with the last text as a question: where a silence is [never](NEVER_QUIET) long enough, that ends the turn,
    /// however busy the machine is.
    pub fn agent_will_ask(&self, conversation: &str, texts: &'static [(u64, &'static str)]) {
        self.agent_will_speak(conversation, texts, "expectingInput");
    }

    fn agent_will_speak(
        &self,
        conversation: &str,
        texts: &'static [(u64, &'static str)],
        last: &'static str,
    ) {
        let (studio, conversation) = (self.studio.clone(), conversation.to_owned());
        let start = tokio::time::Instant::now();
        rt::spawn(async move {
            for (n, (at, text)) in texts.iter().enumerate() {
                tokio::time::sleep_until(start + Duration::from_millis(*at)).await;
                let hint = if n + 1 == texts.len() { last } else { "acceptingInput" };
                let said = json!({"type": "message", "text": text, "inputHint": hint});
                studio.bot_says(&conversation, said).unwrap();
            }
        });
    }

    /// A bare request to the relay.
    pub fn request(&self) -> RequestBuilder {
        self.request_to("")
    }

    /// With a query, its question mark included.
    pub fn request_to(&self, query: &str) -> RequestBuilder {
        self.http.get(format!("{}/api/relayToDirectLine{query}", self.url))
    }

    /// The request Bot Interconnect makes.
    pub async fn relay(&self, conversation: &str, watermark: &str) -> Turn {
        self.relay_waiting(conversation, watermark, None).await
    }

    /// The same, again while Direct Line's answer does not come within what the turn has patience for, as on a busy machine.
    pub async fn relay_in_time(&self, conversation: &str, watermark: &str, wait: Option<&str>) -> Turn {
        found("an answer of Direct Line's in time", async || {
            let turn = self.relay_waiting(conversation, watermark, wait).await;
            (turn.status != 503).then_some(turn)
        })
        .await
    }

    pub async fn relay_waiting(&self, conversation: &str, watermark: &str, wait: Option<&str>) -> Turn {
        let request = self.request().bearer_auth(self.studio.secret());
        let mut request = request.header("conversationid", conversation).header("watermark", watermark);
        if let Some(wait) = wait {
            request = request.header("waittime", wait);
        }
        ask(request).await
    }
}

/// Starts a connector in front of a Direct Line; answers its root, without a slash.
pub fn connector(direct_line: &str, settings: &[(&str, &str)]) -> String {
    let settings = Settings::from_env(|name| match name {
        "LISTEN" => Some("127.0.0.1:0".to_owned()),
        "DIRECT_LINE_URL" => Some(direct_line.to_owned()),
        "RELAY" if !settings.iter().any(|(set, _)| matches!(*set, "RELAY" | "RELAY_KEY")) => {
            Some("open".to_owned())
        }
        _ => settings.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()),
    });
    let connector = Connector::build(&settings.unwrap()).unwrap();
    let url = format!("http://{}", connector.address());
    rt::spawn(connector.run());
    url
}

pub async fn ask(request: RequestBuilder) -> Turn {
    let start = Instant::now();
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/json");
    let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let raw = answer.text().await.unwrap();
    let lasted = start.elapsed();
    let body = serde_json::from_str(&raw).unwrap();
    page::holds("/api/relayToDirectLine", "get", status, &body);
    Turn { status, body, raw, lasted, retry_after }
}

impl Turn {
    pub fn watermark(&self) -> &str {
        self.body["watermark"].as_str().unwrap()
    }

    pub fn activities(&self) -> &[Value] {
        self.body["activities"].as_array().unwrap()
    }

    /// What the agent said, in order.
    pub fn said(&self) -> Vec<&str> {
        let said = |activity: &&Value| activity["type"] == "message" && activity["from"]["role"] == "bot";
        self.activities().iter().filter(said).map(|activity| activity["text"].as_str().unwrap()).collect()
    }

    /// Whether something else than a silence ended it, where that is [`NEVER_QUIET`].
    pub fn is_ended_by_what_came(&self) -> bool {
        self.lasted < Duration::from_secs(60)
    }

    pub fn millis(&self) -> u128 {
        self.lasted.as_millis()
    }
}
