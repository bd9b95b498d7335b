//! What is said to who sends no request. actix-http refuses it with a status alone, and lets nobody add a body.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::web::{Buf as _, Bytes};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::heads::Requests;

/// A connection on which actix-http's own refusals say what is wrong, as our own errors do.
pub(super) struct Explained<IO> {
    io: IO,
    requests: Requests,
    /// Requests that had ended at the last look; `None`: one was under way. What is written between two looks that are the same is
    /// no answer of ours, nor a part of one.
    ended: Option<u64>,
    /// Something came. Who was silent has asked for nothing, and may take a refusal for the answer to what they ask for meanwhile:
    /// clients keep connections for later.
    came: bool,
    /// The last write was not taken whole.
    within: bool,
    /// Of a refusal, what is still to be written.
    left: Bytes,
}

impl<IO> Explained<IO> {
    pub fn new(io: IO, requests: Requests) -> Self {
        Self { io, requests, ended: Some(0), came: false, within: false, left: Bytes::new() }
    }

    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }
}

impl<IO: AsyncWrite + Unpin> Explained<IO> {
    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.left.is_empty() {
            match ready!(Pin::new(&mut self.io).poll_write(context, &self.left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.left.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Explained<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        self.came |= buffer.filled().len() > before;
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Explained<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_left(context))?;
        let ended = self.requests.ended();
        let before = std::mem::replace(&mut self.ended, ended);
        if !self.within
            && ended.is_some_and(|ended| before == Some(ended))
            && let Some(refusal) = explained(bytes)
        {
            self.left = if self.came { refusal } else { Bytes::new() };
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = ready!(Pin::new(&mut self.io).poll_write(context, bytes))?;
        self.within = written < bytes.len();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_left(context))?;
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_left(context))?;
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// A refusal without a body, with one.
fn explained(refusal: &[u8]) -> Option<Bytes> {
    let (line, headers) = std::str::from_utf8(refusal).ok()?.split_once("\r\n")?;
    let headers = headers.strip_prefix("content-length: 0\r\n")?.strip_suffix("\r\n\r\n")?;
    if headers.contains("\r\n\r\n") {
        return None;
    }
    let (code, message) = match line.strip_prefix("HTTP/1.1 ")?.get(..3)? {
        "400" => (
            "BadRequest",
            "This is no HTTP/1.1 request. Check its first line, its headers and how its length is said.",
        ),
        "408" => ("RequestTimeout", "The request did not come in time. Send it again, without a pause."),
        "431" => ("BadRequest", "The request's headers are too large, or too many. Send fewer."),
        _ => return None,
    };
    let body = json!({"error": {"code": code, "message": message}}).to_string();
    let length = body.len();
    let head =
        format!("{line}\r\ncontent-length: {length}\r\ncontent-type: application/json\r\n{headers}\r\n\r\n");
    Some((head + &body).into())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: today\r\n\r\n";

    #[tokio::test]
    async fn a_refusal_without_a_body_is_explained_also_to_who_reads_a_byte_at_a_time() {
        for window in [1, 4_096] {
            let (ours, mut theirs) = duplex(window);
            let mut connection = Explained::new(ours, Requests::default());
            theirs.write_all(b"?").await.expect("sent");
            connection.read_u8().await.expect("read");
            let mut told = String::new();
            let (written, read) = tokio::join!(
                async {
                    connection.write_all(REFUSAL).await?;
                    connection.shutdown().await
                },
                theirs.read_to_string(&mut told)
            );
            assert!(written.is_ok() && read.is_ok());
            let (head, body) = told.split_once("\r\n\r\n").expect("a head");
            assert!(
                head.starts_with("HTTP/1.1 400 Bad Request\r\n") && head.ends_with("date: today"),
                "{head}"
            );
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
            let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(body["error"]["code"], "BadRequest");
        }
    }

    #[tokio::test]
    async fn who_was_silent_is_told_nothing() {
        let (ours, mut theirs) = duplex(4_096);
        let mut connection = Explained::new(ours, Requests::default());
        let late = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        connection.write_all(late).await.expect("taken");
        connection.shutdown().await.expect("ended");
        let mut told = vec![];
        theirs.read_to_end(&mut told).await.expect("read");
        assert!(told.is_empty(), "{}", String::from_utf8_lossy(&told));
    }

    #[tokio::test]
    async fn an_answer_of_ours_stays_as_it_is() {
        let held = |begun: usize, ended: usize, answer: Vec<u8>| async move {
            let (ours, mut theirs) = duplex(4_096);
            let requests = Requests::default();
            let mut connection = Explained::new(ours, requests.clone());
            (0..begun).for_each(|_| requests.begin());
            (0..ended).for_each(|_| requests.end());
            connection.write_all(&answer).await.expect("written");
            drop(connection);
            let mut told = vec![];
            theirs.read_to_end(&mut told).await.expect("read");
            assert_eq!(told, answer, "{begun} {ended}");
        };
        held(1, 1, REFUSAL.to_vec()).await;
        held(1, 0, REFUSAL.to_vec()).await;
        held(0, 0, REFUSAL.repeat(2)).await;
        held(0, 0, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    }

    #[tokio::test]
    async fn the_rest_of_an_answer_stays_as_it_is() {
        let (ours, mut theirs) = duplex(3);
        let requests = Requests::default();
        let mut connection = Explained::new(ours, requests.clone());
        requests.begin();
        requests.end();
        let answer = [b"abc", REFUSAL].concat();
        let mut told = vec![];
        let (written, read) = tokio::join!(
            async {
                connection.write_all(&answer).await?;
                connection.shutdown().await
            },
            theirs.read_to_end(&mut told)
        );
        assert!(written.is_ok() && read.is_ok());
        assert_eq!(told, answer);
    }
}
