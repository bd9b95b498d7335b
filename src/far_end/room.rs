//! Room in memory for large answers: so many bytes of them at the same time, whoever they are for.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of an answer that are not counted, and the unit in which the others are.
pub const PIECE: usize = 64 * 1_024;
/// How long one waits for others to be done with.
const PATIENCE: Duration = Duration::from_secs(2);

/// Clones share it.
#[derive(Clone, Debug)]
pub struct Room {
    free: Arc<Semaphore>,
    /// Pieces in all.
    all: u32,
}

/// What somebody has of a room, until it is dropped.
pub type Taken = Option<OwnedSemaphorePermit>;

/// Others take all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for another large answer")]
pub struct NoRoom;

impl Room {
    pub fn new(bytes: usize) -> Self {
        let all = u32::try_from(bytes / PIECE).unwrap_or(u32::MAX);
        Self { free: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Makes what is taken as large as so many bytes need; waits a moment for it.
    ///
    /// # Errors
    /// When others don't make room meanwhile.
    pub async fn grow(&self, taken: &mut Taken, bytes: usize) -> Result<(), NoRoom> {
        let lacking = self.lacking(pieces_of(taken), bytes);
        if lacking == 0 {
            return Ok(());
        }
        let more = self.free.clone().acquire_many_owned(lacking);
        let Ok(Ok(more)) = tokio::time::timeout(PATIENCE, more).await else { return Err(NoRoom) };
        match taken {
            Some(taken) => taken.merge(more),
            None => *taken = Some(more),
        }
        Ok(())
    }

    /// Room for so many bytes, if there is so much at the moment.
    ///
    /// # Errors
    /// When there is not.
    pub fn take(&self, bytes: usize) -> Result<Taken, NoRoom> {
        match self.lacking(0, bytes) {
            0 => Ok(None),
            lacking => self.free.clone().try_acquire_many_owned(lacking).map(Some).map_err(|_| NoRoom),
        }
    }

    /// What so many bytes need besides these pieces, once there is so much.
    pub async fn more(&self, pieces: usize, bytes: usize) -> Taken {
        match self.lacking(pieces, bytes) {
            0 => None,
            lacking => self.free.clone().acquire_many_owned(lacking).await.ok(),
        }
    }

    /// Gives back what so many bytes don't need.
    pub fn shrink(taken: &mut Taken, bytes: usize) {
        if let Some(held) = taken {
            drop(held.split(held.num_permits().saturating_sub(pieces(bytes) as usize)));
        }
    }

    /// Whoever needs more than there is gets all of it, alone: otherwise they never would.
    fn lacking(&self, pieces_held: usize, bytes: usize) -> u32 {
        pieces(bytes).min(self.all).saturating_sub(u32::try_from(pieces_held).unwrap_or(u32::MAX))
    }
}

fn pieces_of(taken: &Taken) -> usize {
    taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
}

fn pieces(bytes: usize) -> u32 {
    if bytes <= PIECE { 0 } else { u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_answers_share_a_room_and_small_ones_need_none() {
        let room = Room::new(48 << 20);
        let all: Vec<Taken> = std::iter::from_fn(|| room.take(1 << 20).ok()).collect();
        assert_eq!(all.len(), 48);
        assert!(room.take(PIECE).is_ok_and(|taken| taken.is_none()));
        assert!(room.take(64 << 20).is_err());
        drop(all);
        assert!(room.take(64 << 20).is_ok(), "one that is larger than the room, alone");
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_a_moment() {
        let room = Room::new(48 << 20);
        let all = room.take(48 << 20).expect("all of it");
        let mut taken = None;
        assert_eq!(room.grow(&mut taken, 1 << 20).await, Err(NoRoom));
        let (grown, ()) = tokio::join!(room.grow(&mut taken, 1 << 20), async { drop(all) });
        grown.expect("the others were read");
        room.grow(&mut taken, (1 << 20) + 1).await.expect("one piece more");
        assert_eq!(pieces_of(&taken), 17);
        Room::shrink(&mut taken, 1 << 20);
        assert_eq!(pieces_of(&taken), 16);
    }
}
