//! What goes wrong with the programs.

use std::{cell::Cell, convert::Infallible, future::Future, time::Duration};

use servicenow_handoff::domain::Timestamp;

use crate::{faults::random::Random, faults::stage::Stage, storm::size::Size};

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
    tokio::pin!(talks);
    loop {
        // On the dot, every second kill would meet just the calls made again when a killed program's claims have ended.
        let pause = size.kill_every * 4 / 5 + random.below(size.kill_every * 2 / 5 + 1);
        tokio::select! {
            all = &mut talks => return (all, kills),
            () = tokio::time::sleep(Duration::from_millis(pause)) => {}
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

/// Direct Line closes all its sockets now and then; how often it had some is counted.
pub async fn cut_upstream(stage: &Stage, size: &Size, mut random: Random, drops: &Cell<usize>) -> Infallible {
    loop {
        tokio::time::sleep(Duration::from_millis(1 + random.below(size.kill_every))).await;
        drops.set(drops.get() + usize::from(stage.copilot.drop_sockets() > 0));
    }
}

/// The timer of the Functions host: each minute it calls one of the programs.
pub async fn fire_timer(stage: &Stage, mut random: Random) -> Infallible {
    loop {
        tokio::time::sleep(TIMER).await;
        stage.processes[random.below(stage.processes.len() as u64) as usize].fire_timer().await;
    }
}
