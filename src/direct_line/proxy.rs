//! The pipe: while the bot speaks, a client's requests go to Direct Line and its answers come back as they are.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::header::HeaderMap,
    web::{Bytes, Payload},
};
use futures_util::StreamExt as _;
use reqwest::{Body, RequestBuilder, Response, header::AUTHORIZATION};
use tokio::sync::mpsc;

use super::DirectLine;
use crate::far_end::CallError;

/// A read waits this long; less than the 20 s after which DirectLineJS gives up by itself.
const READ_TIME_OUT: Duration = Duration::from_secs(15);
/// A post lasts as long as the bot's turn, which Direct Line ends after 15 s.
const POST_TIME_OUT: Duration = Duration::from_secs(30);
/// An upload; the Functions front end cuts every request at 230 s.
const UPLOAD_TIME_OUT: Duration = Duration::from_secs(200);

/// Headers that belong to one connection, and those that are between us and our own host.
const NOT_PASSED: [&str; 16] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
    "expect",
    "x-functions-key",
    "x-azure-functions-hostversion",
    "x-azure-functions-invocationid",
];

/// One worker's way to Direct Line.
pub struct Pipe {
    http: reqwest::Client,
    direct_line: DirectLine,
}

/// What goes with a request.
pub enum Sent {
    Nothing,
    Whole(Bytes),
    /// Passed on as it comes in; its length when the client said it.
    Stream(Payload, Option<u64>),
}

impl Pipe {
    pub fn new(http: reqwest::Client, direct_line: DirectLine) -> Self {
        Self { http, direct_line }
    }

    /// Whether it is known where Direct Line is; asks when it is not. Whether it answers there is not asked.
    pub async fn knows_root(&self) -> bool {
        self.direct_line.root().await.is_ok()
    }

    /// Passes a request on; `path` stands below `/v3/directline/`. The answer's body has not been read yet.
    ///
    /// # Errors
    /// [`CallError::NotSent`] or [`CallError::Uncertain`]; an answer of any status is no error.
    pub async fn pass(
        &self,
        request: &HttpRequest,
        path: &str,
        query: &str,
        sent: Sent,
    ) -> Result<Response, CallError> {
        self.pass_as(request, path, query, sent, None).await
    }

    /// As [`pass`](Self::pass), with another `Authorization` than the client's.
    ///
    /// # Errors
    /// As there.
    pub async fn pass_as(
        &self,
        request: &HttpRequest,
        path: &str,
        query: &str,
        sent: Sent,
        authorization: Option<&str>,
    ) -> Result<Response, CallError> {
        let mut url = self.direct_line.root().await?;
        url.set_path(&format!("{}{path}", url.path()));
        url.set_query((!query.is_empty()).then_some(query));
        let onward = self.http.request(method(request), url);
        let onward = headers(onward, request.headers(), authorization);
        let onward = match sent {
            Sent::Nothing if request.method().is_safe() => onward.timeout(READ_TIME_OUT),
            Sent::Nothing => onward.timeout(POST_TIME_OUT).body(Bytes::new()),
            Sent::Whole(body) => onward.timeout(POST_TIME_OUT).body(body),
            Sent::Stream(payload, length) => {
                let onward = match length {
                    Some(length) => onward.header("content-length", length),
                    None => onward,
                };
                onward.timeout(UPLOAD_TIME_OUT).body(stream(payload))
            }
        };
        onward.send().await.map_err(failed)
    }
}

/// How a transfer failed, without the URL: a query may hold a token.
pub fn failed(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        CallError::NotSent(Some(error))
    } else {
        CallError::Uncertain(Some(error))
    }
}

/// Whether a header of Direct Line's answer is passed on. Origins are our own affair.
pub fn comes_back(name: &str) -> bool {
    !NOT_PASSED.contains(&name) && !name.starts_with("access-control-")
}

fn method(request: &HttpRequest) -> reqwest::Method {
    reqwest::Method::from_bytes(request.method().as_str().as_bytes()).unwrap_or_default()
}

/// Answers are looked into, so they are asked for uncompressed.
fn headers(mut onward: RequestBuilder, headers: &HeaderMap, authorization: Option<&str>) -> RequestBuilder {
    if let Some(authorization) = authorization {
        onward = onward.header(AUTHORIZATION, authorization);
    }
    let named = headers.get("connection").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let named: Vec<&str> = named.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for (name, value) in headers {
        let name = name.as_str();
        let hop = NOT_PASSED.contains(&name) || named.iter().any(|one| one.eq_ignore_ascii_case(name));
        let replaced = authorization.is_some() && name == "authorization";
        if !hop && !replaced && name != "accept-encoding" {
            onward = onward.header(name, value.as_bytes());
        }
    }
    onward
}

/// A worker's body is bound to its thread, a client's may travel: a channel of a few chunks joins them.
fn stream(mut payload: Payload) -> Body {
    let (sender, mut receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(4);
    actix_web::rt::spawn(async move {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(std::io::Error::other);
            let cut = chunk.is_err();
            if sender.send(chunk).await.is_err() || cut {
                return;
            }
        }
    });
    Body::wrap_stream(futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)))
}
