//! What goes wrong between the far ends, and that nobody notices.

use std::{io::Write as _, time::Duration};

use serde_json::{Value, json};
use servicenow_handoff::simulate::chat_client::{ChatClient, message};

use crate::world::{AGENT, RESPONSES_TOKEN, World};

mod instances;
mod outage;
mod seam;
mod to_agent;
mod to_user;

/// The last words of a test: once they are through, whatever else should have come has come.
const LAST: &str = "that is all";

/// Requests of a client as they go over the wire, several at once if need be, with the status of each.
#[derive(Clone)]
struct Wire {
    http: reqwest::Client,
    root: String,
    activities: String,
    token: String,
}

/// An answer: its status and its JSON.
type Answer = (u16, Value);

impl Wire {
    fn of(world: &World, chat: &ChatClient) -> Self {
        let activities = format!("/v3/directline/conversations/{}/activities", chat.conversation());
        Self { http: world.http.clone(), root: world.url.clone(), activities, token: chat.token().to_owned() }
    }

    /// The same client through another instance, or past the connector.
    fn through(&self, root: &str) -> Self {
        Self { root: root.trim_end_matches('/').to_owned(), ..self.clone() }
    }

    fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    async fn post(&self, activity: &Value) -> Answer {
        let post = self.http.post(format!("{}{}", self.root, self.activities)).bearer_auth(&self.token);
        answer(post.header("content-type", "application/json").body(activity.to_string())).await
    }

    async fn get(&self, watermark: Option<&str>) -> Answer {
        let query = watermark.map(|mark| format!("?watermark={mark}")).unwrap_or_default();
        let get = self.http.get(format!("{}{}{query}", self.root, self.activities));
        answer(get.bearer_auth(&self.token)).await
    }

    /// Posts on a connection of its own and closes it without reading on.
    async fn post_and_hang_up(&self, activity: &Value, after: Duration) {
        let (host, body) = (self.root.trim_start_matches("http://"), activity.to_string());
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            self.activities,
            self.token,
            body.len()
        );
        let mut connection = std::net::TcpStream::connect(host).unwrap();
        connection.write_all(format!("{head}{body}").as_bytes()).unwrap();
        tokio::time::sleep(after).await;
    }

    /// Posts and gives the id, which the answer must hold.
    async fn say(&self, activity: &Value) -> String {
        let (status, answer) = self.post(activity).await;
        assert_eq!(status, 200, "{activity}: {answer}");
        answer["id"].as_str().unwrap().to_owned()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

/// An agent's words as ServiceNow sends them.
fn webhook(session: &str, text: &str, message_id: &str) -> Value {
    let agent = json!({"sentFromAgent": true, "agentName": AGENT, "agentId": "a-1"});
    let item = json!({"uiType": "OutputText", "agentInfo": agent, "value": text, "messageId": message_id});
    json!({"clientSessionId": session, "requestId": "r-1", "agentChat": true, "body": [item]})
}

/// Sends a webhook to an instance; the status of its answer.
async fn send_webhook(world: &World, root: &str, body: &Value) -> u16 {
    let post = world.http.post(format!("{root}/api/servicenow/responses")).header("token", RESPONSES_TOKEN);
    answer(post.header("content-type", "application/json").body(body.to_string())).await.0
}

/// A message under the client's own name for it, as Web Chat sends it.
fn named(text: &str, client_id: &str) -> Value {
    let mut activity = message(text);
    activity["channelData"] = json!({"clientActivityID": client_id});
    activity
}

/// What the client has received from `who`, in order.
fn shown(chat: &ChatClient, who: &str) -> Vec<String> {
    let said = chat.transcript().into_iter().filter(|(speaker, _)| *speaker == who);
    said.map(|(_, text)| text.to_owned()).collect()
}

/// `word 1`, `word 2`, …
fn numbered(word: &str, count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{word} {n}")).collect()
}

fn texts(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

/// Reads on until the agent's last words are there.
async fn read_to_the_last(world: &World, chat: &mut ChatClient) {
    let session = chat.conversation().to_owned();
    world.agent_says(&session, LAST).await;
    chat.see("the last words", |activity| activity["text"] == LAST).await.unwrap();
}
