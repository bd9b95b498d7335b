//! The pipe: while the bot speaks, what a client asks for is asked of Direct Line, and its answer comes back.
//!
//! A narrow one: the address comes from the operation, and headers pass in either direction when they are named here.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    http::header::{self as client, HeaderMap},
    web::Bytes,
};
use futures_util::Stream;
use hyper::{
    Method, Request, Uri,
    body::{Body, Frame, SizeHint},
    header::{self, HeaderName, HeaderValue},
    http::uri::PathAndQuery,
};
use tokio::time::Instant;
use url::form_urlencoded::byte_serialize;

use super::{DirectLine, root::Root};
use crate::far_end::{
    CallError, NoClient, USER_AGENT,
    connect::Connector,
    connections::{self, Connections, Patience},
};

/// What Direct Line answers.
pub type Reply = connections::Reply<Content>;

/// A read waits this long; less than the 20 s after which DirectLineJS gives up by itself.
const READ_TIME_OUT: Duration = Duration::from_secs(15);
/// A post lasts as long as the bot's turn, which Direct Line ends after 15 s.
const POST_TIME_OUT: Duration = Duration::from_secs(30);
/// An upload; the Functions front end cuts every request at 230 s.
const UPLOAD_TIME_OUT: Duration = Duration::from_secs(200);

/// How long an answer that has begun may say nothing.
const SILENCE: Duration = Duration::from_secs(15);

/// A header's name on either side: the client's library has a type of its own.
type Name = (client::HeaderName, HeaderName);

const fn other(name: &'static str) -> Name {
    (client::HeaderName::from_static(name), HeaderName::from_static(name))
}

/// Request headers that go on with every operation. The origin is what Direct Line holds against its trusted ones.
static PASSED: [Name; 9] = [
    (client::AUTHORIZATION, header::AUTHORIZATION),
    (client::ACCEPT, header::ACCEPT),
    (client::ACCEPT_LANGUAGE, header::ACCEPT_LANGUAGE),
    (client::ORIGIN, header::ORIGIN),
    other("traceparent"),
    other("tracestate"),
    (client::USER_AGENT, header::USER_AGENT),
    other("x-ms-bot-agent"),
    other("x-requested-with"),
];

/// Request headers that go on when a file is asked for.
static OF_A_FILE: [Name; 4] = [
    (client::RANGE, header::RANGE),
    (client::IF_RANGE, header::IF_RANGE),
    (client::IF_NONE_MATCH, header::IF_NONE_MATCH),
    (client::IF_MODIFIED_SINCE, header::IF_MODIFIED_SINCE),
];

/// Headers of an answer that come back. What is not here is between Direct Line and us, or would be taken for our host's.
static COMES_BACK: [Name; 13] = [
    (client::CONTENT_TYPE, header::CONTENT_TYPE),
    (client::DATE, header::DATE),
    (client::CACHE_CONTROL, header::CACHE_CONTROL),
    (client::EXPIRES, header::EXPIRES),
    (client::ETAG, header::ETAG),
    (client::ACCEPT_RANGES, header::ACCEPT_RANGES),
    (client::CONTENT_DISPOSITION, header::CONTENT_DISPOSITION),
    (client::CONTENT_ENCODING, header::CONTENT_ENCODING),
    (client::CONTENT_LANGUAGE, header::CONTENT_LANGUAGE),
    (client::CONTENT_RANGE, header::CONTENT_RANGE),
    (client::LAST_MODIFIED, header::LAST_MODIFIED),
    (client::RETRY_AFTER, header::RETRY_AFTER),
    (client::WWW_AUTHENTICATE, header::WWW_AUTHENTICATE),
];

/// One worker's way to Direct Line.
pub struct Pipe {
    connections: Arc<Connections<Content>>,
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
    /// The answer may be long, and a part of it asked for.
    pub is_file: bool,
    /// Instead of the client's.
    pub authorization: Option<&'a str>,
    pub cookies: Option<String>,
    pub sent: Sent,
}

/// The body of a request.
pub enum Content {
    Whole(Bytes),
    /// As it comes in.
    Pieces(Pieces),
}

/// A body that is passed on while it comes.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BrokenOff>>>>;

/// What is sent on can't be sent to its end.
#[derive(Debug, thiserror::Error)]
#[error("the client's upload broke off")]
pub struct BrokenOff;

/// What goes with a request.
pub enum Sent {
    Nothing,
    Json(Bytes),
    /// Passed on as it comes in.
    Stream {
        body: Pieces,
        content_type: String,
        disposition: Option<String>,
        length: Option<u64>,
    },
}

impl Pipe {
    /// For the worker that this thread is. Proxies of the environment are honoured, as for every other call.
    ///
    /// # Errors
    /// When there is no TLS.
    pub fn new(direct_line: DirectLine) -> Result<Self, NoClient> {
        let connections = Connections::new(Arc::new(Connector::new()?));
        actix_web::rt::spawn(connections.tend());
        Ok(Self { connections, direct_line })
    }

    /// The same Direct Line, for calls that are not a client's.
    pub fn direct_line(&self) -> &DirectLine {
        &self.direct_line
    }

    /// Whether it is known where Direct Line is; asks when it is not. Whether it answers there is not asked.
    pub async fn knows_root(&self) -> bool {
        self.direct_line.place().await.is_ok()
    }

