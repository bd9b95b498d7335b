use std::{
    io::{Read as _, Write as _},
    time::Instant,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, Method, Response};
use serde_json::json;

use super::*;
use crate::simulate::faults::Fault;

mod access;
mod faults;

#[tokio::test]
async fn a_conversation_starts_once_and_is_rejoined_with_its_token() {
    let chat = Chat::open().await;
    assert_eq!(chat.started.status, 201);
    let body = &chat.started.body;
    assert_eq!(body["expires_in"], 3600);
    assert!(body["streamUrl"].as_str().is_some_and(|url| url.starts_with("ws://127.0.0.1:")));

    let again = chat.send(Method::POST, "conversations", Some(&json!({"user": {}}))).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.body["conversationId"], chat.id);

    let back = chat.send(Method::GET, &format!("conversations/{}?watermark=-", chat.id), None).await;
    assert_eq!(back.status, 200);
    assert_eq!(back.body["conversationId"], chat.id);
    assert_eq!(chat.studio.conversations(), [chat.id.as_str()]);
}

#[tokio::test]
async fn the_users_echo_stands_behind_the_answers_to_it() {
    let chat = Chat::open().await;
    let id = chat.say("store hours").await.body["id"].clone();
    let page = chat.read(None).await;
    let shown = activities(&page);
    let echo = shown.last().expect("an echo");
    assert_eq!(echo["id"], id);
    assert_eq!(id, format!("{}|0000000", chat.id));
    assert_eq!(echo["channelData"]["clientActivityID"], "c-store hours");
    assert_eq!(echo["from"], json!({"id": "ada", "role": "user"}));
    let answers = &shown[..shown.len() - 1];
    assert!(answers.iter().any(|a| a["suggestedActions"]["actions"][0]["value"] == "Hamburg"));
    for answer in answers {
        assert_eq!(answer["replyToId"], id);
        assert_eq!(answer["from"]["role"], "bot");
    }
    for activity in shown {
        assert_ne!(activity["type"], "typing");
        assert!(activity["timestamp"].is_string());
        assert_eq!(activity["channelId"], "directline");
        assert_eq!(activity["conversation"]["id"], chat.id);
    }
}

#[tokio::test]
async fn a_watermark_leaves_out_what_was_read_and_a_foreign_one_nothing() {
    let chat = Chat::open().await;
    chat.say("vpn").await;
    let first = chat.read(None).await;
    let mark = first["watermark"].as_str().expect("a string").to_owned();
    assert_eq!(activities(&chat.read(Some(&mark)).await), &[] as &[Value]);
    chat.say("oslo").await;
    let second = chat.read(Some(&mark)).await;
    assert_eq!(texts(&second).last().map(String::as_str), Some("oslo"));
    let whole = chat.read(None).await;
    assert_eq!(activities(&whole).len(), activities(&first).len() + activities(&second).len());
    for foreign in ["", "-", "nonsense", "fffff-00"] {
        assert_eq!(chat.read(Some(foreign)).await, whole, "{foreign:?}");
    }
}

#[tokio::test]
async fn pages_can_be_short() {
    let chat = Chat::with(CopilotOptions { page_limit: Some(2), ..CopilotOptions::default() }).await;
    chat.say("vpn").await;
    let (mut read, mut mark) = (0, None::<String>);
    loop {
        let page = chat.read(mark.as_deref()).await;
        let count = activities(&page).len();
        assert!(count <= 2);
        read += count;
        mark = page["watermark"].as_str().map(str::to_owned);
        if count == 0 {
            break;
        }
    }
    assert_eq!(read, 4, "a diagnostic event, two answers, the echo");
}

#[tokio::test]
async fn the_agent_greets_when_asked_to_and_not_before() {
    let chat = Chat::open().await;
    chat.post(json!({"type": "event", "name": "pvaSetContext", "value": {"UserEmail": "x@example.com"}}))
        .await;
    assert_eq!(activities(&chat.read(None).await).len(), 1, "the echo alone");
    chat.post(json!({"type": "event", "name": "startConversation", "locale": "de-DE"})).await;
    assert!(texts(&chat.read(None).await)[0].starts_with("Hello"));
}

