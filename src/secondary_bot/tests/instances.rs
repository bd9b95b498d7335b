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
        journal::{Fault, Faults, JournalError, MemoryJournal, Operation, Store},
    },
    secondary_bot::{calls, take},
};

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
    fn start(store: &MemoryJournal<Fact>, far: &Arc<FarEnds>, seed: u64) -> Arc<Self> {
        let (life, began, chance) = (Arc::new(Life::default()), far.began, AtomicU64::new(seed << 32));
        let elapsed = move || i64::try_from(began.elapsed().as_millis()).unwrap();
        let world = World {
            clock: Box::new(move || Timestamp(1_000_000 + elapsed())),
            chance: Box::new(move || chance.fetch_add(1, Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        };
        let journal = Store::Memory(store.with_faults(life.clone()));
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
        let incoming =
            Incoming::read(request, &fields, asynchronous, None, &Texts::default(), self.ledger.now());
        take::take(self, &session, incoming).await
    }

    /// Takes a request whose answer is waited for.
    async fn asks(self: &Arc<Self>, body: Value) -> Option<Arc<Value>> {
        let taken = self.takes(&body, false).await.unwrap();
        let session = self.ledger.find(&session(&request(&body).0)).await.unwrap().unwrap();
        take::answer(self, &session, taken.request).await
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
        calls::longest(call, Duration::from_secs(25))
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
                let contents = Contents { elements, ..Contents::default() };
                let pending = Some(self.far.asks.lock().unwrap().pop().unwrap_or_default());
                Ok(Some(Answer { contents, pending, ..Answer::default() }))
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

    fn settled(self: &Arc<Self>, _: &Attempt<Dialogue>, _: Option<Failure>, _: &Outcome<Answer>) {}
}

fn says(id: &str, text: &str) -> Value {
    json!({"requestId": id, "clientSessionId": "s", "userId": "ada", "message": {"text": text}})
}

/// A process whose agent has asked for a PIN.
async fn asked_for_a_pin_by(far: &Arc<FarEnds>, store: &MemoryJournal<Fact>) -> Arc<Process> {
    let process = Process::start(store, far, 1);
    far.asks(pin());
    process.asks(says("1", "hi")).await.expect("an answer");
    far.heard.lock().unwrap().clear();
    process
}

#[tokio::test(start_paused = true)]
async fn a_secret_repeated_while_the_agent_works_is_said_once_stored_never_and_answered_twice() {
    let (far, store) = (FarEnds::new(4_000, 0), MemoryJournal::default());
    let process = asked_for_a_pin_by(&far, &store).await;
    let (secret, clicked_twice) = (says("2", "pin-4711-pin"), says("3", "pin-4711-pin"));
    let late = async |body: &Value, after: u64| {
        sleep(Duration::from_millis(after)).await;
        process.asks(body.clone()).await
    };
    let (one, again, other) = tokio::join!(late(&secret, 0), late(&secret, 700), late(&clicked_twice, 800));
    let one = one.expect("an answer");
    assert_eq!((Some(&one), Some(&one)), (again.as_ref(), other.as_ref()));
    assert_eq!(process.asks(secret.clone()).await, Some(one.clone()), "and when it is over");
    assert_eq!(far.heard(), ["pin-4711-pin"]);
    assert!(!one.to_string().contains("4711"), "{one}");
    assert!(!store.dump().contains("4711"), "{}", store.dump());
    // The question is answered: what is said next is as open as ever.
    process.asks(says("4", "thanks")).await;
    assert_eq!(far.heard(), ["pin-4711-pin", "thanks"]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_could_not_be_stored_is_not_said_by_the_request_behind_it() {
    let (far, store) = (FarEnds::new(100, 0), MemoryJournal::default());
    let process = asked_for_a_pin_by(&far, &store).await;
    let secret = says("2", "pin-4711-pin");
    process.life.failures.store(1, Relaxed);
    assert!(process.takes(&secret, false).await.is_err());
    far.asks(pin());
    process.asks(json!({"requestId": "3", "clientSessionId": "s", "action": "AGENT"})).await;
    assert_eq!(far.heard(), [""]);
    process.asks(secret.clone()).await.expect("an answer");
    assert_eq!(far.heard(), ["", "pin-4711-pin"]);
    assert!(!store.dump().contains("4711"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_another_instance_knows_is_said_by_that_one() {
    let (far, store) = (FarEnds::new(3_000, 0), MemoryJournal::default());
    let one = asked_for_a_pin_by(&far, &store).await;
    let other = Process::start(&store, &far, 2);
    // The other has seen the session before the question, and its copy is old.
    far.asks(pin());
    let (_, answer) = tokio::join!(one.asks(says("2", "first-secret")), async {
        sleep(Duration::from_millis(500)).await;
        other.asks(says("3", "second-secret")).await
    });
    assert!(answer.is_some());
    assert_eq!(far.heard(), ["first-secret", "second-secret"]);
    assert!(!store.dump().contains("-secret"), "{}", store.dump());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_died_with_its_process_is_asked_for_again_and_is_still_a_secret() {
    let (far, store) = (FarEnds::new(3_000, 0), MemoryJournal::default());
    let first = asked_for_a_pin_by(&far, &store).await;
    let taken = first.takes(&says("2", "pin-4711-pin"), false).await.unwrap();
    assert!(taken.in_secret);
    first.kill();
    let second = Process::start(&store, &far, 2);
    // The primary bot repeats what it got no answer to.
    let answer = second.asks(says("2", "pin-4711-pin")).await.expect("an answer");
    assert!(answer["body"][0]["value"].as_str().is_some_and(|text| text.starts_with("Your answer did not")));
    assert_eq!(answer["body"][1]["maskType"], "SECURE");
    second.asks(says("3", "pin-4711-pin")).await.expect("an answer");
    assert_eq!(far.heard(), ["pin-4711-pin"]);
    assert!(!store.dump().contains("4711"), "{}", store.dump());
}

#[tokio::test(start_paused = true)]
async fn a_process_killed_right_behind_its_200_has_a_successor_at_work_within_ten_seconds() {
    let (far, store) = (FarEnds::new(200, 100), MemoryJournal::default());
    let first = Process::start(&store, &far, 1);
    first.takes(&says("1", "hello"), true).await.unwrap();
    first.kill();
    let killed = Instant::now();
    sleep(Duration::from_millis(500)).await;
    let second = Process::start(&store, &far, 2);
    second.sweeps().await;
    while far.heard().is_empty() {
        sleep(Duration::from_millis(50)).await;
    }
    assert!(killed.elapsed() <= Duration::from_millis(10_300), "{:?}", killed.elapsed());
    sleep(Duration::from_millis(300)).await;
    assert_eq!((far.heard(), far.got()), (vec!["hello".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_response_address_that_takes_its_time_gets_an_answer_once() {
    for taking in [8_700, 25_000] {
        let (far, store) = (FarEnds::new(200, taking), MemoryJournal::default());
        let (one, other) = (Process::start(&store, &far, 1), Process::start(&store, &far, 2));
        one.takes(&says("1", "hello"), true).await.unwrap();
        other.keeps_sweeping(60).await;
        assert_eq!(far.got(), 1, "{taking} ms");
        assert!(
            !one.ledger
                .find(&session(&request(&says("1", "")).0))
                .await
                .unwrap()
                .unwrap()
                .state()
                .await
                .is_busy()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_arrived_at_the_response_address_is_sent_twice_more_and_no_more() {
    let (far, store) = (FarEnds::new(0, 0), MemoryJournal::default());
    far.response_fails.lock().unwrap().extend([Failure::Uncertain; 9]);
    let process = Process::start(&store, &far, 1);
    process.takes(&says("1", "hello"), true).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(far.got(), 3);
    // What is behind it still gets through.
    far.response_fails.lock().unwrap().clear();
    process.takes(&says("2", "hello?"), true).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(far.got(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_sender_dies_again_and_again_is_sent_once_more() {
    let (far, store) = (FarEnds::new(0, 20_000), MemoryJournal::default());
    for seed in 1..=3 {
        let process = Process::start(&store, &far, seed);
        if seed == 1 {
            process.takes(&says("1", "hello"), true).await.unwrap();
        }
        process.sweeps().await;
        sleep(Duration::from_secs(12)).await;
        process.kill();
        sleep(Duration::from_secs(12)).await;
    }
    assert_eq!(far.got(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_response_address_that_is_down_is_tried_until_the_answer_is_five_minutes_old() {
    let (far, store) = (FarEnds::new(0, 0), MemoryJournal::default());
    far.response_fails.lock().unwrap().extend([Failure::NotTaken { wait: 0 }; 99]);
    let process = Process::start(&store, &far, 1);
    process.takes(&says("1", "hello"), true).await.unwrap();
    process.takes(&says("2", "hello?"), true).await.unwrap();
    let waiting = async |process: &Arc<Process>| {
        let entry = process.ledger.find(&session(&request(&says("1", "")).0)).await.unwrap().unwrap();
        let state = entry.state().await;
        state.outbox.iter().count()
    };
    sleep(Duration::from_secs(290)).await;
    assert_eq!(waiting(&process).await, 2);
    sleep(Duration::from_secs(15)).await;
    assert_eq!(waiting(&process).await, 0, "both at the same age");
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
            if let Some(answer) = take::answer(&process, &entry, taken.request).await {
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
    store.push("secondary/s:s", br#"2{"fact":"beamed"}"#);
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
