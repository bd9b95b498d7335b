//! One connector between both simulated far ends, each a real server on a port of its own.

use std::sync::Arc;

use servicenow_handoff::{
    app::Connector,
    config::{Disk, Settings},
    domain::ConversationId,
    handoff::Handoff,
    ledger::journal::{Append, SqliteJournal, Store},
    operator::Operator,
    session::Fact,
    simulate::{
        chat_client::ChatClient,
        copilot::{self, CopilotOptions, CopilotStudio},
        servicenow::{self, ServiceNow, ServiceNowOptions, Standing},
    },
};

pub use crate::eventually::PATIENCE;

pub const AGENT: &str = "Ana Agent";
pub const RESPONSES_TOKEN: &str = "a-token-for-responses";

pub struct World {
    pub copilot: CopilotStudio,
    pub servicenow: ServiceNow,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    pub handoff: Arc<Handoff>,
    pub http: reqwest::Client,
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
}

impl World {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings besides, or instead; an empty value unsets.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::between(CopilotOptions::default(), ServiceNowOptions::default(), settings).await
    }

    pub async fn between(
        copilot: CopilotOptions,
        servicenow: ServiceNowOptions,
        more: &[(&str, &str)],
    ) -> Self {
        Self::around(copilot::start(copilot).await.unwrap(), servicenow, more).await
    }

    /// Around a Copilot Studio that runs already, for settings that hold its address.
    pub async fn around(
        copilot: CopilotStudio,
        servicenow: ServiceNowOptions,
        more: &[(&str, &str)],
    ) -> Self {
        let servicenow = servicenow::start(ServiceNowOptions {
            response_token: Some(RESPONSES_TOKEN.to_owned()),
            basic: Some(("connector".to_owned(), "a-password".to_owned())),
            webhook_timeout: PATIENCE,
            message_token: servicenow.message_token.clone().or(Some("a-message-token".to_owned())),
            ..servicenow
        })
        .await
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("handoff.db").display());
        let own = [
            ("LISTEN", "127.0.0.1:0"),
            ("STORE", &store),
            ("DIRECT_LINE_URL", copilot.url()),
            ("DIRECT_LINE_SECRET", copilot.secret()),
            ("SERVICENOW_URL", servicenow.url()),
            ("SERVICENOW_USERNAME", "connector"),
            ("SERVICENOW_PASSWORD", "a-password"),
            ("SERVICENOW_TOKEN", "a-message-token"),
            ("RESPONSES_TOKEN", RESPONSES_TOKEN),
            ("RELAY", "open"),
            ("USER_EMAIL_VARIABLE", "UserEmail"),
        ];
        // The last word counts: lookups go from the end.
        let settings: Vec<(String, String)> =
            own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (url, handoff) = serve(&settings, Connector::handoff);
        servicenow.set_response_url(format!("{url}/api/servicenow/responses"));
        let http = servicenow_handoff::far_end::client().unwrap();
        Self { copilot, servicenow, url, handoff, http, folder, settings }
    }

    /// Another connector on the same store, as a second instance of the app.
    pub fn second_instance(&self) -> (String, Arc<Handoff>) {
        assert!(self.folder.path().exists());
        serve(&self.settings, Connector::handoff)
    }

    /// As [`second_instance`](Self::second_instance), after somebody has changed these settings.
    pub fn instance_with(&self, more: &[(&str, &str)]) -> (String, Arc<Handoff>) {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        serve(&self.settings.iter().cloned().chain(more).collect::<Vec<_>>(), Connector::handoff)
    }

    /// What the operator opens on the command line, beside the running program.
    pub fn operator(&self) -> Operator {
        Operator::open(Settings::from_env(|name| lookup(&self.settings, name)).unwrap()).unwrap()
    }

    pub async fn chat(&self) -> ChatClient {
        ChatClient::start(&self.url, &self.copilot.token_endpoint()).await.unwrap()
    }

    /// A chat whose user has asked for a person; the client has read the hand-off event.
    pub async fn waiting_chat(&self) -> ChatClient {
        let mut chat = self.chat().await;
        chat.say("agent").await.unwrap();
        chat.see("the hand-off", |activity| activity["name"] == "handoff.initiate").await.unwrap();
        chat
    }

    /// A chat with a live agent in it; the client has read that.
    pub async fn live_chat(&self) -> ChatClient {
        let mut chat = self.waiting_chat().await;
        self.accept(chat.conversation()).await;
        let accepted = |activity: &serde_json::Value| activity["value"]["state"] == "accepted";
        chat.see("the agent", accepted).await.unwrap();
        chat
    }

    /// Waits until the chat is in the queue, and takes it.
    pub async fn accept(&self, session: &str) {
        let queued = |at: &ServiceNow| at.chat(session).is_some_and(|chat| chat.standing == Standing::Queued);
        assert!(self.servicenow.wait_for(PATIENCE, queued).await, "the chat {session} is not in the queue");
        assert!(self.servicenow.accept(session, AGENT).await.is_success());
    }

    pub async fn agent_says(&self, session: &str, text: &str) {
        let result = self.servicenow.say(session, text).await;
        assert_eq!(result.status, Some(200), "the webhook with {text:?}");
    }

    /// Stores a fact behind all that a conversation has, as another instance would.
    pub async fn store(&self, conversation: &str, fact: Fact) {
        let journal =
            SqliteJournal::open_file(&self.folder.path().join("handoff.db"), true).map(Store::of).unwrap();
        let id = ConversationId::parse(conversation).unwrap();
        let mut facts: Vec<Fact> = journal.read(&id, 0).await.unwrap();
        while journal.append(&id, facts.len() as u64, std::slice::from_ref(&fact), None).await.unwrap()
            == Append::Conflict
        {
            facts = journal.read(&id, 0).await.unwrap();
        }
    }

    /// Everything that is kept of users' files: names and bytes.
    pub fn kept_files(&self) -> Vec<std::path::PathBuf> {
        let files = std::fs::read_dir(self.folder.path().join("files"));
        files.into_iter().flatten().map(|file| file.unwrap().path()).collect()
    }

    /// Everything the store holds on disk.
    pub fn stored_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// What the user said, as ServiceNow has it, in order.
    pub fn told(&self, session: &str) -> Vec<String> {
        let requests = self.servicenow.requests_of(session);
        requests.into_iter().filter(|request| request.action.is_empty()).map(|request| request.text).collect()
    }

    /// Waits until ServiceNow has been told exactly this.
    pub async fn agent_hears(&self, session: &str, texts: &[&str]) {
        let heard = self.servicenow.wait_for(PATIENCE, |_| self.told(session).len() >= texts.len()).await;
        assert!(heard, "ServiceNow was only told {:?}", self.told(session));
        assert_eq!(self.told(session), texts);
    }

    /// The actions of a chat's requests, in order; an ordinary message is `""`.
    pub fn actions(&self, session: &str) -> Vec<String> {
        self.servicenow.requests_of(session).into_iter().map(|request| request.action).collect()
    }
}

