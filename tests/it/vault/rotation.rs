//! Secrets that change while the program runs.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    chat_client::ChatClient,
    copilot::{self, CopilotOptions, CopilotStudio},
    servicenow::{self, OAuthClient, ServiceNow, ServiceNowOptions, Standing},
};

use crate::{
    eventually::{PATIENCE, eventually},
    program::Program,
    vault::{azure::Azure, program::start, start::in_vault},
};

const USER: &str = "connector";

#[tokio::test]
async fn after_the_password_was_changed_the_next_messages_of_all_chats_get_through() {
    let stage = Stage::with_password(&[]).await;
    let chats = [stage.live_chat().await, stage.live_chat().await, stage.live_chat().await];
    assert_eq!(stage.azure.times_read("password"), 1);

    stage.azure.put("password", "second");
    stage.azure.put("message-token", "next");
    stage.servicenow.rotate(|accepted| {
        accepted.basic = login("second");
        accepted.message_token = Some("next".to_owned());
    });
    join_all(chats.iter().map(async |chat| chat.say("are you there?").await.unwrap())).await;
    for chat in &chats {
        stage.agent_hears(chat, "are you there?").await;
    }
    let read = |secret| stage.azure.times_read(secret);
    assert_eq!((read("password"), read("message-token")), (2, 2), "once at start, once again for all");
}

#[tokio::test]
async fn a_message_token_changed_alone_costs_the_next_chat_nothing() {
    let stage = Stage::with_password(&[]).await;
    stage.rotate_message_token();
    let chat = stage.live_chat().await;
    chat.say("are you there?").await.unwrap();
    stage.agent_hears(&chat, "are you there?").await;
    let read = |secret| stage.azure.times_read(secret);
    assert_eq!((read("password"), read("message-token")), (1, 2), "once at start, once after the silence");
}

#[tokio::test]
async fn where_silence_shows_nothing_a_message_token_is_read_again_after_a_chat_that_came_to_nothing() {
    let stage = Stage::with_password(&[("SERVICENOW_START", "start"), ("HANDOFF_TIMEOUT", "15")]).await;
    stage.rotate_message_token();
    let endpoint = stage.copilot.token_endpoint();
    let mut lost = ChatClient::start(&stage.program.url, &endpoint).await.unwrap();
    lost.say("agent").await.unwrap();
    lost.see("that nobody came", |activity| activity["value"]["state"] == "failed").await.unwrap();
    eventually("the token is read again", || stage.azure.times_read("message-token") >= 2).await;
    let chat = stage.live_chat().await;
    chat.say("are you there?").await.unwrap();
    stage.agent_hears(&chat, "are you there?").await;
}

#[tokio::test]
async fn a_new_client_secret_leads_to_a_new_access_token() {
    let client = |secret: &str| {
        let client_secret = secret.to_owned();
        let token_lifetime = Duration::from_secs(1_800);
        Some(OAuthClient { client_id: "id".to_owned(), client_secret, token_lifetime })
    };
    let stage = Stage::start(ServiceNowOptions { oauth: client("first"), ..Default::default() }, |azure| {
        azure.put("client-secret", "first");
        vec![
            ("SERVICENOW_CLIENT_ID", "id".to_owned()),
            ("SERVICENOW_CLIENT_SECRET", in_vault("client-secret")),
            ("SERVICENOW_TOKEN", in_vault("message-token")),
        ]
    });
    let stage = stage.await;
    let chat = stage.live_chat().await;

    stage.azure.put("client-secret", "second");
    stage.servicenow.rotate(|accepted| accepted.oauth = client("second"));
    chat.say("the old token is still good").await.unwrap();
    stage.agent_hears(&chat, "the old token is still good").await;
    assert_eq!(stage.azure.times_read("client-secret"), 1);

    stage.servicenow.revoke_tokens();
    chat.say("a new one is needed").await.unwrap();
    stage.agent_hears(&chat, "a new one is needed").await;
    assert_eq!(stage.azure.times_read("client-secret"), 2);
}

#[tokio::test]
async fn every_instance_notices_by_itself_that_callers_have_a_new_token() {
    let azure = Azure::start();
    azure.put("relay-key", "first");
    let settings = || azure.environment().into_iter().chain([("RELAY_KEY", in_vault("relay-key"))]);
    let instances = [start(settings()), start(settings())];
    azure.put("relay-key", "second");
    for program in &instances {
        assert_eq!(statuses(program, "second", 1).await, [400]);
    }
    assert_eq!(azure.times_read("relay-key"), 4);
}

#[tokio::test]
async fn a_relay_reads_on_with_the_new_secret_of_the_settings_and_of_a_name() {
    let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
    let azure = Azure::start();
    for name in ["direct-line", "hr"] {
        azure.put(name, "before");
    }
    let own = [
        ("DIRECT_LINE_URL", copilot.url().to_owned()),
        ("DIRECT_LINE_SECRET", in_vault("direct-line")),
        ("RELAY_KEY", "key".to_owned()),
        ("RELAY_SECRETS", json!({"hr": in_vault("hr"), "it": "plain"}).to_string()),
    ];
    let program = start(azure.environment().into_iter().chain(own));
    let http = servicenow_handoff::far_end::client().unwrap();
    let open =
        http.post(format!("{}v3/directline/conversations", copilot.url())).bearer_auth(copilot.secret());
    let opened = open.body("{}").header("content-type", "application/json").send().await.unwrap();
    let opened: Value = serde_json::from_str(&opened.text().await.unwrap()).unwrap();
    let conversation = opened["conversationId"].as_str().unwrap();
    let say = json!({"type": "event", "name": "handoff.initiate"});
    let ask = async |name: Option<&str>| {
        copilot.bot_says(conversation, say.clone()).unwrap();
        let get = http.get(format!("{}/api/relayToDirectLine?code=key", program.url));
        let get = get.header("conversationid", conversation).header("watermark", "0");
        let get = name.into_iter().fold(get, |get, name| get.header("dlsecret", name));
        get.send().await.unwrap().status().as_u16()
    };
    for name in ["direct-line", "hr"] {
        azure.put(name, copilot.secret());
    }
    assert_eq!((ask(None).await, ask(Some("hr")).await), (200, 200));
    assert_eq!((azure.times_read("direct-line"), azure.times_read("hr")), (2, 2));
    assert_eq!(ask(Some("it")).await, 403);
}

