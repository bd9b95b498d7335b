//! The processes of a run: one that dies starts again some time later, and a load balancer finds one that lives.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use servicenow_handoff::ledger::journal::{JournalError, MemoryJournal};
use tokio::time::{Instant, sleep, timeout};

use super::{
    engine::{Engine, Play},
    weather::Clocks,
    world::World,
};
use crate::chance::Chance;

pub struct Fleet<P: Play> {
    /// As it is, without the faults that the processes meet.
    pub store: MemoryJournal,
    engines: Mutex<BTreeMap<u64, Arc<Engine<P>>>>,
}

impl<P: Play> Default for Fleet<P> {
    fn default() -> Self {
        Self { store: MemoryJournal::default(), engines: Mutex::default() }
    }
}

impl<P: Play> Fleet<P> {
    pub fn living(&self) -> Vec<Arc<Engine<P>>> {
        self.engines.lock().unwrap().values().filter(|engine| !engine.life.is_over()).cloned().collect()
    }

    /// Lets go of all: they hold who plays with them, and would be kept for ever.
    pub fn disband(&self) {
        self.engines.lock().unwrap().clear();
    }

    /// One that lives.
    pub async fn any(&self, chance: &mut Chance) -> Arc<Engine<P>> {
        loop {
            let engines = self.living();
            if !engines.is_empty() {
                let at = chance.next() % engines.len() as u64;
                return engines[usize::try_from(at).unwrap()].clone();
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// What an engine makes of a request; nothing when it dies meanwhile, or takes too long.
pub async fn request<P: Play, T>(
    engine: &Arc<Engine<P>>,
    request: impl Future<Output = Result<T, JournalError>>,
) -> Option<T> {
    let (failures, began) = (engine.life.failures(), Instant::now());
    let answer = tokio::select! {
        biased;
        () = engine.life.ended() => return None,
        answer = timeout(Duration::from_secs(20), request) => answer.ok()?,
    };
    let failed = engine.life.failures() > failures || engine.life.is_failing(began);
    let explained = answer.is_ok() || failed;
    engine.play.world().check(explained, "a request fails only with its store", || {
        format!("engine {}: {:?}", engine.number, answer.as_ref().err())
    });
    answer.ok()
}

/// Starts the processes, and lets go wrong with them what the weather says.
pub fn launch<P: Play>(play: &Arc<P>) {
    let weather = &play.world().weather;
    let deaths = Arc::new(AtomicU64::new(weather.deaths));
    let numbers = Arc::new(AtomicU64::new(1));
    for slot in 0..weather.engines {
        tokio::spawn(keep_alive(play.clone(), slot, numbers.clone(), deaths.clone()));
    }
    tokio::spawn(kill(play.clone(), deaths));
    tokio::spawn(turn_clocks(play.clone()));
}

/// Lets everybody come to their end, and then all that waits be delivered, or become too old.
pub async fn rest(world: &World, people: impl Iterator<Item = impl Future<Output = ()> + Send + 'static>) {
    let people: Vec<_> = people.map(tokio::spawn).collect();
    let all = futures_util::future::join_all(people);
    let ended = timeout(Duration::from_secs(3 * 3_600), all).await.is_ok();
    world.check(ended, "everything comes to its end", || "somebody still talks after three hours".to_owned());
    world.clear_up();
    sleep(Duration::from_secs(900)).await;
}

/// Starts a process again some time after its death, and gives it the minute's beat.
async fn keep_alive<P: Play>(play: Arc<P>, slot: u64, numbers: Arc<AtomicU64>, deaths: Arc<AtomicU64>) {
    let fleet = play.fleet();
    loop {
        let number = numbers.fetch_add(1, Relaxed);
        let engine = Engine::start(&play, &fleet.store, number, &deaths);
        fleet.engines.lock().unwrap().insert(slot, engine.clone());
        let beat = async {
            loop {
                sleep(Duration::from_secs(60)).await;
                engine.sweep().await;
            }
        };
        tokio::select! {
            biased;
            () = engine.life.ended() => {}
            () = beat => {}
        }
        fleet.engines.lock().unwrap().remove(&slot);
        let mut chance = play.world().chance(&format!("death of {number}"));
        sleep(Duration::from_millis(chance.between(100, 20_000))).await;
    }
}

/// Ends processes between two steps.
async fn kill<P: Play>(play: Arc<P>, deaths: Arc<AtomicU64>) {
    let world = play.world();
    let mut chance = world.chance("deaths");
    loop {
        sleep(Duration::from_millis(chance.between(5_000, 90_000))).await;
        if world.is_calm() || deaths.load(Relaxed) == 0 {
            return;
        }
        deaths.fetch_sub(1, Relaxed);
        let engine = play.fleet().any(&mut chance).await;
        world.note(|| format!("engine {} dies", engine.number));
        world.count("death between two steps");
        engine.life.end();
    }
}

async fn turn_clocks<P: Play>(play: Arc<P>) {
    let world = play.world();
    let mut chance = world.chance("clocks");
    sleep(Duration::from_millis(chance.between(10_000, 200_000))).await;
    match world.weather.clocks {
        Clocks::Right => {}
        Clocks::Differ => {
            world.count("clocks differ");
            play.fleet().any(&mut chance).await.set_clock(-3_000);
        }
        Clocks::SetBack => {
            world.count("clock set back");
            world.set_back(3_600_000);
        }
    }
}
