//! A proxy in front of a storage account: counts operations by kind, and lets some go wrong as they do in a
//! service that is busy.

// Each program that takes this module in uses a part of it.
#![allow(dead_code)]

use std::{
    collections::BTreeMap,
    fmt,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    body::SizedStream,
    dev::ServerHandle,
    http::{Method, StatusCode},
    rt::System,
    web::{self, Bytes, Data, PayloadConfig},
};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The largest block that is appended, and more.
const LARGEST_BODY: usize = 16 << 20;
/// Requests the account has at the same time; Azurite works on no more than some fifty.
const AT_ONCE: usize = 50;
/// How long a request waits for its turn before it is turned away, as the service does with more than it can do. A
/// caller gives up about then, and what nobody waits for any more would hold up the rest.
const TURN: Duration = Duration::from_millis(500);
/// Headers that belong to one connection.
const OF_THIS_HOP: [&str; 5] = ["host", "connection", "transfer-encoding", "content-length", "keep-alive"];

/// How much goes wrong, in thousandths of all operations.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Answered 503 `ServerBusy`; nothing was done.
    pub busy: u64,
    /// Writes answered 409 `OperationNotAllowed`, a conflict that passes; nothing was done.
    pub conflict: u64,
    /// Done, and the connection closed without an answer.
    pub lost: u64,
    /// Done after a wait of 50 ms to 2 s.
    pub slow: u64,
    /// So many tries of one request go wrong at most, one after the other; 0: as many as chance has it.
    pub in_a_row: u64,
}

/// What has gone through so far.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Operations by kind, those that went wrong included.
    pub kinds: BTreeMap<&'static str, u64>,
    /// The account's own answers by status, from 400 on.
    pub refusals: BTreeMap<u16, u64>,
    pub busy: u64,
    pub conflict: u64,
    pub lost: u64,
    pub slow: u64,
    /// Turned away because there were too many.
    pub crowded: u64,
}

/// A running proxy; it ends when this is dropped.
pub struct Proxy {
    origin: String,
    shared: Arc<Shared>,
    server: ServerHandle,
}

struct Shared {
    to: String,
    http: reqwest::Client,
    turns: Arc<Semaphore>,
    weather: Mutex<Weather>,
    counts: Mutex<Counts>,
    /// By request, how many of its last tries went wrong.
    gone_wrong: Mutex<BTreeMap<String, u64>>,
}

impl Proxy {
    /// In front of the account at this origin, on a thread of its own.
    pub fn start(to: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().http1_only().build().expect("a client");
        let shared = Arc::new(Shared {
            to: to.to_owned(),
            http,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            weather: Mutex::default(),
            counts: Mutex::default(),
            gone_wrong: Mutex::default(),
        });
        let (data, (told, started)) = (Data::from(shared.clone()), std::sync::mpsc::channel());
        thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || {
                    let limit = PayloadConfig::new(LARGEST_BODY);
                    App::new().app_data(data.clone()).app_data(limit).default_service(web::to(pass))
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.keep_alive(Duration::from_secs(120));
                let server = server.bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
                let address = server.addrs()[0];
                let server = server.run();
                told.send((address, server.handle())).expect("somebody waits");
                server.await.expect("it serves");
            });
        });
        let (address, server) = started.recv().expect("it starts");
        Self { origin: format!("http://{address}"), shared, server }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn set(&self, weather: Weather) {
        *self.shared.weather.lock().expect("no panic with it") = weather;
    }

    pub fn counts(&self) -> Counts {
        self.shared.counts.lock().expect("no panic with it").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

impl Counts {
    pub fn all(&self) -> u64 {
        self.kinds.values().sum()
    }

    pub fn of(&self, kind: &str) -> u64 {
        self.kinds.get(kind).copied().unwrap_or_default()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kinds, refusals, busy, conflict, lost, slow, crowded } = self;
        writeln!(f, "| operation in front of the account | times |\n|---|--:|")?;
        for (kind, times) in kinds {
            writeln!(f, "| {kind} | {times} |")?;
        }
        for (status, times) in refusals {
            writeln!(f, "| answered {status} by the account | {times} |")?;
        }
        writeln!(f, "| answered 503 on purpose | {busy} |")?;
        writeln!(f, "| writes answered 409 on purpose | {conflict} |")?;
        writeln!(f, "| answered 503 because there were too many at once | {crowded} |")?;
        writeln!(f, "| done, but the answer lost on purpose | {lost} |")?;
        write!(f, "| held back up to 2 s on purpose | {slow} |")
    }
}

/// What an operation does, as a bill names it.
fn kind(request: &HttpRequest) -> &'static str {
    let query = request.query_string();
    let has = |part: &str| query.split('&').any(|pair| pair == part);
    match *request.method() {
        Method::PUT if has("comp=appendblock") => "append a block",
        Method::PUT if has("restype=container") => "make the container",
        Method::PUT if has("comp=block") || has("comp=blocklist") => "put a block",
        Method::PUT if request.headers().get("x-ms-blob-type").is_some_and(|kind| kind == "AppendBlob") => {
            "create a journal"
        }
        Method::PUT if request.headers().contains_key("x-ms-blob-type") => "put a marker",
        Method::GET if has("comp=list") => "list",
        Method::GET => "read",
        Method::HEAD => "look at properties",
        Method::DELETE => "delete",
        _ => "other",
    }
}

