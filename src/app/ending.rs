//! How the process ends in order: what tells it to, and when nothing is under way any more.

use std::{
    fmt, io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    Error,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    web::Bytes,
};
use tokio::time::{sleep, timeout};

use super::heads::Requests;
use crate::{http::route, telemetry::span::Taken};

/// How long what is under way may take to finish.
pub(super) const LONGEST: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What ended the serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nobody asked for it.
    ByItself,
    Told(Signal),
}

/// What tells a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, from whoever runs the process.
    Terminate,
    /// SIGINT, Ctrl+C on a terminal.
    Interrupt,
}

impl Signal {
    /// The exit code by which shells and the Functions host know the signal.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Terminate => 143,
            Self::Interrupt => 130,
        }
    }
}

/// What is listened to. From its making on no signal ends the process by itself.
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// # Errors
    /// When the system lets none be waited for.
    pub fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    pub async fn told(&mut self) -> io::Result<Signal> {
        #[cfg(unix)]
        let signal = tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        };
        #[cfg(not(unix))]
        let signal = tokio::signal::ctrl_c().await.map(|()| Signal::Interrupt)?;
        Ok(signal)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "Ctrl+C",
        })
    }
}

/// The requests that are under way, over all workers. Each worker counts by itself, so that none waits for another.
#[derive(Clone, Default)]
pub(super) struct Underway(Arc<Mutex<Vec<Arc<AtomicUsize>>>>);

impl Underway {
    /// One worker's counter.
    pub fn worker(&self) -> Counter {
        let counter = Arc::new(AtomicUsize::new(0));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(counter.clone());
        Counter(counter)
    }

    /// Until nothing is under way, `calls` to far ends included, twice in a row: between two requests of one caller there is a
    /// moment without any. Not longer than what is under way may take.
    pub async fn over(&self, calls: impl Fn() -> usize) {
        let over = async {
            let mut quiet = 0;
            while quiet < 2 {
                sleep(BETWEEN_LOOKS).await;
                quiet = if self.count() + calls() == 0 { quiet + 1 } else { 0 };
            }
        };
        let _ = timeout(LONGEST, over).await;
    }

    fn count(&self) -> usize {
        let workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        workers.iter().map(|counter| counter.load(Ordering::Acquire)).sum()
    }
}

#[derive(Clone)]
pub(super) struct Counter(Arc<AtomicUsize>);

impl Counter {
    /// Counts a request of a connection until the guard is dropped.
    pub fn begin(&self, connection: Option<&Requests>) -> Begun {
        self.0.fetch_add(1, Ordering::AcqRel);
        connection.inspect(|connection| connection.begin());
        Begun { all: self.0.clone(), connection: connection.cloned() }
    }
}

/// A request under way, up to the last byte of its answer.
pub(super) struct Begun {
    all: Arc<AtomicUsize>,
    connection: Option<Requests>,
}

impl Begun {
    pub fn until_sent(self, body: BoxBody) -> Counted {
        Counted { body, begun: self }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::AcqRel);
        self.connection.iter().for_each(Requests::end);
    }
}

/// Serves a request, counted and traced until its answer has been sent.
pub(super) fn counted<S>(
    requests: &Counter,
    mut request: ServiceRequest,
    service: &S,
) -> impl Future<Output = Result<ServiceResponse<Counted>, Error>> + use<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let begun = requests.begin(request.conn_data());
    let span = Taken::begin(&mut request, route::name);
    let answer = service.call(request);
    async move {
        let answer = answer.await?;
        if let Some(span) = span {
            span.end(answer.status().as_u16());
        }
        Ok(answer.map_body(|_, body| begun.until_sent(body)))
    }
}

/// An answer's body, counted until it has been sent.
pub(super) struct Counted {
    body: BoxBody,
    begun: Begun,
}

impl MessageBody for Counted {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        let Self { body, begun } = self;
        body.try_into_bytes().map_err(|body| Self { body, begun })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_the_last_byte_of_every_answer_and_for_calls() {
        let (underway, calls) = (Underway::default(), AtomicUsize::new(1));
        let (one, other) = (underway.worker(), underway.worker());
        let (first, second) = (one.begin(None), other.begin(None));
        let answer = second.until_sent(BoxBody::new("words"));
        drop(first);
        let lasts = async || {
            let began = Instant::now();
            underway.over(|| calls.load(Ordering::Acquire)).await;
            began.elapsed()
        };
        assert_eq!(lasts().await, LONGEST, "an answer is still being sent");
        assert!(answer.try_into_bytes().is_ok());
        assert_eq!(lasts().await, LONGEST, "a call is being made");
        calls.store(0, Ordering::Release);
        assert!(lasts().await < LONGEST);
    }
}
