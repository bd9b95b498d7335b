//! A connector that is a secondary bot: before a simulated agent, and behind a primary bot of the test's.

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use servicenow_handoff::{
    app::Connector,
    config::{ServiceNowLogin, ServiceNowSettings},
    domain::control::Control,
    secondary_bot::SecondaryBot,
    servicenow::ServiceNow,
    simulate::copilot::{self, CopilotOptions, CopilotStudio},
    translate::virtual_agent::{What, inbound},
    wire::virtual_agent::{
        request::{Action, Message, Request},
        response::Response,
    },
};

pub use crate::eventually::PATIENCE;
use crate::eventually::{eventually, found};
use crate::{secondary::page, world::serve};

pub const TOKEN: &str = "a-primary-token";
/// Which the project's own client names in every request.
const INBOUND: &str = "inbound-1";
pub const PATH: &str = "/api/sn_va_as_service/bot/integration";

pub struct World {
    pub copilot: CopilotStudio,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    pub http: reqwest::Client,
    pub folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
}

impl World {
    pub async fn start() -> Self {
        Self::with(CopilotOptions::default(), &[]).await
    }

    /// With these settings besides, or instead; an empty value unsets.
    pub async fn with(options: CopilotOptions, more: &[(&str, &str)]) -> Self {
        let copilot = copilot::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&copilot, &folder, more);
        let (url, _) = serve(&settings, Connector::secondary_bot);
        let http = servicenow_handoff::far_end::client().unwrap();
        Self { copilot, url, http, folder, settings }
    }

    /// With a token endpoint instead of the secret.
    pub async fn without_secret(more: &[(&str, &str)]) -> Self {
        let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
        let endpoint = copilot.token_endpoint();
        let folder = tempfile::tempdir().unwrap();
        let own = [("DIRECT_LINE_SECRET", ""), ("COPILOT_TOKEN_ENDPOINT", endpoint.as_str())];
        let more: Vec<_> = own.iter().chain(more).copied().collect();
        let settings = settings(&copilot, &folder, &more);
        let (url, _) = serve(&settings, Connector::secondary_bot);
        let http = servicenow_handoff::far_end::client().unwrap();
        Self { copilot, url, http, folder, settings }
    }

    /// Another connector on the same store, as a second instance of the app.
    pub fn second_instance(&self) -> (String, Arc<SecondaryBot>) {
        serve(&self.settings, Connector::secondary_bot)
    }

    /// Posts a body as it is.
    pub async fn post(&self, headers: &[(&str, &str)], body: impl Into<String>) -> (u16, Value) {
        self.post_to(&self.url, headers, body.into()).await
    }

    async fn post_to(&self, url: &str, headers: &[(&str, &str)], body: String) -> (u16, Value) {
        let mut post = self.http.post(format!("{url}{PATH}")).body(body);
        for (name, value) in headers {
            post = post.header(*name, *value);
        }
        let answer = post.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        page::holds(PATH, "post", status, &body);
        (status, body)
    }

    /// A documented request, with the token; must be answered 200.
    pub async fn ask(&self, body: Value) -> Value {
        self.ask_at(&self.url, body).await
    }

    /// The same of another instance.
    pub async fn ask_at(&self, url: &str, body: Value) -> Value {
        let (status, answer) = self.post_to(url, &[("token", TOKEN)], body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        page::echoes(&body, &answer);
        answer
    }

    /// This project's own client as primary bot.
    pub fn primary(&self, session: &str) -> Primary {
        Primary::at(&self.url, session)
    }

    /// What the agent was given, the last conversation's.
    pub fn told(&self) -> Vec<Value> {
        let last = self.copilot.conversations().pop();
        last.map(|id| self.copilot.said_to_bot(&id)).unwrap_or_default()
    }

    /// The texts the agent was given.
    pub fn heard(&self) -> Vec<String> {
        let messages = self.told().into_iter().filter(|activity| activity["type"] == "message");
        messages.filter_map(|activity| Some(activity["text"].as_str()?.to_owned())).collect()
    }
}

/// A session of a primary bot.
pub struct Primary {
    client: ServiceNow,
    pub session: String,
    user: String,
    requests: std::cell::Cell<u32>,
}

impl Primary {
    pub fn at(url: &str, session: &str) -> Self {
        let settings = ServiceNowSettings {
            url: url.parse().unwrap(),
            login: ServiceNowLogin::None,
            token: Some(TOKEN.into()),
            hash_secret: None,
            app_inbound_id: Some(INBOUND.to_owned()),
        };
        let client = ServiceNow::new(&settings, servicenow_handoff::far_end::client().unwrap());
        Self {
            client,
            session: session.to_owned(),
            user: "ada".to_owned(),
            requests: std::cell::Cell::new(0),
        }
    }

