//! What is said in a storm, and by whom.

use std::time::Duration;

use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::{Value, json};
use servicenow_handoff::{domain::Timestamp, simulate::servicenow::WebhookResult};

use crate::{
    eventually::found,
    faults::random::Random,
    faults::stage::Stage,
    storm::{client::Client, size::Size},
};

/// Lines that the bot says unasked once it is back.
pub const UNASKED: usize = 4;
/// Conversations that are opened at the same time.
const OPENING: usize = 10;
/// Milliseconds after which a webhook that nobody took is sent again.
const WEBHOOK_AGAIN: u64 = 100;
/// The masked question at the end of each chat, and what the user reads when the words of an answer are gone.
const CODE_WANTED: &str = "Enter your one-time code";
const ENTER_AGAIN: &str = "Please enter it again.";

/// One conversation, when all is said and read.
pub struct Talk {
    pub conversation: String,
    pub number: usize,
    /// What the user said: the time of the first try, and the id that was answered.
    pub questions: Vec<(Timestamp, String)>,
    /// When the agent said what.
    pub answers: Vec<Timestamp>,
    pub reader: Client,
    /// The same conversation, open a second time.
    pub second: Option<Client>,
    pub writer: Client,
    pub webhooks: Webhooks,
    /// How often the user entered the code before it got through.
    pub entered: usize,
}

/// Webhooks that were not taken, and sent again.
#[derive(Clone, Copy, Default)]
pub struct Webhooks {
    pub unanswered: usize,
    pub put_off: usize,
}

impl Talk {
    pub fn readers(&self) -> impl Iterator<Item = &Client> {
        [&self.reader].into_iter().chain(&self.second)
    }
}

/// Clients with a live agent each, of which three in four hold a socket.
pub async fn open(stage: &Stage, size: &Size, random: &mut Random) -> Vec<(Client, Random)> {
    let opened: Vec<Client> = stream::iter(0..size.conversations)
        .map(|number| Client::live(stage, !number.is_multiple_of(4)))
        .buffered(OPENING)
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
    let mut writer = reader.tab(Random(random.below(u64::MAX)), false);
    // One in four has a second tab open that polls, one in four has one with a socket of its own.
    let mut second = match number % 4 {
        2 => Some(reader.tab(Random(random.below(u64::MAX)), false)),
        3 => Some(reader.tab(Random(random.below(u64::MAX)), true)),
        _ => None,
    };
    let conversation = reader.conversation.clone();
    let mut agent = Agent { stage, session: &conversation, random, webhooks: Webhooks::default() };
    let reads_all = async {
        join_all(readers(&mut reader, &mut second).map(|reader| read_all(reader, size, number))).await;
    };
    let (questions, answers, ()) =
        tokio::join!(user_says_all(&mut writer, size, number), agent.says_all(size, number), reads_all,);
    let entered = user_enters_the_code(&mut agent, &mut writer, number).await;
    join_all(readers(&mut reader, &mut second).map(|reader| reader.read_until(wants_code))).await;
    agent.ends().await;
    let bot_speaks = bot_speaks(stage, size, &mut writer, &mut agent.random, number);
    let hear_it = async {
        let last = unasked(number, UNASKED);
        let heard = |activity: &Value| activity["text"] == *last;
        join_all(readers(&mut reader, &mut second).map(|reader| reader.read_until(heard))).await;
    };
    tokio::join!(bot_speaks, hear_it);
    let webhooks = agent.webhooks;
    Talk { conversation, number, questions, answers, reader, second, writer, webhooks, entered }
}

fn readers<'a>(
    reader: &'a mut Client,
    second: &'a mut Option<Client>,
) -> impl Iterator<Item = &'a mut Client> {
    [reader].into_iter().chain(second)
}

fn wants_code(activity: &Value) -> bool {
    activity["text"].as_str().is_some_and(|text| text.contains(CODE_WANTED))
}

