//! The journal in a SQLite file: the store of a single machine.
//!
//! One thread writes. It takes what is waiting from all conversations into one transaction, so that a
//! flush to disk is paid once for many messages. Several processes may share the file.

use std::{
    cmp::Ordering,
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, config::DbConfig, params};
use tokio::sync::oneshot;

use super::{Append, Journal, JournalError, Position, Stored, stored};
use crate::domain::ConversationId;

/// Facts lie in the order they came, and an index finds a conversation's: an append then writes to the end of
/// the table. In a table in the index's order it would write, and often split, a page of its own.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS fact (
        conversation TEXT NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (conversation, position));
    CREATE TABLE IF NOT EXISTS open_conversation (conversation TEXT PRIMARY KEY) WITHOUT ROWID;
";
const LAST: &str = "SELECT position FROM fact WHERE conversation = ? ORDER BY position DESC LIMIT 1";
const READ: &str = "SELECT body FROM fact WHERE conversation = ? AND position >= ? ORDER BY position";
/// A write that leaves nothing behind; no conversation's id is empty.
const TRY: &str = "INSERT OR IGNORE INTO open_conversation VALUES (''); DELETE FROM open_conversation WHERE conversation = '';";
/// Appends of one transaction; bounds how long the first of them waits for the last.
const GROUP: usize = 256;
/// Pages in the write-ahead log before they are moved to the file, 16 MB of them: busy conversations write the
/// same pages over and over, and only the last of each is moved.
const CHECKPOINT: u32 = 4_000;

/// Journals of facts `F` in a SQLite file.
pub struct SqliteJournal<F> {
    file: Arc<File>,
    facts: PhantomData<fn() -> F>,
}

struct File {
    writer: mpsc::Sender<Pending>,
    /// Connections for reading, idle. Reads are a few microseconds from the page cache and never wait
    /// for the writer (WAL), so they run where they are asked for.
    readers: Mutex<Vec<Connection>>,
    place: Place,
    /// The last write failed.
    failing: AtomicBool,
}

/// Where the file is, and which file it was when it was opened.
#[derive(Clone)]
struct Place {
    path: PathBuf,
    file: Option<(u64, u64)>,
}

struct Pending {
    conversation: String,
    what: What,
    done: oneshot::Sender<Result<Written, Arc<rusqlite::Error>>>,
}

enum What {
    Append {
        expected: Position,
        facts: Vec<Vec<u8>>,
        open: Option<bool>,
    },
    Remove,
    /// A write that leaves nothing behind.
    Try,
}

/// What became of one.
#[derive(Clone, Copy)]
enum Written {
    Appended(Append),
    Shorter,
    Removed(bool),
}

impl<F> SqliteJournal<F> {
    /// Opens the file, making it and its folder when missing.
    ///
    /// # Errors
    /// When the folder or the file can't be made or written, or is no SQLite database.
    pub fn open_file(path: &Path) -> Result<Self, JournalError> {
        private::make(path).map_err(|e| unavailable("its folder or the file can't be made", e))?;
        let connection = connect(path).map_err(|e| unavailable("the file can't be opened", e))?;
        connection.execute_batch(SCHEMA).map_err(|e| unavailable("its tables can't be made", e))?;
        connection.execute_batch(TRY).map_err(|e| unavailable("it can't be written", e))?;
        let place = Place { path: path.to_owned(), file: identity(path) };
        let (writer, pending) = mpsc::channel();
        let at = place.clone();
        thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_groups(connection, &pending, &at))
            .map_err(|e| unavailable("its writer can't be started", e))?;
        let (readers, failing) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        let file = File { writer, readers, place, failing };
        Ok(Self { file: Arc::new(file), facts: PhantomData })
    }
}

impl<F> SqliteJournal<F> {
    /// The same file, seen as the journals of another kind of fact.
    pub fn realm<G>(&self) -> SqliteJournal<G> {
        SqliteJournal { file: self.file.clone(), facts: PhantomData }
    }

    pub(super) fn wrote(&self) -> bool {
        !self.file.failing.load(Relaxed)
    }

    pub(super) async fn try_write(&self) -> Result<(), JournalError> {
        self.file.write(String::new(), What::Try).await.map(drop)
    }
}

impl File {
    async fn write(&self, conversation: String, what: What) -> Result<Written, JournalError> {
        let (done, answer) = oneshot::channel();
        let pending = Pending { conversation, what, done };
        self.writer.send(pending).map_err(|_| unavailable("its writer has stopped", Stopped))?;
        let answer = answer.await.map_err(|_| unavailable("its writer has stopped", Stopped))?;
        self.failing.store(answer.is_err(), Relaxed);
        answer.map_err(|e| unavailable("a write failed", e))
    }

