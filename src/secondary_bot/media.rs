//! Files a primary bot uploads, kept until a message brings them to the agent.

use percent_encoding::percent_decode_str;
use tracing::{info, warn};
use url::Url;

use crate::{
    domain::Timestamp,
    files::{FileStore, Label, Opened, StoreError, Writing},
};

/// Where an uploaded file seems to be, as a ServiceNow instance names it.
pub const PATH: &str = "/api/now/v1/cs/media/";
/// An upload no message came for within these milliseconds is deleted.
const KEPT: i64 = 24 * 3_600_000;

/// The uploads.
#[derive(Clone, Debug)]
pub struct Media {
    store: FileStore,
}

impl Media {
    pub fn new(store: FileStore) -> Self {
        Self { store }
    }

    /// Begins an upload; its id is the key that finishing it gives.
    pub async fn begin(&self, label: &Label, now: Timestamp) -> Result<Writing, StoreError> {
        self.store.begin(label, now.plus_millis(KEPT)).await
    }

    /// The upload a URL names, if it is one of ours.
    pub async fn find(&self, url: &str) -> Result<Option<Opened>, StoreError> {
        // The store opens nothing but what it could have named itself, so that no path can be smuggled in.
        match located(url).as_ref().and_then(named) {
            Some(id) => self.store.open(&id).await,
            None => Ok(None),
        }
    }

    /// Deletes what is old.
    pub async fn forget_old(&self, now: Timestamp) {
        match self.store.sweep(now).await {
            Ok(0) => {}
            Ok(deleted) => info!(deleted, "Deleted uploads that are over"),
            Err(error) => warn!(%error, "Uploads could not be looked through; the next sweep tries again"),
        }
    }
}

/// An address, which may be of no host.
pub fn located(url: &str) -> Option<Url> {
    let nowhere = Url::parse(NOWHERE).ok()?;
    nowhere.join(url.trim()).ok()
}

/// Where addresses begin that name no host.
pub const NOWHERE: &str = "http://nowhere.invalid/";

/// The id of an upload, ours or another's.
pub fn named(url: &Url) -> Option<String> {
    let path = percent_decode_str(url.path()).decode_utf8().ok()?;
    let (_, id) = path.trim_end_matches('/').rsplit_once(PATH)?;
    Some(id.trim().to_owned())
}