/// The bot is back for whoever speaks to it, and says something unasked now and then.
async fn bot_speaks(stage: &Stage, size: &Size, writer: &mut Client, random: &mut Random, number: usize) {
    let greeting = format!("user {number} is back");
    // Whether it is heard twice is Direct Line's affair: it knows no repeat.
    writer.say(&greeting, &greeting).await;
    let heard_by = |id: &String| stage.copilot.said_to_bot(id).iter().any(|said| said["text"] == *greeting);
    let conversation =
        found("the bot hears the user", async || stage.copilot.conversations().into_iter().find(heard_by));
    let conversation = conversation.await;
    for n in 1..=UNASKED {
        tokio::time::sleep(Duration::from_millis(random.below(2 * size.pause + 1))).await;
        let said = json!({"type": "message", "text": unasked(number, n)});
        stage.copilot.bot_says(&conversation, said).unwrap();
    }
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

/// Whoever speaks for ServiceNow in one chat.
struct Agent<'a> {
    stage: &'a Stage,
    session: &'a str,
    random: Random,
    webhooks: Webhooks,
}

impl Agent<'_> {
    async fn says_all(&mut self, size: &Size, number: usize) -> Vec<Timestamp> {
        let mut said = vec![];
        for n in 1..=size.messages {
            tokio::time::sleep(Duration::from_millis(self.random.below(2 * size.pause + 1))).await;
            said.push(Timestamp::now());
            let text = answer(number, n);
            self.insists(async |at, session| at.servicenow.say_with_id(session, &text, &text).await).await;
        }
        said
    }

    async fn asks_for_a_code(&mut self) {
        let question = json!({"uiType": "InputText", "group": "DefaultText", "required": true,
            "nluTextEnabled": false, "entityType": "Text", "label": CODE_WANTED, "maskType": "SECURE",
            "messageId": format!("code in {}", self.session)});
        let body = json!({"body": [question]});
        self.insists(async |at, session| at.servicenow.send(session, body.clone()).await).await;
    }

    async fn ends(&mut self) {
        let body = json!({"completed": true, "body": []});
        self.insists(async |at, session| at.servicenow.send(session, body.clone()).await).await;
    }

    /// The real ServiceNow gives a chat up when a webhook is not taken; this one sends it again, under the same id.
    async fn insists(&mut self, send: impl AsyncFn(&Stage, &str) -> WebhookResult) {
        loop {
            self.stage.answer_to(self.random.below(self.stage.processes.len() as u64) as usize);
            match send(self.stage, self.session).await.status {
                Some(200) => return,
                Some(503) => self.webhooks.put_off += 1,
                Some(other) => panic!("a webhook was answered {other}"),
                None => self.webhooks.unanswered += 1,
            }
            tokio::time::sleep(Duration::from_millis(WEBHOOK_AGAIN)).await;
        }
    }
}

/// The words of a masked answer die with their program; then the user is asked for them again.
async fn user_enters_the_code(agent: &mut Agent<'_>, writer: &mut Client, number: usize) -> usize {
    agent.asks_for_a_code().await;
    let code = code(number);
    let reads = |writer: &Client, words: &str| {
        let texts = writer.read.iter().filter_map(|(_, activity)| activity["text"].as_str());
        texts.filter(|text| text.contains(words)).count()
    };
    writer.read_until(wants_code).await;
    for entered in 1.. {
        writer.say(&code, &format!("entry {entered} of user {number}")).await;
        let arrived = found("the code arrives, or is asked for again", async || {
            let told = agent.stage.servicenow.requests_of(agent.session);
            if told.iter().any(|call| call.text == code) {
                return Some(true);
            }
            writer.read_on().await;
            (reads(writer, ENTER_AGAIN) >= entered).then_some(false)
        });
        if arrived.await {
            return entered;
        }
    }
    unreachable!("it is entered until it arrives")
}

async fn read_all(reader: &mut Client, size: &Size, number: usize) {
    let last = [question(number, size.messages), answer(number, size.messages)];
    while !last.iter().all(|text| reader.has_read(|activity| activity["text"] == **text)) {
        reader.read_on().await;
        reader.wait_to_poll(size.poll).await;
    }
}

pub fn question(number: usize, n: usize) -> String {
    format!("question {n} of user {number}")
}

pub fn answer(number: usize, n: usize) -> String {
    format!("answer {n} to user {number}")
}

pub fn unasked(number: usize, n: usize) -> String {
    format!("unasked {n} for user {number}")
}

pub fn code(number: usize) -> String {
    format!("code-of-{number}-4711")
}
