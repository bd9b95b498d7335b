//! From steps counted to a month: what a thousand chats of a certain shape come to.

use std::fmt::Write as _;

use super::chats::{
    ANSWER, BOT_POLL, BOT_POST, CONFIRMED, Counted, END, HAND_OFF, IDLE_POLL, JOINED, Operations, QUESTION,
    SHOWN, SWEEP, SWEEP_OPEN, held,
};

/// The chat of the worked example; times in seconds.
struct Chat {
    with_bot: f64,
    with_person: f64,
    /// To the bot, the request for a person included.
    posts_to_bot: f64,
    questions: f64,
    answers: f64,
    /// Webhooks besides answers: in the queue, a person has joined, the chat has ended.
    signs: f64,
    /// A token, and the conversation started.
    start: f64,
}

const CHAT: Chat = Chat {
    with_bot: 120.0,
    with_person: 480.0,
    posts_to_bot: 3.0,
    questions: 10.0,
    answers: 10.0,
    signs: 3.0,
    start: 1.0,
};

/// How clients poll: the pause between the beginnings of two polls, and `LONG_POLL`, in seconds.
const WAYS: [(f64, u64); 5] = [(1.0, 0), (1.0, 2), (1.0, 10), (3.0, 0), (3.0, 10)];
const CHATS: f64 = 1_000.0;

pub fn table(counted: &Counted) -> String {
    let mut text = format!(
        "1,000 chats of {} messages: {} s with the bot, {} s with a person.\n\n",
        CHAT.questions + CHAT.answers,
        CHAT.with_bot,
        CHAT.with_person
    );
    text.push_str("| polls every | LONG_POLL | polls | executions | seconds polls are held | writes | reads | lists, other |\n");
    text.push_str("|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (pause, hold) in WAYS {
        let polls = Polls::of(&CHAT, pause, hold);
        let executions =
            (polls.all() + CHAT.start + CHAT.posts_to_bot + CHAT.questions + CHAT.answers + CHAT.signs)
                * CHATS;
        let each = operations(counted, &polls, hold);
        let [writes, reads, rest] =
            [each.writes(), each.reads(), each.lists() + each.others()].map(|n| (n * CHATS).round());
        let held = polls.idle * polls.held * CHATS;
        let _ = writeln!(
            text,
            "| {pause} s | {hold} s | {:.0} | {executions:.0} | {held:.0} | {writes:.0} | {reads:.0} | {rest:.0} |",
            polls.all() * CHATS
        );
    }
    let (empty, open) = (counted.of(SWEEP), counted.of(SWEEP_OPEN));
    let _ = writeln!(
        text,
        "\nSweeps of 30 days: 43,200 executions, {:.0} lists; and {:.1} reads a minute for each chat then open.",
        empty.lists() * 43_200.0,
        open.reads()
    );
    text
}

/// Polls of one chat.
struct Polls {
    with_bot: f64,
    /// Those that bring nothing while a person is there.
    idle: f64,
    /// Those that bring something.
    full: f64,
    /// Seconds that an idle one is held.
    held: f64,
}

impl Polls {
    /// A poll that brings something is answered at once; the others last as long as they are held.
    fn of(chat: &Chat, pause: f64, hold: u64) -> Self {
        let hold = hold as f64;
        let full = chat.questions + chat.answers;
        let idle = (chat.with_person - full * pause).max(0.0) / pause.max(hold);
        Self { with_bot: chat.with_bot / pause, idle, full, held: hold }
    }

    fn all(&self) -> f64 {
        self.with_bot + self.idle + self.full
    }
}

/// Of one chat.
fn operations(counted: &Counted, polls: &Polls, hold: u64) -> Operations {
    let mut sum = Operations::default();
    let mut add = |what: &str, times: f64| sum.add(counted.of(what), times);
    add(BOT_POST, CHAT.posts_to_bot);
    add(BOT_POLL, polls.with_bot);
    add(HAND_OFF, 1.0);
    add(JOINED, 1.0);
    add(QUESTION, CHAT.questions);
    add(ANSWER, CHAT.answers);
    add(SHOWN, polls.full);
    add(END, 1.0);
    match hold {
        0 => add(IDLE_POLL, polls.idle),
        _ => add(&held(hold), polls.idle),
    }
    // A confirming poll is one of the others as well.
    add(CONFIRMED, CHAT.answers);
    add(IDLE_POLL, -CHAT.answers);
    sum
}
