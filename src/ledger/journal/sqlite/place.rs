//! The journal's file: only its owner can read it, because people's words stand in it, and it stays the file that was opened.

#[cfg(unix)]
use std::{
    fs::Permissions,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
};
use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Where the file is, and which file it was when it was opened.
#[derive(Clone)]
pub struct Place {
    pub path: PathBuf,
    file: Option<(u64, u64)>,
}

impl Place {
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), file: identity(path) }
    }

    /// SQLite writes on into a file that nobody can find any more, and a new connection would begin an empty one.
    pub fn is_there(&self) -> Result<(), rusqlite::Error> {
        if self.file.is_none() || identity(&self.path) == self.file {
            return Ok(());
        }
        let moved = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY_DBMOVED);
        let what = "it was deleted or replaced while it was open; put it back, or restart";
        Err(rusqlite::Error::SqliteFailure(moved, Some(what.to_owned())))
    }
}

/// What tells a file from another of the same name, where the system says that.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

/// Makes the file and its folder, or takes others' rights to them away. SQLite gives its log the file's rights. A folder
/// that was there is left as it is.
pub fn make(path: &Path) -> io::Result<()> {
    let (mut making, mut opening) = (DirBuilder::new(), OpenOptions::new());
    #[cfg(unix)]
    {
        making.mode(0o700);
        opening.mode(0o600);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        making.recursive(true).create(folder)?;
    }
    opening.create(true).append(true).open(path)?;
    #[cfg(unix)]
    for ending in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(ending);
        match std::fs::set_permissions(&file, Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
