//! Calls that are under way when the process is told to end: they are waited for, and no others begun.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::{
    Ledger,
    machine::Machine,
    outbox::{Lane, Outbox},
};

#[derive(Default)]
pub(super) struct UnderWay {
    calls: Arc<AtomicUsize>,
    ends: AtomicBool,
}

/// Somebody makes calls, until it is dropped.
pub(super) struct Making(Arc<AtomicUsize>);

impl Drop for Making {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<M: Machine> Ledger<M> {
    /// Begins no call any more but those whose words only this process knows: the rest wait for another, or for the next start.
    pub fn end(&self) {
        self.under_way.ends.store(true, Ordering::Release);
    }

    /// Lanes in which a call is being made.
    pub fn calls_under_way(&self) -> usize {
        self.under_way.calls.load(Ordering::Acquire)
    }

    pub(super) fn making(&self) -> Making {
        self.under_way.calls.fetch_add(1, Ordering::AcqRel);
        Making(self.under_way.calls.clone())
    }

    /// Whether calls of a lane may be begun.
    pub(super) fn begins(&self, outbox: &Outbox<M::Call>, lane: Lane) -> bool {
        let known_here =
            || outbox.lane(lane).any(|queued| queued.whispered_by.as_deref() == Some(&*self.name));
        !outbox.is_frozen() && (!self.under_way.ends.load(Ordering::Acquire) || known_here())
    }
}
