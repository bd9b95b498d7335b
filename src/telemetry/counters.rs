//! What a process has done, as numbers: one line a minute that a log store can add up.
//!
//! A count is one atomic addition, made where the fact happens. Every line holds what came since the line before it,
//! so sums over lines are right however many instances there are. Nothing survives the
//! process: one that is killed takes the minute it had not yet logged with it. What must survive is in the journals.

use std::{
    fmt::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tracing::info;

use crate::domain::random;

/// How often a process logs what it has counted.
pub const EVERY: Duration = Duration::from_secs(60);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Escalations stored.
    Handoffs,
    /// Words of a user's that ServiceNow took.
    ToServiceNow,
    /// Messages of ServiceNow's stored for a client.
    FromServiceNow,
    /// Requests of a primary bot's that were stored.
    FromPrimaryBot,
    /// Answers a primary bot was given, in the response or at its response address.
    ToPrimaryBot,
    /// Turns of the agent's that the relay gave to ServiceNow, and the activities in them.
    RelayTurns,
    RelayActivities,
    /// Parts of an answer that came too late for their turn and went with the next.
    LateParts,
    /// What came once more and was known by its id.
    Duplicates,
    /// Elements of ServiceNow's of a kind we don't know, shown as their text.
    Degraded,
    /// The same, with nothing readable in them.
    NotShown,
    /// Calls that failed and are made again, by far end.
    RetriesServiceNow,
    RetriesDirectLine,
    RetriesPrimaryBot,
    /// Signs (typing, receipts) that ServiceNow was not told.
    SignsDropped,
    /// Messages given up for good: the user or the primary bot does not get them.
    GivenUp,
}

const COUNTS: usize = Count::GivenUp as usize + 1;

/// Each by the name it has in a line and as a metric.
#[cfg(feature = "otlp")]
pub const NAMES: [(Count, &str); COUNTS] = [
    (Count::Handoffs, "handoffs"),
    (Count::ToServiceNow, "to_servicenow"),
    (Count::FromServiceNow, "from_servicenow"),
    (Count::FromPrimaryBot, "from_primary_bot"),
    (Count::ToPrimaryBot, "to_primary_bot"),
    (Count::RelayTurns, "relay_turns"),
    (Count::RelayActivities, "relay_activities"),
    (Count::LateParts, "late_parts"),
    (Count::Duplicates, "duplicates"),
    (Count::Degraded, "degraded"),
    (Count::NotShown, "not_shown"),
    (Count::RetriesServiceNow, "retries_servicenow"),
    (Count::RetriesDirectLine, "retries_direct_line"),
    (Count::RetriesPrimaryBot, "retries_primary_bot"),
    (Count::SignsDropped, "signs_dropped"),
    (Count::GivenUp, "given_up"),
];

/// Upper ends of the ages that deliveries are sorted by, in milliseconds; what is older counts as the last.
///
/// Each is about twice the one before, so a percentile read from them is right to a factor of two.
const AGES: [u64; 13] =
    [50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000];

/// One process's counts.
#[derive(Debug)]
pub struct Counters {
    /// Names the process in its lines: random, made when it starts.
    process: String,
    /// Since the process began, as are the ages.
    counts: [AtomicU64; COUNTS],
    ages: [AtomicU64; AGES.len()],
    /// Since the last line.
    oldest: AtomicU64,
    logged: Mutex<Counted>,
}

/// What was counted between two looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    counts: [u64; COUNTS],
    ages: [u64; AGES.len()],
    oldest: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            process: hex::encode(random::<4>()),
            counts: Default::default(),
            ages: Default::default(),
            oldest: AtomicU64::new(0),
            logged: Mutex::default(),
        }
    }
}

impl Counters {
    pub fn one(&self, what: Count) {
        self.add(what, 1);
    }

    pub fn add(&self, what: Count, many: usize) {
        if many > 0 {
            self.counts[what as usize].fetch_add(many as u64, Relaxed);
        }
    }

    /// A user's words have reached ServiceNow, so many milliseconds after they were stored.
    pub fn delivered(&self, age_millis: i64) {
        let age = u64::try_from(age_millis).unwrap_or(0);
        let bucket = AGES.iter().position(|upper| age <= *upper).unwrap_or(AGES.len() - 1);
        self.one(Count::ToServiceNow);
        self.ages[bucket].fetch_add(1, Relaxed);
        self.oldest.fetch_max(age, Relaxed);
    }

