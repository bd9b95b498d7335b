//! The retry table, and what follows from one try. Pure; the only owner of retries in the program.

use crate::{domain::Timestamp, far_end::CallError};

/// Milliseconds to wait after the first, second, … failed try; the last entry repeats.
const DELAYS: [i64; 10] = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000];
/// Milliseconds from the first try after which there is no other.
const ENOUGH: i64 = 5 * 60_000;

/// What follows from a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Done,
    RetryAt(Timestamp),
    GiveUp,
}

/// What follows from try number `attempt` (1 is the first), made `now`, of a call first tried at `first`.
///
/// A call that may have arrived is made again like one that surely did not: it carries the same `requestId`,
/// and a doubled line harms less than a lost one.
pub fn after_attempt(first: Timestamp, attempt: u32, error: Option<&CallError>, now: Timestamp) -> Next {
    let asked = match error {
        None => return Next::Done,
        Some(CallError::Rejected { .. }) => return Next::GiveUp,
        Some(CallError::Throttled(wait)) => i64::try_from(wait.as_millis()).unwrap_or(ENOUGH),
        Some(CallError::NotSent(_) | CallError::Uncertain(_) | CallError::Failed { .. }) => 0,
    };
    let step = (attempt.saturating_sub(1) as usize).min(DELAYS.len() - 1);
    let next = now.plus_millis(DELAYS[step].max(asked));
    if next.millis_since(first) > ENOUGH { Next::GiveUp } else { Next::RetryAt(next) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_retry_comes_within_half_a_second_and_the_waits_double_to_thirty() {
        let mut now = Timestamp(0);
        let mut waits = vec![];
        let failed = CallError::Failed { status: 503 };
        for attempt in 1.. {
            let Next::RetryAt(next) = after_attempt(Timestamp(0), attempt, Some(&failed), now) else { break };
            waits.push(next.millis_since(now));
            now = next;
        }
        assert!(waits[0] <= 500);
        assert!(waits.windows(2).all(|pair| pair[1] == (pair[0] * 2).min(30_000)));
        assert!((270_000..=300_000).contains(&now.0), "tried for five minutes: {now:?}");
    }

    #[test]
    fn a_refusal_is_final_and_a_success_too() {
        let refused = CallError::Rejected { status: 400, code: None };
        assert_eq!(after_attempt(Timestamp(0), 1, Some(&refused), Timestamp(5)), Next::GiveUp);
        assert_eq!(after_attempt(Timestamp(0), 1, None, Timestamp(5)), Next::Done);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept() {
        let throttled = CallError::Throttled(Duration::from_secs(40));
        assert_eq!(
            after_attempt(Timestamp(0), 1, Some(&throttled), Timestamp(0)),
            Next::RetryAt(Timestamp(40_000))
        );
    }

    proptest! {
        #[test]
        fn trying_ends(waits in proptest::collection::vec(0_u64..600_000, 1..200)) {
            let mut now = Timestamp(0);
            let mut ended = false;
            for (attempt, wait) in (1..).zip(waits.iter().cycle().take(10_000)) {
                let error = CallError::Throttled(Duration::from_millis(*wait));
                match after_attempt(Timestamp(0), attempt, Some(&error), now) {
                    Next::RetryAt(next) => {
                        prop_assert!(next > now);
                        now = next;
                    }
                    Next::GiveUp | Next::Done => { ended = true; break }
                }
            }
            prop_assert!(ended);
            prop_assert!(now.0 <= ENOUGH);
        }
    }
}
