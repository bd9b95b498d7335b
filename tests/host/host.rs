//! A model of the Functions host for custom handlers: how it starts one, asks it, and kills it.
//!
//! It follows the host's published source, version 4; it is not the host.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use actix_web::rt::time::sleep;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::sync::RwLock;

use crate::{
    front::{Front, Mode},
    package::{Package, Trigger},
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
    /// Requests wait on it while the handler is started again, as they do in the host.
    worker: RwLock<Worker>,
    settings: Vec<(String, String)>,
    invocations: AtomicU64,
}

struct Worker {
    port: u16,
    child: Child,
    console: Console,
}

/// What the handler wrote: standard output is information, standard error is errors.
#[derive(Clone, Default)]
pub struct Console {
    pub stdout: Arc<Mutex<Vec<String>>>,
    pub stderr: Arc<Mutex<Vec<String>>>,
}

impl Host {
    /// Starts the handler with these app settings and waits until it answers the probe.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(Mode::Proxy, settings).await
    }

    /// `Forward` is what a host does that is too old to proxy.
    pub async fn start_in(mode: Mode, settings: &[(&str, &str)]) -> Self {
        let package = Package::pack();
        let flag = match mode {
            Mode::Proxy => "enableProxyingHttpRequest",
            Mode::Forward => "enableForwardingHttpRequest",
        };
        assert!(package.flag(flag), "{flag} is off, so requests would come in the default payload");
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let settings: Vec<_> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let worker = Worker::start(&package, &client, &settings, Console::default()).await;
        let shared = Arc::new(Shared {
            package,
            client,
            worker: RwLock::new(worker),
            settings,
            invocations: AtomicU64::new(0),
        });
        let front = Front::open(mode, Arc::clone(&shared));
        Self { shared, front }
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
        self.shared.handler_url().await
    }

    /// SIGKILL, which the handler can't see coming, and then the restart.
    pub async fn kill_and_restart(&self) {
        let mut worker = self.shared.worker.write().await;
        worker.kill();
        let console = worker.console.clone();
        *worker =
            Worker::start(&self.shared.package, &self.shared.client, &self.shared.settings, console).await;
    }

    /// All the handler wrote so far, over restarts.
    pub async fn console(&self) -> Console {
        self.shared.worker.read().await.console.clone()
    }

    /// Fires a timer function.
    ///
    /// # Errors
    ///
    /// Why the host would count the invocation as failed, or wait for it until it times out.
    pub async fn fire_timer(&self, function: &str) -> Result<Value, String> {
        let Some(Trigger::Timer { binding, .. }) =
            self.package().function(function).map(|found| &found.trigger)
        else {
            return Err(format!("{function} is no timer function"));
        };
        let response = self
            .shared
            .client
            .post(format!("{}/{function}", self.handler_url().await))
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", format!("Azure-Functions-Host/{HOST_VERSION}"))
            .header("x-azure-functions-hostversion", HOST_VERSION)
            .header("x-azure-functions-invocationid", self.shared.new_invocation())
            .body(timer_payload(function, binding).to_string())
            .send()
            .await
            .map_err(|error| format!("no answer: {error}"))?;
        let status = response.status();
        let content_type = response.headers().get("content-type").cloned();
        let body = response.text().await.map_err(|error| format!("half an answer: {error}"))?;
        if !status.is_success() {
            return Err(format!("status {status}: the invocation fails and its logs are dropped"));
        }
        if !content_type
            .is_some_and(|value| value.to_str().unwrap_or_default().starts_with("application/json"))
        {
            return Err("the content type is not JSON".to_owned());
        }
        check_envelope(&body)
    }
}

impl Shared {
    pub async fn handler_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.worker.read().await.port)
    }

    /// The id of a new invocation, in the form of a GUID.
    pub fn new_invocation(&self) -> String {
        let number = self.invocations.fetch_add(1, Relaxed);
        format!("00000000-0000-4000-8000-{number:012x}")
    }
}

impl Worker {
    async fn start(
        package: &Package,
        client: &reqwest::Client,
        settings: &[(String, String)],
        console: Console,
    ) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut child = Command::new(package.executable())
            .args(package.arguments())
            .current_dir(package.root())
            .env_clear()
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .env("FUNCTIONS_HTTPWORKER_PORT", port.to_string())
            .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "00000000-0000-4000-8000-00000000aaaa")
            .env("FUNCTIONS_HTTPWORKER_ID", "00000000-0000-4000-8000-00000000aaaa")
            .env("FUNCTIONS_APP_ROOT_PATH", package.root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        collect_lines(child.stdout.take().unwrap(), Arc::clone(&console.stdout));
        collect_lines(child.stderr.take().unwrap(), Arc::clone(&console.stderr));
        let mut worker = Self { port, child, console };
        worker.wait_until_ready(client).await;
        worker
    }

    /// Asks `/` every 25 ms; any answer at all means ready.
    async fn wait_until_ready(&mut self, client: &reqwest::Client) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if client.get(format!("http://127.0.0.1:{}/", self.port)).send().await.is_ok() {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the handler ended at start with {status}: {:?}", self.console.stderr.lock().unwrap());
            }
            assert!(Instant::now() < deadline, "no answer to the probe within initializationTimeout");
            sleep(Duration::from_millis(25)).await;
        }
    }

    fn kill(&mut self) {
        // It may be gone already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn collect_lines(from: impl Read + Send + 'static, into: Arc<Mutex<Vec<String>>>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            into.lock().unwrap().push(line);
        }
    });
}

fn timer_payload(function: &str, binding: &str) -> Value {
    json!({
        "Data": {
            binding: {
                "Schedule": { "AdjustForDST": true },
                "ScheduleStatus": {
                    "Last": "2026-01-01T00:00:00+00:00",
                    "LastUpdated": "2026-01-01T00:00:00+00:00",
                    "Next": "2026-01-01T00:01:00+00:00"
                },
                "IsPastDue": false
            }
        },
        "Metadata": {
            "sys": {
                "MethodName": function,
                "UtcNow": "2026-01-01T00:00:00.0000000Z",
                "RandGuid": "00000000-0000-4000-8000-00000000bbbb"
            }
        }
    })
}

fn check_envelope(body: &str) -> Result<Value, String> {
    if matches!(body.trim(), "" | "null") {
        return Err("an empty answer: the invocation hangs until its time-out".to_owned());
    }
    let envelope: Value = serde_json::from_str(body).map_err(|error| format!("not JSON: {error}"))?;
    let outputs = envelope["Outputs"].as_object().ok_or("Outputs is not an object")?;
    let logs = envelope["Logs"].as_array().ok_or("Logs is not an array")?;
    if !logs.iter().all(Value::is_string) {
        return Err("Logs holds something that is no text".to_owned());
    }
    let returned = envelope.get("ReturnValue").ok_or("ReturnValue is missing")?;
    for value in outputs.values().chain([returned]) {
        if value.as_str().is_some_and(|text| !text.is_empty() && BASE64_STANDARD.decode(text).is_ok()) {
            return Err(format!("{value} looks like base64, which the host turns into bytes"));
        }
    }
    Ok(envelope)
}
