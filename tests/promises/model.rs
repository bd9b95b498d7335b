//! All that can happen to a small chat: two messages each way, two engines, one crash, one answer lost or clock set back.
//!
//! `decide`, `fold`, the outbox and the retry table are the product's own; what the ledger does around them (decide on the copy,
//! append, read on after a conflict, lease, renew, settle) is written once more here, in the smallest steps that others can come
//! between. The journal is hashed whole, an engine's copy by its length: the rest follows from them.

use std::{
    collections::BTreeSet,
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Instant,
};

use stateright::{Checker as _, Expectation, Model, Property};

use self::{
    chat::{Session, Step, opened},
    process::{Process, hash_outbox},
};

use crate::is_whole;

mod act;
mod chat;
mod process;
mod property;

/// Ticks of the model: each as long as half a lease.
const TICKS: u8 = 2;
/// Times that a post is sent, or a webhook that was not answered.
const SENT: u8 = 2;

/// Every kind of loss.
const ANYTHING: u32 = u32::MAX;

/// Everything at one moment.
#[derive(Clone, Debug)]
struct All {
    /// The journal, folded; its facts behind the opening of the chat, and their hash.
    truth: Arc<Session>,
    said: Vec<Step>,
    hash: u64,
    engines: [Process; 2],
    /// What ServiceNow got: call and attempt.
    far: Vec<(servicenow_handoff::ledger::CallId, u32)>,
    /// The user's messages: times posted, and whether one was answered.
    posts: [(u8, bool); 2],
    hooks: [(u8, bool); 2],
    /// Words that went to the bot.
    bot: u8,
    /// Where the client has read to, and how often.
    watermark: u64,
    polls: u8,
    tick: u8,
    crashes: u8,
    losses: u8,
    broken: Option<&'static str>,
}

impl Hash for All {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
        hash_outbox(&self.truth, state);
        self.engines.hash(state);
        self.far.hash(state);
        (self.posts, self.hooks, self.bot, self.watermark, self.polls).hash(state);
        (self.tick, self.crashes, self.losses, self.broken).hash(state);
    }
}

impl PartialEq for All {
    fn eq(&self, other: &Self) -> bool {
        let hash = |all: &Self| {
            let mut hasher = std::hash::DefaultHasher::new();
            all.hash(&mut hasher);
            hasher.finish()
        };
        hash(self) == hash(other)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Post {
        by: usize,
        which: usize,
        lost: bool,
    },
    Hook {
        by: usize,
        which: usize,
        lost: bool,
    },
    Poll {
        by: usize,
        lost: bool,
    },
    Return {
        by: usize,
    },
    Take {
        by: usize,
        lost: bool,
    },
    Send {
        by: usize,
        lost: bool,
    },
    /// The call's answer comes, or doesn't; `unheard`: the store's answer to the settlement.
    Answer {
        by: usize,
        lost: bool,
        unheard: bool,
    },
    Renew {
        by: usize,
        lost: bool,
    },
    Crash {
        by: usize,
    },
    /// It dies when what it does is stored, and nobody is answered.
    Dies {
        by: usize,
        with: Last,
    },
    ClockBack {
        by: usize,
    },
    Tick,
}

/// The last that an engine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Post(usize),
    Hook(usize),
    Settle,
}

/// A small chat, and what was met in it.
struct Small {
    /// Messages of the user, and of the person.
    posts: usize,
    hooks: usize,
    polls: u8,
    crashes: u8,
    losses: u8,
    /// The kinds of losses that may be met.
    losses_of: u32,
    met: AtomicU32,
}

impl Model for Small {
    type State = All;
    type Action = Act;

    fn init_states(&self) -> Vec<All> {
        vec![All {
            truth: Arc::new(opened()),
            said: vec![],
            hash: 0,
            engines: [Process::default(), Process::default()],
            far: vec![],
            posts: [(0, false); 2],
            hooks: [(0, false); 2],
            bot: 0,
            watermark: 0,
            polls: 0,
            tick: 0,
            crashes: 0,
            losses: 0,
            broken: None,
        }]
    }

    fn actions(&self, all: &All, acts: &mut Vec<Act>) {
        act::possible(self, all, acts);
    }

    fn next_state(&self, all: &All, act: Act) -> Option<All> {
        let mut all = all.clone();
        act::happens(self, &mut all, act).then_some(all)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        property::all()
    }
}

#[test]
fn the_promises_hold_in_every_state_of_a_small_chat() {
    let small = |posts, hooks, polls, crashes, losses_of| Small {
        posts,
        hooks,
        polls,
        crashes,
        losses: u8::from(losses_of != 0),
        losses_of,
        met: AtomicU32::new(0),
    };
    let mut found = BTreeSet::new();
    let cuts =
        [small(1, 1, 2, 1, ANYTHING), small(2, 2, 0, 1, act::ANSWER_LOST), small(2, 2, 0, 0, ANYTHING)];
    let usual = if is_whole() { cuts.len() } else { 1 };
    for chat in cuts.into_iter().take(usual) {
        explore(chat, &mut found);
    }
    let hard = property::all().into_iter().filter(|property| property.expectation == Expectation::Sometimes);
    let hard = hard.map(|property| property.name).chain(act::MET.map(|(name, _)| name));
    let unmet: Vec<_> = hard.filter(|name| !found.contains(name)).collect();
    assert!(unmet.is_empty() || time_is_limited() || !is_whole(), "never happened: {unmet:?}");
}

/// Seconds for each chat, to look for what is wrong quickly; what is right takes all states.
fn time_is_limited() -> bool {
    std::env::var("MODEL_SECONDS").is_ok()
}

/// Goes through all states; adds what was met in them.
fn explore(small: Small, found: &mut BTreeSet<&'static str>) {
    let Small { posts, hooks, polls, crashes, losses_of, .. } = small;
    let what = if losses_of == ANYTHING { "anything" } else { "an answer" };
    let begin = Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let mut checker = small.checker().threads(threads);
    if let Ok(seconds) = std::env::var("MODEL_SECONDS") {
        checker = checker.timeout(std::time::Duration::from_secs(seconds.parse().unwrap()));
    }
    let checker = checker.spawn_dfs().join();
    println!(
        "{posts} messages of the user's, {hooks} of the person's, {polls} polls, {crashes} crashes, {what} lost: {} states, {} of them different, {} steps deep, in {:?}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        begin.elapsed()
    );
    for (name, path) in checker.discoveries() {
        let property = checker.model().property(name);
        if property.expectation.discovery_is_failure() {
            let last = path.last_state().clone();
            let acts = path.into_actions();
            panic!("{name}: {acts:#?}\n{:#?}\n{:?}\n{:?}", last.said, last.far, last.broken);
        }
    }
    let met = checker.model().met.load(Relaxed);
    found.extend(checker.discoveries().keys());
    found.extend(act::MET.iter().filter(|(_, bit)| met & bit != 0).map(|(name, _)| name));
}
