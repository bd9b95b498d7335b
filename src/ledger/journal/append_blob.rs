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

use std::{cmp::Ordering, sync::Arc, time::Duration};

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
use super::{Expected, Journal, JournalError, Name, Position, Which};
use crate::{
    azure::{
        fault::Fault,
        patience::{JOURNAL, once},
    },
    domain::{ConversationId, random},
};

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
}

/// Why nothing was appended.
enum Stop {
    /// The journal's, beside what was expected.
    Length(Ordering),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl AppendBlobJournal {
    /// Uses the container at `url`, which it `makes` when missing. `url` may carry a SAS; without one `sign_in` tells who the app
    /// is.
    ///
    /// # Errors
    /// One sentence that says what is wrong with the container and what to grant.
    pub async fn open_container(
        url: &Url,
        sign_in: impl FnOnce() -> azure_core::Result<Arc<dyn TokenCredential>>,
        transport: Transport,
        makes: bool,
    ) -> Result<Self, String> {
        let container = start::open(url, sign_in, transport, makes).await?;
        Ok(Self { container, known: Known::new() })
    }

    /// What stands behind `offset`; nothing when there is no blob and `offset` is 0. `None` when the blob does not reach so far, or
    /// is another one, which the line end before `offset` tells.
    async fn tail(&self, name: &str, offset: u64) -> Result<Option<Bytes>, Fault> {
        let bytes = JOURNAL.with(|| self.container.read(name, offset.saturating_sub(1))).await?;
        if offset == 0 {
            return Ok(Some(bytes));
        }
        let same = bytes.starts_with(b"\n");
        if !same {
            self.known.forget(name);
        }
        Ok(same.then(|| bytes.slice(1..)))
    }

    /// Takes apart what was read from `start` on, and remembers its places.
    fn take_in<'a>(&self, name: &str, bytes: &'a [u8], start: Mark) -> Result<Blocks<'a>, Fault> {
        let blocks = Blocks::read(bytes, start).ok_or(Fault::Damaged("the blob ends within a line"))?;
        // A blob only grows: one that ends before the end it had is another.
        let offset = |end: &Mark| end.offset;
        if self.known.end(name).as_ref().map(offset) > blocks.marks.last().map(offset) {
            self.known.forget(name);
        }
        if !bytes.is_empty() {
            self.known.learn(name, &blocks.marks);
        }
        Ok(blocks)
    }

    /// Where a journal of `expected` facts ends.
    async fn end(&self, name: &str, expected: Position) -> Result<Mark, Stop> {
        let mut end = self.known.end(name).unwrap_or_default();
        if end.position < expected {
            let bytes = self.tail(name, end.offset).await?.ok_or(Stop::Length(Ordering::Less))?;
            end = self.take_in(name, &bytes, end)?.marks.last().copied().unwrap_or(end);
        }
        match end.position.cmp(&expected) {
            Ordering::Equal => Ok(end),
            length => Err(Stop::Length(length)),
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
            Err(fault) if fault.is(start::MISSING) => {
                JOURNAL.with(|| self.container.make()).await?;
                JOURNAL.with(mark).await
            }
            marked => marked,
        }
    }

    /// Puts `block` at the end given, unless another stands there.
    async fn commit(&self, name: &str, end: Mark, block: &Bytes) -> Result<(), Stop> {
        if end.offset == 0 {
            JOURNAL.with(|| self.container.make_journal(name)).await?;
        }
        let appended = JOURNAL.with(|| self.container.append(name, end.offset, block.clone())).await;
        let Err(fault) = appended else { return Ok(()) };
        if fault.is("BlobNotFound") {
            self.known.forget(name);
            return Err(Stop::Length(Ordering::Less));
        }
        // An earlier try may have been the one that moved the end, or may have arrived without an answer.
        if fault.status() != Some(412) && !fault.passes() {
            return Err(fault.into());
        }
        match self.tail(name, end.offset).await? {
            Some(there) if there.is_empty() => Err(fault.into()),
            Some(there) if there.starts_with(block) => Ok(()),
            Some(_) => Err(Stop::Length(Ordering::Greater)),
            None => Err(Stop::Length(Ordering::Less)),
        }
    }
}

#[async_trait]
impl Journal for AppendBlobJournal {
    async fn read(&self, name: Name<'_>, from: Position) -> Result<Option<Vec<Vec<u8>>>, JournalError> {
        let name = name::blob(name::JOURNALS, name);
        let start = self.known.before(&name, from);
        let failed = JournalError::unavailable("a journal can't be read");
        let Some(bytes) = self.tail(&name, start.offset).await.map_err(failed)? else { return Ok(None) };
        let facts = self.take_in(&name, &bytes, start).map_err(failed)?.facts;
        let before = usize::try_from(from - start.position).unwrap_or(usize::MAX);
        Ok(facts.get(before..).map(|facts| facts.iter().map(|fact| fact.to_vec()).collect()))
    }

    async fn append(
        &self,
        name: Name<'_>,
        expected: Expected,
        facts: Vec<Vec<u8>>,
        open: Option<bool>,
    ) -> Result<Ordering, JournalError> {
        let failed = JournalError::unavailable("an append failed");
        let block = block(&facts, random());
        if block.len() > BLOCK_LIMIT {
            return Err(failed(Fault::Damaged(
                "more was to be stored at once than the 100 MiB a block holds",
            )));
        }
        let (id, name, marker) = (name.id, name::blob(name::JOURNALS, name), name::blob(name::MARKERS, name));
        let put = async {
            let end = self.end(&name, expected.length).await?;
            let closes = self.before_append(&marker, open).await?;
            self.commit(&name, end, &block).await?;
            Ok((end, closes))
        };
        let (end, closes) = match put.await {
            Ok(put) => put,
            Err(Stop::Fault(fault)) => return Err(failed(fault)),
            Err(Stop::Length(length)) => return Ok(length),
        };
        let after =
            Mark { position: expected.length + facts.len() as u64, offset: end.offset + block.len() as u64 };
        self.known.learn(&name, &[end, after]);
        if let Some(etag) = closes
            && let Err(fault) = once(UNMARK, self.container.remove(&marker, Some(etag))).await
        {
            debug!(conversation.id = %id, %fault, "A marker of a closed conversation stays; the sweep takes it away");
        }
        Ok(Ordering::Equal)
    }

    async fn list(&self, realm: &'static str, which: Which) -> Result<Vec<ConversationId>, JournalError> {
        let blobs = match which {
            Which::Open => name::MARKERS,
            Which::All => name::JOURNALS,
        };
        let (prefix, mut ids, mut next) = (name::prefix(blobs, realm), vec![], None);
        loop {
            let page = JOURNAL.with(|| self.container.list(&prefix, next.clone(), None)).await;
            let (names, more) =
                page.map_err(JournalError::unavailable("the conversations can't be listed"))?;
            ids.extend(names.iter().filter_map(|name| name::id_behind(name, &prefix)));
            if more.is_none() {
                return Ok(ids);
            }
            next = more;
        }
    }

    async fn remove(&self, name: Name<'_>) -> Result<bool, JournalError> {
        let (name, marker) = (name::blob(name::JOURNALS, name), name::blob(name::MARKERS, name));
        let failed = JournalError::unavailable("a journal can't be removed");
        self.known.forget(&name);
        JOURNAL.with(|| self.container.remove(&marker, None)).await.map_err(failed)?;
        JOURNAL.with(|| self.container.remove(&name, None)).await.map_err(failed)
    }

    async fn try_write(&self) -> Result<(), JournalError> {
        start::try_write(&self.container).await.map_err(JournalError::unavailable("a write failed"))
    }
}
