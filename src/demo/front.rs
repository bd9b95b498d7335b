//! The demo's one address: its pages, and in front of the connector what a host's front is. It hands calls on, and while the
//! connector is being started again it lets them wait.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    App, FromRequest as _, HttpRequest, HttpResponse, HttpServer,
    dev::Server,
    http::{
        Method, StatusCode,
        header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue},
    },
    web::{self, Bytes, Data, PayloadConfig, ServiceConfig},
};
use futures_util::TryStreamExt;
use serde_json::json;

use crate::{
    far_end::tls,
    simulate::observe::{self, Observer, Outcome, Seen},
};

mod tunnel;

/// The largest body that is handed on, in bytes.
const LARGEST: usize = 128 * 1024 * 1024;
/// How long a call waits for the connector to be back.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);
/// Headers that mean one connection only, or that the client writes itself.
const OWN: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
];

struct Front {
    connector: SocketAddr,
    observer: Observer,
    http: reqwest::Client,
}

/// Serves `pages` and hands everything else on to the connector, telling `observer`.
///
/// # Errors
/// When there can be no client, or the port can't be served.
pub fn serve(
    listener: TcpListener,
    connector: SocketAddr,
    observer: Observer,
    pages: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Server> {
    // A connection that is kept may be to a process that has died.
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config().map_err(io::Error::other)?)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()
        .map_err(io::Error::other)?;
    let front = Data::from(Arc::new(Front { connector, observer, http }));
    let app = move || {
        App::new()
            .app_data(front.clone())
            .app_data(PayloadConfig::new(LARGEST))
            .configure(pages.clone())
            .default_service(web::to(hand_on))
    };
    // Pages that listen for news never go by themselves.
    Ok(HttpServer::new(app).workers(2).shutdown_timeout(1).listen(listener)?.run())
}

async fn hand_on(front: Data<Front>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    if tunnel::is_asked_for(&request) {
        return tunnel::open(&front, &request, payload).await;
    }
    let mut payload = payload.into_inner();
    match Bytes::from_request(&request, &mut payload).await {
        Ok(body) => hand_on_whole(&front, &request, body).await,
        Err(refused) => refused.error_response(),
    }
}

async fn hand_on_whole(front: &Front, request: &HttpRequest, body: Bytes) -> HttpResponse {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let watched = (request.method() != Method::OPTIONS).then(|| {
        let seen = observe::seen(request.headers(), &body);
        front.observer.begin(request.method().as_str(), path, observe::headers(request.headers()), seen)
    });
    let (answer, seen) = match front.call(request, path, body).await {
        Ok(answer) => read(answer).await,
        Err(fault) => {
            tracing::warn!("The connector did not answer: {fault}");
            (bad_gateway(), Seen::Nothing)
        }
    };
    if let Some(watched) = watched {
        watched.end(Outcome::Answered { status: answer.status().as_u16(), body: seen });
    }
    answer
}

impl Front {
    /// Tries until it is sent; and again after a broken connection only what changes nothing.
    async fn call(
        &self,
        request: &HttpRequest,
        path: &str,
        body: Bytes,
    ) -> reqwest::Result<reqwest::Response> {
        let start = Instant::now();
        let method = request.method().as_str().parse().unwrap_or_default();
        let headers = passed_on(request.headers());
        let url = format!("http://{}{path}", self.connector);
        loop {
            let mut call = self.http.request(reqwest::Method::clone(&method), &url).headers(headers.clone());
            if !body.is_empty() || request.headers().contains_key(CONTENT_LENGTH) {
                call = call.header("content-length", body.len()).body(body.clone());
            }
            match call.send().await {
                Err(fault)
                    if (fault.is_connect() || request.method() == Method::GET)
                        && start.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(LOOK).await;
                }
                answer => return answer,
            }
        }
    }
}

fn passed_on(headers: &HeaderMap) -> reqwest::header::HeaderMap {
    let kept = headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    kept.filter_map(|(name, value)| {
        let name = reqwest::header::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, reqwest::header::HeaderValue::from_bytes(value.as_bytes()).ok()?))
    })
    .fold(reqwest::header::HeaderMap::new(), |mut all, (name, value)| {
        all.append(name, value);
        all
    })
}

/// The answer as it came. What the page *Inside* may show is read whole; the rest streams.
async fn read(answer: reqwest::Response) -> (HttpResponse, Seen) {
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut back = HttpResponse::build(status);
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers().iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            back.append_header((name.clone(), value.clone()));
            headers.append(name, value);
        }
    }
    if !headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json")) {
        let length = answer.content_length();
        let body = answer.bytes_stream().map_err(io::Error::other);
        if let Some(length) = length {
            back.no_chunking(length);
        }
        return (back.streaming(body), Seen::Other);
    }
    match answer.bytes().await {
        Ok(bytes) => {
            let seen = observe::seen(&headers, &bytes);
            (back.body(bytes), seen)
        }
        Err(_) => (bad_gateway(), Seen::Nothing),
    }
}

fn bad_gateway() -> HttpResponse {
    let message = "The connector went away during this call; it may have been done.";
    HttpResponse::BadGateway().json(json!({"error": {"code": "BadGateway", "message": message}}))
}
