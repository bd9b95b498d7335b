//! What the client is shown stands in the order of its times, though they come from several clocks.

use super::{Fact, State};
use crate::domain::Timestamp;

/// From this position on nothing is stamped earlier than this, and each position a millisecond behind the one before:
/// clients that sort by time have no other order for equal ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lift {
    pub position: u64,
    pub floor: Timestamp,
}

impl Lift {
    fn floor_at(&self, position: u64) -> Timestamp {
        self.floor.plus_millis(i64::try_from(position.saturating_sub(self.position)).unwrap_or(i64::MAX))
    }
}

/// Milliseconds: a clock that is further ahead than this is wrong, and followed no further.
const AHEAD: i64 = 24 * 3_600_000;

impl State {
    /// Where times would have gone backwards, oldest first.
    pub fn lifts(&self) -> &[Lift] {
        &self.lifts
    }

    /// Notes a fact's time, and the youngest of Direct Line's that came with it.
    pub(super) fn note_time(&mut self, fact: &Fact) {
        let Some(at) = fact.at() else { return };
        let position = self.position;
        let (before, shown) = match fact {
            Fact::UserSaid(said) => (said.latest, None),
            Fact::HandoffRequested(request) => (None, request.latest),
            _ => (None, None),
        };
        let followed = |latest: Option<Timestamp>| latest.unwrap_or_default().min(at.plus_millis(AHEAD));
        self.latest = self.latest.max(followed(before));
        if at < self.latest && self.lifts.last().is_none_or(|lift| lift.floor_at(position) < self.latest) {
            self.lifts.push(Lift { position, floor: self.latest });
        }
        self.latest = self.latest.max(at).max(followed(shown));
    }
}

/// What the fact at this position is stamped with.
pub fn stamp(lifts: &[Lift], position: u64, at: Timestamp) -> Timestamp {
    let before = lifts.partition_point(|lift| lift.position <= position);
    before.checked_sub(1).map_or(at, |last| at.max(lifts[last].floor_at(position)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::tests::chat::{START, conversation, request};
    use crate::session::{HandoffRequested, Opening};

    fn told(at: i64, latest: Option<i64>) -> Fact {
        let at_start = |millis| START.plus_millis(millis);
        match latest {
            Some(latest) => Fact::HandoffRequested(Box::new(HandoffRequested {
                at: at_start(at),
                latest: Some(at_start(latest)),
                ..request(Opening::Agent)
            })),
            None => Fact::Queued { at: at_start(at) },
        }
    }

    #[test]
    fn a_clock_that_is_days_ahead_is_not_followed() {
        let mut state = State::new(conversation());
        state.apply(&told(0, Some(AHEAD * 30)));
        state.apply(&told(1, None));
        assert_eq!(stamp(state.lifts(), 1, START), START.plus_millis(AHEAD));
    }

    proptest! {
        /// However the clocks stand to each other, and over several hand-offs, times go forward (and not only stand, while a
        /// clock is behind), and nothing is stamped before what Direct Line had shown.
        #[test]
        fn what_follows_is_never_stamped_earlier(
            facts in prop::collection::vec((0_i64..20_000, prop::option::of(0_i64..20_000)), 1..40),
        ) {
            let mut state = State::new(conversation());
            facts.iter().for_each(|(at, latest)| state.apply(&told(*at, *latest)));
            prop_assert!(state.lifts().len() <= facts.len());
            let (mut last, mut lifted, mut shown) = (Timestamp::default(), false, Timestamp::default());
            for (position, (at, latest)) in (0..).zip(&facts) {
                let at = START.plus_millis(*at);
                let stamped = stamp(state.lifts(), position, at);
                prop_assert!(stamped >= last && stamped >= shown, "{position}");
                prop_assert!(stamped > last || !lifted || stamped == at, "{position}");
                (last, lifted) = (stamped, stamped > at);
                shown = shown.max(latest.map_or(shown, |latest| START.plus_millis(latest)));
            }
        }
    }
}
