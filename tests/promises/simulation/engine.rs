//! One process of the connector: a ledger over the shared store, and its life.

use std::{
    future::{Future, pending},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use servicenow_handoff::{
    domain::ConversationId,
    ledger::{
        self, Attempt, Ledger, Machine, Outcome, Role, Tried,
        journal::{Fault, Faults, MemoryJournal, Operation},
    },
};
use tokio::{sync::Notify, time::Instant};

use super::{fleet::Fleet, world::World};
use crate::chance::Chance;

/// What a role is to the simulation: a machine, and the far ends and people around it.
pub trait Play: Send + Sync + Sized + 'static {
    type Machine: Machine;

    fn machine(&self) -> Self::Machine;

    fn world(&self) -> &Arc<World>;

    /// The processes that run it.
    fn fleet(&self) -> &Fleet<Self>;

    /// One making of a call, by an engine that lives; nothing but this future is cut when the engine dies.
    fn call(
        self: &Arc<Self>,
        by: &Arc<Engine<Self>>,
        attempt: &Attempt<Self::Machine>,
    ) -> impl Future<Output = Tried<<Self::Machine as Machine>::Answer>> + Send;

    fn longest(&self, call: &<Self::Machine as Machine>::Call) -> Duration;

    /// A fact was stored.
    fn stored(&self, by: u64, id: &ConversationId, fact: &<Self::Machine as Machine>::Fact);

    /// A call was settled by this engine.
    fn settled(
        &self,
        by: u64,
        attempt: &Attempt<Self::Machine>,
        outcome: &Outcome<<Self::Machine as Machine>::Answer>,
    );

    /// What a sweep does for an open conversation besides deliveries; whether somebody speaks in it.
    fn look_after(
        self: &Arc<Self>,
        by: &Arc<Engine<Self>>,
        entry: Arc<ledger::Entry<Self::Machine>>,
    ) -> impl Future<Output = Result<bool, ledger::journal::JournalError>> + Send;
}

pub struct Engine<P: Play> {
    pub number: u64,
    pub play: Arc<P>,
    pub ledger: Arc<Ledger<P::Machine>>,
    pub life: Arc<Life>,
}

/// When it is over, nothing that the process began goes on.
#[derive(Default)]
pub struct Life {
    over: AtomicBool,
    /// Wakes in the order of waiting, which a run that is repeated needs.
    end: Notify,
    /// Times that its store has failed it.
    failed: AtomicU64,
    /// Until when it is failing it, which takes its time.
    fails_until: Mutex<Option<Instant>>,
    /// Milliseconds that its clock is off.
    clock: AtomicI64,
}

impl Life {
    pub fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    pub fn end(&self) {
        self.over.store(true, Relaxed);
        self.end.notify_waiters();
    }

    pub fn failures(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    pub fn is_failing(&self, at: Instant) -> bool {
        self.fails_until.lock().unwrap().is_some_and(|until| until >= at)
    }

    pub async fn ended(&self) {
        let end = self.end.notified();
        if !self.is_over() {
            end.await;
        }
    }
}

impl<P: Play> Engine<P> {
    /// `number`: of its kind in the run, never used again.
    pub fn start(play: &Arc<P>, store: &MemoryJournal, number: u64, deaths: &Arc<AtomicU64>) -> Arc<Self> {
        let world = play.world().clone();
        let life = Arc::new(Life::default());
        let gate = Gate {
            world: world.clone(),
            life: life.clone(),
            deaths: deaths.clone(),
            chance: Mutex::new(world.chance(&format!("store of {number}"))),
        };
        let (clock_world, clock_life) = (world.clone(), life.clone());
        let chance = Mutex::new(world.chance(&format!("engine {number}")));
        let outside = ledger::World {
            clock: Box::new(move || clock_world.now().plus_millis(clock_life.clock.load(Relaxed))),
            chance: Box::new(move || chance.lock().unwrap().next()),
            marks: [7; 32],
        };
        let told = play.clone();
        let stored: ledger::Observer<P::Machine> = Box::new(move |id, _, fact| told.stored(number, id, fact));
        let journal = store.with_faults(Arc::new(gate)).store();
        let ledger = Arc::new(Ledger::new(play.machine(), journal, outside, stored));
        world.note(|| format!("engine {number} starts"));
        Arc::new(Self { number, play: play.clone(), ledger, life })
    }

