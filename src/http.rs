//! Routes. Handlers only take requests apart and put answers together; status codes are chosen in
//! [`error`] alone.

use std::{net::IpAddr, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _,
    http::{
        ConnectionType, Method, StatusCode, Version,
        header::{AsHeaderName, HeaderMap, HeaderName},
    },
    web::{self, Bytes, Data, Payload, ServiceConfig},
};
use futures_util::Stream;
use serde_json::json;
use tracing::{Instrument as _, Span, error, field, info_span, warn};

pub use self::direct_line::{
    operation::Operation,
    socket::{Sockets, Tickets},
};
use self::{body::read_body, error::ApiError, route::Place};
pub use self::{ending::Ending, held::Held};
use crate::{
    auth,
    config::{AllowedOrigins, InboundCredential, RelayAccess, SecondaryBotSettings},
    credential::Credential,
    direct_line::proxy::Pipe,
    domain::Timestamp,
    handoff::Handoff,
    ledger::journal::JournalError,
    operator::tombstone::Tombstones,
    relay::Relay,
    secondary_bot::SecondaryBot,
    telemetry::{TRACEPARENT, Trace},
    translate::texts::Texts,
    wire::virtual_agent::response::Response,
};

mod body;
mod cors;
mod direct_line;
mod ending;
pub mod error;
mod files;
mod health;
mod held;
mod relay;
pub mod route;
mod secondary_bot;

/// Largest activity, in bytes.
pub const ACTIVITY_LIMIT: usize = 256 * 1_024;
/// Largest webhook, in bytes.
pub const WEBHOOK_LIMIT: usize = 8 * 1_024 * 1_024;
/// Largest request of a primary bot, in bytes.
pub const PRIMARY_LIMIT: usize = 1_024 * 1_024;

/// What every worker serves from.
pub struct Served {
    /// `None`: the live-agent role is off.
    pub handoff: Option<Arc<Handoff>>,
    /// Conversations that were erased; `None` without a store.
    pub erased: Option<Tombstones>,
    /// For who opens an address in a browser.
    pub texts: Texts,
    pub responses: InboundCredential,
    pub allowed_origins: AllowedOrigins,
    /// Whose timer calls `sweep`.
    pub in_functions_host: bool,
    pub long_poll: std::time::Duration,
    /// `None`: clients are offered no socket.
    pub sockets: Option<Arc<Sockets>>,
    pub max_upload: u64,
    pub relay: RelayAccess,
    pub ending: Ending,
    /// Room for large answers.
    pub held: Held,
    /// What the relay reads with for a caller who has its key and brings no secret.
    pub direct_line_secret: Option<Credential>,
    pub public_url: Option<url::Url>,
    /// `None`: the secondary-bot role is off.
    pub secondary_bot: Option<Secondary>,
}

impl Served {
    /// Answers in time who waits for what may not come, and begins no calls any more.
    pub fn end(&self) {
        self.ending.begin();
        self.handoff.iter().for_each(|handoff| handoff.ledger.end());
        self.secondary_bot.iter().for_each(|secondary| secondary.bot.ledger.end());
    }

    /// Calls that are being made, of both roles.
    pub fn calls_under_way(&self) -> usize {
        let chats = self.handoff.iter().map(|handoff| handoff.ledger.calls_under_way());
        let sessions = self.secondary_bot.iter().map(|secondary| secondary.bot.ledger.calls_under_way());
        chats.chain(sessions).sum()
    }

    /// Goes on with what a crash or an outage left undone, in both roles.
    pub async fn sweep(&self) {
        let chats = async {
            if let Some(handoff) = &self.handoff
                && let Err(failed) = handoff.sweep().await
            {
                error!(error = %failed, "The sweep failed; the next one tries again");
            }
        };
        let sessions = async {
            if let Some(secondary) = &self.secondary_bot
                && let Err(failed) = secondary.bot.sweep(Timestamp::now()).await
            {
                error!(error = %failed, "The sweep of the secondary bot failed; the next one tries again");
            }
        };
        // Far ends that are slow for the one hold nothing up for the other.
        tokio::join!(chats, sessions);
    }
}

/// The secondary-bot role, and who may use it.
pub struct Secondary {
    pub bot: Arc<SecondaryBot>,
    pub credentials: SecondaryBotSettings,
}

