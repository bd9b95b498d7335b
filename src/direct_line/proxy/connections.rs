//! One worker's connections to Direct Line.
//!
//! A connection has no task of its own: whoever waits for its answer moves its bytes, and nobody else is woken for that. Between
//! two requests it lies still; that the far end has closed it is seen by the next request before anything is written.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use actix_web::web::Bytes;
use futures_util::Stream;
use hyper::{
    Request, Response, Uri,
    body::{Body, Frame, Incoming, SizeHint},
    client::conn::http1::SendRequest,
};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

pub use self::reply::Reply;
use crate::far_end::{
    CallError, Cause, UNUSED,
    connect::{Connector, Drive},
};

mod reply;

/// The body of a request.
pub enum Content {
    Whole(Bytes),
    /// As it comes in.
    Pieces(Pieces),
}

/// A body that is passed on while it comes.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BrokenOff>>>>;

/// What is sent on can't be sent to its end.
#[derive(Debug, thiserror::Error)]
#[error("the client's upload broke off")]
pub struct BrokenOff;

#[derive(Debug, thiserror::Error)]
#[error("no answer in time")]
struct Late;

/// Connections that are there and not in use.
pub struct Connections {
    connector: Connector,
    unused: RefCell<Vec<Connection>>,
    tended: Cell<bool>,
}

struct Connection {
    sender: SendRequest<Content>,
    /// `None` once the connection is over.
    drive: Option<Drive>,
    /// Set when it rings, not for each request: most are answered long before.
    alarm: Pin<Box<Sleep>>,
    unused_since: Instant,
}

/// Why a connection brought no answer.
enum Unanswered {
    /// It was over before anything was written.
    Unsent(Box<Request<Content>>, Cause),
    /// It broke, or brought what is no answer.
    Cut(hyper::Error),
    Late,
}

impl From<Unanswered> for CallError {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Unsent(_, why) => Self::NotSent(Some(why)),
            Unanswered::Cut(why) => Self::Uncertain(Some(why.into())),
            Unanswered::Late => Self::Uncertain(Some(Late.into())),
        }
    }
}

impl Connections {
    pub fn new(connector: Connector) -> Self {
        Self { connector, unused: RefCell::default(), tended: Cell::default() }
    }

    /// Asks the host of `to`, always the same. The answer has begun before `until`, and is there before `whole`.
    ///
    /// A far end may close a connection in the very moment it is used again. `again` gives the request once more if it may be asked
    /// twice (RFC 9110, 9.2.2); then that goes over a new one.
    ///
    /// # Errors
    /// [`CallError::NotSent`] or [`CallError::Uncertain`].
    pub async fn ask(
        self: &Rc<Self>,
        to: &Uri,
        mut request: Request<Content>,
        again: impl Fn() -> Option<Request<Content>>,
        until: Instant,
        whole: Instant,
    ) -> Result<Reply, CallError> {
        let reply = |connection, (head, body)| {
            let home = Rc::clone(self);
            let (body, connection) = (Some(body), Some(connection));
            Reply { head, body, connection, home, until: whole, waiting_since: None }
        };
        while let Some(mut connection) = self.take() {
            match connection.ask(request, until).await {
                Ok(answer) => return Ok(reply(connection, answer.into_parts())),
                Err(Unanswered::Unsent(unsent, _)) => request = *unsent,
                Err(Unanswered::Cut(why)) => {
                    request = again().filter(|_| !why.is_parse()).ok_or(Unanswered::Cut(why))?;
                    break;
                }
                Err(late @ Unanswered::Late) => return Err(late.into()),
            }
        }
        let mut connection = Box::pin(self.open(to)).await.map_err(|why| CallError::NotSent(Some(why)))?;
        let answer = connection.ask(request, until).await?;
        Ok(reply(connection, answer.into_parts()))
    }

    async fn open(self: &Rc<Self>, to: &Uri) -> Result<Connection, Cause> {
        self.tend();
        let (sender, drive) = self.connector.connect(to).await?;
        let now = Instant::now();
        Ok(Connection { sender, drive: Some(drive), alarm: Box::pin(sleep_until(now)), unused_since: now })
    }

    fn take(&self) -> Option<Connection> {
        let mut unused = self.unused.borrow_mut();
        let last = unused.pop()?;
        if last.unused_since.elapsed() < UNUSED {
            return Some(last);
        }
        // The others are older.
        unused.clear();
        None
    }

    fn keep(&self, mut connection: Connection) {
        // Whatever ends the exchange is here already.
        connection.drive(&mut Context::from_waker(Waker::noop()));
        if connection.drive.is_some() && connection.sender.is_ready() {
            connection.unused_since = Instant::now();
            self.unused.borrow_mut().push(connection);
        }
    }

    /// Closes what lies unused, also when nobody asks anything more.
    fn tend(self: &Rc<Self>) {
        if self.tended.replace(true) {
            return;
        }
        let home = Rc::downgrade(self);
        actix_web::rt::spawn(async move {
            loop {
                sleep(UNUSED).await;
                let Some(home) = home.upgrade() else { return };
                home.unused.borrow_mut().retain(|kept| kept.unused_since.elapsed() < UNUSED);
            }
        });
    }
}

impl Connection {
    async fn ask(
        &mut self,
        request: Request<Content>,
        until: Instant,
    ) -> Result<Response<Incoming>, Unanswered> {
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            self.drive(context);
            // Only the connection brings the answer, so that it alone has to be woken.
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(answer)) => Poll::Ready(Ok(answer)),
                Poll::Ready(Err(mut failed)) => Poll::Ready(Err(match failed.take_message() {
                    Some(unsent) => Unanswered::Unsent(Box::new(unsent), failed.into_error().into()),
                    None => Unanswered::Cut(failed.into_error()),
                })),
                Poll::Pending => {
                    ready!(self.rings(context, until));
                    Poll::Ready(Err(Unanswered::Late))
                }
            }
        })
        .await
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

impl Body for Content {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let piece = match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => None,
            Self::Whole(bytes) => Some(Ok(std::mem::take(bytes))),
            Self::Pieces(pieces) => ready!(pieces.as_mut().poll_next(context)),
        };
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests;
