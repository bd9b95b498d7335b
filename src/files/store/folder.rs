//! Kept files in a folder: one a file, its label in front of its bytes.

use std::{io, ops::Range, path::PathBuf};

use actix_web::web::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
};

use super::{Label, OpenedFrom, Pieces, StoreError, end_of, space};
use crate::{config::Disk, domain::Timestamp};

/// Bytes read from the disk at a time.
const PIECE: usize = 128 * 1_024;

#[derive(Debug)]
pub struct Folder {
    folder: PathBuf,
    disk: Disk,
    /// The disk is to count as full.
    #[cfg(feature = "simulate")]
    pub full: std::sync::atomic::AtomicBool,
}

/// A file with `.part` behind its key until it is whole.
pub struct Writing {
    file: File,
    folder: PathBuf,
    /// Empty once the file is whole.
    part: PathBuf,
    whole: PathBuf,
}

pub struct Opened {
    file: File,
    /// Where the bytes begin.
    head: u64,
}

impl Folder {
    pub fn new(folder: PathBuf, disk: Disk) -> Self {
        Self {
            folder,
            disk,
            #[cfg(feature = "simulate")]
            full: std::sync::atomic::AtomicBool::new(false),
        }
    }

    pub fn room(&self) -> Result<(), StoreError> {
        #[cfg(feature = "simulate")]
        if self.full.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(StoreError::NoRoom);
        }
        match self.disk {
            Disk::Roomy => Ok(()),
            Disk::Asked if space::is_short(&self.folder)? => Err(StoreError::NoRoom),
            Disk::Asked => Ok(()),
        }
    }

    pub async fn begin(&self, key: &str, label: &Label) -> Result<Writing, StoreError> {
        // What people send is for nobody else on this machine to read.
        let (mut making, mut opening) = (fs::DirBuilder::new(), File::options());
        #[cfg(unix)]
        {
            making.mode(0o700);
            opening.mode(0o600);
        }
        making.recursive(true).create(&self.folder).await?;
        let part = self.folder.join(format!("{key}.part"));
        let file = opening.write(true).create_new(true).open(&part).await?;
        let mut writing = Writing { file, folder: self.folder.clone(), part, whole: self.folder.join(key) };
        let head = serde_json::to_vec(label).map_err(io::Error::from)?;
        let length = u16::try_from(head.len()).map_err(io::Error::other)?;
        writing.file.write_all(&length.to_be_bytes()).await?;
        writing.file.write_all(&head).await?;
        Ok(writing)
    }

    pub async fn open(&self, key: &str) -> Result<Option<super::Opened>, StoreError> {
        let mut file = match File::open(self.folder.join(key)).await {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let head = file.read_u16().await?;
        let mut label = vec![0; usize::from(head)];
        file.read_exact(&mut label).await?;
        let label: Label = serde_json::from_slice(&label).map_err(io::Error::from)?;
        let head = 2 + u64::from(head);
        let length = file.metadata().await?.len().saturating_sub(head);
        Ok(Some(super::Opened { label, length, from: OpenedFrom::Folder(Opened { file, head }) }))
    }

    pub async fn remove(&self, key: &str) -> Result<bool, StoreError> {
        match fs::remove_file(self.folder.join(key)).await {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => Ok(removed.map(|()| true)?),
        }
    }

    pub async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut entries = match fs::read_dir(&self.folder).await {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut deleted = 0;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let key = name.to_str().map(|name| name.strip_suffix(".part").unwrap_or(name));
            let over = key.and_then(end_of).is_some_and(|until| until <= now);
            if over && fs::remove_file(entry.path()).await.is_ok() {
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}

impl Writing {
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        Ok(self.file.write_all(&bytes).await?)
    }

    pub async fn finish(mut self) -> Result<(), StoreError> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        fs::rename(&self.part, &self.whole).await?;
        self.part = PathBuf::new();
        // The name must be there after a power cut, too.
        Ok(File::open(&self.folder).await?.sync_all().await?)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.part.as_os_str().is_empty() {
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

impl Opened {
    pub async fn read(mut self, range: Range<u64>) -> Result<Pieces, StoreError> {
        self.file.seek(io::SeekFrom::Start(self.head + range.start)).await?;
        let rest = self.file.take(range.end - range.start);
        let pieces = stream::try_unfold(rest, |mut rest| async move {
            let room = rest.limit().min(PIECE as u64);
            let mut piece = Vec::with_capacity(usize::try_from(room).unwrap_or(PIECE));
            if room == 0 {
                return Ok(None);
            }
            if rest.read_buf(&mut piece).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            Ok(Some((Bytes::from(piece), rest)))
        });
        Ok(pieces.boxed())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FileStore, contract};
    use crate::config::Disk;

    /// The folder as two processes see it.
    fn stores(folder: &tempfile::TempDir) -> [FileStore; 2] {
        [(), ()].map(|()| FileStore::folder(folder.path().join("files"), Disk::Roomy))
    }

    #[tokio::test]
    async fn a_folder_keeps_the_contract() {
        let folder = tempfile::tempdir().expect("a folder");
        contract::run(&stores(&folder)).await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_but_the_owner_can_read_what_is_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let [store, _] = stores(&folder);
        let writing = contract::begin(&store).await;
        let kept = folder.path().join("files");
        let file =
            std::fs::read_dir(&kept).expect("the folder").next().expect("a file").expect("its name").path();
        for (path, rights) in [(&kept, 0o700), (&file, 0o600)] {
            let mode = std::fs::metadata(path).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, rights, "{}", path.display());
        }
        drop(writing);
    }

    #[tokio::test]
    async fn nothing_is_left_of_an_upload_that_broke_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let [store, _] = stores(&folder);
        let writing = contract::begin(&store).await;
        let files = || std::fs::read_dir(folder.path().join("files")).expect("the folder").count();
        assert_eq!(files(), 1);
        drop(writing);
        assert_eq!(files(), 0);
    }

    #[tokio::test]
    async fn a_sweep_leaves_what_is_none_of_ours_and_takes_what_a_crash_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FileStore::folder(folder.path().to_owned(), Disk::Roomy);
        let part = format!("0000000000040-{}.part", "0".repeat(32));
        for name in ["notes.txt", "50-abc", part.as_str()] {
            std::fs::write(folder.path().join(name), "x").expect("written");
        }
        let swept = store.sweep(crate::domain::Timestamp(50)).await.expect("swept");
        assert_eq!((swept, folder.path().join(part).exists()), (1, false));
        assert!(folder.path().join("notes.txt").exists() && folder.path().join("50-abc").exists());
    }
}
