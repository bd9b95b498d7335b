//! Both far ends in this process, and the program beside them, as often as asked, on one store.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::json;
use servicenow_handoff::simulate::{
    copilot::{self, CopilotOptions, CopilotStudio},
    servicenow::{self, ServiceNow, ServiceNowOptions, Standing},
};

pub use crate::eventually::PATIENCE;
use crate::{eventually::found, faults::client::Client, free_port::free_port};

/// By this the Functions host says where to listen.
const HOST_PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

pub struct Stage {
    pub copilot: CopilotStudio,
    pub servicenow: ServiceNow,
    pub processes: Vec<Process>,
    pub http: reqwest::Client,
    folder: tempfile::TempDir,
}

/// The program on a port of its own, which it keeps over restarts.
pub struct Process {
    pub url: String,
    http: reqwest::Client,
    settings: Vec<(String, String)>,
    /// What it logs over all its lives, from warnings on.
    pub log: PathBuf,
    lives: AtomicUsize,
    child: Mutex<Option<Child>>,
}

impl Stage {
    pub async fn start(processes: usize) -> Self {
        Self::with(processes, ServiceNowOptions::default()).await
    }

    pub async fn with(processes: usize, options: ServiceNowOptions) -> Self {
        Self::on(processes, options, &[]).await
    }

    /// Under more settings, which may name another store than a SQLite file of the stage's own. A webhook
    /// without an answer doesn't end a chat here: the agent says it again.
    pub async fn on(processes: usize, options: ServiceNowOptions, more: &[(&str, &str)]) -> Self {
        let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
        let servicenow = servicenow::start(ServiceNowOptions {
            response_token: Some("responses".to_owned()),
            basic: Some(("connector".to_owned(), "password".to_owned())),
            abandon_on_error: false,
            webhook_timeout: PATIENCE,
            ..options
        })
        .await
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("handoff.db").display());
        let mut settings = vec![
            ("STORE", &*store),
            ("DIRECT_LINE_URL", copilot.url()),
            ("DIRECT_LINE_SECRET", copilot.secret()),
            ("SERVICENOW_URL", servicenow.url()),
            ("SERVICENOW_USERNAME", "connector"),
            ("SERVICENOW_PASSWORD", "password"),
            ("RESPONSES_TOKEN", "responses"),
        ];
        settings.extend(more);
        let http = servicenow_handoff::far_end::client().unwrap();
        let processes: Vec<Process> = (0..processes)
            .map(|number| Process::new(&settings, &http, folder.path().join(format!("{number}.log"))))
            .collect();
        for process in &processes {
            process.start().await;
        }
        let stage = Self { copilot, servicenow, processes, http, folder };
        stage.answer_to(0);
        stage
    }

    /// ServiceNow's webhooks go to this process from now on.
    pub fn answer_to(&self, process: usize) {
        self.servicenow.set_response_url(format!("{}/api/servicenow/responses", self.processes[process].url));
    }

    /// The bytes of each file of a SQLite store.
    pub fn stored(&self) -> Vec<Vec<u8>> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let database = files.filter(|file| file.file_name().unwrap().to_string_lossy().contains(".db"));
        database.map(|file| std::fs::read(file).unwrap()).collect()
    }

    pub fn urls(&self) -> Vec<String> {
        self.processes.iter().map(|process| process.url.clone()).collect()
    }

    /// A client whose chat is in ServiceNow's queue.
    pub async fn waiting_client(&self) -> Client {
        let mut client = Client::start(self).await;
        client.say("agent", "c-agent").await;
        client.read_until(|activity| activity["name"] == "handoff.initiate").await;
        client
    }

    /// A client with a live agent; it has read that.
    pub async fn live_client(&self) -> Client {
        let mut client = self.waiting_client().await;
        self.accept(&client.conversation).await;
        client.read_until(|activity| activity["value"]["state"] == "accepted").await;
        client
    }

    pub async fn accept(&self, session: &str) {
        let queued = |at: &ServiceNow| at.chat(session).is_some_and(|chat| chat.standing == Standing::Queued);
        assert!(self.servicenow.wait_for(PATIENCE, queued).await, "the chat {session} is not in the queue");
        assert!(self.servicenow.accept(session, "Ana Agent").await.is_success());
    }

    /// What the user said, as ServiceNow has it, in order.
    pub fn told(&self, session: &str) -> Vec<String> {
        let requests = self.servicenow.requests_of(session).into_iter();
        requests.filter(|request| request.action.is_empty()).map(|request| request.text).collect()
    }

    pub async fn agent_hears(&self, session: &str, texts: &[&str]) {
        let heard = |_: &ServiceNow| self.told(session).len() >= texts.len();
        let in_time = self.servicenow.wait_for(PATIENCE, heard).await;
        assert!(in_time, "ServiceNow was only told {:?}", self.told(session));
        assert_eq!(self.told(session), texts);
    }
}

/// What the programs logged is worth reading when a test fails.
impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for process in &self.processes {
                let logged = std::fs::read_to_string(&process.log).unwrap_or_default();
                println!("{} logged:\n{logged}", process.url);
            }
        }
    }
}

impl Process {
    fn new(settings: &[(&str, &str)], http: &reqwest::Client, log: PathBuf) -> Self {
        let port = free_port().to_string();
        // As the Functions host says it. Then nothing sweeps but its timer.
        let own = [(HOST_PORT, &*port), ("LOG", "warn")];
        let settings = settings.iter().chain(&own);
        Self {
            url: format!("http://127.0.0.1:{port}"),
            http: http.clone(),
            settings: settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            log,
            lives: AtomicUsize::new(0),
            child: Mutex::new(None),
        }
    }

    /// Starts it and waits until it answers; as the Functions host does, again when it ends because it can't reach
    /// its store.
    pub async fn start(&self) {
        *self.child.lock().unwrap() = Some(self.spawn());
        found(format!("{} answers", self.url), async || {
            if self.http.get(&self.url).send().await.is_ok() {
                return Some(());
            }
            let mut child = self.child.lock().unwrap();
            if child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some()) {
                *child = Some(self.spawn());
            }
            None
        })
        .await;
    }

    fn spawn(&self) -> Child {
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        let before = std::env::var_os("HANDLER_BEFORE").filter(|_| life.is_multiple_of(2));
        Command::new(before.unwrap_or_else(program))
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(OpenOptions::new().create(true).append(true).open(&self.log).unwrap())
            .spawn()
            .unwrap()
    }

    /// From its next start on it is nobody's handler, and looks after its store by itself.
    pub fn be_by_itself(&mut self) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        self.settings.retain(|(name, _)| name != HOST_PORT);
        self.settings.push(("LISTEN".to_owned(), listen));
    }

    /// The host's timer. One that is killed meanwhile does not answer.
    pub async fn fire_timer(&self) {
        let envelope = json!({"Data": {"timer": {}}, "Metadata": {"sys": {"MethodName": "sweep"}}});
        let call = self.http.post(format!("{}/sweep", self.url)).body(envelope.to_string());
        drop(call.send().await);
    }

    /// What one of the program's commands prints, under the same settings; nothing when it fails.
    pub fn run(&self, arguments: &[&str]) -> Option<String> {
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        let done = Command::new(program()).args(arguments).env_clear().envs(settings).output().unwrap();
        done.status.success().then(|| String::from_utf8(done.stdout).unwrap())
    }

    /// SIGKILL.
    pub fn kill(&self) {
        // A panic while it was started must not become another while it is ended.
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn program() -> OsString {
    std::env::var_os("HANDLER").unwrap_or_else(|| env!("CARGO_BIN_EXE_handler").into())
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
