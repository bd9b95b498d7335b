//! Where a signal is sent and how: by its own variables, and where it has none by those of both.

use std::{ops::RangeInclusive, time::Duration};

use hyper::Uri;
use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

const JSON: &str = "http/json";

pub struct Signal {
    pub name: &'static str,
    /// Behind an address that is both signals'.
    path: &'static str,
}

pub const TRACES: Signal = Signal { name: "TRACES", path: "v1/traces" };
pub const METRICS: Signal = Signal { name: "METRICS", path: "v1/metrics" };

#[derive(Debug, PartialEq)]
pub struct Way {
    pub endpoint: String,
    /// Instead of what the standard has where nothing is said.
    pub json: bool,
    pub headers: HeaderMap,
    pub timeout: Duration,
}

/// The environment, and what in it is not followed, each as a sentence.
pub struct Variables<F> {
    pub value: F,
    pub wrong: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// One that is empty counts as unset.
    pub fn get(&self, name: &str) -> Option<String> {
        let value = (self.value)(name)?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A value that both signals share is told of once.
    pub fn tell(&mut self, wrong: String) {
        if !self.wrong.contains(&wrong) {
            self.wrong.push(wrong);
        }
    }

    /// A signal's own value or that of both, with its name.
    pub fn of(&self, signal: &Signal, what: &str) -> Option<(String, String)> {
        let names =
            [format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.name), format!("OTEL_EXPORTER_OTLP_{what}")];
        names.into_iter().find_map(|name| self.get(&name).map(|value| (name, value)))
    }

    pub fn number(&mut self, name: &str, default: u64, sound: &RangeInclusive<u64>) -> u64 {
        let Some(value) = self.get(name) else { return default };
        let number = value.parse().ok().filter(|number| sound.contains(number));
        if number.is_none() {
            let (least, most) = (sound.start(), sound.end());
            self.tell(format!(
                "{name} is `{value}`, which is no number from {least} to {most}; {default} holds."
            ));
        }
        number.unwrap_or(default)
    }

    /// # Errors
    /// When there is no such address, as a sentence.
    pub fn way(&mut self, signal: &Signal) -> Result<Way, String> {
        let (name, address) = self.of(signal, "ENDPOINT").unwrap_or_default();
        // What is wrong with it may stand in its password.
        let endpoint = endpoint(signal, &name, &address).ok_or_else(|| {
            format!("{name} is no address; write it like `http://collector.example.com:4318`")
        })?;
        let timeout = match self.of(signal, "TIMEOUT") {
            Some((name, _)) => self.number(&name, 10_000, &(1..=600_000)),
            None => 10_000,
        };
        let json = self.json(signal);
        let headers = self.headers(signal);
        self.tell_of_others(signal);
        Ok(Way { endpoint, json, headers, timeout: Duration::from_millis(timeout) })
    }

    fn json(&mut self, signal: &Signal) -> bool {
        let Some((name, value)) = self.of(signal, "PROTOCOL") else { return false };
        if !["http/protobuf", JSON].contains(&value.as_str()) {
            self.tell(format!("{name} is `{value}`, which is not spoken here; the collector is told over HTTP, so its address must be that of HTTP (port 4318 as a rule). Set http/protobuf or http/json."));
        }
        value == JSON
    }

    /// Of a list with one that is wrong, the others count. None of it is told: they are credentials.
    fn headers(&mut self, signal: &Signal) -> HeaderMap {
        let Some((name, listed)) = self.of(signal, "HEADERS") else { return HeaderMap::new() };
        let mut headers = HeaderMap::new();
        for one in listed.split(',').filter(|one| !one.trim().is_empty()) {
            match header(one) {
                Some((name, value)) => drop(headers.insert(name, value)),
                None => {
                    self.tell(format!("{name} is no list of name=value; what is none in it is not sent."))
                }
            }
        }
        headers
    }

    fn tell_of_others(&mut self, signal: &Signal) {
        if let Some((name, value)) = self.of(signal, "COMPRESSION").filter(|(_, value)| value != "none") {
            self.tell(format!("{name} is `{value}`; what is sent is not compressed here."));
        }
        for what in ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"] {
            if let Some((name, _)) = self.of(signal, what) {
                self.tell(format!(
                    "{name} is not followed; the machine's certificates, or SSL_CERT_FILE, say who is trusted."
                ));
            }
        }
    }
}

fn endpoint(signal: &Signal, name: &str, address: &str) -> Option<String> {
    let whole = match name.contains(signal.name) {
        true => address.to_owned(),
        false => format!("{}/{}", address.strip_suffix('/').unwrap_or(address), signal.path),
    };
    let url = Url::parse(&whole).ok()?;
    let is_one = matches!(url.scheme(), "http" | "https") && url.has_host() && whole.parse::<Uri>().is_ok();
    is_one.then_some(whole)
}

/// `name=value`, the value with percent signs.
fn header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::try_from(name.trim()).ok()?, value))
}
