//! The host's HTTP side: only what a function.json declares gets through, in one of two ways.

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, rt, rt::time::sleep, web,
};
use futures_util::{StreamExt as _, stream};
use reqwest::{
    Body, Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use tokio::{net::TcpStream, sync::mpsc, time::timeout};

use crate::host::model::{HOST_VERSION, Shared};

/// How a request travels from the host to the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `enableProxyingHttpRequest`: as it is, streamed; a connection refused is tried again.
    Proxy,
    /// `enableForwardingHttpRequest` of older hosts: rebuilt, and a body without length is lost.
    Forward,
}

/// The host's own limit on a request's body.
const BODY_LIMIT: usize = 104_857_600;
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub struct Front {
    url: String,
    handle: ServerHandle,
}

impl Front {
    /// Listens on a port of its own until dropped.
    pub fn open(mode: Mode, shared: Arc<Shared>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(Arc::clone(&shared)))
                .app_data(web::Data::new(mode))
                .default_service(web::to(pass))
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        rt::spawn(server);
        Self { url, handle }
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // The stop is under way once it is called; its future only waits for the end.
        drop(self.handle.stop(false));
    }
}

async fn pass(
    request: HttpRequest,
    body: web::Payload,
    mode: web::Data<Mode>,
    shared: web::Data<Arc<Shared>>,
) -> HttpResponse {
    let (method, path) = (request.method().as_str(), request.path());
    if !shared.package.functions.iter().any(|function| function.trigger.takes(method, path)) {
        return HttpResponse::NotFound().finish();
    }
    let Some(handler) = shared.handler_url().await else {
        return HttpResponse::ServiceUnavailable().finish();
    };
    let answer = async {
        match **mode {
            Mode::Proxy => proxy(&request, body, &handler, &shared).await,
            Mode::Forward => forward(&request, body, &handler, &shared).await,
        }
    };
    match timeout(shared.function_timeout(), answer).await {
        Ok(answer) => answer.unwrap_or_else(|_| HttpResponse::InternalServerError().finish()),
        Err(_) => {
            shared.end_invocations().await;
            HttpResponse::InternalServerError().finish()
        }
    }
}

async fn proxy(
    request: &HttpRequest,
    body: web::Payload,
    handler: &str,
    shared: &Shared,
) -> Result<HttpResponse, reqwest::Error> {
    if !can_be_connected(handler).await {
        return Ok(HttpResponse::BadGateway().finish());
    }
    let mut headers = copied_headers(request);
    let invocation = shared.new_invocation();
    for (name, value) in [
        ("x-azure-functions-hostversion", HOST_VERSION),
        ("x-azure-functions-invocationid", &invocation),
        ("x-ms-invocation-id", &invocation),
    ] {
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let mut outgoing = outgoing(request, handler, query(request), shared).headers(headers);
    if ["content-length", "transfer-encoding"].iter().any(|name| request.headers().contains_key(*name)) {
        outgoing = outgoing.body(streamed_body(body));
    }
    Ok(streamed(outgoing.send().await?))
}

/// A connection refused is tried ten times, 50 ms apart at first and 250 ms at most.
async fn can_be_connected(handler: &str) -> bool {
    let address = handler.trim_start_matches("http://");
    let mut pause = Duration::from_millis(50);
    for _ in 0..10 {
        if TcpStream::connect(address).await.is_ok() {
            return true;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
    false
}

/// Handed on piece by piece as it comes; what breaks off here breaks off there.
fn streamed_body(mut body: web::Payload) -> Body {
    let (pieces, arriving) = mpsc::channel(4);
    rt::spawn(async move {
        while let Some(piece) = body.next().await {
            if pieces.send(piece.map_err(std::io::Error::other)).await.is_err() {
                return;
            }
        }
    });
    Body::wrap_stream(stream::unfold(arriving, |mut arriving| async {
        arriving.recv().await.map(|piece| (piece, arriving))
    }))
}

async fn forward(
    request: &HttpRequest,
    body: web::Payload,
    handler: &str,
    shared: &Shared,
) -> Result<HttpResponse, reqwest::Error> {
    let mut headers = copied_headers(request);
    for name in ["content-encoding", "content-language", "content-disposition", "content-length"] {
        headers.remove(name);
    }
    // Added, not set: a copy the client sent stays beside it.
    headers.append("x-azure-functions-hostversion", HeaderValue::from_static(HOST_VERSION));
    let invocation = HeaderValue::from_str(&shared.new_invocation()).unwrap();
    headers.append("x-azure-functions-invocationid", invocation);
    headers.append(
        "user-agent",
        HeaderValue::from_str(&format!("Azure-Functions-Host/{HOST_VERSION}")).unwrap(),
    );

    let Ok(Ok(body)) = body.to_bytes_limited(BODY_LIMIT).await else {
        return Ok(HttpResponse::PayloadTooLarge().finish());
    };
    let mut outgoing = outgoing(request, handler, joined_query(request), shared).headers(headers);
    if request.headers().contains_key("content-length") && !body.is_empty() {
        outgoing = outgoing.body(body);
    }
    let answer = outgoing.send().await?;
    let mut response = begun(&answer);
    Ok(response.body(answer.bytes().await?))
}

fn outgoing(request: &HttpRequest, handler: &str, query: String, shared: &Shared) -> reqwest::RequestBuilder {
    let url = format!("{handler}{}{query}", request.uri().path());
    shared.client.request(Method::from_bytes(request.method().as_str().as_bytes()).unwrap(), url)
}

fn query(request: &HttpRequest) -> String {
    request.uri().query().map(|query| format!("?{query}")).unwrap_or_default()
}

/// A key that comes twice is joined with a comma.
fn joined_query(request: &HttpRequest) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (key, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        match pairs.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => *values = format!("{values},{value}"),
            None => pairs.push((key.into_owned(), value.into_owned())),
        }
    }
    if pairs.is_empty() {
        return String::new();
    }
    format!("?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

fn copied_headers(request: &HttpRequest) -> HeaderMap {
    let kept = request.headers().iter().filter(|(name, _)| !is_hop_by_hop(name.as_str()));
    kept.map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).unwrap();
        (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
    })
    .collect()
}

fn streamed(answer: reqwest::Response) -> HttpResponse {
    let mut response = begun(&answer);
    match answer.content_length() {
        Some(length) => response.no_chunking(length).streaming(answer.bytes_stream()),
        None => response.streaming(answer.bytes_stream()),
    }
}

fn begun(answer: &reqwest::Response) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status().as_u16()).unwrap());
    for (name, value) in answer.headers() {
        if !is_hop_by_hop(name.as_str()) && name != "content-length" {
            response.append_header((name.as_str(), value.as_bytes()));
        }
    }
    response
}

fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP.contains(&name)
}
