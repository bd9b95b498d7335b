//! The program as it is deployed: a process of its own, behind a front that treats it as the host does.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    free_port::free_port,
    live::wire::{connect, read_head},
    program::{Program, command},
};

/// How the log is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As in the Functions host.
    Json,
    Plain,
}

pub struct Process {
    program: Program,
    /// The front's, without a slash at the end.
    pub url: String,
    requests: Arc<AtomicU32>,
}

impl Process {
    /// Starts `handler serve` with `LOG=trace` and waits until it listens.
    pub async fn start(style: Style, settings: &[(&str, &str)]) -> Self {
        let mut command = command(settings.iter().copied());
        command.env("LOG", "trace");
        if style == Style::Json {
            command.env("FUNCTIONS_CUSTOMHANDLER_PORT", free_port().to_string());
        }
        let program = Program::run(command);
        let (url, requests) = front(program.url.clone()).await;
        Self { program, url, requests }
    }

    /// Ends it in order; everything it wrote, line by line.
    pub fn end(mut self) -> Vec<String> {
        self.program.signal("TERM");
        self.program.ended();
        assert_eq!(self.program.errors(), "", "the host takes each line of it for an error");
        self.program.log().lines().map(str::to_owned).collect()
    }

    /// How many requests came through the front; they were numbered from 1.
    pub fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// As the host names the invocation that is this request.
pub fn invocation(number: u32) -> String {
    format!("0b7f5f2e-0000-4000-8000-{number:012}")
}

/// The trace that this request belongs to.
pub fn trace_id(number: u32) -> String {
    format!("4bf92f3577b34da6a3ce9{number:011}")
}

/// Passes each request on with an invocation id and a trace of its own.
async fn front(handler: String) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::<AtomicU32>::default();
    let count = requests.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, handler.clone(), count.fetch_add(1, Ordering::Relaxed) + 1));
        }
    });
    (url, requests)
}

/// One request a connection.
async fn pass(mut client: TcpStream, handler: String, number: u32) {
    let head = read_head(&mut client).await;
    let field = |name: &str| {
        let value =
            head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)));
        value.map(|(_, value)| value.to_owned())
    };
    let length = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if client.read_exact(&mut body).await.is_err() {
        return;
    }
    let more = format!(
        "connection: close\r\nx-azure-functions-invocationid: {}\r\ntraceparent: 00-{}-00f067aa0ba902b7-01\r\n\r\n",
        invocation(number),
        trace_id(number)
    );
    let mut onward = connect(&handler).await;
    let sent = [head.trim_end().as_bytes(), b"\r\n", more.as_bytes(), &body].concat();
    if onward.write_all(&sent).await.is_ok() {
        let _ = tokio::io::copy(&mut onward, &mut client).await;
    }
}
