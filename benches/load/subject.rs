//! The processes: the far ends, and those that are measured in front of them.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{http::Connection, process::Process};

/// What a proxy costs that looks at nothing.
pub const HOP: &str = "bare actix-web + reqwest hop";
pub const OURS: &str = "**handler**";
/// What `BEFORE` names.
pub const BEFORE: &str = "handler before";

/// A process under test.
pub struct Subject {
    pub name: String,
    pub address: SocketAddr,
    pub process: Process,
}

pub struct FarEnds {
    pub address: SocketAddr,
    _process: Process,
}

pub fn far_ends() -> FarEnds {
    let (process, address) = Process::of_our_own(&["far-ends"]);
    FarEnds { address, _process: process }
}

pub fn hop(far_ends: &FarEnds) -> Subject {
    let (process, address) = Process::of_our_own(&["hop", &format!("http://{}", far_ends.address)]);
    Subject { name: HOP.to_owned(), address, process }
}

/// The binary of the package that `PACKAGE` names (see `scripts/package`), else the one Cargo built for this profile.
pub fn program() -> PathBuf {
    named("PACKAGE").unwrap_or_else(|| env!("CARGO_BIN_EXE_handler").into())
}

/// The binary in the folder that this variable names.
fn named(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable)?;
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join("handler"))
}

/// Our binary, and the one that `BEFORE` names: an older build, to be measured in turns with it.
pub async fn handlers(far_ends: &FarEnds, folder: &Path) -> Vec<Subject> {
    let mut all = vec![handler(far_ends, folder).await];
    if let Some(before) = named("BEFORE") {
        let folder = folder.join("before");
        fs::create_dir(&folder).expect("the folder is writable");
        let address = free_address();
        let subject = spawn(&before, far_ends, &folder, address, &[(HOST_PORT, &address.port().to_string())]);
        first_answer(address).await;
        all.push(Subject { name: BEFORE.to_owned(), ..subject });
    }
    all
}

/// Our binary, as the Functions host starts it; its log goes to a file.
pub async fn handler(far_ends: &FarEnds, folder: &Path) -> Subject {
    let subject = spawn_handler(far_ends, folder);
    first_answer(subject.address).await;
    subject
}

/// As [`handler`], but does not wait until it answers.
pub fn spawn_handler(far_ends: &FarEnds, folder: &Path) -> Subject {
    let address = free_address();
    spawn(&program(), far_ends, folder, address, &[(HOST_PORT, &address.port().to_string())])
}

/// Our binary as it runs outside the Functions host, where it serves sockets; under these settings besides.
pub async fn by_itself(far_ends: &FarEnds, folder: &Path, more: &[(&str, &str)]) -> Subject {
    let address = free_address();
    let listen = address.to_string();
    let settings = [&[("LISTEN", &*listen)], more].concat();
    let subject = spawn(&program(), far_ends, folder, address, &settings);
    first_answer(subject.address).await;
    subject
}

/// Where the Functions host says on which port it expects its handler.
const HOST_PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

fn spawn(
    program: &Path,
    far_ends: &FarEnds,
    folder: &Path,
    address: SocketAddr,
    settings: &[(&str, &str)],
) -> Subject {
    let root = format!("http://{}/", far_ends.address);
    let log = fs::File::create(folder.join("handler.log")).expect("the folder is writable");
    let mut command = Command::new(program);
    command.arg("serve").env_clear().stdout(log).stderr(Stdio::inherit()).envs([
        ("DIRECT_LINE_URL", root.as_str()),
        ("DIRECT_LINE_SECRET", "a-secret"),
        ("SERVICENOW_URL", &root),
        ("SERVICENOW_USERNAME", "integration"),
        ("SERVICENOW_PASSWORD", "a-password"),
        ("RESPONSES_TOKEN", RESPONSES_TOKEN),
        ("STORE", &*format!("sqlite:{}", folder.join("handoff.db").display())),
    ]);
    command.envs(settings.iter().copied());
    Subject { name: OURS.to_owned(), address, process: Process::spawn(&mut command) }
}

/// A bare HTTP server on Node.js, to compare a start with; `None` when it is not installed.
pub fn spawn_node() -> Option<Subject> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program =
        std::env::split_paths(&path).map(|folder| folder.join("node")).find(|file| file.is_file())?;
    let address = free_address();
    let script = format!(
        "require('node:http').createServer((_, answer) => answer.end()).listen({}, '127.0.0.1')",
        address.port()
    );
    let mut command = Command::new(program);
    command.arg("-e").arg(script);
    let name = "node:http server".to_owned();
    Some(Subject { name, address, process: Process::spawn(&mut command) })
}

pub const RESPONSES_TOKEN: &str = "a-token-for-responses";

/// `None` when nginx is not installed.
pub async fn nginx(far_ends: &FarEnds, folder: &Path, workers: usize) -> Option<Subject> {
    let program = nginx_program()?;
    let folder = folder.join(format!("nginx-{workers}"));
    fs::create_dir(&folder).expect("the folder is writable");
    let address = free_address();
    let config = folder.join("nginx.conf");
    fs::write(&config, nginx_config(far_ends.address, address, workers)).expect("the folder is writable");
    let command = || {
        let mut command = Command::new(&program);
        command.arg("-p").arg(&folder).arg("-c").arg(&config).args(["-e", "error.log"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut stop = command();
    stop.args(["-s", "stop"]);
    let process = Process::spawn(&mut command()).stopped_by(stop);
    first_answer(address).await;
    let name = format!("nginx, {workers} worker{}", if workers == 1 { "" } else { "s" });
    Some(Subject { name, address, process })
}

/// As many as our own: one a core.
pub fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Time from now to the first answer on `/`, of any status.
pub async fn first_answer(address: SocketAddr) -> Duration {
    let begun = Instant::now();
    loop {
        if let Ok(mut connection) = Connection::open(address).await {
            connection.ask(b"GET / HTTP/1.1\r\nhost: connector.example\r\n\r\n").await;
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{address} does not answer");
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

/// Debian keeps it where a user's `PATH` does not look.
fn nginx_program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join("nginx")).find(|program| program.is_file())
}

/// A free port of a moment ago; nobody else asks for ports here.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket has an address")
}

fn nginx_config(to: SocketAddr, at: SocketAddr, workers: usize) -> String {
    format!(
        "daemon off; worker_processes {workers}; pid nginx.pid; error_log error.log;
        events {{ worker_connections 1024; }}
        http {{
            access_log off; keepalive_requests 1000000000;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            upstream far {{ server {to}; keepalive 64; keepalive_requests 1000000000; }}
            server {{
                listen {at};
                location / {{ proxy_pass http://far; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}
                location = / {{ return 200; }}
            }}
        }}"
    )
}