    /// Sets its clock off by so many milliseconds.
    pub fn set_clock(&self, off: i64) {
        self.play.world().note(|| format!("engine {} has its clock off by {off}", self.number));
        self.life.clock.store(off, Relaxed);
    }

    pub async fn sweep(self: &Arc<Self>) {
        let look_after = |entry| async move { self.play.look_after(self, entry).await };
        let _ = ledger::sweep(self, look_after).await;
    }
}

impl<P: Play> Role for Engine<P> {
    type Machine = P::Machine;

    fn ledger(&self) -> &Arc<Ledger<P::Machine>> {
        &self.ledger
    }

    async fn call(self: &Arc<Self>, attempt: &Attempt<P::Machine>) -> Tried<<P::Machine as Machine>::Answer> {
        if self.life.is_over() {
            return pending().await;
        }
        let tried = self.play.call(self, attempt).await;
        if self.life.is_over() {
            return pending().await;
        }
        tried
    }

    fn longest(&self, call: &<P::Machine as Machine>::Call) -> Duration {
        self.play.longest(call)
    }

    fn settled(
        self: &Arc<Self>,
        attempt: &Attempt<P::Machine>,
        outcome: &Outcome<<P::Machine as Machine>::Answer>,
    ) {
        if !self.life.is_over() {
            self.play.settled(self.number, attempt, outcome);
        }
    }
}

/// What stands between an engine and the store.
struct Gate {
    world: Arc<World>,
    life: Arc<Life>,
    /// Left in the run.
    deaths: Arc<AtomicU64>,
    chance: Mutex<Chance>,
}

impl Faults for Gate {
    fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
        if self.life.is_over() {
            return Some(Fault::Death { carried_out: false });
        }
        if !self.world.is_moving() {
            return Some(Fault::Death { carried_out: false });
        }
        if self.world.is_calm() {
            return None;
        }
        let mut chance = self.chance.lock().unwrap();
        if operation == Operation::Append && chance.one_in(150) && self.deaths.load(Relaxed) > 0 {
            self.deaths.fetch_sub(1, Relaxed);
            let carried_out = chance.one_in(2);
            self.life.end();
            self.world.count(if carried_out { "death behind an append" } else { "death before an append" });
            return Some(Fault::Death { carried_out });
        }
        let store = &self.world.weather.store;
        let draw = chance.next() % 1_000;
        if draw < store.failures {
            self.world.count("store failed");
            self.life.failed.fetch_add(1, Relaxed);
            if chance.one_in(2) {
                return Some(Fault::Failure);
            }
            self.world.count("store long in failing");
            let delay = Duration::from_millis(chance.between(1, 6_000));
            let mut until = self.life.fails_until.lock().unwrap();
            *until = (*until).max(Some(Instant::now() + delay));
            Some(Fault::SlowFailure(delay))
        } else if draw < store.failures + store.lost_answers {
            self.world.count("store's answer lost");
            self.life.failed.fetch_add(1, Relaxed);
            Some(Fault::LostAnswer)
        } else if draw < store.failures + store.lost_answers + store.delays {
            let delay = Duration::from_millis(chance.between(1, store.delay));
            let carried_out = chance.one_in(2);
            self.world.count(if carried_out { "store's answer late" } else { "store slow" });
            Some(if carried_out { Fault::Late(delay) } else { Fault::Delay(delay) })
        } else {
            None
        }
    }
}
