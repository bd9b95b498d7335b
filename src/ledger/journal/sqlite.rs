//! The journal in a SQLite file: the store of a single machine.
//!
//! One thread writes. It takes what is waiting from all conversations into one transaction, so that a
//! flush to disk is paid once for many messages. Several processes may share the file.

use std::{
    cmp::Ordering,
    path::Path,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, config::DbConfig, params};
use tokio::sync::oneshot;

use self::{
    place::Place,
    writer::{Pending, TRY, What, write_groups},
};
use super::{Expected, Journal, JournalError, Name, Position, Which};
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
const READ: &str =
    "SELECT position, body FROM fact WHERE conversation = ? AND position >= ? ORDER BY position";
/// Pages in the write-ahead log before they are moved to the file, 16 MB of them: busy conversations write the
/// same pages over and over, and only the last of each is moved.
const CHECKPOINT: u32 = 4_000;
/// How long another process is waited for, and by one that starts: it may meet several that do the same.
const BUSY: Duration = Duration::from_secs(5);
const STARTING: Duration = Duration::from_secs(60);

/// Journals in a SQLite file.
pub struct SqliteJournal {
    writer: mpsc::Sender<Pending>,
    /// Connections for reading, idle. Reads are a few microseconds from the page cache and never wait
    /// for the writer (WAL), so they run where they are asked for.
    readers: Mutex<Vec<Connection>>,
    place: Place,
}

impl SqliteJournal {
    /// Opens the file, making it and its folder when missing. `writes`: it is tried whether that can be done; who only looks can do so
    /// on a full disk.
    ///
    /// # Errors
    /// When the folder or the file can't be made or written, or is no SQLite database.
    pub fn open_file(path: &Path, writes: bool) -> Result<Self, JournalError> {
        place::make(path, STARTING)
            .map_err(JournalError::unavailable("its folder or the file can't be made or taken"))?;
        let opened = connect(path, STARTING).and_then(|connection| {
            connection.execute_batch(SCHEMA)?;
            if writes {
                connection.execute_batch(TRY)?;
            }
            connection.busy_timeout(BUSY)?;
            Ok(connection)
        });
        let connection = opened.map_err(JournalError::unavailable("the file can't be opened and written"))?;
        let place = Place::of(path);
        let (writer, pending) = mpsc::channel();
        let at = place.clone();
        thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_groups(connection, &pending, &at))
            .map_err(JournalError::unavailable("its writer can't be started"))?;
        Ok(Self { writer, readers: Mutex::default(), place })
    }

    /// Gives what [`write_groups`] does.
    async fn write(&self, conversation: String, what: What) -> Result<Ordering, JournalError> {
        let (done, answer) = oneshot::channel();
        // A writer that has stopped drops who waits, which the answer tells.
        let _ = self.writer.send(Pending { conversation, what, done });
        let answer = answer.await.map_err(JournalError::unavailable("its writer has stopped"))?;
        answer.map_err(JournalError::unavailable("a write failed"))
    }

    fn with_reader<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, rusqlite::Error> {
        self.place.was_there()?;
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| connect(&self.place.path, BUSY), Ok)?;
        let answer = read(&connection);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        answer
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn read(&self, name: Name<'_>, from: Position) -> Result<Option<Vec<Vec<u8>>>, JournalError> {
        let key = name.to_string();
        let read = self.with_reader(|connection| {
            let mut statement = connection.prepare_cached(READ)?;
            // With the fact before: one look tells that the journal still reaches so far.
            let mut rows = statement.query(params![key, from.saturating_sub(1)])?;
            let (mut facts, mut reaches) = (vec![], from == 0);
            while let Some(row) = rows.next()? {
                let position: Position = row.get(0)?;
                reaches = true;
                if position >= from {
                    facts.push(row.get(1)?);
                }
            }
            Ok(reaches.then_some(facts))
        });
        read.map_err(JournalError::unavailable("a journal can't be read"))
    }

    async fn append(
        &self,
        name: Name<'_>,
        expected: Expected,
        facts: Vec<Vec<u8>>,
        open: Option<bool>,
    ) -> Result<Ordering, JournalError> {
        self.write(name.to_string(), What::Append { expected, facts, open }).await
    }

    async fn remove(&self, name: Name<'_>) -> Result<bool, JournalError> {
        Ok(self.write(name.to_string(), What::Remove).await?.is_gt())
    }

    async fn list(&self, realm: &'static str, which: Which) -> Result<Vec<ConversationId>, JournalError> {
        let query = match which {
            Which::Open => "SELECT conversation FROM open_conversation",
            Which::All => "SELECT DISTINCT conversation FROM fact",
        };
        let listed = self.with_reader(|connection| {
            let mut statement = connection.prepare_cached(query)?;
            let ids = statement.query_map([], |row| row.get::<_, String>(0))?;
            // An id of another realm has no prefix of ours, or a `/` that ours can't have.
            let ours = |id: String| ConversationId::parse(id.strip_prefix(realm)?);
            ids.filter_map(|id| id.map(ours).transpose()).collect()
        });
        listed.map_err(JournalError::unavailable("the conversations can't be listed"))
    }

    async fn try_write(&self) -> Result<(), JournalError> {
        self.write(String::new(), What::Try).await.map(drop)
    }
}

