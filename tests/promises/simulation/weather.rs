//! What goes wrong in a run, and how often.

use crate::chance::Chance;

/// Not every run meets everything: some promises are sharper where some faults are not.
#[derive(Clone, Debug)]
pub struct Weather {
    pub engines: u64,
    /// Deaths of engines, all together.
    pub deaths: u64,
    /// In a thousand operations of the store.
    pub store: Store,
    /// In a hundred calls.
    pub far: Far,
    pub outages: Vec<Outage>,
    pub clocks: Clocks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    Right,
    /// One is behind the others, by less than leases allow for.
    Differ,
    /// All are set back by an hour, as a machine's is: what was leased before is free again, whoever makes it.
    SetBack,
}

#[derive(Clone, Debug, Default)]
pub struct Store {
    pub failures: u64,
    pub lost_answers: u64,
    pub delays: u64,
    /// Milliseconds, at most.
    pub delay: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Far {
    pub slow: u64,
    pub very_slow: u64,
    pub lost: u64,
    pub answer_lost: u64,
    pub busy: u64,
    pub refused: u64,
}

/// Milliseconds of the run.
#[derive(Clone, Debug)]
pub struct Outage {
    pub from: i64,
    pub to: i64,
    /// What it says of when to come again.
    pub retry_after: Option<i64>,
}

impl Weather {
    pub fn draw(seed: u64) -> Self {
        let mut chance = Chance::new(seed, "weather");
        let mut bad = |percent| chance.percent(percent);
        let (deaths, store, slow_store, far, outages) = (bad(60), bad(60), bad(30), bad(75), bad(50));
        let clocks = match (bad(15), bad(15)) {
            (true, _) => Clocks::SetBack,
            (_, true) => Clocks::Differ,
            _ => Clocks::Right,
        };
        let mut some = |on: bool, low, high| if on { chance.between(low, high) } else { 0 };
        Self {
            engines: some(true, 2, 3),
            deaths: some(deaths, 1, 8),
            store: Store {
                failures: some(store, 1, 30),
                lost_answers: some(store, 1, 30),
                delays: some(store, 1, 30),
                delay: some(store, 50, if slow_store { 20_000 } else { 900 }),
            },
            far: Far {
                slow: some(far, 1, 15),
                very_slow: some(far, 0, 3),
                lost: some(far, 0, 4),
                answer_lost: some(far, 0, 6),
                busy: some(far, 0, 10),
                refused: some(far, 0, 2),
            },
            outages: if outages { self::outages(seed) } else { vec![] },
            clocks,
        }
    }

    pub fn outage(&self, now: i64) -> Option<&Outage> {
        self.outages.iter().find(|outage| (outage.from..outage.to).contains(&now))
    }

    /// Nothing but the far end goes wrong, and its answers come.
    pub fn is_plain(&self) -> bool {
        self.deaths == 0 && self.store.failures == 0 && self.clocks == Clocks::Right
    }
}

fn outages(seed: u64) -> Vec<Outage> {
    let mut chance = Chance::new(seed, "outages");
    let mut from = 0;
    let mut all = vec![];
    for _ in 0..chance.between(1, 3) {
        from += i64::try_from(chance.between(5_000, 120_000)).unwrap();
        let long = chance.one_in(4);
        // A long one outlasts words that wait for its end.
        let length = if long { chance.between(200_000, 600_000) } else { chance.between(2_000, 60_000) };
        let retry_after = chance.one_in(2).then(|| i64::try_from(chance.between(1_000, 40_000)).unwrap());
        let to = from + i64::try_from(length).unwrap();
        all.push(Outage { from, to, retry_after });
        from = to;
    }
    all
}
