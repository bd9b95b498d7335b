//! The journal in a SQLite file: the store of a single machine.
//!
//! One thread writes. It takes what is waiting from all conversations into one transaction, so that a
//! flush to disk is paid once for many messages. Several processes may share the file.

use std::{
    marker::PhantomData,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};

use rusqlite::{Connection, config::DbConfig, params};
use tokio::sync::oneshot;

use self::{
    place::Place,
    writer::{Pending, TRY, What, Written, length, write_groups},
};
use super::{Append, Journal, JournalError, Position, Stored, stored};
use crate::domain::ConversationId;

mod place;
mod writer;

/// Facts lie in the order they came, and an index finds a conversation's: an append then writes to the end of
/// the table. In a table in the index's order it would write, and often split, a page of its own.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS fact (
        conversation TEXT NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (conversation, position));
    CREATE TABLE IF NOT EXISTS open_conversation (conversation TEXT PRIMARY KEY) WITHOUT ROWID;
";
const READ: &str = "SELECT body FROM fact WHERE conversation = ? AND position >= ? ORDER BY position";
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

impl<F> SqliteJournal<F> {
    /// Opens the file, making it and its folder when missing.
    ///
    /// # Errors
    /// When the folder or the file can't be made or written, or is no SQLite database.
    pub fn open_file(path: &Path) -> Result<Self, JournalError> {
        place::make(path).map_err(|e| unavailable("its folder or the file can't be made", e))?;
        let connection = connect(path).map_err(|e| unavailable("the file can't be opened", e))?;
        connection.execute_batch(SCHEMA).map_err(|e| unavailable("its tables can't be made", e))?;
        connection.execute_batch(TRY).map_err(|e| unavailable("it can't be written", e))?;
        let place = Place::of(path);
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
