//! A far end that is down. That belongs to the far end and not to a message: while it lasts, few calls ask it.
//!
//! One for each far end and process; what it knows is gone with the process, and learned again by its first call.

use std::collections::HashMap;

use super::{
    lease::SKEW,
    retry::{Failure, WORDS_LIVE},
};
use crate::domain::Timestamp;

/// Calls that may ask a far end right behind the one that found it down.
const BURST: u32 = 3;
/// Milliseconds after which another may.
const PROBE: i64 = 1_000;

/// Whether a far end answers, as far as this process knows.
#[derive(Clone, Debug, Default)]
pub struct Outage {
    down: Option<Down>,
    /// When a call last told of it.
    told: Timestamp,
}

/// Those of one lane's far ends that are down, by name.
#[derive(Debug, Default)]
pub struct Outages(HashMap<String, Outage>);

impl Outages {
    pub fn is_any_down(&self) -> bool {
        !self.0.is_empty()
    }

    /// What `ask` makes of one. Others that nobody has asked for long are forgotten.
    pub fn of<T>(&mut self, far_end: &str, ask: impl FnOnce(&mut Outage) -> T) -> T {
        let mut outage = self.0.remove(far_end).unwrap_or_default();
        let asked = ask(&mut outage);
        self.0.retain(|_, other| !other.is_past(outage.told));
        if outage.is_down() {
            self.0.insert(far_end.to_owned(), outage);
        }
        asked
    }
}

#[derive(Clone, Debug)]
struct Down {
    /// When it was last found so.
    at: Timestamp,
    /// Calls that may ask now.
    left: u32,
    /// When the next may.
    next: Timestamp,
    /// The far end asked to be left alone until then.
    closed: Timestamp,
}

impl Outage {
    pub fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Whether a call may be made now; else not before the time given. `jitter`: milliseconds by chance.
    pub fn may_ask(&mut self, now: Timestamp, jitter: i64) -> Result<(), Timestamp> {
        let Some(down) = &mut self.down else { return Ok(()) };
        down.heed_clock(now);
        if down.closed > now {
            return Err(down.closed.plus_millis(jitter));
        }
        if down.left > 0 {
            down.left -= 1;
            return Ok(());
        }
        if down.next > now {
            return Err(down.next.plus_millis(jitter));
        }
        down.next = now.plus_millis(PROBE);
        Ok(())
    }

    /// Whether nothing waits for its end any more: the next call finds out anew.
    fn is_past(&self, now: Timestamp) -> bool {
        self.down.as_ref().is_none_or(|down| now.millis_since(down.at.max(down.closed)) > WORDS_LIVE)
    }

    /// What a call tells of its far end; `None`: it was answered.
    pub fn note(&mut self, failure: Option<Failure>, now: Timestamp) {
        self.told = now;
        match failure {
            None | Some(Failure::Refused) => self.down = None,
            Some(Failure::NotTaken { wait }) => self.down(now, wait),
            // That one took long says nothing of the others.
            Some(Failure::Uncertain | Failure::WordsGone) => {}
        }
    }

    /// A call was surely not taken because the far end is not there, or wants to be left alone for `wait` milliseconds.
    fn down(&mut self, now: Timestamp, wait: i64) {
        let down = self.down.get_or_insert_with(|| Down::found(now, wait));
        down.heed_clock(now);
        down.at = now;
        down.closed = down.closed.max(now.plus_millis(wait));
    }
}

impl Down {
    fn found(now: Timestamp, wait: i64) -> Self {
        Self { at: now, left: BURST, next: now.plus_millis(PROBE), closed: now.plus_millis(wait) }
    }

    /// When the clock was set back since, its times say nothing.
    fn heed_clock(&mut self, now: Timestamp) {
        if self.at.millis_since(now) > SKEW {
            *self = Self::found(now, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_a_lanes_far_ends_is_down_by_itself() {
        let mut outages = Outages::default();
        outages.of("hr", |outage| outage.note(Some(Failure::NotTaken { wait: 60_000 }), Timestamp(0)));
        let mut may_ask = |far_end| outages.of(far_end, |outage| outage.may_ask(Timestamp(1), 0).is_ok());
        assert!(!may_ask("hr") && may_ask("") && may_ask("it"));
        outages.of("hr", |outage| outage.note(None, Timestamp(2)));
        assert!(!outages.is_any_down());
    }

    #[test]
    fn one_that_nobody_asks_any_more_is_forgotten_once_nothing_can_wait_for_it() {
        let mut outages = Outages::default();
        outages.of("hr", |outage| outage.note(Some(Failure::NotTaken { wait: 60_000 }), Timestamp(0)));
        for (now, is_down) in [(60_000 + WORDS_LIVE, true), (60_001 + WORDS_LIVE, false)] {
            outages.of("it", |outage| outage.note(None, Timestamp(now)));
            assert_eq!(outages.is_any_down(), is_down, "{now}");
        }
    }

    fn asked(outage: &mut Outage, from: i64, to: i64) -> usize {
        (from..to).filter(|now| outage.may_ask(Timestamp(*now), 0).is_ok()).count()
    }

    #[test]
    fn a_far_end_that_is_there_is_asked_at_will() {
        let mut outage = Outage::default();
        assert_eq!(asked(&mut outage, 0, 500), 500);
    }

    #[test]
    fn one_that_is_down_is_asked_by_few_until_one_gets_through() {
        let mut outage = Outage::default();
        outage.down(Timestamp(0), 0);
        assert_eq!(asked(&mut outage, 0, 1_000), BURST as usize);
        assert_eq!(asked(&mut outage, 1_000, 11_000), 10, "one a second");
        outage.note(None, Timestamp(11_000));
        assert_eq!(asked(&mut outage, 11_000, 11_500), 500);
    }

    #[test]
    fn one_that_asked_to_be_left_alone_is_left_alone() {
        let mut outage = Outage::default();
        outage.down(Timestamp(0), 4_000);
        assert_eq!(outage.may_ask(Timestamp(3_999), 7), Err(Timestamp(4_007)));
        assert_eq!(outage.may_ask(Timestamp(4_000), 7), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_no_wait_from_before() {
        for finds_it_down_again in [false, true] {
            let mut outage = Outage::default();
            outage.down(Timestamp(3_600_000), 4_000);
            if finds_it_down_again {
                outage.down(Timestamp(0), 1_000);
            }
            assert_eq!(outage.may_ask(Timestamp(1_000), 0), Ok(()), "{finds_it_down_again}");
        }
    }
}