#[tokio::test]
async fn an_escalation_carries_the_transcript_and_the_variables() {
    let chat = Chat::open().await;
    let context = json!({"UserEmail": "grace@example.com"});
    chat.post(json!({"type": "event", "name": "pvaSetContext", "value": context, "locale": "de-DE"})).await;
    chat.say("vpn").await;
    chat.say("talk to a human").await;
    let page = chat.read(None).await;
    let shown = activities(&page);
    let at = shown.iter().position(|a| a["name"] == "handoff.initiate").expect("the event");
    assert!(shown[..at].iter().any(|a| a["text"] == "Connecting you to a person…"));
    let event = &shown[at];
    let transcript = &event["attachments"][0];
    assert_eq!(transcript["name"], "Transcript");
    let said = transcript["content"]["activities"].as_array().expect("a list");
    let said: Vec<_> = said.iter().map(|a| (a["from"]["role"].as_str(), a["text"].as_str())).collect();
    assert_eq!(said[0], (Some("user"), Some("vpn")));
    assert_eq!(said[1].0, Some("bot"));
    assert_eq!(said[3], (Some("user"), Some("talk to a human")));
    assert_eq!(said[4], (Some("bot"), Some("Connecting you to a person…")));
    assert_eq!(said.len(), 5);
    let value = &event["value"];
    assert_eq!(value["va_ConversationId"], chat.id);
    assert_eq!(value["va_Language"], "de-DE");
    assert_eq!(value["va_LastPhrases"], "talk to a human");
    assert_eq!(value["va_Phrases"], json!(["vpn", "talk to a human"]));
    assert_eq!(value["UserEmail"], "grace@example.com");
    assert_eq!(value["Category"]["$kind"], "OptionDataValue");
    assert_eq!(event["relatesTo"]["user"]["id"], "ada");

    chat.say("still there?").await;
    assert!(texts(&chat.read(None).await).contains(&"You said: still there?".to_owned()), "careless");
}

#[tokio::test]
async fn an_escalation_can_be_an_activity_of_its_own_type() {
    let chat = Chat::open().await;
    chat.say("handoff-activity").await;
    let page = chat.read(None).await;
    let handoff = activities(&page).iter().find(|a| a["type"] == "handoff").expect("the activity");
    assert_eq!(handoff["value"]["type"], "transferToAgent");
    assert_eq!(handoff["value"]["context"]["SupportQueue"], "IT Support");
}

#[tokio::test]
async fn the_agent_also_speaks_unasked() {
    let chat = Chat::open().await;
    chat.say("later").await;
    assert_eq!(texts(&chat.read(None).await), ["I'll come back to you.", "later"]);
    chat.read_until("Can I do anything else for you?").await;
    let id = chat.studio.bot_says(&chat.id, json!({"type": "message", "text": "psst"})).expect("known");
    let page = chat.read(None).await;
    let last = activities(&page).last().expect("one");
    assert_eq!((&last["id"], &last["text"]), (&json!(id), &json!("psst")));
    assert!(last.get("replyToId").is_none());
    assert_eq!(chat.studio.bot_says("unknown", json!({"type": "message"})), None);
}

#[tokio::test]
async fn one_file_or_several_come_back_as_they_were() {
    let chat = Chat::open().await;
    let url = format!("{}v3/directline/conversations/{}/upload", chat.studio.url(), chat.id);
    let client = Client::new();
    let raw = client
        .post(format!("{url}?userId=ada"))
        .bearer_auth(&chat.token)
        .header("Content-Type", "text/plain")
        .header("Content-Disposition", "name=\"file\"; filename=\"notes 1.txt\"")
        .body("hello");
    assert_eq!(raw.send().await.expect("an answer").status(), 200);
    let activity = json!({"type": "message", "from": {"id": "ada"}, "text": "two files"}).to_string();
    let part = |body: &'static str, kind, name| {
        reqwest::multipart::Part::text(body).mime_str(kind).expect("a media type").file_name(name)
    };
    let activity = reqwest::multipart::Part::text(activity);
    let form = reqwest::multipart::Form::new()
        .part("activity", activity.mime_str("application/vnd.microsoft.activity").expect("a media type"))
        .part("file", part("<svg/>", "image/svg+xml", "a.svg"))
        .part("file", part("b,c", "text/csv", "b.csv"));
    let several = client.post(format!("{url}?userId=ada")).bearer_auth(&chat.token).multipart(form);
    assert_eq!(several.send().await.expect("an answer").status(), 200);

    let received = chat.received();
    let first = &received[0]["attachments"][0];
    assert_eq!((&first["name"], &first["contentType"]), (&json!("notes 1.txt"), &json!("text/plain")));
    assert_eq!(fetch(first).await, "hello");
    assert_eq!(received[1]["text"], "two files");
    assert_eq!(fetch(&received[1]["attachments"][1]).await, "b,c");
    let nobody = client.post(&url).bearer_auth(&chat.token).header("Content-Type", "text/plain").body("x");
    assert_eq!(nobody.send().await.expect("an answer").status(), 400, "no userId");
}

