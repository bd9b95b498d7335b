//! How a collector is asked: over the certificates and proxies of every other call.

use std::{thread, time::Duration};

use actix_web::web::Bytes;
use async_trait::async_trait;
use hyper::{HeaderMap, Request, Response, StatusCode};
use opentelemetry_http::{HttpClient, HttpError};
use serde_json::Value;

use crate::far_end::{self, NoClient};

#[derive(Debug)]
pub struct Collector {
    http: reqwest::blocking::Client,
    headers: HeaderMap,
}

impl Collector {
    /// # Errors
    /// When a proxy variable is not the address of an HTTP proxy.
    pub fn new(headers: HeaderMap, timeout: Duration) -> Result<Self, NoClient> {
        // It may not be made where others wait.
        let made = thread::scope(|scope| scope.spawn(|| far_end::blocking_client(timeout)).join());
        let http = made.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(Self { http, headers })
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        request.headers_mut().extend(self.headers.clone());
        let mut response = self.http.send_bytes(request).await?;
        if response.status().is_success() && !is_taken(response.body()) {
            // Sending it again would double what was taken of it.
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        Ok(response)
    }
}

/// Whether a 2xx says that all was taken: it holds no partial success, as JSON or as a protobuf message whose one field that is, and
/// no page for people.
fn is_taken(body: &[u8]) -> bool {
    // A protobuf message of 123 bytes begins as JSON may: with a line's end and a brace.
    let json = serde_json::from_slice::<Value>(body).ok();
    match (body.trim_ascii_start(), json) {
        (_, Some(answer)) => {
            let partial = ["partialSuccess", "partial_success"].iter().find_map(|name| answer.get(name));
            let says_nothing =
                |value: &Value| value.is_null() || [Value::from(0), "0".into(), "".into()].contains(value);
            partial.and_then(Value::as_object).is_none_or(|partial| partial.values().all(says_nothing))
        }
        ([b'<', ..], None) => false,
        _ => !matches!(body, [0x0a, 1..=u8::MAX, ..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_success_and_a_page_for_people_are_no_success() {
        for (body, taken) in [
            (&b""[..], true),
            (b"{}", true),
            (br#"{"partialSuccess":{}}"#, true),
            (br#"{"partialSuccess":{"rejectedSpans":"0","errorMessage":""}}"#, true),
            (br#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#, false),
            (br#"{"partialSuccess":{"rejectedDataPoints":1}}"#, false),
            (br#"{"partialSuccess":{"errorMessage":"soon to be refused"}}"#, false),
            (b"\n<!DOCTYPE html><html></html>", false),
            (b"\x0a\x00", true),
            (b"\x0a\x02\x08\x02", false),
            (b"\x0a\x7b\x08\x02\x12\x77eeee", false),
            (b"\x0a{}", true),
        ] {
            assert_eq!(is_taken(body), taken, "{}", String::from_utf8_lossy(body));
        }
    }
}
