//! What a call to a far end came to, said in terms of what the caller does next.

use std::time::Duration;

use actix_web::web::Bytes;
use reqwest::{
    Body, Request, RequestBuilder, Response,
    header::{DATE, HeaderMap},
    redirect,
};
use serde_json::Value;

use self::{
    connections::Reply,
    proxies::Proxies,
    room::{Room, Taken},
};
use crate::{
    domain::{Timestamp, millis},
    ledger::Failure,
    wire::json::number::plain,
};

pub mod connect;
pub mod connections;
mod own;
mod proxies;
mod refusal;
pub mod room;
mod steady;
pub mod tls;
pub use self::own::own;
use self::refusal::seconds;
pub(crate) use self::refusal::{LONGEST_WAIT, http_date, refusal, retry_after};
pub use self::steady::Steady;
#[cfg(test)]
pub(crate) mod testing;

/// Bytes of a refusal that are looked into, for its code.
const REFUSAL: usize = 64 * 1_024;

/// What went wrong below: the client's error, without the URL.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Surely not processed: no connection was made, or the login before the call was not answered.
    /// A repeat can't double anything.
    #[error("the far end could not be reached")]
    NotSent(#[source] Option<Cause>),
    /// No answer, a cut answer or 408/502/504: it may have been processed.
    #[error("the far end did not answer in full; it may have acted")]
    Uncertain(#[source] Option<Cause>),
    /// 429, or a 5xx with `Retry-After`: surely not processed; not before this wait is over (at most 5 minutes).
    #[error("the far end asked to wait {wait:?} (status {status})")]
    Throttled { status: u16, wait: Duration },
    /// Another 5xx: the far end says it failed. Or a 2xx whose body can't come from the API.
    #[error("the far end failed with status {status}")]
    Failed { status: u16 },
    /// 3xx, 4xx, or a 200 that says `failure`: a repeat of the same call gets the same answer.
    /// `code` is the far end's own error code when it gave one; never free text.
    #[error("the far end refused with status {status}")]
    Rejected { status: u16, code: Option<String> },
}

impl CallError {
    /// Whether all that failed is that a 2xx has a body that is too long to be read.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Uncertain(Some(cause)) if cause.is::<TooLong>())
    }

    /// Whether what we presented was not accepted: nothing was processed, and another secret may do.
    pub fn refuses_credential(&self) -> bool {
        let Self::Rejected { status, code } = self else { return false };
        matches!(status, 401 | 403)
            // RFC 6749, 5.2: these come with 400, too.
            || matches!(code.as_deref(), Some("invalid_client" | "invalid_grant" | "unauthorized_client"))
    }
}

/// What a failed call means for the next.
impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        match error {
            CallError::NotSent(_) | CallError::Failed { .. } => Self::NotTaken { wait: 0 },
            CallError::Throttled { wait, .. } => Self::NotTaken { wait: millis(*wait) },
            CallError::Uncertain(_) => Self::Uncertain,
            // A login page, a password that is being changed: it passes, and nothing was taken.
            CallError::Rejected { status: 300..=399 | 401, .. } => Self::NotTaken { wait: 0 },
            CallError::Rejected { .. } => Self::Refused,
        }
    }
}

/// Why nothing of a 2xx is known but that it is one.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than any may be")]
struct TooLong;

