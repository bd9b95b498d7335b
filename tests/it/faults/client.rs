//! A Direct Line client that survives a program that dies under its hands: it asks again.

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value, json};
use servicenow_handoff::simulate::chat_client::{ChatClient, message, speaker};

use crate::faults::stage::{PATIENCE, Stage};

/// How soon somebody who got no answer asks again.
pub const AGAIN: Duration = Duration::from_millis(20);

pub struct Client {
    pub conversation: String,
    /// Everything read, in order, repeats included.
    pub read: Vec<Value>,
    /// Requests that got no answer.
    pub unanswered: usize,
    /// How long it waits after a poll that brought nothing.
    pub pause: Duration,
    http: reqwest::Client,
    token: String,
    watermark: Option<String>,
    /// The processes, the one to ask next in front.
    urls: VecDeque<String>,
}

impl Client {
    pub async fn start(stage: &Stage) -> Self {
        let url = &stage.processes[0].url;
        let chat = ChatClient::start(url, &stage.copilot.token_endpoint()).await.unwrap();
        Self {
            conversation: chat.conversation().to_owned(),
            read: vec![],
            unanswered: 0,
            pause: AGAIN,
            http: stage.http.clone(),
            token: chat.token().to_owned(),
            watermark: None,
            urls: stage.urls().into(),
        }
    }

    /// Another tab of the same client, at the same place.
    pub fn tab(&self) -> Self {
        Self {
            conversation: self.conversation.clone(),
            read: vec![],
            unanswered: 0,
            pause: self.pause,
            http: self.http.clone(),
            token: self.token.clone(),
            watermark: self.watermark.clone(),
            urls: self.urls.clone(),
        }
    }

    /// Posts, under the client's own name for the message, until it is answered; the id of the answer.
    pub async fn say(&mut self, text: &str, client_id: &str) -> String {
        let mut activity = message(text);
        activity["channelData"] = json!({"clientActivityID": client_id});
        let answer = self.ask(|client, url| client.post(url).body(activity.to_string())).await;
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Reads once; how much was new.
    pub async fn read_on(&mut self) -> usize {
        let query = self.watermark.as_ref().map(|mark| format!("?watermark={mark}")).unwrap_or_default();
        let page = self.ask(|client, url| client.get(format!("{url}{query}"))).await;
        self.watermark = page["watermark"].as_str().map(str::to_owned);
        let new = page["activities"].as_array().unwrap();
        self.read.extend(new.iter().cloned());
        new.len()
    }

    pub async fn read_until(&mut self, wanted: impl Fn(&Value) -> bool) {
        let reading = async {
            while !self.read.iter().any(&wanted) {
                if self.read_on().await == 0 {
                    tokio::time::sleep(self.pause).await;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("it did not come");
    }

    /// What was read from `who`, in order: ids and texts.
    pub fn heard(&self, who: &str) -> Vec<(&str, &str)> {
        let said = self.read.iter().filter(|a| a["type"] == "message" && speaker(a) == who);
        said.map(|a| (a["id"].as_str().unwrap(), a["text"].as_str().unwrap())).collect()
    }

    /// Asks one process after the other until one answers, as a client behind a load balancer does.
    /// Whatever is answered must be a success.
    async fn ask(&mut self, request: impl Fn(&reqwest::Client, &str) -> reqwest::RequestBuilder) -> Value {
        loop {
            self.urls.rotate_left(1);
            let url =
                format!("{}/v3/directline/conversations/{}/activities", self.urls[0], self.conversation);
            let request = request(&self.http, &url).bearer_auth(&self.token);
            if let Ok(response) = request.header("content-type", "application/json").send().await {
                let status = response.status();
                if let Ok(body) = response.bytes().await {
                    assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
                    return serde_json::from_slice(&body).unwrap();
                }
            }
            self.unanswered += 1;
            tokio::time::sleep(AGAIN).await;
        }
    }
}
