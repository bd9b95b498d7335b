//! What a running process does by itself, each minute.

use std::{sync::Arc, time::Duration};

use actix_web::{rt::spawn, web::Data};

use crate::{
    http::Served,
    telemetry::{self, Counters},
};

/// How often a process that no host calls sweeps by itself.
const SWEEP: Duration = Duration::from_secs(60);

/// Goes on at once with what a crash left undone, and then looks each minute. The Functions host calls `sweep` instead, one
/// instance a minute: if each one that starts looked after all that is open, starting many would be what a busy store
/// has least use for.
pub(super) fn keep_sweeping(served: Data<Served>) {
    spawn(async move {
        loop {
            served.sweep().await;
            tokio::time::sleep(SWEEP).await;
        }
    });
}

/// Logs what was counted. The host's timer would not do: it calls one instance of several.
pub(super) fn keep_counting(counters: Arc<Counters>) {
    spawn(async move {
        loop {
            tokio::time::sleep(telemetry::EVERY).await;
            counters.log();
        }
    });
}
