//! Both far ends in this process, and the app settings of an app that has every role on.

use serde_json::Value;
use servicenow_handoff::simulate::{
    chat_client::{ChatClient, handoff_state},
    copilot::{self, CopilotOptions, CopilotStudio},
    servicenow::{self, ServiceNow, ServiceNowOptions, Standing},
};

pub use crate::eventually::PATIENCE;
use crate::host::{front::Mode, model::Host};

pub const PUBLIC_URL: &str = "https://app.example.com";
pub const SECONDARY_TOKEN: &str = "primary";

pub struct Stage {
    pub copilot: CopilotStudio,
    pub desk: ServiceNow,
    store: String,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// With a store on this machine's disk.
    pub async fn start() -> Self {
        Self::with_store(None).await
    }

    /// With `STORE` as given; `None` is a SQLite file.
    pub async fn with_store(store: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("handoff.db");
        let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
        // A webhook without an answer doesn't end a chat here: the agent says it again.
        let options = ServiceNowOptions {
            response_token: Some("in".to_owned()),
            basic: Some(("connector".to_owned(), "password".to_owned())),
            message_token: Some("out".to_owned()),
            abandon_on_error: false,
            webhook_timeout: PATIENCE,
            ..ServiceNowOptions::default()
        };
        let desk = servicenow::start(options).await.unwrap();
        let store = store.unwrap_or_else(|| format!("sqlite:{}", file.display()));
        Self { copilot, desk, store, _folder: folder }
    }

    pub fn settings(&self) -> Vec<(&str, &str)> {
        vec![
            ("STORE", &self.store),
            ("DIRECT_LINE_URL", self.copilot.url()),
            ("DIRECT_LINE_SECRET", self.copilot.secret()),
            ("SERVICENOW_URL", self.desk.url()),
            ("SERVICENOW_USERNAME", "connector"),
            ("SERVICENOW_PASSWORD", "password"),
            ("SERVICENOW_TOKEN", "out"),
            ("RESPONSES_TOKEN", "in"),
            ("RELAY", "open"),
            ("SECONDARY_TOKEN", SECONDARY_TOKEN),
            ("PUBLIC_URL", PUBLIC_URL),
        ]
    }

    /// A host in front of the far ends, which calls back to it.
    pub async fn host(&self, mode: Mode) -> Host {
        let host = Host::start_in(mode, &self.settings()).await;
        self.answer_to(&host);
        host
    }

    /// ServiceNow's webhooks go to this host.
    pub fn answer_to(&self, host: &Host) {
        self.desk.set_response_url(format!("{}/api/servicenow/responses", host.url()));
    }

    pub async fn client(&self, host: &Host) -> ChatClient {
        ChatClient::start(host.url(), &self.copilot.token_endpoint()).await.unwrap()
    }

    /// A client whose bot has handed it over.
    pub async fn waiting_client(&self, host: &Host) -> ChatClient {
        let mut chat = self.client(host).await;
        chat.say("agent").await.unwrap();
        chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
        chat
    }

    /// A client that a person has joined.
    pub async fn live_client(&self, host: &Host) -> ChatClient {
        let mut chat = self.waiting_client(host).await;
        self.accept(&mut chat).await;
        chat
    }

    /// A person takes the chat, as soon as it is in the queue, and the client sees it.
    pub async fn accept(&self, chat: &mut ChatClient) {
        let session = chat.conversation().to_owned();
        let queued = |at: &ServiceNow| at.chat(&session).is_some_and(|c| c.standing == Standing::Queued);
        assert!(self.desk.wait_for(PATIENCE, queued).await, "the chat was not opened");
        assert!(self.desk.accept(&session, "Ana Agent").await.is_success());
        chat.see("the agent", |a| handoff_state(a) == "accepted").await.unwrap();
    }

    /// Until the person at the desk has heard the last of these; then it must be these, in order, and no other.
    pub async fn agent_hears(&self, session: &str, texts: &[&str]) {
        let last = texts.last().unwrap();
        let arrived = |at: &ServiceNow| heard(at, session).iter().any(|text| text == last);
        assert!(self.desk.wait_for(PATIENCE, arrived).await, "{:?} lacks {last}", heard(&self.desk, session));
        assert_eq!(heard(&self.desk, session), texts);
    }
}

/// What a session's user said to the person: a repeat under the same id counts once.
pub fn heard(desk: &ServiceNow, session: &str) -> Vec<String> {
    let messages = desk.requests_of(session).into_iter().filter(|request| request.action.is_empty());
    let mut ids = std::collections::HashSet::new();
    messages.filter(|said| ids.insert(said.client_message_id.clone())).map(|said| said.text).collect()
}

/// What the person said, as the client received it.
pub fn answers(chat: &ChatClient) -> Vec<&str> {
    let said = chat.transcript().into_iter().filter(|(who, _)| *who == "agent");
    said.map(|(_, text)| text).collect()
}

pub fn says(text: &str) -> impl Fn(&Value) -> bool {
    move |activity| activity["text"] == text
}
