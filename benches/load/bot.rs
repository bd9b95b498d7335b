//! While the bot speaks: clients poll and now and then say something.

use std::{path::Path, time::Instant};

use futures_util::future::join_all;

use super::{
    http::{Connection, client_request},
    report::{Row, Sample},
    subject::{self, FarEnds, Subject},
};

const CONNECTIONS: usize = 16;
/// Of ten polls and a message, on each connection and in each round.
const TURNS: usize = 60;
const WARM_UP: usize = 6;
const ROUNDS: usize = 7;
pub const JOB: &str = "bot phase, 10 GET : 1 POST";

/// Measures all in turns, so that whatever else the machine does hits all alike.
pub async fn measure(far_ends: &FarEnds, folder: &Path) -> Vec<Row> {
    let mut subjects = vec![];
    let mut counts = vec![1, subject::workers()];
    counts.dedup();
    for workers in counts {
        subjects.extend(subject::nginx(far_ends, folder, workers).await);
    }
    subjects.push(subject::hop(far_ends));
    subjects.extend(subject::handlers(far_ends, folder).await);
    let mut rows: Vec<Row> =
        subjects.iter().map(|subject| Row::new(JOB, &subject.name, subject.process.memory().0)).collect();
    for subject in &subjects {
        round(subject, WARM_UP).await;
    }
    for _ in 0..ROUNDS {
        for (subject, row) in subjects.iter().zip(&mut rows) {
            row.add(round(subject, TURNS).await);
        }
    }
    for (subject, row) in subjects.iter().zip(&mut rows) {
        row.peak_memory = subject.process.memory().1;
    }
    rows
}

async fn round(subject: &Subject, turns: usize) -> Sample {
    let (cpu, begun) = (subject.process.cpu_millis(), Instant::now());
    let clients = (0..CONNECTIONS).map(|number| client(subject, number, turns));
    let latencies: Vec<f64> = join_all(clients).await.concat();
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_millis = subject.process.cpu_millis() - cpu;
    Sample { messages: latencies.len(), cpu_millis, seconds, latencies }
}

async fn client(subject: &Subject, number: usize, turns: usize) -> Vec<f64> {
    let conversation = format!("EPV1CkzC7sR2fq8T{number:04}-eu");
    let path = format!("/v3/directline/conversations/{conversation}/activities");
    let poll = client_request("GET", &format!("{path}?watermark=4"), &conversation, "");
    let said = r#"{"type":"message","text":"It beeps twice.","textFormat":"plain","locale":"en-GB","localTimezone":"Europe/Berlin","localTimestamp":"2026-03-02T11:11:12.000+01:00","from":{"id":"ada","name":"Ada","role":"user"},"channelData":{"clientActivityID":"17409102720001234","clientTimestamp":"2026-03-02T10:11:12.000Z"}}"#;
    let post = client_request("POST", &path, &conversation, said);
    let mut connection = Connection::open(subject.address).await.expect("it listens");
    let mut latencies = Vec::with_capacity(turns * 11);
    for turn in 0..turns * 11 {
        let asked = Instant::now();
        let answer = connection.ask(if turn % 11 == 5 { &post } else { &poll }).await;
        assert_eq!(answer.status, 200, "{}", subject.name);
        assert!(!answer.body.is_empty(), "{} lost the body", subject.name);
        latencies.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    latencies
}
