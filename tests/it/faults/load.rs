//! Many conversations at once.

use std::time::Duration;

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
/// Between two polls: Web Chat's is half as long, but the polls are not what is looked at.
const PAUSE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn two_hundred_conversations_talk_at_once_and_every_webhook_is_taken() {
    // This agent takes every chat and repeats what is said.
    let echoing = ServiceNowOptions { auto_accept: Some("Ana Agent".to_owned()), ..Default::default() };
    let stage = Stage::with(1, echoing).await;
    let open = stream::iter(0..CONVERSATIONS).map(|_| stage.waiting_client()).buffer_unordered(10);
    let mut clients: Vec<Client> = open.collect().await;
    join_all(clients.iter_mut().map(meet_the_agent)).await;
    let start = Timestamp::now();
    join_all(clients.iter_mut().enumerate().map(|(n, client)| talk(n, client))).await;
    for client in &clients {
        let told: Vec<String> = (1..=MESSAGES).map(said).collect();
        assert_eq!(stage.told(&client.conversation), told);
    }
    // The words are read a moment before the webhook that brought them is answered.
    found("all webhooks are answered", async || {
        (webhooks_since(&stage, start) >= CONVERSATIONS * MESSAGES).then_some(())
    })
    .await;
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

/// How many webhooks were answered; all must have been taken.
fn webhooks_since(stage: &Stage, start: Timestamp) -> usize {
    let deliveries = stage.servicenow.chats().into_iter().flat_map(|chat| chat.deliveries);
    let since = deliveries.filter(|delivery| delivery.at > start);
    since.inspect(|delivery| assert_eq!(delivery.status, Some(200))).count()
}
