//! What goes wrong with the programs.

use std::{convert::Infallible, future::Future, time::Duration};

use servicenow_handoff::domain::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{random::Random, size::Size, stage::Stage};

/// How often the host's timer fires.
const TIMER: Duration = Duration::from_secs(60);

/// Kills one program after the other, and starts each again, until all is said; tells when.
pub async fn kill_while<T>(
    stage: &Stage,
    size: &Size,
    random: &mut Random,
    talks: impl Future<Output = T>,
) -> (T, Vec<Timestamp>) {
    let mut kills = vec![];
    let pause = Duration::from_millis(size.kill_every);
    let mut pace = interval_at(Instant::now() + pause, pause);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(talks);
    loop {
        tokio::select! {
            all = &mut talks => return (all, kills),
            _ = pace.tick() => {}
        }
        let process = &stage.processes[random.below(stage.processes.len() as u64) as usize];
        process.kill();
        kills.push(Timestamp::now());
        let again = process.start();
        tokio::pin!(again);
        tokio::select! {
            all = &mut talks => {
                again.await;
                return (all, kills);
            }
            () = &mut again => {}
        }
    }
}

/// The timer of the Functions host: each minute it calls one of the programs.
pub async fn fire_timer(stage: &Stage, mut random: Random) -> Infallible {
    loop {
        tokio::time::sleep(TIMER).await;
        stage.processes[random.below(stage.processes.len() as u64) as usize].fire_timer().await;
    }
}
