//! Who waits for a conversation to move. Of a chat little is kept for it: nearly always nobody does.

use std::{
    pin::pin,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
};

use tokio::sync::Notify;

use super::journal::Position;

/// Where a conversation has come to, as this process knows it.
#[derive(Debug, Default)]
pub(super) struct Moved {
    to: AtomicU64,
    waiting: Notify,
}

/// Tells of every move since it was made, or since it told of the last.
#[derive(Debug)]
pub struct Watch<'a> {
    moved: &'a Moved,
    seen: Position,
}

impl Moved {
    /// Wakes all who wait.
    pub fn to(&self, position: Position) {
        self.to.store(position, Release);
        self.waiting.notify_waiters();
    }

    pub fn watch(&self) -> Watch<'_> {
        Watch { moved: self, seen: self.to.load(Acquire) }
    }
}

impl Watch<'_> {
    /// Waits for the next move; several that were not waited for are one.
    pub async fn changed(&mut self) {
        loop {
            let mut woken = pin!(self.moved.waiting.notified());
            // Before the look: what moves behind it wakes.
            woken.as_mut().enable();
            let position = self.moved.to.load(Acquire);
            if position != self.seen {
                self.seen = position;
                return;
            }
            woken.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn each_who_waits_is_told_of_what_moved_since_and_of_nothing_twice() {
        let moved = Moved::default();
        moved.to(1);
        let (mut one, mut other) = (moved.watch(), moved.watch());
        assert_eq!(one.changed().now_or_never(), None, "that was before");
        moved.to(2);
        moved.to(3);
        assert_eq!(one.changed().now_or_never(), Some(()));
        assert_eq!(one.changed().now_or_never(), None, "told once");
        let both = async { tokio::join!(one.changed(), other.changed(), other_moves(&moved)) };
        tokio::time::timeout(std::time::Duration::from_secs(10), both).await.expect("both are woken");
    }

    async fn other_moves(moved: &Moved) {
        tokio::task::yield_now().await;
        moved.to(4);
    }
}
