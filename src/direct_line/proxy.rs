//! The pipe: while the bot speaks, what a client asks for is asked of Direct Line, and its answer comes back.
//!
//! A narrow one: the address comes from the operation, and headers pass in either direction when they are named here.

use std::{rc::Rc, time::Duration};

use actix_web::{
    http::header::{self as client, HeaderMap},
    web::Bytes,
};
use hyper::{
    Method, Request, Uri,
    header::{self, HeaderName, HeaderValue},
    http::uri::PathAndQuery,
};
use tokio::time::Instant;
use url::form_urlencoded::byte_serialize;

pub use self::connections::{BrokenOff, Pieces, Reply};
use self::connections::{Connections, Content};
use super::{DirectLine, root::Root};
use crate::far_end::{CallError, NoClient, USER_AGENT, connect::Connector};

mod connections;

/// A read waits this long; less than the 20 s after which DirectLineJS gives up by itself.
const READ_TIME_OUT: Duration = Duration::from_secs(15);
/// A post lasts as long as the bot's turn, which Direct Line ends after 15 s.
const POST_TIME_OUT: Duration = Duration::from_secs(30);
/// An upload; the Functions front end cuts every request at 230 s.
const UPLOAD_TIME_OUT: Duration = Duration::from_secs(200);

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
    connections: Rc<Connections>,
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
    /// Proxies of the environment are honoured, as for every other call.
    ///
    /// # Errors
    /// When there is no TLS.
    pub fn new(direct_line: DirectLine) -> Result<Self, NoClient> {
        Ok(Self { connections: Rc::new(Connections::new(Connector::new()?)), direct_line })
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
        let until = Instant::now() + patience;
        let whole = if onward.is_file { until + UPLOAD_TIME_OUT } else { until };
        let sent = std::mem::replace(&mut onward.sent, Sent::Nothing);
        let request = onward.request(root, sent).ok_or(CallError::NotSent(None))?;
        let again = || onward.request(root, Sent::Nothing).filter(|_| is_read);
        self.connections.ask(&root.host, request, again, until, whole).await
    }
}

impl Onward<'_> {
    /// `None` for what can't stand in a request.
    fn request(&self, root: &Root, sent: Sent) -> Option<Request<Content>> {
        let mut request = Request::new(Content::Whole(Bytes::new()));
        *request.uri_mut() = self.target(root)?;
        let mut to = hyper::HeaderMap::with_capacity(PASSED.len() + 4);
        to.insert(header::HOST, root.authority.clone());
        // Answers are looked into, and nothing here unpacks them.
        to.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let also: &[Name] = if self.is_file { &OF_A_FILE } else { &[] };
        for (theirs, ours) in PASSED.iter().chain(also) {
            if let Some(value) = self.headers.get(theirs) {
                to.insert(ours, HeaderValue::from_bytes(value.as_bytes()).ok()?);
            }
        }
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

/// A header of Direct Line's answer under its name towards the client, if it is passed on. Origins are our own affair, and so are
/// cookies.
pub fn comes_back(name: &HeaderName) -> Option<&'static client::HeaderName> {
    COMES_BACK.iter().find(|(_, theirs)| theirs == name).map(|(ours, _)| ours)
}
