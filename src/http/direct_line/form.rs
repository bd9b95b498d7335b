//! A client's upload for the bot, written anew from what was understood of it.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::Bytes;
use futures_util::{future::LocalBoxFuture, stream};
use tokio::sync::mpsc::{self, Sender};

use super::upload::not_taken;
use crate::{
    direct_line::proxy::{BrokenOff, Pieces},
    files::{FileHead, Incoming, Part},
    http::error::ApiError,
    wire::activity::Activity,
};

/// Pieces between reader and writer.
const PIECES: usize = 4;

/// What may be wrong with an activity that goes with files.
pub(super) type Check = Box<dyn Fn(&Activity) -> Result<(), ApiError>>;

/// What was wrong with a client's upload, once that is known; the body for Direct Line then breaks off.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<Mutex<Option<ApiError>>>);

impl Fault {
    pub fn take(&self) -> Option<ApiError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, why: ApiError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

/// Looks a last time, before the end is sent on; an upload may take minutes.
pub(super) type Cleared = LocalBoxFuture<'static, Result<(), ApiError>>;

type ToDirectLine = Sender<Result<Bytes, BrokenOff>>;

/// The body for Direct Line, which reads on in `incoming` as Direct Line takes it. `boundary`: of a form; without one the file is
/// the body.
pub(super) fn body(
    incoming: Incoming,
    boundary: Option<String>,
    check: Check,
    cleared: Cleared,
) -> (Pieces, Fault) {
    let (sender, mut receiver) = mpsc::channel(PIECES);
    let fault = Fault::default();
    let noted = fault.clone();
    actix_web::rt::spawn(async move {
        let written = match boundary {
            Some(boundary) => write_form(incoming, &boundary, &sender, check, cleared).await,
            None => write_file(incoming, &sender, cleared).await,
        };
        if let Err(why) = written {
            noted.note(why);
            let _ = sender.send(Err(BrokenOff)).await;
        }
    });
    (Box::pin(stream::poll_fn(move |context| receiver.poll_recv(context))), fault)
}

/// A boundary that no file holds.
pub(super) fn boundary() -> String {
    let mut random = [0; 16];
    if getrandom::fill(&mut random).is_err() {
        random = u128::from(std::process::id()).to_be_bytes();
    }
    format!("upload-{}", hex::encode(random))
}

async fn write_file(mut incoming: Incoming, to: &ToDirectLine, cleared: Cleared) -> Result<(), ApiError> {
    let mut last = Bytes::new();
    while let Some(Part::File(file)) = incoming.next().await.map_err(not_taken)? {
        let mut left = file.length;
        while let Some(piece) = incoming.chunk().await.map_err(not_taken)? {
            left = left.map(|left| left.saturating_sub(piece.len() as u64));
            write(to, std::mem::replace(&mut last, piece)).await;
            // Of a file of unknown length any piece may be the last.
            if left.is_some_and(|left| left > 0) {
                write(to, std::mem::take(&mut last)).await;
            }
        }
    }
    cleared.await?;
    write(to, last).await;
    Ok(())
}

async fn write_form(
    mut incoming: Incoming,
    boundary: &str,
    to: &ToDirectLine,
    check: Check,
    cleared: Cleared,
) -> Result<(), ApiError> {
    while let Some(part) = incoming.next().await.map_err(not_taken)? {
        match part {
            Part::Activity(bytes) => {
                let activity: Activity = serde_json::from_slice(&bytes).unwrap_or_default();
                check(&activity)?;
                let head = head(boundary, "name=\"activity\"", "application/vnd.microsoft.activity");
                write(to, [head.as_bytes(), &bytes, b"\r\n"].concat().into()).await;
            }
            Part::File(FileHead { name, media_type, .. }) => {
                let names = format!("name=\"file\"; filename=\"{}\"", quoted(&name));
                let head = head(boundary, &names, &media_type);
                write(to, head.into()).await;
                write_chunks(&mut incoming, to).await?;
                write(to, Bytes::from_static(b"\r\n")).await;
            }
        }
    }
    cleared.await?;
    write(to, format!("--{boundary}--\r\n").into()).await;
    Ok(())
}

fn head(boundary: &str, names: &str, media_type: &str) -> String {
    format!("--{boundary}\r\nContent-Disposition: form-data; {names}\r\nContent-Type: {media_type}\r\n\r\n")
}

async fn write_chunks(incoming: &mut Incoming, to: &ToDirectLine) -> Result<(), ApiError> {
    while let Some(piece) = incoming.chunk().await.map_err(not_taken)? {
        write(to, piece).await;
    }
    Ok(())
}

/// What Direct Line no longer takes is read on nevertheless, so that the client gets to read the answer.
async fn write(to: &ToDirectLine, piece: Bytes) {
    if !piece.is_empty() {
        let _ = to.send(Ok(piece)).await;
    }
}

/// A name in quotes as browsers write it (HTML, multipart form data).
pub(super) fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
