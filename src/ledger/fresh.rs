//! What this process stored behind somebody's last look, for the next look: a poll behind a webhook then reads no store.
//!
//! Nothing of another instance's can stand between: an append over it would have been a conflict. What stands behind is read by
//! the look after that, because what is kept here is given once.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::journal::Position;
use crate::domain::ConversationId;

/// Conversations of which something is kept.
const CONVERSATIONS: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");
/// Facts of each, and bytes of an append; more is left to the store.
const FACTS: usize = 8;
const BYTES: usize = 4_096;

/// A conversation's facts from a position on.
type Kept<F> = (Position, Vec<F>);

pub(super) struct Fresh<F>(Mutex<lru::LruCache<ConversationId, Kept<F>>>);

impl<F> Default for Fresh<F> {
    fn default() -> Self {
        Self(Mutex::new(lru::LruCache::new(CONVERSATIONS)))
    }
}

impl<F: Clone> Fresh<F> {
    /// Somebody has read up to `end`: what comes behind it is kept.
    pub fn begin(&self, id: &ConversationId, end: Position) {
        self.kept().put(id.clone(), (end, vec![]));
    }

    /// These were appended at `at`, in so many bytes.
    pub fn appended(&self, id: &ConversationId, at: Position, facts: &[F], bytes: usize) {
        let mut all = self.kept();
        let Some((from, kept)) = all.peek_mut(id) else { return };
        let fits = kept.len() + facts.len() <= FACTS && bytes <= BYTES;
        if fits && *from + kept.len() as u64 == at {
            kept.extend_from_slice(facts);
        } else {
            all.pop(id);
        }
    }

    /// The facts from `from` up to `end`, if there are any and all are kept.
    pub fn take(&self, id: &ConversationId, from: Position, end: Position) -> Option<Vec<F>> {
        let (begin, mut facts) = self.kept().pop(id)?;
        let skip = usize::try_from(from.checked_sub(begin)?).ok()?;
        (from < end && begin + facts.len() as u64 == end).then(|| facts.split_off(skip))
    }

    pub fn forget(&self, id: &ConversationId) {
        self.kept().pop(id);
    }

    fn kept(&self) -> MutexGuard<'_, lru::LruCache<ConversationId, Kept<F>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_behind_a_look_is_given_once_and_only_whole() {
        let fresh = Fresh::default();
        let id = ConversationId::parse("c").expect("an id");
        fresh.appended(&id, 0, &["nobody has looked"], 10);
        assert_eq!(fresh.take(&id, 0, 1), None);
        fresh.begin(&id, 4);
        assert_eq!(fresh.take(&id, 4, 4), None, "nothing new: the store may have more");
        fresh.begin(&id, 4);
        fresh.appended(&id, 4, &["e"], 10);
        fresh.appended(&id, 5, &["f", "g"], 20);
        assert_eq!(fresh.take(&id, 5, 7), Some(vec!["f", "g"]));
        assert_eq!(fresh.take(&id, 5, 7), None, "given once");
        for (at, facts, bytes, from, end) in [
            (4, vec!["e"], 10, 3, 5),
            (5, vec!["behind another instance's"], 10, 4, 6),
            (4, vec!["e"; FACTS + 1], 10, 4, 13),
            (4, vec!["large"], BYTES + 1, 4, 5),
            (4, vec!["e"], 10, 4, 6),
        ] {
            fresh.begin(&id, 4);
            fresh.appended(&id, at, &facts, bytes);
            assert_eq!(fresh.take(&id, from, end), None, "{facts:?} at {at}, asked from {from} to {end}");
        }
    }
}
