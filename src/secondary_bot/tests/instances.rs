//! Processes at one store, with an agent and a response address that take their time. Time is driven by hand.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use secrecy::ExposeSecret as _;
use tokio::time::{Instant, sleep};

use super::*;
use crate::{
    ledger::{
        Attempt, Failure, Ledger, Role, Tried, World, deliver_soon,
        journal::{Fault, Faults, JournalError, MemoryJournal, Operation},
    },
    secondary_bot::{take, work},
};

mod later;
mod secrets;

/// The agent and the response address, as all processes see them.
struct FarEnds {
    /// All clocks agree.
    began: Instant,
    /// How long the agent's turn takes, and taking an answer.
    turn: Duration,
    taking: Duration,
    /// What comes of each call while there are such, the agent's and the response address's.
    agent_fails: Mutex<Vec<Failure>>,
    response_fails: Mutex<Vec<Failure>>,
    /// What the agent asks behind each answer.
    asks: Mutex<Vec<Pending>>,
    heard: Mutex<Vec<String>>,
    got: Mutex<Vec<Value>>,
}

impl FarEnds {
    fn new(turn: u64, taking: u64) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            turn: Duration::from_millis(turn),
            taking: Duration::from_millis(taking),
            agent_fails: Mutex::default(),
            response_fails: Mutex::default(),
            asks: Mutex::default(),
            heard: Mutex::default(),
            got: Mutex::default(),
        })
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn got(&self) -> usize {
        self.got.lock().unwrap().len()
    }

    fn asks(&self, pending: Pending) {
        self.asks.lock().unwrap().insert(0, pending);
    }
}

/// One process.
struct Process {
    ledger: Arc<Ledger<Dialogue>>,
    far: Arc<FarEnds>,
    life: Arc<Life>,
}

/// Whether a process lives, and whether its store answers: to the others there is no difference.
#[derive(Default)]
struct Life {
    dead: AtomicBool,
    failures: AtomicU64,
}

impl Faults for Life {
    fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
        let fails = || self.failures.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
        let down = self.dead.load(Relaxed) || (operation == Operation::Append && fails());
        down.then_some(Fault::Failure)
    }
}