/// Serves everything; each worker has a pipe and a relay of its own, so that a connection stays on one thread.
pub fn configure(
    served: Data<Served>,
    pipe: Data<Pipe>,
    relay: Data<Relay>,
) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config.app_data(served).app_data(pipe).app_data(relay).default_service(web::to(serve));
    }
}

/// An answer that comes as long as it comes: in chunks or, for HTTP/1.0, which knows none (RFC 9112, 6.1), up to the connection's end.
fn of_unknown_length<E: Into<Box<dyn std::error::Error>> + 'static>(
    request: &HttpRequest,
    mut answer: HttpResponseBuilder,
    pieces: impl Stream<Item = Result<Bytes, E>> + 'static,
) -> HttpResponse {
    let knows_chunks = request.version() >= Version::HTTP_11;
    if !knows_chunks {
        answer.force_close();
    }
    let mut answer = answer.streaming(pieces);
    answer.head_mut().no_chunking(!knows_chunks);
    answer
}

async fn serve(
    request: HttpRequest,
    payload: Payload,
    served: Data<Served>,
    pipe: Data<Pipe>,
    relay: Data<Relay>,
) -> HttpResponse {
    let mut answer = match route::find(request.method(), request.uri().path()) {
        Some((Place::DirectLine, below)) => {
            direct_line::surface(&request, below, payload, &served, &pipe).await
        }
        // The surface and the webhook are the busy ones: they do not carry about what the others need.
        Some((Place::Responses, _)) => Box::pin(responses(&request, payload, &served))
            .await
            .unwrap_or_else(|error| error.error_response()),
        Some((place, below)) => {
            Box::pin(elsewhere(place, below, &request, payload, served, &pipe, relay)).await
        }
        None => ApiError::NotFound.answer_to(&request, &served.texts),
    };
    // The server closes the connection of whoever offers an upgrade, and by itself does not say so.
    let is_offered = request.head().connection_type() == ConnectionType::Upgrade;
    if is_offered && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer.head_mut().set_connection_type(ConnectionType::Close);
    }
    answer
}

async fn elsewhere(
    place: Place,
    below: &str,
    request: &HttpRequest,
    payload: Payload,
    served: Data<Served>,
    pipe: &Pipe,
    relay: Data<Relay>,
) -> HttpResponse {
    let failed = |error: ApiError| error.error_response();
    match place {
        Place::Root => HttpResponse::Ok().finish(),
        Place::DirectLine | Place::Responses => ApiError::NotFound.error_response(),
        Place::Health => health::health(&served, pipe).await,
        Place::Files => {
            let given = files::file(request, below, &served).await;
            given.unwrap_or_else(|error| error.answer_to(request, &served.texts))
        }
        Place::Relay => relay::turn(request.clone(), served, relay).await.unwrap_or_else(failed),
        Place::SecondaryBot => {
            let answer = secondary_bot::integration(request.clone(), payload, served).await;
            answer.unwrap_or_else(|failed| failed.error_response())
        }
        Place::SecondaryBotMedia => {
            let answer = secondary_bot::upload(request.clone(), payload, served).await;
            answer.unwrap_or_else(|failed| failed.error_response())
        }
        Place::Sweep => sweep(request, &served).await.unwrap_or_else(failed),
    }
}

/// ServiceNow's response endpoint: checked, stored, answered. 200 for whatever is JSON, because another
/// status makes ServiceNow give up the chat.
async fn responses(
    request: &HttpRequest,
    payload: Payload,
    served: &Served,
) -> Result<HttpResponse, ApiError> {
    let invocation = header(request, &INVOCATION).filter(|id| id.len() <= 64);
    let span = info_span!("webhook", invocation.id = invocation, trace.id = field::Empty);
    take_response(request, payload, served).instrument(span).await
}

