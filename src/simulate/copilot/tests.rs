use std::{
    io::{Read as _, Write as _},
    time::Instant,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, Method, Response};
use serde_json::json;

use super::*;
use crate::simulate::faults::Fault;

#[tokio::test]
async fn a_conversation_starts_once_and_is_rejoined_with_its_token() {
    let chat = Chat::open().await;
    assert_eq!(chat.started.status, 201);
    let body = &chat.started.body;
    assert_eq!(body["expires_in"], 3600);
    assert!(body["streamUrl"].as_str().is_some_and(|url| url.starts_with("wss://")));

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
async fn what_is_wrong_is_refused_as_direct_line_refuses_it() {
    let chat = Chat::open().await;
    let other = Chat::join(chat.studio.clone()).await;
    let path = format!("conversations/{}/activities", chat.id);
    let url = format!("{}v3/directline/{path}", chat.studio.url());
    let client = Client::new();

    let anonymous = client.get(&url).send().await.expect("an answer");
    assert_eq!(anonymous.status(), 401);
    let wrong = client.get(&url).bearer_auth("wrong").send().await.expect("an answer");
    assert_eq!(wrong.status(), 403);
    assert_eq!(other.send(Method::GET, &path, None).await.status, 403, "a token of another conversation");
    let unknown = format!("{}v3/directline/conversations/none/activities", chat.studio.url());
    let unknown = client.get(unknown).bearer_auth(chat.studio.secret()).send().await.expect("an answer");
    assert_eq!(unknown.status(), 404);

    let not_json = client.post(&url).bearer_auth(&chat.token).body("{").send().await.expect("an answer");
    assert_eq!(not_json.status(), 400);
    let nobody = json!({"type": "message", "text": "hi"});
    assert_eq!(chat.send(Method::POST, &path, Some(&nobody)).await.status, 400);
    let no_type = json!({"from": {"id": "ada"}});
    assert_eq!(chat.send(Method::POST, &path, Some(&no_type)).await.status, 400);
    let large = json!({"type": "message", "from": {"id": "ada"}, "text": "x".repeat(256 * 1024)});
    assert_eq!(chat.send(Method::POST, &path, Some(&large)).await.status, 413);
    assert_eq!(chat.send(Method::GET, "nowhere", None).await.status, 404);
    assert!(chat.received().is_empty());
}

#[tokio::test]
async fn a_token_of_a_generated_conversation_works_from_start_on() {
    let studio = start(CopilotOptions::default()).await.expect("started");
    let url = format!("{}v3/directline", studio.url());
    let client = Client::new();
    let generate = |id: &str| {
        let body = json!({"user": {"id": id, "name": "Ada"}}).to_string();
        client.post(format!("{url}/tokens/generate")).bearer_auth(studio.secret()).body(body).send()
    };
    assert_eq!(generate("ada").await.expect("an answer").status(), 400, "must begin with dl_");
    let given = answer(generate("dl_ada").await.expect("an answer")).await;
    assert_eq!(given.status, 200);
    let chat = Chat::of(studio, &given);
    let path = format!("conversations/{}/activities", chat.id);
    assert_eq!(chat.send(Method::GET, &path, None).await.status, 404, "not started yet");
    assert_eq!(chat.send(Method::POST, "conversations", None).await.status, 201);
    chat.say("hi").await;
    assert_eq!(chat.received()[0]["from"]["id"], "dl_ada", "the embedded user wins");
}

#[tokio::test]
async fn a_token_names_its_conversation_and_is_refreshed_while_it_lives() {
    let chat = Chat::open().await;
    let claims = URL_SAFE_NO_PAD.decode(chat.token.split('.').nth(1).expect("a JWT")).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["conv"], chat.id);
    assert_eq!(claims["iss"], chat.studio.url());
    assert_eq!(claims["aud"], chat.studio.url());
    assert!(claims["exp"].is_i64() && claims["bot"].is_string());

    let refreshed = chat.send(Method::POST, "tokens/refresh", None).await;
    assert_eq!(refreshed.status, 200);
    assert_eq!(refreshed.body["conversationId"], chat.id);
    assert_ne!(refreshed.body["token"], chat.token.as_str());

    chat.studio.expire_tokens(&chat.id);
    for (method, path) in [(Method::POST, "tokens/refresh".to_owned()), (Method::GET, chat.path())] {
        let expired = chat.send(method, &path, None).await;
        assert_eq!(expired.status, 403);
        assert_eq!(expired.body["error"]["code"], "TokenExpired");
    }
}

