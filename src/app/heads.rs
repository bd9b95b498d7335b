//! How long a connection may take over the head of its next request. actix-http times the first head, and then a connection
//! that is silent; who sends a part of a head, or empty lines, would be waited for without end.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::listening::UNUSED;

/// The requests of one connection, counted by those who serve them.
#[derive(Clone, Default)]
pub(super) struct Requests(Rc<Counts>);

#[derive(Default)]
struct Counts {
    begun: Cell<u64>,
    ended: Cell<u64>,
}

impl Requests {
    /// A request's head has come whole.
    pub fn begin(&self) {
        self.0.begun.set(self.0.begun.get() + 1);
    }

    /// The last byte of its answer is written.
    pub fn end(&self) {
        self.0.ended.set(self.0.ended.get() + 1);
    }

    /// How many have ended; `None` while one is under way.
    pub fn ended(&self) -> Option<u64> {
        let Counts { begun, ended } = &*self.0;
        (begun == ended).then(|| ended.get())
    }
}

/// A connection that breaks off once the head of its next request takes too long.
pub(super) struct Watched<IO> {
    io: IO,
    requests: Requests,
    /// From its first byte on.
    patience: Duration,
    /// Bytes came since it was looked at.
    came: bool,
    /// Requests that had ended when it was looked at.
    ended: u64,
    /// When the next head must be whole; `None` while a request is under way, and before the first, which actix-http times.
    until: Option<Instant>,
    /// Goes off no later than `until`, and perhaps sooner: most requests then move no timer.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<IO> Watched<IO> {
    pub fn new(io: IO, patience: Duration) -> Self {
        let requests = Requests::default();
        Self { io, requests, patience, came: false, ended: 0, until: None, timer: None }
    }

    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Whether the next head is late. Wakes the task when it will be.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        self.look();
        let Some(until) = self.until else { return false };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        while timer.as_mut().poll(context).is_ready() {
            if until <= Instant::now() {
                return true;
            }
            timer.as_mut().reset(until);
        }
        false
    }

    fn look(&mut self) {
        let came = std::mem::take(&mut self.came);
        let (begun, ended) = (self.requests.0.begun.get(), self.requests.0.ended.get());
        let before = std::mem::replace(&mut self.ended, ended);
        if begun != ended || begun == 0 {
            self.until = None;
        } else if before != ended || self.until.is_none() {
            // What came behind the last request may be the begin of the next: silence is of no help to whoever sent it.
            self.until = Some(Instant::now() + UNUSED + self.patience);
        } else if came {
            let until = Instant::now() + self.patience;
            self.until = self.until.map(|earlier| earlier.min(until));
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Watched<IO> {
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

impl<IO: AsyncWrite + Unpin> AsyncWrite for Watched<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    /// actix-http flushes whenever it has looked at what came, and once all that was to go has gone.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_late(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use actix_http::{Error, HttpService, Request, Response, body::SizedStream};
    use actix_service::{Service as _, ServiceFactory as _, fn_service};
    use futures_util::{StreamExt as _, stream};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        task::{LocalSet, spawn_local},
        time::{advance, sleep, timeout},
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);
    const SECOND: Duration = Duration::from_secs(1);
    const REQUEST: &[u8] = b"GET /soon HTTP/1.1\r\nHost: x\r\n\r\n";

    /// More than a connection takes at once, and less than actix-http holds.
    const LARGE: usize = 40_000;

    /// A connection to a service that answers at once, with much text at `/large`, or `/late` after ten minutes.
    async fn connected() -> DuplexStream {
        let (ours, theirs) = duplex(4_096);
        let connection = Watched::new(theirs, PATIENCE);
        let requests = connection.requests();
        let service = fn_service(move |mut request: Request| {
            let requests = requests.clone();
            requests.begin();
            async move {
                if request.path() == "/late" {
                    sleep(SECOND * 600).await;
                }
                while request.payload().next().await.is_some() {}
                let before = if request.path() == "/large" { LARGE } else { 0 };
                let answer = "x".repeat(before) + "answer";
                let size = answer.len() as u64;
                let sent = stream::once(async move {
                    requests.end();
                    Ok::<_, Error>(answer.into())
                });
                Ok::<_, Error>(Response::ok().set_body(SizedStream::new(size, sent.boxed_local())))
            }
        });
        let http = HttpService::build().keep_alive(UNUSED).client_request_timeout(PATIENCE).h1(service);
        let http = http.new_service(()).await.unwrap();
        spawn_local(async move { http.call((connection, None)).await });
        ours
    }

    async fn answered(client: &mut DuplexStream, request: &[u8]) {
        client.write_all(request).await.unwrap();
        let mut answer = vec![];
        while !answer.ends_with(b"answer") {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "cut");
        }
    }

    /// How long the connection lives while `send` is sent, every so often.
    async fn lives(client: &mut DuplexStream, send: &[u8], every: Duration) -> Duration {
        let began = Instant::now();
        for byte in send.chunks(1).cycle() {
            if client.write_all(byte).await.is_err() {
                break;
            }
            match timeout(every, client.read_u8()).await {
                Ok(Ok(_)) => panic!("an answer"),
                Ok(Err(_)) => break,
                Err(_) => assert!(began.elapsed() < SECOND * 3_600, "for ever"),
            }
        }
        began.elapsed()
    }

    fn driven(story: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        LocalSet::new().block_on(&runtime.unwrap(), story);
    }

    #[test]
    fn a_later_head_that_does_not_come_whole_ends_its_connection() {
        driven(async {
            for (bytes, every) in
                [(&b"\r\n"[..], SECOND), (b"G", SECOND * 10), (b"GET / HTTP/1.1\r\nHost: ", SECOND)]
            {
                let mut client = connected().await;
                for _ in 0..3 {
                    answered(&mut client, REQUEST).await;
                    sleep(SECOND * 45).await;
                }
                let lived = lives(&mut client, bytes, every).await;
                assert!(lived >= PATIENCE - SECOND && lived <= PATIENCE + every, "{lived:?}");
            }
        });
    }

    #[test]
    fn half_a_head_right_behind_a_request_is_not_waited_for_without_end() {
        driven(async {
            let mut client = connected().await;
            answered(&mut client, &[REQUEST, b"GET /so"].concat()).await;
            let ended = timeout(UNUSED + PATIENCE + SECOND, client.read_u8()).await;
            assert!(ended.expect("an end").is_err());
        });
    }

    #[test]
    fn who_is_silent_waits_or_sends_slowly_within_its_time_is_not_cut() {
        driven(async {
            let mut client = connected().await;
            let (head, tail) = REQUEST.split_at(9);
            for _ in 0..3 {
                answered(&mut client, REQUEST).await;
                advance(UNUSED - SECOND).await;
                client.write_all(head).await.unwrap();
                sleep(PATIENCE - SECOND).await;
                answered(&mut client, tail).await;
            }
            // A long poll, with the next head half sent behind it.
            let poll = b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n";
            answered(&mut client, &[poll, head].concat()).await;
            answered(&mut client, tail).await;
            // A body that moves.
            client.write_all(b"POST /soon HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n").await.unwrap();
            for _ in 0..39 {
                client.write_all(b"x").await.unwrap();
                sleep(SECOND * 20).await;
            }
            answered(&mut client, b"x").await;
            answered(&mut client, REQUEST).await;
        });
    }

    #[test]
    fn who_reads_an_answer_slowly_reads_it_whole_and_asks_again() {
        driven(async {
            let mut client = connected().await;
            client.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let (mut answer, mut part) = (vec![], [0; 1_000]);
            while !answer.ends_with(b"answer") {
                sleep(SECOND * 20).await;
                let read = client.read(&mut part).await.unwrap();
                assert_ne!(read, 0, "cut after {} bytes", answer.len());
                answer.extend_from_slice(&part[..read]);
            }
            assert!(answer.len() > LARGE);
            answered(&mut client, REQUEST).await;
        });
    }
}
