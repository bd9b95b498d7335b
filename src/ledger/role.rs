//! What a role is to the ledger besides its machine: what makes its calls.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{
    Ledger,
    entry::Entry,
    machine::{Machine, Outcome},
    outbox::{Lane, Queued},
    retry::Failure,
};

/// What came of one making of a call.
pub type Tried<A> = Result<Option<A>, Failure>;

/// One making of a call, under a lease.
pub struct Attempt<M: Machine> {
    pub entry: Arc<Entry<M>>,
    pub lane: Lane,
    /// As it stood when it was leased or, when it is only given up, when that was seen.
    pub queued: Queued<M::Call>,
    error: OnceLock<String>,
}

impl<M: Machine> Attempt<M> {
    pub(super) fn new(entry: &Arc<Entry<M>>, lane: Lane, queued: Queued<M::Call>) -> Self {
        Self { entry: entry.clone(), lane, queued, error: OnceLock::new() }
    }

    /// Notes why the call failed, for the log line that says what follows from it.
    pub fn failed(&self, error: &impl std::fmt::Display) {
        let _ = self.error.set(error.to_string());
    }

    /// Why the call failed.
    pub fn error(&self) -> Option<&str> {
        self.error.get().map(String::as_str)
    }
}

/// What makes a machine's calls.
pub trait Role: Send + Sync + Sized + 'static {
    type Machine: Machine;

    fn ledger(&self) -> &Arc<Ledger<Self::Machine>>;

    /// Makes the call, once. It is cut off when the lease is lost or [`longest`](Self::longest) is over.
    fn call(
        self: &Arc<Self>,
        attempt: &Attempt<Self::Machine>,
    ) -> impl Future<Output = Tried<<Self::Machine as Machine>::Answer>> + Send;

    /// How long a call may take.
    fn longest(&self, call: &<Self::Machine as Machine>::Call) -> Duration;

    /// Logs and counts what a call came to, once that is stored.
    fn settled(
        self: &Arc<Self>,
        attempt: &Attempt<Self::Machine>,
        outcome: &Outcome<<Self::Machine as Machine>::Answer>,
    );
}
