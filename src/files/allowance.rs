//! How much of files a conversation may still take in.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// The room of one upload among those of its conversation that come at the same time. What it took counts until it is dropped:
/// by then it is stored, or it never was.
#[derive(Debug)]
pub struct Allowance {
    coming: Arc<AtomicU64>,
    mine: u64,
    /// Bytes that all of them together may take.
    room: u64,
}

impl Allowance {
    /// `coming`: shared by all uploads of a conversation; `room`: bytes that its stored files leave.
    pub fn new(coming: &Arc<AtomicU64>, room: u64) -> Self {
        Self { coming: coming.clone(), mine: 0, room }
    }

    /// Whether so many bytes more may come.
    pub(super) fn take(&mut self, bytes: u64) -> bool {
        self.mine += bytes;
        self.coming.fetch_add(bytes, Relaxed) + bytes <= self.room
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        self.coming.fetch_sub(self.mine, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_that_come_together_share_the_room_and_give_it_back() {
        let coming = Arc::new(AtomicU64::new(0));
        let (mut one, mut other) = (Allowance::new(&coming, 10), Allowance::new(&coming, 10));
        assert!(one.take(6));
        assert!(other.take(4));
        assert!(!other.take(1));
        drop(other);
        assert!(one.take(4));
        assert!(!one.take(1));
        drop(one);
        assert_eq!(coming.load(Relaxed), 0);
    }
}
