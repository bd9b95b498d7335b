//! Kept files as block blobs under `files/`, in the container that the journal is in.
//!
//! A file comes up in blocks that nobody can read until the list of them is committed; what was never committed,
//! Azure throws away after a week. What is over is deleted an hour late at most; a lifecycle rule on the prefix
//! does the same for an app that has stopped.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use actix_web::web::{Bytes, BytesMut};
use azure_core::http::{RequestContent, response::AsyncResponseBody};
use azure_storage_blob::{
    BlobClient, BlobContainerClient, BlockBlobClient,
    models::{
        BlobClientDownloadOptions, BlobClientGetPropertiesResultHeaders as _,
        BlobContainerClientListBlobsOptions, BlockBlobClientCommitBlockListOptions,
        BlockBlobClientUploadOptions, BlockLookupList, HttpRange,
    },
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::task::JoinHandle;
use tracing::warn;

use super::{Label, OpenedFrom, Pieces, StoreError, end_of};
use crate::{
    azure::{
        fault::Fault,
        patience::{FILES, once},
    },
    domain::Timestamp,
};

#[cfg(test)]
mod azurite;
#[cfg(test)]
mod tests;

/// Bytes of a block; of a file at most two are held: one that fills, one that goes out.
pub const BLOCK: usize = 1 << 20;
const PREFIX: &str = "files/";
/// For what is not made again by itself: a piece of a download, a step of the sweep.
const ONCE: Duration = Duration::from_secs(6);
/// How often a download that breaks off is taken up again where it stopped.
const RESUMED: u32 = 3;
/// Milliseconds between two looks for what is over: listing is the dearest call of all.
const SWEPT_EACH: i64 = 3_600_000;
/// What one sweep deletes at most, so that it ends.
const SWEPT_AT_ONCE: usize = 1_000;

pub struct Blobs {
    container: BlobContainerClient,
    /// Milliseconds since 1970.
    swept: AtomicI64,
}

pub struct Writing {
    blob: Arc<BlockBlobClient>,
    metadata: HashMap<String, String>,
    filling: BytesMut,
    blocks: Vec<Vec<u8>>,
    going_out: Option<JoinHandle<Result<(), StoreError>>>,
}

pub struct Opened {
    blob: BlobClient,
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The container's URL may hold a SAS.
        out.debug_struct("Blobs").finish_non_exhaustive()
    }
}

impl Blobs {
    pub fn new(container: BlobContainerClient) -> Self {
        Self { container, swept: AtomicI64::new(i64::MIN) }
    }

    pub fn begin(&self, key: &str, label: &Label) -> Writing {
        Writing {
            blob: Arc::new(self.blob(key).block_blob_client()),
            metadata: metadata(label),
            filling: BytesMut::new(),
            blocks: vec![],
            going_out: None,
        }
    }

    pub async fn open(&self, key: &str) -> Result<Option<super::Opened>, StoreError> {
        let blob = self.blob(key);
        let properties = match FILES.with(|| blob.get_properties(None)).await {
            Err(fault) if fault.status() == Some(404) => return Ok(None),
            answered => answered?,
        };
        let metadata = properties.metadata().map_err(Fault::from)?;
        let length = properties.content_length().map_err(Fault::from)?.unwrap_or_default();
        let label = label_in(&metadata);
        Ok(Some(super::Opened { label, length, from: OpenedFrom::Blob(Opened { blob }) }))
    }

    pub async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        let before = self.swept.load(Relaxed);
        let due = before.saturating_add(SWEPT_EACH) <= now.0;
        // Of several that ask at once, one looks.
        if !due || self.swept.compare_exchange(before, now.0, Relaxed, Relaxed).is_err() {
            return Ok(0);
        }
        // What failed is due again.
        self.delete_over(now).await.inspect_err(|_| self.swept.store(before, Relaxed))
    }

    /// Names come in order, and begin with the file's end: what is over stands in front.
    async fn delete_over(&self, now: Timestamp) -> Result<usize, StoreError> {
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(PREFIX.to_owned()),
            maxresults: i32::try_from(SWEPT_AT_ONCE).ok(),
            ..Default::default()
        };
        let mut blobs = self.container.list_blobs(Some(options)).map_err(Fault::from)?;
        let mut deleted = 0;
        while deleted < SWEPT_AT_ONCE
            && let Some(blob) = once(ONCE, blobs.try_next()).await?
        {
            let name = blob.name.unwrap_or_default();
            let Some(key) = name.strip_prefix(PREFIX) else { break };
            match end_of(key) {
                None => {}
                Some(until) if until > now => break,
                Some(_) => deleted += usize::from(self.delete(key).await?),
            }
        }
        Ok(deleted)
    }

    /// False when another instance was faster.
    pub async fn delete(&self, key: &str) -> Result<bool, StoreError> {
        match once(ONCE, self.blob(key).delete(None)).await {
            Err(fault) if fault.status() == Some(404) => Ok(false),
            answered => Ok(answered.map(|_| true)?),
        }
    }

    fn blob(&self, key: &str) -> BlobClient {
        self.container.blob_client(&format!("{PREFIX}{key}"))
    }
}

