//! What an instance still takes of us. Its limits count the calls of one user in one hour, and all our chats share one user.
//!
//! Followed: ServiceNow's pages on inbound REST API rate limits: `X-RateLimit-Limit`, `X-RateLimit-Remaining`, and
//! `X-RateLimit-Reset` in seconds since the epoch [doc]. Each node counts by itself, so the least that was told is what counts
//! [inferred]; whether an answer in full carries them depends on the release [unverified].

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::header::HeaderMap;
use tracing::warn;

use crate::domain::Timestamp;

/// Milliseconds of a window, whatever the header says: a wrong clock must not silence signs for longer.
const HOUR: i64 = 3_600_000;
/// Milliseconds for which a refusal counts at least.
const MINUTE: i64 = 60_000;
/// A window that ends later than this after the known one is another. Milliseconds; nodes' clocks differ.
const ANOTHER: i64 = 60_000;
/// Below one in so many of the calls of an hour signs are left out.
const SCARCE: u64 = 5;

/// How much may still be asked, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    #[default]
    Ample,
    /// Less than a fifth is left: it is for words.
    Low,
    UsedUp,
}

/// What an answer's headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    limit: u64,
    remaining: u64,
    reset: Option<Timestamp>,
}

impl Told {
    /// `None` where nothing is said of a rest.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let reset = number("x-ratelimit-reset").and_then(|seconds| i64::try_from(seconds).ok());
        Some(Self {
            limit: number("x-ratelimit-limit")?,
            remaining: number("x-ratelimit-remaining")?,
            reset: reset.map(|seconds| Timestamp(seconds.saturating_mul(1_000))),
        })
    }
}

/// The present hour, as far as answers have told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    limit: u64,
    remaining: u64,
    /// When it begins anew; in the past when nothing is known.
    reset: Timestamp,
    refused_until: Timestamp,
    said: Level,
}

impl Budget {
    pub fn level(&self, now: Timestamp) -> Level {
        if self.refused_until > now {
            return Level::UsedUp;
        }
        if self.reset <= now {
            return Level::Ample;
        }
        match self.remaining {
            0 => Level::UsedUp,
            left if left.saturating_mul(SCARCE) < self.limit => Level::Low,
            _ => Level::Ample,
        }
    }

    /// An answer told; the level if it is worth saying.
    pub fn told(&mut self, told: Told, now: Timestamp) -> Option<Level> {
        let end = now.plus_millis(HOUR);
        let reset = told.reset.map_or(end, |reset| reset.min(end));
        if self.reset <= now || reset.millis_since(self.reset) > ANOTHER {
            let Self { refused_until, said, .. } = *self;
            // A refusal that lasts has been said.
            let said = if refused_until > now { said } else { Level::default() };
            *self = Self { remaining: told.remaining, refused_until, said, ..Self::default() };
        }
        self.limit = told.limit;
        self.remaining = self.remaining.min(told.remaining);
        self.reset = self.reset.max(reset);
        self.worth_saying(now)
    }

    /// A call was turned away for so many milliseconds; the level if it is worth saying.
    pub fn refused(&mut self, wait: i64, now: Timestamp) -> Option<Level> {
        if self.refused_until <= now && self.reset <= now {
            self.said = Level::Ample;
        }
        self.refused_until = self.refused_until.max(now.plus_millis(wait.clamp(MINUTE, HOUR)));
        self.worth_saying(now)
    }

    /// Each level once an hour.
    fn worth_saying(&mut self, now: Timestamp) -> Option<Level> {
        let level = self.level(now);
        let is_new = level > self.said;
        self.said = self.said.max(level);
        is_new.then_some(level)
    }
}

/// The budget that all chats share.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<Budget>);

impl Shared {
    pub fn level(&self, now: Timestamp) -> Level {
        self.with(|budget| budget.level(now))
    }

    pub fn told(&self, told: Option<Told>) {
        let Some(told) = told else { return };
        if let Some(level) = self.with(|budget| budget.told(told, Timestamp::now())) {
            say(level, Some(told));
        }
    }

    pub fn refused(&self, wait: Duration) {
        let wait = i64::try_from(wait.as_millis()).unwrap_or(HOUR);
        if let Some(level) = self.with(|budget| budget.refused(wait, Timestamp::now())) {
            say(level, None);
        }
    }