#[tokio::test]
async fn a_token_without_lifetime_is_expired() {
    let options = CopilotOptions { token_lifetime: Duration::ZERO, ..CopilotOptions::default() };
    let chat = Chat::with(options).await;
    let expired = chat.send(Method::GET, &chat.path(), None).await;
    assert_eq!((expired.status, &expired.body["error"]["code"]), (403, &json!("TokenExpired")));
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
async fn a_bot_that_fails_has_still_been_given_the_message() {
    let chat = Chat::open().await;
    let failed = chat.say("fail").await;
    assert_eq!(failed.status, 502);
    let error = json!({"code": "BotError", "message": "Failed to send activity: bot returned an error"});
    assert_eq!(failed.body, json!({"error": error, "httpStatusCode": 500}));
    assert_eq!(chat.received().len(), 1);
    assert_eq!(texts(&chat.read(None).await), ["fail"]);
}

#[tokio::test]
async fn a_post_waits_for_the_turn_but_not_longer_than_the_limit() {
    let options = CopilotOptions { bot_time_limit: Duration::from_millis(1600), ..CopilotOptions::default() };
    let chat = Chat::with(options).await;
    let start = Instant::now();
    let late = chat.say("slow").await;
    assert!(start.elapsed() >= Duration::from_millis(1600));
    assert_eq!((late.status, &late.body["httpStatusCode"]), (502, &json!(504)));
    assert!(texts(&chat.read(None).await).contains(&"Here is the first part.".to_owned()));
    let end = chat.read_until("slow").await;
    assert_eq!(texts(&end).iter().rev().nth(1).map(String::as_str), Some("And here is the rest."));
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

#[tokio::test]
async fn the_token_endpoint_gives_each_caller_a_conversation() {
    let studio = start(CopilotOptions::default()).await.expect("started");
    let client = Client::new();
    let get = |url: String| async { answer(client.get(url).send().await.expect("an answer")).await };
    let (one, two) = (get(studio.token_endpoint()).await, get(studio.token_endpoint()).await);
    assert_eq!((one.status, two.status), (200, 200));
    assert_ne!(one.body["conversationId"], two.body["conversationId"]);
    let bare = studio.token_endpoint().split_once('?').expect("a query").0.to_owned();
    assert_eq!(get(bare).await.status, 400);
    let root = studio.url();
    let regional = format!("{root}powervirtualagents/regionalchannelsettings");
    assert_eq!(get(regional.clone()).await.status, 400);
    let settings = get(format!("{regional}?api-version=2022-03-01-preview")).await;
    assert_eq!(settings.body["channelUrlsById"]["directline"], root);
    assert_eq!(Chat::of(studio, &one).send(Method::POST, "conversations", None).await.status, 201);
}

#[tokio::test]
async fn faults_happen_before_or_after_a_request_is_processed() {
    let chat = Chat::open().await;
    let faults = chat.studio.faults();
    let post = || Fault::on("POST", "/activities").once();
    faults.add(post().status(429).header("Retry-After", "7"));
    faults.add(post().drop_connection());
    assert_eq!(chat.say("one").await.status, 429);
    assert!(chat.try_say("two").await.is_err());
    assert!(chat.received().is_empty());

    faults.add(post().status(504).after_processing());
    faults.add(post().drop_connection().after_processing());
    assert_eq!(chat.say("three").await.status, 504);
    assert!(chat.try_say("four").await.is_err());
    assert_eq!(chat.received().len(), 2);

    faults.add(Fault::on("GET", "/activities").once().duplicate().reorder());
    let bent = texts(&chat.read(None).await);
    let plain = texts(&chat.read(None).await);
    assert_eq!(bent.len(), 2 * plain.len());
    assert_eq!(bent[0], *plain.last().expect("one"));
}

#[tokio::test]
async fn a_service_that_is_down_closes_the_connection_without_a_byte() {
    let chat = Chat::open().await;
    chat.control(Method::POST, "faults", Some(&json!({"down": true}))).await;
    let mut socket =
        std::net::TcpStream::connect(chat.studio.url()[7..].trim_end_matches('/')).expect("open");
    socket.write_all(b"GET /v3/directline/conversations HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    let mut bytes = Vec::new();
    let read = socket.read_to_end(&mut bytes);
    assert!(read.is_err() || bytes.is_empty(), "{}", String::from_utf8_lossy(&bytes));
    chat.control(Method::DELETE, "faults", None).await;
    assert_eq!(chat.say("hi").await.status, 200);
}

#[tokio::test]
async fn the_knobs_turn_over_http_too() {
    let chat = Chat::open().await;
    let fault = json!({"method": "POST", "path": "/activities", "times": 1, "status": 503});
    assert_eq!(chat.control(Method::POST, "faults", Some(&fault)).await.body, json!({"ids": [1]}));
    assert_eq!(chat.control(Method::POST, "faults", Some(&json!({"stat": 1}))).await.status, 400);
    assert_eq!(chat.say("hi").await.status, 503);
    let state = chat.control(Method::GET, "state", None).await.body;
    assert_eq!((&state["faults"][0]["hits"], &state["conversations"]), (&json!(1), &json!(1)));
    let say = json!({"type": "message", "text": "psst"});
    let path = format!("conversations/{}/say", chat.id);
    assert_eq!(chat.control(Method::POST, &path, Some(&say)).await.status, 200);
    assert_eq!(texts(&chat.read(None).await), ["psst"]);
}

#[tokio::test]
async fn pages_of_any_origin_may_call() {
    let chat = Chat::open().await;
    let url = format!("{}v3/directline/conversations", chat.studio.url());
    let preflight = Client::new()
        .request(Method::OPTIONS, url)
        .header("Origin", "http://localhost:7071")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization, x-ms-bot-agent");
    let preflight = preflight.send().await.expect("an answer");
    assert_eq!(preflight.status(), 204);
    let headers = preflight.headers();
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(headers["access-control-allow-headers"], "authorization, x-ms-bot-agent");
}

#[tokio::test]
async fn a_stopped_service_is_gone_and_a_forgotten_conversation_too() {
    let chat = Chat::open().await;
    chat.studio.forget(&chat.id);
    assert_eq!(chat.send(Method::GET, &chat.path(), None).await.status, 404);
    let url = chat.studio.url().to_owned();
    chat.studio.stop().await;
    assert!(Client::new().get(url).send().await.is_err());
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
        let request = self.client.request(method, url).bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.header("Content-Type", "application/json").body(body.to_string()),
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
        let deadline = Instant::now() + Duration::from_secs(10);
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
