//! What storing a message costs at message 10, 100 and 1,000 of a conversation: `cargo bench --bench append`.
//!
//! A message is two commits, as the program makes them: what was said with the lease to deliver it, and that it
//! was delivered. Behind them the tail is read, as another instance does. The three lengths take turns, so that
//! whatever else the machine does hits all alike. Append blobs are measured on Azurite, once it is there:
//! `npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts`.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

#[path = "../tests/it/azurite/server.rs"]
mod server;

use std::{path::Path, time::Instant};

use futures_util::future::join_all;
use servicenow_handoff::{
    azure,
    domain::{ConversationId, Timestamp},
    far_end,
    ledger::{
        CallId, LEASE, Lease, Settled, Settlement,
        journal::{Append, AppendBlobJournal, SqliteJournal, Store},
    },
    session::{Fact, ToAgent, UserSaid},
};

const LENGTHS: [usize; 3] = [10, 100, 1_000];
/// Conversations of each length; each counts its next messages, few enough that its length stays what it is said to be.
const CONVERSATIONS: usize = 12;
const COUNTED: usize = 6;
const FACTS_A_MESSAGE: usize = 3;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let folder =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder is writable");
        println!("| store | what | at 10 | at 100 | at 1,000 | 1,000 to 10 |\n|---|---|--:|--:|--:|--:|");
        sqlite(folder.path()).await;
        match Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azurite/node_modules").exists() {
            true => append_blobs().await,
            false => println!("Azurite is not there, so the rows of append blobs are missing."),
        }
    });
}

async fn sqlite(folder: &Path) {
    let journal = SqliteJournal::open_file(&folder.join("handoff.db"), true).expect("a new file");
    measure("SQLite", &Store::of(journal)).await;
}

async fn append_blobs() {
    let azurite = server::Azurite::start();
    let container = azurite.container_with_sas().parse().expect("a URL");
    let transport = azure::transport(far_end::client().expect("a client"));
    let nobody = || unreachable!("a SAS signs the calls");
    let journal = AppendBlobJournal::open_container(&container, nobody, transport, true).await;
    measure("append blob, Azurite", &Store::of(journal.expect("a container"))).await;
}

/// Milliseconds of one message: both commits, and the read behind them.
#[derive(Clone, Copy)]
struct Cost {
    commits: f64,
    read: f64,
}

async fn measure(store: &str, journal: &Store<Fact>) {
    let talks: Vec<Vec<Talk>> = LENGTHS.map(|length| talks(length).collect()).into();
    join_all(talks.iter().zip(LENGTHS).flat_map(|(talks, length)| {
        talks.iter().map(move |talk| async move {
            for n in 0..length {
                talk.say(journal, n).await;
            }
        })
    }))
    .await;
    let mut costs = [const { Vec::new() }; LENGTHS.len()];
    for further in 0..COUNTED {
        for conversation in 0..CONVERSATIONS {
            for ((talks, length), costs) in talks.iter().zip(LENGTHS).zip(&mut costs) {
                costs.push(talks[conversation].say(journal, length + further).await);
            }
        }
    }
    report(store, "store a message", costs.each_ref().map(|costs| median(costs, |cost| cost.commits)));
    report(store, "read what it added", costs.each_ref().map(|costs| median(costs, |cost| cost.read)));
}

struct Talk {
    id: ConversationId,
}

fn talks(length: usize) -> impl Iterator<Item = Talk> {
    (0..CONVERSATIONS).map(move |number| Talk {
        id: ConversationId::parse(&format!("EPV1CkzC7sR2fq8T-{length}-{number:04}-eu")).expect("a valid id"),
    })
}

impl Talk {
    async fn say(&self, journal: &Store<Fact>, message: usize) -> Cost {
        let at = (message * FACTS_A_MESSAGE) as u64;
        let (call, now) = (CallId(at, 0), Timestamp::now());
        let said = Fact::UserSaid(Box::new(UserSaid {
            client_id: Some(format!("1741s{message}a0{at}c")),
            message: Some(ToAgent {
                text: format!("It still beeps twice when I press the key, and this is line {message}."),
                typed: true,
                ..ToAgent::default()
            }),
            at: now,
            ..UserSaid::default()
        }));
        let by = "6f1f5c1e8a534c1e".to_owned();
        let leased = Fact::Leased(Lease { call, attempt: 1, by, at: now, until: now.plus_millis(LEASE) });
        let outcome = Settlement::Done;
        let settled = Fact::Settled(Settled { call, attempt: Some(1), outcome, at: now });
        let began = Instant::now();
        let first = journal.append(&self.id, at, &[said, leased], None).await.expect("append");
        assert_eq!(first, Append::Done(at + 2));
        let second = journal.append(&self.id, at + 2, &[settled], None).await.expect("append");
        assert_eq!(second, Append::Done(at + 3));
        let commits = began.elapsed().as_secs_f64() * 1e3;
        let began = Instant::now();
        let tail = journal.read(&self.id, at).await.expect("read");
        assert_eq!(tail.len(), FACTS_A_MESSAGE);
        Cost { commits, read: began.elapsed().as_secs_f64() * 1e3 }
    }
}

fn report(store: &str, what: &str, [ten, hundred, thousand]: [f64; LENGTHS.len()]) {
    let ratio = thousand / ten;
    println!("| {store} | {what}, ms | {ten:.3} | {hundred:.3} | {thousand:.3} | {ratio:.2} |");
}

fn median(costs: &[Cost], part: impl Fn(&Cost) -> f64) -> f64 {
    let mut parts: Vec<f64> = costs.iter().map(part).collect();
    parts.sort_by(f64::total_cmp);
    parts[parts.len() / 2]
}
