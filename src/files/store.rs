//! Files that are kept for a while: what `ATTACHMENTS=link` holds until ServiceNow has fetched it, and what a
//! primary bot uploads. Beside a SQLite journal they stand in a folder, with a blob container in that container.
//!
//! A file is whole or not there. Its key begins with its end, so that a sweep need only look at names, in their
//! order. What holds for a store is the test suite in `store/contract.rs`, run on every implementation.

use std::{io, ops::Range, path::PathBuf, sync::Arc};

use actix_web::web::Bytes;
use azure_storage_blob::BlobContainerClient;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

use self::{blobs::Blobs, folder::Folder};
use super::name;
use crate::{azure::fault::Fault, config::Disk, domain::Timestamp};

mod blobs;
#[cfg(test)]
mod contract;
mod folder;
mod space;

/// Where files are kept; clones are the same place.
#[derive(Clone, Debug)]
pub struct FileStore(Arc<Place>);

#[derive(Debug)]
enum Place {
    Folder(Folder),
    Blobs(Blobs),
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub name: String,
    pub media_type: String,
}

/// The place can't be used. Nothing in the text comes from the file or from a URL.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the folder of files beside STORE can't be used: {0}")]
    Disk(#[from] io::Error),
    #[error("less than a tenth of the disk of STORE is free; make room, or give it a larger one")]
    NoRoom,
    #[error("users' files can't be kept in the container of STORE: {0}")]
    Blobs(#[from] Fault),
}

impl StoreError {
    /// The disk is full, or nearly so.
    pub fn is_for_want_of_room(&self) -> bool {
        match self {
            Self::NoRoom => true,
            Self::Disk(error) => {
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Blobs(_) => false,
        }
    }
}

/// A file that is being written. Dropped before [`finish`](Self::finish), it never was.
pub struct Writing {
    key: String,
    to: WritingTo,
}

enum WritingTo {
    Folder(folder::Writing),
    Blob(blobs::Writing),
}

/// A file to be given out.
pub struct Opened {
    pub label: Label,
    /// Bytes.
    pub length: u64,
    from: OpenedFrom,
}

enum OpenedFrom {
    Folder(folder::Opened),
    Blob(blobs::Opened),
}

/// A file's bytes; an error means that they broke off.
pub type Pieces = BoxStream<'static, Result<Bytes, StoreError>>;

impl Label {
    /// Of what a stranger says; see [`name`].
    pub fn new(raw_name: &str, raw_type: &str) -> Self {
        Self { name: name::file_name(raw_name), media_type: name::media_type(raw_type) }
    }
}

impl FileStore {
    /// In a folder, which is made with the first file.
    pub fn folder(folder: PathBuf, disk: Disk) -> Self {
        Self(Arc::new(Place::Folder(Folder::new(folder, disk))))
    }

    /// In a container that is there.
    pub fn blobs(container: BlobContainerClient) -> Self {
        Self(Arc::new(Place::Blobs(Blobs::new(container))))
    }

    /// Whether there is room for another file.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`] while less than a tenth of the disk is free; when that can't be known.
    pub fn room(&self) -> Result<(), StoreError> {
        match &*self.0 {
            Place::Folder(folder) => folder.room(),
            Place::Blobs(_) => Ok(()),
        }
    }

    #[cfg(feature = "simulate")]
    pub(super) fn pretend_full(&self) {
        if let Place::Folder(folder) = &*self.0 {
            folder.full.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Begins a file that may be deleted from `until` on.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn begin(&self, label: &Label, until: Timestamp) -> Result<Writing, StoreError> {
        self.room()?;
        let key = fresh_key(until)?;
        let to = match &*self.0 {
            Place::Folder(folder) => WritingTo::Folder(folder.begin(&key, label).await?),
            Place::Blobs(blobs) => WritingTo::Blob(blobs.begin(&key, label)),
        };
        Ok(Writing { key, to })
    }

    /// `None` when it is gone, or was never whole.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(&self, key: &str) -> Result<Option<Opened>, StoreError> {
        if !is_key(key) {
            return Ok(None);
        }
        match &*self.0 {
            Place::Folder(folder) => folder.open(key).await,
            Place::Blobs(blobs) => blobs.open(key).await,
        }
    }

    /// Deletes a file before its time; whether there was one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove(&self, key: &str) -> Result<bool, StoreError> {
        if !is_key(key) {
            return Ok(false);
        }
        match &*self.0 {
            Place::Folder(folder) => folder.remove(key).await,
            Place::Blobs(blobs) => blobs.delete(key).await,
        }
    }

    /// Deletes what is over; how many files that were. Blobs are looked through once an hour at most.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        match &*self.0 {
            Place::Folder(folder) => folder.sweep(now).await,
            Place::Blobs(blobs) => blobs.sweep(now).await,
        }
    }
}

impl Writing {
    /// Takes the next bytes; returns once there is room for more.
    ///
    /// # Errors
    /// See [`StoreError`]; the file can't be finished then.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        match &mut self.to {
            WritingTo::Folder(file) => file.write(bytes).await,
            WritingTo::Blob(blob) => blob.write(bytes).await,
        }
    }

    /// Makes the file one that can be opened, by the key this gives. It is stored for good when this has returned.
    ///
    /// # Errors
    /// See [`StoreError`]; whether the file is there is then unknown, and nobody has its key.
    pub async fn finish(self) -> Result<String, StoreError> {
        match self.to {
            WritingTo::Folder(file) => file.finish().await?,
            WritingTo::Blob(blob) => blob.finish().await?,
        }
        Ok(self.key)
    }
}

impl Opened {
    /// The bytes of `range`, which must lie within the file.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn read(self, range: Range<u64>) -> Result<Pieces, StoreError> {
        match self.from {
            OpenedFrom::Folder(file) => file.read(range).await,
            OpenedFrom::Blob(blob) => blob.read(range).await,
        }
    }
}

/// `END-RANDOM`: milliseconds since 1970, in 13 digits until 2286, and 128 bits that nobody guesses.
fn fresh_key(until: Timestamp) -> io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(format!("{:013}-{}", until.0.max(0), hex::encode(random)))
}

/// Only what [`fresh_key`] makes; nothing that could lead anywhere else.
fn is_key(key: &str) -> bool {
    let Some((until, random)) = key.split_once('-') else { return false };
    let digits = |part: &str, is_digit: fn(&u8) -> bool| part.as_bytes().iter().all(is_digit);
    until.len() == 13
        && digits(until, u8::is_ascii_digit)
        && random.len() == 32
        && digits(random, u8::is_ascii_hexdigit)
}

/// The end in a key.
fn end_of(key: &str) -> Option<Timestamp> {
    if !is_key(key) {
        return None;
    }
    key.split_once('-').and_then(|(until, _)| until.parse().ok()).map(Timestamp)
}
