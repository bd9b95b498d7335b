//! Holds a lease for as long as its call lasts.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use tokio::time::{sleep, timeout};
use tracing::warn;

use super::{
    Ledger,
    commit::{AGAIN, in_task},
    journal::JournalError,
    lease::{LEASE, Lease, MARGIN, RENEW},
    machine::{Decided, Machine},
    outbox::CallId,
    role::Attempt,
};
use crate::domain::Timestamp;

/// Milliseconds in which a lease that is over, or about to be, may be found to be nobody else's. So late wakes only who was stopped meanwhile.
const STOPPED: i64 = 2_000;

/// Until when a lease is surely held.
pub(super) struct Held(AtomicI64);

impl Held {
    pub fn until(until: Timestamp) -> Self {
        Self(AtomicI64::new(until.0))
    }

    fn end(&self) -> Timestamp {
        Timestamp(self.0.load(Relaxed))
    }

    /// Goes on with the call only while the lease holds: a process that was stopped may wake behind its end with nothing sent yet,
    /// and another have gone on. To be polled behind what renews the lease.
    pub async fn covers<T>(&self, now: impl Fn() -> Timestamp, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        poll_fn(|context| if now() < self.end() { call.as_mut().poll(context) } else { Poll::Pending }).await
    }
}

impl<M: Machine> Ledger<M> {
    /// The fact that this process makes a call from now on.
    pub(super) fn lease(&self, call: CallId, attempt: u32, now: Timestamp) -> M::Fact {
        M::leased(Lease { call, attempt, by: self.name.clone(), at: now, until: now.plus_millis(LEASE) })
    }

    /// Renews the lease while the call lasts; returns when it is lost, or no longer to be counted on.
    pub(super) async fn keep(self: &Arc<Self>, attempt: &Attempt<M>, held: &Held) {
        let mut failed = false;
        loop {
            let until = held.end();
            // A clock that is set back must not put the renewal off.
            let wait = until.plus_millis(-RENEW).millis_since(self.now()).clamp(0, LEASE - RENEW);
            sleep(Duration::from_millis(wait.unsigned_abs())).await;
            // A store that hangs must not let the call outlive its lease.
            let left = match until.millis_since(self.now()) {
                left if failed || left > MARGIN => (left - MARGIN).clamp(0, LEASE),
                _ => STOPPED,
            };
            match timeout(Duration::from_millis(left.unsigned_abs()), self.renew(attempt)).await {
                Ok(Ok(Some(renewed))) => {
                    held.0.store(renewed.0, Relaxed);
                    failed = false;
                }
                Ok(Ok(None)) => return,
                Ok(Err(_)) if until.plus_millis(-MARGIN) > self.now() => {
                    failed = true;
                    sleep(AGAIN).await;
                }
                Ok(Err(_)) | Err(_) => {
                    warn!(conversation.id = %attempt.entry.id, "A lease could not be renewed in time; its call is cut off");
                    return;
                }
            }
        }
    }

    /// Renews the lease; gives its new end, or nothing when another attempt has it.
    async fn renew(self: &Arc<Self>, attempt: &Attempt<M>) -> Result<Option<Timestamp>, JournalError> {
        let (ledger, entry) = (self.clone(), attempt.entry.clone());
        let (call, number) = (attempt.queued.id, attempt.queued.attempts);
        in_task(async move {
            let mut until = None;
            let renew = |state: &_, now: Timestamp| {
                let held = M::outbox(state).is_held(call, number);
                until = held.then(|| now.plus_millis(LEASE));
                if held { Decided::Facts(vec![ledger.lease(call, number, now)]) } else { Decided::TooLate }
            };
            ledger.change(&entry, renew).await?;
            Ok(until)
        })
        .await
    }

    /// The end of a lease that a call can be begun under; nothing when it was lost. A slow store may have used most of it up.
    pub(super) async fn sure_of(
        self: &Arc<Self>,
        attempt: &Attempt<M>,
    ) -> Result<Option<Timestamp>, JournalError> {
        let lease = attempt.queued.lease.as_ref().filter(|lease| lease.by == self.name);
        let mut until = lease.map(|lease| lease.until);
        while let Some(end) = until.filter(|end| end.plus_millis(-RENEW) <= self.now()) {
            until = self.renew(attempt).await?.filter(|renewed| *renewed > end);
        }
        Ok(until)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, task::Context};

    use super::*;

    #[test]
    fn a_process_that_was_stopped_goes_on_with_a_call_once_it_has_its_lease_again() {
        let (clock, polls) = (Cell::new(0), Cell::new(0));
        let call = poll_fn(|_| {
            polls.set(polls.get() + 1);
            if polls.get() < 2 { Poll::Pending } else { Poll::Ready("sent") }
        });
        let held = Held::until(Timestamp(LEASE));
        let mut covered = pin!(held.covers(|| Timestamp(clock.get()), call));
        let mut polled = || covered.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
        assert!(polled().is_pending() && polls.get() == 1, "it waits for its token");
        clock.set(LEASE + 6_000);
        assert!(polled().is_pending() && polls.get() == 1, "who has the lease now?");
        held.0.store(clock.get() + LEASE, Relaxed);
        assert_eq!(polled(), Poll::Ready("sent"));
    }
}
