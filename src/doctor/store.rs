//! The store: opened, written, read, and a stale write provoked, in a journal no conversation can have.

use std::{
    error::Error,
    io,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use super::{answer::ask, clock, finding::Finding, shown};
use crate::{
    azure::SignIn,
    config::{Settings, StoreSetting},
    domain::{ConversationId, Timestamp},
    ledger::journal::{Append, JournalError, Position, Store, Stored},
    storage,
};

/// How long the store may take to open: a token and a container, each with its own repeats.
const LONGEST_OPENING: Duration = Duration::from_secs(20);
/// How long it may take over all it is then asked.
const LONGEST_USE: Duration = Duration::from_secs(10);
/// Milliseconds that one journal of the doctor's is used, so that none grows long.
const MONTH: i64 = 30 * 24 * 3_600 * 1_000;
/// Doctors that may be at it at the same time before one of them takes the store for faulty.
const TRIES: u32 = 5;

/// The only kind of fact in the doctor's journal, one a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Checked {
    at: i64,
    /// Tells apart what was written in the same millisecond.
    by: String,
}

impl Stored for Checked {
    /// The slash keeps it apart from every conversation; it is never marked open, so no sweep sees it.
    const REALM: &'static str = "doctor/";

    fn of_a_newer_build() -> Self {
        Self { at: 0, by: String::new() }
    }

    fn is_of_a_newer_build(&self) -> bool {
        self.by.is_empty()
    }
}

pub(super) async fn check(settings: &Settings, http: &reqwest::Client) -> Vec<Finding> {
    if !settings.needs_store() {
        return vec![Finding::off("store.open", "No role that is on needs the store; it was not opened.")];
    }
    let mut findings = opened_and_used(settings).await;
    if let StoreSetting::AppendBlob { url } = &settings.store {
        let root = url.join("/").unwrap_or_else(|_| url.clone());
        let answer = ask(http.get(root)).await.ok();
        findings.extend(answer.and_then(|answer| clock::check("clock.store", "the store", &answer)));
    }
    findings
}

async fn opened_and_used(settings: &Settings) -> Vec<Finding> {
    let fix = cure(&settings.store);
    let opening = Instant::now();
    let wrong = |what| vec![Finding::wrong("store.open", what).fix(fix)];
    let store = match timeout(LONGEST_OPENING, open(settings)).await {
        Ok(Ok(store)) => store,
        Ok(Err(error)) => return wrong(format!("The store can't be opened: {error}")),
        Err(_) => return wrong(format!("The store did not open within {} s.", LONGEST_OPENING.as_secs())),
    };
    let text = format!("{} opens ({}).", named(&settings.store), millis(opening.elapsed()));
    let opened = Finding::good("store.open", text);
    let used = timeout(LONGEST_USE, used(&store.realm(), fix)).await.unwrap_or_else(|_| {
        let text = format!("The store did not write and read within {} s.", LONGEST_USE.as_secs());
        Finding::wrong("store.journal", text).fix(fix)
    });
    vec![opened, used]
}

/// On a thread of its own: opening waits, for a SQLite file that somebody holds or for a network, and must hold up
/// neither the other checks nor, when nobody waits for it any more, the end of the process.
async fn open(settings: &Settings) -> io::Result<Store<crate::session::Fact>> {
    let (done, opened) = oneshot::channel();
    let settings = settings.clone();
    let sign_in = SignIn::new(settings.azure_client_id.as_deref());
    thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || drop(done.send(storage::open(&settings, &sign_in, true))))?;
    opened.await.map_err(io::Error::other)?
}

/// What the journal is asked to do, and how long each takes.
async fn used(journal: &Store<Checked>, fix: &str) -> Finding {
    match contract(journal).await {
        Ok(Ok((append, read))) => {
            let (append, read) = (millis(append), millis(read));
            let text = format!("An append took {append}, a read {read}; a stale append was turned away.");
            Finding::good("store.journal", text)
        }
        Ok(Err(broken)) => Finding::wrong("store.journal", broken).fix(
            "Don't run on this store: messages would be lost or doubled. A file on a network share or a proxy that \
             ignores conditions does this; use another one.",
        ),
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            Finding::wrong("store.journal", format!("The store opens but can't be used: {error}{cause}."))
                .fix(fix)
        }
    }
}

/// How long an append and a read took; or what the store does that it must not do.
async fn contract(
    journal: &Store<Checked>,
) -> Result<Result<(Duration, Duration), &'static str>, JournalError> {
    let id = format!("check-{}", Timestamp::now().0 / MONTH);
    let id = ConversationId::parse(&id).expect("the text is short and without a slash");
    let written = checked();
    let Some((before, append)) = appended(journal, &id, &written).await? else {
        return Ok(Err("An append that nothing stood against was turned away again and again."));
    };
    if journal.append(&id, before, &[checked()], None).await? != Append::Conflict {
        return Ok(Err("A stale append was taken: two instances would write over each other."));
    }
    let reading = Instant::now();
    let read = journal.read(&id, before).await?;
    let took = reading.elapsed();
    if read.first() == Some(&written) {
        Ok(Ok((append, took)))
    } else {
        Ok(Err("What was written is not what is read."))
    }
}

/// Appends behind whatever stands there; the position, and how long the append alone took.
async fn appended(
    journal: &Store<Checked>,
    id: &ConversationId,
    fact: &Checked,
) -> Result<Option<(Position, Duration)>, JournalError> {
    for _ in 0..TRIES {
        let end = journal.read(id, 0).await?.len() as Position;
        let asked = Instant::now();
        if let Append::Done(_) = journal.append(id, end, std::slice::from_ref(fact), None).await? {
            return Ok(Some((end, asked.elapsed())));
        }
    }
    Ok(None)
}

fn checked() -> Checked {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Checked { at: Timestamp::now().0, by: format!("{}.{number}", std::process::id()) }
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}

fn named(setting: &StoreSetting) -> String {
    match setting {
        StoreSetting::Sqlite(path) => format!("The SQLite file {}", path.display()),
        StoreSetting::AppendBlob { url } => format!("The container {}", shown(url)),
    }
}

/// What usually cures it; the error itself names the cause.
fn cure(setting: &StoreSetting) -> &'static str {
    match setting {
        StoreSetting::Sqlite(_) => {
            "Make room where its disk is full; else set STORE to `sqlite:PATH` where this process may make and write files on a disk of \
             its own."
        }
        StoreSetting::AppendBlob { url } if url.query().is_some() => {
            "Check account and container in STORE, and its SAS: it must be valid now and allow read, add, create, \
             write, delete and list (`racwdl`). The account's firewall must let this network in."
        }
        StoreSetting::AppendBlob { .. } => {
            "Check account and container in STORE. Grant this app's managed identity (locally: your own login) the role \
             `Storage Blob Data Contributor` on them; a grant takes up to ten minutes. The account's firewall must let \
             this network in."
        }
    }
}