/// How long a connection may take to be made, and may lie unused.
const CONNECTING: Duration = Duration::from_secs(3);
pub(crate) const UNUSED: Duration = Duration::from_secs(30);
pub(crate) const USER_AGENT: &str = concat!("servicenow-handoff/", env!("CARGO_PKG_VERSION"));

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum NoClient {
    #[error("no certificates to trust: {0}")]
    Certificates(rustls::Error),
    /// By the name of its variable, with what that names and why nothing comes from there.
    #[error("no certificates to trust: {0} is `{1}`: {2}")]
    Named(&'static str, String, String),
    /// By the name of its variable.
    #[error("{0} is not the address of an HTTP proxy; write it like `http://proxy.example.com:3128`")]
    Proxy(&'static str),
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

impl NoClient {
    /// What usually cures it, as a sentence.
    pub fn way_out(&self) -> String {
        match self {
            Self::Certificates(_) | Self::Client(_) => {
                "Install the system's CA certificates (package `ca-certificates`) or name a PEM file in SSL_CERT_FILE."
                    .to_owned()
            }
            Self::Named(variable, ..) => format!(
                "Let {variable} name certificates in PEM, or unset it and install the system's (package \
                 `ca-certificates`)."
            ),
            Self::Proxy(variable) => format!("Correct {variable}, or unset it where there is no proxy."),
        }
    }
}

/// The library tells a place that is named and can't be read from a machine without certificates by nothing.
impl From<rustls::Error> for NoClient {
    fn from(error: rustls::Error) -> Self {
        let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find_map(|variable| {
            Some((variable, std::env::var_os(variable).filter(|place| !place.is_empty())?))
        });
        let Some((variable, place)) = named else { return Self::Certificates(error) };
        let unread = std::fs::File::open(&place).err();
        let why = unread.map_or_else(|| "no certificate in PEM is there".to_owned(), |why| why.to_string());
        Self::Named(variable, place.to_string_lossy().into_owned(), why)
    }
}

/// The HTTP client for both far ends: HTTP/1.1, kept-alive connections, 3 seconds to connect, no redirects.
///
/// Honours the usual proxy variables, except towards loopback and link-local addresses.
///
/// Whom the machine trusts is read with the first certificate, or by [`trusted`].
///
/// # Errors
/// When a proxy variable is not the address of an HTTP proxy.
pub fn client() -> Result<reqwest::Client, NoClient> {
    client_with(proxies::variable)
}

/// The same for far ends on this machine alone: no proxy is asked.
///
/// # Errors
/// When the library has no TLS.
pub fn client_to_here() -> Result<reqwest::Client, NoClient> {
    client_with(|_| None)
}

/// Reads whom this machine trusts, which takes milliseconds, for who wants to know early that it can be read.
///
/// # Errors
/// When the machine's certificate store can't be read or is empty.
pub fn trusted() -> Result<(), NoClient> {
    Ok(tls::trusted()?)
}

/// As [`client`], for a thread of its own that waits.
///
/// # Errors
/// As there.
#[cfg(feature = "otlp")]
pub fn blocking_client(timeout: Duration) -> Result<reqwest::blocking::Client, NoClient> {
    let builder = reqwest::blocking::ClientBuilder::from(builder_with(proxies::variable)?);
    Ok(builder.timeout(timeout).build()?)
}

fn client_with(var: impl Fn(&str) -> Option<String>) -> Result<reqwest::Client, NoClient> {
    Ok(builder_with(var)?.build()?)
}

/// What a client is made of, where `var` gives the proxy variables.
pub(crate) fn builder_with(var: impl Fn(&str) -> Option<String>) -> Result<reqwest::ClientBuilder, NoClient> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config()?)
        .http1_only()
        .redirect(redirect::Policy::none())
        // Retries have another owner; this also spares a copy of each request for them.
        .retry(reqwest::retry::never().max_retries_per_request(0))
        .connect_timeout(CONNECTING)
        .pool_idle_timeout(UNUSED)
        .user_agent(USER_AGENT)
        .no_proxy();
    let proxies = Proxies::read(var)?.of_client()?;
    Ok(proxies.into_iter().fold(builder, reqwest::ClientBuilder::proxy))
}

/// The room that an answer takes, and what it has of it.
pub(crate) type Within<'a> = Option<(&'a Room, &'a mut Taken)>;

/// A 2xx answer.
pub(crate) struct Answered {
    pub status: u16,
    pub body: Vec<u8>,
    pub headers: HeaderMap,
}

/// Sends a request once, within the time-out set on it, and reads the answer whole.
///
/// # Errors
/// See [`CallError`]; an answer of more than `limit` bytes counts as not given in full.
pub(crate) async fn call(request: RequestBuilder, limit: usize) -> Result<Answered, CallError> {
    call_within(request, limit, None).await
}

/// As [`call`], for an answer that may be large: it takes room while it comes. Who finds none was not answered.
///
/// # Errors
/// As there.
pub(crate) async fn call_within(
    request: RequestBuilder,
    limit: usize,
    within: Within<'_>,
) -> Result<Answered, CallError> {
    let (http, request) = built(request)?;
    match own::to(request.url()) {
        Some(far_end) => {
            let mut reply = far_end.ask(request).await?;
            let (status, headers) = (reply.status(), std::mem::take(reply.headers_mut()));
            answered(status.as_u16(), headers, &mut reply, limit, within).await
        }
        None => {
            let mut response = http.execute(request).await.map_err(no_answer)?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            answered(status.as_u16(), headers, &mut response, limit, within).await
        }
    }
}

async fn answered(
    status: u16,
    headers: HeaderMap,
    said: &mut impl Said,
    limit: usize,
    within: Within<'_>,
) -> Result<Answered, CallError> {
    if (200..300).contains(&status) {
        let body = read(said, limit, within).await?;
        let body = body.ok_or_else(|| CallError::Uncertain(Some(TooLong.into())))?;
        return Ok(Answered { status, body, headers });
    }
    let body = read(said, limit.min(REFUSAL), None).await.ok().flatten().unwrap_or_default();
    Err(refusal(status, &headers, &body, Timestamp::now()))
}

/// Sends a request once; the answer has any status, and its body has not been read.
///
/// # Errors
/// [`CallError::NotSent`] or [`CallError::Uncertain`].
pub(crate) async fn send(request: RequestBuilder) -> Result<Response, CallError> {
    let (http, request) = built(request)?;
    own::client().unwrap_or(http).execute(request).await.map_err(no_answer)
}

fn built(request: RequestBuilder) -> Result<(reqwest::Client, Request), CallError> {
    let (http, request) = request.build_split();
    let mut request = request.map_err(no_answer)?;
    for name in ["authorization", "token"] {
        if let Some(value) = request.headers_mut().get_mut(name) {
            value.set_sensitive(true);
        }
    }
    Ok((http, request))
}

/// When the far end answered, on its own clock.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// How long a granted token is good (RFC 6749, 5.1), whether that is a number or a text.
pub(crate) fn life(grant: &Value) -> Option<Duration> {
    seconds(&plain(grant.get("expires_in")?))
}

/// Reads an answer's body to its end.
///
/// # Errors
/// [`CallError::Uncertain`] when it was cut or is longer than `limit` bytes.
pub(crate) async fn read_whole(response: &mut Response, limit: usize) -> Result<Vec<u8>, CallError> {
    read(response, limit, None).await?.ok_or(CallError::Uncertain(None))
}

/// Rejects a 2xx by what its body says.
pub(crate) fn rejected(status: u16, body: &[u8]) -> CallError {
    CallError::Rejected { status, code: refusal::code(body) }
}

/// An answer's body as it comes.
trait Said {
    async fn piece(&mut self) -> Result<Option<Bytes>, CallError>;
}

impl Said for Response {
    async fn piece(&mut self) -> Result<Option<Bytes>, CallError> {
        self.chunk().await.map_err(no_answer)
    }
}

impl Said for Reply<Body> {
    async fn piece(&mut self) -> Result<Option<Bytes>, CallError> {
        self.chunk().await
    }
}

/// `None` when there is more than `limit` bytes of it.
async fn read(
    said: &mut impl Said,
    limit: usize,
    mut within: Within<'_>,
) -> Result<Option<Vec<u8>>, CallError> {
    let mut body = Vec::new();
    while let Some(piece) = said.piece().await? {
        let bytes = body.len() + piece.len();
        if bytes > limit {
            return Ok(None);
        }
        if let Some((room, taken)) = &mut within {
            room.grow(taken, bytes).await.map_err(|full| CallError::Uncertain(Some(full.into())))?;
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body))
}

/// The URL is left out: a token endpoint's is not for logs.
pub(crate) fn no_answer(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    if error.is_builder() || error.is_connect() {
        CallError::NotSent(Some(error.into()))
    } else {
        CallError::Uncertain(Some(error.into()))
    }
}

#[cfg(test)]
mod tests;
