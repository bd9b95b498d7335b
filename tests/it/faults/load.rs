//! Many conversations at once.

use std::{cell::RefCell, convert::Infallible, time::Duration};

use futures_util::{StreamExt as _, future::join_all, stream};
use servicenow_handoff::{domain::Timestamp, simulate::servicenow::ServiceNowOptions};
use tokio::time::{Instant, interval_at};

use crate::{
    eventually::found,
    faults::{client::Client, stage::Stage},
};

const CONVERSATIONS: usize = 200;
const MESSAGES: usize = 3;
/// From one message of a person's to the next; people type slower.
const PACE: Duration = Duration::from_secs(4);
/// Between two looks at how busy the machine is.
const PROBE: Duration = Duration::from_millis(50);
/// How often a webhook waits for a processor where `/` waits once, when the machine is busy elsewhere: the request,
/// the append behind others' appends, and the answer, each in two programs.
const TURNS: u64 = 10;
/// Between two polls: Web Chat's is half as long, but the polls are not what is looked at.
const PAUSE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn the_webhook_answers_within_a_second_while_two_hundred_conversations_talk() {
    // This agent takes every chat and repeats what is said.
    let echoing = ServiceNowOptions { auto_accept: Some("Ana Agent".to_owned()), ..Default::default() };
    let stage = Stage::with(1, echoing).await;
    let open = stream::iter(0..CONVERSATIONS).map(|_| stage.waiting_client()).buffer_unordered(10);
    let mut clients: Vec<Client> = open.collect().await;
    join_all(clients.iter_mut().map(meet_the_agent)).await;
    let start = Timestamp::now();
    let probes = RefCell::new(vec![]);
    let talks = join_all(clients.iter_mut().enumerate().map(|(n, client)| talk(n, client)));
    tokio::select! {
        _ = talks => {}
        never = probe(&stage, &probes) => match never {},
    }
    for client in &clients {
        let told: Vec<String> = (1..=MESSAGES).map(said).collect();
        assert_eq!(stage.told(&client.conversation), told);
    }
    // The words are read a moment before the webhook that brought them is answered.
    let mut times = found("all webhooks are answered", async || {
        Some(webhooks_since(&stage, start)).filter(|times| times.len() >= CONVERSATIONS * MESSAGES)
    })
    .await;
    times.sort_unstable();
    let percentile = |percent: usize| times[(times.len() - 1) * percent / 100];
    let busy = probes.into_inner().into_iter().max().unwrap_or_default();
    println!(
        "{} webhooks: {} ms at the median, {} ms at the 99th percentile, {} ms at most; `/` {busy} ms at most",
        times.len(),
        percentile(50),
        percentile(99),
        percentile(100)
    );
    assert!(percentile(99) < 1_000 + TURNS * busy);
}

/// Asks for what needs neither store nor far end, over and over: how long that takes is the machine's affair.
async fn probe(stage: &Stage, millis: &RefCell<Vec<u64>>) -> Infallible {
    loop {
        let asked = Instant::now();
        stage.http.get(&stage.processes[0].url).send().await.unwrap();
        millis.borrow_mut().push(asked.elapsed().as_millis() as u64);
        tokio::time::sleep(PROBE).await;
    }
}

async fn meet_the_agent(client: &mut Client) {
    client.pause = PAUSE;
    client.read_until(|activity| activity["value"]["state"] == "accepted").await;
}

/// Says something from time to time and reads the agent's answers. Not all speak in the same instant.
async fn talk(number: usize, client: &mut Client) {
    let mut pace = interval_at(Instant::now() + PACE * number as u32 / CONVERSATIONS as u32, PACE);
    for n in 1..=MESSAGES {
        pace.tick().await;
        client.say(&said(n), &said(n)).await;
        let answer = format!("You said: {}", said(n));
        client.read_until(|activity| activity["text"] == answer).await;
    }
    assert_eq!(client.heard("agent").len(), MESSAGES);
}

fn said(n: usize) -> String {
    format!("message {n}")
}

/// Milliseconds that each webhook took; all must have been taken.
fn webhooks_since(stage: &Stage, start: Timestamp) -> Vec<u64> {
    let deliveries = stage.servicenow.chats().into_iter().flat_map(|chat| chat.deliveries);
    let since = deliveries.filter(|delivery| delivery.at > start);
    since.inspect(|delivery| assert_eq!(delivery.status, Some(200))).map(|delivery| delivery.millis).collect()
}