impl Shared {
    /// Tries of the request that went wrong, since one did not.
    fn gone_wrong(&self, request: &HttpRequest) -> u64 {
        let gone_wrong = self.gone_wrong.lock().expect("no panic with it");
        gone_wrong.get(&name(request)).copied().unwrap_or_default()
    }

    fn tried(&self, request: &HttpRequest, wrong: bool) {
        let mut gone_wrong = self.gone_wrong.lock().expect("no panic with it");
        let count = gone_wrong.entry(name(request)).or_default();
        *count = if wrong { *count + 1 } else { 0 };
    }
}

fn name(request: &HttpRequest) -> String {
    format!("{} {} {:?}", request.method(), request.uri(), request.headers().get("x-ms-range"))
}

async fn pass(shared: Data<Shared>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut weather = *shared.weather.lock().expect("no panic with it");
    if weather.in_a_row > 0 && shared.gone_wrong(&request) >= weather.in_a_row {
        weather = Weather { slow: weather.slow, ..Weather::default() };
    }
    let chance = getrandom::u64().expect("random numbers") % 1_000;
    let busy = chance < weather.busy;
    let lost = !busy && chance < weather.busy + weather.lost;
    let slow = !busy && !lost && chance < weather.busy + weather.lost + weather.slow;
    // From the other end, so that none of the others becomes rarer by it.
    let conflict = request.method() == Method::PUT && chance >= 1_000 - weather.conflict;
    shared.tried(&request, busy || lost || conflict);
    {
        let mut counts = shared.counts.lock().expect("no panic with it");
        *counts.kinds.entry(kind(&request)).or_default() += 1;
        counts.busy += u64::from(busy);
        counts.conflict += u64::from(conflict);
        counts.lost += u64::from(lost);
        counts.slow += u64::from(slow);
    }
    if busy {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "ServerBusy");
    }
    if conflict {
        return refused(StatusCode::CONFLICT, "OperationNotAllowed");
    }
    if slow {
        let millis = 50 + getrandom::u64().expect("random numbers") % 1_951;
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let Ok(turn) = tokio::time::timeout(TURN, shared.turns.clone().acquire_owned()).await else {
        shared.counts.lock().expect("no panic with it").crowded += 1;
        return refused(StatusCode::SERVICE_UNAVAILABLE, "ServerBusy");
    };
    let turn = turn.expect("never closed");
    match forward(&shared, &request, body, turn).await {
        Ok(answer) if !lost => answer,
        _ => hung_up(),
    }
}

/// The account gets every request whole and is heard to the end, also when our caller has gone: Azurite waits for ever
/// on requests that are broken off, and takes no others after some of those.
async fn forward(
    shared: &Shared,
    request: &HttpRequest,
    body: Bytes,
    turn: OwnedSemaphorePermit,
) -> reqwest::Result<HttpResponse> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes()).expect("a method");
    let mut call = shared.http.request(method, format!("{}{path}", shared.to));
    for (name, value) in request.headers() {
        if !OF_THIS_HOP.contains(&name.as_str()) {
            call = call.header(name.as_str(), value.as_bytes());
        }
    }
    if request.method() == Method::PUT {
        // An empty body would go without one, which the account refuses.
        call = call.header("content-length", body.len());
    }
    let asked = actix_web::rt::spawn(async move {
        let _turn = turn;
        let answer = call.body(body).send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
    });
    let (status, headers, body) = asked.await.expect("the task does not panic")?;
    let status = status.as_u16();
    if status >= 400 {
        *shared.counts.lock().expect("no panic with it").refusals.entry(status).or_default() += 1;
    }
    let mut ours = HttpResponse::build(StatusCode::from_u16(status).expect("a status"));
    for (name, value) in &headers {
        if !OF_THIS_HOP.contains(&name.as_str()) {
            ours.append_header((name.as_str(), value.as_bytes()));
        }
    }
    // The answer to HEAD tells the length of a body that it has not.
    let told = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let length = told.unwrap_or(body.len() as u64);
    Ok(ours.body(SizedStream::new(length, stream::iter([Ok::<_, std::io::Error>(body)]))))
}

fn refused(status: StatusCode, code: &str) -> HttpResponse {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>On purpose.</Message></Error>"
    );
    let mut answer = HttpResponse::build(status);
    answer.insert_header(("x-ms-error-code", code)).content_type("application/xml").body(body)
}

/// An answer whose body fails at once: the connection is closed before a byte of it has left.
fn hung_up() -> HttpResponse {
    let failure = std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "a fault that was asked for");
    HttpResponse::Ok().streaming(stream::iter([Err::<Bytes, _>(failure)]))
}
