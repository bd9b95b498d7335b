//! Against the started server, over HTTP, with a receiver for its webhooks.

mod desk;
mod faults;
mod live;
mod login;
mod media;
mod receiver;
mod virtual_agent;

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use self::receiver::Receiver;
use super::*;

const PATH: &str = "/api/sn_va_as_service/bot/integration";
const SOON: Duration = Duration::from_secs(60);

/// An instance whose webhooks go to a receiver.
struct Bench {
    servicenow: ServiceNow,
    receiver: Receiver,
    client: Client,
}

impl Bench {
    async fn start(options: ServiceNowOptions) -> Self {
        let receiver = Receiver::start().await;
        let said =
            Some(options.webhook_timeout).filter(|said| *said < ServiceNowOptions::default().webhook_timeout);
        let webhook_timeout = said.unwrap_or(SOON);
        let options = ServiceNowOptions { response_url: Some(receiver.url()), webhook_timeout, ..options };
        let client = Client::builder().no_proxy().build().unwrap();
        Self { servicenow: super::start(options).await.unwrap(), receiver, client }
    }

    fn call(&self, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}{PATH}", self.servicenow.url())).body(body.to_string())
    }

    /// Posts a call that must be taken; answers the JSON of the HTTP response.
    async fn post(&self, body: Value) -> Value {
        let answer = self.call(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{body}");
        json_of(answer).await
    }

    async fn status(&self, body: Value) -> u16 {
        self.call(&body).send().await.unwrap().status().as_u16()
    }

    /// Opens a chat in the way most connectors should: created, then started, both synchronous.
    async fn queue(&self, session: &str) -> Value {
        self.post(create(session)).await;
        self.post(start_created(session)).await
    }

    /// The first webhooks, once there are so many.
    async fn webhooks(&self, count: usize) -> Vec<Value> {
        self.receiver.wait_for(count).await
    }
}

fn create(session: &str) -> Value {
    json!({"requestId": "r-create", "clientSessionId": session, "userId": "u1", "userName": "Uma User",
        "emailId": "uma@example.com", "action": "CREATE_CONVERSATION", "syncResponse": true, "message": {},
        "contextVariables": {"live_agent_only": "true", "requester_session_language": "de"},
            "appInboundId": "app1",
        "history": [{"isBotMessage": true, "value": "What is it about?", "displayName": "Bot",
            "type": "text",
            "timestamp": "1739866290393"}]})
}

fn start_created(session: &str) -> Value {
    json!({"requestId": "r-start", "clientSessionId": session, "userId": "u1", "syncResponse": true,
        "action": "START_CREATED_CONVERSATION", "message": {}, "appInboundId": "app1"})
}

fn message(session: &str, request: &str, text: &str) -> Value {
    json!({"requestId": request, "clientSessionId": session, "userId": "u1",
        "message": {"text": text, "typed": true, "clientMessageId": format!("m-{request}")}})
}

fn action(session: &str, action: &str) -> Value {
    json!({"requestId": format!("r-{action}"), "clientSessionId": session, "userId": "u1",
        "action": action})
}

fn texts(webhook: &Value) -> Vec<&str> {
    let items = webhook["body"].as_array().unwrap();
    items.iter().filter_map(|item| item["value"].as_str().or(item["message"].as_str())).collect()
}

fn kinds(answer: &Value) -> Vec<&str> {
    let items = answer["body"].as_array().unwrap();
    items.iter().filter_map(|item| item["actionType"].as_str().or(item["uiType"].as_str())).collect()
}

async fn json_of(answer: Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}