fn connect(path: &Path, patience: Duration) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(patience)?;
    keep_log_ahead(&connection, patience)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    // FULL: an answered message survives the machine, not only the process.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is removed is overwritten, not only forgotten.
    connection.pragma_update(None, "secure_delete", "ON")?;
    // Without this a kept statement is prepared again for every new value of its parameters.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Whoever starts at the same time on a new file does this, too, and here SQLite waits for nobody by itself.
fn keep_log_ahead(connection: &Connection, patience: Duration) -> Result<(), rusqlite::Error> {
    let until = Instant::now() + patience;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(busy)
                if busy.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::{super::contract, *};
    use crate::{
        ledger::journal::{Store, Stored},
        session::Fact,
    };

    #[test]
    fn several_that_start_at_once_on_a_new_file_all_open_it() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("deep/handoff.db");
            thread::scope(|scope| {
                let open = || scope.spawn(|| SqliteJournal::open_file(&path, true).map(drop));
                let all: Vec<_> = std::iter::repeat_with(open).take(8).collect();
                for one in all {
                    one.join().expect("no panic").expect("opened");
                }
            });
        }
    }

    #[tokio::test]
    async fn a_file_that_is_deleted_under_the_program_is_noticed_by_reads_writes_and_health() {
        let (folder, store) = journal();
        let link = folder.path().join("linked.db");
        std::os::unix::fs::symlink("deep/handoff.db", &link).expect("a link");
        let linked = Store::of(SqliteJournal::open_file(&link, true).expect("a journal"));
        let id = ConversationId::parse("c-1").expect("an id");
        let names = ["handoff.db", "handoff.db-wal", "handoff.db-shm"];
        for (name, store) in names.into_iter().flat_map(|name| [(name, &store), (name, &linked)]) {
            assert!(store.answers().await);
            let (file, path) = (folder.path().join("deep").join(name), folder.path().join("gone"));
            std::fs::rename(&file, &path).expect("moved");
            let append = store.append(&id, 0, &[], None).await.expect_err("it is gone").to_string();
            let read = store.read(&id, 0).await.expect_err("it is gone").to_string();
            assert!(
                [&append, &read].iter().all(|error| error.contains("was deleted")),
                "{name}: {append}, {read}"
            );
            assert!(!store.answers().await);
            assert!(!file.exists(), "an empty one was begun in its place");
            std::fs::rename(&path, &file).expect("put back");
            assert!(store.answers().await, "a write that works again is noticed");
        }
    }

    fn opened(folder: &tempfile::TempDir) -> Store<Fact> {
        Store::of(SqliteJournal::open_file(&folder.path().join("deep/handoff.db"), true).expect("a journal"))
    }

    fn journal() -> (tempfile::TempDir, Store<Fact>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let journal = opened(&folder);
        (folder, journal)
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        let (folder, journal) = journal();
        contract::all(&journal).await;
        contract::one_that_has_begun_anew_is_another(&journal).await;
        contract::reopened(&journal, opened(&folder)).await;
    }

    #[tokio::test]
    async fn realms_of_one_file_do_not_touch_each_other() {
        let (_folder, journal) = journal();
        let other: Store<Other> = journal.realm();
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

    #[cfg(unix)]
    #[test]
    fn a_file_of_something_else_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [text, other, schema] =
            ["notes.txt", "other.db", "empty.db"].map(|name| folder.path().join(name));
        std::fs::write(&text, "this is no database, not at all, by no means").expect("written");
        let made = |path, batch| Connection::open(path).and_then(|it| it.execute_batch(batch)).expect("made");
        made(&other, "CREATE TABLE fact (id INTEGER, body TEXT); INSERT INTO fact VALUES (1, 'theirs')");
        made(&schema, "PRAGMA journal_mode = WAL; PRAGMA user_version = 1");
        for (path, ours) in [(&text, false), (&other, false), (&schema, true)] {
            let mode = |mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
            mode(0o644).expect("set");
            let before = std::fs::read(path).expect("read");
            let opened = SqliteJournal::open_file(path, true).map(drop);
            let is_left = std::fs::read(path).expect("read") == before;
            let told = opened.as_ref().err().map(ToString::to_string).unwrap_or_default();
            let rights = std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
            assert_eq!(rights, if ours { 0o600 } else { 0o644 }, "{}", path.display());
            assert!(opened.is_ok() == ours && (ours || is_left), "{}: {told}", path.display());
            assert!(ours || told.contains("belongs to something else"), "{told}");
        }
        let folder = SqliteJournal::open_file(folder.path(), true).map(drop).expect_err("a folder");
        assert!(folder.to_string().contains("it is no file"), "{folder}");
    }

    #[tokio::test]
    async fn who_only_looks_writes_nothing() {
        let (folder, store) = journal();
        let id = ConversationId::parse("c-1").expect("an id");
        store.append(&id, 0, &[Fact::Unknown], None).await.expect("stored");
        let path = folder.path().join("deep/handoff.db");
        let writer = Connection::open(&path).expect("opened");
        writer.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        let looks = SqliteJournal::open_file(&path, false).map(Store::<Fact>::of).expect("opened");
        assert_eq!(looks.read(&id, 0).await.expect("read").len(), 1);
        drop(writer);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_of_ours_is_taken_from_others() {
        let (folder, journal) = journal();
        drop(journal);
        let path = folder.path().join("deep/handoff.db");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("set");
        drop(opened(&folder));
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}
