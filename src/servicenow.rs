//! The client for ServiceNow's VA Bot Integration API.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{
    RequestBuilder,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha1::Sha1;
use tokio::time::{Instant, timeout_at};
use url::Url;

use self::{
    budget::{Level, Told},
    oauth::{OAuth, Token},
};
use crate::{
    config::{ServiceNowLogin, ServiceNowSettings},
    credential::{Credential, Mark, mark, renewed},
    domain::Timestamp,
    far_end::{self, Answered, CallError},
    telemetry::span,
    wire::{
        json,
        virtual_agent::{request::Request, response},
    },
};

mod budget;
mod media;
mod oauth;
mod probe;

pub use media::NewMedia;
pub(crate) use probe::LoggedIn;

const PATH: &str = "api/sn_va_as_service/bot/integration";
/// An instance's own limit for an inbound call is 175 s; what it takes longer than this for counts as not answered.
const TIME_OUT: Duration = Duration::from_secs(60);
/// As long as a webhook may be.
const LONGEST_ANSWER: usize = 8 << 20;

/// Sends requests to one instance; cheap to clone, clones share the OAuth token.
#[derive(Clone, Debug)]
pub struct ServiceNow {
    http: reqwest::Client,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The instance's root.
    instance: Url,
    endpoint: Url,
    login: ServiceNowLogin,
    oauth: Option<OAuth>,
    token: Option<Credential>,
    hash_secret: Option<Credential>,
    app_inbound_id: Option<String>,
    time_out: Duration,
    budget: budget::Shared,
}

/// What ServiceNow said in the HTTP response itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The whole response when it holds a `body`: to be processed as a webhook would be.
    pub synchronous: Option<Vec<u8>>,
    /// It says more that can't be read.
    pub unread: bool,
}

impl ServiceNow {
    pub fn new(settings: &ServiceNowSettings, http: reqwest::Client) -> Self {
        let ServiceNowSettings { url, login, token, hash_secret, app_inbound_id } = settings;
        let shared = Shared {
            instance: url.clone(),
            endpoint: below(url, PATH),
            oauth: OAuth::new(below(url, "oauth_token.do"), login, http.clone()),
            login: login.clone(),
            token: token.clone(),
            hash_secret: hash_secret.clone(),
            app_inbound_id: app_inbound_id.clone(),
            time_out: TIME_OUT,
            budget: budget::Shared::default(),
        };
        Self { http, shared: Arc::new(shared) }
    }

    /// Sends one request, once, in at most 60 seconds. Only what was refused for its credential, and so not processed,
    /// is sent again: once with a new OAuth token, and once with new secrets if a vault has them.
    ///
    /// A wrong message token or signature is answered with 200 and silence. It shows where an answer in full was asked for
    /// (`syncResponse`) and none came: then, too, the message's secrets are read again.
    ///
    /// The settings' `appInboundId` is added when the request has none.
    ///
    /// # Errors
    /// See [`CallError`]. `Failed` also when a 2xx brings a web page, as a hibernating instance does.
    pub async fn send(&self, request: &Request, traceparent: Option<&str>) -> Result<Answer, CallError> {
        let began = SystemTime::now();
        let outcome = self.send_within(request, traceparent).await;
        let error = outcome.as_ref().err().map(ToString::to_string);
        span::made("POST /api/sn_va_as_service/bot/integration", traceparent, began, error);
        outcome
    }

    async fn send_within(&self, request: &Request, traceparent: Option<&str>) -> Result<Answer, CallError> {
        let deadline = Instant::now() + self.shared.time_out;
        let body = self.body(request);
        let before = self.marks();
        match self.log_in_and_send(&body, traceparent, deadline).await {
            Err(error) if error.refuses_credential() && self.has_renewed(&before, deadline).await => {
                self.log_in_and_send(&body, traceparent, deadline).await
            }
            Ok(answer) if request.sync_response && answer == Answer::default() => {
                match self.has_renewed_message(&before, deadline).await {
                    true => self.log_in_and_send(&body, traceparent, deadline).await,
                    false => Ok(answer),
                }
            }
            outcome => outcome,
        }
    }

    async fn log_in_and_send(
        &self,
        body: &[u8],
        traceparent: Option<&str>,
        deadline: Instant,
    ) -> Result<Answer, CallError> {
        let Some(oauth) = &self.shared.oauth else {
            return self.attempt(body, traceparent, deadline, None).await;
        };
        let token = oauth.token(None, deadline).await?;
        match self.attempt(body, traceparent, deadline, Some(&token)).await {
            Err(CallError::Rejected { status: 401, .. }) => {
                let renewed = oauth.token(Some(&token), deadline).await?;
                self.attempt(body, traceparent, deadline, Some(&renewed)).await
            }
            outcome => outcome,
        }
    }

