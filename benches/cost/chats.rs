//! Whole chats, step by step, and what each step asks of the store.

use std::{collections::BTreeMap, fmt, future::Future, time::Duration};

use futures_util::{StreamExt as _, stream};
use servicenow_handoff::simulate::chat_client::{ChatClient, handoff_state};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::program::Program;
use crate::proxy::Counts;

pub const CHATS: usize = 20;
/// Messages of each side while a person is there.
pub const MESSAGES: usize = 10;
/// Polls that bring nothing, of each chat in each phase.
const IDLE: usize = 10;
const HOLDS: [u64; 2] = [2, 10];
/// How long a socket is watched while nothing comes.
const WATCHED: Duration = Duration::from_secs(10);

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Operations a chat, or another unit, by kind.
#[derive(Clone, Debug, Default)]
pub struct Operations(BTreeMap<&'static str, f64>);

pub struct Step {
    pub what: String,
    pub each: Operations,
}

/// What was counted; each step tells its cost for one event of one chat.
pub struct Counted(pub Vec<Step>);

impl Operations {
    fn between(before: &Counts, after: &Counts, units: usize) -> Self {
        let kinds = after.kinds.iter().map(|(kind, count)| (*kind, (count - before.of(kind)) as f64));
        Self(kinds.map(|(kind, count)| (kind, count / units as f64)).collect())
    }

    pub fn add(&mut self, other: &Self, times: f64) {
        for (kind, count) in &other.0 {
            *self.0.entry(kind).or_default() += count * times;
        }
    }

    pub fn writes(&self) -> f64 {
        self.sum(&["create a journal", "append a block", "put a marker"])
    }

    pub fn reads(&self) -> f64 {
        self.sum(&["read"])
    }

    pub fn lists(&self) -> f64 {
        self.sum(&["list", "make the container"])
    }

    pub fn others(&self) -> f64 {
        self.sum(&["look at properties", "other"])
    }

    pub fn deletes(&self) -> f64 {
        self.sum(&["delete"])
    }

    fn sum(&self, kinds: &[&str]) -> f64 {
        kinds.iter().filter_map(|kind| self.0.get(kind)).sum()
    }
}

impl Counted {
    pub fn of(&self, what: &str) -> &Operations {
        let step = self.0.iter().find(|step| step.what == what);
        step.map(|step| &step.each).unwrap_or_else(|| panic!("{what} was not counted"))
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| each | writes | reads | lists | other | deletes (free) |\n|---|--:|--:|--:|--:|--:|")?;
        for Step { what, each } in &self.0 {
            let [writes, reads, lists, others, deletes] =
                [each.writes(), each.reads(), each.lists(), each.others(), each.deletes()]
                    .map(|n| format!("{:.2}", n + 0.0));
            writeln!(f, "| {what} | {writes} | {reads} | {lists} | {others} | {deletes} |")?;
        }
        Ok(())
    }
}

/// So few that a busy machine does not make calls be tried again, which would be counted.
async fn a_few_at_a_time<T>(tasks: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    stream::iter(tasks).buffer_unordered(4).collect().await
}

/// Counts the steps of [`CHATS`] chats that run side by side.
struct Count {
    program: Program,
    clients: Vec<ChatClient>,
    steps: Vec<Step>,
    before: Counts,
}

pub const BOT_POST: &str = "message to the bot";
pub const BOT_POLL: &str = "poll while the bot speaks";
pub const HAND_OFF: &str = "hand-off: the poll that sees it, and the chat opened";
pub const JOINED: &str = "a person joins, and is seen to";
pub const IDLE_POLL: &str = "poll that brings nothing";
pub const QUESTION: &str = "message to the person, delivered";
pub const ANSWER: &str = "message of the person's (webhook)";
pub const SHOWN: &str = "poll that brings it";
pub const CONFIRMED: &str = "next poll, which confirms it to ServiceNow";
pub const SOCKET: &str = "socket held 10 s, with a person there";
pub const PUSHED: &str = "message of the person's, over a socket";
pub const END: &str = "end of the chat, back to the bot";
pub const AFTER_POLL: &str = "poll after the chat";
pub const SWEEP: &str = "sweep with no open chat";
pub const SWEEP_OPEN: &str = "sweep, for each open chat";

pub fn held(seconds: u64) -> String {
    format!("poll that brings nothing, held {seconds} s")
}

pub async fn count() -> Counted {
    let program = Program::start().await;
    let before = program.quiet().await;
    let mut count = Count { program, clients: vec![], steps: vec![], before };
    count.sweep(SWEEP, 1).await;
    count.bot_speaks().await;
    count.hand_off().await;
    count.talk().await;
    count.sweep(SWEEP_OPEN, CHATS).await;
    count.polls_held().await;
    count.sockets().await;
    count.end().await;
    Counted(count.steps)
}

impl Count {
    /// What was asked of the store since the last step, for each of so many.
    async fn step(&mut self, what: &str, units: usize) {
        let after = self.program.quiet().await;
        let each = Operations::between(&self.before, &after, units);
        self.steps.push(Step { what: what.to_owned(), each });
        self.before = after;
    }

    async fn forget(&mut self) {
        self.before = self.program.quiet().await;
    }

    async fn polls(&mut self, times: usize) {
        a_few_at_a_time(self.clients.iter_mut().map(|client| async move {
            for _ in 0..times {
                client.poll().await.expect("a page");
            }
        }))
        .await;
    }

    async fn say(&self, text: &str) {
        let said = self.clients.iter().map(|client| async move { client.say(text).await.expect("taken") });
        a_few_at_a_time(said).await;
    }

    async fn bot_speaks(&mut self) {
        for _ in 0..CHATS {
            self.clients.push(self.program.client().await);
        }
        self.polls(1).await;
        self.forget().await;
        self.say("hello").await;
        self.step(BOT_POST, CHATS).await;
        self.polls(IDLE).await;
        self.step(BOT_POLL, CHATS * IDLE).await;
    }

    async fn hand_off(&mut self) {
        self.say("agent").await;
        self.forget().await;
        self.polls(1).await;
        for client in &self.clients {
            self.program.queued(client.conversation()).await;
        }
        self.step(HAND_OFF, CHATS).await;
        let joined = self
            .clients
            .iter()
            .map(|client| self.program.servicenow.accept(client.conversation(), "Ana Agent"));
        a_few_at_a_time(joined).await;
        self.polls(2).await;
        let seen = |client: &ChatClient| {
            client.received.iter().any(|activity| handoff_state(activity) == "accepted")
        };
        assert!(self.clients.iter().all(seen), "somebody was not told of the person");
        self.step(JOINED, CHATS).await;
    }

    async fn talk(&mut self) {
        self.polls(IDLE).await;
        self.step(IDLE_POLL, CHATS * IDLE).await;
        for n in 0..MESSAGES {
            self.say(&format!("question {n}")).await;
        }
        self.step(QUESTION, CHATS * MESSAGES).await;
        self.polls(2).await;
        self.forget().await;
        let [mut webhooks, mut shown, mut confirmed] = [const { Operations(BTreeMap::new()) }; 3];
        let share = 1.0 / MESSAGES as f64;
        for n in 0..MESSAGES {
            let text = format!("answer {n}");
            let said =
                self.clients.iter().map(|client| self.program.servicenow.say(client.conversation(), &text));
            assert!(a_few_at_a_time(said).await.iter().all(|result| result.is_success()));
            webhooks.add(&self.since(CHATS).await, share);
            self.polls(1).await;
            shown.add(&self.since(CHATS).await, share);
            self.polls(1).await;
            confirmed.add(&self.since(CHATS).await, share);
        }
        for (what, each) in [(ANSWER, webhooks), (SHOWN, shown), (CONFIRMED, confirmed)] {
            self.steps.push(Step { what: what.to_owned(), each });
        }
    }

    async fn since(&mut self, units: usize) -> Operations {
        let after = self.program.quiet().await;
        let each = Operations::between(&self.before, &after, units);
        self.before = after;
        each
    }

    async fn sweep(&mut self, what: &str, units: usize) {
        let envelope = r#"{"Data":{},"Metadata":{}}"#;
        let sweep = self.program.http.post(format!("{}/sweep", self.program.url)).body(envelope);
        let answer = sweep.header("content-type", "application/json").send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        self.step(what, units).await;
    }

    /// The first poll of a program that has just been started reads all there is.
    async fn polls_held(&mut self) {
        for hold in HOLDS {
            self.program.restart(Duration::from_secs(hold)).await;
            self.polls(1).await;
            self.forget().await;
            self.polls(1).await;
            self.step(&held(hold), CHATS).await;
        }
        self.program.restart(Duration::ZERO).await;
        self.polls(1).await;
        self.forget().await;
    }

    /// One socket a client, and no polls beside it.
    async fn sockets(&mut self) {
        self.program.restart_alone().await;
        let opened = self.clients.iter().map(|client| self.program.socket(client));
        let mut sockets = a_few_at_a_time(opened).await;
        self.heard(&mut sockets, Duration::from_secs(2)).await;
        // What is asked once a second is never quiet.
        let before = self.program.so_far();
        self.heard(&mut sockets, WATCHED).await;
        let each = Operations::between(&before, &self.program.so_far(), CHATS);
        let told =
            self.clients.iter().map(|client| self.program.servicenow.say(client.conversation(), "pushed"));
        let before = self.program.so_far();
        assert!(a_few_at_a_time(told).await.iter().all(|result| result.is_success()));
        self.heard(&mut sockets, WATCHED).await;
        let mut pushed = Operations::between(&before, &self.program.so_far(), CHATS);
        pushed.add(&each, -1.0);
        for (what, each) in [(SOCKET, each), (PUSHED, pushed)] {
            self.steps.push(Step { what: what.to_owned(), each });
        }
        drop(sockets);
        self.program.restart(Duration::ZERO).await;
        self.polls(1).await;
        self.forget().await;
    }

    /// Reads all sockets for so long, which also answers their pings.
    async fn heard(&self, sockets: &mut [Socket], long: Duration) {
        let read = sockets.iter_mut().map(|socket| async move {
            let all = async { while let Some(Ok(_)) = socket.next().await {} };
            assert!(timeout(long, all).await.is_err(), "a socket was closed");
        });
        futures_util::future::join_all(read).await;
    }

    async fn end(&mut self) {
        let ended = self.clients.iter().map(|client| self.program.servicenow.end(client.conversation()));
        assert!(a_few_at_a_time(ended).await.iter().all(|result| result.is_success()));
        self.polls(2).await;
        self.step(END, CHATS).await;
        self.polls(IDLE).await;
        self.step(AFTER_POLL, CHATS * IDLE).await;
    }
}
