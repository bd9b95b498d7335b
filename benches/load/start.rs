//! From start to first answer, as often as a median needs.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::subject::{FarEnds, first_answer, spawn_handler};

pub const TIMES: usize = 20;

pub struct Starts {
    /// Milliseconds, sorted.
    pub millis: Vec<f64>,
    /// Resident memory at rest in MB, the largest of all.
    pub idle_memory: f64,
}

pub async fn measure(far_ends: &FarEnds, folder: &Path) -> Starts {
    let mut starts = Starts { millis: vec![], idle_memory: 0.0 };
    for _ in 0..TIMES {
        let begun = Instant::now();
        let subject = spawn_handler(far_ends, folder);
        first_answer(subject.address).await;
        starts.millis.push(begun.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(50)).await;
        starts.idle_memory = starts.idle_memory.max(subject.process.memory().0);
    }
    starts.millis.sort_by(f64::total_cmp);
    starts
}
