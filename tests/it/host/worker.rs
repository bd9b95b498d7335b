//! The handler's process, as the host starts it.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use actix_web::rt::time::sleep;
use tokio::time::Duration;

use crate::{free_port::free_port, host::package::Package, program::signal};

pub const FLEX: [(&str, &str); 4] = [
    ("WEBSITE_SKU", "FlexConsumption"),
    ("WEBSITE_POD_NAME", "0--4711"),
    ("CONTAINER_NAME", "0--4711"),
    ("LEGION_SERVICE_HOST", "10.0.0.1"),
];
/// Between two probes of `/`.
const PROBE: Duration = Duration::from_millis(25);

pub struct Worker {
    pub port: u16,
    child: Child,
    readers: Vec<thread::JoinHandle<()>>,
}

/// What Azure sets on an instance of Flex Consumption; nothing for a host on somebody's own machine, as one with its
/// store in a file is.
fn platform(settings: &[(String, String)]) -> &'static [(&'static str, &'static str)] {
    let is_local = settings.iter().any(|(name, value)| name == "STORE" && value.starts_with("sqlite:"));
    if is_local { &[] } else { &FLEX }
}

/// What the handler wrote: standard output is information, standard error is errors.
#[derive(Clone, Default)]
pub struct Console {
    pub stdout: Arc<Mutex<Vec<String>>>,
    pub stderr: Arc<Mutex<Vec<String>>>,
}

impl Worker {
    /// Starts it and waits until it answers the probe.
    ///
    /// # Errors
    ///
    /// The exit code of one that ended instead; `None` is a signal.
    pub async fn start(
        package: &Package,
        client: &reqwest::Client,
        settings: &[(String, String)],
        console: &Console,
    ) -> Result<Self, Option<i32>> {
        let port = free_port();
        let mut child = Command::new(package.executable())
            .args(package.arguments())
            .current_dir(package.root())
            .env_clear()
            .envs(platform(settings).iter().copied())
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
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let readers = vec![
            collect_lines(stdout, Arc::clone(&console.stdout)),
            collect_lines(stderr, Arc::clone(&console.stderr)),
        ];
        let mut worker = Self { port, child, readers };
        let ready = worker.wait_until_ready(client, package.time("initializationTimeout")).await;
        if ready.is_err() {
            // Its last words are in the console before anybody looks there.
            worker.read_to_the_end();
        }
        ready.map(|()| worker)
    }

    /// Asks `/` again and again; any answer at all means ready.
    async fn wait_until_ready(
        &mut self,
        client: &reqwest::Client,
        patience: Duration,
    ) -> Result<(), Option<i32>> {
        let deadline = Instant::now() + patience;
        loop {
            if client.get(format!("http://127.0.0.1:{}/", self.port)).send().await.is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                return Err(status.code());
            }
            assert!(Instant::now() < deadline, "no answer to the probe within initializationTimeout");
            sleep(PROBE).await;
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGTERM, as the host ends workers when it is scaled in; the exit code, once its last words are in the console.
    pub async fn end(&mut self) -> Option<i32> {
        signal(self.id(), "TERM");
        self.ended().await
    }

    /// The exit code once it has ended, and its last words are in the console.
    pub async fn ended(&mut self) -> Option<i32> {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            sleep(PROBE).await;
        };
        self.read_to_the_end();
        status.code()
    }

    fn read_to_the_end(&mut self) {
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
    }

    /// SIGKILL; the host has nothing gentler.
    pub fn kill(&mut self) {
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

fn collect_lines(from: impl Read + Send + 'static, into: Arc<Mutex<Vec<String>>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            into.lock().unwrap().push(line);
        }
    })
}
