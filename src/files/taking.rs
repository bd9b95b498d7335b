//! Users' files, on their way to where ServiceNow finds them.

use std::{future::Future, pin::pin, time::Duration};

use actix_web::web::Bytes;
use reqwest::Body;
use tokio::{sync::mpsc, time::timeout};
use tracing::warn;

use super::{
    FileHead, Files, Incoming,
    link::Target,
    store::{Label, StoreError},
};
use crate::{
    domain::{Attachment, Timestamp},
    far_end::CallError,
    servicenow::NewMedia,
    session::{FileFault, Quota},
};

/// A far end that takes nothing for so long has gone.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// How long the far end may think about a whole file; it looks for viruses first.
const ANSWER: Duration = Duration::from_secs(60);
/// Pieces between reader and writer.
pub(super) const PIECES: usize = 4;

const NO_ADDRESS: TakeError = TakeError::NotConfigured(
    "Files can't be kept: ATTACHMENTS is link, which needs PUBLIC_URL to make links under.",
);

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

impl Files {
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

    pub(super) async fn put(
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

    pub(super) async fn keep(
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
pub(super) async fn pump(
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
