//! Where in their blobs the conversations' positions stand, as far as this process has seen.
//!
//! A blob only grows, so what was true stays true: another instance's blocks make this incomplete, never wrong.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::block::Mark;
use crate::ledger::journal::Position;

/// Blobs whose places are remembered; of others, one read begins at the start.
const BLOBS: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");
/// Places of a blob: a client's watermark is seldom more than a few commits behind.
const MARKS: usize = 16;

/// The last places of each blob; the very last is its end as last seen.
pub struct Known(Mutex<lru::LruCache<String, VecDeque<Mark>>>);

impl Known {
    pub fn new() -> Self {
        Self(Mutex::new(lru::LruCache::new(BLOBS)))
    }

    /// The end of the blob, if it was ever read or written here.
    pub fn end(&self, blob: &str) -> Option<Mark> {
        self.blobs().get(blob)?.back().copied()
    }

    /// The last place known from which the fact at `position` comes later.
    pub fn before(&self, blob: &str, position: Position) -> Mark {
        let mut blobs = self.blobs();
        let known = blobs.get(blob).into_iter().flatten().rev();
        known.copied().find(|mark| mark.position <= position).unwrap_or_default()
    }

    /// Takes in places of the blob, in their order.
    pub fn learn(&self, blob: &str, marks: &[Mark]) {
        let mut blobs = self.blobs();
        let known = blobs.get_or_insert_mut_ref(blob, || VecDeque::with_capacity(MARKS));
        for mark in marks {
            if known.back().is_some_and(|last| last.offset >= mark.offset) {
                continue;
            }
            if known.len() == MARKS {
                known.pop_front();
            }
            known.push_back(*mark);
        }
    }

    /// The blob is another one, or none.
    pub fn forget(&self, blob: &str) {
        self.blobs().pop(blob);
    }

    fn blobs(&self) -> MutexGuard<'_, lru::LruCache<String, VecDeque<Mark>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(position: Position, offset: u64) -> Mark {
        Mark { position, offset }
    }

    #[test]
    fn of_a_blob_never_seen_the_start_is_all_there_is() {
        let known = Known::new();
        assert_eq!(known.end("a"), None);
        assert_eq!(known.before("a", 7), Mark::default());
    }

    #[test]
    fn the_place_nearest_before_a_position_is_found() {
        let known = Known::new();
        known.learn("a", &[mark(0, 0), mark(2, 200), mark(2, 218), mark(5, 500)]);
        assert_eq!(known.before("a", 1), mark(0, 0));
        assert_eq!(known.before("a", 2), mark(2, 218), "behind the fence");
        assert_eq!(known.before("a", 4), mark(2, 218));
        assert_eq!(known.before("a", 9), mark(5, 500));
        assert_eq!(known.end("a"), Some(mark(5, 500)));
        assert_eq!(known.end("b"), None);
    }

    #[test]
    fn an_older_look_takes_nothing_back() {
        let known = Known::new();
        known.learn("a", &[mark(5, 500)]);
        known.learn("a", &[mark(0, 0), mark(2, 200)]);
        assert_eq!(known.end("a"), Some(mark(5, 500)));
    }

    #[test]
    fn only_the_last_places_are_kept() {
        let known = Known::new();
        let all: Vec<Mark> = (0..100).map(|n| mark(n, n * 10)).collect();
        known.learn("a", &all);
        assert_eq!(known.before("a", 99), mark(99, 990));
        assert_eq!(known.before("a", 84), mark(84, 840));
        assert_eq!(known.before("a", 83), Mark::default());
    }
}
