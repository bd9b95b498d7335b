//! The connector as a process of its own, which can be killed and is started again, as a host would.

use std::{
    env, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tracing::error;

use super::timeline::Timeline;

/// The hidden command that [`serve_until_abandoned`] belongs to.
const COMMAND: &str = "demo-connector";
/// What a process needs of the machine's environment; settings of the user's own must not get in.
const PASSED_ON: [&str; 9] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SystemRoot",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "RUST_BACKTRACE",
];
const LOOK: Duration = Duration::from_millis(20);
/// Dies it sooner, and so often, it can't be helped by starting it again.
const TOO_SOON: Duration = Duration::from_secs(1);
const TOO_OFTEN: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(20);

/// A connector that runs; it ends when this is dropped.
pub struct Connector(Arc<Shared>);

struct Shared {
    settings: Vec<(&'static str, String)>,
    address: SocketAddr,
    child: Mutex<Option<Child>>,
    ends: AtomicBool,
    /// How often in a row it died too soon, without being killed.
    early_deaths: AtomicU32,
    timeline: Arc<Timeline>,
}

impl Connector {
    /// Starts it with these settings on a port of its own, and waits until it answers.
    ///
    /// # Errors
    /// When it can't be started, or does not answer in 20 s.
    pub async fn start(settings: Vec<(&'static str, String)>, timeline: Arc<Timeline>) -> io::Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let (child, ends, early_deaths) = (Mutex::default(), AtomicBool::default(), AtomicU32::default());
        let shared = Arc::new(Shared { settings, address, child, ends, early_deaths, timeline });
        let connector = Self(shared.clone());
        shared.spawn()?;
        thread::Builder::new().name("connector".to_owned()).spawn(move || shared.keep_running())?;
        connector.answers().await?;
        Ok(connector)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// SIGKILL, at once, and as often as asked. It is started again by itself.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&self) -> io::Result<()> {
        self.0.early_deaths.store(0, Ordering::Relaxed);
        match self.0.child().as_mut() {
            Some(child) => child.kill(),
            None => Ok(()),
        }
    }

    async fn answers(&self) -> io::Result<()> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE && !self.0.ends.load(Ordering::Relaxed) {
            if tokio::net::TcpStream::connect(self.address()).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(io::Error::other("The connector's process does not answer; LOG=info shows what it says."))
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        self.0.ends.store(true, Ordering::Relaxed);
        if let Some(mut child) = self.0.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Shared {
    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self) -> io::Result<()> {
        let passed_on = PASSED_ON.iter().filter_map(|name| Some((*name, env::var_os(name)?)));
        let mut command = Command::new(env::current_exe()?);
        command.arg(COMMAND).env_clear().envs(passed_on);
        command.env("LISTEN", self.address.to_string()).envs(self.settings.iter().map(|(k, v)| (k, v)));
        // Its end of this pipe tells it when the demo is no more.
        let child = command.stdin(Stdio::piped()).spawn()?;
        self.timeline.process(format!("The connector's process {} starts.", child.id()));
        *self.child() = Some(child);
        Ok(())
    }

    /// Starts it again whenever it has died.
    fn keep_running(&self) {
        let mut since = Instant::now();
        while !self.ends.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
            let ended = self.child().as_mut().and_then(|child| child.try_wait().ok().flatten());
            let Some(status) = ended.filter(|_| !self.ends.load(Ordering::Relaxed)) else { continue };
            self.timeline.process(format!("The connector's process ended: {status}."));
            if since.elapsed() >= TOO_SOON {
                self.early_deaths.store(0, Ordering::Relaxed);
            }
            let early_deaths = self.early_deaths.fetch_add(1, Ordering::Relaxed) + 1;
            if early_deaths > TOO_OFTEN || self.spawn().is_err() {
                let what = "The connector can't be started again; end the demo, and start it with LOG=info to see why.";
                error!("{what}");
                self.timeline.process(what.to_owned());
                self.ends.store(true, Ordering::Relaxed);
                return;
            }
            since = Instant::now();
        }
    }
}

/// Ends this process when the one that started it is gone, however it went.
///
/// # Errors
/// When no thread can be started.
pub fn end_when_abandoned() -> io::Result<()> {
    thread::Builder::new().name("parent".to_owned()).spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    })?;
    Ok(())
}
