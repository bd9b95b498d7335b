//! Direct Line's clock, as far as its answers tell it.

use super::Poll;
use crate::domain::Timestamp;

/// A `Date` header counts whole seconds.
const RESOLUTION: i64 = 1_000;
/// Apart by more than this, in milliseconds, it tells us nothing about single moments.
const APART: i64 = 3_000;

/// By how many milliseconds Direct Line's clock is ahead of ours: at least, and at most.
#[derive(Clone, Copy, Debug, Default)]
pub struct FarClock(Option<(i64, i64)>);

impl FarClock {
    /// Each answer narrows it; one that contradicts what was known begins anew.
    pub fn heard(&mut self, poll: Poll) {
        let Some(date) = poll.date else { return };
        let (low, high) = (date.millis_since(poll.answered), date.millis_since(poll.asked) + RESOLUTION);
        let narrowed = self.0.map(|(least, most)| (least.max(low), most.min(high)));
        self.0 = narrowed.filter(|(least, most)| least <= most).or(Some((low, high)));
    }

    /// Whether a time on its clock surely lies before one on ours; false while nothing is known.
    pub fn is_before(self, stamp: Timestamp, ours: Timestamp) -> bool {
        self.0.is_some_and(|(least, _)| stamp < ours.plus_millis(least))
    }

    /// Whether a time on its clock surely lies behind one on ours; false while nothing is known.
    pub fn is_after(self, stamp: Timestamp, ours: Timestamp) -> bool {
        self.0.is_some_and(|(_, most)| stamp > ours.plus_millis(most))
    }

    pub fn is_known(self) -> bool {
        self.0.is_some()
    }

    /// Whether its times can be read as ours.
    pub fn is_ours(self) -> bool {
        self.0.is_some_and(|(least, most)| least >= -APART && most <= APART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(asked: i64, date: Option<i64>) -> Poll {
        Poll { asked: Timestamp(asked), answered: Timestamp(asked + 20), date: date.map(Timestamp) }
    }

    #[test]
    fn whole_seconds_tell_a_clock_to_a_fraction_of_one_after_some_polls() {
        let mut clock = FarClock::default();
        assert!(!clock.is_before(Timestamp(0), Timestamp(1_000_000)) && !clock.is_ours());
        // It is 350 ms ahead.
        for asked in (100_000..102_000).step_by(200) {
            clock.heard(poll(asked, Some((asked + 10 + 350) / 1_000 * 1_000)));
        }
        assert!(clock.is_ours());
        assert!(clock.is_before(Timestamp(50_100), Timestamp(50_000)));
        assert!(!clock.is_before(Timestamp(50_350), Timestamp(50_000)));
        assert!(clock.is_after(Timestamp(50_600), Timestamp(50_000)));
        assert!(!clock.is_after(Timestamp(50_350), Timestamp(50_000)));
    }

    #[test]
    fn a_clock_an_hour_away_still_tells_before_and_after() {
        let mut clock = FarClock::default();
        clock.heard(poll(7_200_000, Some(3_600_000)));
        assert!(!clock.is_ours());
        assert!(clock.is_before(Timestamp(3_598_000), Timestamp(7_200_000)));
        assert!(!clock.is_before(Timestamp(3_600_000), Timestamp(7_200_000)));
        clock.heard(poll(7_201_000, Some(7_201_000)));
        assert!(clock.is_ours(), "it was set right in between");
    }
}
