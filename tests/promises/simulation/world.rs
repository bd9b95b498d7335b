//! What everybody in a run shares: time, weather, the store, what was seen, and what must not be.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use servicenow_handoff::domain::Timestamp;
use tokio::time::Instant;

use super::weather::Weather;
use crate::chance::Chance;

/// When every run begins.
const DAWN: i64 = 1_800_000_000_000;
/// What all engines together may ask of the store in a millisecond; who asks more goes round in a circle.
const ASKED: usize = 20_000;

pub struct World {
    pub seed: u64,
    pub weather: Weather,
    begin: Instant,
    /// Milliseconds that every clock was set back by.
    back: AtomicI64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    trace: Vec<String>,
    counts: BTreeMap<&'static str, usize>,
    broken: Vec<String>,
    /// The bad times are over.
    calm: bool,
    /// What the store was asked in a millisecond.
    asked: (i64, usize),
}

/// What a run came to.
pub struct Report {
    pub trace: Vec<String>,
    pub counts: BTreeMap<&'static str, usize>,
    pub broken: Vec<String>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            weather: Weather::draw(seed),
            begin: Instant::now(),
            back: AtomicI64::new(0),
            seen: Mutex::default(),
        }
    }

    pub fn chance(&self, purpose: &str) -> Chance {
        Chance::new(self.seed, purpose)
    }

    /// Milliseconds since the run began.
    pub fn millis(&self) -> i64 {
        i64::try_from(self.begin.elapsed().as_millis()).unwrap()
    }

    /// The machine's clock; an engine's may be off.
    pub fn now(&self) -> Timestamp {
        Timestamp(DAWN + self.millis() - self.back.load(Relaxed))
    }

    pub fn set_back(&self, millis: i64) {
        self.note(|| format!("all clocks are set back by {millis}"));
        self.back.store(millis, Relaxed);
    }

    pub fn note(&self, line: impl FnOnce() -> String) {
        let line = format!("{:>9} {}", self.millis(), line());
        self.seen().trace.push(line);
    }

    /// One more of these was seen: so that a run which never meets a fault is not taken for a proof.
    pub fn count(&self, what: &'static str) {
        *self.seen().counts.entry(what).or_default() += 1;
    }

    pub fn broken(&self, promise: &str, how: &str) {
        let line = format!("{promise}: {how}");
        self.note(|| format!("BROKEN {line}"));
        self.seen().broken.push(line);
    }

    pub fn check(&self, holds: bool, promise: &str, how: impl FnOnce() -> String) {
        if !holds {
            self.broken(promise, &how());
        }
    }

    /// From now on nothing goes wrong any more.
    pub fn clear_up(&self) {
        self.seen().calm = true;
    }

    pub fn is_calm(&self) -> bool {
        self.seen().calm
    }

    /// The store is asked; whether time goes on between such questions.
    pub fn is_moving(&self) -> bool {
        let now = self.millis();
        let mut seen = self.seen();
        seen.asked = if seen.asked.0 == now { (now, seen.asked.1 + 1) } else { (now, 1) };
        let asked = seen.asked.1;
        drop(seen);
        self.check(asked != ASKED, "nothing is retried without progress", || {
            format!("{asked} times at {now}")
        });
        asked < ASKED
    }

    pub fn report(&self) -> Report {
        let seen = std::mem::take(&mut *self.seen());
        Report { trace: seen.trace, counts: seen.counts, broken: seen.broken }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
