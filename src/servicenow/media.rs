//! Files on the instance: sent by `cccif/media/upload`, read with the platform's login.

use std::time::Duration;

use reqwest::{
    Body, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, RANGE},
    multipart::{Form, Part},
};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::{Instant, timeout};
use url::Url;

use super::{ServiceNow, below, oauth::Token};
use crate::{
    config::ServiceNowLogin,
    far_end::{self, CallError},
    wire::json,
};

const UPLOAD: &str = "api/now/v1/cccif/media/upload";
/// How long the login, and the start of an answer, may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest any transfer may take; far beyond what the Functions front end allows.
const LONGEST_TRANSFER: Duration = Duration::from_secs(3_600);
const LONGEST_ANSWER: usize = 1 << 16;

/// A file for ServiceNow.
#[derive(Clone, Copy, Debug)]
pub struct NewMedia<'a> {
    /// The `userId` that the chat goes by.
    pub user_id: &'a str,
    pub name: &'a str,
    pub media_type: &'a str,
    /// Bytes, when known.
    pub length: Option<u64>,
}

impl ServiceNow {
    /// Whether there is a login for the platform; files can neither be sent nor read without one.
    pub fn has_login(&self) -> bool {
        !matches!(self.shared.login, ServiceNowLogin::None)
    }

    /// Sends a file, once, and gives the address that a message names it by. The caller ends it by ending `body`.
    ///
    /// # Errors
    /// See [`CallError`]. After a refusal secrets and OAuth token are renewed, for the next file: this body is used up.
    pub async fn upload(&self, file: NewMedia<'_>, body: Body) -> Result<String, CallError> {
        let before = self.marks();
        let token = self.bearer(None).await?;
        let call = self.http.post(below(&self.shared.instance, UPLOAD)).timeout(LONGEST_TRANSFER);
        let call = self.logged_in(call, token.as_ref()).header(ACCEPT, "application/json");
        let outcome = far_end::call(call.multipart(self.form(file, body)?), LONGEST_ANSWER).await;
        if outcome.as_ref().is_err_and(CallError::refuses_credential) {
            self.has_renewed(&before, Instant::now() + PATIENCE).await;
            self.bearer(token.as_ref()).await?;
        }
        let answered = outcome?;
        let told = json::read(&answered.body).unwrap_or_default().value;
        let address = told.pointer("/result/mediaUrl").and_then(Value::as_str).map(str::trim);
        let address = address.filter(|address| !address.is_empty());
        let address = address.ok_or_else(|| far_end::rejected(answered.status, &answered.body))?;
        Ok(self.whole(address))
    }

    /// Reads a file of the instance. `path`: path and query; no other host can be named. Redirects are the
    /// caller's to judge.
    ///
    /// # Errors
    /// [`CallError::NotSent`] or [`CallError::Uncertain`]; an answer of any status is no error.
    pub async fn download(&self, path: &str, range: Option<&str>) -> Result<Response, CallError> {
        let url = self.on_instance(path).ok_or(CallError::NotSent(None))?;
        let before = self.marks();
        let outcome = self.log_in_and_get(&url, range).await;
        let refused = match &outcome {
            Ok(response) => matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
            Err(error) => error.refuses_credential(),
        };
        if refused && self.has_renewed(&before, Instant::now() + PATIENCE).await {
            return self.log_in_and_get(&url, range).await;
        }
        outcome
    }

    async fn log_in_and_get(&self, url: &Url, range: Option<&str>) -> Result<Response, CallError> {
        let token = self.bearer(None).await?;
        let response = self.get(url, range, token.as_ref()).await?;
        match token {
            Some(refused) if response.status() == StatusCode::UNAUTHORIZED => {
                let renewed = self.bearer(Some(&refused)).await?;
                self.get(url, range, renewed.as_ref()).await
            }
            _ => Ok(response),
        }
    }

    /// The address on the instance that a path and query name; `None` if it could mean another host.
    fn on_instance(&self, path: &str) -> Option<Url> {
        let instance = &self.shared.instance;
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut url = instance.clone();
        url.set_path(path);
        url.set_query(query);
        (path.starts_with('/') && url.origin() == instance.origin()).then_some(url)
    }

    async fn get(
        &self,
        url: &Url,
        range: Option<&str>,
        token: Option<&Token>,
    ) -> Result<Response, CallError> {
        let call = self.http.get(url.clone()).timeout(LONGEST_TRANSFER).header(ACCEPT_ENCODING, "identity");
        let call = match range {
            Some(range) => call.header(RANGE, range),
            None => call,
        };
        let answer = timeout(PATIENCE, self.logged_in(call, token).send()).await;
        answer.map_err(|_| CallError::Uncertain(None))?.map_err(far_end::no_answer)
    }

    async fn bearer(&self, refused: Option<&Token>) -> Result<Option<Token>, CallError> {
        match &self.shared.oauth {
            Some(oauth) => oauth.token(refused, Instant::now() + PATIENCE).await.map(Some),
            None => Ok(None),
        }
    }

