//! The proxies that the environment names.

use std::env;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{NoProxy, Proxy};
use url::Url;

use super::NoClient;

/// What the environment says about proxies.
pub(super) struct Proxies {
    https: Option<String>,
    http: Option<String>,
    all: Option<String>,
    /// Hosts that are asked directly, with commas.
    spared: String,
}

/// A variable as the environment has it. What is not UTF-8 in it becomes a character that no address takes.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

impl Proxies {
    /// # Errors
    /// When a variable is no address of an HTTP proxy. Read over, it would send every call round the proxy.
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self, NoClient> {
        let either = |upper: &str| {
            var(upper).or_else(|| var(&upper.to_ascii_lowercase())).filter(|value| !value.trim().is_empty())
        };
        let proxy = |name: &'static str| {
            either(name).map(|value| address(&value).ok_or(NoClient::Proxy(name))).transpose()
        };
        // Link-local: Azure's endpoint for the app's identity, which no proxy can reach.
        let spared =
            format!("localhost,127.0.0.0/8,::1,169.254.0.0/16,{}", either("NO_PROXY").unwrap_or_default());
        Ok(Self {
            https: proxy("HTTPS_PROXY")?,
            http: proxy("HTTP_PROXY")?,
            all: proxy("ALL_PROXY")?,
            spared,
        })
    }

    /// For a client.
    pub fn of_client(self) -> Result<Vec<Proxy>, reqwest::Error> {
        let https = self.https.map(Proxy::https);
        let http = self.http.map(Proxy::http);
        let all = self.all.map(Proxy::all);
        let spared = |proxy: Proxy| proxy.no_proxy(NoProxy::from_string(&self.spared));
        [https, http, all].into_iter().flatten().map(|proxy| proxy.map(spared)).collect()
    }

    /// For connections of one's own.
    pub fn matcher(self) -> Matcher {
        let given = |address: Option<String>| address.unwrap_or_default();
        Matcher::builder()
            .https(given(self.https))
            .http(given(self.http))
            .all(given(self.all))
            .no(self.spared)
            .build()
    }
}

/// A proxy's address, whole; without a scheme it is `http`.
fn address(value: &str) -> Option<String> {
    let value = value.trim();
    let whole = match value.contains("://") {
        true => value.to_owned(),
        false => format!("http://{}", value.strip_suffix('/').unwrap_or(value)),
    };
    let url = Url::parse(&whole).ok()?;
    let is_host = |host: &str| host.chars().all(|c| c.is_ascii_alphanumeric() || "-._[:]".contains(c));
    let is_one = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.host_str().is_some_and(is_host)
        && !value.contains(char::REPLACEMENT_CHARACTER);
    // Both libraries read over what is no `Uri`.
    (is_one && url.as_str().parse::<Uri>().is_ok()).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_an_http_proxy_is_taken_with_or_without_its_scheme() {
        for (value, whole) in [
            ("http://proxy.example.com:3128", "http://proxy.example.com:3128/"),
            ("HTTPS://proxy.example.com:3128/", "https://proxy.example.com:3128/"),
            (" proxy.example.com:3128 ", "http://proxy.example.com:3128/"),
            ("proxy", "http://proxy/"),
            ("10.0.0.4:3128/", "http://10.0.0.4:3128/"),
            ("[fd00::4]:3128", "http://[fd00::4]:3128/"),
            ("jo:hush@proxy:3128", "http://jo:hush@proxy:3128/"),
            ("http://jo:p%40ss@proxy:3128", "http://jo:p%40ss@proxy:3128/"),
            ("http://jo:p=|^ss@proxy:3128", "http://jo:p%3D%7C%5Ess@proxy:3128/"),
        ] {
            assert_eq!(address(value).as_deref(), Some(whole), "{value}");
        }
    }

    #[test]
    fn a_variable_that_names_no_http_proxy_is_told_and_not_read_over() {
        for value in [
            "htp://127.0.0.1:3128",
            "\"http://127.0.0.1:3128\"",
            "'http://127.0.0.1:3128'",
            "\"127.0.0.1:3128\"",
            "socks5://127.0.0.1:1080",
            "http:/127.0.0.1:3128",
            "http://",
            "http://127.0.0.1:31x8",
            "http://jo:p\u{fffd}ss@127.0.0.1:3128",
            "::::",
            "proxy.example.com 3128",
            "direct access",
            "'proxy'",
            "\"proxy\"",
            "http://proxy.example.com/proxy.pac",
        ] {
            for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
                for given in [name.to_owned(), name.to_ascii_lowercase()] {
                    let read = Proxies::read(|asked| (asked == given).then(|| value.to_owned()));
                    let told = read.err().expect(value).to_string();
                    assert!(told.starts_with(name) && !told.contains("127.0.0.1"), "{value}: {told}");
                }
            }
        }
        assert!(Proxies::read(|_| Some("  ".to_owned())).is_ok());
    }
}
