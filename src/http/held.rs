//! Large answers in memory: so many bytes of them at the same time, over all clients, whether they read or not.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    body::{BodySize, MessageBody},
    web::{Bytes, BytesMut},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{direct_line::proxy::Reply, far_end::CallError};

/// Bytes of an answer that are not counted, and the unit in which the others are.
const PIECE: usize = 64 * 1_024;
/// Pieces of all of them: 48 MiB.
const ALL: usize = 768;
/// How long one waits for others to be read.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes that are handed to a connection at a time; more only when these were sent.
const SENT: usize = 32 * 1_024;

/// The room for large answers of this process. Clones share it.
#[derive(Clone)]
pub struct Held(Arc<Semaphore>);

/// An answer's bytes, with the room they take.
pub struct Answer {
    pub bytes: Bytes,
    room: Option<OwnedSemaphorePermit>,
}

/// Others that are not read take all the room, or the far end broke off.
#[derive(Debug, thiserror::Error)]
pub enum NotHeld {
    #[error("there is no room for another large answer")]
    NoRoom,
    #[error("{0}")]
    FarEnd(#[from] CallError),
    #[error("the answer is larger than any may be")]
    TooLarge,
}

impl Default for Held {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL)))
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
            return Ok(Answer::small(Bytes::new()));
        };
        let Some(second) = reply.chunk().await? else {
            self.extend(&mut room, first.len()).await?;
            return Ok(Answer { bytes: first, room });
        };
        let mut body = BytesMut::from(&first[..]);
        body.extend_from_slice(&second);
        while let Some(chunk) = reply.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(NotHeld::TooLarge);
            }
            self.extend(&mut room, body.len() + chunk.len()).await?;
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { bytes: body.freeze(), room })
    }

    /// Room for an answer of ours; `None` when there is none at the moment.
    pub fn take(&self, bytes: Bytes) -> Option<Answer> {
        let pieces = pieces(bytes.len());
        if pieces == 0 {
            return Some(Answer::small(bytes));
        }
        let room = self.0.clone().try_acquire_many_owned(pieces).ok()?;
        Some(Answer { bytes, room: Some(room) })
    }

    /// What is lacking of the room for so many bytes, once there is so much: of those who are not read here, the oldest make
    /// room sooner or later.
    pub async fn more(&self, room: usize, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let wanted = pieces(bytes).min(u32::try_from(ALL).unwrap_or(u32::MAX));
        let lacking = wanted.saturating_sub(u32::try_from(room).unwrap_or(u32::MAX));
        if lacking == 0 {
            return None;
        }
        self.0.clone().acquire_many_owned(lacking).await.ok()
    }

    /// Gives back what so many bytes don't need.
    pub fn shrink(room: &mut Option<OwnedSemaphorePermit>, bytes: usize) {
        let needed = pieces(bytes) as usize;
        if let Some(held) = room {
            drop(held.split(held.num_permits().saturating_sub(needed)));
        }
    }

    /// Makes the room as large as so many bytes need.
    async fn extend(&self, room: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), NotHeld> {
        let held = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = pieces(bytes).saturating_sub(u32::try_from(held).unwrap_or(u32::MAX));
        if more == 0 {
            return Ok(());
        }
        let more = self.0.clone().acquire_many_owned(more);
        let Ok(Ok(more)) = tokio::time::timeout(PATIENCE, more).await else { return Err(NotHeld::NoRoom) };
        match room {
            Some(room) => room.merge(more),
            None => *room = Some(more),
        }
        Ok(())
    }
}

fn pieces(bytes: usize) -> u32 {
    if bytes <= PIECE { 0 } else { u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX) }
}

impl Answer {
    fn small(bytes: Bytes) -> Self {
        Self { bytes, room: None }
    }

    /// Bytes that stand for these and are hardly more; room that they don't need is given back.
    pub fn with(mut self, bytes: Bytes) -> Self {
        Held::shrink(&mut self.room, bytes.len());
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
    async fn large_answers_share_a_room_and_small_ones_need_none() {
        let held = Held::default();
        let large = || Bytes::from(vec![b'x'; 1 << 20]);
        let all: Vec<Answer> = std::iter::from_fn(|| held.take(large())).collect();
        assert_eq!(all.len(), 48);
        assert!(held.take(Bytes::from(vec![b'x'; PIECE])).is_some());
        drop(all);
        let answer = held.take(large()).expect("room again").send(HttpResponse::Ok());
        assert_eq!(held.0.available_permits(), ALL - 16);
        let sent = actix_web::body::to_bytes(answer.into_body()).await.expect("its bytes");
        assert_eq!(sent, large());
        assert_eq!(held.0.available_permits(), ALL);
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_a_moment() {
        let held = Held::default();
        let all = held.take(Bytes::from(vec![b'x'; ALL * PIECE])).expect("all of it");
        let mut room = None;
        assert!(matches!(held.extend(&mut room, 1 << 20).await, Err(NotHeld::NoRoom)));
        let (extended, ()) = tokio::join!(held.extend(&mut room, 1 << 20), async { drop(all) });
        extended.expect("the others were read");
        held.extend(&mut room, (1 << 20) + 1).await.expect("one piece more");
        assert_eq!(room.map(|room| room.num_permits()), Some(17));
    }
}