    fn logged_in(&self, call: RequestBuilder, token: Option<&Token>) -> RequestBuilder {
        match (token, &self.shared.login) {
            (Some(token), _) => call.bearer_auth(token.value()),
            (None, ServiceNowLogin::Basic { username, password }) => {
                call.basic_auth(username, Some(password.value().expose_secret()))
            }
            (None, _) => call,
        }
    }

    /// The parts in the order the documentation asks for.
    fn form(&self, file: NewMedia<'_>, body: Body) -> Result<Form, CallError> {
        let NewMedia { user_id, name, media_type, length } = file;
        let part = match length {
            Some(length) => Part::stream_with_length(body, length),
            None => Part::stream(body),
        };
        let part = part.file_name(name.to_owned()).mime_str(media_type).map_err(far_end::no_answer)?;
        let mut form = Form::new().text("user_id", user_id.to_owned());
        if let Some(id) = &self.shared.app_inbound_id {
            form = form.text("provider_application_id", id.clone());
        }
        Ok(form.part("file", part))
    }

    /// ServiceNow may leave out the scheme, or everything before the path.
    fn whole(&self, address: &str) -> String {
        let instance = &self.shared.instance;
        let host = instance.host_str().unwrap_or_default();
        if address.starts_with(host) {
            format!("{}://{address}", instance.scheme())
        } else if address.contains("://") {
            address.to_owned()
        } else {
            instance.join(address).map_or(address.to_owned(), Into::into)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::far_end::testing::{FarEnd, Reply};

    fn client(url: &Url) -> ServiceNow {
        let settings = crate::config::ServiceNowSettings {
            url: url.clone(),
            login: ServiceNowLogin::Basic { username: "u".into(), password: "p".into() },
            token: None,
            hash_secret: None,
            app_inbound_id: Some("app".into()),
        };
        ServiceNow::new(&settings, far_end::client().expect("a client"))
    }

    #[tokio::test]
    async fn the_parts_go_out_in_the_documented_order() {
        let answer =
            serde_json::json!({"result": {"mediaUrl": "/api/now/v1/cs/media/1", "state": "pending"}});
        let far = FarEnd::start(move |_, _| Reply::json(201, &answer));
        let file =
            NewMedia { user_id: "dana", name: "ä \"1\".txt", media_type: "text/plain", length: Some(2) };
        let address = client(&far.url).upload(file, Body::from("hi")).await.expect("taken");
        assert_eq!(address, format!("{}api/now/v1/cs/media/1", far.url));
        let heard = far.heard().remove(0);
        assert_eq!(heard.target, "/api/now/v1/cccif/media/upload");
        assert_eq!(heard.header("authorization"), Some("Basic dTpw"));
        let body = String::from_utf8(heard.body).expect("text");
        let at = |part: &str| body.find(part).unwrap_or_else(|| panic!("{part} is not in {body}"));
        assert!(at("\"user_id\"") < at("\"provider_application_id\""), "{body}");
        assert!(at("\"provider_application_id\"") < at("name=\"file\""), "{body}");
    }

    #[tokio::test]
    async fn where_a_file_is_gets_read_in_every_encoding() {
        let told =
            |name: &str| format!(r#"{{"result":{{"mediaUrl":"/api/now/v1/cs/media/1","name":"{name}"}}}}"#);
        let deep = format!(r#"{{"more":{}{},{}"#, "[".repeat(200), "]".repeat(200), &told("x")[1..]);
        for body in [
            format!("\u{feff}{}", told("x")).into_bytes(),
            told("cut \\ud83d").into_bytes(),
            told("Übung").chars().map(|sign| sign as u8).collect(),
            told("x").encode_utf16().flat_map(u16::to_le_bytes).collect(),
            deep.into_bytes(),
        ] {
            let shown = String::from_utf8_lossy(&body).into_owned();
            let far =
                FarEnd::start(move |_, _| Reply::Answer { status: 201, headers: vec![], body: body.clone() });
            let file = NewMedia { user_id: "dana", name: "x", media_type: "text/plain", length: Some(2) };
            let address = client(&far.url).upload(file, Body::from("hi")).await.expect("taken");
            assert_eq!(address, format!("{}api/now/v1/cs/media/1", far.url), "{shown}");
        }
    }

    #[tokio::test]
    async fn no_path_means_another_host() {
        let here = client(&Url::parse("https://acme.service-now.com/").expect("a URL"));
        for path in ["//evil.example/x", "/\\evil.example", "/@evil.example/", "/x?y=https://evil.example"] {
            let url = here.on_instance(path).expect("a path of the instance");
            assert_eq!(url.host_str(), Some("acme.service-now.com"), "{path}: {url}");
        }
        for path in ["https://evil.example/", "evil", ""] {
            assert_eq!(here.on_instance(path), None, "{path}");
        }
    }

    #[test]
    fn an_address_without_a_scheme_is_made_whole() {
        let here = client(&Url::parse("https://acme.service-now.com/").expect("a URL"));
        let whole = "https://acme.service-now.com/api/now/v1/cs/media/1";
        for given in [whole, "acme.service-now.com/api/now/v1/cs/media/1", "/api/now/v1/cs/media/1"] {
            assert_eq!(here.whole(given), whole);
        }
    }
}
