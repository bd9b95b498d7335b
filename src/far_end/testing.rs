//! A far end for the clients' tests: a real HTTP server that answers as told and remembers what it heard.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use url::Url;

/// A request as it arrived; header names in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

/// What the server does with a request.
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Closes the connection unanswered.
    HangUp,
    /// Keeps the connection open, unanswered.
    Silence,
    /// Promises more body than it sends.
    CutShort,
}

impl Reply {
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Self::Answer { status, headers, body: body.to_string().into_bytes() }
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self::Answer { status, headers: vec![], body: body.as_bytes().to_vec() }
    }
}

pub(crate) struct FarEnd {
    pub url: Url,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl FarEnd {
    /// Starts a server on a free port; `answer` gets each request and how many came before it.
    pub fn start(answer: impl Fn(&Heard, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&heard));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                thread::spawn(move || serve(stream, &*answer, &log));
            }
        });
        Self { url: Url::parse(&format!("http://{address}/")).expect("a URL"), heard }
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `METHOD target` of each request, in order.
    pub fn targets(&self) -> Vec<String> {
        self.heard().iter().map(|heard| format!("{} {}", heard.method, heard.target)).collect()
    }
}

fn serve(stream: TcpStream, answer: &dyn Fn(&Heard, usize) -> Reply, log: &Mutex<Vec<Heard>>) {
    let mut stream = BufReader::new(stream);
    let Some(heard) = hear(&mut stream) else { return };
    let before = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(heard.clone());
        log.len() - 1
    };
    let reply = match answer(&heard, before) {
        Reply::HangUp => return,
        Reply::Silence => {
            stream.read_to_end(&mut Vec::new()).ok();
            return;
        }
        Reply::CutShort => b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"status".to_vec(),
        Reply::Answer { status, headers, body } => {
            let mut reply =
                format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
            for (name, value) in headers {
                reply += &format!("{name}: {value}\r\n");
            }
            [reply.into_bytes(), b"\r\n".to_vec(), body].concat()
        }
    };
    stream.get_mut().write_all(&reply).ok();
}

fn hear(stream: &mut BufReader<TcpStream>) -> Option<Heard> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut heard = Heard { method: words.next()?, target: words.next()?, ..Heard::default() };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        heard.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = heard.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    heard.body = vec![0; length];
    stream.read_exact(&mut heard.body).ok()?;
    Some(heard)
}
