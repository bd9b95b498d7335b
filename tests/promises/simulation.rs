//! Several engines on one store, faked far ends and people around them, in virtual time. A seed decides all.
//!
//! `SIMULATION_SEED=7` runs that seed alone, and `SIMULATION_TRACE=c3` prints what it did to the conversation `c3`;
//! `PROMISES=whole` runs what CI runs, `SIMULATION_CONVERSATIONS=1000000` so many conversations.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use self::{
    client::Client,
    desk::Desk,
    engine::Play as _,
    world::{Report, World},
};

use servicenow_handoff::session;

use crate::is_whole;

mod client;
mod desk;
mod end;
mod engine;
mod far;
mod fleet;
mod record;
mod sessions;
mod weather;
mod world;

/// Conversations of one run: enough that an outage meets several.
const CONVERSATIONS: usize = 20;
/// Conversations of one CI run.
const ENOUGH: u64 = 5_000;
/// What is run by whoever types `cargo test`.
const A_FEW: u64 = 1_000;

/// What must have happened in the runs of one CI, or they prove nothing.
const HARD: [&str; 39] = [
    "death behind an append",
    "death before an append",
    "death between two steps",
    "store failed",
    "store long in failing",
    "store's answer lost",
    "store slow",
    "store's answer late",
    "clock set back",
    "clocks differ",
    "down",
    "down with Retry-After",
    "throttled",
    "refused",
    "slow call",
    "call without end",
    "call lost",
    "call's answer lost",
    "call repeated",
    "call taken over from the dead",
    "lease renewed",
    "made again in doubt",
    "given up in an outage",
    "given up in doubt",
    "answer that carries something",
    "webhook doubled",
    "two webhooks at once",
    "said twice",
    "known under the commit",
    "masked answer",
    "masked answer clicked twice",
    "masked answer corrected",
    "words gone",
    "poll's answer lost",
    "request repeated",
    "echo found",
    "given up in a session",
    "masked request",
    "words gone in a session",
];

thread_local! {
    /// What panicked in the run on this thread; a task's panic ends nothing else.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(vec![]) };
}

#[test]
fn the_promises_hold_whatever_the_seed() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()));
        before(panic);
    }));
    if let Some(seed) = number("SIMULATION_SEED") {
        let report = run(seed);
        let wanted = std::env::var("SIMULATION_TRACE").map(|id| format!(" {id} ")).unwrap_or_default();
        for line in report.trace.iter().filter(|line| format!("{line} ").contains(&wanted)) {
            println!("{line}");
        }
        println!("{:#?}", report.counts);
        assert!(report.broken.is_empty(), "seed {seed}: {:#?}", report.broken);
        return;
    }
    let usual = if is_whole() { ENOUGH } else { A_FEW };
    let conversations = number("SIMULATION_CONVERSATIONS").unwrap_or(usual);
    let runs = conversations.div_ceil(CONVERSATIONS as u64);
    let (counts, failed) = many(runs);
    println!("{conversations} conversations in {runs} runs met {counts:#?}");
    for (seed, broken) in failed.iter().take(20) {
        println!("seed {seed}: {:#?}", &broken[..broken.len().min(3)]);
    }
    let seeds: Vec<_> = failed.keys().collect();
    assert!(
        failed.is_empty(),
        "repeat with SIMULATION_SEED=n cargo test --test promises whatever: {seeds:?}"
    );
    let unmet: Vec<_> = HARD.iter().filter(|what| !counts.contains_key(*what)).collect();
    assert!(unmet.is_empty() || conversations < ENOUGH, "never happened: {unmet:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [1, 2, 3, 7] {
        let (one, other) = (run(seed).trace, run(seed).trace);
        let differs = one.iter().zip(&other).position(|(one, other)| one != other);
        assert_eq!(differs.map(|at| (&one[at], &other[at])), None, "seed {seed}");
        assert_eq!(one.len(), other.len());
        assert!(one.len() > 500, "a run in which something happens");
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What happened how often, and the seeds that broke a promise.
type Runs = (BTreeMap<&'static str, usize>, BTreeMap<u64, Vec<String>>);

/// Runs the seeds from 0 on, as many at a time as there are processors.
fn many(runs: u64) -> Runs {
    let next = AtomicU64::new(0);
    let all: Mutex<Runs> = Mutex::default();
    // Whoever only asks whether something is wrong need not know all that is.
    let first = std::env::var("SIMULATION_FIRST").is_ok();
    let work = || loop {
        let seed = next.fetch_add(1, Relaxed);
        let enough = first && !all.lock().unwrap().1.is_empty();
        if seed >= runs || enough {
            return;
        }
        let report = run(seed);
        let mut all = all.lock().unwrap();
        for (what, often) in report.counts {
            *all.0.entry(what).or_default() += often;
        }
        if !report.broken.is_empty() {
            all.1.insert(seed, report.broken);
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    all.into_inner().unwrap()
}

fn run(seed: u64) -> Report {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut report = runtime.block_on(async {
        let world = Arc::new(World::new(seed));
        // Every fourth run is of the other role.
        if seed % 4 == 3 {
            sessions::play(&world, CONVERSATIONS).await;
        } else {
            play(&world).await;
        }
        world.report()
    });
    report.broken.extend(PANICS.take());
    report
}

/// Runs a seed's live chats.
async fn play(world: &Arc<World>) {
    let desk = Desk::new(world, CONVERSATIONS);
    fleet::launch(&desk);
    let clients = desk.ids().into_iter().map(|id| Client { desk: desk.clone(), world: world.clone(), id });
    fleet::rest(world, clients.map(|client| Arc::new(client).live())).await;
    let store = &desk.fleet().store;
    let open = store.store::<session::Fact>().open().await.unwrap();
    world.check(open.is_empty(), "in the end every lane is empty", || format!("{open:?} are open"));
    let dump = store.dump();
    for id in desk.ids() {
        end::check(world, &desk.record(&id), &dump);
    }
    desk.fleet().disband();
}
