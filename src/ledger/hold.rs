//! Holds a lease for as long as its call lasts.

use std::{sync::Arc, time::Duration};

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

impl<M: Machine> Ledger<M> {
    /// The fact that this process makes a call from now on.
    pub(super) fn lease(&self, call: CallId, attempt: u32, now: Timestamp) -> M::Fact {
        M::leased(Lease { call, attempt, by: self.name.clone(), at: now, until: now.plus_millis(LEASE) })
    }

    /// Renews the lease while the call lasts; returns when it is lost, or no longer to be counted on.
    pub(super) async fn keep(self: &Arc<Self>, attempt: &Attempt<M>, mut until: Timestamp) {
        loop {
            // A clock that is set back must not put the renewal off.
            let wait = until.plus_millis(-RENEW).millis_since(self.now()).clamp(0, LEASE - RENEW);
            sleep(Duration::from_millis(wait.unsigned_abs())).await;
            // A store that hangs must not let the call outlive its lease.
            let left = until.plus_millis(-MARGIN).millis_since(self.now()).clamp(0, LEASE).unsigned_abs();
            match timeout(Duration::from_millis(left), self.renew(attempt)).await {
                Ok(Ok(Some(renewed))) => until = renewed,
                Ok(Ok(None)) => return,
                Ok(Err(_)) if until.plus_millis(-MARGIN) > self.now() => sleep(AGAIN).await,
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
