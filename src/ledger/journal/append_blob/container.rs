//! The calls to the blob service, each made once; the official client does the talking.

use std::num::NonZeroUsize;

use azure_core::{Bytes, http::Etag};
use azure_storage_blob::{
    BlobClient, BlobContainerClient,
    models::{
        AppendBlobClientAppendBlockOptions, AppendBlobClientCreateOptions, BlobClientDeleteOptions,
        BlobClientDownloadOptions, BlobClientGetPropertiesResultHeaders, BlobContainerClientListBlobsOptions,
    },
};
use futures_util::TryStreamExt as _;

use crate::azure::fault::Fault;

/// A read is one request up to this many bytes; longer journals take several.
const PIECE: NonZeroUsize = NonZeroUsize::new(64 << 20).expect("not zero");

/// The container that journals are kept in.
pub struct Container(pub BlobContainerClient);

impl Container {
    fn blob(&self, name: &str) -> BlobClient {
        self.0.blob_client(name)
    }

    /// Makes the container.
    pub async fn make(&self) -> Result<(), Fault> {
        match self.0.create(None).await.map_err(Fault::from) {
            // Another instance was faster.
            Err(fault) if fault.is("ContainerAlreadyExists") => Ok(()),
            made => made.map(drop),
        }
    }

    /// What stands in the blob from `offset` on: nothing behind its end, or when there is no such blob.
    pub async fn read(&self, name: &str, offset: u64) -> Result<Bytes, Fault> {
        let options = BlobClientDownloadOptions {
            range: Some((offset..).into()),
            partition_size: Some(PIECE),
            parallel: Some(NonZeroUsize::MIN),
            ..Default::default()
        };
        let read = async { self.blob(name).download(Some(options)).await?.body.collect().await };
        match read.await.map_err(Fault::from) {
            Err(fault) if fault.is("BlobNotFound") || fault.status() == Some(416) => Ok(Bytes::new()),
            read => read,
        }
    }

    /// Makes an empty append blob, unless there is a blob.
    pub async fn make_journal(&self, name: &str) -> Result<(), Fault> {
        let options = AppendBlobClientCreateOptions {
            blob_content_type: Some("application/x-ndjson".to_owned()),
            ..Default::default()
        };
        let made = self.blob(name).append_blob_client().create(Some(options.if_not_exists())).await;
        match made.map_err(Fault::from) {
            Err(fault) if fault.is("BlobAlreadyExists") => Ok(()),
            made => made.map(drop),
        }
    }

    /// Appends `block` if the blob is `offset` bytes long; else status 412.
    pub async fn append(&self, name: &str, offset: u64, block: Bytes) -> Result<(), Fault> {
        let length = block.len() as u64;
        let options = AppendBlobClientAppendBlockOptions {
            append_position: Some(i64::try_from(offset).unwrap_or(i64::MAX)),
            ..Default::default()
        };
        let blob = self.blob(name).append_blob_client();
        let appended = blob.append_block(block.into(), length, Some(options)).await;
        appended.map(drop).map_err(Fault::from)
    }

    /// Puts an empty blob; it gets an ETag it never had.
    pub async fn mark(&self, name: &str) -> Result<(), Fault> {
        let put = self.blob(name).block_blob_client().upload(Bytes::new().into(), None).await;
        put.map(drop).map_err(Fault::from)
    }

    /// The blob's ETag; `None` when there is no such blob.
    pub async fn marked(&self, name: &str) -> Result<Option<Etag>, Fault> {
        let properties = self.blob(name).get_properties(None).await;
        match properties.and_then(|properties| properties.etag()).map_err(Fault::from) {
            Ok(etag) => Ok(etag),
            Err(fault) if fault.status() == Some(404) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Deletes the blob, if it still has the ETag; whether there was such a one.
    pub async fn remove(&self, name: &str, etag: Option<Etag>) -> Result<bool, Fault> {
        let options = BlobClientDeleteOptions { if_match: etag, ..Default::default() };
        match self.blob(name).delete(Some(options)).await.map_err(Fault::from) {
            Err(fault) if matches!(fault.status(), Some(404 | 412)) => Ok(false),
            deleted => deleted.map(|_| true),
        }
    }

    /// One page of the blobs whose names begin with `prefix`, `at_most` of them; their names, and where the next page begins.
    pub async fn list(
        &self,
        prefix: &str,
        page: Option<String>,
        at_most: Option<i32>,
    ) -> Result<(Vec<String>, Option<String>), Fault> {
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(prefix.to_owned()),
            marker: page,
            maxresults: at_most,
            ..Default::default()
        };
        let listed = async {
            let page = self.0.list_blobs(Some(options))?.into_pages().try_next().await?;
            page.map(|page| page.into_model()).transpose()
        };
        let listed = listed.await.map_err(Fault::from)?.unwrap_or_default();
        let names = listed.blob_items.into_iter().filter_map(|blob| blob.name).collect();
        Ok((names, listed.next_marker.filter(|next| !next.is_empty())))
    }
}
