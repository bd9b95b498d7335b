//! Which Direct Line serves an agent: a Copilot Studio agent lives in a region, and the global root may refuse it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use url::{Host, Url};

use crate::{far_end::connect::Origin, wire::json};

/// Where Direct Line is, and the parts of it that a request is made of.
#[derive(Debug)]
pub(super) struct Root {
    /// Ends in `/v3/directline/`.
    pub url: Url,
    pub origin: Origin,
}

impl Root {
    pub fn new(url: Url) -> Self {
        Self { origin: Origin::of(&url).expect("a URL's host makes a URI and can stand in a header"), url }
    }
}

pub fn global() -> Url {
    Url::parse("https://directline.botframework.com/v3/directline/").expect("the text is a URL")
}

/// Any root, with or without slash and `v3/directline`, as one that paths can be joined to.
pub(super) fn normal(root: &Url) -> Url {
    let mut url = root.clone();
    let path = root.path().trim_end_matches('/');
    let path = path.strip_suffix("/v3/directline").unwrap_or(path);
    url.set_path(&format!("{}/v3/directline/", path.trim_end_matches('/')));
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// Where the region of a token endpoint's agent is told: the same host and `api-version`.
pub(super) fn settings_of(token_endpoint: &Url) -> Url {
    let mut url = token_endpoint.clone();
    url.set_path("/powervirtualagents/regionalchannelsettings");
    url.set_query(None);
    url.set_fragment(None);
    if let Some((_, version)) = token_endpoint.query_pairs().find(|(name, _)| name == "api-version") {
        url.query_pairs_mut().append_pair("api-version", &version);
    }
    url
}

/// From `{"channelUrlsById":{"directline":"https://…"}}`.
pub(super) fn from_settings(body: &[u8]) -> Option<Url> {
    let settings = json::read(body).ok()?.value;
    usable(settings.pointer("/channelUrlsById/directline")?)
}

/// From a token's `aud`, else its `iss`: where there are no regional settings, they name the root.
///
/// The signature is not checked: the token came from the token endpoint itself.
pub(super) fn from_token(token: &str) -> Option<Url> {
    let claims = token.split('.').nth(1)?.trim_end_matches('=');
    let claims = json::read(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?.value;
    let named = |claim: &str| match claims.get(claim)? {
        Value::Array(several) => several.iter().find_map(usable),
        one => usable(one),
    };
    named("aud").or_else(|| named("iss"))
}

/// Tokens go there, so only https, or http to this machine.
fn usable(url: &Value) -> Option<Url> {
    let url = Url::parse(url.as_str()?).ok()?;
    let is_loopback = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    is_safe.then(|| normal(&url))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_root_is_taken_in_any_form() {
        for (given, path) in [
            ("https://europe.directline.example.com", "/v3/directline/"),
            ("https://europe.directline.example.com/", "/v3/directline/"),
            ("https://europe.directline.example.com/v3/directline", "/v3/directline/"),
            ("https://europe.directline.example.com/v3/directline/?x=1#y", "/v3/directline/"),
            ("https://europe.directline.example.com/recorder//", "/recorder/v3/directline/"),
        ] {
            let expected = format!("https://europe.directline.example.com{path}");
            assert_eq!(normal(&url(given)).as_str(), expected, "{given}");
        }
        assert_eq!(normal(&global()), global());
    }

    #[test]
    fn the_region_is_asked_for_with_the_same_api_version() {
        for (endpoint, expected) in [
            (
                "https://x.5e.environment.example.com/powervirtualagents/botsbyschema/crf_a/directline/token?api-version=2022-03-01-preview&x=y",
                "https://x.5e.environment.example.com/powervirtualagents/regionalchannelsettings?api-version=2022-03-01-preview",
            ),
            (
                "https://legacy.example.com/api/directlinetoken?botId=1",
                "https://legacy.example.com/powervirtualagents/regionalchannelsettings",
            ),
        ] {
            assert_eq!(settings_of(&url(endpoint)).as_str(), expected);
        }
    }

    #[test]
    fn a_token_names_its_root() {
        let rows = [
            (
                json!({"aud": "https://europe.example.com/"}),
                Some("https://europe.example.com/v3/directline/"),
            ),
            (
                json!({"aud": "some-app", "iss": "https://india.example.com"}),
                Some("https://india.example.com/v3/directline/"),
            ),
            (json!({"aud": ["x", "https://a.example.com/"]}), Some("https://a.example.com/v3/directline/")),
            (json!({"aud": "http://127.0.0.1:81/"}), Some("http://127.0.0.1:81/v3/directline/")),
            (json!({"aud": "http://europe.example.com/"}), None),
            (json!({"bot": "x"}), None),
        ];
        for (claims, expected) in rows {
            let token = format!("h.{}.s", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()));
            assert_eq!(from_token(&token).as_ref().map(Url::as_str), expected, "{claims}");
        }
        for opaque in ["", "opaque", "a.b.c", "a..c"] {
            assert_eq!(from_token(opaque), None, "{opaque}");
        }
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }
}