    /// Asks Direct Line. The answer's body has not been read yet.
    ///
    /// # Errors
    /// [`CallError::NotSent`] or [`CallError::Uncertain`]; an answer of any status is no error.
    pub async fn pass(&self, mut onward: Onward<'_>) -> Result<Reply, CallError> {
        let root = self.direct_line.place().await?;
        let is_read = onward.method.is_safe();
        let patience = match onward.sent {
            Sent::Nothing if is_read => READ_TIME_OUT,
            Sent::Nothing | Sent::Json(_) => POST_TIME_OUT,
            Sent::Stream { .. } => UPLOAD_TIME_OUT,
        };
        let begun = Instant::now() + patience;
        let whole = if onward.is_file { begun + UPLOAD_TIME_OUT } else { begun };
        let patience = Patience { begun, whole, silence: SILENCE };
        let sent = std::mem::replace(&mut onward.sent, Sent::Nothing);
        let request = onward.request(root, sent).ok_or(CallError::NotSent(None))?;
        let again = || onward.request(root, Sent::Nothing).filter(|_| is_read);
        self.connections.ask(&root.origin, request, again, patience).await
    }
}

impl Onward<'_> {
    /// `None` for what can't stand in a request.
    fn request(&self, root: &Root, sent: Sent) -> Option<Request<Content>> {
        let mut request = Request::new(Content::Whole(Bytes::new()));
        *request.uri_mut() = self.target(root)?;
        let mut to = hyper::HeaderMap::with_capacity(PASSED.len() + 4);
        to.insert(header::HOST, root.origin.authority.clone());
        // Answers are looked into, and nothing here unpacks them.
        to.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        self.pass_headers(&mut to)?;
        if let Some(authorization) = self.authorization {
            to.insert(header::AUTHORIZATION, HeaderValue::from_str(authorization).ok()?);
        }
        if let Some(value) = to.get_mut(header::AUTHORIZATION) {
            value.set_sensitive(true);
        }
        if let Some(cookies) = &self.cookies {
            to.insert(header::COOKIE, HeaderValue::from_str(cookies).ok()?);
        }
        to.entry(header::USER_AGENT).or_insert(const { HeaderValue::from_static(USER_AGENT) });
        *request.body_mut() = sent.content(&mut to, self.method.is_safe())?;
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = to;
        Some(request)
    }

    /// All values lie in one piece of memory.
    fn pass_headers(&self, to: &mut hyper::HeaderMap) -> Option<()> {
        let also: &[Name] = if self.is_file { &OF_A_FILE } else { &[] };
        let mut passed = [None; PASSED.len() + OF_A_FILE.len()];
        for (place, (theirs, ours)) in passed.iter_mut().zip(PASSED.iter().chain(also)) {
            *place = self.headers.get(theirs).map(|value| (ours, value.as_bytes()));
        }
        let mut values = Vec::with_capacity(passed.iter().flatten().map(|(_, value)| value.len()).sum());
        passed.iter().flatten().for_each(|(_, value)| values.extend_from_slice(value));
        let mut values = Bytes::from(values);
        for (name, value) in passed.into_iter().flatten() {
            to.insert(name, HeaderValue::from_maybe_shared(values.split_to(value.len())).ok()?);
        }
        Some(())
    }

    fn target(&self, root: &Root) -> Option<Uri> {
        let prefix = root.url.path();
        let mut target = Vec::with_capacity(prefix.len() + self.path.len() + 64);
        target.extend_from_slice(prefix.as_bytes());
        target.extend_from_slice(self.path.as_bytes());
        if let Some((name, value)) = self.query {
            target.push(b'?');
            target.extend_from_slice(name.as_bytes());
            target.push(b'=');
            byte_serialize(value.as_bytes()).for_each(|piece| target.extend_from_slice(piece.as_bytes()));
        }
        PathAndQuery::from_maybe_shared(Bytes::from(target)).ok().map(Uri::from)
    }
}

impl Sent {
    fn content(self, headers: &mut hyper::HeaderMap, is_read: bool) -> Option<Content> {
        Some(match self {
            Self::Nothing => {
                // Said aloud: servers such as IIS refuse a POST without a length.
                if !is_read {
                    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
                }
                Content::Whole(Bytes::new())
            }
            Self::Json(body) => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Content::Whole(body)
            }
            Self::Stream { body, content_type, disposition, length } => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::try_from(content_type).ok()?);
                if let Some(disposition) = disposition {
                    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(disposition).ok()?);
                }
                if let Some(length) = length {
                    headers.insert(header::CONTENT_LENGTH, length.into());
                }
                Content::Pieces(body)
            }
        })
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let piece = match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => None,
            Self::Whole(bytes) => Some(Ok(std::mem::take(bytes))),
            Self::Pieces(pieces) => ready!(pieces.as_mut().poll_next(context)),
        };
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

/// A header of Direct Line's answer under its name towards the client, if it is passed on. Origins are our own affair, and so are
/// cookies.
pub fn comes_back(name: &HeaderName) -> Option<&'static client::HeaderName> {
    COMES_BACK.iter().find(|(_, theirs)| theirs == name).map(|(ours, _)| ours)
}
