//! The one thread that writes: appends and removals, in groups.

use std::{
    cmp::Ordering,
    sync::{Arc, mpsc},
};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::{
    super::{Append, Position},
    place::Place,
};

const LAST: &str = "SELECT position FROM fact WHERE conversation = ? ORDER BY position DESC LIMIT 1";
/// A write that leaves nothing behind; no conversation's id is empty.
pub const TRY: &str = "INSERT OR IGNORE INTO open_conversation VALUES (''); DELETE FROM open_conversation WHERE conversation = '';";
/// Appends of one transaction; bounds how long the first of them waits for the last.
const GROUP: usize = 256;

/// A write, and who waits for it.
pub struct Pending {
    pub conversation: String,
    pub what: What,
    pub done: oneshot::Sender<Result<Written, Arc<rusqlite::Error>>>,
}

/// A write.
pub enum What {
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
pub enum Written {
    Appended(Append),
    Shorter,
    Removed(bool),
}

pub fn write_groups(mut connection: Connection, pending: &mpsc::Receiver<Pending>, place: &Place) {
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
