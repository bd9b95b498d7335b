//! Fuzz targets: what ServiceNow and a primary bot send, what a chat client or the bot does, and what strangers can reach.
//!
//! They run on stable Rust, without coverage feedback: a seeded generator bends known bodies (fields missing, of
//! another type, swapped, very long, nested) and then their bytes. Each runs for `FUZZ_SECONDS` (2 by default).
//! A case that panics, or takes longer than [`SLOW`], fails the test and prints its seed; `FUZZ_SEED=<it>` repeats that
//! case first.

mod activities;
mod bend;
mod callers;
mod questions;
mod strangers;
mod webhooks;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant, SystemTime},
};

use bend::Random;

/// Far more of a processor than any case takes.
const SLOW: Duration = Duration::from_secs(5);

/// Bytes of the largest body any route reads; a longer one is refused before it is looked at.
const LARGEST: usize = 8 << 20;

/// Runs cases until the time is over.
fn run(target: &str, case: impl Fn(&mut Random) -> Vec<u8>, check: impl Fn(&[u8], &mut Random)) {
    let seconds = variable("FUZZ_SECONDS").unwrap_or(2);
    let clock = || SystemTime::UNIX_EPOCH.elapsed().map_or(1, |at| at.subsec_nanos().into());
    let first = variable("FUZZ_SEED").unwrap_or_else(clock);
    let start = Instant::now();
    let mut cases = 0;
    while start.elapsed() < Duration::from_secs(seconds) {
        let seed = first.wrapping_add(cases);
        let mut random = Random::new(seed);
        let mut input = case(&mut random);
        input.truncate(LARGEST);
        let began = processor_time();
        let passed = catch_unwind(AssertUnwindSafe(|| check(&input, &mut random))).is_ok();
        let took = processor_time().saturating_sub(began);
        if !passed || took > SLOW {
            eprintln!(
                "{target}: FUZZ_SEED={seed} took {took:?} and {}",
                if passed { "passed" } else { "panicked" }
            );
            eprintln!("{}", String::from_utf8_lossy(&input));
            panic!("{target} failed with FUZZ_SEED={seed}");
        }
        cases += 1;
    }
    eprintln!("{target}: {cases} cases from FUZZ_SEED={first} on");
}

/// What this thread has had; what a machine that is busy lets it wait does not count.
fn processor_time() -> Duration {
    let had = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(had).unwrap_or_default()
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
