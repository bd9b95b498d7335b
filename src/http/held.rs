//! Large answers in memory: so many bytes of them at the same time, over all clients, whether they read or not.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    body::{BodySize, MessageBody},
    web::{Bytes, BytesMut},
};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    direct_line::proxy::Reply,
    far_end::{
        CallError,
        room::{NoRoom, Room, Taken},
    },
};

/// Bytes of all of them.
const ALL: usize = 48 << 20;
/// Bytes that are handed to a connection at a time; more only when these were sent.
const SENT: usize = 32 * 1_024;

/// The room for large answers of this process. Clones share it.
#[derive(Clone)]
pub struct Held(Room);

/// An answer's bytes, with the room they take.
pub struct Answer {
    pub bytes: Bytes,
    room: Taken,
}

/// Others that are not read take all the room, or the far end broke off.
#[derive(Debug, thiserror::Error)]
pub enum NotHeld {
    #[error("{0}")]
    NoRoom(#[from] NoRoom),
    #[error("{0}")]
    FarEnd(#[from] CallError),
    #[error("the answer is larger than any may be")]
    TooLarge,
}

impl Default for Held {
    fn default() -> Self {
        Self(Room::new(ALL))
    }
}

impl Held {
    /// Takes in an answer of a far end, of `limit` bytes at most.
    ///
    /// # Errors
    /// See [`NotHeld`].
    pub async fn collect(&self, mut reply: Reply, limit: usize) -> Result<Answer, NotHeld> {
        let mut room = None;
        let Some(first) = reply.chunk().await? else {
            return Ok(Answer { bytes: Bytes::new(), room });
        };
        let Some(second) = reply.chunk().await? else {
            self.0.grow(&mut room, first.len()).await?;
            return Ok(Answer { bytes: first, room });
        };
        let mut body = BytesMut::from(&first[..]);
        body.extend_from_slice(&second);
        while let Some(chunk) = reply.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(NotHeld::TooLarge);
            }
            self.0.grow(&mut room, body.len() + chunk.len()).await?;
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { bytes: body.freeze(), room })
    }

    /// Room for an answer of ours; `None` when there is none at the moment.
    pub fn take(&self, bytes: Bytes) -> Option<Answer> {
        let room = self.0.take(bytes.len()).ok()?;
        Some(Answer { bytes, room })
    }

    /// What is lacking of the room for so many bytes, once there is so much: of those who are not read here, the oldest make
    /// room sooner or later.
    pub async fn more(&self, room: usize, bytes: usize) -> Taken {
        self.0.more(room, bytes).await
    }

    /// Gives back what so many bytes don't need.
    pub fn shrink(room: &mut Taken, bytes: usize) {
        Room::shrink(room, bytes);
    }
}

impl Answer {
    /// Bytes that stand for these and are hardly more; room that they don't need is given back.
    pub fn with(mut self, bytes: Bytes) -> Self {
        Room::shrink(&mut self.room, bytes.len());
        Self { bytes, ..self }
    }

    /// The room is given back when the last of it was handed over, or the connection has ended.
    pub fn send(self, mut answer: HttpResponseBuilder) -> HttpResponse {
        let Self { bytes, room } = self;
        match room {
            None => answer.body(bytes),
            Some(room) => answer.body(InPieces { rest: bytes, _room: room }),
        }
    }
}

struct InPieces {
    rest: Bytes,
    _room: OwnedSemaphorePermit,
}

impl MessageBody for InPieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let next = self.rest.len().min(SENT);
        Poll::Ready((next > 0).then(|| Ok(self.rest.split_to(next))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_is_given_back_when_an_answer_was_sent() {
        let held = Held::default();
        let bytes = Bytes::from(vec![b'x'; ALL]);
        let answer = held.take(bytes.clone()).expect("room").send(HttpResponse::Ok());
        assert!(held.take(bytes.clone()).is_none());
        let sent = actix_web::body::to_bytes(answer.into_body()).await.expect("its bytes");
        assert_eq!(sent, bytes);
        assert!(held.take(bytes).is_some());
    }
}
