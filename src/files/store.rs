//! Files beside the journal: what `ATTACHMENTS=link` keeps until ServiceNow has fetched it.
//!
//! A file carries its end in its name and its own name and type in front of its bytes, so that it is whole or
//! not there, and a sweep need only look at names.

use std::{
    io,
    path::{Path, PathBuf},
};

use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
};

use super::Cut;
use crate::domain::Timestamp;

/// Bytes read from the disk at a time.
const PIECE: usize = 128 * 1_024;

/// A folder with files in it.
#[derive(Debug)]
pub struct FileStore {
    folder: PathBuf,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub name: String,
    pub media_type: String,
}

/// A file to be given out.
pub struct Opened {
    pub label: Label,
    pub length: u64,
    file: File,
}

impl FileStore {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Writes a file; it is on disk when this has returned. Gives its key.
    ///
    /// # Errors
    /// When the disk fails or the bytes broke off; then nothing is left of it.
    pub async fn write(
        &self,
        label: &Label,
        until: Timestamp,
        bytes: mpsc::Receiver<Result<Bytes, Cut>>,
    ) -> io::Result<String> {
        fs::create_dir_all(&self.folder).await?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let key = format!("{}-{}", until.0, hex::encode(random));
        let part = self.folder.join(format!("{key}.part"));
        let written = async {
            write_to(&part, label, bytes).await?;
            fs::rename(&part, self.folder.join(&key)).await?;
            // The name must be there after a power cut, too.
            File::open(&self.folder).await?.sync_all().await
        };
        if let Err(failed) = written.await {
            let _ = fs::remove_file(&part).await;
            return Err(failed);
        }
        Ok(key)
    }

    /// `None` when it is gone.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn open(&self, key: &str) -> io::Result<Option<Opened>> {
        if !is_key(key) {
            return Ok(None);
        }
        let mut file = match File::open(self.folder.join(key)).await {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let head = usize::from(file.read_u16().await?);
        let mut label = vec![0; head];
        file.read_exact(&mut label).await?;
        let label: Label = serde_json::from_slice(&label)?;
        let length = file.metadata().await?.len().saturating_sub(2 + head as u64);
        Ok(Some(Opened { label, length, file }))
    }

    /// Deletes what is over; how many files that were.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub async fn sweep(&self, now: Timestamp) -> io::Result<usize> {
        let mut entries = match fs::read_dir(&self.folder).await {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut deleted = 0;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let key = name.to_str().map(|name| name.strip_suffix(".part").unwrap_or(name));
            let over = key.filter(|key| is_key(key)).and_then(until).is_some_and(|until| until <= now);
            if over && fs::remove_file(entry.path()).await.is_ok() {
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}

impl Opened {
    pub fn into_bytes(self) -> impl Stream<Item = io::Result<Bytes>> {
        stream::try_unfold(self.file, |mut file| async move {
            let mut piece = Vec::with_capacity(PIECE);
            file.read_buf(&mut piece).await?;
            Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
        })
    }
}

async fn write_to(
    path: &Path,
    label: &Label,
    mut bytes: mpsc::Receiver<Result<Bytes, Cut>>,
) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path).await?;
    let head = serde_json::to_vec(label)?;
    let length = u16::try_from(head.len()).map_err(io::Error::other)?;
    file.write_all(&length.to_be_bytes()).await?;
    file.write_all(&head).await?;
    while let Some(piece) = bytes.recv().await {
        file.write_all(&piece.map_err(io::Error::other)?).await?;
    }
    file.flush().await?;
    file.sync_all().await
}

/// Only what [`FileStore::write`] makes; nothing that could lead out of the folder.
fn is_key(key: &str) -> bool {
    let Some((until, random)) = key.split_once('-') else { return false };
    until.parse::<u64>().is_ok() && random.len() == 32 && random.bytes().all(|b| b.is_ascii_hexdigit())
}

fn until(key: &str) -> Option<Timestamp> {
    key.split_once('-').and_then(|(until, _)| until.parse().ok()).map(Timestamp)
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FileStore::new(folder.path().join("files"));
        assert_eq!(store.sweep(Timestamp(i64::MAX)).await.expect("no folder yet"), 0);
        let label = Label { name: "ä.txt".into(), media_type: "text/plain".into() };
        let key = store.write(&label, Timestamp(50), bytes(&["one ", "two"], false)).await.expect("written");
        let opened = store.open(&key).await.expect("a disk").expect("the file");
        assert_eq!((&opened.label, opened.length), (&label, 7));
        let all: Vec<Bytes> = opened.into_bytes().try_collect().await.expect("bytes");
        assert_eq!(all.concat(), b"one two");
        store.write(&label, Timestamp(50), bytes(&["half"], true)).await.expect_err("broke off");
        let left = std::fs::read_dir(folder.path().join("files")).expect("the folder").count();
        assert_eq!(left, 1, "nothing is left of the broken one");
    }

    #[tokio::test]
    async fn a_sweep_deletes_what_is_over_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FileStore::new(folder.path().to_owned());
        let label = Label { name: "a".into(), media_type: "b/c".into() };
        let first = store.write(&label, Timestamp(50), bytes(&["1"], false)).await.expect("written");
        let second = store.write(&label, Timestamp(60), bytes(&["2"], false)).await.expect("written");
        for other in ["notes.txt", "50-abc", &format!("{}.part", first.replace("50-", "40-"))] {
            std::fs::write(folder.path().join(other), "x").expect("written");
        }
        assert_eq!(store.sweep(Timestamp(50)).await.expect("swept"), 2);
        assert!(store.open(&first).await.expect("a disk").is_none());
        assert!(store.open(&second).await.expect("a disk").is_some());
        assert!(folder.path().join("notes.txt").exists() && folder.path().join("50-abc").exists());
    }

    #[tokio::test]
    async fn no_key_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), "x").expect("written");
        let store = FileStore::new(folder.path().join("files"));
        for key in ["../secret", "..", "", "1-../../secret", "/etc/passwd"] {
            assert!(store.open(key).await.expect("a disk").is_none(), "{key}");
        }
    }

    fn bytes(pieces: &[&'static str], broken: bool) -> mpsc::Receiver<Result<Bytes, Cut>> {
        let (sender, receiver) = mpsc::channel(8);
        for piece in pieces {
            sender.try_send(Ok(Bytes::from_static(piece.as_bytes()))).expect("room");
        }
        if broken {
            sender.try_send(Err(Cut)).expect("room");
        }
        receiver
    }
}
