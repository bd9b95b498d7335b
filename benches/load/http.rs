//! An HTTP/1.1 client as small as it can be: it shares the machine with what it measures.

use std::{net::SocketAddr, time::Duration};

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that is kept alive; one request at a time.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer; its body is in the connection's buffer until the next request.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Connection {
    pub async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1_024) })
    }

    /// Sends the bytes of a request and waits for the whole answer, which must tell its length.
    pub async fn ask(&mut self, request: &[u8]) -> Answer<'_> {
        timeout(PATIENCE, self.exchange(request)).await.expect("an answer within half a minute")
    }

    async fn exchange(&mut self, request: &[u8]) -> Answer<'_> {
        self.buffer.clear();
        self.stream.write_all(request).await.expect("the connection stays open");
        let head = loop {
            self.read().await;
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (status, length) = read_head(&self.buffer[..head]);
        while self.buffer.len() < head + length {
            self.read().await;
        }
        Answer { status, body: &self.buffer[head..] }
    }

    async fn read(&mut self) {
        let read = self.stream.read_buf(&mut self.buffer).await.expect("the connection stays open");
        assert!(read > 0, "the connection was closed in the middle of an answer");
    }
}

fn read_head(head: &[u8]) -> (u16, usize) {
    let head = std::str::from_utf8(head).expect("headers are ASCII here");
    let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status line");
    let lengths = head.lines().filter_map(|line| line.split_once(':'));
    let mut length = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.next_back().and_then(|(_, value)| value.trim().parse().ok());
    (status, length.unwrap_or_else(|| panic!("no length: {head}")))
}

/// What a browser's Direct Line client sends, and what the Functions host adds on the way.
pub fn client_request(method: &str, path: &str, conversation: &str, body: &str) -> Vec<u8> {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: connector.example\r\naccept: application/json\r\n\
         accept-encoding: gzip, deflate, br\r\naccept-language: en-GB,en;q=0.9\r\n\
         authorization: Bearer {}\r\norigin: https://www.example.com\r\nreferer: https://www.example.com/\r\n\
         user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
         x-ms-bot-agent: DirectLine/3.0 (directlinejs 0.15.8)\r\n\
         x-azure-functions-invocationid: 6f1f5c1e-8a53-4c1e-b7a4-0c6f3a2d9e10\r\n",
        token(conversation)
    );
    if method == "POST" {
        head += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    (head + "\r\n" + body).into_bytes()
}

/// As long as a token of Copilot Studio's, and good for a long time.
fn token(conversation: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let claims = format!(
        r#"{{"bot":"guide","site":"a","conv":"{conversation}","nbf":1700000000,"exp":4102444800,"iss":"https://directline.botframework.com/","aud":"https://directline.botframework.com/"}}"#
    );
    let (header, signature) = (URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#), "s".repeat(342));
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
}
