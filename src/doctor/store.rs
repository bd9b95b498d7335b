//! The store: opened, written, read, and a stale write provoked, in a journal no conversation can have.

use std::{
    error::Error,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};
use tokio::{task::spawn_blocking, time::Instant};

use super::{answer::ask, clock, finding::Finding, shown};
use crate::{
    app,
    config::{Settings, StoreSetting},
    domain::{ConversationId, Timestamp},
    journal::{Append, Journal, JournalError, Position, Stored},
};

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
}

pub(super) async fn check(settings: &Settings, http: &reqwest::Client) -> Vec<Finding> {
    if settings.servicenow.is_none() && settings.secondary_bot.is_none() {
        return vec![Finding::off("store.open", "No role that is on needs the store; it was not opened.")];
    }
    let setting = settings.store.clone();
    let opening = Instant::now();
    // A SQLite file that somebody holds is waited for, which must not hold up the other checks.
    let opened = spawn_blocking(move || app::open_store(&setting)).await;
    let mut findings = match opened {
        Ok(Ok(store)) => {
            let text = format!("{} opens ({} ms).", named(&settings.store), opening.elapsed().as_millis());
            vec![Finding::good("store.open", text), used(&store.realm(), &settings.store).await]
        }
        Ok(Err(error)) => vec![
            Finding::wrong("store.open", format!("The store can't be opened: {error}."))
                .fix(cure(&settings.store, &error)),
        ],
        Err(_) => vec![
            Finding::wrong("store.open", "Opening the store failed in a way it never should.")
                .fix("Report it with the settings (without secrets) and the version."),
        ],
    };
    if let StoreSetting::AppendBlob { url } = &settings.store {
        let root = url.join("/").unwrap_or_else(|_| url.clone());
        let answer = ask(http.get(root)).await.ok();
        findings.extend(answer.and_then(|answer| clock::check("clock.store", &shown(url), &answer)));
    }
    findings
}

/// What the journal is asked to do, and how long each takes.
async fn used(journal: &impl Journal<Checked>, setting: &StoreSetting) -> Finding {
    match contract(journal).await {
        Ok(Ok((append, read))) => {
            let text = format!(
                "An append took {append} ms and a read {read} ms; a stale append was turned away, as it must be."
            );
            Finding::good("store.journal", text)
        }
        Ok(Err(broken)) => Finding::wrong("store.journal", broken).fix(
            "Don't run on this store: messages would be lost or doubled. A file on a network share or a proxy that \
             ignores conditions does this; use another one.",
        ),
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            Finding::wrong("store.journal", format!("The store opens but can't be used: {error}{cause}."))
                .fix(cure(setting, &error))
        }
    }
}

/// Milliseconds of an append and of a read; or what the store does that it must not do.
async fn contract(
    journal: &impl Journal<Checked>,
) -> Result<Result<(u128, u128), &'static str>, JournalError> {
    let id = ConversationId::parse("check").expect("the text is short and without a slash");
    let written = checked();
    let Some((before, append)) = appended(journal, &id, &written).await? else {
        return Ok(Err("An append that nothing stood against was turned away again and again."));
    };
    if journal.append(&id, before, &[checked()], None).await? != Append::Conflict {
        return Ok(Err("A stale append was taken: two instances would write over each other."));
    }
    let reading = Instant::now();
    let read = journal.read(&id, before).await?;
    let took = reading.elapsed().as_millis();
    if read.first() == Some(&written) {
        Ok(Ok((append, took)))
    } else {
        Ok(Err("What was written is not what is read."))
    }
}

/// Appends behind whatever stands there; the position and the milliseconds of the append alone.
async fn appended(
    journal: &impl Journal<Checked>,
    id: &ConversationId,
    fact: &Checked,
) -> Result<Option<(Position, u128)>, JournalError> {
    for _ in 0..TRIES {
        let end = journal.read(id, 0).await?.len() as Position;
        let asked = Instant::now();
        if let Append::Done(_) = journal.append(id, end, std::slice::from_ref(fact), None).await? {
            return Ok(Some((end, asked.elapsed().as_millis())));
        }
    }
    Ok(None)
}

fn checked() -> Checked {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Checked { at: Timestamp::now().0, by: format!("{}.{number}", std::process::id()) }
}

fn named(setting: &StoreSetting) -> String {
    match setting {
        StoreSetting::Sqlite(path) => format!("The SQLite file {}", path.display()),
        StoreSetting::AppendBlob { url } => format!("The container {}", shown(url)),
    }
}

/// What usually cures it. A store on Azure answers with a status, which says most.
fn cure(setting: &StoreSetting, error: &(dyn Error + 'static)) -> String {
    let status = azure_status(error);
    match (setting, status) {
        (StoreSetting::Sqlite(_), _) => {
            "Set STORE to `sqlite:PATH` where this process may make and write files on a disk of its own.".to_owned()
        }
        (StoreSetting::AppendBlob { url }, Some(403)) if url.query().is_some() => {
            "Make a SAS that is still valid and allows read, add, create, write and list on the container (`racwl`), \
             and put it behind the container's URL in STORE."
                .to_owned()
        }
        (StoreSetting::AppendBlob { .. }, Some(401 | 403)) => {
            "Grant this app's managed identity (locally: your own login) the role `Storage Blob Data Contributor` on \
             the storage account or the container, and let the account's firewall pass this network. A new role can \
             take ten minutes."
                .to_owned()
        }
        (StoreSetting::AppendBlob { .. }, Some(404)) => {
            "Check the account's and the container's name in STORE; make the container if the identity may not."
                .to_owned()
        }
        (StoreSetting::AppendBlob { .. }, _) => {
            "Check the account's name in STORE, and that this machine reaches it (firewall, private endpoint). If no \
             token could be had: give the app a managed identity, or log in with `az login`."
                .to_owned()
        }
    }
}

/// The HTTP status an Azure client met, if that is what is behind an error.
fn azure_status(error: &(dyn Error + 'static)) -> Option<u16> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let status = error.downcast_ref::<azure_core::Error>().and_then(azure_core::Error::http_status);
        if let Some(status) = status {
            return Some(u16::from(status));
        }
        cause = error.source();
    }
    None
}
