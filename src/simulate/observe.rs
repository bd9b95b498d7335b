//! Watching a simulated far end from outside: each call it gets, when it comes and when it is answered.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderMap},
    middleware::Next,
    web::{Bytes, Data},
};
use futures_util::stream;

use crate::domain::Timestamp;

/// Bodies beyond this, and those that are neither JSON nor a form, are counted and not kept.
const KEEP: usize = 256 * 1024;

/// A call somebody makes.
#[derive(Clone, Debug)]
pub struct Call {
    /// One number a call, in this process.
    pub number: u64,
    pub at: Timestamp,
    pub method: String,
    /// Without a host.
    pub path_and_query: String,
    pub headers: Vec<(String, String)>,
    pub body: Seen,
    /// `None`: under way.
    pub end: Option<End>,
}

/// A body as far as it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    #[default]
    Nothing,
    Text(String),
    /// Not kept.
    Other,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub struct End {
    pub millis: u64,
    pub outcome: Outcome,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    Answered {
        status: u16,
        body: Seen,
    },
    /// The connection was closed without an answer.
    Cut,
    /// The caller did not wait for the answer.
    Left,
}

/// Is told of each call twice: when it has come, and when it has ended.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&Call) + Send + Sync>);

impl Observer {
    pub fn new(tell: impl Fn(&Call) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells of a call that comes now. What is returned wants to know how it ends.
    pub fn begin(&self, method: &str, path: &str, headers: Vec<(String, String)>, body: Seen) -> Watched {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (method, path_and_query) = (method.to_owned(), path.to_owned());
        let call = Call { number, at: Timestamp::now(), method, path_and_query, headers, body, end: None };
        (self.0)(&call);
        Watched { observer: self.clone(), call, since: Instant::now() }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// A call under way. Dropped without an end, it was left by its caller.
pub struct Watched {
    observer: Observer,
    call: Call,
    since: Instant,
}

impl Watched {
    pub fn end(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Outcome) {
        if self.call.end.is_some() {
            return;
        }
        let millis = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.call.end = Some(End { millis, outcome });
        (self.observer.0)(&self.call);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.settle(Outcome::Left);
    }
}

/// Marks an answer whose body fails before a byte of it has left: for the caller there is none.
#[derive(Clone, Copy)]
pub struct NoAnswer;

/// For `middleware::from_fn`, outermost. Does nothing without `Data<Observer>`.
///
/// The desk's own calls, the simulator's knobs and preflights are none of the conversation's.
pub async fn edge(
    observer: Option<Data<Observer>>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let own = ["/desk", "/simulator/", "/pictures/"].iter().any(|part| request.path().starts_with(part));
    let Some(observer) = observer.filter(|_| !own && request.method() != Method::OPTIONS) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let body = take_body(&mut request).await?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let watched = observer.begin(request.method().as_str(), path, headers(request.headers()), body);
    let answer = next.call(request).await?.map_into_boxed_body();
    if answer.response().extensions().get::<NoAnswer>().is_some() {
        watched.end(Outcome::Cut);
        return Ok(answer);
    }
    let (request, answer) = answer.into_parts();
    let (answer, body) = answer.into_parts();
    let (body, seen) = match body.try_into_bytes() {
        Ok(bytes) => {
            let seen = seen(answer.headers(), &bytes);
            (BoxBody::new(bytes), seen)
        }
        Err(body) => (body, Seen::Other),
    };
    watched.end(Outcome::Answered { status: answer.status().as_u16(), body: seen });
    Ok(ServiceResponse::new(request, answer.set_body(body)))
}

/// Reads a body that is to be kept and puts it back; leaves others, which may be long, alone.
async fn take_body(request: &mut ServiceRequest) -> Result<Seen, Error> {
    let length = request.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    if length == Some(0) || (length.is_none() && !request.headers().contains_key("transfer-encoding")) {
        return Ok(Seen::Nothing);
    }
    if !is_text(request.headers()) || length.is_none_or(|length: usize| length > KEEP) {
        return Ok(Seen::Other);
    }
    let bytes = request.extract::<Bytes>().await?;
    let body = seen(request.headers(), &bytes);
    let again = stream::iter([Ok(bytes)]);
    request.set_payload(Payload::Stream { payload: Box::pin(again) });
    Ok(body)
}

/// What is kept of a body with these headers.
pub fn seen(headers: &HeaderMap, bytes: &Bytes) -> Seen {
    match bytes.len() {
        0 => Seen::Nothing,
        1..=KEEP if is_text(headers) => Seen::Text(String::from_utf8_lossy(bytes).into_owned()),
        _ => Seen::Other,
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    ["application/json", "text/", "application/x-www-form-urlencoded"].iter().any(|k| kind.starts_with(k))
}

/// Headers as text, in the order they came.
pub fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text =
        |value: &actix_web::http::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