/// Starts a connector on a thread of its own, as a process would run; its root, and what is taken of it.
pub fn serve<T: Send + 'static>(
    settings: &[(String, String)],
    take: impl FnOnce(&Connector) -> Option<T> + Send + 'static,
) -> (String, T) {
    let mut settings = Settings::from_env(|name| lookup(settings, name)).unwrap();
    settings.files.disk = Disk::Roomy;
    let (started, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let connector = Connector::build(&settings).unwrap();
            let (handoff, secondary) = (connector.handoff(), connector.secondary_bot());
            let taken = (connector.address(), take(&connector).unwrap());
            actix_web::rt::spawn(async move {
                // A test may end at once, and take the folder away under a store that is still being opened.
                match (handoff, secondary) {
                    (Some(handoff), _) => assert!(handoff.ledger.store_answers().await),
                    (None, Some(secondary)) => assert!(secondary.ledger.store_answers().await),
                    (None, None) => {}
                }
                started.send(taken).unwrap();
            });
            connector.run().await.unwrap();
        });
    });
    let (address, taken) = address.recv_timeout(PATIENCE).unwrap();
    (format!("http://{address}"), taken)
}

fn lookup(settings: &[(String, String)], name: &str) -> Option<String> {
    let found = settings.iter().rev().find(|(key, _)| key == name);
    found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
}
