//! The program as the Functions host starts it, between both simulated far ends, on a container behind the proxy.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use servicenow_handoff::simulate::{
    chat_client::ChatClient,
    copilot::{self, CopilotOptions, CopilotStudio},
    servicenow::{self, ServiceNow, ServiceNowOptions, Standing},
};

use tokio_tungstenite::connect_async;

use crate::{
    proxy::{Counts, Proxy},
    server::{Azurite, sas},
};

/// How long anything that should happen may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Program {
    pub url: String,
    pub servicenow: ServiceNow,
    pub http: reqwest::Client,
    copilot: CopilotStudio,
    store: String,
    proxy: Proxy,
    child: Option<Child>,
    _azurite: Azurite,
}

impl Program {
    pub async fn start() -> Self {
        let copilot = copilot::start(CopilotOptions::default()).await.expect("it starts");
        let options = ServiceNowOptions {
            response_token: Some("responses".to_owned()),
            basic: Some(("connector".to_owned(), "password".to_owned())),
            // A machine that does many things at once is no reason to give a chat up.
            webhook_timeout: PATIENCE,
            abandon_on_error: false,
            ..Default::default()
        };
        let servicenow = servicenow::start(options).await.expect("it starts");
        let azurite = Azurite::start();
        let proxy = Proxy::start(azurite.origin());
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let url = format!("http://{}", port.expect("a free port"));
        servicenow.set_response_url(format!("{url}/api/servicenow/responses"));
        let store = format!("{}?{}", azurite.container_behind(proxy.origin()), sas("rwdlac"));
        let http = servicenow_handoff::far_end::client().expect("a client");
        let mut program =
            Self { url, servicenow, http, copilot, store, proxy, child: None, _azurite: azurite };
        program.restart(Duration::ZERO).await;
        program
    }

    /// Starts the program anew; an empty poll is held so long.
    pub async fn restart(&mut self, hold: Duration) {
        let port = self.url.rsplit(':').next().unwrap_or_default().to_owned();
        self.start_anew(("FUNCTIONS_CUSTOMHANDLER_PORT", &port), hold).await;
    }

    /// Starts the program anew without the Functions host, which has no web sockets.
    pub async fn restart_alone(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.start_anew(("LISTEN", &address), Duration::ZERO).await;
    }

    async fn start_anew(&mut self, place: (&str, &str), hold: Duration) {
        self.stop();
        let child = Command::new(env!("CARGO_BIN_EXE_handler"))
            .env_clear()
            .envs([
                place,
                ("LOG", "warn"),
                ("STORE", &self.store),
                ("LONG_POLL", &hold.as_millis().to_string()),
                ("DIRECT_LINE_URL", self.copilot.url()),
                ("DIRECT_LINE_SECRET", self.copilot.secret()),
                ("SERVICENOW_URL", self.servicenow.url()),
                ("SERVICENOW_USERNAME", "connector"),
                ("SERVICENOW_PASSWORD", "password"),
                ("RESPONSES_TOKEN", "responses"),
            ])
            .stdin(Stdio::null())
            .spawn();
        self.child = Some(child.expect("the program is built"));
        let began = Instant::now();
        while self.http.get(&self.url).send().await.is_err() {
            assert!(began.elapsed() < PATIENCE, "{} does not start", self.url);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.quiet().await;
    }

    /// Operations so far, once there have been none for a while.
    pub async fn quiet(&self) -> Counts {
        let mut counts = self.proxy.counts();
        loop {
            tokio::time::sleep(Duration::from_millis(400)).await;
            let later = self.proxy.counts();
            if later.all() == counts.all() {
                return later;
            }
            counts = later;
        }
    }

    /// Operations so far.
    pub fn so_far(&self) -> Counts {
        self.proxy.counts()
    }

    /// The web socket of a client's conversation, from where it has read.
    pub async fn socket(&self, client: &ChatClient) -> super::chats::Socket {
        let (conversation, watermark) = (client.conversation(), client.watermark().unwrap_or_default());
        let url = format!("{}/v3/directline/conversations/{conversation}?watermark={watermark}", self.url);
        let told = self
            .http
            .get(url)
            .bearer_auth(client.token())
            .send()
            .await
            .expect("an answer")
            .text()
            .await
            .expect("a body");
        let told: Value = serde_json::from_str(&told).expect("JSON");
        let url = told["streamUrl"].as_str().expect("the address of a socket");
        connect_async(url).await.expect("a socket").0
    }

    pub async fn client(&self) -> ChatClient {
        ChatClient::start(&self.url, &self.copilot.token_endpoint()).await.expect("a conversation")
    }

    /// The chat waits in ServiceNow's queue.
    pub async fn queued(&self, session: &str) {
        let queued = |at: &ServiceNow| at.chat(session).is_some_and(|chat| chat.standing == Standing::Queued);
        assert!(self.servicenow.wait_for(PATIENCE, queued).await, "the chat {session} is not in the queue");
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}
