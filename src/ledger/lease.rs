//! Leases and settlements, as they are stored. Which fact of a role they stand in is the role's.

use serde::{Deserialize, Serialize};

use super::outbox::CallId;
use crate::domain::Timestamp;

/// Milliseconds for which a lease holds a lane, unless its owner renews it.
pub const LEASE: i64 = 10_000;
/// Milliseconds before its end at which its owner renews it. A call that is shorter costs no renewal.
pub const RENEW: i64 = 5_000;
/// Milliseconds before its end at which its owner no longer counts on it.
pub const MARGIN: i64 = 1_000;
/// Milliseconds by which clocks of one store's processes may differ.
pub const SKEW: i64 = 5_000;

/// Whether less than `within` milliseconds have passed since. A time from the future was written by a clock that has been set back.
pub fn is_recent(since: Timestamp, within: i64, now: Timestamp) -> bool {
    (-SKEW..within).contains(&now.millis_since(since))
}

/// A call is about to be made, or goes on. Holds its lane until it is settled or the lease ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub call: CallId,
    /// Numbers the makings of the call; a renewal has the number of the lease it renews.
    pub attempt: u32,
    /// The process that makes it.
    pub by: String,
    pub at: Timestamp,
    pub until: Timestamp,
}

impl Lease {
    /// Whether it still holds. One from the future was written by a clock that has been set back since.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until > now && self.at.millis_since(now) <= SKEW
    }
}

/// A call was made, or will not be made (again).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub call: CallId,
    /// Which making of it this settles. `None`: it was not being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    pub outcome: Settlement,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    Done,
    Retry {
        /// Not before.
        at: Timestamp,
        /// It may have arrived.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        uncertain: bool,
    },
    /// Given up, or no longer worth making.
    Dropped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_holds_until_its_end_and_not_when_the_clock_was_set_back() {
        let at = Timestamp(3_600_000);
        let lease =
            Lease { call: CallId(1, 0), attempt: 1, by: "a".to_owned(), at, until: at.plus_millis(LEASE) };
        assert!(lease.holds(at));
        assert!(lease.holds(at.plus_millis(-SKEW)), "another machine's clock may be behind");
        assert!(lease.holds(at.plus_millis(LEASE - 1)));
        assert!(!lease.holds(at.plus_millis(LEASE)));
        assert!(!lease.holds(Timestamp(0)), "an hour back");
        for (passed, recent) in [(-SKEW - 1, false), (-SKEW, true), (999, true), (1_000, false)] {
            assert_eq!(is_recent(at, 1_000, at.plus_millis(passed)), recent, "{passed}");
        }
    }
}