impl Writing {
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), StoreError> {
        while self.filling.len() + bytes.len() > BLOCK {
            let rest = bytes.split_off(BLOCK - self.filling.len());
            self.filling.extend_from_slice(&bytes);
            self.stage().await?;
            bytes = rest;
        }
        self.filling.extend_from_slice(&bytes);
        Ok(())
    }

    /// A file of one block is stored by one call, a larger one when its list of blocks is committed.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        if self.blocks.is_empty() {
            let options = BlockBlobClientUploadOptions {
                metadata: Some(std::mem::take(&mut self.metadata)),
                partition_size: std::num::NonZero::new(BLOCK as u64),
                ..Default::default()
            };
            let content = std::mem::take(&mut self.filling).freeze();
            FILES.with(|| self.blob.upload(content.clone().into(), Some(options.clone()))).await?;
            return Ok(());
        }
        self.stage().await?;
        self.staged().await?;
        let blocks = BlockLookupList { latest: Some(std::mem::take(&mut self.blocks)), ..Default::default() };
        let options = BlockBlobClientCommitBlockListOptions {
            metadata: Some(std::mem::take(&mut self.metadata)),
            ..Default::default()
        };
        let blocks: RequestContent<BlockLookupList, _> = blocks.try_into().map_err(Fault::from)?;
        FILES.with(|| self.blob.commit_block_list(blocks.clone(), Some(options.clone()))).await?;
        Ok(())
    }

    /// Sends what has filled up; what went out before must have arrived.
    async fn stage(&mut self) -> Result<(), StoreError> {
        self.staged().await?;
        let block = std::mem::replace(&mut self.filling, BytesMut::with_capacity(BLOCK)).freeze();
        // All of a blob's block ids must be of one length.
        let id = format!("{:08}", self.blocks.len()).into_bytes();
        self.blocks.push(id.clone());
        let blob = Arc::clone(&self.blob);
        self.going_out = Some(tokio::spawn(async move {
            let length = block.len() as u64;
            FILES.with(|| blob.stage_block(&id, length, block.clone().into(), None)).await?;
            Ok(())
        }));
        Ok(())
    }

    async fn staged(&mut self) -> Result<(), StoreError> {
        match self.going_out.take() {
            Some(block) => block.await.unwrap_or_else(|_| Err(Fault::BrokenOff.into())),
            None => Ok(()),
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(block) = &self.going_out {
            block.abort();
        }
    }
}

impl Opened {
    /// One call for all of it, so that no more is held than what has just come.
    pub async fn read(self, range: Range<u64>) -> Result<Pieces, StoreError> {
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let body = from(&self.blob, &range).await?;
        let reading = Reading { blob: self.blob, left: range, body, resumed: 0 };
        Ok(stream::try_unfold(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|piece| (piece, reading)))
        })
        .boxed())
    }
}

struct Reading {
    blob: BlobClient,
    left: Range<u64>,
    body: AsyncResponseBody,
    resumed: u32,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        while !self.left.is_empty() {
            let broken = match once(ONCE, self.body.try_next()).await {
                Ok(Some(piece)) => {
                    self.left.start += piece.len() as u64;
                    return Ok(Some(piece));
                }
                Ok(None) => Fault::BrokenOff,
                Err(broken) => broken,
            };
            self.resumed += 1;
            let broken = StoreError::from(broken);
            if self.resumed > RESUMED {
                return Err(broken);
            }
            warn!(error = %broken, "A file from the blob container broke off; taking it up where it stopped");
            self.body = from(&self.blob, &self.left).await?;
        }
        Ok(None)
    }
}

async fn from(blob: &BlobClient, range: &Range<u64>) -> Result<AsyncResponseBody, Fault> {
    let length = range.end - range.start;
    let options = BlobClientDownloadOptions {
        range: Some(HttpRange::new(range.start, length)),
        // As large as the range: in one piece, which the crate then neither splits nor gathers.
        partition_size: usize::try_from(length).ok().and_then(std::num::NonZero::new),
        parallel: std::num::NonZero::new(1),
        ..Default::default()
    };
    Ok(FILES.with(|| blob.download(Some(options.clone()))).await?.body)
}

/// Header values are plain ASCII, names of files are not.
fn metadata(label: &Label) -> HashMap<String, String> {
    let Label { name, media_type } = label;
    let plain = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    HashMap::from([("name".to_owned(), plain(name)), ("type".to_owned(), plain(media_type))])
}

/// Made harmless again: others may write to the container.
fn label_in(metadata: &HashMap<String, String>) -> Label {
    let text = |key: &str| {
        let found = metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        let value = found.map(|(_, value)| value.as_str()).unwrap_or_default();
        percent_decode_str(value).decode_utf8_lossy().into_owned()
    };
    Label::new(&text("name"), &text("type"))
}