    fn with_reader<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.place.is_there().map_err(|e| unavailable("the file is gone", e))?;
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.place.path).map_err(|e| unavailable("the file can't be opened", e))?,
        };
        let answer = read(&connection);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        answer
    }
}

impl<F: Stored> Journal<F> for SqliteJournal<F> {
    async fn read(&self, id: &ConversationId, from: Position) -> Result<Vec<F>, JournalError> {
        self.file.with_reader(|connection| {
            let failed = |e| unavailable("a journal can't be read", e);
            let mut statement = connection.prepare_cached(READ).map_err(failed)?;
            let mut rows = statement.query(params![key::<F>(id), from]).map_err(failed)?;
            let mut facts = vec![];
            while let Some(row) = rows.next().map_err(failed)? {
                let body = row.get_ref(0).map_err(failed)?;
                let body = body.as_blob().map_err(|e| unavailable("a journal can't be read", e))?;
                facts.push(stored::decode(body));
            }
            if facts.is_empty() && from > 0 && length(connection, &key::<F>(id)).map_err(failed)? < from {
                return Err(JournalError::Shorter { expected: from });
            }
            Ok(facts)
        })
    }

    async fn append(
        &self,
        id: &ConversationId,
        expected: Position,
        facts: &[F],
        open: Option<bool>,
    ) -> Result<Append, JournalError> {
        let facts = facts.iter().map(stored::encode).collect();
        match self.file.write(key::<F>(id), What::Append { expected, facts, open }).await? {
            Written::Appended(append) => Ok(append),
            Written::Shorter | Written::Removed(_) => Err(JournalError::Shorter { expected }),
        }
    }

    async fn remove(&self, id: &ConversationId) -> Result<bool, JournalError> {
        let written = self.file.write(key::<F>(id), What::Remove).await?;
        Ok(matches!(written, Written::Removed(true)))
    }

    async fn open(&self) -> Result<Vec<ConversationId>, JournalError> {
        self.file.ids::<F>("SELECT conversation FROM open_conversation")
    }

    async fn all(&self) -> Result<Vec<ConversationId>, JournalError> {
        self.file.ids::<F>("SELECT DISTINCT conversation FROM fact")
    }
}

impl File {
    fn ids<F: Stored>(&self, query: &str) -> Result<Vec<ConversationId>, JournalError> {
        self.with_reader(|connection| {
            let failed = |e| unavailable("the conversations can't be listed", e);
            let mut statement = connection.prepare_cached(query).map_err(failed)?;
            let ids = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
            let ids: Vec<String> = ids.collect::<Result<_, _>>().map_err(failed)?;
            // An id of another realm has no prefix of ours, or a `/` that ours can't have.
            Ok(ids.iter().filter_map(|id| ConversationId::parse(id.strip_prefix(F::REALM)?)).collect())
        })
    }
}

fn key<F: Stored>(id: &ConversationId) -> String {
    format!("{}{id}", F::REALM)
}

impl Place {
    /// SQLite writes on into a file that nobody can find any more, and a new connection would begin an empty one.
    fn is_there(&self) -> Result<(), rusqlite::Error> {
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

#[derive(Debug, thiserror::Error)]
#[error("the journal's thread is gone")]
struct Stopped;

fn unavailable<E: std::error::Error + Send + Sync + 'static>(what: &'static str, source: E) -> JournalError {
    JournalError::unavailable(what, source)
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    // FULL: an answered message survives the machine, not only the process.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is removed is overwritten, not only forgotten.
    connection.pragma_update(None, "secure_delete", "ON")?;
    // Without this a kept statement is prepared again for every new value of its parameters.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn write_groups(mut connection: Connection, pending: &mpsc::Receiver<Pending>, place: &Place) {
    while let Ok(first) = pending.recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = pending.try_recv()
        {
            group.push(next);
        }
        let outcomes = place.is_there().and_then(|()| write_group(&mut connection, &group));
        match outcomes {
            Ok(outcomes) => {
                for (one, outcome) in group.into_iter().zip(outcomes) {
                    let _ = one.done.send(Ok(outcome));
                }
            }
            Err(error) => fail_group(group, error),
        }
    }
}

/// Everybody is told the cause.
fn fail_group(group: Vec<Pending>, error: rusqlite::Error) {
    let error = Arc::new(error);
    for one in group {
        let _ = one.done.send(Err(error.clone()));
    }
}

fn write_group(connection: &mut Connection, group: &[Pending]) -> Result<Vec<Written>, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let write = |one: &Pending| match &one.what {
        What::Append { expected, facts, open } => {
            append(&transaction, &one.conversation, *expected, facts, *open)
        }
        What::Remove => remove(&transaction, &one.conversation),
        What::Try => transaction.execute_batch(TRY).map(|()| Written::Removed(false)),
    };
    let outcomes = group.iter().map(write).collect::<Result<_, _>>()?;
    transaction.commit()?;
    if group.iter().any(|one| matches!(one.what, What::Remove)) {
        // The log still holds what was removed until it is moved to the file. Readers may hold that up; the next one does it.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(outcomes)
}

