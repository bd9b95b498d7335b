//! Attachments, both ways: users' files to ServiceNow, the instance's files to users over signed links that end.
//!
//! Bytes pass through; what is held of a file in memory is a few pieces.

use std::{future::Future, pin::pin, time::Duration};

use actix_web::web::Bytes;
use reqwest::Body;
use tokio::{sync::mpsc, time::timeout};
use tracing::{info, warn};
use url::Url;

pub use self::{
    address::{Address, is_public},
    allowance::Allowance,
    fetch::{GiveError, Given, Wanted},
    held::Held,
    incoming::{Described, FileHead, Incoming, Part, Source},
    limits::Limits,
    link::{Carried, LinkError, Target},
    range::Part as FilePart,
    store::{FileStore, Label, Opened, StoreError, Writing},
};
use self::{fetch::is_file, link::Signer};
use crate::{
    config::Settings,
    domain::{Attachment, Timestamp, millis},
    far_end::CallError,
    servicenow::{NewMedia, ServiceNow},
    session::{FileFault, Quota},
};

mod address;
mod allowance;
mod fetch;
mod held;
mod incoming;
mod limits;
mod link;
pub mod name;
mod range;
mod store;

/// A far end that takes nothing for so long has gone.
const IDLE: Duration = Duration::from_secs(30);
/// How long the far end may think about a whole file; it looks for viruses first.
const ANSWER: Duration = Duration::from_secs(60);
/// Pieces between reader and writer.
const PIECES: usize = 4;

/// The bytes broke off.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the upload broke off")]
pub struct Cut;

