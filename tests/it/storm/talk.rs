//! What is said in a storm, and by whom.

use std::time::Duration;

use futures_util::{StreamExt as _, future::join_all, stream};
use servicenow_handoff::domain::Timestamp;

use crate::{
    faults::random::Random,
    faults::stage::Stage,
    storm::{client::Client, size::Size},
};

/// Conversations that are opened at the same time.
const OPENING: usize = 10;
/// Milliseconds after which a webhook that nobody took is sent again.
const WEBHOOK_AGAIN: u64 = 100;

/// One conversation, when all is said and read.
pub struct Talk {
    pub conversation: String,
    pub number: usize,
    /// What the user said: the time of the first try, and the id that was answered.
    pub questions: Vec<(Timestamp, String)>,
    /// When the agent said what.
    pub answers: Vec<Timestamp>,
    pub reader: Client,
    pub writer: Client,
    pub webhooks: Webhooks,
}

/// Webhooks that were not taken, and sent again.
#[derive(Clone, Copy, Default)]
pub struct Webhooks {
    pub unanswered: usize,
    pub put_off: usize,
}

/// Clients with a live agent each.
pub async fn open(stage: &Stage, size: &Size, random: &mut Random) -> Vec<(Client, Random)> {
    let opened: Vec<Client> = stream::iter(0..size.conversations)
        .map(|_| Client::live(stage))
        .buffer_unordered(OPENING)
        .collect()
        .await;
    opened.into_iter().map(|client| (client, Random(random.below(u64::MAX)))).collect()
}

/// Both sides of every conversation say all they have to say, and the users read all of it.
pub async fn all(stage: &Stage, size: &Size, clients: Vec<(Client, Random)>) -> Vec<Talk> {
    let talks = clients.into_iter().enumerate();
    join_all(talks.map(|(number, (client, random))| talk(stage, size, number, client, random))).await
}

async fn talk(stage: &Stage, size: &Size, number: usize, mut reader: Client, mut random: Random) -> Talk {
    let mut writer = reader.writer(Random(random.below(u64::MAX)));
    let conversation = reader.conversation.clone();
    let (questions, (answers, webhooks), ()) = tokio::join!(
        user_says_all(&mut writer, size, number),
        agent_says_all(stage, &conversation, size, number, random),
        read_all(&mut reader, size, number),
    );
    Talk { conversation, number, questions, answers, reader, writer, webhooks }
}

async fn user_says_all(writer: &mut Client, size: &Size, number: usize) -> Vec<(Timestamp, String)> {
    let mut said = vec![];
    for n in 1..=size.messages {
        writer.wait(size.pause).await;
        let (at, text) = (Timestamp::now(), question(number, n));
        said.push((at, writer.say(&text, &text).await));
    }
    said
}

/// The real ServiceNow gives a chat up when a webhook is not taken; this agent sends it again, under the same id.
async fn agent_says_all(
    stage: &Stage,
    session: &str,
    size: &Size,
    number: usize,
    mut random: Random,
) -> (Vec<Timestamp>, Webhooks) {
    let (mut said, mut webhooks) = (vec![], Webhooks::default());
    for n in 1..=size.messages {
        tokio::time::sleep(Duration::from_millis(random.below(2 * size.pause + 1))).await;
        said.push(Timestamp::now());
        let text = answer(number, n);
        loop {
            stage.answer_to(random.below(stage.processes.len() as u64) as usize);
            match stage.servicenow.say_with_id(session, &text, &text).await.status {
                Some(200) => break,
                Some(503) => webhooks.put_off += 1,
                Some(other) => panic!("a webhook was answered {other}"),
                None => webhooks.unanswered += 1,
            }
            tokio::time::sleep(Duration::from_millis(WEBHOOK_AGAIN)).await;
        }
    }
    (said, webhooks)
}

async fn read_all(reader: &mut Client, size: &Size, number: usize) {
    let last = [question(number, size.messages), answer(number, size.messages)];
    while !last.iter().all(|text| reader.read.iter().rev().any(|(_, activity)| activity["text"] == **text)) {
        reader.read_on().await;
        reader.wait(size.poll).await;
    }
}

pub fn question(number: usize, n: usize) -> String {
    format!("question {n} of user {number}")
}

pub fn answer(number: usize, n: usize) -> String {
    format!("answer {n} to user {number}")
}
