//! The time of day as it goes on for one exchange with a far end.

use tokio::time::Instant;

use crate::domain::Timestamp;

/// Read once and then counted on, so that a clock that is set meanwhile neither ends a turn nor holds one up.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    pub began: Timestamp,
    start: Instant,
}

impl Steady {
    pub fn from(now: Timestamp) -> Self {
        Self { began: now, start: Instant::now() }
    }

    pub fn now(&self) -> Timestamp {
        self.began.plus(self.start.elapsed())
    }

    /// Sleeps until then.
    pub async fn reach(&self, at: Timestamp) {
        let left = at.millis_since(self.now()).max(0);
        tokio::time::sleep(std::time::Duration::from_millis(left.unsigned_abs())).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_time_goes_on_from_where_it_was_begun_and_is_reached() {
        let steady = Steady::from(Timestamp(5_000));
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(steady.now(), Timestamp(5_250));
        steady.reach(Timestamp(9_000)).await;
        assert_eq!(steady.now(), Timestamp(9_000));
        steady.reach(Timestamp(1)).await;
        assert_eq!(steady.now(), Timestamp(9_000), "what is over is not waited for");
    }
}
