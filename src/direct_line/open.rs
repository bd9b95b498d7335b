//! Opening conversations of our own: with the secret, or over the token endpoint.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::{DirectLine, LONGEST_ANSWER, answer::Grant, bearer, token::Token, with_json};
use crate::{
    credential::{mark, renewed},
    far_end::{self, CallError},
};

/// A conversation of our own.
#[derive(Clone, Debug)]
pub struct Opened {
    pub conversation_id: String,
    /// What start returned; only without one, what opened it.
    pub token: Token,
}

impl DirectLine {
    /// Whether [`open`](Self::open) has a secret or a token endpoint to work with.
    pub fn can_open(&self) -> bool {
        self.shared.settings.secret.is_some() || self.shared.settings.token_endpoint.is_some()
    }

    /// Opens a conversation, with the secret if there is one, else over the token endpoint.
    ///
    /// With the secret, a user whose id starts with `dl_` is bound to the token first, so that the bot sees
    /// that id whatever a client claims.
    ///
    /// # Errors
    /// See [`CallError`]; `Rejected` with code `NotConfigured` when [`can_open`](Self::can_open) is false.
    pub async fn open(
        &self,
        user_id: Option<&str>,
        locale: Option<&str>,
        traceparent: Option<&str>,
    ) -> Result<Opened, CallError> {
        let before = mark(&self.shared.settings.secret);
        match self.open_once(user_id, locale, traceparent).await {
            Err(error)
                if error.refuses_credential() && renewed(&self.shared.settings.secret, &before).await =>
            {
                self.open_once(user_id, locale, traceparent).await
            }
            outcome => outcome,
        }
    }

    async fn open_once(
        &self,
        user_id: Option<&str>,
        locale: Option<&str>,
        traceparent: Option<&str>,
    ) -> Result<Opened, CallError> {
        let credential = self.credential(user_id, traceparent).await?;
        let mut body = Map::new();
        if let Some(id) = user_id {
            body.insert("user".to_owned(), json!({ "id": id }));
        }
        if let Some(locale) = locale {
            body.insert("locale".to_owned(), locale.into());
        }
        let url = self.root().await?.join("conversations").expect("a plain segment joins any http URL");
        let post = self.post_to(url, &credential, traceparent);
        let answered = far_end::call(with_json(post, &Value::Object(body)), LONGEST_ANSWER).await?;
        let Grant { conversation_id, token, expires_in } = Grant::read(&answered)?;
        Ok(Opened {
            conversation_id: conversation_id.ok_or(CallError::Failed { status: answered.status })?,
            token: Token { authorization: token.map_or(credential, |token| bearer(&token)), expires_in },
        })
    }

    /// What a conversation is started with.
    async fn credential(
        &self,
        user_id: Option<&str>,
        traceparent: Option<&str>,
    ) -> Result<SecretString, CallError> {
        match (&self.shared.settings.secret, &self.shared.settings.token_endpoint) {
            (Some(secret), _) => {
                let secret = bearer(secret.value().expose_secret());
                match user_id.filter(|id| id.starts_with("dl_")) {
                    Some(id) => self.generate(&secret, id, traceparent).await,
                    None => Ok(secret),
                }
            }
            (None, Some(endpoint)) => Ok(bearer(&self.mint(endpoint).await?)),
            (None, None) => Err(CallError::Rejected { status: 401, code: Some("NotConfigured".to_owned()) }),
        }
    }

    /// Exchanges the secret for a token that carries the user.
    async fn generate(
        &self,
        secret: &SecretString,
        user_id: &str,
        traceparent: Option<&str>,
    ) -> Result<SecretString, CallError> {
        let url = self.root().await?.join("tokens/generate").expect("plain segments join any http URL");
        let post = with_json(self.post_to(url, secret, traceparent), &json!({ "user": { "id": user_id } }));
        Ok(bearer(&Grant::token(&far_end::call(post, LONGEST_ANSWER).await?)?))
    }
}
