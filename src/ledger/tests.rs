//! The engine on a journal in memory, with a far end that does as it is told and a clock that does not run by itself.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    journal::{Fault, Faults, MemoryJournal, Operation},
    *,
};
use crate::session::{
    Answered, Call, Chat, ChatCall, Command, Fact, Notice, ToAgent,
    tests::chat::{
        agent, bot_returned, conversation, escalation, meant, says_as, virtual_agent, webhook, words_as,
    },
};

mod copies;
mod leases;
mod outages;

/// What the far end does with a call.
#[derive(Clone)]
enum Reply {
    Takes,
    TakesAfter(Duration),
    Says(&'static str),
    Fails(Failure),
}

/// A process: a ledger and the far end it calls.
struct Process {
    ledger: Arc<Ledger<Chat>>,
    far_end: Arc<FarEnd>,
    /// Calls that it was told to be settled.
    settled: Mutex<Vec<CallId>>,
}

/// A far end that several processes share.
#[derive(Default)]
struct FarEnd {
    received: Mutex<Vec<(CallId, &'static str, Instant)>>,
    under_way: AtomicU64,
    replies: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Option<Reply>>,
}

/// A call is made; its lane has no other.
struct UnderWay<'a>(&'a FarEnd);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

impl FarEnd {
    fn begins(&self) -> UnderWay<'_> {
        assert_eq!(self.under_way.fetch_add(1, Relaxed), 0, "two calls of a lane are under way");
        UnderWay(self)
    }

    fn names(&self) -> Vec<&'static str> {
        self.received.lock().expect("no panic").iter().map(|(_, name, _)| *name).collect()
    }

    fn next(&self, reply: Reply) {
        self.replies.lock().expect("no panic").push_back(reply);
    }

    fn always(&self, reply: Reply) {
        *self.otherwise.lock().expect("no panic") = Some(reply);
    }
}

impl Role for Process {
    type Machine = Chat;

    fn ledger(&self) -> &Arc<Ledger<Chat>> {
        &self.ledger
    }

    fn longest(&self, _: &ChatCall) -> Duration {
        Duration::from_secs(60)
    }

    async fn call(self: &Arc<Self>, attempt: &Attempt<Chat>) -> Tried<Answered> {
        if let Call::Say(message) = &attempt.queued.call.what
            && let Some(whisper) = &message.whisper
        {
            self.ledger.whispers().get(&whisper.name).ok_or(Failure::WordsGone)?;
        }
        let name = attempt.queued.call.what.name();
        let _under_way = self.far_end.begins();
        self.far_end.received.lock().expect("no panic").push((attempt.queued.id, name, Instant::now()));
        let scripted = self.far_end.replies.lock().expect("no panic").pop_front();
        let reply = scripted.or_else(|| self.far_end.otherwise.lock().expect("no panic").clone());
        match reply.unwrap_or(Reply::Takes) {
            Reply::Takes => Ok(None),
            Reply::TakesAfter(time) => {
                sleep(time).await;
                Ok(None)
            }
            Reply::Says(text) => Ok(Some(meant(webhook([virtual_agent("answer", text)])))),
            Reply::Fails(failure) => Err(failure),
        }
    }

    fn settled(self: &Arc<Self>, attempt: &Attempt<Chat>, _: &Outcome<Answered>) {
        self.settled.lock().expect("no panic").push(attempt.queued.id);
    }
}

/// The time as tokio has it, which a paused test drives, and an offset that a test may set.
fn world(began: Instant, offset: Arc<AtomicI64>) -> World {
    let chance = AtomicU64::new(1);
    World {
        clock: Box::new(move || {
            let passed = i64::try_from(began.elapsed().as_millis()).expect("a short test");
            Timestamp(1_760_000_000_000 + passed + offset.load(Relaxed))
        }),
        chance: Box::new(move || chance.fetch_add(0x9E37_79B9, Relaxed)),
        marks: [7; 32],
    }
}

struct Stage {
    journal: MemoryJournal,
    far_end: Arc<FarEnd>,
    began: Instant,
}

impl Stage {
    fn new() -> Self {
        Self { journal: MemoryJournal::default(), far_end: Arc::default(), began: Instant::now() }
    }

    fn process(&self) -> Arc<Process> {
        self.process_with(self.journal.clone(), Arc::default())
    }

