//! HTTP/1.1 byte for byte: a client library would mend what these tests send, and hide what comes back.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use crate::world::PATIENCE;

/// An answer as it came over the wire; a chunked body is put together.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// All values of a header, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// `error.code` of an error body.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A request line, its headers and a body; what is missing stays missing.
pub fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<String>();
    [format!("{line} HTTP/1.1\r\n{headers}\r\n").as_bytes(), body].concat()
}

/// One exchange over a connection of its own. The request should ask for `Connection: close`.
pub async fn exchange(root: &str, request: &[u8]) -> Answer {
    let (mut reader, mut writer) = connect(root).await.into_split();
    let request = request.to_vec();
    // The answer may come before the request is out, and the rest of it is then nobody's.
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(&request).await;
        writer
    });
    let answer = timeout(PATIENCE, read_answer(&mut reader)).await.expect("an answer in time");
    drop(writing.await);
    answer
}

pub async fn connect(root: &str) -> TcpStream {
    let address = root.trim_start_matches("http://").trim_end_matches('/');
    TcpStream::connect(address).await.unwrap()
}

/// Reads one message's head: first line and headers.
pub async fn read_head(reader: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        match reader.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

pub async fn read_answer(reader: &mut OwnedReadHalf) -> Answer {
    let head = read_head(reader).await;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let mut answer = Answer { status: status.unwrap_or_default(), headers, body: vec![] };
    let length: Option<usize> = answer.header("content-length").and_then(|length| length.parse().ok());
    match length {
        _ if answer.header("transfer-encoding").is_some() => answer.body = read_chunks(reader).await,
        Some(length) => {
            answer.body.resize(length, 0);
            reader.read_exact(&mut answer.body).await.unwrap();
        }
        None => {}
    }
    answer
}

async fn read_chunks(reader: &mut OwnedReadHalf) -> Vec<u8> {
    let mut body = vec![];
    loop {
        let chunk = read_chunk(reader).await;
        if chunk.is_empty() {
            return body;
        }
        body.extend(chunk);
    }
}

/// One chunk of a chunked body; empty at its end.
pub async fn read_chunk(reader: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut size = vec![];
    while !size.ends_with(b"\r\n") {
        size.push(reader.read_u8().await.unwrap());
    }
    let size = usize::from_str_radix(String::from_utf8_lossy(&size).trim(), 16).unwrap();
    let mut chunk = vec![0; size + 2];
    reader.read_exact(&mut chunk).await.unwrap();
    chunk.truncate(size);
    chunk
}

/// A server on loopback that takes one connection after the other and leaves them to the test.
pub struct FarEnd {
    pub url: String,
    listener: TcpListener,
}

impl FarEnd {
    pub async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        Self { url, listener }
    }

    /// Where nobody listens, nor ever will: the port stays taken, or another test's server could get it.
    pub fn gone() -> String {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let url = format!("http://{}/", socket.local_addr().unwrap());
        std::mem::forget(socket);
        url
    }

    /// Waits for the next request; its head, and the connection behind that.
    pub async fn next(&self) -> (String, TcpStream) {
        let accepted = timeout(PATIENCE, self.listener.accept()).await.expect("a request in time");
        let (mut stream, _) = accepted.unwrap();
        let head = timeout(PATIENCE, read_head(&mut stream)).await.expect("a whole head in time");
        (head, stream)
    }

    /// Answers the next request with these bytes; gives its head.
    pub async fn answer(&self, bytes: &[u8]) -> String {
        let (head, mut stream) = self.next().await;
        stream.write_all(bytes).await.unwrap();
        head
    }
}

/// Stands before a far end and writes down what is sent to it.
pub struct Tap {
    /// Ends in a slash.
    pub url: String,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    pub async fn before(far_end: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (sent, far_end) = (Arc::<Mutex<Vec<u8>>>::default(), far_end.to_owned());
        let record = sent.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (reader, mut writer) = client.into_split();
                let (mut answers, onward) = connect(&far_end).await.into_split();
                tokio::spawn(copy_and_record(reader, onward, record.clone()));
                tokio::spawn(async move { tokio::io::copy(&mut answers, &mut writer).await });
            }
        });
        Self { url, sent }
    }

    /// Everything that was sent so far, as text.
    pub fn sent(&self) -> String {
        String::from_utf8_lossy(&self.sent.lock().unwrap()).into_owned()
    }

    /// The head of the last request whose first line starts like this.
    pub fn last(&self, line: &str) -> String {
        let sent = self.sent();
        let at = sent.rfind(line).unwrap_or_else(|| panic!("no request {line}"));
        sent[at..].split("\r\n\r\n").next().unwrap_or_default().to_owned()
    }
}

async fn copy_and_record(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, record: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        record.lock().unwrap().extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
