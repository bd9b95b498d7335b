//! The journal's file: only its owner can read it, because people's words stand in it, and it stays the file that was opened.

use std::{
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
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

/// Makes the file and its folder, or takes others' rights to them away. SQLite gives its log the file's rights. A folder
/// that was there is left as it is.
#[cfg(unix)]
pub fn make(path: &Path) -> io::Result<()> {
    use std::{
        fs::{DirBuilder, OpenOptions, Permissions, set_permissions},
        os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    for ending in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(ending);
        match set_permissions(&file, Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(not(unix))]
pub fn make(path: &Path) -> io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder),
        None => Ok(()),
    }
}