    fn process_with(&self, journal: MemoryJournal, offset: Arc<AtomicI64>) -> Arc<Process> {
        let machine = Chat { timeout_millis: i64::MAX, back_to_bot: true };
        let mut ledger =
            Ledger::new(machine, journal.store(), world(self.began, offset), Box::new(|_, _, _| {}));
        // Made by a count that is the same in each.
        ledger.name = format!("{}-{}", ledger.name, Arc::strong_count(&self.far_end));
        let (ledger, far_end) = (Arc::new(ledger), self.far_end.clone());
        Arc::new(Process { ledger, far_end, settled: Mutex::default() })
    }

    /// A live chat that this process has opened, with Ana in it.
    async fn live(&self, process: &Arc<Process>) -> Arc<Entry<Chat>> {
        let entry = process.ledger.begin(&conversation());
        process.commit(&entry, escalation(0)).await;
        deliver_soon(process, &entry);
        idle(process, &entry).await;
        let hello = Command::Heard { chat: 1, told: meant(webhook([agent("hello", "Hello.")])) };
        process.commit(&entry, hello).await;
        self.far_end.received.lock().expect("no panic").clear();
        process.ledger.find(&conversation()).await.expect("read").expect("stored")
    }

    async fn facts(&self) -> Vec<Fact> {
        self.journal.store().read(&conversation(), 0).await.expect("read")
    }

    async fn notices(&self) -> Vec<String> {
        let notice = |fact: &Fact| match fact {
            Fact::Noticed { notice: Notice::NotDelivered { text }, .. } => {
                Some(format!("not delivered {text}"))
            }
            Fact::Noticed { notice: Notice::MayNotHaveArrived { text }, .. } => {
                Some(format!("doubtful {text}"))
            }
            _ => None,
        };
        self.facts().await.iter().filter_map(notice).collect()
    }
}

impl Process {
    async fn commit(&self, entry: &Arc<Entry<Chat>>, command: Command) -> Committed<Chat> {
        self.ledger.commit(entry, command).await.expect("stored")
    }

    async fn say(self: &Arc<Self>, entry: &Arc<Entry<Chat>>, id: &str, text: &str) -> Committed<Chat> {
        let command = says_as(id, text);
        commit_and_deliver(self, entry, Lane::First, command).await.expect("stored")
    }

    /// Says what only this process knows.
    async fn whisper(self: &Arc<Self>, entry: &Arc<Entry<Chat>>, id: &str) -> Committed<Chat> {
        let whisper = self.ledger.whisper(id, "4711".into());
        let message = ToAgent { typed: true, whisper: Some(whisper), ..ToAgent::default() };
        let said = crate::session::UserSaid { message: Some(message), ..words_as(id, "") };
        let command = Command::UserSaid(Box::new(said));
        commit_and_deliver(self, entry, Lane::First, command).await.expect("stored")
    }

    async fn entry(&self) -> Arc<Entry<Chat>> {
        self.ledger.find(&conversation()).await.expect("read").expect("stored")
    }
}

/// Waits until nothing is left to be told, an hour at most.
async fn idle(process: &Arc<Process>, entry: &Arc<Entry<Chat>>) {
    let empty = |state: &crate::session::State, _| state.outbox.is_empty().then_some(());
    let done = process.ledger.wait_for(entry, Duration::from_secs(3_600), empty).await.expect("read");
    assert!(done.is_some(), "something is never told");
}

#[tokio::test(start_paused = true)]
async fn words_cost_two_appends_and_no_read_and_an_agents_words_one_append() {
    let stage = Stage::new();
    let process = stage.process();
    let entry = stage.live(&process).await;
    let (reads, appends) = stage.journal.counted();
    process.say(&entry, "c1", "one").await;
    idle(&process, &entry).await;
    assert_eq!(stage.journal.counted(), (reads, appends + 2));
    let hears = Command::Heard { chat: 1, told: meant(webhook([agent("m1", "Hi.")])) };
    process.commit(&entry, hears).await;
    assert_eq!(stage.journal.counted(), (reads, appends + 3));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_cuts_no_commit() {
    for steps in 1..12 {
        let stage = Stage::new();
        let process = stage.process();
        let entry = stage.live(&process).await;
        let (role, mine) = (process.clone(), entry.clone());
        let request = tokio::spawn(async move { role.say(&mine, "c1", "hello").await });
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        request.abort();
        let began = Instant::now();
        process.say(&entry, "c2", "next").await;
        idle(&process, &entry).await;
        assert!(began.elapsed() < Duration::from_secs(1), "somebody waits, cut after {steps} steps");
        let facts = stage.facts().await;
        let said = facts.iter().filter(|fact| matches!(fact, Fact::UserSaid(_))).count();
        assert_eq!(said, 2, "cut after {steps} steps");
    }
}