/// Facts of a conversation.
fn length(connection: &Connection, conversation: &str) -> Result<Position, rusqlite::Error> {
    let last: Option<Position> =
        connection.prepare_cached(LAST)?.query_row([conversation], |row| row.get(0)).optional()?;
    Ok(last.map_or(0, |last| last + 1))
}

fn append(
    transaction: &Connection,
    conversation: &str,
    expected: Position,
    facts: &[Vec<u8>],
    open: Option<bool>,
) -> Result<Written, rusqlite::Error> {
    match length(transaction, conversation)?.cmp(&expected) {
        Ordering::Equal => {}
        Ordering::Greater => return Ok(Written::Appended(Append::Conflict)),
        Ordering::Less => return Ok(Written::Shorter),
    }
    let mut insert = transaction.prepare_cached("INSERT INTO fact VALUES (?, ?, ?)")?;
    for (position, body) in (expected..).zip(facts) {
        insert.execute(params![conversation, position, body])?;
    }
    match open {
        Some(true) => {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO open_conversation VALUES (?)")?
                .execute([conversation])?;
        }
        Some(false) => close(transaction, conversation)?,
        None => {}
    }
    Ok(Written::Appended(Append::Done(expected + facts.len() as u64)))
}

fn remove(transaction: &Connection, conversation: &str) -> Result<Written, rusqlite::Error> {
    let facts = "DELETE FROM fact WHERE conversation = ?";
    let removed = transaction.prepare_cached(facts)?.execute([conversation])?;
    close(transaction, conversation)?;
    Ok(Written::Removed(removed > 0))
}

fn close(transaction: &Connection, conversation: &str) -> Result<(), rusqlite::Error> {
    let closed = "DELETE FROM open_conversation WHERE conversation = ?";
    transaction.prepare_cached(closed)?.execute([conversation])?;
    Ok(())
}

/// Files that only their owner can read: people's words stand in them.
mod private {
    use std::{io, path::Path};

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
}

#[cfg(test)]
mod tests {
    use super::{super::contract, *};
    use crate::{ledger::journal::Store, session::Fact};

    #[tokio::test]
    async fn a_file_that_is_deleted_under_the_program_is_noticed_by_reads_writes_and_health() {
        let (folder, journal) = journal();
        let id = ConversationId::parse("c-1").expect("an id");
        let store = Store::Sqlite(journal);
        assert!(store.answers().await);
        let (file, path) = (folder.path().join("deep/handoff.db"), folder.path().join("gone.db"));
        std::fs::rename(&file, &path).expect("moved");
        assert!(store.read(&id, 0).await.is_err() && store.append(&id, 0, &[], None).await.is_err());
        assert!(!store.answers().await);
        assert!(!file.exists(), "an empty one was begun in its place");
        std::fs::rename(&path, &file).expect("put back");
        assert!(store.answers().await, "a write that works again is noticed");
    }

    fn journal() -> (tempfile::TempDir, SqliteJournal<Fact>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let journal =
            SqliteJournal::open_file(&folder.path().join("deep/handoff.db")).expect("a new journal");
        (folder, journal)
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        let (folder, journal) = journal();
        contract::all(&journal).await;
        let again = SqliteJournal::open_file(&folder.path().join("deep/handoff.db")).expect("reopened");
        contract::reopened(&journal, again).await;
    }

    #[tokio::test]
    async fn realms_of_one_file_do_not_touch_each_other() {
        let (_folder, journal) = journal();
        let other: SqliteJournal<Other> = journal.realm();
        let id = ConversationId::parse("the same").expect("a valid id");
        other.append(&id, 0, &[Other(1), Other(2)], Some(true)).await.expect("append");
        assert_eq!(journal.read(&id, 0).await.expect("read"), []);
        assert_eq!(journal.open().await.expect("open"), []);
        assert_eq!(other.read(&id, 1).await.expect("read"), [Other(2)]);
        assert_eq!(other.open().await.expect("open"), [id]);
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Other(u8);

    impl Stored for Other {
        const REALM: &'static str = "other/";

        fn of_a_newer_build() -> Self {
            Self(0)
        }

        fn is_of_a_newer_build(&self) -> bool {
            self.0 == 0
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_named_as_such() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("handoff.db");
        std::fs::write(&path, "this is no database, not at all, by no means").expect("written");
        assert!(matches!(SqliteJournal::<Fact>::open_file(&path), Err(JournalError::Unavailable { .. })));
    }
}
