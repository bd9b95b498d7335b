//! The journal on Azure append blobs: the store of several instances.
//!
//! A conversation is a blob, a commit one append block that is taken only if the blob is as long as its writer
//! believes (`x-ms-blob-condition-appendpos`). What a process knows about lengths may be stale: it then loses the
//! race and reads on.
//!
//! A conversation that the sweep must look at has a second, empty blob, its marker. It is put before the append that
//! opens the conversation, and deleted after the one that closes it, if it is still the one that stood there
//! before that append. So a marker may stand there needlessly, after a crash, but an open conversation always has one:
//! who opens it again has seen the closing append and puts a marker with another ETag. A needless marker is
//! taken away by an append without facts, which turns away whoever has put a marker and not yet appended.

use std::{
    cmp::Ordering,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use azure_core::{
    Bytes,
    credentials::TokenCredential,
    http::{Etag, Transport},
};
use tracing::debug;
use url::Url;

use self::{
    block::{Blocks, Mark, block},
    container::Container,
    known::Known,
};
use super::{Append, Journal, JournalError, Position, Stored, stored};
use crate::{
    azure::{
        fault::Fault,
        patience::{JOURNAL, once},
    },
    domain::ConversationId,
};

#[cfg(test)]
mod azurite;
mod block;
mod container;
mod known;
mod name;
#[cfg(test)]
mod service;
mod start;
#[cfg(test)]
mod tests;

/// What one append may hold, by the version of the protocol in use.
const BLOCK_LIMIT: usize = 100 << 20;
/// A marker that stays costs a later sweep three calls, and no more.
const UNMARK: Duration = Duration::from_secs(1);

/// Journals of facts `F` in a blob container.
pub struct AppendBlobJournal<F> {
    blobs: Arc<Blobs>,
    facts: PhantomData<fn() -> F>,
}

struct Blobs {
    container: Container,
    known: Known,
    /// The last write failed.
    failing: AtomicBool,
}

/// What stands in a blob behind a place.
enum Tail {
    Bytes(Bytes),
    /// There is no such blob.
    Missing,
    /// It ends before that place, or another blob has taken its place.
    Cut,
}

/// Why there is no end to append to.
enum NoEnd {
    Longer,
    Shorter,
}

/// Where an append goes.
struct End {
    offset: u64,
    /// The blob may not be there yet.
    fresh: bool,
}

impl<F> AppendBlobJournal<F> {
    /// Uses the container at `url`, making it when missing. `url` may carry a SAS; without one `sign_in` tells who
    /// the app is.
    ///
    /// # Errors
    /// One sentence that says what is wrong with the container and what to grant.
    pub async fn open_container(
        url: &Url,
        sign_in: impl FnOnce() -> azure_core::Result<Arc<dyn TokenCredential>>,
        transport: Transport,
    ) -> Result<Self, String> {
        let container = start::open(url, sign_in, transport).await?;
        let blobs = Blobs { container, known: Known::new(), failing: AtomicBool::new(false) };
        Ok(Self { blobs: Arc::new(blobs), facts: PhantomData })
    }
}

impl<F> AppendBlobJournal<F> {
    /// The same container, seen as the journals of another kind of fact.
    pub fn realm<G>(&self) -> AppendBlobJournal<G> {
        AppendBlobJournal { blobs: self.blobs.clone(), facts: PhantomData }
    }

    pub(super) fn wrote(&self) -> bool {
        !self.blobs.failing.load(Relaxed)
    }

    pub(super) async fn try_write(&self) -> Result<(), JournalError> {
        let tried = start::try_write(&self.blobs.container).await;
        self.blobs.failing.store(tried.is_err(), Relaxed);
        tried.map_err(|fault| unavailable("a write failed", fault))
    }
}

impl<F: Stored> Journal<F> for AppendBlobJournal<F> {
    async fn read(&self, id: &ConversationId, from: Position) -> Result<Vec<F>, JournalError> {
        let name = name::journal::<F>(id);
        let start = self.blobs.known.before(&name, from);
        let failed = |fault| unavailable("a journal can't be read", fault);
        let bytes = match self.blobs.tail(&name, start.offset).await.map_err(failed)? {
            Tail::Bytes(bytes) => bytes,
            Tail::Missing if from == 0 => return Ok(vec![]),
            Tail::Missing | Tail::Cut => return Err(self.blobs.shorter(&name, from)),
        };
        let blocks = self.blobs.take_in(&name, &bytes, start).map_err(failed)?;
        if start.position + (blocks.facts.len() as u64) < from {
            return Err(self.blobs.shorter(&name, from));
        }
        let facts = (start.position..).zip(blocks.facts);
        let wanted = facts.filter(|(position, _)| *position >= from);
        Ok(wanted.map(|(_, body)| stored::decode(body)).collect())
    }

    async fn append(
        &self,
        id: &ConversationId,
        expected: Position,
        facts: &[F],
        open: Option<bool>,
    ) -> Result<Append, JournalError> {
        let failed = |fault| unavailable("an append failed", fault);
        let mut commit = [0; 8];
        getrandom::fill(&mut commit)
            .map_err(|_| failed(Fault::Damaged("the system gives no random numbers")))?;
        let block = block(facts, commit);
        if block.len() > BLOCK_LIMIT {
            return Err(failed(Fault::Damaged(
                "more was to be stored at once than the 100 MiB a block holds",
            )));
        }
        let (name, marker) = (name::journal::<F>(id), name::marker::<F>(id));
        let end = match self.blobs.end(&name, expected).await.map_err(failed)? {
            Ok(end) => end,
            Err(NoEnd::Longer) => return Ok(Append::Conflict),
            Err(NoEnd::Shorter) => return Err(self.blobs.shorter(&name, expected)),
        };
        let closes = self.blobs.before_append(&marker, open).await;
        let closes = closes.inspect_err(|_| self.blobs.failing.store(true, Relaxed)).map_err(failed)?;
        let committed = self.blobs.commit(&name, &end, &block).await;
        self.blobs.failing.store(committed.is_err(), Relaxed);
        match committed.map_err(failed)? {
            Ok(()) => {}
            Err(NoEnd::Longer) => return Ok(Append::Conflict),
            Err(NoEnd::Shorter) => return Err(self.blobs.shorter(&name, expected)),
        }
        let after = Mark { position: expected + facts.len() as u64, offset: end.offset + block.len() as u64 };
        self.blobs.known.learn(&name, &[Mark { position: expected, offset: end.offset }, after]);
        if let Some(etag) = closes
            && let Err(fault) = once(UNMARK, self.blobs.container.unmark(&marker, etag)).await
        {
            debug!(conversation.id = %id, %fault, "A marker of a closed conversation stays; the sweep takes it away");
        }
        Ok(Append::Done(after.position))
    }

    async fn open(&self) -> Result<Vec<ConversationId>, JournalError> {
        let prefix = name::markers::<F>();
        let names = self.blobs.list(&prefix).await;
        let names = names.map_err(|fault| unavailable("the open conversations can't be listed", fault))?;
        Ok(names.iter().filter_map(|name| name::marked::<F>(name)).collect())
    }

    async fn all(&self) -> Result<Vec<ConversationId>, JournalError> {
        let names = self.blobs.list(&name::journals::<F>()).await;
        let names = names.map_err(|fault| unavailable("the conversations can't be listed", fault))?;
        Ok(names.iter().filter_map(|name| name::kept::<F>(name)).collect())
    }

    async fn remove(&self, id: &ConversationId) -> Result<bool, JournalError> {
        let (name, marker) = (name::journal::<F>(id), name::marker::<F>(id));
        let failed = |fault| unavailable("a journal can't be removed", fault);
        self.blobs.known.forget(&name);
        JOURNAL.with(|| self.blobs.container.remove(&marker)).await.map_err(failed)?;
        JOURNAL.with(|| self.blobs.container.remove(&name)).await.map_err(failed)
    }
}

impl Blobs {
    /// What stands behind `offset`. The line end before it is read as well: a blob that no longer has it is another one.
    async fn tail(&self, name: &str, offset: u64) -> Result<Tail, Fault> {
        let from = offset.saturating_sub(1);
        let Some(mut bytes) = JOURNAL.with(|| self.container.read(name, from)).await? else {
            return Ok(Tail::Missing);
        };
        if offset > 0 {
            if bytes.first() != Some(&b'\n') {
                return Ok(Tail::Cut);
            }
            bytes = bytes.slice(1..);
        }
        Ok(Tail::Bytes(bytes))
    }

    fn shorter(&self, name: &str, expected: Position) -> JournalError {
        self.known.forget(name);
        JournalError::Shorter { expected }
    }

    /// Takes apart what was read from `start` on, and remembers its places.
    fn take_in<'a>(&self, name: &str, bytes: &'a [u8], start: Mark) -> Result<Blocks<'a>, Fault> {
        let blocks = Blocks::read(bytes, start).ok_or(Fault::Damaged("the blob ends within a line"))?;
        self.known.learn(name, &blocks.marks);
        Ok(blocks)
    }

    /// Where a journal of `expected` facts ends.
    async fn end(&self, name: &str, expected: Position) -> Result<Result<End, NoEnd>, Fault> {
        let known = self.known.end(name);
        if known.is_none() && expected == 0 {
            return Ok(Ok(End { offset: 0, fresh: true }));
        }
        let mut end = known.unwrap_or_default();
        if end.position < expected {
            let bytes = match self.tail(name, end.offset).await? {
                Tail::Bytes(bytes) => bytes,
                Tail::Missing | Tail::Cut => return Ok(Err(NoEnd::Shorter)),
            };
            let blocks = self.take_in(name, &bytes, end)?;
            end = blocks.marks.last().copied().unwrap_or(end);
        }
        Ok(match end.position.cmp(&expected) {
            Ordering::Equal => Ok(End { offset: end.offset, fresh: false }),
            Ordering::Greater => Err(NoEnd::Longer),
            Ordering::Less => Err(NoEnd::Shorter),
        })
    }

    /// Sees to the marker before the append; gives the ETag under which it may be deleted after it.
    async fn before_append(&self, marker: &str, open: Option<bool>) -> Result<Option<Etag>, Fault> {
        match open {
            Some(true) => self.mark(marker).await.map(|()| None),
            Some(false) => JOURNAL.with(|| self.container.marked(marker)).await,
            None => Ok(None),
        }
    }

    /// The start makes the container, unless the service had no time for that.
    async fn mark(&self, marker: &str) -> Result<(), Fault> {
        let mark = || self.container.mark(marker);
        match JOURNAL.with(mark).await {
            Err(fault) if fault.is("ContainerNotFound") => {
                JOURNAL.with(|| self.container.make()).await?;
                JOURNAL.with(mark).await
            }
            marked => marked,
        }
    }

    /// Puts `block` at the end given, unless another stands there.
    async fn commit(&self, name: &str, end: &End, block: &Bytes) -> Result<Result<(), NoEnd>, Fault> {
        if end.fresh {
            JOURNAL.with(|| self.container.make_journal(name)).await?;
        }
        let appended = JOURNAL.with(|| self.container.append(name, end.offset, block.clone())).await;
        let Err(fault) = appended else { return Ok(Ok(())) };
        if fault.is("BlobNotFound") {
            return Ok(Err(NoEnd::Shorter));
        }
        // An earlier try may have been the one that moved the end, or may have arrived without an answer.
        if fault.status() != Some(412) && !fault.passes() {
            return Err(fault);
        }
        match self.tail(name, end.offset).await? {
            Tail::Bytes(there) if there.is_empty() => Err(fault),
            Tail::Bytes(there) if there.starts_with(block) => Ok(Ok(())),
            Tail::Bytes(_) => Ok(Err(NoEnd::Longer)),
            Tail::Missing | Tail::Cut => Ok(Err(NoEnd::Shorter)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        let (mut names, mut next) = (vec![], None);
        loop {
            let page = JOURNAL.with(|| self.container.list(prefix, next.clone(), None)).await?;
            names.extend(page.names);
            next = page.next;
            if next.is_none() {
                return Ok(names);
            }
        }
    }
}

fn unavailable(what: &'static str, fault: Fault) -> JournalError {
    JournalError::Unavailable { what, source: Box::new(fault) }
}
