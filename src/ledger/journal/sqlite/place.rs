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
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::Connection;

/// Where the file is, and which files it and SQLite's beside it were when they were opened.
#[derive(Clone)]
pub struct Place {
    pub path: PathBuf,
    files: [(PathBuf, Option<Identity>); 3],
    /// When they were last seen to be there.
    seen: Arc<Mutex<Option<Instant>>>,
}

/// How long a read takes it that they still are: looking costs more than the read. A write always looks.
const SEEN: Duration = Duration::from_millis(100);

type Identity = (u64, u64);

impl Place {
    pub fn of(path: &Path) -> Self {
        let files = with_siblings(path).map(|file| {
            let identity = identity(&file);
            (file, identity)
        });
        Self { path: path.to_owned(), files, seen: Arc::default() }
    }

    /// SQLite writes on into a file that nobody can find any more, and a new connection would begin an empty one. What was said
    /// last stands in the log alone.
    pub fn is_there(&self) -> Result<(), rusqlite::Error> {
        let gone =
            |(file, opened): &&(PathBuf, Option<Identity>)| opened.is_some() && identity(file) != *opened;
        let gone = self.files.iter().find(gone);
        *self.seen() = gone.is_none().then(Instant::now);
        let Some((file, _)) = gone else { return Ok(()) };
        let moved = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY_DBMOVED);
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let what = format!("{name} was deleted or replaced while it was open; put it back, or restart");
        Err(rusqlite::Error::SqliteFailure(moved, Some(what)))
    }

    /// As [`is_there`](Self::is_there), or was a moment ago.
    pub fn was_there(&self) -> Result<(), rusqlite::Error> {
        let seen = *self.seen();
        if seen.is_some_and(|at| at.elapsed() < SEEN) { Ok(()) } else { self.is_there() }
    }

    fn seen(&self) -> MutexGuard<'_, Option<Instant>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The database, its log, and what its readers share: beside the file that a link leads to.
fn with_siblings(path: &Path) -> [PathBuf; 3] {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let sibling = |ending| {
        let mut file = place.clone().into_os_string();
        file.push(ending);
        file.into()
    };
    [path.to_owned(), sibling("-wal"), sibling("-shm")]
}

/// What tells a file from another of the same name, where the system says that.
#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    None
}

/// Whether a file holds our table, or none as yet.
const OURS: &str = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)
    OR 3 = (SELECT count(*) FROM pragma_table_info('fact') WHERE name IN ('conversation', 'position', 'body'))";

/// Makes the file and its folder, or takes others' rights to the file away. SQLite gives its log the file's rights. A folder
/// that was there is left as it is, and so is a file of something else.
pub fn make(path: &Path, patience: Duration) -> io::Result<()> {
    let (mut making, mut opening) = (DirBuilder::new(), OpenOptions::new());
    #[cfg(unix)]
    {
        making.mode(0o700);
        opening.mode(0o600);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        making.recursive(true).create(folder)?;
    }
    match std::fs::metadata(path) {
        Ok(file) if !file.is_file() => return Err(io::Error::other("it is no file")),
        Ok(file) if file.len() > 0 && !is_ours(path, patience)? => {
            return Err(io::Error::other("the file belongs to something else; name another one"));
        }
        _ => {}
    }
    opening.create(true).append(true).open(path)?;
    #[cfg(unix)]
    for file in with_siblings(path) {
        match std::fs::set_permissions(&file, Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn is_ours(path: &Path, patience: Duration) -> io::Result<bool> {
    let asked = Connection::open(path).and_then(|connection| {
        connection.busy_timeout(patience)?;
        connection.query_row(OURS, (), |row| row.get(0))
    });
    match asked {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => Ok(false),
        asked => asked.map_err(io::Error::other),
    }
}
