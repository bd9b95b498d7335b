//! A model of the Functions host for custom handlers: how it starts one, asks it, and kills it.
//!
//! It follows the host's published source, version 4; it is not the host.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::sync::watch;

use crate::host::{
    front::{Front, Mode},
    package::{Package, Trigger},
    restarts::{EXCEEDED, FORGETTING, Next, Restarts},
    timer::{self, Firing},
    worker::{Console, Worker},
};

pub const HOST_VERSION: &str = "4.1037.0";

pub struct Host {
    shared: Arc<Shared>,
    front: Front,
}

/// What the host's HTTP side and its owner both need.
pub struct Shared {
    pub package: Package,
    pub client: reqwest::Client,
    function_timeout: Mutex<Duration>,
    standing: watch::Sender<Standing>,
    worker: tokio::sync::Mutex<Option<Worker>>,
    console: Console,
    settings: Vec<(String, String)>,
    invocations: AtomicU64,
    restarts: Mutex<Restarts>,
    clock: Mutex<Duration>,
}

/// Requests wait while the handler is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Starting,
    Ready {
        port: u16,
    },
    /// It ended with exit code 0, which asks the host to leave it so.
    Left,
    ShutDown,
}

/// The host shut down: the handler ended three times in a row.
#[derive(Debug)]
pub struct GaveUp {
    /// The host's own last line.
    pub said: &'static str,
    /// All the handler wrote to standard error, over the restarts.
    pub errors: Vec<String>,
}

impl Host {
    /// Starts the handler with these app settings and waits until it answers the probe.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(Mode::Proxy, settings).await
    }

    /// `Forward` is what a host does that is too old to proxy.
    pub async fn start_in(mode: Mode, settings: &[(&str, &str)]) -> Self {
        let host = Self::open(mode, settings);
        host.start_handler().await.unwrap();
        host
    }

    /// A host that takes requests, which then wait until the handler is [started](Self::start_handler).
    pub fn open(mode: Mode, settings: &[(&str, &str)]) -> Self {
        let package = Package::pack();
        let flag = match mode {
            Mode::Proxy => "enableProxyingHttpRequest",
            Mode::Forward => "enableForwardingHttpRequest",
        };
        assert!(package.flag(flag), "{flag} is off, so requests would come in the default payload");
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let shared = Arc::new(Shared {
            function_timeout: Mutex::new(package.time("functionTimeout")),
            package,
            client,
            standing: watch::Sender::new(Standing::Starting),
            worker: tokio::sync::Mutex::default(),
            console: Console::default(),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            invocations: AtomicU64::new(0),
            restarts: Mutex::default(),
            clock: Mutex::default(),
        });
        let front = Front::open(mode, Arc::clone(&shared));
        Self { shared, front }
    }

    /// From now on invocations may take so long instead of what the package says.
    pub fn times_out_after(&self, function_timeout: Duration) {
        *self.shared.function_timeout.lock().unwrap() = function_timeout;
    }

    /// Starts the handler, again and again as long as the host would.
    pub async fn start_handler(&self) -> Result<(), GaveUp> {
        self.shared.start_handler().await
    }

    /// The public root, without a slash at the end.
    pub fn url(&self) -> &str {
        self.front.url()
    }

    pub fn package(&self) -> &Package {
        &self.shared.package
    }

    /// A request from outside.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.shared.client.request(method, format!("{}{path}", self.url()))
    }

    /// Where the handler itself listens; nobody outside can reach it.
    pub async fn handler_url(&self) -> String {
        self.shared.handler_url().await.unwrap()
    }

    /// The handler's process, as long as it runs.
    pub async fn process(&self) -> Option<u32> {
        let mut worker = self.shared.worker.lock().await;
        worker.as_mut().and_then(|worker| worker.is_running().then(|| worker.id()))
    }

    /// SIGTERM, as when the host is scaled in; then there is no handler until one is [started](Self::start_handler).
    pub async fn end_handler(&self) {
        self.shared.standing.send_replace(Standing::Starting);
        let mut worker = self.shared.worker.lock().await.take().unwrap();
        assert_eq!(worker.end().await, Some(143));
    }

    /// SIGKILL, which the handler can't see coming, and what the host then does.
    pub async fn crash(&self) -> Result<(), GaveUp> {
        self.shared.kill().await;
        self.shared.go_on_after(None).await
    }

    /// What the host does once the handler has ended, which is waited for.
    pub async fn ended_by_itself(&self) -> Result<(), GaveUp> {
        self.shared.standing.send_replace(Standing::Starting);
        let mut worker = self.shared.worker.lock().await.take().unwrap();
        self.shared.go_on_after(worker.ended().await).await
    }

    /// A crash in quieter times than the three that shut the host down.
    pub async fn kill_and_restart(&self) {
        self.let_pass(2 * FORGETTING);
        self.crash().await.unwrap();
    }

    /// Moves the clock that the host counts crashes by.
    pub fn let_pass(&self, time: Duration) {
        *self.shared.clock.lock().unwrap() += time;
    }

    /// All the handler wrote so far, over restarts.
    pub fn console(&self) -> &Console {
        &self.shared.console
    }

    /// Fires a timer function in time.
    ///
    /// # Errors
    ///
    /// As [`timer::outcome`].
    pub async fn fire_timer(&self, function: &str) -> Result<Value, String> {
        self.fire_timer_as(Firing::OnTime, function).await
    }

    pub async fn fire_timer_as(&self, firing: Firing, function: &str) -> Result<Value, String> {
        let Some(Trigger::Timer { binding, .. }) =
            self.package().function(function).map(|found| &found.trigger)
        else {
            return Err(format!("{function} is no timer function"));
        };
        let post = self
            .shared
            .client
            .post(format!("{}/{function}", self.handler_url().await))
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", format!("Azure-Functions-Host/{HOST_VERSION}"))
            .header("x-azure-functions-hostversion", HOST_VERSION)
            .header("x-azure-functions-invocationid", self.shared.new_invocation())
            .body(timer::payload(function, binding, firing).to_string());
        timer::outcome(post.send().await.map_err(|error| format!("no answer: {error}"))?).await
    }
}

