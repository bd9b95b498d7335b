//! What came back over a connection, and what becomes of that behind it.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use actix_web::web::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use hyper::{
    HeaderMap, StatusCode,
    body::{Body, Incoming},
};
use tokio::time::Instant;

use super::{Connection, Connections, Late, Patience, Sent};
use crate::far_end::{CallError, Cause};

/// An answer of any status, its body not yet read.
pub struct Reply<B: Sent> {
    pub(super) head: hyper::http::response::Parts,
    pub(super) body: Option<Incoming>,
    pub(super) connection: Option<Connection<B>>,
    pub(super) home: Arc<Connections<B>>,
    pub(super) patience: Patience,
    pub(super) waiting_since: Option<Instant>,
}

impl<B: Sent> Reply<B> {
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.headers
    }

    /// Bytes of the body, if that was told; none of an answer to HEAD.
    pub fn content_length(&self) -> Option<u64> {
        self.body.as_ref().map_or(Some(0), |body| body.size_hint().exact())
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// [`CallError::Uncertain`] when it breaks off, says nothing for too long or takes longer than it may.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        let piece = poll_fn(|context| self.poll_chunk(context)).await;
        self.waiting_since = None;
        if !matches!(piece, Ok(Some(_))) {
            self.body = None;
            if let Some(connection) = self.connection.take().filter(|_| piece.is_ok()) {
                self.home.keep(connection);
            }
        }
        piece.map_err(|why| CallError::Uncertain(Some(why)))
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Cause>> {
        let (Some(body), Some(connection)) = (&mut self.body, &mut self.connection) else {
            return Poll::Ready(Ok(None));
        };
        let mut tries = 0;
        loop {
            match Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(piece) = frame.into_data() {
                        return Poll::Ready(Ok(Some(piece)));
                    }
                }
                Poll::Ready(Some(Err(why))) => return Poll::Ready(Err(why.into())),
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Pending => {
                    let Some(waker) = Connection::<B>::wakers(context).get(tries).copied() else { break };
                    connection.drive(&mut Context::from_waker(waker));
                    tries += 1;
                }
            }
        }
        let silent = *self.waiting_since.get_or_insert_with(Instant::now) + self.patience.silence;
        ready!(connection.rings(context, silent.min(self.patience.whole)));
        Poll::Ready(Err(Late.into()))
    }

    /// The whole body, of `limit` bytes at most.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk), and when there is more.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, CallError> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let mut body = None;
        while let Some(piece) = self.chunk().await? {
            let body = body.get_or_insert_with(|| BytesMut::from(&first[..]));
            if body.len() + piece.len() > limit {
                return Err(CallError::Uncertain(None));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.map_or(first, BytesMut::freeze))
    }

    /// The body as it comes.
    pub fn pieces(self) -> impl Stream<Item = Result<Bytes, CallError>> {
        stream::try_unfold(Box::new(self), |mut reply| async move {
            Ok(reply.chunk().await?.map(|piece| (piece, reply)))
        })
    }
}

/// A body that nobody wants ends the connection, unless all of it is here.
impl<B: Sent> Drop for Reply<B> {
    fn drop(&mut self) {
        self.body = None;
        if let Some(connection) = self.connection.take() {
            self.home.keep(connection);
        }
    }
}
