//! Direct Line's web socket, as a client has it: over the connections, certificates and proxies of every other call.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{
    RequestBuilder, Response, StatusCode, Upgraded,
    header::{CONNECTION, HeaderMap, UPGRADE},
};
use serde_json::Value;
use sha1::{Digest as _, Sha1};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout, timeout_at},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Bytes, Message,
        protocol::{Role, WebSocketConfig},
    },
};
use url::Url;

use super::{DirectLine, LONGEST_ANSWER, READ_TIME_OUT, with_trace};
use crate::{
    far_end::{self, CallError},
    wire::json,
};

/// A socket on which nothing comes for so long is asked whether it is there.
pub const SILENCE: Duration = Duration::from_secs(15);
/// And it is given up when then nothing comes for so long.
pub const ANSWER: Duration = Duration::from_secs(10);
/// One that answers, but brings no frame of Direct Line's for so long, is given up as well: Direct Line keeps its sockets open with
/// empty frames, and what stands between may answer for an end that is dead.
pub const QUIET: Duration = Duration::from_secs(60);
/// Each socket has such a buffer for as long as it lives.
const BUFFER: usize = 8 * 1_024;
/// RFC 6455, 1.3.
const ACCEPT_SALT: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// An open socket.
pub struct Stream<S = Upgraded> {
    socket: WebSocketStream<S>,
    heard: Instant,
    asked: bool,
    said: Instant,
    has_spoken: bool,
    collided: bool,
}

impl DirectLine {
    /// Where the socket of a conversation is, from `watermark` on. `None`: Direct Line offers none.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn stream_url(
        &self,
        conversation: &str,
        authorization: &str,
        watermark: Option<&str>,
        traceparent: Option<&str>,
    ) -> Result<Option<Url>, CallError> {
        let mut url = self.root().await?;
        url.path_segments_mut()
            .expect("an http URL has a path")
            .pop_if_empty()
            .extend(["conversations", conversation]);
        if let Some(watermark) = watermark.filter(|watermark| !watermark.is_empty()) {
            url.query_pairs_mut().append_pair("watermark", watermark);
        }
        let get = self.http.get(url).timeout(READ_TIME_OUT);
        Ok(address(&self.call(with_trace(get, traceparent), authorization, None).await?.body))
    }

    /// Opens the socket at an address that Direct Line gave out.
    ///
    /// # Errors
    /// See [`CallError`]; an address is good for a minute and for one try.
    pub async fn stream(&self, url: Url, headers: HeaderMap) -> Result<Stream, CallError> {
        connect(self.http.get(url).headers(headers)).await
    }
}

/// The socket's address in an answer of start or reconnect, as HTTP: encrypted, or on this machine.
pub fn address(body: &[u8]) -> Option<Url> {
    let answer = json::read(body).ok()?.value;
    let mut url = Url::parse(answer.get("streamUrl").and_then(Value::as_str)?).ok()?;
    // What Direct Line calls wss is written https in its documentation.
    let scheme = match url.scheme() {
        "wss" | "https" => "https",
        "ws" | "http" if is_here(&url) => "http",
        _ => return None,
    };
    url = Url::parse(&url.as_str().replacen(url.scheme(), scheme, 1)).ok()?;
    Some(url)
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

async fn connect(get: RequestBuilder) -> Result<Stream, CallError> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|_| CallError::NotSent(None))?;
    let key = BASE64_STANDARD.encode(key);
    let get = get
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", &key);
    let opening = async {
        let response = far_end::send(get).await?;
        accepted(&response, &key)?;
        response.upgrade().await.map_err(far_end::no_answer)
    };
    let upgraded = timeout(READ_TIME_OUT, opening).await.map_err(|_| CallError::Uncertain(None))??;
    Ok(Stream::over(upgraded).await)
}