    /// Notes the values that a call is going to present, for the message and for the login.
    fn marks(&self) -> [Mark; 2] {
        [mark(self.message_secrets()), mark(self.shared.login.credentials())]
    }

    fn message_secrets(&self) -> impl Iterator<Item = &Credential> {
        self.shared.token.iter().chain(&self.shared.hash_secret)
    }

    /// After a refusal: whether a secret has changed in its vault.
    async fn has_renewed(&self, [message, login]: &[Mark; 2], deadline: Instant) -> bool {
        let renewed = async {
            // The message's first: with a new login and an old message token a call is taken and lost.
            let message = renewed(self.message_secrets(), message).await;
            renewed(self.shared.login.credentials(), login).await || message
        };
        timeout_at(deadline, renewed).await.unwrap_or(false)
    }

    /// After a silence: whether a secret of the message has changed in its vault.
    async fn has_renewed_message(&self, [message, _]: &[Mark; 2], deadline: Instant) -> bool {
        timeout_at(deadline, renewed(self.message_secrets(), message)).await.unwrap_or(false)
    }

    /// Reads the message's secrets again, where a vault may have new ones, and returns at once: a chat that came to nothing may
    /// have been asked for with wrong ones.
    pub fn doubt_message_secrets(&self) {
        if self.message_secrets().any(Credential::can_change) {
            tokio::spawn(renewed(self.message_secrets(), &mark(self.message_secrets())));
        }
    }

    fn body(&self, request: &Request) -> Vec<u8> {
        match &self.shared.app_inbound_id {
            Some(id) if request.app_inbound_id.is_none() => {
                Request { app_inbound_id: Some(id.clone()), ..request.clone() }.to_bytes()
            }
            _ => request.to_bytes(),
        }
    }

    async fn attempt(
        &self,
        body: &[u8],
        traceparent: Option<&str>,
        deadline: Instant,
        bearer: Option<&Token>,
    ) -> Result<Answer, CallError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(CallError::NotSent(None));
        }
        let mut call = self.call(body, bearer).timeout(left);
        if let Some(traceparent) = traceparent {
            call = call.header("traceparent", traceparent);
        }
        match far_end::call(call, LONGEST_ANSWER).await {
            Ok(answered) => {
                self.shared.budget.told(Told::read(&answered.headers));
                answer(answered)
            }
            Err(error) if error.is_taken() => Ok(Answer { unread: true, ..Answer::default() }),
            Err(error) => {
                if let CallError::Throttled { status: 429, wait } = error {
                    self.shared.budget.refused(wait);
                }
                Err(error)
            }
        }
    }

    /// Whether there are calls to spare for what says no words: signs are the first to go where calls are counted.
    pub fn takes_signs(&self, now: Timestamp) -> bool {
        self.shared.budget.level(now) == Level::Ample
    }

    /// A request with all that proves who we are, over the very bytes of its body.
    fn call(&self, body: &[u8], bearer: Option<&Token>) -> RequestBuilder {
        let mut call = self
            .http
            .post(self.shared.endpoint.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json");
        if let Some(token) = bearer {
            call = call.bearer_auth(token.value());
        } else if let ServiceNowLogin::Basic { username, password } = &self.shared.login {
            call = call.basic_auth(username, Some(password.value().expose_secret()));
        }
        if let Some(token) = &self.shared.token {
            call = call.header("token", token.value().expose_secret());
        }
        if let Some(secret) = &self.shared.hash_secret {
            call = call.header("x-b2b-signature", signature(&secret.value(), body));
        }
        call.body(body.to_vec())
    }
}

/// `root` counts as a directory, with or without its slash.
fn below(root: &Url, path: &str) -> Url {
    let mut url = root.clone();
    url.set_path(&format!("{}/{path}", root.path().trim_end_matches('/')));
    url
}

/// HMAC-SHA1 over the very bytes that are sent, in lower-case hex.
fn signature(secret: &SecretString, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Plain text is a success (UPDATE_MESSAGES answers so), a web page is not.
fn answer(Answered { status, body, .. }: Answered) -> Result<Answer, CallError> {
    let Ok(json::Read { value, lost }) = json::read(&body) else {
        let text = json::decoded(&body);
        return match text.trim_start().chars().next() {
            Some('<') => Err(CallError::Failed { status }),
            first => {
                Ok(Answer { unread: first.is_some_and(|first| !first.is_alphabetic()), ..Answer::default() })
            }
        };
    };
    let json = response::unwrapped(value);
    let says_failure = |status: &str| status.eq_ignore_ascii_case("failure");
    if json.get("status").and_then(Value::as_str).is_some_and(says_failure) {
        return Err(far_end::rejected(status, &body));
    }
    let is_full = json.get("body").is_some_and(|body| body.is_array() || body.is_object());
    Ok(Answer { unread: lost > 0 && !is_full, synchronous: is_full.then_some(body) })
}

#[cfg(test)]
mod tests;
