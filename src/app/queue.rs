//! Those who were let into the port's queue when the process was told to end: the system would cut them off without a word.

use std::{
    io,
    net::{Shutdown, TcpListener},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use futures_util::future::join_all;
use serde_json::json;
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink},
    time::{sleep, timeout},
};

/// How long the server may take to let connections wait.
const STOPPING: Duration = Duration::from_millis(50);
/// How long one may take to say what it wants, and then to read that it is not to be had.
const PARTING: Duration = Duration::from_secs(1);
const ENDING: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 99\r\ncontent-type: application/json\r\n\
    retry-after: 1\r\nconnection: close\r\n\r\n\
    {\"error\":{\"code\":\"Unavailable\",\"message\":\"This process is ending. Try again: another takes over.\"}}";

/// A second hold on the port.
pub(super) struct Queue(TcpListener);

impl Queue {
    /// # Errors
    /// When the system has no handle left.
    pub fn of(listener: &TcpListener) -> io::Result<Self> {
        listener.try_clone().map(Self)
    }

    /// Tells all that wait, once the server takes none, to come again, and lets nobody else in: the server's own hold on the port
    /// is shut, too.
    pub async fn turn_away(self) {
        let Self(listener) = self;
        sleep(STOPPING).await;
        let mut waiting = vec![];
        if listener.set_nonblocking(true).is_ok() {
            while let Ok((connection, _)) = listener.accept() {
                waiting.push(part_with(connection));
            }
        }
        // Where the system lets only connections be shut, who comes now waits until the process has ended.
        let _ = SockRef::from(&listener).shutdown(Shutdown::Both);
        drop(listener);
        join_all(waiting).await;
    }
}

async fn part_with(connection: std::net::TcpStream) -> io::Result<()> {
    connection.set_nonblocking(true)?;
    let mut connection = TcpStream::from_std(connection)?;
    // One that is closed with something unread takes its answer along.
    let mut request = [0; 4_096];
    let read = timeout(PARTING, connection.read(&mut request)).await??;
    match polled_from(&request[..read]) {
        Some(watermark) => connection.write_all(&empty(&watermark)).await?,
        None => connection.write_all(ENDING).await?,
    }
    connection.shutdown().await?;
    timeout(PARTING, copy(&mut connection, &mut sink())).await?.map(drop)
}

/// The watermark of a client's poll: an error would end its polling for good.
fn polled_from(request: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next()?).into_owned();
    let (path, query) = line.strip_prefix("GET ")?.split(' ').next()?.split_once("/activities")?;
    let asked = url::form_urlencoded::parse(query.trim_start_matches(['/', '?']).as_bytes());
    let given = asked.into_owned().find_map(|(name, value)| (name == "watermark").then_some(value));
    path.starts_with("/v3/directline/conversations/").then(|| given.unwrap_or_default())
}

fn empty(watermark: &str) -> Vec<u8> {
    let body = match watermark {
        "" => json!({"activities": []}),
        _ => json!({"activities": [], "watermark": watermark}),
    };
    let body = body.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
    format!("{head} {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_in_the_queue_is_told_to_come_again_and_nobody_else_is_let_in() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let queue = Queue::of(&listener).expect("a handle");
        let mut waiting = vec![];
        for _ in 0..3 {
            let mut client = TcpStream::connect(address).await.expect("let in");
            client
                .write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
                .await
                .expect("sent");
            waiting.push(client);
        }
        let told = async {
            for mut client in waiting {
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.expect("an answer");
                let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
                assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
                assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
                let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
                assert_eq!(body["error"]["code"], "Unavailable");
            }
        };
        tokio::join!(queue.turn_away(), told);
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[test]
    fn a_poll_is_answered_empty_and_from_where_it_stood() {
        let polled = |line: &str| polled_from(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        let activities = "/v3/directline/conversations/c/activities";
        assert_eq!(polled(&format!("GET {activities}")).as_deref(), Some(""));
        assert_eq!(polled(&format!("GET {activities}?watermark=a%26b")).as_deref(), Some("a&b"));
        for other in
            [format!("POST {activities}"), "GET /api/health".to_owned(), format!("GET /x{activities}")]
        {
            assert_eq!(polled(&other), None);
        }
        let answer = String::from_utf8(empty("a&b")).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
        assert_eq!(body, r#"{"activities":[],"watermark":"a&b"}"#);
    }
}