    fn with<T>(&self, what: impl FnOnce(&mut Budget) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn say(level: Level, told: Option<Told>) {
    let (limit, remaining) = (told.map(|told| told.limit), told.map(|told| told.remaining));
    match level {
        Level::Ample => {}
        Level::Low => {
            warn!(
                limit,
                remaining,
                "Less than a fifth is left of the calls that ServiceNow takes from our user in an hour; signs (typing, receipts) are left out, words go on. Raise the rate limit rule for this user."
            );
        }
        Level::UsedUp => {
            warn!(
                limit,
                remaining,
                "ServiceNow takes no more calls from our user for now; words wait, signs (typing, receipts) are left out. Raise the rate limit rule for this user."
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn left(remaining: u64) -> Told {
        Told { limit: 100, remaining, reset: Some(NOW.plus_millis(HOUR / 2)) }
    }

    #[test]
    fn signs_go_when_less_than_a_fifth_is_left_and_come_back_with_the_next_hour() {
        let mut budget = Budget::default();
        assert_eq!(budget.level(NOW), Level::Ample, "nothing is known");
        for (remaining, level, said) in [
            (100, Level::Ample, None),
            (20, Level::Ample, None),
            (19, Level::Low, Some(Level::Low)),
            (18, Level::Low, None),
            (0, Level::UsedUp, Some(Level::UsedUp)),
            (0, Level::UsedUp, None),
        ] {
            assert_eq!(budget.told(left(remaining), NOW), said, "{remaining}");
            assert_eq!(budget.level(NOW), level, "{remaining}");
        }
        let next = NOW.plus_millis(HOUR / 2);
        assert_eq!(budget.level(next), Level::Ample);
        let fresh = Told { reset: Some(next.plus_millis(HOUR)), ..left(99) };
        assert_eq!((budget.told(fresh, next), budget.level(next)), (None, Level::Ample));
        let low = Told { remaining: 3, ..fresh };
        assert_eq!(budget.told(low, next), Some(Level::Low), "it is said in each hour");
    }

    #[test]
    fn of_several_nodes_the_one_with_the_least_counts() {
        let mut budget = Budget::default();
        budget.told(left(7), NOW);
        budget.told(left(80), NOW);
        assert_eq!(budget.level(NOW), Level::Low);
    }

    #[test]
    fn after_a_refusal_there_are_no_signs_for_a_while() {
        let mut budget = Budget::default();
        assert_eq!(budget.refused(2_000, NOW), Some(Level::UsedUp));
        assert_eq!(budget.refused(2_000, NOW), None);
        assert_eq!(budget.told(left(5), NOW), None, "the first rest that is told, while the refusal lasts");
        let mut budget = Budget::default();
        assert_eq!(budget.refused(2_000, NOW), Some(Level::UsedUp));
        assert_eq!(budget.level(NOW.plus_millis(MINUTE - 1)), Level::UsedUp);
        assert_eq!(budget.level(NOW.plus_millis(MINUTE)), Level::Ample);
        assert_eq!(budget.refused(90_000, NOW.plus_millis(HOUR)), Some(Level::UsedUp));
        assert_eq!(budget.level(NOW.plus_millis(HOUR + 89_999)), Level::UsedUp);
    }

    #[test]
    fn a_reset_that_is_wrong_or_missing_silences_signs_for_an_hour_at_most() {
        for reset in [None, Some(NOW.plus_millis(1_000 * HOUR))] {
            let mut budget = Budget::default();
            budget.told(Told { reset, ..left(1) }, NOW);
            assert_eq!(budget.level(NOW.plus_millis(HOUR - 1)), Level::Low);
            assert_eq!(budget.level(NOW.plus_millis(HOUR)), Level::Ample);
        }
    }

    #[test]
    fn what_headers_say_is_read_where_a_rest_is_told() {
        let headers = |told: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in told {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            headers
        };
        let all =
            [("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", " 7"), ("x-ratelimit-reset", "1800")];
        let expected = Told { limit: 100, remaining: 7, reset: Some(Timestamp(1_800_000)) };
        assert_eq!(Told::read(&headers(&all)), Some(expected));
        assert_eq!(Told::read(&headers(&all[..2])), Some(Told { reset: None, ..expected }));
        for nothing in [&all[..1], &[], &[("x-ratelimit-limit", "many"), ("x-ratelimit-remaining", "1")]] {
            assert_eq!(Told::read(&headers(nothing)), None);
        }
    }
}
