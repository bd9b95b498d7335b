//! The retry table, and what follows from a call that failed. Pure; the only owner of retries of stored calls.

use super::{machine::Outcome, machine::Why, outbox::Queued};
use crate::domain::Timestamp;

/// Milliseconds to wait after the first, second, … failed try; the last entry repeats.
const DELAYS: [i64; 10] = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000];
/// Milliseconds after which words that a far end surely did not take are given up.
pub const WORDS_LIVE: i64 = 5 * 60_000;
/// Milliseconds to wait before a call that may have arrived is made again, for the first and the second time: the second
/// when what cuts answers off may be over. There is no third.
const UNCERTAIN: [i64; 2] = [400, 20_000];

/// Why a call failed, in terms of what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Surely not taken: no connection, or the far end says that it can't now. Not before so many milliseconds.
    NotTaken { wait: i64 },
    /// No answer in time, or a cut one: it may have arrived.
    Uncertain,
    /// The far end will give the same answer again.
    Refused,
    /// The words were not stored, and are gone.
    WordsGone,
}

/// What follows from the failure of a call that was made `now`. `jitter`: chance, from 0 to 1,000.
pub fn after<C, A>(queued: &Queued<C>, failure: Failure, now: Timestamp, jitter: i64) -> Outcome<A> {
    let step = (queued.attempts.saturating_sub(1) as usize).min(DELAYS.len() - 1);
    let delay = DELAYS[step] + DELAYS[step] * jitter / 4_000;
    match failure {
        Failure::Refused => Outcome::GivenUp(Why::Refused),
        Failure::WordsGone => Outcome::GivenUp(Why::WordsGone),
        Failure::Uncertain => match UNCERTAIN.get(usize::from(queued.timeouts)) {
            Some(wait) => {
                Outcome::Retry { at: now.plus_millis(wait + wait * jitter / 4_000), uncertain: true }
            }
            None => Outcome::GivenUp(Why::MayHaveArrived),
        },
        Failure::NotTaken { .. } if now.millis_since(queued.since) >= queued.lives => {
            // An earlier try without an answer may have arrived all the same.
            Outcome::GivenUp(if queued.may_have_arrived() { Why::MayHaveArrived } else { Why::Unreachable })
        }
        Failure::NotTaken { wait } => {
            let end = queued.since.plus_millis(queued.lives);
            Outcome::Retry { at: now.plus_millis(delay.max(wait)).min(end), uncertain: false }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::outbox::CallId, *};

    fn queued(attempts: u32) -> Queued<()> {
        let mut queued = Queued::new(CallId(1, 0), (), Timestamp(0));
        queued.attempts = attempts;
        queued
    }

    fn next(queued: &Queued<()>, failure: Failure, now: i64, jitter: i64) -> Result<i64, Why> {
        match after::<(), ()>(queued, failure, Timestamp(now), jitter) {
            Outcome::Retry { at, .. } => Ok(at.0),
            Outcome::GivenUp(why) => Err(why),
            Outcome::Done(_) => unreachable!("it failed"),
        }
    }

    #[test]
    fn the_first_retry_comes_within_half_a_second_and_the_waits_double_to_thirty() {
        let (mut now, mut waits) = (0, vec![]);
        for attempt in 1.. {
            let Ok(at) = next(&queued(attempt), Failure::NotTaken { wait: 0 }, now, 0) else { break };
            waits.push(at - now);
            now = at;
        }
        assert!(waits[0] <= 500);
        let last = waits.pop();
        assert!(last.is_some_and(|last| last <= 30_000), "cut at the end");
        assert!(waits.windows(2).all(|pair| pair[1] == (pair[0] * 2).min(30_000)), "{waits:?}");
        assert_eq!(now, WORDS_LIVE);
    }

    #[test]
    fn what_may_have_arrived_is_made_again_twice_and_then_said_to_be_doubtful() {
        let mut call = queued(1);
        for timeouts in 0..2 {
            call.timeouts = timeouts;
            assert!(next(&call, Failure::Uncertain, 60_000, 500).is_ok());
        }
        call.timeouts = 2;
        assert_eq!(next(&call, Failure::Uncertain, 180_000, 0), Err(Why::MayHaveArrived));
        assert_eq!(next(&call, Failure::NotTaken { wait: 0 }, WORDS_LIVE, 0), Err(Why::MayHaveArrived));
    }

    #[test]
    fn a_refusal_is_final_and_a_wait_that_was_asked_for_is_kept_while_words_live() {
        assert_eq!(next(&queued(1), Failure::Refused, 5, 0), Err(Why::Refused));
        assert_eq!(next(&queued(1), Failure::NotTaken { wait: 40_000 }, 0, 0), Ok(40_000));
        assert_eq!(next(&queued(1), Failure::NotTaken { wait: 900_000 }, 0, 0), Ok(WORDS_LIVE));
        assert_eq!(next(&queued(9), Failure::NotTaken { wait: 0 }, WORDS_LIVE, 0), Err(Why::Unreachable));
    }

    proptest! {
        #[test]
        fn trying_ends(waits in proptest::collection::vec((0_i64..600_000, 0_i64..=1_000), 1..50)) {
            let mut now = 0;
            let mut ended = false;
            for (attempt, (wait, jitter)) in (1..).zip(waits.iter().cycle().take(10_000)) {
                match next(&queued(attempt), Failure::NotTaken { wait: *wait }, now, *jitter) {
                    Ok(at) => {
                        prop_assert!(at > now);
                        now = at;
                    }
                    Err(_) => { ended = true; break }
                }
            }
            prop_assert!(ended);
            prop_assert_eq!(now, WORDS_LIVE);
        }
    }
}
