//! How long a call to the blob service may take, and how often it is made: the only owner of retries there.
//!
//! Every call may be made again without harm. Reads change nothing; markers, blocks of a file and lists of them are put under
//! names of their own, always the same ones; and an appended block is guarded by its position, so that of one block's tries
//! one alone is stored.

use std::{future::Future, time::Duration};

use super::fault::Fault;

/// Tries of one call, one after the other.
pub struct Patience(&'static [Try]);

struct Try {
    pause: Duration,
    limit: Duration,
}

impl Try {
    const fn after(pause: u64, limit: u64) -> Self {
        Self { pause: Duration::from_millis(pause), limit: Duration::from_millis(limit) }
    }
}

/// For journals: within 8 seconds. The longest of a first try and what follows it: a webhook must be answered within a
/// second, and a blob service that is well answers in a few hundredths of one. Later tries are for one that is not.
pub const JOURNAL: Patience =
    Patience(&[Try::after(0, 600), Try::after(50, 1_000), Try::after(150, 2_000), Try::after(400, 4_000)]);

/// For files: within 26 seconds, before the sender of the bytes gives up. A block comes through in a fraction of a second.
pub const FILES: Patience = Patience(&[
    Try::after(0, 6_000),
    Try::after(100, 6_000),
    Try::after(400, 6_000),
    Try::after(1_000, 6_000),
]);

impl Patience {
    /// Makes the call until it is answered for good, at most four times.
    ///
    /// # Errors
    /// The last try's fault.
    pub async fn with<T, E, A>(&self, call: impl Fn() -> A) -> Result<T, Fault>
    where
        A: Future<Output = Result<T, E>>,
        Fault: From<E>,
    {
        let mut last = Fault::NoAnswer("it was not asked".to_owned());
        for Try { pause, limit } in self.0 {
            if !pause.is_zero() {
                tokio::time::sleep(*pause).await;
            }
            match once(*limit, call()).await {
                Err(fault) if fault.passes() => last = fault,
                answered => return answered,
            }
        }
        Err(last)
    }
}

/// Makes the call once, within `limit`.
///
/// # Errors
/// Its fault.
pub async fn once<T, E>(limit: Duration, call: impl Future<Output = Result<T, E>>) -> Result<T, Fault>
where
    Fault: From<E>,
{
    tokio::time::timeout(limit, call).await.map_err(|_| Fault::TooSlow(limit))?.map_err(Fault::from)
}
