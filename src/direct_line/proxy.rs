//! The pipe: while the bot speaks, what a client asks for is asked of Direct Line, and its answer comes back.
//!
//! A narrow one: the address comes from the operation, and headers pass in either direction when they are named here.

use std::time::Duration;

use actix_web::{http::header::HeaderMap, web::Bytes};
use reqwest::{
    Body, Method, RequestBuilder, Response,
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE},
};

use super::DirectLine;
use crate::far_end::CallError;

/// A read waits this long; less than the 20 s after which DirectLineJS gives up by itself.
const READ_TIME_OUT: Duration = Duration::from_secs(15);
/// A post lasts as long as the bot's turn, which Direct Line ends after 15 s.
const POST_TIME_OUT: Duration = Duration::from_secs(30);
/// An upload; the Functions front end cuts every request at 230 s.
const UPLOAD_TIME_OUT: Duration = Duration::from_secs(200);

/// Request headers that go on with every operation. The origin is what Direct Line holds against its trusted ones.
const PASSED: [&str; 9] = [
    "authorization",
    "accept",
    "accept-language",
    "origin",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-ms-bot-agent",
    "x-requested-with",
];

/// Headers of an answer that come back. What is not here is between Direct Line and us, or would be taken for our host's.
const COMES_BACK: [&str; 13] = [
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "retry-after",
    "www-authenticate",
];

/// One worker's way to Direct Line.
pub struct Pipe {
    http: reqwest::Client,
    direct_line: DirectLine,
}

/// What is asked of Direct Line.
pub struct Onward<'a> {
    pub method: Method,
    /// Below `/v3/directline/`, encoded.
    pub path: &'a str,
    pub query: Option<(&'static str, &'a str)>,
    /// The client's.
    pub headers: &'a HeaderMap,
    /// Headers of the client's that go on besides those that always do.
    pub also: &'static [&'static str],
    /// Instead of the client's.
    pub authorization: Option<&'a str>,
    pub cookies: Option<String>,
    pub sent: Sent,
}

/// What goes with a request.
pub enum Sent {
    Nothing,
    Json(Bytes),
    /// Passed on as it comes in.
    Stream {
        body: Body,
        content_type: String,
        disposition: Option<String>,
        length: Option<u64>,
    },
}

impl Pipe {
    pub fn new(http: reqwest::Client, direct_line: DirectLine) -> Self {
        Self { http, direct_line }
    }

    /// The same Direct Line, for calls that are not a client's.
    pub fn direct_line(&self) -> &DirectLine {
        &self.direct_line
    }

    /// Whether it is known where Direct Line is; asks when it is not. Whether it answers there is not asked.
    pub async fn knows_root(&self) -> bool {
        self.direct_line.root().await.is_ok()
    }

    /// Asks Direct Line. The answer's body has not been read yet.
    ///
    /// # Errors
    /// [`CallError::NotSent`] or [`CallError::Uncertain`]; an answer of any status is no error.
    pub async fn pass(&self, onward: Onward<'_>) -> Result<Response, CallError> {
        let Onward { method, path, query, headers, also, authorization, cookies, sent } = onward;
        let mut url = self.direct_line.root().await?;
        url.set_path(&format!("{}{path}", url.path()));
        if let Some((name, value)) = query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let is_read = method.is_safe();
        let mut request = self.http.request(method, url);
        for name in PASSED.iter().chain(also) {
            if let Some(value) =
                headers.get(*name).filter(|_| authorization.is_none() || *name != "authorization")
            {
                request = request.header(*name, value.as_bytes());
            }
        }
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(cookies) = cookies {
            request = request.header(COOKIE, cookies);
        }
        // Answers are looked into, and nothing here unpacks them.
        let request = request.header(ACCEPT_ENCODING, "identity");
        with_body(request, sent, is_read).send().await.map_err(failed)
    }
}

fn with_body(request: RequestBuilder, sent: Sent, is_read: bool) -> RequestBuilder {
    match sent {
        Sent::Nothing if is_read => request.timeout(READ_TIME_OUT),
        // Said aloud: servers such as IIS refuse a POST without a length.
        Sent::Nothing => request.timeout(POST_TIME_OUT).header(CONTENT_LENGTH, "0").body(Bytes::new()),
        Sent::Json(body) => {
            request.timeout(POST_TIME_OUT).header(CONTENT_TYPE, "application/json").body(body)
        }
        Sent::Stream { body, content_type, disposition, length } => {
            let mut request = request.timeout(UPLOAD_TIME_OUT).header(CONTENT_TYPE, content_type);
            if let Some(disposition) = disposition {
                request = request.header(CONTENT_DISPOSITION, disposition);
            }
            if let Some(length) = length {
                request = request.header(CONTENT_LENGTH, length);
            }
            request.body(body)
        }
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

/// Whether a header of Direct Line's answer is passed on. Origins are our own affair, and so are cookies.
pub fn comes_back(name: &str) -> bool {
    COMES_BACK.contains(&name)
}
