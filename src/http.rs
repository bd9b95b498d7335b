//! Routes. Handlers only take requests apart and put answers together; status codes are chosen in
//! [`error`] alone.

use std::{net::IpAddr, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header::HeaderMap},
    web::{self, Data, Payload, ServiceConfig},
};
use futures_util::StreamExt as _;
use serde_json::json;
use tracing::{Instrument as _, Span, error, field, info_span, warn};

use self::error::ApiError;
use crate::{
    auth,
    config::{AllowedOrigins, InboundCredential, RelayAccess, SecondaryBotSettings},
    credential::Credential,
    direct_line::proxy::Pipe,
    handoff::Handoff,
    relay::Relay,
    secondary_bot::SecondaryBot,
    telemetry::{TRACEPARENT, Trace},
    wire::virtual_agent::response::Response,
};

mod cors;
mod direct_line;
pub mod error;
mod files;
mod health;
mod relay;
mod secondary_bot;

/// Largest activity, in bytes.
pub const ACTIVITY_LIMIT: usize = 256 * 1_024;
/// Largest webhook, in bytes.
pub const WEBHOOK_LIMIT: usize = 1_024 * 1_024;

/// A route and the function folder that announces it to the Functions host.
pub struct Route {
    pub folder: &'static str,
    /// As function.json writes it; for a timer, the function's name.
    pub route: &'static str,
    /// Lower case; empty: a timer.
    pub methods: &'static [&'static str],
}

/// Everything served besides `/`. A test compares it with the function folders.
pub const ROUTES: &[Route] = &[
    Route {
        folder: "direct-line",
        route: "v3/directline/{*path}",
        methods: &["get", "post", "put", "patch", "delete", "head", "options"],
    },
    Route { folder: "servicenow-responses", route: "api/servicenow/responses", methods: &["post"] },
    Route { folder: "relayToDirectLine", route: "api/relayToDirectLine", methods: &["get"] },
    Route { folder: "files", route: "api/files/{*path}", methods: &["get", "head"] },
    Route { folder: "secondary-bot", route: "api/sn_va_as_service/bot/integration", methods: &["post"] },
    Route { folder: "secondary-bot-media", route: "api/now/v1/cccif/media/upload", methods: &["post"] },
    Route { folder: "health", route: "api/health", methods: &["get"] },
    Route { folder: "sweep", route: "sweep", methods: &[] },
];

/// What every worker serves from.
pub struct Served {
    /// `None`: the live-agent role is off.
    pub handoff: Option<Arc<Handoff>>,
    pub responses: InboundCredential,
    pub allowed_origins: AllowedOrigins,
    pub long_poll: std::time::Duration,
    pub max_upload: u64,
    pub relay: RelayAccess,
    /// What the relay reads with for a caller who has its key and brings no secret.
    pub direct_line_secret: Option<Credential>,
    pub public_url: Option<url::Url>,
    /// `None`: the secondary-bot role is off.
    pub secondary_bot: Option<Secondary>,
}

/// The secondary-bot role, and who may use it.
pub struct Secondary {
    pub bot: Arc<SecondaryBot>,
    pub credentials: SecondaryBotSettings,
}

/// Adds the routes; each worker has a pipe and a relay of its own, so that a connection stays on one thread.
pub fn configure(
    served: Data<Served>,
    pipe: Data<Pipe>,
    relay: Data<Relay>,
) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config
            .app_data(served)
            .app_data(pipe)
            .app_data(relay)
            // First, and a prefix: each pattern before it would cost a regular expression a request.
            .service(web::scope("/v3/directline").default_service(web::to(direct_line::surface)))
            .route("/", web::get().to(HttpResponse::Ok))
            .route("/", web::head().to(HttpResponse::Ok))
            .route("/api/health", web::get().to(health::health))
            .route("/api/files/{path:.*}", web::get().to(files::file))
            .route("/api/files/{path:.*}", web::head().to(files::file))
            .route("/api/servicenow/responses", web::post().to(responses))
            .route("/api/relayToDirectLine", web::get().to(relay::turn))
            .route("/api/sn_va_as_service/bot/integration", web::post().to(secondary_bot::integration))
            .route("/api/now/v1/cccif/media/upload", web::post().to(secondary_bot::upload))
            .route("/sweep", web::post().to(sweep))
            .default_service(web::to(|| async { Err::<HttpResponse, _>(ApiError::NotFound) }));
    }
}

/// ServiceNow's response endpoint: checked, stored, answered. 200 for whatever is JSON, because another
/// status makes ServiceNow give up the chat.
async fn responses(
    request: HttpRequest,
    payload: Payload,
    served: Data<Served>,
) -> Result<HttpResponse, ApiError> {
    let invocation = header(&request, INVOCATION).filter(|id| id.len() <= 64);
    let span = info_span!("webhook", invocation.id = invocation, trace.id = field::Empty);
    take_response(&request, payload, &served).instrument(span).await
}

