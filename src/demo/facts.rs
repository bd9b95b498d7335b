//! Reads the connector's journals from outside, as they are stored, while it runs.
//!
//! It knows the table's three columns and that a body holds JSON, and nothing of what the facts mean.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use super::{
    standing,
    timeline::{Timeline, What},
};
use crate::domain::Timestamp;

const LOOK: Duration = Duration::from_millis(150);
const NEW: &str =
    "SELECT rowid, conversation, position, body FROM fact WHERE rowid > ? ORDER BY rowid LIMIT 500";

/// Tells `timeline` of each fact in the file, from a thread of its own, for as long as there is a time line.
///
/// # Errors
/// When no thread can be started.
pub fn watch(file: PathBuf, timeline: &Arc<Timeline>) -> std::io::Result<()> {
    let timeline = Arc::downgrade(timeline);
    thread::Builder::new().name("journal-reader".to_owned()).spawn(move || follow(&file, &timeline))?;
    Ok(())
}

fn follow(file: &PathBuf, timeline: &Weak<Timeline>) {
    let mut seen = Seen::default();
    let mut connection = None;
    while let Some(timeline) = timeline.upgrade() {
        // There is no file until the connector has made it.
        connection = connection.or_else(|| open(file).ok());
        if let Some(open) = &connection
            && seen.look(open, &timeline).is_err()
        {
            connection = None;
        }
        drop(timeline);
        thread::sleep(LOOK);
    }
}

fn open(file: &PathBuf) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(Duration::from_secs(1))?;
    Ok(connection)
}

#[derive(Default)]
struct Seen {
    last: i64,
    conversations: HashMap<String, Vec<(i64, Value)>>,
}

impl Seen {
    fn look(&mut self, connection: &Connection, timeline: &Timeline) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(NEW)?;
        let mut rows = statement.query([self.last])?;
        let mut touched = vec![];
        while let Some(row) = rows.next()? {
            let (conversation, position): (String, i64) = (row.get(1)?, row.get(2)?);
            let fact = decode(row.get_ref(3)?.as_bytes().unwrap_or_default());
            self.last = row.get(0)?;
            timeline.fact(&conversation, position, fact.clone());
            self.conversations.entry(conversation.clone()).or_default().push((position, fact));
            touched.push(conversation);
        }
        touched.dedup();
        for conversation in touched {
            let standing = standing::read(&self.conversations[&conversation]);
            let key = format!("standing {conversation}");
            timeline.add(key, Timestamp::now(), Some(conversation), What::Standing(standing));
        }
        Ok(())
    }
}

/// The JSON in a body, behind whatever says its version; a body without any is said to be one.
fn decode(body: &[u8]) -> Value {
    let start = body.iter().position(|byte| matches!(byte, b'{' | b'[')).unwrap_or(body.len());
    serde_json::from_slice(&body[start..]).unwrap_or_else(|_| json!({"bytes": body.len()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_whatever_stands_before_its_json() {
        assert_eq!(decode(b"\x01{\"fact\":\"queued\"}"), json!({"fact": "queued"}));
        assert_eq!(decode(b"2[\"queued\",{}]"), json!(["queued", {}]));
        assert_eq!(decode(b"\x01\xff"), json!({"bytes": 2}));
    }

    #[test]
    fn facts_are_told_in_order_with_what_waits() {
        let timeline = Timeline::default();
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE fact (conversation TEXT, position INTEGER, body BLOB);")
            .unwrap();
        let insert = |position: i64, fact: Value| {
            let body = [b"\x01".as_slice(), fact.to_string().as_bytes()].concat();
            let values = rusqlite::params!["c", position, body];
            connection.execute("INSERT INTO fact VALUES (?, ?, ?)", values).unwrap();
        };
        insert(0, json!({"fact": "user_said", "message": {"text": "a"}}));
        insert(1, json!({"fact": "claimed", "call": [0, 0], "attempt": 1, "by": "me", "at": 5}));
        let mut seen = Seen::default();
        seen.look(&connection, &timeline).unwrap();
        seen.look(&connection, &timeline).unwrap();
        let told: Vec<String> = timeline.since(0).0.iter().map(|entry| entry.key.clone()).collect();
        assert_eq!(told, ["fact c 0", "fact c 1", "standing c"]);
    }
}
