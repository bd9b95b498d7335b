//! A far end and the way to it: it takes each request when it arrives, and answers when, and if, it does.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use servicenow_handoff::ledger::{Failure, Tried};
use tokio::{sync::oneshot, time::sleep};

use super::world::World;
use crate::chance::Chance;

pub struct FarEnd {
    world: Arc<World>,
    chance: Mutex<Chance>,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered {
        after: u64,
    },
    /// It gets lost; the connection is cut, or nothing ever comes.
    Lost {
        cut: bool,
    },
    /// It arrives; the answer gets lost.
    AnswerLost {
        after: u64,
    },
    Down {
        wait: i64,
    },
    Refused,
}

impl FarEnd {
    pub fn new(world: &Arc<World>, name: &str) -> Self {
        Self { chance: Mutex::new(world.chance(name)), world: world.clone() }
    }

    /// Sends a request. `arrives`: what the far end makes of it, in the moment when it gets it, be the sender alive then or not.
    pub async fn ask<A: Send + 'static>(
        &self,
        label: &str,
        arrives: impl FnOnce() -> Option<A> + Send + 'static,
    ) -> Tried<A> {
        let (fate, way, back) = {
            let fate = self.fate();
            let mut chance = self.chance.lock().unwrap();
            (fate, chance.between(1, 200), chance.between(1, 100))
        };
        self.world.note(|| format!("{label} meets {fate:?}"));
        let millis = Duration::from_millis;
        match fate {
            Fate::Down { wait } => {
                sleep(millis(back)).await;
                Err(Failure::NotTaken { wait })
            }
            Fate::Refused => {
                sleep(millis(way + back)).await;
                Err(Failure::Refused)
            }
            Fate::Lost { cut: true } => {
                sleep(millis(way + back)).await;
                Err(Failure::Uncertain)
            }
            Fate::Lost { cut: false } => pending().await,
            Fate::Answered { after } | Fate::AnswerLost { after } => {
                let (answer, answered) = oneshot::channel();
                // On its way it belongs to the network, not to whoever sent it.
                tokio::spawn(async move {
                    sleep(millis(way)).await;
                    let took = arrives();
                    sleep(millis(after)).await;
                    let _ = answer.send(took);
                });
                let answer = answered.await.map_err(|_| Failure::Uncertain);
                if matches!(fate, Fate::AnswerLost { .. }) { Err(Failure::Uncertain) } else { answer }
            }
        }
    }

    fn fate(&self) -> Fate {
        let mut chance = self.chance.lock().unwrap();
        let quick = chance.between(5, 300);
        if self.world.is_calm() {
            return Fate::Answered { after: quick };
        }
        if let Some(outage) = self.world.weather.outage(self.world.millis()) {
            self.world.count(if outage.retry_after.is_some() { "down with Retry-After" } else { "down" });
            return Fate::Down { wait: outage.retry_after.unwrap_or_default() };
        }
        let far = &self.world.weather.far;
        let mut draw = chance.next() % 100;
        let mut is = |percent: u64| {
            let hit = draw < percent;
            draw = draw.wrapping_sub(percent);
            hit
        };
        if is(far.slow) {
            self.world.count("slow call");
            Fate::Answered { after: chance.between(1_000, 20_000) }
        } else if is(far.very_slow) {
            self.world.count("call without end");
            Fate::Answered { after: 70_000 }
        } else if is(far.lost) {
            self.world.count("call lost");
            Fate::Lost { cut: chance.one_in(2) }
        } else if is(far.answer_lost) {
            self.world.count("call's answer lost");
            Fate::AnswerLost { after: quick }
        } else if is(far.busy) {
            self.world.count("throttled");
            Fate::Down { wait: i64::try_from(chance.between(0, 3_000)).unwrap() }
        } else if is(far.refused) {
            self.world.count("refused");
            Fate::Refused
        } else {
            Fate::Answered { after: quick }
        }
    }
}
