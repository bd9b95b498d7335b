//! How long a call to the blob service may take, and how often it is made: the only owner of retries here.
//!
//! Every call may be made again without harm. Reads change nothing; markers are put as often as one likes; and a
//! block is guarded by its position, so that of one block's tries one alone is stored.

use std::{future::Future, time::Duration};

use super::fault::Fault;

/// The longest of a first try and what follows it: a webhook must be answered within a second, and a blob service that
/// is well answers in a few hundredths of one. Later tries are for one that is not.
const TRIES: [Try; 4] =
    [Try::after(0, 600), Try::after(50, 1_000), Try::after(150, 2_000), Try::after(400, 4_000)];

struct Try {
    pause: Duration,
    limit: Duration,
}

impl Try {
    const fn after(pause: u64, limit: u64) -> Self {
        Self { pause: Duration::from_millis(pause), limit: Duration::from_millis(limit) }
    }
}

/// Makes the call until it is answered for good, at most four times within 8 seconds.
///
/// # Errors
/// The last try's fault.
pub async fn patiently<T, A>(call: impl Fn() -> A) -> Result<T, Fault>
where
    A: Future<Output = Result<T, Fault>>,
{
    let mut last = Fault::NoAnswer("it was not asked".to_owned());
    for Try { pause, limit } in &TRIES {
        if !pause.is_zero() {
            tokio::time::sleep(*pause).await;
        }
        match within(*limit, call()).await {
            Err(fault) if fault.passes() => last = fault,
            answered => return answered,
        }
    }
    Err(last)
}

/// Makes the call once, within a second.
///
/// # Errors
/// Its fault.
pub async fn once<T>(call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    within(Duration::from_secs(1), call).await
}

async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    tokio::time::timeout(limit, call).await.unwrap_or(Err(Fault::TooSlow(limit)))
}
