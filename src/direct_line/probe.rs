//! What `handler doctor` asks a Direct Line: tokens, which start no conversation.

use reqwest::{
    RequestBuilder,
    header::{ACCEPT, AUTHORIZATION, HeaderMap},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub(crate) use super::root::global;
use super::{DirectLine, READ_TIME_OUT, answer::Grant, bearer, root, without_body};
use crate::far_end::{Answered, CallError};

impl DirectLine {
    /// Asks for a token with the secret, or without a credential when there is none. Not sent yet.
    ///
    /// # Errors
    /// When the region could not be asked for.
    pub(crate) async fn generate_request(&self) -> Result<RequestBuilder, CallError> {
        let url = self.root().await?.join("tokens/generate").expect("plain segments join any http URL");
        let post = self.http.post(url).timeout(READ_TIME_OUT).header(ACCEPT, "application/json");
        let post = without_body(post);
        Ok(match &self.shared.settings.secret {
            Some(secret) => {
                post.header(AUTHORIZATION, bearer(secret.value().expose_secret()).expose_secret())
            }
            None => post,
        })
    }

    /// Asks for a new token in exchange for this whole `Authorization`. Not sent yet.
    ///
    /// # Errors
    /// When the region could not be asked for.
    pub(crate) async fn refresh_request(&self, authorization: &str) -> Result<RequestBuilder, CallError> {
        let url = self.root().await?.join("tokens/refresh").expect("plain segments join any http URL");
        let post = self.post_to(url, &SecretString::from(authorization), None);
        Ok(without_body(post).timeout(READ_TIME_OUT))
    }

    /// Asks the token endpoint for a token; `None` without one. Not sent yet.
    pub(crate) fn mint_request(&self) -> Option<RequestBuilder> {
        let endpoint = self.shared.settings.token_endpoint.clone()?;
        Some(self.http.get(endpoint).timeout(READ_TIME_OUT).header(ACCEPT, "application/json"))
    }
}

/// The `Authorization` that an answer to either request grants.
pub(crate) fn granted(status: u16, body: &[u8]) -> Option<SecretString> {
    let answered = Answered { status, body: body.to_vec(), headers: HeaderMap::new() };
    Grant::token(&answered).ok().map(|token| bearer(&token))
}

/// Microsoft's other roots, when `root` is one of them: an agent's secret is good in its own region alone.
///
/// Source: the base URIs of the Direct Line 3.0 API reference.
pub(crate) fn other_regions(given: &Url) -> Vec<Url> {
    let host = given.host_str().unwrap_or_default();
    let microsofts = ["directline", "europe.directline", "india.directline"]
        .map(|name| format!("{name}.botframework.com"));
    if !microsofts.iter().any(|known| known == host) {
        return Vec::new();
    }
    let others = microsofts.iter().filter(|known| *known != host);
    others
        .filter_map(|host| Url::parse(&format!("https://{host}/")).ok())
        .map(|url| root::normal(&url))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_microsofts_own_roots_have_others_beside_them() {
        let others = |root: &str| {
            let others = other_regions(&Url::parse(root).expect("a URL"));
            others.iter().map(Url::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            others("https://directline.botframework.com/v3/directline/"),
            [
                "https://europe.directline.botframework.com/v3/directline/",
                "https://india.directline.botframework.com/v3/directline/",
            ]
        );
        assert!(others("http://127.0.0.1:81/v3/directline/").is_empty());
        assert!(others("https://directline.example.com/").is_empty());
    }
}