#[tokio::test]
async fn a_storm_of_callers_makes_one_call_to_the_vault() {
    let azure = Azure::start();
    azure.put("relay-key", "first");
    let settings = azure.environment().into_iter().chain([("RELAY_KEY", in_vault("relay-key"))]);
    let program = start(settings);

    azure.put("relay-key", "second");
    let told = statuses(&program, "second", 200).await;
    assert!(told.iter().all(|status| *status == 400), "all are let in: {told:?}");
    assert_eq!(azure.times_read("relay-key"), 2);

    let told = statuses(&program, "a guess", 200).await;
    assert!(told.iter().all(|status| *status == 401), "none is let in: {told:?}");
    assert_eq!(azure.times_read("relay-key"), 2, "guessing does not wear the vault out");
}

/// What the relay says to so many calls at once with this key and nothing else: 401 if it is wrong, else 400.
async fn statuses(program: &Program, key: &str, calls: usize) -> Vec<u16> {
    let http = servicenow_handoff::far_end::client().unwrap();
    let url = format!("{}/api/relayToDirectLine", program.url);
    let call = async || http.get(&url).header("x-relay-key", key).send().await.unwrap().status().as_u16();
    join_all((0..calls).map(|_| call())).await
}

/// The program between both simulated far ends, its secrets in a vault.
struct Stage {
    azure: Azure,
    copilot: CopilotStudio,
    servicenow: ServiceNow,
    program: Program,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// The login is the password `first`; it and the message token stand in the vault.
    async fn with_password(more: &[(&'static str, &str)]) -> Self {
        let options = ServiceNowOptions { basic: login("first"), ..Default::default() };
        let settings = |azure: &Azure| {
            azure.put("password", "first");
            let own = [
                ("SERVICENOW_USERNAME", USER.to_owned()),
                ("SERVICENOW_PASSWORD", in_vault("password")),
                ("SERVICENOW_TOKEN", in_vault("message-token")),
            ];
            own.into_iter().chain(more.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect()
        };
        Self::start(options, settings).await
    }

    fn rotate_message_token(&self) {
        self.azure.put("message-token", "next");
        self.servicenow.rotate(|accepted| accepted.message_token = Some("next".to_owned()));
    }

    /// `settings` puts the secrets into the vault and names them.
    async fn start(
        options: ServiceNowOptions,
        settings: impl FnOnce(&Azure) -> Vec<(&'static str, String)>,
    ) -> Self {
        let azure = Azure::start();
        azure.put("message-token", "token");
        azure.put("responses", "responses-token");
        let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
        let response_token = Some("responses-token".to_owned());
        let message_token = Some("token".to_owned());
        let options = ServiceNowOptions { response_token, message_token, ..options };
        let servicenow = servicenow::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let own = [
            ("STORE", format!("sqlite:{}", folder.path().join("handoff.db").display())),
            ("DIRECT_LINE_URL", copilot.url().to_owned()),
            ("SERVICENOW_URL", servicenow.url().to_owned()),
            ("RESPONSES_TOKEN", in_vault("responses")),
        ];
        let program = start(azure.environment().into_iter().chain(own).chain(settings(&azure)));
        servicenow.set_response_url(format!("{}/api/servicenow/responses", program.url));
        Self { azure, copilot, servicenow, program, _folder: folder }
    }

    /// A chat with a live agent in it.
    async fn live_chat(&self) -> ChatClient {
        let mut chat = ChatClient::start(&self.program.url, &self.copilot.token_endpoint()).await.unwrap();
        chat.say("agent").await.unwrap();
        chat.see("the hand-off", |activity| activity["name"] == "handoff.initiate").await.unwrap();
        let session = chat.conversation().to_owned();
        let queued =
            |at: &ServiceNow| at.chat(&session).is_some_and(|chat| chat.standing == Standing::Queued);
        assert!(self.servicenow.wait_for(PATIENCE, queued).await, "{session} is not in the queue");
        assert!(self.servicenow.accept(&session, "Ana Agent").await.is_success());
        chat
    }

    async fn agent_hears(&self, chat: &ChatClient, text: &str) {
        let session = chat.conversation();
        let told = |at: &ServiceNow| at.requests_of(session).iter().filter(|told| told.text == text).count();
        let heard = self.servicenow.wait_for(PATIENCE, |at| told(at) > 0).await;
        assert!(heard && told(&self.servicenow) == 1, "{session}: {text}");
    }
}

fn login(password: &str) -> Option<(String, String)> {
    Some((USER.to_owned(), password.to_owned()))
}
