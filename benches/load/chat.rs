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

pub async fn measure(far_ends: &FarEnds, folder: &Path) -> Vec<Row> {
    let folder = folder.join("chat");
    std::fs::create_dir(&folder).expect("the folder is writable");
    let subject = subject::handler(far_ends, &folder).await;
    let idle = subject.process.memory().0;
    let row = |job: &str, who: &str| Row::new(job, who, idle);
    let mut talks = open(&subject, far_ends, "many", TALKS).await;
    let many = format!("**handler**, {TALKS} chats");
    let (mut to_agent, mut webhook, mut to_user) =
        (row(TO_AGENT, &many), row("agent → user (webhook alone)", &many), row(TO_USER, &many));
    for _ in 0..ROUNDS {
        to_agent.add(users_say(&subject, far_ends, &mut talks, MESSAGES).await);
        webhook.add(agents_say(&subject, &mut talks, false).await);
        catch_up(&mut talks).await;
        to_user.add(agents_say(&subject, &mut talks, true).await);
    }
    let mut rows = vec![to_agent, webhook, to_user];
    let mut alone = open(&subject, far_ends, "lone", 1).await;
    let mut one = row(TO_AGENT, "**handler**, 1 chat");
    one.add(users_say(&subject, far_ends, &mut alone, ALONE).await);
    rows.push(one);
    let mut crowd = row(CROWD_WEBHOOK, "**handler**, 200 chats");
    crowd.add(all_at_once(&subject, far_ends).await);
    rows.push(crowd);
    let peak = subject.process.memory().1;
    rows.iter_mut().for_each(|row| row.peak_memory = peak);
    rows
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
async fn all_at_once(subject: &Subject, far_ends: &FarEnds) -> Sample {
    let mut talks = open(subject, far_ends, "crowd", CROWD).await;
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
