//! Taking a request: stored first, then worked on, then answered, and a repeat finds the same answer.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    ask::Incoming,
    machine::{Command, Dialogue, Session},
    state::WORK,
};
use crate::ledger::{Committed, Role, commit_and_deliver, deliver_soon, journal::JournalError};

/// The front end of Functions ends a request after 230 s.
pub const LONGEST_WAIT: Duration = Duration::from_secs(200);
/// How often somebody who waits sees to it that somebody works: a store that failed may have stopped them.
const NUDGE: Duration = Duration::from_secs(5);

/// A request that is stored.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Where it stands.
    pub request: u64,
    pub repeated: bool,
    /// Its words are in memory alone.
    pub in_secret: bool,
}

/// Stores a request and sees to it that it is worked on.
///
/// Its words are put aside before anybody can know whether they are secret: that is decided by the state that they are stored
/// behind.
///
/// # Errors
/// When the store fails; the same request may then be made again.
pub async fn take<R: Role<Machine = Dialogue>>(
    role: &Arc<R>,
    session: &Arc<Session>,
    incoming: Incoming,
) -> Result<Taken, JournalError> {
    let ledger = role.ledger();
    let name = ledger.random_name();
    let whisper = incoming.words().map(|words| ledger.whisper(&name, words.into()));
    let incoming = whisper.into_iter().fold(incoming, Incoming::whispered);
    let incoming = incoming.with_marks(ledger.whispers().marks());
    let command = Command::Asked(Box::new(incoming));
    let (request, repeated) = match commit_and_deliver(role, session, WORK, command).await? {
        Committed::Stored { at, .. } => (at, false),
        Committed::Known(request) => (request, true),
        Committed::TooLate => unreachable!("no state refuses a request"),
    };
    let in_secret = session.state().await.was_whispered(request);
    if repeated || !in_secret {
        ledger.whispers().forget(&name);
    }
    Ok(Taken { request, repeated, in_secret })
}

/// Waits for the answer to a request, whoever works on it; `None` when it takes too long, or when this build can't tell.
///
/// # Errors
/// When the session was removed from the store.
pub async fn answer<R: Role<Machine = Dialogue>>(
    role: &Arc<R>,
    session: &Arc<Session>,
    request: u64,
) -> Result<Option<Arc<Value>>, JournalError> {
    let end = Instant::now() + LONGEST_WAIT;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let found = role.ledger().wait_for(session, left.min(NUDGE), |state, _| {
            let frozen = || state.outbox.is_frozen().then_some(None);
            state.answer(request).map(Some).or_else(frozen)
        });
        match found.await? {
            Some(found) => return Ok(found),
            None if left.is_zero() => return Ok(None),
            None => deliver_soon(role, session),
        }
    }
}