/// A client's view of one conversation.
struct Chat {
    studio: CopilotStudio,
    client: Client,
    id: String,
    token: String,
    started: Answer,
}

#[derive(Clone)]
struct Answer {
    status: u16,
    body: Value,
}

impl Chat {
    async fn open() -> Self {
        Self::with(CopilotOptions::default()).await
    }

    async fn with(options: CopilotOptions) -> Self {
        Self::join(start(options).await.expect("started")).await
    }

    async fn join(studio: CopilotStudio) -> Self {
        let url = format!("{}v3/directline/conversations", studio.url());
        let started =
            Client::new().post(url).bearer_auth(studio.secret()).body(r#"{"user":{}}"#).send().await;
        let started = answer(started.expect("an answer")).await;
        Self::of(studio, &started)
    }

    fn of(studio: CopilotStudio, started: &Answer) -> Self {
        let text = |name: &str| started.body[name].as_str().expect(name).to_owned();
        let (id, token) = (text("conversationId"), text("token"));
        Self { studio, client: Client::new(), id, token, started: started.clone() }
    }

    fn path(&self) -> String {
        format!("conversations/{}/activities", self.id)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.try_send(method, &format!("v3/directline/{path}"), body).await.expect("an answer")
    }

    async fn control(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.try_send(method, &format!("simulator/{path}"), body).await.expect("an answer")
    }

    async fn try_send(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Result<Answer> {
        let url = format!("{}{path}", self.studio.url());
        let is_post = method == Method::POST;
        let request = self.client.request(method, url).bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.header("Content-Type", "application/json").body(body.to_string()),
            None if is_post => request.header("Content-Length", "0"),
            None => request,
        };
        Ok(answer(request.send().await?).await)
    }

    async fn post(&self, mut activity: Value) -> Answer {
        activity["from"] = json!({"id": "ada"});
        self.send(Method::POST, &self.path(), Some(&activity)).await
    }

    async fn say(&self, text: &str) -> Answer {
        self.try_say(text).await.expect("an answer")
    }

    async fn try_say(&self, text: &str) -> reqwest::Result<Answer> {
        let data = json!({"clientActivityID": format!("c-{text}")});
        let activity = json!({"type": "message", "from": {"id": "ada"}, "text": text, "channelData": data});
        self.try_send(Method::POST, &format!("v3/directline/{}", self.path()), Some(&activity)).await
    }

    async fn read(&self, watermark: Option<&str>) -> Value {
        let query = watermark.map(|mark| format!("?watermark={mark}")).unwrap_or_default();
        self.send(Method::GET, &format!("{}{query}", self.path()), None).await.body
    }

    /// Polls until a text has arrived; the history up to then.
    async fn read_until(&self, text: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let page = self.read(None).await;
            if texts(&page).iter().any(|seen| seen == text) {
                return page;
            }
            assert!(Instant::now() < deadline, "{text:?} never came");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn received(&self) -> Vec<Value> {
        self.studio.said_to_bot(&self.id)
    }
}

async fn answer(response: Response) -> Answer {
    let status = response.status().as_u16();
    let bytes = response.bytes().await.expect("a body");
    Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

async fn fetch(attachment: &Value) -> String {
    let url = attachment["contentUrl"].as_str().expect("a URL");
    Client::new().get(url).send().await.expect("an answer").text().await.expect("text")
}

fn activities(page: &Value) -> &[Value] {
    page["activities"].as_array().expect("a list")
}

fn texts(page: &Value) -> Vec<String> {
    activities(page).iter().filter_map(|a| a["text"].as_str().map(str::to_owned)).collect()
}
