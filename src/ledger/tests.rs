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
use crate::{
    handoff::machine::Chat,
    session::{
        Answered, Call, ChatCall, Command, Fact, Notice, Policy,
        tests::chat::{
            agent, bot_returned, conversation, escalation, meant, says_as, virtual_agent, webhook,
        },
    },
};

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
}

/// A far end that several processes share.
#[derive(Default)]
struct FarEnd {
    received: Mutex<Vec<(CallId, &'static str, Instant)>>,
    replies: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Option<Reply>>,
}

impl FarEnd {
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

    fn settled(self: &Arc<Self>, _: &Attempt<Chat>, _: Option<Failure>, _: &Outcome<Answered>) {}
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
        let machine = Chat { policy: Policy { timeout_millis: i64::MAX, back_to_bot: true } };
        let mut ledger =
            Ledger::new(machine, journal.store(), world(self.began, offset), Box::new(|_, _, _| {}));
        // Made by a count that is the same in each.
        ledger.name = format!("{}-{}", ledger.name, Arc::strong_count(&self.far_end));
        Arc::new(Process { ledger: Arc::new(ledger), far_end: self.far_end.clone() })
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

    async fn entry(&self) -> Arc<Entry<Chat>> {
        self.ledger.find(&conversation()).await.expect("read").expect("stored")
    }
}

/// Waits until nothing is left to be told, an hour at most.
async fn idle(process: &Arc<Process>, entry: &Arc<Entry<Chat>>) {
    let empty = |state: &crate::session::State, _| state.outbox.is_empty().then_some(());
    let done = process.ledger.wait_for(entry, Duration::from_secs(3_600), empty).await;
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
async fn a_lease_is_renewed_while_a_call_lasts_and_another_process_does_not_repeat_it() {
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    stage.far_end.next(Reply::TakesAfter(Duration::from_secs(55)));
    one.say(&entry, "c1", "slow").await;
    one.say(&entry, "c2", "behind").await;
    let theirs = other.entry().await;
    deliver_soon(&other, &theirs);
    idle(&other, &theirs).await;
    assert_eq!(stage.far_end.names(), ["message", "message"], "each once, in order");
}

#[tokio::test(start_paused = true)]
async fn a_store_slow_by_seconds_doubles_nothing() {
    struct Slow;
    impl Faults for Slow {
        fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
            (operation == Operation::Append).then_some(Fault::Delay(Duration::from_millis(2_500)))
        }
    }
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    drop(one);
    let slow = stage.process_with(stage.journal.with_faults(Arc::new(Slow)), Arc::default());
    let (mine, theirs) = (slow.entry().await, other.entry().await);
    drop(entry);
    stage.far_end.next(Reply::TakesAfter(Duration::from_millis(8_800)));
    slow.say(&mine, "c1", "slow").await;
    deliver_soon(&other, &theirs);
    other.ledger.refresh(&theirs).await.expect("read");
    deliver_soon(&other, &theirs);
    idle(&other, &theirs).await;
    assert_eq!(stage.far_end.names(), ["message"]);
}

#[tokio::test(start_paused = true)]
async fn a_settlement_that_comes_when_another_has_the_lease_counts_for_nothing() {
    /// The second append, the settlement, takes longer than the lease lasts.
    #[derive(Default)]
    struct Late(AtomicU64);
    impl Faults for Late {
        fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
            let second = operation == Operation::Append && self.0.fetch_add(1, Relaxed) == 1;
            second.then_some(Fault::Delay(Duration::from_secs(15)))
        }
    }
    let stage = Stage::new();
    let one = stage.process();
    drop(stage.live(&one).await);
    let late = stage.process_with(stage.journal.with_faults(Arc::new(Late::default())), Arc::default());
    let other = stage.process();
    stage.far_end.next(Reply::Takes);
    stage.far_end.next(Reply::TakesAfter(Duration::from_secs(20)));
    late.say(&late.entry().await, "c1", "late").await;
    let theirs = other.entry().await;
    other.say(&theirs, "c2", "behind").await;
    idle(&other, &theirs).await;
    let received = stage.far_end.received.lock().expect("no panic").clone();
    let [(first, ..), (again, _, taken_over), (behind, _, begun)] = received[..] else {
        panic!("{received:?}");
    };
    assert!(first == again && behind != again);
    assert!(begun - taken_over >= Duration::from_secs(20), "the next call waits for the one under way");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_times_out_is_made_three_times_with_one_id_and_then_said_to_be_doubtful() {
    let stage = Stage::new();
    let process = stage.process();
    let entry = stage.live(&process).await;
    stage.far_end.always(Reply::TakesAfter(Duration::from_secs(70)));
    process.say(&entry, "c1", "hello").await;
    idle(&process, &entry).await;
    let received = stage.far_end.received.lock().expect("no panic").clone();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|(id, ..)| *id == received[0].0));
    assert_eq!(stage.notices().await, ["doubtful hello"]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_takes_eleven_seconds_opens_the_chat_with_one_call_each() {
    let stage = Stage::new();
    let process = stage.process();
    stage.far_end.always(Reply::TakesAfter(Duration::from_secs(11)));
    let entry = process.ledger.begin(&conversation());
    process.commit(&entry, escalation(0)).await;
    deliver_soon(&process, &entry);
    idle(&process, &entry).await;
    assert_eq!(stage.far_end.names(), ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION"]);
}

#[tokio::test(start_paused = true)]
async fn all_that_waits_for_one_outage_is_given_up_at_the_same_age_and_said_once_a_line() {
    let stage = Stage::new();
    let process = stage.process();
    let entry = stage.live(&process).await;
    stage.far_end.always(Reply::Fails(Failure::NotTaken { wait: 0 }));
    for (id, text) in [("c1", "one"), ("c2", "two"), ("c3", "three")] {
        process.say(&entry, id, text).await;
        sleep(Duration::from_secs(2)).await;
    }
    idle(&process, &entry).await;
    assert_eq!(stage.notices().await, ["not delivered one", "not delivered two", "not delivered three"]);
    let facts = stage.facts().await;
    let said = facts.iter().filter_map(|fact| match fact {
        Fact::UserSaid(said) => Some(said.at),
        _ => None,
    });
    let given_up = facts.iter().filter_map(|fact| match fact {
        Fact::Noticed { notice: Notice::NotDelivered { .. }, at } => Some(*at),
        _ => None,
    });
    let start = process.ledger.now().millis_since(Timestamp(1_760_000_000_000));
    for (said, given_up) in said.zip(given_up) {
        // The clock of the words is the test's own beginning.
        let _ = said;
        assert!(given_up.millis_since(Timestamp(1_760_000_000_000)) <= start);
    }
    assert!(start < 330_000, "together, not one after the other: {start} ms");
}

#[tokio::test(start_paused = true)]
async fn a_far_end_that_is_down_is_asked_by_few_however_many_wait() {
    let stage = Stage::new();
    let process = stage.process();
    stage.far_end.always(Reply::Fails(Failure::NotTaken { wait: 0 }));
    for n in 0..200 {
        let id = ConversationId::parse(&format!("chat-{n}")).expect("an id");
        let entry = process.ledger.begin(&id);
        process.commit(&entry, escalation(0)).await;
        deliver_soon(&process, &entry);
    }
    sleep(Duration::from_secs(30)).await;
    let asked = stage.far_end.names().len();
    assert!((20..=40).contains(&asked), "asked {asked} times in 30 s");
    stage.far_end.always(Reply::Takes);
    sleep(Duration::from_secs(10)).await;
    assert!(stage.far_end.names().len() >= asked + 400, "all go through once it is back");
}

#[tokio::test(start_paused = true)]
async fn what_an_answer_tells_is_stored_with_its_settlement_or_not_at_all() {
    let stage = Stage::new();
    let process = stage.process();
    stage.far_end.next(Reply::Takes);
    stage.far_end.next(Reply::Says("Routing you to a live agent"));
    let entry = process.ledger.begin(&conversation());
    process.commit(&entry, escalation(0)).await;
    deliver_soon(&process, &entry);
    idle(&process, &entry).await;
    let facts = stage.facts().await;
    let settled = facts.iter().rposition(|fact| matches!(fact, Fact::Settled(_))).expect("settled");
    assert!(matches!(facts[settled + 1], Fact::AgentSaid(_)), "right behind it");
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

#[tokio::test(start_paused = true)]
async fn a_journal_that_was_removed_or_put_back_is_an_error_once_and_then_read_anew() {
    for keeps in [0, 3] {
        let stage = Stage::new();
        let process = stage.process();
        let entry = stage.live(&process).await;
        stage.journal.shrink(conversation().as_str(), keeps);
        let failed = process.ledger.commit(&entry, says_as("c1", "hello")).await;
        assert!(matches!(failed, Err(NotDone::Store(JournalError::Shorter { .. }))), "{failed:?}");
        assert!(!process.ledger.remembers(&conversation()));
        let again = process.ledger.find(&conversation()).await.expect("read");
        assert_eq!(again.is_some(), keeps > 0);
    }
}

#[tokio::test]
async fn the_last_conversations_are_remembered_and_those_in_use() {
    let process = Stage::new().process();
    let id = |number: usize| ConversationId::parse(&format!("c{number}")).expect("an id");
    let in_use = process.ledger.find_or_begin(&id(0)).await.expect("read");
    for number in 1..=REMEMBERED + 1 {
        process.ledger.find_or_begin(&id(number)).await.expect("read");
    }
    let remembered = |number| process.ledger.remembers(&id(number));
    assert_eq!([0, 1, 2, 3, REMEMBERED + 1].map(remembered), [true, false, false, true, true]);
    assert!(Arc::ptr_eq(&in_use, &process.ledger.find_or_begin(&id(0)).await.expect("read")));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_remembers_nobody_for_whom_nothing_waits() {
    let stage = Stage::new();
    stage.live(&stage.process()).await;
    let process = stage.process();
    let looked = sweep(&process, |_| async { Ok(true) }).await.expect("listed");
    assert_eq!((looked.open, looked.live, looked.undelivered), (1, 1, 0));
    assert!(!process.ledger.remembers(&conversation()));
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_by_an_hour_during_a_retry_holds_nothing_up() {
    let stage = Stage::new();
    let offset = Arc::new(AtomicI64::new(0));
    let process = stage.process_with(stage.journal.clone(), offset.clone());
    let entry = stage.live(&process).await;
    stage.far_end.next(Reply::Fails(Failure::NotTaken { wait: 20_000 }));
    process.say(&entry, "c1", "hello").await;
    sleep(Duration::from_millis(50)).await;
    offset.store(-3_600_000, Relaxed);
    let began = Instant::now();
    idle(&process, &entry).await;
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn another_process_sees_what_was_stored_within_a_second() {
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    let theirs = other.entry().await;
    let waits = tokio::spawn(async move {
        let ended = |state: &crate::session::State, _| (!state.is_live()).then_some(());
        let began = Instant::now();
        other.ledger.wait_for(&theirs, Duration::from_secs(30), ended).await.expect("it ends");
        began.elapsed()
    });
    sleep(Duration::from_secs(4)).await;
    one.commit(&entry, Command::UserEnded).await;
    assert!(waits.await.expect("no panic") <= Duration::from_millis(5_100));
}

#[tokio::test(start_paused = true)]
async fn a_second_chat_of_another_process_is_heard_by_a_stale_copy() {
    let stage = Stage::new();
    let (one, other) = (stage.process(), stage.process());
    let entry = stage.live(&one).await;
    let theirs = other.entry().await;
    one.commit(&entry, Command::UserEnded).await;
    one.commit(&entry, bot_returned()).await;
    one.commit(&entry, escalation(1)).await;
    let told = meant(webhook([agent("m9", "Second.")]));
    let heard = other.commit(&theirs, Command::Heard { chat: 2, told }).await;
    assert!(!heard.facts().is_empty());
}