/// The front's threads may hold on to the rest for longer than the test lasts.
impl Drop for Host {
    fn drop(&mut self) {
        if let Ok(mut worker) = self.shared.worker.try_lock() {
            drop(worker.take());
        }
    }
}

impl Shared {
    /// How long an invocation may take; the handler is killed for one that takes longer.
    pub fn function_timeout(&self) -> Duration {
        *self.function_timeout.lock().unwrap()
    }

    /// Waits while the handler is started; `None` once there is none to wait for.
    pub async fn handler_url(&self) -> Option<String> {
        let mut standing = self.standing.subscribe();
        let settled = standing.wait_for(|standing| *standing != Standing::Starting).await.unwrap();
        match *settled {
            Standing::Ready { port } => Some(format!("http://127.0.0.1:{port}")),
            _ => None,
        }
    }

    /// The id of a new invocation, in the form of a GUID.
    pub fn new_invocation(&self) -> String {
        let number = self.invocations.fetch_add(1, Relaxed);
        format!("00000000-0000-4000-8000-{number:012x}")
    }

    /// An invocation took too long: the one process goes, and with it all it was doing.
    pub async fn end_invocations(&self) {
        self.kill().await;
        // The host's own doing is no error of the handler's.
        self.start_handler().await.unwrap();
    }

    async fn kill(&self) {
        self.standing.send_replace(Standing::Starting);
        if let Some(mut worker) = self.worker.lock().await.take() {
            worker.kill();
        }
    }

    async fn start_handler(&self) -> Result<(), GaveUp> {
        loop {
            match Worker::start(&self.package, &self.client, &self.settings, &self.console).await {
                Ok(worker) => {
                    let port = worker.port;
                    *self.worker.lock().await = Some(worker);
                    self.standing.send_replace(Standing::Ready { port });
                    return Ok(());
                }
                Err(code) => {
                    if !self.is_started_again(code)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn go_on_after(&self, code: Option<i32>) -> Result<(), GaveUp> {
        if self.is_started_again(code)? { self.start_handler().await } else { Ok(()) }
    }

    fn is_started_again(&self, code: Option<i32>) -> Result<bool, GaveUp> {
        let at = *self.clock.lock().unwrap();
        match self.restarts.lock().unwrap().after(code, at) {
            Next::StartAgain => Ok(true),
            Next::LeaveIt => {
                self.standing.send_replace(Standing::Left);
                Ok(false)
            }
            Next::ShutDown => {
                self.standing.send_replace(Standing::ShutDown);
                Err(GaveUp { said: EXCEEDED, errors: self.console.stderr.lock().unwrap().clone() })
            }
        }
    }
}
