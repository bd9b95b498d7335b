//! Waiting for what should come, with an end for what never does.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

/// How long anything that should happen may take before a test calls it lost: far longer than it ever takes, also on
/// a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until it is so.
pub async fn eventually(what: impl Display, mut is_so: impl FnMut() -> bool) {
    found(what, async || is_so().then_some(())).await;
}

/// Looks until there is something; what there was.
pub async fn found<T>(what: impl Display, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(it) = look().await {
            return it;
        }
        assert!(start.elapsed() < PATIENCE, "waited {} s in vain: {what}", PATIENCE.as_secs());
        tokio::time::sleep(LOOK).await;
    }
}
