//! From start to first answers, as often as a median needs.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{
    http::{Connection, client_request},
    subject::{FarEnds, Subject, first_answer, spawn_handler, spawn_node},
};

pub const TIMES: usize = 20;

pub struct Starts {
    pub who: String,
    /// Milliseconds to the answer to the host's probe, sorted.
    pub probe: Vec<f64>,
    /// Milliseconds to the answer to a client's first poll, through to Direct Line; sorted.
    pub poll: Vec<f64>,
    /// Resident memory at rest in MB, the largest of all.
    pub idle_memory: f64,
}

/// Node's beside ours, in turns, so that whatever else the machine does hits both alike.
pub async fn measure(far_ends: &FarEnds, folder: &Path) -> Vec<Starts> {
    let mut starts: Vec<Starts> = vec![];
    for _ in 0..TIMES {
        let begun = Instant::now();
        let handler = spawn_handler(far_ends, folder);
        first_answer(handler.address).await;
        let probe = begun.elapsed();
        poll(&handler).await;
        let poll = begun.elapsed();
        add(&mut starts, &handler, probe, Some(poll)).await;
        drop(handler);

        let begun = Instant::now();
        let Some(node) = spawn_node() else { continue };
        first_answer(node.address).await;
        let probe = begun.elapsed();
        add(&mut starts, &node, probe, None).await;
    }
    for start in &mut starts {
        start.probe.sort_by(f64::total_cmp);
        start.poll.sort_by(f64::total_cmp);
    }
    starts
}

async fn poll(subject: &Subject) {
    let conversation = "EPV1CkzC7sR2fq8T0000-eu";
    let path = format!("/v3/directline/conversations/{conversation}/activities?watermark=4");
    let mut connection = Connection::open(subject.address).await.expect("it listens");
    let answer = connection.ask(&client_request("GET", &path, conversation, "")).await;
    assert_eq!(answer.status, 200, "the first poll");
}

async fn add(starts: &mut Vec<Starts>, subject: &Subject, probe: Duration, poll: Option<Duration>) {
    tokio::time::sleep(Duration::from_millis(50)).await;
    let memory = subject.process.memory().0;
    let place = starts.iter().position(|start| start.who == subject.name).unwrap_or_else(|| {
        let who = subject.name.clone();
        starts.push(Starts { who, probe: vec![], poll: vec![], idle_memory: 0.0 });
        starts.len() - 1
    });
    let start = &mut starts[place];
    start.probe.push(probe.as_secs_f64() * 1e3);
    start.poll.extend(poll.map(|poll| poll.as_secs_f64() * 1e3));
    start.idle_memory = start.idle_memory.max(memory);
}