fn accepted(response: &Response, key: &str) -> Result<(), CallError> {
    let status = response.status();
    let proof = BASE64_STANDARD.encode(Sha1::digest(format!("{key}{ACCEPT_SALT}")));
    match response.headers().get("sec-websocket-accept") {
        Some(given) if status == StatusCode::SWITCHING_PROTOCOLS && given.as_bytes() == proof.as_bytes() => {
            Ok(())
        }
        _ if status.is_client_error() => Err(CallError::Rejected { status: status.as_u16(), code: None }),
        _ => Err(CallError::Failed { status: status.as_u16() }),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// Over a connection that has been upgraded.
    pub async fn over(upgraded: S) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(LONGEST_ANSWER))
            .max_frame_size(Some(LONGEST_ANSWER));
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        let now = Instant::now();
        Self { socket, heard: now, asked: false, said: now, has_spoken: false, collided: false }
    }

    /// The next batch of activities, as it came; `None` once there is nothing more to come. May be called again after it was
    /// cancelled.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            let patience = if self.asked { ANSWER } else { SILENCE };
            let quiet_until = self.said + QUIET;
            match timeout_at(quiet_until.min(self.heard + patience), self.socket.next()).await {
                Ok(Some(Ok(message))) => {
                    (self.heard, self.asked) = (Instant::now(), false);
                    if message.is_text() || message.is_binary() {
                        (self.said, self.has_spoken) = (self.heard, true);
                    }
                    match message {
                        // An empty one only keeps the connection open.
                        Message::Text(text) if text.is_empty() => {}
                        Message::Text(text) => return Some(text.as_str().to_owned()),
                        // A hand-off is one in whatever frame it comes.
                        Message::Binary(bytes) if !bytes.is_empty() => {
                            return Some(String::from_utf8_lossy(&bytes).into_owned());
                        }
                        Message::Close(why) => {
                            self.collided = why.is_some_and(|why| why.reason.contains("ollision"));
                            return None;
                        }
                        Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                    }
                }
                Ok(Some(Err(_)) | None) => return None,
                Err(_) if self.asked || Instant::now() >= quiet_until => return None,
                Err(_) => {
                    (self.heard, self.asked) = (Instant::now(), true);
                    timeout(ANSWER, self.socket.send(Message::Ping(Bytes::new()))).await.ok()?.ok()?;
                }
            }
        }
    }

    /// Whether any frame of Direct Line's has come.
    pub fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    /// Whether it was closed because the conversation has another one: Direct Line serves one at a time.
    pub fn collided(&self) -> bool {
        self.collided
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    /// A socket, and the far end of it.
    async fn pair() -> (Stream<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        (Stream::over(ours).await, WebSocketStream::from_raw_socket(theirs, Role::Server, None).await)
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_is_silent_and_answers_no_ping_is_given_up() {
        let (mut stream, _theirs) = pair().await;
        let begun = Instant::now();
        assert_eq!(stream.next().await, None);
        assert_eq!(begun.elapsed(), SILENCE + ANSWER);
        assert!(!stream.collided());
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_answers_pings_and_says_nothing_is_given_up() {
        let (mut stream, mut theirs) = pair().await;
        let begun = Instant::now();
        // Whoever reads answers pings.
        let answers = async { while theirs.next().await.is_some() {} };
        let ended = tokio::select! {
            ended = stream.next() => ended,
            () = answers => unreachable!("it is read until the end"),
        };
        assert_eq!((ended, begun.elapsed(), stream.has_spoken()), (None, QUIET, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_is_kept_open_by_empty_frames_is_kept() {
        let (mut stream, mut theirs) = pair().await;
        let kept = timeout(20 * SILENCE, async {
            tokio::join!(stream.next(), async {
                loop {
                    tokio::time::sleep(SILENCE / 2).await;
                    theirs.send(Message::text("")).await.expect("it is read");
                }
            })
        });
        assert!(kept.await.is_err());
        theirs.send(Message::text("{}")).await.expect("it is read");
        assert_eq!(stream.next().await.as_deref(), Some("{}"));
        assert!(stream.has_spoken());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_said_in_a_binary_frame_is_said() {
        let (mut stream, mut theirs) = pair().await;
        for frame in [&b""[..], b"{}", b"\xff\"handoff.initiate\""] {
            theirs.send(Message::binary(frame)).await.expect("it is read");
        }
        assert_eq!(stream.next().await.as_deref(), Some("{}"));
        assert_eq!(stream.next().await.as_deref(), Some("\u{fffd}\"handoff.initiate\""));
    }

    #[test]
    fn an_address_is_encrypted_or_on_this_machine() {
        for (given, expected) in [
            ("wss://europe.example.com/v3/x?t=1", Some("https://europe.example.com/v3/x?t=1")),
            ("https://europe.example.com/x", Some("https://europe.example.com/x")),
            ("ws://127.0.0.1:81/x", Some("http://127.0.0.1:81/x")),
            ("ws://europe.example.com/x", None),
            ("file:///x", None),
            ("", None),
        ] {
            let body = serde_json::json!({"streamUrl": given}).to_string();
            assert_eq!(address(body.as_bytes()).as_ref().map(Url::as_str), expected, "{given}");
        }
        assert_eq!(address(b"{}"), None);
        assert_eq!(address(b"<html>"), None);
    }
}
