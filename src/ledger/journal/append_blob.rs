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
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
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
use super::{Append, Journal, JournalError, Name, Position};
use crate::{
    azure::{
        fault::Fault,
        patience::{JOURNAL, once},
    },
    domain::{ConversationId, random},
};

#[cfg(test)]
mod azurite;
mod block;
mod container;
mod known;
mod name;
mod start;
#[cfg(test)]
mod tests;

/// What one append may hold, by the version of the protocol in use.
const BLOCK_LIMIT: usize = 100 << 20;
/// A marker that stays costs a later sweep three calls, and no more.
const UNMARK: Duration = Duration::from_secs(1);

/// Journals in a blob container.
pub struct AppendBlobJournal {
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

/// Why nothing was appended.
enum Stop {
    Longer,
    Shorter,
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Where an append goes.
struct End {
    offset: u64,
    /// The blob may not be there yet.
    fresh: bool,
}

impl AppendBlobJournal {
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
        Ok(Self { container, known: Known::new(), failing: AtomicBool::new(false) })
    }

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
    async fn end(&self, name: &str, expected: Position) -> Result<End, Stop> {
        let known = self.known.end(name);
        if known.is_none() && expected == 0 {
            return Ok(End { offset: 0, fresh: true });
        }
        let mut end = known.unwrap_or_default();
        if end.position < expected {
            let Tail::Bytes(bytes) = self.tail(name, end.offset).await? else { return Err(Stop::Shorter) };
            end = self.take_in(name, &bytes, end)?.marks.last().copied().unwrap_or(end);
        }
        match end.position.cmp(&expected) {
            Ordering::Equal => Ok(End { offset: end.offset, fresh: false }),
            Ordering::Greater => Err(Stop::Longer),
            Ordering::Less => Err(Stop::Shorter),
        }
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
    async fn commit(&self, name: &str, end: &End, block: &Bytes) -> Result<(), Stop> {
        if end.fresh {
            JOURNAL.with(|| self.container.make_journal(name)).await?;
        }
        let appended = JOURNAL.with(|| self.container.append(name, end.offset, block.clone())).await;
        let Err(fault) = appended else { return Ok(()) };
        if fault.is("BlobNotFound") {
            return Err(Stop::Shorter);
        }
        // An earlier try may have been the one that moved the end, or may have arrived without an answer.
        if fault.status() != Some(412) && !fault.passes() {
            return Err(fault.into());
        }
        match self.tail(name, end.offset).await? {
            Tail::Bytes(there) if there.is_empty() => Err(fault.into()),
            Tail::Bytes(there) if there.starts_with(block) => Ok(()),
            Tail::Bytes(_) => Err(Stop::Longer),
            Tail::Missing | Tail::Cut => Err(Stop::Shorter),
        }
    }

    /// Appends where a journal of `expected` facts ends, with its marker seen to before; gives the end it wrote to, and the ETag
    /// under which the marker may be deleted.
    async fn put(
        &self,
        (name, marker): (&str, &str),
        expected: Position,
        block: &Bytes,
        open: Option<bool>,
    ) -> Result<(End, Option<Etag>), Stop> {
        let end = self.end(name, expected).await?;
        let closes = self.before_append(marker, open).await;
        let closes = closes.inspect_err(|_| self.failing.store(true, Relaxed))?;
        let committed = self.commit(name, &end, block).await;
        self.failing.store(matches!(committed, Err(Stop::Fault(_))), Relaxed);
        committed.map(|()| (end, closes))
    }

    /// The conversations that the names with this prefix are made of.
    async fn list(&self, prefix: &str) -> Result<Vec<ConversationId>, JournalError> {
        let (mut ids, mut next) = (vec![], None);
        loop {
            let page = JOURNAL.with(|| self.container.list(prefix, next.clone(), None)).await;
            let page = page.map_err(|fault| unavailable("the conversations can't be listed", fault))?;
            ids.extend(page.names.iter().filter_map(|name| name::id_behind(name, prefix)));
            next = page.next;
            if next.is_none() {
                return Ok(ids);
            }
        }
    }
}

#[async_trait]
impl Journal for AppendBlobJournal {
    async fn read(&self, name: Name<'_>, from: Position) -> Result<Vec<Vec<u8>>, JournalError> {
        let name = name::journal(name);
        let start = self.known.before(&name, from);
        let failed = |fault| unavailable("a journal can't be read", fault);
        let bytes = match self.tail(&name, start.offset).await.map_err(failed)? {
            Tail::Bytes(bytes) => bytes,
            Tail::Missing if from == 0 => return Ok(vec![]),
            Tail::Missing | Tail::Cut => return Err(self.shorter(&name, from)),
        };
        let blocks = self.take_in(&name, &bytes, start).map_err(failed)?;
        if start.position + (blocks.facts.len() as u64) < from {
            return Err(self.shorter(&name, from));
        }
        let facts = (start.position..).zip(blocks.facts);
        let wanted = facts.filter(|(position, _)| *position >= from);
        Ok(wanted.map(|(_, fact)| fact.to_vec()).collect())
    }

    async fn append(
        &self,
        name: Name<'_>,
        expected: Position,
        facts: Vec<Vec<u8>>,
        open: Option<bool>,
    ) -> Result<Append, JournalError> {
        let failed = |fault| unavailable("an append failed", fault);
        let block = block(&facts, random());
        if block.len() > BLOCK_LIMIT {
            return Err(failed(Fault::Damaged(
                "more was to be stored at once than the 100 MiB a block holds",
            )));
        }
        let (id, name, marker) = (name.id, name::journal(name), name::marker(name));
        let (end, closes) = match self.put((&name, &marker), expected, &block, open).await {
            Ok(put) => put,
            Err(Stop::Longer) => return Ok(Append::Conflict),
            Err(Stop::Shorter) => return Err(self.shorter(&name, expected)),
            Err(Stop::Fault(fault)) => return Err(failed(fault)),
        };
        let after = Mark { position: expected + facts.len() as u64, offset: end.offset + block.len() as u64 };
        self.known.learn(&name, &[Mark { position: expected, offset: end.offset }, after]);
        if let Some(etag) = closes
            && let Err(fault) = once(UNMARK, self.container.unmark(&marker, etag)).await
        {
            debug!(conversation.id = %id, %fault, "A marker of a closed conversation stays; the sweep takes it away");
        }
        Ok(Append::Done(after.position))
    }

    async fn open(&self, realm: &'static str) -> Result<Vec<ConversationId>, JournalError> {
        self.list(&name::markers(realm)).await
    }

    async fn all(&self, realm: &'static str) -> Result<Vec<ConversationId>, JournalError> {
        self.list(&name::journals(realm)).await
    }

    async fn remove(&self, name: Name<'_>) -> Result<bool, JournalError> {
        let (name, marker) = (name::journal(name), name::marker(name));
        let failed = |fault| unavailable("a journal can't be removed", fault);
        self.known.forget(&name);
        JOURNAL.with(|| self.container.remove(&marker)).await.map_err(failed)?;
        JOURNAL.with(|| self.container.remove(&name)).await.map_err(failed)
    }

    fn wrote(&self) -> bool {
        !self.failing.load(Relaxed)
    }

    async fn try_write(&self) -> Result<(), JournalError> {
        let tried = start::try_write(&self.container).await;
        self.failing.store(tried.is_err(), Relaxed);
        tried.map_err(|fault| unavailable("a write failed", fault))
    }
}

fn unavailable(what: &'static str, fault: Fault) -> JournalError {
    JournalError::Unavailable { what, source: Box::new(fault) }
}
