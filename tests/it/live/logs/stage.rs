//! A conversation with everything in it that could end up in a log.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    chat_client::{ChatClient, handoff_state, message},
    copilot::{self, CopilotOptions, CopilotStudio},
    servicenow::{self, Effect, Fault, OAuthClient, ServiceNow, ServiceNowOptions, Standing},
};

use super::process::{Process, Style};
use crate::{
    live::wire::{Tap, exchange, request},
    world::PATIENCE,
};

const AGENT: &str = "Zuzana Operator";
const USER: &str = "Dorothea Quill";
const PASSWORD: &str = "pass word-7714!x";
const CLIENT_SECRET: &str = "client-secret-5521";
const MESSAGE_TOKEN: &str = "message-token-9023";
const HASH_SECRET: &str = "hash-secret-3318";
const RESPONSES_TOKEN: &str = "responses-token-6604";
const RESPONSES_BASIC: &str = "sn-caller:sn-password-4410";
const DIRECT_LINE_SECRET: &str = "direct-line-secret-8807";

/// Words that are said and stand in logs for other reasons.
const OURS: [&str; 4] = ["ServiceNow", "Virtual Agent", "imBack", "en-US"];

/// Both far ends, the program between them, and a user.
pub struct Stage {
    copilot: CopilotStudio,
    pub servicenow: ServiceNow,
    pub direct_line: Tap,
    instance: Tap,
    pub chat: ChatClient,
    /// What was sent besides what the client received.
    said: Vec<String>,
    pub requests: u32,
}

