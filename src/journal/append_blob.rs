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

use std::{cmp::Ordering, marker::PhantomData, sync::Arc, time::Duration};

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
    session::Fact,
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
pub struct AppendBlobJournal<F = Fact> {
    blobs: Arc<Blobs>,
    facts: PhantomData<fn() -> F>,
}

struct Blobs {
    container: Container,
    known: Known,
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
        let blobs = Blobs { container, known: Known::new() };
        Ok(Self { blobs: Arc::new(blobs), facts: PhantomData })
    }
}

impl<F> AppendBlobJournal<F> {
    /// The same container, seen as the journals of another kind of fact.
    pub fn realm<G>(&self) -> AppendBlobJournal<G> {
        AppendBlobJournal { blobs: self.blobs.clone(), facts: PhantomData }
    }
}

impl<F: Stored> Journal<F> for AppendBlobJournal<F> {
    async fn read(&self, id: &ConversationId, from: Position) -> Result<Vec<F>, JournalError> {
        let name = name::journal::<F>(id);
        let start = self.blobs.known.before(&name, from);
        let failed = |fault| unavailable("a journal can't be read", fault);
        let Some(bytes) = self.blobs.read(&name, start.offset).await.map_err(failed)? else {
            return Ok(vec![]);
        };
        let blocks = self.blobs.take_in(&name, &bytes, start).map_err(failed)?;
        let facts = (start.position..).zip(blocks.facts);
        let wanted = facts.filter(|(position, _)| *position >= from);
        wanted.map(|(position, body)| stored::decode(body, position)).collect()
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
        let Some(end) = self.blobs.end(&name, expected).await.map_err(failed)? else {
            return Ok(Append::Conflict);
        };
        let closes = self.blobs.before_append(&marker, open).await.map_err(failed)?;
        if !self.blobs.commit(&name, &end, &block).await.map_err(failed)? {
            return Ok(Append::Conflict);
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
}

impl Blobs {
    async fn read(&self, name: &str, offset: u64) -> Result<Option<Bytes>, Fault> {
        JOURNAL.with(|| self.container.read(name, offset)).await
    }

    /// Takes apart what was read from `start` on, and remembers its places.
    fn take_in<'a>(&self, name: &str, bytes: &'a [u8], start: Mark) -> Result<Blocks<'a>, Fault> {
        let blocks = Blocks::read(bytes, start).ok_or(Fault::Damaged("the blob ends within a line"))?;
        self.known.learn(name, &blocks.marks);
        Ok(blocks)
    }

    /// Where a journal of `expected` facts ends; `None` when this one has more.
    async fn end(&self, name: &str, expected: Position) -> Result<Option<End>, Fault> {
        let known = self.known.end(name);
        if known.is_none() && expected == 0 {
            return Ok(Some(End { offset: 0, fresh: true }));
        }
        let mut end = known.unwrap_or_default();
        if end.position < expected {
            let bytes = self.read(name, end.offset).await?.unwrap_or_default();
            let blocks = self.take_in(name, &bytes, end)?;
            end = blocks.marks.last().copied().unwrap_or(end);
        }
        match end.position.cmp(&expected) {
            Ordering::Equal => Ok(Some(End { offset: end.offset, fresh: false })),
            Ordering::Greater => Ok(None),
            // Not a conflict: reading on would bring nothing, for ever.
            Ordering::Less => Err(Fault::Damaged("the journal is shorter than it was: it has been deleted")),
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

    /// Whether `block` stands at the end given, by this call; otherwise another does.
    async fn commit(&self, name: &str, end: &End, block: &Bytes) -> Result<bool, Fault> {
        if end.fresh {
            JOURNAL.with(|| self.container.make_journal(name)).await?;
        }
        let appended = JOURNAL.with(|| self.container.append(name, end.offset, block.clone())).await;
        let Err(fault) = appended else { return Ok(true) };
        // An earlier try may have been the one that moved the end, or may have arrived without an answer.
        if fault.status() != Some(412) && !fault.passes() {
            return Err(fault);
        }
        match self.read(name, end.offset).await? {
            Some(there) if there.is_empty() => Err(fault),
            Some(there) => Ok(there.starts_with(block)),
            None => Err(fault),
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
