//! Who may call: the platform's login, and message authentication behind it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderMap},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use super::{ids, instance::Instance, options::OAuthClient, request::text};

/// Access tokens that were given out, and until when they are good.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Instant>>);

impl Tokens {
    fn issue(&self, lifetime: Duration) -> String {
        let token = ids::sys_id();
        let now = Instant::now();
        let mut tokens = self.tokens();
        tokens.retain(|_, until| *until > now);
        tokens.insert(token.clone(), now + lifetime);
        token
    }

    fn is_good(&self, token: &str) -> bool {
        self.tokens().get(token).is_some_and(|until| *until > Instant::now())
    }

    pub(super) fn revoke_all(&self) {
        self.tokens().clear();
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Instance {
    /// The platform's login: Basic or a bearer token. Open when neither is set up.
    pub(super) fn is_logged_in(&self, headers: &HeaderMap) -> bool {
        let accepted = self.accepted();
        if accepted.basic.is_none() && accepted.oauth.is_none() {
            return true;
        }
        let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return false;
        };
        match value.split_once(' ') {
            Some(("Basic", pair)) => basic_pair(pair).is_some_and(|pair| accepted.basic == Some(pair)),
            Some(("Bearer", token)) => self.tokens.is_good(token),
            _ => false,
        }
    }

    /// Message authentication: the static token (a header goes before the body) and the hash, each if set up.
    pub(super) fn is_authentic(&self, headers: &HeaderMap, body: &[u8], json: &Value) -> bool {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let token = header("token").unwrap_or_else(|| text(json, "token"));
        let accepted = self.accepted();
        let token_fits = accepted.message_token.as_deref().is_none_or(|expected| expected == token);
        let hash_fits = accepted.hash_secret.as_deref().is_none_or(|secret| {
            header("x-b2b-signature").is_some_and(|given| given == signature(secret.as_bytes(), body))
        });
        token_fits && hash_fits
    }

    /// `POST /oauth_token.do`: password or client credentials grant.
    pub(super) fn grant(&self, headers: &HeaderMap, form: &[u8]) -> HttpResponse {
        let form: HashMap<String, String> = url::form_urlencoded::parse(form).into_owned().collect();
        let field = |key: &str| form.get(key).map(String::as_str).unwrap_or_default();
        let accepted = self.accepted();
        let Some(client) = &accepted.oauth else { return denied("invalid_client") };
        let in_header = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
            .and_then(basic_pair);
        let in_form = (field("client_id").to_owned(), field("client_secret").to_owned());
        if !is_client(client, &in_header.unwrap_or(in_form)) {
            return denied("invalid_client");
        }
        let user = (field("username").to_owned(), field("password").to_owned());
        match field("grant_type") {
            "client_credentials" => {}
            "password" if accepted.basic.as_ref() == Some(&user) => {}
            "password" => return denied("server_error"),
            _ => return denied("unsupported_grant_type"),
        }
        HttpResponse::Ok().json(json!({
            "access_token": self.tokens.issue(client.token_lifetime), "refresh_token": ids::sys_id(),
            "scope": "useraccount", "token_type": "Bearer", "expires_in": client.token_lifetime.as_secs(),
        }))
    }
}

fn is_client(client: &OAuthClient, (id, secret): &(String, String)) -> bool {
    client.client_id == *id && client.client_secret == *secret
}

fn denied(error: &str) -> HttpResponse {
    HttpResponse::Unauthorized().json(json!({"error": error, "error_description": "access_denied"}))
}

/// The platform's answer to a call without a good login.
pub(super) fn unauthorized() -> HttpResponse {
    HttpResponse::Unauthorized()
        .insert_header((header::WWW_AUTHENTICATE, "BASIC realm=\"Service-now\""))
        .json(json!({
            "error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"},
            "status": "failure",
        }))
}

fn basic_pair(encoded: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Lower-case hex HMAC-SHA1 of the exact bytes.
fn signature(secret: &[u8], body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return String::new() };
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_2202() {
        assert_eq!(
            signature(b"Jefe", b"what do ya want for nothing?"),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
    }
}