async fn take_response(
    request: &HttpRequest,
    payload: Payload,
    served: &Served,
) -> Result<HttpResponse, ApiError> {
    let Some(handoff) = &served.handoff else { return Err(ApiError::NotConfigured(SERVICENOW_OFF)) };
    let headers = request.headers();
    // The sender is checked before its body is read, and the proof then goes with the body.
    let checked =
        auth::with_latest(served.responses.credentials(), || auth::verify(&served.responses, headers, ()));
    checked.await.inspect_err(|_| {
        warn!("A call to the response endpoint was refused: its credential is missing or wrong")
    })?;
    let body = read_body(payload, headers, WEBHOOK_LIMIT).await?;
    let body = auth::verify(&served.responses, headers, body)?.into_inner();
    let response = Response::parse(&body).map_err(|_| {
        warn!("A call to the response endpoint was refused: its body is not JSON");
        ApiError::BadRequest("The body is not JSON. Check the REST message in ServiceNow that sends it.")
    })?;
    let heard = handoff.hear(response).await?;
    Ok(HttpResponse::Ok()
        .json(json!({"status": "success", "known": heard != crate::handoff::Heard::Unknown})))
}

/// The host's timer. It waits for exactly this shape of answer.
async fn sweep(request: HttpRequest, served: Data<Served>) -> Result<HttpResponse, ApiError> {
    if !request.peer_addr().is_some_and(|peer| is_loopback(peer.ip())) {
        return Err(ApiError::Forbidden("Only the Functions host on this machine may call this."));
    }
    if let Some(handoff) = &served.handoff
        && let Err(failed) = handoff.sweep().instrument(span(&request)).await
    {
        error!(error = %failed, "The sweep failed; the next one tries again");
    }
    if let Some(secondary) = &served.secondary_bot
        && let Err(failed) = secondary.bot.sweep().instrument(span(&request)).await
    {
        error!(error = %failed, "The sweep of the secondary bot failed; the next one tries again");
    }
    Ok(HttpResponse::Ok().json(json!({"Outputs": {}, "Logs": [], "ReturnValue": null})))
}

const SERVICENOW_OFF: &str =
    "The live-agent role is off. Set SERVICENOW_URL and a credential for it, then restart.";

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The whole body, if it is not larger than `limit` bytes.
async fn read_body(mut payload: Payload, headers: &HeaderMap, limit: usize) -> Result<web::Bytes, ApiError> {
    let declared =
        headers.get("content-length").and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(ApiError::PayloadTooLarge { limit: limit as u64 });
    }
    let cut = |_| ApiError::BadRequest("The body ended before it was complete.");
    let Some(first) = payload.next().await else { return Ok(web::Bytes::new()) };
    let first = first.map_err(cut)?;
    // Most bodies come in one piece, which then is not copied.
    if declared == Some(first.len()) {
        return Ok(first);
    }
    let mut body = web::BytesMut::from(&first[..]);
    while let Some(chunk) = payload.next().await {
        body.extend_from_slice(&chunk.map_err(cut)?);
        if body.len() > limit {
            return Err(ApiError::PayloadTooLarge { limit: limit as u64 });
        }
    }
    if body.len() > limit {
        Err(ApiError::PayloadTooLarge { limit: limit as u64 })
    } else {
        Ok(body.freeze())
    }
}

const INVOCATION: &str = "x-azure-functions-invocationid";

/// In the Functions host every line of a request carries its invocation id.
fn span(request: &HttpRequest) -> Span {
    match header(request, INVOCATION) {
        Some(id) if id.len() <= 64 => info_span!("invocation", invocation.id = id),
        _ => Span::none(),
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn trace(request: &HttpRequest) -> Option<String> {
    Some(Trace::continue_or_start(header(request, TRACEPARENT)).traceparent().to_owned())
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use serde_json::Value;

    /// It is moved about and its memory given back with each request: at 45 KiB that cost a quarter of a poll.
    #[test]
    fn the_state_of_a_request_is_small() {
        fn size<A, B, C, D, F: Future>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
            size_of::<F>()
        }
        let size = size(super::direct_line::surface);
        assert!(size < 8 * 1_024, "{size} bytes: box what a poll seldom needs");
    }

    use super::ROUTES;

    /// Folder, route and methods as the function.json files say them.
    fn announced() -> BTreeMap<String, (String, Vec<String>)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
        let functions = folders.filter(|folder| folder.join("function.json").is_file());
        functions
            .map(|folder| {
                let name = folder.file_name().unwrap().to_string_lossy().into_owned();
                let text = fs::read_to_string(folder.join("function.json")).unwrap();
                let function: Value = serde_json::from_str(&text).unwrap();
                let trigger = &function["bindings"][0];
                let route = trigger["route"].as_str().unwrap_or(&name).to_owned();
                let methods = trigger["methods"].as_array().into_iter().flatten();
                let mut methods: Vec<_> = methods.map(|m| m.as_str().unwrap().to_owned()).collect();
                methods.sort();
                (name, (route, methods))
            })
            .collect()
    }

    #[test]
    fn every_function_folder_announces_a_route_that_is_served_and_none_is_missing() {
        let served: BTreeMap<_, _> = ROUTES
            .iter()
            .map(|route| {
                let mut methods: Vec<_> = route.methods.iter().map(|m| (*m).to_owned()).collect();
                methods.sort();
                (route.folder.to_owned(), (route.route.to_owned(), methods))
            })
            .collect();
        assert_eq!(announced(), served);
    }
}
