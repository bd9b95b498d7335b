//! The one thread that writes: appends and removals, in groups.

use std::{
    cmp::Ordering,
    sync::{Arc, mpsc},
};

use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio::sync::oneshot;

use super::{super::Expected, place::Place};

const LAST: &str = "SELECT position, body FROM fact WHERE conversation = ? ORDER BY position DESC LIMIT 1";
/// A write that leaves nothing behind; no conversation's id is empty.
pub const TRY: &str = "INSERT OR IGNORE INTO open_conversation VALUES (''); DELETE FROM open_conversation WHERE conversation = '';";
/// Appends of one transaction; bounds how long the first of them waits for the last.
const GROUP: usize = 256;

/// A write, and who waits for it.
pub struct Pending {
    pub conversation: String,
    pub what: What,
    pub done: oneshot::Sender<Result<Ordering, Arc<rusqlite::Error>>>,
}

/// A write.
pub enum What {
    Append {
        expected: Expected,
        facts: Vec<Vec<u8>>,
        open: Option<bool>,
    },
    Remove,
    /// A write that leaves nothing behind.
    Try,
}

/// Makes the writes that come in; each gives the journal's length before it, beside what an append expects, else beside none.
pub fn write_groups(connection: Connection, pending: &mpsc::Receiver<Pending>, place: &Place) {
    while let Ok(first) = pending.recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = pending.try_recv()
        {
            group.push(next);
        }
        let outcomes = place.is_there().and_then(|()| write_group(&connection, &group)).map_err(Arc::new);
        for (nth, one) in group.into_iter().enumerate() {
            // Everybody is told the cause.
            let _ = one.done.send(outcomes.as_ref().map(|outcomes| outcomes[nth]).map_err(Arc::clone));
        }
    }
}

/// Writes in one transaction, whose own statements are kept as the others are: parsing them costs as much as a short append.
fn write_group(connection: &Connection, group: &[Pending]) -> Result<Vec<Ordering>, rusqlite::Error> {
    let run = |statement: &str| connection.prepare_cached(statement)?.execute([]).map(drop);
    run("BEGIN IMMEDIATE")?;
    let written = group.iter().map(|one| write(connection, one)).collect::<Result<_, _>>();
    let outcomes = written.and_then(|outcomes| run("COMMIT").map(|()| outcomes)).inspect_err(|_| {
        // A failure may have ended it already.
        let _ = run("ROLLBACK");
    })?;
    if group.iter().any(|one| matches!(one.what, What::Remove)) {
        // The log still holds what was removed until it is moved to the file. Readers may hold that up; the next one does it.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(outcomes)
}

fn write(connection: &Connection, one: &Pending) -> Result<Ordering, rusqlite::Error> {
    match &one.what {
        What::Append { expected, facts, open } => {
            append(connection, &one.conversation, *expected, facts, *open)
        }
        What::Remove => remove(connection, &one.conversation),
        What::Try => connection.execute_batch(TRY).map(|()| Ordering::Equal),
    }
}

/// A conversation's length beside the one expected.
fn length(
    connection: &Connection,
    conversation: &str,
    expected: Expected,
) -> Result<Ordering, rusqlite::Error> {
    let mut last = connection.prepare_cached(LAST)?;
    let compare =
        |row: &Row<'_>| Ok(expected.compare(row.get::<_, u64>(0)? + 1, Some(row.get_ref(1)?.as_bytes()?)));
    Ok(last.query_row([conversation], compare).optional()?.unwrap_or_else(|| expected.compare(0, None)))
}

fn append(
    connection: &Connection,
    conversation: &str,
    expected: Expected,
    facts: &[Vec<u8>],
    open: Option<bool>,
) -> Result<Ordering, rusqlite::Error> {
    let length = length(connection, conversation, expected)?;
    if length.is_ne() {
        return Ok(length);
    }
    let mut insert = connection.prepare_cached("INSERT INTO fact VALUES (?, ?, ?)")?;
    for (position, body) in (expected.length..).zip(facts) {
        insert.execute(params![conversation, position, body])?;
    }
    match open {
        Some(true) => {
            connection
                .prepare_cached("INSERT OR IGNORE INTO open_conversation VALUES (?)")?
                .execute([conversation])?;
        }
        Some(false) => close(connection, conversation)?,
        None => {}
    }
    Ok(length)
}

fn remove(connection: &Connection, conversation: &str) -> Result<Ordering, rusqlite::Error> {
    let facts = "DELETE FROM fact WHERE conversation = ?";
    let removed = connection.prepare_cached(facts)?.execute([conversation])?;
    close(connection, conversation)?;
    Ok(removed.cmp(&0))
}

fn close(connection: &Connection, conversation: &str) -> Result<(), rusqlite::Error> {
    let closed = "DELETE FROM open_conversation WHERE conversation = ?";
    connection.prepare_cached(closed)?.execute([conversation])?;
    Ok(())
}