    /// The same for another user.
    pub fn of(self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self }
    }

    pub fn request(&self, action: Action) -> Request {
        self.requests.set(self.requests.get() + 1);
        Request::new(format!("{}-{}", self.session, self.requests.get()), &*self.session, &*self.user, action)
    }

    pub async fn send(&self, request: &Request) -> Option<Response> {
        let answer = self.client.send(request, None).await.unwrap();
        answer.synchronous.map(|body| {
            let raw = serde_json::from_slice(&body).unwrap();
            page::answers(&raw);
            let mut asked: Value = serde_json::from_slice(&request.to_bytes()).unwrap();
            asked["appInboundId"] = INBOUND.into();
            page::echoes(&asked, &raw);
            // What one end of this project sends, the other understands.
            for item in inbound(Response::parse(&body).unwrap()).items {
                assert!(!matches!(item.what, What::Said(Control::Degraded { .. })), "{raw}");
            }
            Response::parse(&body).unwrap()
        })
    }

    pub async fn does(&self, action: Action) -> Response {
        self.send(&self.request(action)).await.expect("a whole answer")
    }

    pub async fn says(&self, text: &str) -> Response {
        self.does(Action::Message(Message::typed(text))).await
    }

    pub async fn chooses(&self, value: &str) -> Response {
        self.does(Action::Message(Message::chosen(value))).await
    }

    pub async fn starts(&self) -> Response {
        self.does(Action::StartConversation(Message::default())).await
    }
}

/// The texts of an answer, in order.
pub fn texts(response: &Response) -> Vec<String> {
    let texts = response.body.iter().map(|element| element.texts.clone());
    texts.filter_map(|texts| texts.value.or(texts.label)).collect()
}

/// A primary bot's response address.
#[derive(Clone)]
pub struct Sink {
    pub url: String,
    got: Arc<Mutex<Vec<Value>>>,
    traces: Arc<Mutex<Vec<Option<String>>>>,
    /// How many more calls are refused, and how many have been.
    refusals: Arc<Mutex<(u32, u32)>>,
}

impl Sink {
    pub fn open() -> Self {
        let got = Arc::new(Mutex::new(Vec::new()));
        let traces = Arc::new(Mutex::new(Vec::new()));
        let refusals = Arc::default();
        let sink = Self { url: String::new(), got, traces, refusals };
        let (started, address) = std::sync::mpsc::channel();
        let taker = sink.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let sink = taker.clone();
                    let take = move |request: HttpRequest, body: web::Bytes| {
                        let sink = sink.clone();
                        async move { sink.take(&request, &body) }
                    };
                    App::new().default_service(web::to(take))
                });
                let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
                started.send(server.addrs()[0]).unwrap();
                server.run().await.unwrap();
            });
        });
        let url = format!("http://{}/answers", address.recv_timeout(PATIENCE).unwrap());
        Self { url, ..sink }
    }

    fn take(&self, request: &HttpRequest, body: &[u8]) -> HttpResponse {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        if header("token") != Some("for-the-sink") {
            return HttpResponse::Unauthorized().finish();
        }
        self.traces.lock().unwrap().push(header("traceparent").map(str::to_owned));
        let mut refusals = self.refusals.lock().unwrap();
        if refusals.0 > 0 {
            *refusals = (refusals.0 - 1, refusals.1 + 1);
            return HttpResponse::ServiceUnavailable().finish();
        }
        let answer = serde_json::from_slice(body).unwrap();
        page::answers(&answer);
        self.got.lock().unwrap().push(answer);
        HttpResponse::Ok().json(json!({"status": "success"}))
    }

    /// The `traceparent` of each call.
    pub fn traces(&self) -> Vec<Option<String>> {
        self.traces.lock().unwrap().clone()
    }

    /// From now on, this many calls get a 503.
    pub fn refuse(&self, calls: u32) {
        self.refusals.lock().unwrap().0 = calls;
    }

    /// How many calls got a 503.
    pub fn refused(&self) -> u32 {
        self.refusals.lock().unwrap().1
    }

    pub fn got(&self) -> Vec<Value> {
        self.got.lock().unwrap().clone()
    }

    /// What was said, without signs of typing.
    pub fn said(&self) -> Vec<Value> {
        let typing = |answer: &Value| answer["body"][0]["actionType"] == "StartTypingIndicator";
        self.got().into_iter().filter(|answer| !typing(answer)).collect()
    }

    /// Waits for so many answers.
    pub async fn wait_for(&self, answers: usize) -> Vec<Value> {
        eventually(format!("{answers} answers"), || self.said().len() >= answers).await;
        self.said()
    }
}

/// The settings that send answers to a sink.
pub fn to(sink: &Sink) -> Vec<(&str, &str)> {
    vec![("SECONDARY_RESPONSE_URL", sink.url.as_str()), ("SECONDARY_RESPONSE_TOKEN", "for-the-sink")]
}

pub fn settings(
    copilot: &CopilotStudio,
    folder: &tempfile::TempDir,
    more: &[(&str, &str)],
) -> Vec<(String, String)> {
    let store = format!("sqlite:{}", folder.path().join("handoff.db").display());
    let own = [
        ("LISTEN", "127.0.0.1:0"),
        ("STORE", &store),
        ("DIRECT_LINE_URL", copilot.url()),
        ("DIRECT_LINE_SECRET", copilot.secret()),
        ("SECONDARY_TOKEN", TOKEN),
        ("RELAY_MAX_WAIT", "10000"),
        ("RELAY_QUIET", "200"),
    ];
    own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Waits until the agent has said this in the last conversation, as Direct Line shows it.
pub async fn has_said(copilot: &CopilotStudio, text: &str) {
    let http = servicenow_handoff::far_end::client().unwrap();
    found(format!("the agent says {text:?}"), async || {
        let id = copilot.conversations().pop()?;
        let url = format!("{}v3/directline/conversations/{id}/activities", copilot.url());
        let page = http.get(url).bearer_auth(copilot.secret()).send().await.ok()?.text().await.ok()?;
        page.contains(text).then_some(())
    })
    .await;
}
