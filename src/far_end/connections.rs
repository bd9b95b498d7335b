//! One worker's connections to a far end.
//!
//! A connection has no task of its own: whoever waits for its answer moves its bytes, and nobody else is woken for that. Between
//! two requests it lies still; that the far end has closed it is seen by the next request before anything is written.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use actix_web::web::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    client::conn::{TrySendError, http1::SendRequest},
};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

pub use self::reply::Reply;
use super::{
    CallError, Cause, UNUSED,
    connect::{Connector, Drive, Origin},
};

mod reply;

/// How long an answer is waited for.
#[derive(Clone, Copy)]
pub struct Patience {
    /// It has begun before that,
    pub begun: Instant,
    /// is there before that,
    pub whole: Instant,
    /// and says nothing for no longer than that.
    pub silence: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("no answer in time")]
struct Late;

/// What can be sent over a connection.
pub trait Sent: Body<Data = Bytes, Error: Into<Cause>> + 'static {}

impl<B: Body<Data = Bytes, Error: Into<Cause>> + 'static> Sent for B {}

/// Connections to one far end, those that are there and not in use.
pub struct Connections<B: Sent> {
    connector: Arc<Connector>,
    unused: Mutex<Vec<Connection<B>>>,
}

struct Connection<B: Sent> {
    sender: SendRequest<B>,
    /// `None` once the connection is over.
    drive: Option<Drive<B>>,
    /// Set when it rings, not for each request: most are answered long before.
    alarm: Pin<Box<Sleep>>,
    unused_since: Instant,
}

/// Why a connection brought no answer.
enum Unanswered<B> {
    /// It was over before anything was written.
    Unsent(Box<Request<B>>, Cause),
    /// It broke, or brought what is no answer.
    Cut(hyper::Error),
    Late,
}

impl<B> From<TrySendError<Request<B>>> for Unanswered<B> {
    fn from(mut failed: TrySendError<Request<B>>) -> Self {
        match failed.take_message() {
            Some(unsent) => Self::Unsent(Box::new(unsent), failed.into_error().into()),
            None => Self::Cut(failed.into_error()),
        }
    }
}

impl<B> From<Unanswered<B>> for CallError {
    fn from(why: Unanswered<B>) -> Self {
        match why {
            Unanswered::Unsent(_, why) => Self::NotSent(Some(why)),
            Unanswered::Cut(why) => Self::Uncertain(Some(why.into())),
            Unanswered::Late => Self::Uncertain(Some(Late.into())),
        }
    }
}

impl<B: Sent> Connections<B> {
    pub fn new(connector: Arc<Connector>) -> Arc<Self> {
        Arc::new(Self { connector, unused: Mutex::default() })
    }

    /// Asks `to`, always the same.
    ///
    /// A far end may close a connection in the very moment it is used again. `again` gives the request once more if it may be asked
    /// twice (RFC 9110, 9.2.2); then that goes over a new one.
    ///
    /// # Errors
    /// [`CallError::NotSent`] or [`CallError::Uncertain`].
    pub async fn ask(
        self: &Arc<Self>,
        to: &Origin,
        mut request: Request<B>,
        again: impl Fn() -> Option<Request<B>>,
        patience: Patience,
    ) -> Result<Reply<B>, CallError> {
        let until = patience.begun;
        let reply = |connection, (head, body)| {
            let home = Arc::clone(self);
            let (body, connection) = (Some(body), Some(connection));
            Reply { head, body, connection, home, patience, waiting_since: None }
        };
        while let Some(mut connection) = self.take() {
            match connection.ask(request, until).await {
                Ok(answer) => return Ok(reply(connection, answer.into_parts())),
                Err(Unanswered::Unsent(unsent, _)) => request = *unsent,
                Err(Unanswered::Cut(why)) => {
                    request = again().filter(|_| !why.is_parse()).ok_or(Unanswered::<B>::Cut(why))?;
                    break;
                }
                Err(late @ Unanswered::Late) => return Err(late.into()),
            }
        }
        let mut connection = Box::pin(self.open(to)).await.map_err(|why| CallError::NotSent(Some(why)))?;
        let answer = connection.ask(request, until).await?;
        Ok(reply(connection, answer.into_parts()))
    }

    async fn open(&self, to: &Origin) -> Result<Connection<B>, Cause> {
        let (sender, drive) = self.connector.connect(&to.host).await?;
        let now = Instant::now();
        Ok(Connection { sender, drive: Some(drive), alarm: Box::pin(sleep_until(now)), unused_since: now })
    }

    fn unused(&self) -> MutexGuard<'_, Vec<Connection<B>>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Connection<B>> {
        let mut unused = self.unused();
        let last = unused.pop()?;
        if last.unused_since.elapsed() < UNUSED {
            return Some(last);
        }
        // The others are older.
        unused.clear();
        None
    }

    fn keep(&self, mut connection: Connection<B>) {
        // Whatever ends the exchange is here already.
        connection.drive(&mut Context::from_waker(Waker::noop()));
        if connection.drive.is_some() && connection.sender.is_ready() {
            connection.unused_since = Instant::now();
            self.unused().push(connection);
        }
    }

    /// What closes connections that lie unused, also when nobody asks anything more; for a task beside those who ask.
    pub fn tend(self: &Arc<Self>) -> impl Future<Output = ()> + use<B> {
        let home = Arc::downgrade(self);
        async move {
            loop {
                sleep(UNUSED).await;
                let Some(home) = home.upgrade() else { return };
                home.unused().retain(|kept| kept.unused_since.elapsed() < UNUSED);
            }
        }
    }
}

impl<B: Sent> Connection<B> {
    async fn ask(
        &mut self,
        request: Request<B>,
        until: Instant,
    ) -> Result<Response<Incoming>, Unanswered<B>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        // Before it is sent there is no answer.
        let mut sent = false;
        poll_fn(|context| {
            let first = usize::from(!std::mem::replace(&mut sent, true));
            for waker in &Self::wakers(context)[first..] {
                self.drive(&mut Context::from_waker(waker));
                // Only the connection brings the answer, so that it alone has to be woken.
                if let Poll::Ready(answered) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    return Poll::Ready(answered.map_err(Unanswered::from));
                }
            }
            ready!(self.rings(context, until));
            Poll::Ready(Err(Unanswered::Late))
        })
        .await
    }

    /// Who is woken when the connection can go on, try by try. By what is here already nobody is: who takes it out would wake the one
    /// who has moved the connection, themselves.
    fn wakers<'a>(context: &'a Context<'_>) -> [&'a Waker; 2] {
        [Waker::noop(), context.waker()]
    }

    fn drive(&mut self, context: &mut Context<'_>) {
        let over = self.drive.as_mut().is_some_and(|drive| drive.as_mut().poll(context).is_ready());
        if over {
            self.drive = None;
        }
    }

    /// Ready at `until`. An alarm that is set for an earlier request is let ring and set anew.
    fn rings(&mut self, context: &mut Context<'_>, until: Instant) -> Poll<()> {
        if self.alarm.deadline() > until {
            self.alarm.as_mut().reset(until);
        }
        loop {
            ready!(self.alarm.as_mut().poll(context));
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests;