impl Stage {
    /// Plays it; the log's lines.
    pub async fn play(style: Style) -> (Self, Vec<String>) {
        let secret = DIRECT_LINE_SECRET.to_owned();
        let copilot = copilot::start(CopilotOptions { secret, ..CopilotOptions::default() }).await.unwrap();
        let servicenow = servicenow::start(options(style)).await.unwrap();
        let direct_line = Tap::before(copilot.url()).await;
        let instance = Tap::before(servicenow.url()).await;
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("handoff.db").display());
        let endpoint = copilot.token_endpoint();
        let settings = settings(style, &store, &endpoint, &direct_line.url, &instance.url);
        let process = Process::start(style, &settings).await;
        servicenow.set_response_url(format!("{}/api/servicenow/responses", process.url));
        let chat = ChatClient::start(&process.url, &endpoint).await.unwrap();
        let mut stage = Self { copilot, servicenow, direct_line, instance, chat, said: vec![], requests: 0 };
        stage.talk_to_the_bot(&process.url).await;
        stage.talk_to_the_agent(&process.url).await;
        stage.fail_in_every_way(&process.url).await;
        stage.come_back().await;
        stage.requests = process.requests();
        let lines = process.end();
        (stage, lines)
    }

    async fn talk_to_the_bot(&mut self, url: &str) {
        self.chat.greet().await.unwrap();
        self.say("My name is flamingo-1138").await;
        assert_eq!(self.upload(url, "flamingo-file.txt").await, 200);
        self.say("fail").await;
        self.copilot.faults().set_down(true);
        self.say("flamingo-lost on the way to the bot").await;
        self.chat.poll().await.unwrap();
        self.copilot.faults().set_down(false);
        self.say("I want a human being, please").await;
        self.chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    }

    async fn talk_to_the_agent(&mut self, url: &str) {
        let session = self.chat.conversation().to_owned();
        let queued =
            |at: &ServiceNow| at.chat(&session).is_some_and(|chat| chat.standing == Standing::Queued);
        assert!(self.servicenow.wait_for(PATIENCE, queued).await);
        assert!(self.servicenow.accept(&session, AGENT).await.is_success());
        assert!(self.servicenow.say(&session, "flamingo-agent says hello").await.is_success());
        self.servicenow.typing(&session, true).await;
        self.servicenow.faults().add(Fault::status(503).of("MESSAGE").times(1));
        self.say("flamingo-delayed").await;
        let mut typing = message("");
        typing["type"] = "typing".into();
        self.chat.post(&typing).await.unwrap();
        self.chat.see("the agent", |a| a["text"] == "flamingo-agent says hello").await.unwrap();
        let odd = json!({"agentChat": true, "body": [{"uiType": "Hologram", "label": "flamingo-hologram"}]});
        assert!(self.servicenow.send(&session, odd).await.is_success());
        self.upload(url, "flamingo-live.txt").await;
        self.chat.see("the hologram", |a| a["text"] == "flamingo-hologram").await.unwrap();
        self.servicenow_hears(&session, "flamingo-delayed").await;
    }

    /// Wrong credentials, broken bodies, strangers, far ends that are away.
    async fn fail_in_every_way(&mut self, url: &str) {
        let session = self.chat.conversation().to_owned();
        let activities = format!("/v3/directline/conversations/{session}/activities?watermark=flamingo-mark");
        let stranger = json!({"clientSessionId": "9wVnNoSuch-eu", "userId": "flamingo-guest",
            "body": [{"uiType": "OutputText", "value": "flamingo-astray"}]})
        .to_string();
        let good = format!("Bearer {}", self.chat.token());
        let webhook = "POST /api/servicenow/responses";
        for (line, name, value, body) in [
            (&*format!("GET {activities}"), "Authorization", "Bearer flamingo-token-1", ""),
            (
                &*format!("POST {activities}"),
                "Authorization",
                "Bearer flamingo-token-2",
                r#"{"text":"flamingo-3"}"#,
            ),
            (
                &*format!("POST {activities}"),
                "Authorization",
                &good,
                r#"{"type":"message","text":"flamingo-4"#,
            ),
            (&*format!("POST {activities}"), "Authorization", &good, r#"{"type":7,"text":"flamingo-5"}"#),
            (&*format!("GET {activities}&t=flamingo-6"), "Authorization", &good, ""),
            (webhook, "token", "flamingo-token-7", r#"{"body":[{"value":"flamingo-8"}]}"#),
            (webhook, "Authorization", "Basic ZmxhbWluZ28tdXNlcjpmbGFtaW5nby05", "{}"),
            (webhook, "token", RESPONSES_TOKEN, "flamingo-10 is no JSON"),
            (webhook, "token", RESPONSES_TOKEN, &*stranger),
        ] {
            let length = body.len().to_string();
            let headers =
                [("Host", "x"), ("Connection", "close"), (name, value), ("Content-Length", &*length)];
            exchange(url, &request(line, &headers, body.as_bytes())).await;
        }
        self.copilot.faults().set_down(true);
        self.chat.poll().await.unwrap();
        self.copilot.faults().set_down(false);
        self.said.extend(["flamingo-".to_owned(), "ZmxhbWluZ28".to_owned()]);
    }

    async fn come_back(&mut self) {
        let session = self.chat.conversation().to_owned();
        assert!(self.servicenow.end(&session).await.is_success());
        self.chat.see("the end", |a| handoff_state(a) == "completed").await.unwrap();
        self.say("flamingo-2276, what happened?").await;
        self.chat.until("the bot", |a| a["text"] == "You said: flamingo-2276, what happened?").await.unwrap();
        self.servicenow.faults().add(Fault::new(Effect::Failure).of("CREATE_CONVERSATION"));
        self.say("I want a human being again").await;
        self.chat.until("the refusal", |a| handoff_state(a) == "failed").await.unwrap();
        self.say("flamingo-bye").await;
        self.chat.until("the bot", |a| a["text"] == "You said: flamingo-bye").await.unwrap();
    }

    /// Says something under a name of its own. That it may get lost is part of the play.
    async fn say(&mut self, text: &str) {
        let mut activity = message(text);
        activity["from"] = json!({"id": "user-quill-77", "name": USER, "role": "user"});
        let _ = self.chat.post(&activity).await;
        self.said.push(text.to_owned());
    }

    /// Sends a file; the answer's status.
    async fn upload(&mut self, url: &str, name: &str) -> u16 {
        let conversation = self.chat.conversation();
        let url = format!("{url}/v3/directline/conversations/{conversation}/upload?userId=user-quill-77");
        let http = servicenow_handoff::far_end::client().unwrap();
        let post = http.post(url).bearer_auth(self.chat.token()).header("content-type", "text/plain");
        let post = post.header("content-disposition", format!("name=\"file\"; filename=\"{name}\""));
        self.said.extend([name.to_owned(), format!("bytes of {name}")]);
        post.body(format!("bytes of {name}")).send().await.unwrap().status().as_u16()
    }

    async fn servicenow_hears(&self, session: &str, text: &str) {
        let heard = |at: &ServiceNow| at.requests_of(session).iter().any(|asked| asked.text == text);
        assert!(self.servicenow.wait_for(PATIENCE, heard).await, "{text}");
    }

    /// Everything that must not be in a log: what was said, who they are, and what opens a door.
    pub fn never(&self) -> HashSet<String> {
        let mut never: HashSet<String> = self.said.iter().cloned().collect();
        for activity in &self.chat.received {
            let texts = [&activity["text"], &activity["value"]["message"], &activity["from"]["name"]];
            never.extend(texts.into_iter().filter_map(Value::as_str).map(str::to_owned));
            texts_of(&activity["suggestedActions"], &mut never);
            if activity["name"] == "handoff.initiate" {
                texts_of(&activity["value"], &mut never);
            }
        }
        never.extend(
            [USER, AGENT, "Dorothea", "Zuzana", "user-quill-77", "ada@example.com"].map(str::to_owned),
        );
        let pairs = [format!("connector-user:{PASSWORD}"), RESPONSES_BASIC.to_owned()];
        never.extend(
            [PASSWORD, CLIENT_SECRET, MESSAGE_TOKEN, HASH_SECRET, RESPONSES_TOKEN].map(str::to_owned),
        );
        never.extend(["sn-password-4410", DIRECT_LINE_SECRET, self.chat.token()].map(str::to_owned));
        never.extend(pairs);
        for sent in [self.direct_line.sent(), self.instance.sent()] {
            never.extend(credentials(&sent));
        }
        // What is in the log for other reasons: short words, our system's name, the conversation's own id.
        never.retain(|words| {
            words.len() > 4 && !OURS.contains(&&**words) && *words != self.chat.conversation()
        });
        never
    }
}

fn options(style: Style) -> ServiceNowOptions {
    let oauth = OAuthClient {
        client_id: "a-client".to_owned(),
        client_secret: CLIENT_SECRET.to_owned(),
        token_lifetime: Duration::from_secs(3_600),
    };
    let plain = style == Style::Plain;
    ServiceNowOptions {
        basic: Some(("connector-user".to_owned(), PASSWORD.to_owned())),
        oauth: plain.then_some(oauth),
        message_token: Some(MESSAGE_TOKEN.to_owned()),
        hash_secret: Some(HASH_SECRET.to_owned()),
        response_token: (!plain).then(|| RESPONSES_TOKEN.to_owned()),
        response_basic: plain.then(|| RESPONSES_BASIC.to_owned()),
        ..ServiceNowOptions::default()
    }
}

/// With the secret and Basic in one style, with the token endpoint and OAuth in the other.
fn settings<'a>(
    style: Style,
    store: &'a str,
    endpoint: &'a str,
    direct_line: &'a str,
    instance: &'a str,
) -> Vec<(&'static str, &'a str)> {
    let mut settings = vec![
        ("STORE", store),
        ("DIRECT_LINE_URL", direct_line),
        ("SERVICENOW_URL", instance),
        ("SERVICENOW_USERNAME", "connector-user"),
        ("SERVICENOW_PASSWORD", PASSWORD),
        ("SERVICENOW_TOKEN", MESSAGE_TOKEN),
        ("SERVICENOW_HASH_SECRET", HASH_SECRET),
        (
            "SERVICENOW_CONTEXT",
            r#"{"LiveAgent_queue":"{SupportQueue}","device":"{Device}","kind":"{Category}"}"#,
        ),
        ("RESPONSES_TOKEN", RESPONSES_TOKEN),
        ("RESPONSES_BASIC", RESPONSES_BASIC),
        ("USER_EMAIL_VARIABLE", "UserEmail"),
    ];
    match style {
        Style::Json => settings.push(("DIRECT_LINE_SECRET", DIRECT_LINE_SECRET)),
        Style::Plain => settings.extend([
            ("COPILOT_TOKEN_ENDPOINT", endpoint),
            ("SERVICENOW_CLIENT_ID", "a-client"),
            ("SERVICENOW_CLIENT_SECRET", CLIENT_SECRET),
        ]),
    }
    settings
}

/// All texts in a value.
fn texts_of(value: &Value, into: &mut HashSet<String>) {
    match value {
        Value::String(text) => {
            into.insert(text.clone());
        }
        Value::Array(list) => list.iter().for_each(|one| texts_of(one, into)),
        Value::Object(map) => map.values().for_each(|one| texts_of(one, into)),
        _ => {}
    }
}

/// The credentials in what was sent to a far end.
fn credentials(sent: &str) -> Vec<String> {
    let secret = ["authorization", "token", "x-b2b-signature"];
    let fields = sent.lines().filter_map(|line| line.split_once(": "));
    let fields = fields.filter(|(name, _)| secret.iter().any(|secret| name.eq_ignore_ascii_case(secret)));
    fields.map(|(_, value)| value.split(' ').next_back().unwrap_or_default().to_owned()).collect()
}