impl Process {
    fn start(store: &MemoryJournal, far: &Arc<FarEnds>, seed: u64) -> Arc<Self> {
        let (life, began, chance) = (Arc::new(Life::default()), far.began, AtomicU64::new(seed << 32));
        let elapsed = move || i64::try_from(began.elapsed().as_millis()).unwrap();
        let world = World {
            clock: Box::new(move || Timestamp(1_000_000 + elapsed())),
            chance: Box::new(move || chance.fetch_add(1, Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            marks: [7; 32],
        };
        let journal = store.with_faults(life.clone()).store();
        let ledger = Arc::new(Ledger::new(Dialogue::default(), journal, world, Box::new(|_, _, _| {})));
        Arc::new(Self { ledger, far: far.clone(), life })
    }

    fn kill(&self) {
        self.life.dead.store(true, Relaxed);
    }

    /// Takes a request; where it stands, and the time it was stored.
    async fn takes(self: &Arc<Self>, body: &Value, asynchronous: bool) -> Result<take::Taken, JournalError> {
        let (request, fields) = request(body);
        let session = self.ledger.find_or_begin(&session(&request)).await?;
        let incoming = Incoming::read(request, &fields, asynchronous, None, &Texts::default());
        take::take(self, &session, incoming).await
    }

    /// Takes a request whose answer is waited for.
    async fn asks(self: &Arc<Self>, body: Value) -> Option<Arc<Value>> {
        let taken = self.takes(&body, false).await.unwrap();
        let session = self.ledger.find(&session(&request(&body).0)).await.unwrap().unwrap();
        take::answer(self, &session, taken.request).await.unwrap()
    }

    async fn sweeps(self: &Arc<Self>) {
        crate::ledger::sweep(self, |_| async { Ok(true) }).await.unwrap();
    }

    /// As a process that sweeps for so long, and more often than any would.
    async fn keeps_sweeping(self: &Arc<Self>, times: usize) {
        for _ in 0..times {
            self.sweeps().await;
            sleep(Duration::from_millis(700)).await;
        }
    }
}

impl Role for Process {
    type Machine = Dialogue;

    fn ledger(&self) -> &Arc<Ledger<Dialogue>> {
        &self.ledger
    }

    fn longest(&self, call: &Call) -> Duration {
        work::longest(call, Duration::from_secs(25))
    }

    async fn call(self: &Arc<Self>, attempt: &Attempt<Dialogue>) -> Tried<Answer> {
        if self.life.dead.load(Relaxed) {
            std::future::pending::<()>().await;
        }
        match &attempt.queued.call {
            Call::Work(asked) => {
                let words = match &asked.whisper {
                    Some(held) => self.ledger.whispers().get(&held.name).ok_or(Failure::WordsGone)?,
                    None => asked.text.as_str().into(),
                };
                if let Some(failure) = self.far.agent_fails.lock().unwrap().pop() {
                    return Err(failure);
                }
                sleep(self.far.turn).await;
                if self.life.dead.load(Relaxed) {
                    std::future::pending::<()>().await;
                }
                self.far.heard.lock().unwrap().push(words.expose_secret().to_owned());
                let elements = vec![json!({"uiType": "OutputText", "value": "Noted."})];
                let pending = Some(self.far.asks.lock().unwrap().pop().unwrap_or_default());
                Ok(Some(Answer { elements, pending, ..Answer::default() }))
            }
            Call::Respond(body) => {
                self.far.got.lock().unwrap().push((**body).clone());
                if let Some(failure) = self.far.response_fails.lock().unwrap().pop() {
                    return Err(failure);
                }
                sleep(self.far.taking).await;
                Ok(None)
            }
        }
    }

    fn settled(self: &Arc<Self>, _: &Attempt<Dialogue>, _: &Outcome<Answer>) {}
}

fn says(id: &str, text: &str) -> Value {
    json!({"requestId": id, "clientSessionId": "s", "userId": "ada", "message": {"text": text}})
}

/// A process whose agent has asked for a PIN.
async fn asked_for_a_pin_by(far: &Arc<FarEnds>, store: &MemoryJournal) -> Arc<Process> {
    let process = Process::start(store, far, 1);
    far.asks(pin());
    process.asks(says("1", "hi")).await.expect("an answer");
    far.heard.lock().unwrap().clear();
    process
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_lands_on_another_instance_is_answered_with_the_first() {
    let (far, store) = (FarEnds::new(4_000, 0), MemoryJournal::default());
    let (one, other) = (Process::start(&store, &far, 1), Process::start(&store, &far, 2));
    let began = Instant::now();
    let (first, second) = tokio::join!(one.asks(says("1", "hello")), async {
        sleep(Duration::from_secs(1)).await;
        let answer = other.asks(says("1", "hello")).await;
        assert!(began.elapsed() < Duration::from_millis(5_100), "{:?}", began.elapsed());
        answer
    });
    assert!(first.is_some());
    assert_eq!(first, second);
    assert_eq!(far.heard(), ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_a_failing_store_has_stopped_goes_on_while_somebody_waits() {
    let (far, store) = (FarEnds::new(500, 0), MemoryJournal::default());
    let process = Process::start(&store, &far, 1);
    let (answer, ()) = tokio::join!(process.asks(says("1", "hello")), async {
        sleep(Duration::from_millis(100)).await;
        process.life.failures.store(1, Relaxed);
    });
    assert!(answer.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_agent_out_of_reach_gives_control_back_soon_when_somebody_waits_and_late_when_nobody_does() {
    for (asynchronous, seconds) in [(false, 8), (true, 300)] {
        let (far, store) = (FarEnds::new(0, 0), MemoryJournal::default());
        far.agent_fails.lock().unwrap().extend([Failure::NotTaken { wait: 0 }; 99]);
        let process = Process::start(&store, &far, 1);
        let began = Instant::now();
        let taken = process.takes(&says("1", "hello"), asynchronous).await.unwrap();
        let id = session(&request(&says("1", "")).0);
        let entry = process.ledger.find(&id).await.unwrap().unwrap();
        let answer = loop {
            if let Some(answer) = take::answer(&process, &entry, taken.request).await.unwrap() {
                break answer;
            }
        };
        assert_eq!(answer["takeControl"], true);
        let lasted = began.elapsed().as_secs();
        assert!((seconds - 1..=seconds + 2).contains(&lasted), "{lasted} s, asynchronous: {asynchronous}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_of_a_newer_build_is_answered_by_nobody_here_and_nobody_waits() {
    let (far, store) = (FarEnds::new(0, 0), MemoryJournal::default());
    let id = session(&request(&says("1", "")).0);
    store.push(&format!("secondary/{id}"), br#"2{"fact":"beamed"}"#);
    let process = Process::start(&store, &far, 1);
    let began = Instant::now();
    assert_eq!(process.asks(says("1", "hello")).await, None);
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(far.heard().is_empty() && store.dump().contains("hello"));
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_session_are_worked_on_in_order_and_stored_with_their_lease() {
    let (far, store) = (FarEnds::new(300, 0), MemoryJournal::default());
    let process = Process::start(&store, &far, 1);
    for (id, text) in [("1", "one"), ("2", "two"), ("3", "three")] {
        process.takes(&says(id, text), true).await.unwrap();
    }
    assert_eq!(store.counted(), (1, 3), "no read but the first look, and the lease with its request");
    let id = session(&request(&says("1", "")).0);
    let entry = process.ledger.find(&id).await.unwrap().unwrap();
    deliver_soon(&process, &entry);
    sleep(Duration::from_secs(2)).await;
    assert_eq!((far.heard(), far.got()), (vec!["one".to_owned(), "two".to_owned(), "three".to_owned()], 3));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_answer_of_a_session_that_is_removed_is_told_soon() {
    let (far, store) = (FarEnds::new(60_000, 0), MemoryJournal::default());
    let process = Process::start(&store, &far, 1);
    let taken = process.takes(&says("1", "hello"), false).await.unwrap();
    let id = session(&request(&says("1", "")).0);
    let entry = process.ledger.find(&id).await.unwrap().unwrap();
    store.shrink(&format!("secondary/{id}"), 0);
    let began = Instant::now();
    let answer = take::answer(&process, &entry, taken.request).await;
    assert!(matches!(answer, Err(JournalError::Shorter { .. })), "{answer:?}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