    /// What was counted since the last [`take`](Self::take).
    pub fn so_far(&self) -> Counted {
        self.all().without(&self.logged.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// As [`so_far`](Self::so_far), and begins again at nothing.
    pub fn take(&self) -> Counted {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let all = Counted { oldest: self.oldest.swap(0, Relaxed), ..self.all() };
        let taken = all.without(&logged);
        *logged = all;
        taken
    }

    /// What was counted since the process began.
    pub fn all(&self) -> Counted {
        Counted {
            counts: std::array::from_fn(|at| self.counts[at].load(Relaxed)),
            ages: std::array::from_fn(|at| self.ages[at].load(Relaxed)),
            oldest: self.oldest.load(Relaxed),
        }
    }

    /// Logs what came since the last line; nothing when nothing came.
    pub fn log(&self) {
        let counted = self.take();
        if !counted.is_nothing() {
            counted.log(&self.process);
        }
    }
}

impl Counted {
    pub fn of(&self, what: Count) -> u64 {
        self.counts[what as usize]
    }

    /// How many deliveries were no older than so many milliseconds, and older than the age before.
    #[cfg(feature = "otlp")]
    pub fn by_age(&self) -> impl Iterator<Item = (u64, u64)> {
        AGES.into_iter().zip(self.ages)
    }

    fn without(&self, before: &Self) -> Self {
        Self {
            counts: std::array::from_fn(|at| self.counts[at] - before.counts[at]),
            ages: std::array::from_fn(|at| self.ages[at] - before.ages[at]),
            oldest: self.oldest,
        }
    }

    fn is_nothing(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    /// `{"50":3,"1000":1}`: so many deliveries no older than so many milliseconds, and older than the age before.
    fn ages(&self) -> String {
        let mut ages = String::from("{");
        for (upper, many) in AGES.iter().zip(self.ages).filter(|(_, many)| *many > 0) {
            let comma = if ages.len() > 1 { "," } else { "" };
            let _ = write!(ages, "{comma}\"{upper}\":{many}");
        }
        ages.push('}');
        ages
    }

    fn log(&self, process: &str) {
        info!(
            process,
            handoffs = self.of(Count::Handoffs),
            to_servicenow = self.of(Count::ToServiceNow),
            from_servicenow = self.of(Count::FromServiceNow),
            from_primary_bot = self.of(Count::FromPrimaryBot),
            to_primary_bot = self.of(Count::ToPrimaryBot),
            relay_turns = self.of(Count::RelayTurns),
            relay_activities = self.of(Count::RelayActivities),
            late_parts = self.of(Count::LateParts),
            duplicates = self.of(Count::Duplicates),
            degraded = self.of(Count::Degraded),
            not_shown = self.of(Count::NotShown),
            retries_servicenow = self.of(Count::RetriesServiceNow),
            retries_direct_line = self.of(Count::RetriesDirectLine),
            retries_primary_bot = self.of(Count::RetriesPrimaryBot),
            signs_dropped = self.of(Count::SignsDropped),
            given_up = self.of(Count::GivenUp),
            delivery_age_max_ms = self.oldest,
            delivery_ages = self.ages(),
            "Counted"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_in_one_line_and_the_next_begins_at_nothing() {
        let counters = Counters::default();
        counters.one(Count::Degraded);
        counters.add(Count::RelayActivities, 3);
        counters.add(Count::LateParts, 0);
        let taken = counters.take();
        assert_eq!((taken.of(Count::Degraded), taken.of(Count::RelayActivities)), (1, 3));
        assert_eq!(taken.of(Count::LateParts), 0);
        assert!(counters.so_far().is_nothing());
        assert!(!taken.is_nothing());
    }

    #[test]
    fn a_delivery_is_sorted_by_its_age() {
        let counters = Counters::default();
        for age in [-3, 0, 50, 51, 900, 320_001] {
            counters.delivered(age);
        }
        let taken = counters.take();
        assert_eq!(taken.ages(), r#"{"50":3,"100":1,"1000":1,"320000":1}"#);
        assert_eq!((taken.of(Count::ToServiceNow), taken.oldest), (6, 320_001));
        assert_eq!(counters.take().ages(), "{}");
    }
}