async fn take_response(
    request: &HttpRequest,
    payload: Payload,
    served: &Served,
) -> Result<HttpResponse, ApiError> {
    only_post(request)?;
    let Some(handoff) = &served.handoff else { return Err(ApiError::NotConfigured(SERVICENOW_OFF)) };
    let headers = request.headers();
    // The sender is checked before its body is read, and the proof then goes with the body.
    let checked =
        auth::with_latest(served.responses.credentials(), || auth::verify(&served.responses, headers, ()));
    let proof = checked.await.inspect_err(|_| {
        warn!("A call to the response endpoint was refused: its credential is missing or wrong")
    })?;
    let body = proof.goes_for(read_body(payload, headers, WEBHOOK_LIMIT).await?).into_inner();
    let read = || {
        Response::parse(&body).map_err(|_| {
            warn!("A call to the response endpoint was refused: its body is not JSON");
            ApiError::BadRequest("The body is not JSON. Check the REST message in ServiceNow that sends it.")
        })
    };
    let response = read()?;
    if response.lost > 0 {
        warn!(lost = response.lost, "Parts of a webhook can't be read; the others are used");
    }
    let mut heard = handoff.hear(response).await;
    // Removed or put back since it was last looked at: what is there now counts.
    if matches!(heard, Err(JournalError::Shorter { .. })) {
        heard = handoff.hear(read()?).await;
    }
    let heard = heard?;
    Ok(HttpResponse::Ok()
        .json(json!({"status": "success", "known": heard != crate::handoff::Heard::Unknown})))
}

/// The host's timer. It waits for exactly this shape of answer.
async fn sweep(request: &HttpRequest, served: &Served) -> Result<HttpResponse, ApiError> {
    if !served.in_functions_host {
        return Err(ApiError::NotFound);
    }
    let from_here = request.peer_addr().is_some_and(|peer| is_loopback(peer.ip()));
    let to_here = header(request, "host").is_some_and(is_loopback_host);
    if !from_here || !to_here || is_forwarded(request.headers()) {
        return Err(ApiError::Forbidden("Only the Functions host on this machine may call this."));
    }
    served.sweep().instrument(span(request)).await;
    Ok(HttpResponse::Ok().json(json!({"Outputs": {}, "Logs": [], "ReturnValue": null})))
}

/// Whether a proxy brought the request, which may stand on this machine and speak for anybody. The host's timer goes through
/// none. Each has names of its own for where a request came from.
fn is_forwarded(headers: &HeaderMap) -> bool {
    let in_part =
        ["forward", "-ip", "clientip", "original", "rewrite", "proxy", "envoy", "x-arr-", "cf-", "fdid"];
    let whole = [
        "via",
        "cdn-loop",
        "x-host",
        "x-scheme",
        "x-cluster-client-address",
        "x-azure-ref",
        "origin",
        "referer",
    ];
    headers
        .keys()
        .map(|name| name.as_str())
        .any(|name| whole.contains(&name) || in_part.iter().any(|part| name.contains(part)))
}

/// Whether the caller meant this machine. A name in the outside world that leads here belongs to a proxy, or to a page that wants to
/// be taken for us.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

const SERVICENOW_OFF: &str =
    "The live-agent role is off. Set SERVICENOW_URL and a credential for it, then restart.";

/// Says so to whoever tries otherwise. In the Functions host nobody gets here: its trigger answers 404.
fn only_post(request: &HttpRequest) -> Result<(), ApiError> {
    if request.method() == Method::POST { Ok(()) } else { Err(ApiError::MethodNotAllowed("POST")) }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

static INVOCATION: HeaderName = HeaderName::from_static("x-azure-functions-invocationid");

/// In the Functions host every line of a request carries its invocation id.
fn span(request: &HttpRequest) -> Span {
    match header(request, &INVOCATION) {
        Some(id) if id.len() <= 64 => info_span!("invocation", invocation.id = id),
        _ => Span::none(),
    }
}

/// A header that is ASCII, as `HeaderValue::to_str` gives it: that one looks at each byte of a token, for a tenth of a poll.
fn header(request: &HttpRequest, name: impl AsHeaderName) -> Option<&str> {
    let value = request.headers().get(name)?.as_bytes();
    std::str::from_utf8(value).ok().filter(|value| value.is_ascii())
}

fn trace(request: &HttpRequest) -> Option<String> {
    Some(Trace::continue_or_start(header(request, TRACEPARENT)).traceparent().to_owned())
}

#[cfg(test)]
mod tests {
    /// It is moved about and its memory given back with each request: at 45 KiB that cost a quarter of a poll.
    #[test]
    fn the_state_of_a_request_is_small() {
        fn size<A, B, C, D, E, F: Future>(_: impl FnOnce(A, B, C, D, E) -> F) -> usize {
            size_of::<F>()
        }
        let size = size(super::serve);
        assert!(size < 8 * 1_024, "{size} bytes: box what a poll seldom needs");
    }
}