/// Why a user's file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    #[error("{0}")]
    Broken(&'static str),
    /// It stopped coming.
    #[error("the upload did not move")]
    Slow,
    /// The conversation holds as much of files as it may, or as many words.
    #[error("the conversation holds as much as it may")]
    Full(Quota),
    #[error("larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("more than {limit} files")]
    TooMany { limit: u64 },
    #[error("only pictures were asked for")]
    NoPicture,
    /// ServiceNow said no to this very file.
    #[error("ServiceNow refused the file with status {status}")]
    Refused { status: u16 },
    #[error("ServiceNow: {0}")]
    FarEnd(#[source] CallError),
    #[error("the file could not be stored: {0}")]
    Store(#[source] StoreError),
    /// A masked answer came with it, which is never kept.
    #[error("a masked answer came with it")]
    WithMasked,
    /// By our settings no file can be taken.
    #[error("{0}")]
    NotConfigured(&'static str),
}

impl TakeError {
    /// What the chat is told; nothing where the same may work later, or the client is at fault.
    pub fn told(&self) -> Option<FileFault> {
        Some(match self {
            Self::TooLarge { limit } => FileFault::TooLarge { limit: *limit },
            Self::TooMany { limit } => FileFault::TooMany { limit: *limit },
            Self::NoPicture => FileFault::NoPicture,
            Self::WithMasked => FileFault::WithMasked,
            Self::Full(Quota::Files) => FileFault::NoRoom,
            Self::Store(error) if error.is_for_want_of_room() => FileFault::NoRoom,
            Self::Refused { .. } | Self::NotConfigured(_) => FileFault::NotTaken,
            Self::Full(Quota::Words) | Self::Broken(_) | Self::Slow | Self::FarEnd(_) | Self::Store(_) => {
                return None;
            }
        })
    }
}

/// The files of one instance and its users.
pub struct Files {
    signer: Signer,
    servicenow: ServiceNow,
    instance: Url,
    public_url: Option<Url>,
    by_link: bool,
    /// Milliseconds.
    link_ttl: i64,
    max_upload: u64,
    store: FileStore,
}

const NO_ADDRESS: TakeError = TakeError::NotConfigured(
    "Files can't be kept: ATTACHMENTS is link, which needs PUBLIC_URL to make links under.",
);

impl Files {
    /// `instance`: its root, for which the settings hold the login.
    pub fn new(settings: &Settings, instance: Url, servicenow: ServiceNow, store: FileStore) -> Self {
        Self {
            signer: Signer::new(settings),
            servicenow,
            instance,
            public_url: settings.public_url.clone(),
            by_link: settings.files.by_link,
            link_ttl: millis(settings.files.link_ttl),
            max_upload: settings.files.max_upload,
            store,
        }
    }

    /// Bytes that one upload may hold.
    pub fn max_upload(&self) -> u64 {
        self.max_upload
    }

    /// A link of ours for an address of the instance that asks for a login. `None`, and the address stays as
    /// it is, when we could not give it out: no `PUBLIC_URL`, no login, or no file.
    ///
    /// Only addresses that ServiceNow sent may come in here.
    pub fn link(&self, address: &str, now: Timestamp) -> Option<String> {
        let url = Url::parse(address).ok()?;
        if !self.servicenow.has_login() || !is_file(&url, &self.instance) {
            return None;
        }
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        self.public_link(&Target::Instance(path.to_owned()), steady(now, self.link_ttl))
    }

    /// A link for a picture that a message of ServiceNow's holds itself. `None` without `PUBLIC_URL`.
    pub fn link_carried(&self, carried: Carried, now: Timestamp) -> Option<String> {
        self.public_link(&Target::Carried(carried), steady(now, self.link_ttl))
    }

    /// The address a client is shown for a file it has sent, when we can give that file out.
    pub fn shown(&self, file: &Attachment, now: Timestamp) -> Option<String> {
        let own = self.public_url.as_ref().map(|root| format!("{root}api/files/"));
        if own.is_some_and(|own| file.url.starts_with(&own)) {
            return Some(file.url.clone());
        }
        self.link(&file.url, now)
    }

    /// Takes the file that `incoming` stands at, whole, to where ServiceNow finds it.
    ///
    /// # Errors
    /// See [`TakeError`]; nothing of the file is left here then.
    pub async fn take(
        &self,
        user_id: &str,
        file: FileHead,
        incoming: &mut Incoming,
        now: Timestamp,
    ) -> Result<Attachment, TakeError> {
        self.store.room().map_err(TakeError::Store)?;
        let (sender, receiver) = mpsc::channel(PIECES);
        let address = pump(incoming, sender, self.put(user_id, &file, receiver, now)).await?;
        let FileHead { name, media_type, length: _ } = file;
        Ok(Attachment { name, media_type, url: address, bytes: incoming.came() })
    }

    /// Deletes a file that was taken and that no message will name; false where that is not ours to do.
    pub async fn take_back(&self, file: &Attachment, now: Timestamp) -> bool {
        let root = self.public_url.as_ref().map(|root| format!("{root}api/files/"));
        let path = root.and_then(|root| file.url.strip_prefix(&root));
        let Some(Ok((Target::Stored(key), _))) = path.map(|path| self.signer.read(path, now)) else {
            return false;
        };
        let removed = self.store.remove(&key).await;
        removed
            .inspect_err(
                |error| warn!(%error, "A file of an upload that came to nothing stays until its time"),
            )
            .is_ok()
    }

    /// From now on the disk counts as full; for tests.
    #[cfg(feature = "simulate")]
    pub fn pretend_full(&self) {
        self.store.pretend_full();
    }

    /// Deletes what is over.
    pub async fn sweep(&self, now: Timestamp) {
        match self.store.sweep(now).await {
            Ok(0) => {}
            Ok(deleted) => info!(deleted, "Deleted users' files whose links are over"),
            Err(error) => {
                warn!(%error, "Users' files could not be looked through; the next sweep tries again")
            }
        }
    }

    async fn put(
        &self,
        user_id: &str,
        file: &FileHead,
        mut pieces: mpsc::Receiver<Result<Bytes, Cut>>,
        now: Timestamp,
    ) -> Result<String, TakeError> {
        let FileHead { name, media_type, length } = file;
        if self.by_link {
            let label = Label { name: name.clone(), media_type: media_type.clone() };
            let until = now.plus_millis(self.link_ttl);
            let key = self.keep(&label, pieces, until).await?;
            return self.public_link(&Target::Stored(key), until).ok_or(NO_ADDRESS);
        }
        if !self.servicenow.has_login() {
            return Err(TakeError::NotConfigured(
                "Files can't be sent: ATTACHMENTS is upload, which needs a ServiceNow user or OAuth client.",
            ));
        }
        let body = Body::wrap_stream(futures_util::stream::poll_fn(move |context| pieces.poll_recv(context)));
        let file = NewMedia { user_id, name, media_type, length: *length };
        self.servicenow.upload(file, body).await.map_err(refused)
    }

    async fn keep(
        &self,
        label: &Label,
        mut pieces: mpsc::Receiver<Result<Bytes, Cut>>,
        until: Timestamp,
    ) -> Result<String, TakeError> {
        let mut file = self.store.begin(label, until).await.map_err(TakeError::Store)?;
        while let Some(piece) = pieces.recv().await {
            let piece = piece.map_err(|Cut| TakeError::Broken("The file broke off."))?;
            file.write(piece).await.map_err(TakeError::Store)?;
        }
        file.finish().await.map_err(TakeError::Store)
    }

    fn public_link(&self, target: &Target, until: Timestamp) -> Option<String> {
        let root = self.public_url.as_ref()?;
        Some(format!("{root}api/files/{}", self.signer.write(target, until)))
    }
}

/// The end of a link made now. Never more than `ttl` away; the same for a while, so that a browser that has the
/// picture need not fetch it again with each poll.
fn steady(now: Timestamp, ttl: i64) -> Timestamp {
    let end = now.plus_millis(ttl);
    Timestamp(end.0 - end.0.rem_euclid((ttl / 8).max(1)))
}

/// What ServiceNow's answer to a file means. Login and rate are not the file's fault.
fn refused(error: CallError) -> TakeError {
    match error {
        CallError::Rejected { status: status @ (400 | 406 | 409 | 413 | 415 | 422), code: _ } => {
            TakeError::Refused { status }
        }
        error => TakeError::FarEnd(error),
    }
}

/// Carries the current file's pieces to `put` until both are done.
async fn pump(
    incoming: &mut Incoming,
    sender: mpsc::Sender<Result<Bytes, Cut>>,
    put: impl Future<Output = Result<String, TakeError>>,
) -> Result<String, TakeError> {
    let mut put = pin!(put);
    let fed = tokio::select! {
        biased;
        fed = feed(incoming, sender) => fed,
        // It answered before it had everything: it refused, or it counted along.
        early = &mut put => return early,
    };
    if let Err(error) = fed {
        // Told of the cut, the other side cleans up after itself.
        let _ = timeout(IDLE, put).await;
        return Err(error);
    }
    timeout(ANSWER, put).await.unwrap_or(Err(TakeError::FarEnd(CallError::Uncertain(None))))
}

async fn feed(incoming: &mut Incoming, sender: mpsc::Sender<Result<Bytes, Cut>>) -> Result<(), TakeError> {
    loop {
        let piece = match incoming.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(()),
            Err(error) => {
                let _ = timeout(IDLE, sender.send(Err(Cut))).await;
                return Err(error);
            }
        };
        match timeout(IDLE, sender.send(Ok(piece))).await {
            Ok(Ok(())) => {}
            // Nobody listens any more; why, the other side says.
            Ok(Err(_)) => return Ok(()),
            Err(_) => return Err(TakeError::FarEnd(CallError::Uncertain(None))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_its_end_for_a_while_and_never_lives_longer_than_it_may() {
        let day = 86_400_000;
        let ends: Vec<i64> =
            (0..100).map(|n| steady(Timestamp(1_700_000_000_000 + n * 1_000), day).0).collect();
        assert!(ends.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 1);
        for now in [0, 1, 999, 1_700_000_000_123] {
            for ttl in [1, 7, 1_000, day] {
                let left = steady(Timestamp(now), ttl).0 - now;
                assert!(left <= ttl && left > ttl - (ttl / 8).max(1), "{now} {ttl}: {left}");
            }
        }
    }
}
