//! While a person is there: messages each way, the journal on disk.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use super::{
    report::{Row, Sample},
    subject::{self, FarEnds, Subject},
    talk::{Talk, told, until_opened},
};

const TALKS: usize = 64;
const MESSAGES: usize = 40;
const ROUNDS: usize = 5;
/// A user alone shares a flush to disk with nobody.
const ALONE: usize = 400;
const CROWD: usize = 200;
const CROWD_MESSAGES: usize = 15;

pub const TO_AGENT: &str = "user → agent (POST, delivered)";
pub const TO_USER: &str = "agent → user (webhook, poll, receipt)";
pub const CROWD_WEBHOOK: &str = "webhook while 200 talk at once";

/// With an older build in turns, so that whatever else the machine does hits both alike.
pub async fn measure(far_ends: &FarEnds, folder: &Path) -> Vec<Row> {
    let folder = folder.join("chat");
    std::fs::create_dir(&folder).expect("the folder is writable");
    let mut sides = vec![];
    for (number, subject) in subject::handlers(far_ends, &folder).await.into_iter().enumerate() {
        sides.push(Side::open(subject, number, far_ends).await);
    }
    for _ in 0..ROUNDS {
        for side in &mut sides {
            side.round(far_ends).await;
        }
    }
    let mut rows = vec![];
    for side in sides {
        rows.extend(side.end(far_ends).await);
    }
    rows
}

/// A process, and the chats that it carries.
struct Side {
    subject: Subject,
    /// Keeps its conversations apart from the other's, at the far ends they share.
    number: usize,
    idle: f64,
    talks: Vec<Talk>,
    to_agent: Row,
    webhook: Row,
    to_user: Row,
}

impl Side {
    async fn open(subject: Subject, number: usize, far_ends: &FarEnds) -> Self {
        let idle = subject.process.memory().0;
        let row = |job| Row::new(job, &format!("{}, {TALKS} chats", subject.name), idle);
        let (to_agent, webhook, to_user) = (row(TO_AGENT), row("agent → user (webhook alone)"), row(TO_USER));
        let talks = open(&subject, far_ends, &format!("many{number}"), TALKS).await;
        Self { subject, number, idle, talks, to_agent, webhook, to_user }
    }

    async fn round(&mut self, far_ends: &FarEnds) {
        let Self { subject, talks, to_agent, webhook, to_user, .. } = self;
        to_agent.add(users_say(subject, far_ends, talks, MESSAGES).await);
        webhook.add(agents_say(subject, talks, false).await);
        catch_up(talks).await;
        to_user.add(agents_say(subject, talks, true).await);
    }

    async fn end(self, far_ends: &FarEnds) -> Vec<Row> {
        let Self { subject, number, idle, to_agent, webhook, to_user, .. } = self;
        let mut alone = open(&subject, far_ends, &format!("lone{number}"), 1).await;
        let mut one = Row::new(TO_AGENT, &format!("{}, 1 chat", subject.name), idle);
        one.add(users_say(&subject, far_ends, &mut alone, ALONE).await);
        let mut crowd = Row::new(CROWD_WEBHOOK, &format!("{}, {CROWD} chats", subject.name), idle);
        crowd.add(all_at_once(&subject, far_ends, &format!("crowd{number}")).await);
        let mut rows = vec![to_agent, webhook, to_user, one, crowd];
        rows.iter_mut().for_each(|row| row.peak_memory = subject.process.memory().1);
        rows
    }
}

async fn open(subject: &Subject, far_ends: &FarEnds, group: &str, count: usize) -> Vec<Talk> {
    let before = told(far_ends.address).await.0;
    let talks = join_all((0..count).map(|number| Talk::open(subject, group, number))).await;
    until_opened(far_ends.address, before + count as u64).await;
    let mut talks = talks;
    // A first message, after which the agent counts as there.
    join_all(talks.iter_mut().map(Talk::agent_says)).await;
    catch_up(&mut talks).await;
    talks
}

/// Lets receipts and the like come to their end, so that they are in nobody else's count.
async fn catch_up(talks: &mut [Talk]) {
    for _ in 0..2 {
        join_all(talks.iter_mut().map(Talk::poll)).await;
    }
    settle().await;
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

async fn users_say(subject: &Subject, far_ends: &FarEnds, talks: &mut [Talk], messages: usize) -> Sample {
    let before = told(far_ends.address).await.1;
    let cpu = subject.process.cpu_millis();
    let begun = Instant::now();
    let each = talks.iter_mut().map(|talk| async move {
        let mut latencies = Vec::with_capacity(messages);
        for _ in 0..messages {
            latencies.push(talk.user_says().await);
        }
        latencies
    });
    let latencies = join_all(each).await.concat();
    let seconds = begun.elapsed().as_secs_f64();
    settle().await;
    let cpu_millis = subject.process.cpu_millis() - cpu;
    let arrived = told(far_ends.address).await.1 - before;
    assert_eq!(arrived, latencies.len() as u64, "messages that ServiceNow has");
    Sample { messages: latencies.len(), cpu_millis, seconds, latencies }
}

/// With `read`, the client polls behind each message, and its receipt goes to ServiceNow.
async fn agents_say(subject: &Subject, talks: &mut [Talk], read: bool) -> Sample {
    let cpu = subject.process.cpu_millis();
    let begun = Instant::now();
    let each = talks.iter_mut().map(|talk| async move {
        let mut latencies = Vec::with_capacity(MESSAGES);
        for _ in 0..MESSAGES {
            let answered = talk.agent_says().await;
            latencies.push(if read { answered + talk.user_reads().await } else { answered });
        }
        latencies
    });
    let latencies = join_all(each).await.concat();
    let seconds = begun.elapsed().as_secs_f64();
    settle().await;
    let cpu_millis = subject.process.cpu_millis() - cpu;
    Sample { messages: latencies.len(), cpu_millis, seconds, latencies }
}

/// Everybody talks both ways; the latencies are those of the webhooks.
async fn all_at_once(subject: &Subject, far_ends: &FarEnds, group: &str) -> Sample {
    let mut talks = open(subject, far_ends, group, CROWD).await;
    let cpu = subject.process.cpu_millis();
    let begun = Instant::now();
    let each = talks.iter_mut().map(|talk| async move {
        let mut latencies = Vec::with_capacity(CROWD_MESSAGES);
        for _ in 0..CROWD_MESSAGES {
            talk.user_says().await;
            latencies.push(talk.agent_says().await);
            talk.user_reads().await;
        }
        latencies
    });
    let latencies = join_all(each).await.concat();
    let seconds = begun.elapsed().as_secs_f64();
    settle().await;
    // One message each way.
    let cpu_millis = subject.process.cpu_millis() - cpu;
    Sample { messages: latencies.len() * 2, cpu_millis, seconds, latencies }
}
