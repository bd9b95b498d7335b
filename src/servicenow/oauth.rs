//! OAuth 2.0 towards an instance: `POST /oauth_token.do`, the token kept in memory.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};
use url::{Url, form_urlencoded};

use crate::{
    config::ServiceNowLogin,
    credential::{Mark, mark},
    far_end::{self, Answered, CallError},
    wire::json,
};

/// How long before its end a token is renewed; at most half its life.
const MARGIN: Duration = Duration::from_secs(60);
const LIFE_UNTOLD: Duration = Duration::from_secs(300);
const LONGEST_LIFE: Duration = Duration::from_secs(86_400);
const LONGEST_ANSWER: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct OAuth {
    http: reqwest::Client,
    endpoint: Url,
    login: ServiceNowLogin,
    /// Held while a token is fetched, so that one fetch serves all who wait.
    current: Mutex<Option<Token>>,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    value: SecretString,
    renew_at: Instant,
    /// Counts the tokens fetched, to tell a refused one from its successor.
    number: u64,
    /// The secrets it was granted for.
    made_with: Mark,
}

impl Token {
    pub fn value(&self) -> &str {
        self.value.expose_secret()
    }
}

impl OAuth {
    /// `None` when the login is not OAuth.
    pub fn new(endpoint: Url, login: &ServiceNowLogin, http: reqwest::Client) -> Option<Self> {
        match login {
            ServiceNowLogin::None | ServiceNowLogin::Basic { .. } => None,
            ServiceNowLogin::Password { .. } | ServiceNowLogin::ClientCredentials { .. } => {
                Some(Self { http, endpoint, login: login.clone(), current: Mutex::new(None) })
            }
        }
    }

    /// The token to use now: the cached one while it lasts, its secrets are the current ones and it is not the
    /// `refused` one; else a new one.
    ///
    /// # Errors
    /// See [`CallError`]; what is uncertain about a login is `NotSent` for the call behind it.
    pub async fn token(&self, refused: Option<&Token>, deadline: Instant) -> Result<Token, CallError> {
        timeout_at(deadline, self.renewed(refused, deadline)).await.unwrap_or(Err(CallError::NotSent(None)))
    }

    async fn renewed(&self, refused: Option<&Token>, deadline: Instant) -> Result<Token, CallError> {
        let mut current = self.current.lock().await;
        if let Some(token) = &*current
            && token.renew_at > Instant::now()
            && refused.is_none_or(|refused| refused.number != token.number)
            && token.made_with == mark(self.login.credentials())
        {
            return Ok(token.clone());
        }
        let number = current.as_ref().map_or(0, |token| token.number + 1);
        let token = self.fetch(number, deadline).await?;
        Ok(current.insert(token).clone())
    }

    async fn fetch(&self, number: u64, deadline: Instant) -> Result<Token, CallError> {
        let asked_at = Instant::now();
        let made_with = mark(self.login.credentials());
        let call = self
            .http
            .post(self.endpoint.clone())
            .timeout(deadline.saturating_duration_since(asked_at))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(self.form());
        let answered = far_end::call(call, LONGEST_ANSWER).await.map_err(|error| match error {
            CallError::Uncertain(source) => CallError::NotSent(source),
            other => other,
        })?;
        token(answered, number, asked_at, made_with)
    }

    fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        match &self.login {
            ServiceNowLogin::None | ServiceNowLogin::Basic { .. } => {}
            ServiceNowLogin::Password { client_id, client_secret, username, password } => {
                form.append_pair("grant_type", "password")
                    .append_pair("client_id", client_id)
                    .append_pair("client_secret", client_secret.value().expose_secret())
                    .append_pair("username", username)
                    .append_pair("password", password.value().expose_secret());
            }
            ServiceNowLogin::ClientCredentials { client_id, client_secret } => {
                form.append_pair("grant_type", "client_credentials")
                    .append_pair("client_id", client_id)
                    .append_pair("client_secret", client_secret.value().expose_secret());
            }
        }
        form.finish()
    }
}

fn token(
    Answered { status, body, .. }: Answered,
    number: u64,
    asked_at: Instant,
    made_with: Mark,
) -> Result<Token, CallError> {
    let granted = json::read(&body).map_err(|_| CallError::Failed { status })?.value;
    let Some(value) = granted.get("access_token").and_then(Value::as_str) else {
        return Err(far_end::rejected(status, &body));
    };
    let life = far_end::life(&granted).unwrap_or(LIFE_UNTOLD).min(LONGEST_LIFE);
    let renew_at = asked_at + life.saturating_sub(MARGIN.min(life / 2));
    Ok(Token { value: value.into(), renew_at, number, made_with })
}
