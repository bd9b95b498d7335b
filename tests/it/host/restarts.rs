//! When the host starts a handler that ended again, and when it gives up.

use std::time::Duration;

/// Errors further apart than this have nothing to do with each other.
pub const FORGETTING: Duration = Duration::from_secs(30 * 60);
const LAST_STRAW: usize = 3;

/// What the host logs before it shuts down.
pub const EXCEEDED: &str = "Exceeded http worker restart retry count. Shutting down Functions Host";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    StartAgain,
    /// Nobody starts it again, and invocations find nobody.
    LeaveIt,
    ShutDown,
}

/// The errors so far; times count from the host's own start.
#[derive(Default)]
pub struct Restarts {
    errors: Vec<Duration>,
}

impl Restarts {
    /// The handler ended with this exit code; `None` is a signal.
    pub fn after(&mut self, code: Option<i32>, at: Duration) -> Next {
        match code {
            Some(0) => return Next::LeaveIt,
            Some(200) => return Next::StartAgain,
            _ => {}
        }
        if self.errors.last().is_some_and(|last| at.saturating_sub(*last) > FORGETTING) {
            self.errors.clear();
        }
        self.errors.push(at);
        if self.errors.len() < LAST_STRAW { Next::StartAgain } else { Next::ShutDown }
    }
}

#[test]
fn the_third_error_in_a_row_shuts_the_host_down() {
    let mut restarts = Restarts::default();
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let nexts = [0, 29, 58].map(|at| restarts.after(None, minutes(at)));
    assert_eq!(nexts, [Next::StartAgain, Next::StartAgain, Next::ShutDown]);
}

#[test]
fn errors_half_an_hour_apart_are_forgotten() {
    let mut restarts = Restarts::default();
    for error in 0..10 {
        assert_eq!(restarts.after(Some(2), error * (FORGETTING + Duration::from_secs(1))), Next::StartAgain);
    }
}

#[test]
fn exit_0_is_final_and_exit_200_is_a_wish() {
    let mut restarts = Restarts::default();
    for _ in 0..5 {
        assert_eq!(restarts.after(Some(200), Duration::ZERO), Next::StartAgain);
    }
    assert_eq!(restarts.after(Some(0), Duration::ZERO), Next::LeaveIt);
}
