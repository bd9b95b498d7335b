//! The figures of a storm.

use std::{fmt, time::Duration};

use servicenow_handoff::{domain::Timestamp, simulate::servicenow::Recorded};

use crate::storm::{
    client::Counts,
    size::Size,
    talk::{Talk, question},
    verdict::Repeats,
};

#[derive(Default)]
pub struct Figures {
    conversations: usize,
    messages: usize,
    kills: usize,
    lasted: Duration,
    /// What the clients met: requests without an answer, and those answered 503, are made again.
    met: Counts,
    /// Times that Direct Line's sockets were closed.
    drops: usize,
    webhooks_unanswered: usize,
    webhooks_put_off: usize,
    /// Masked answers, and how often their words were gone and asked for again.
    codes: usize,
    entered_again: usize,
    repeats: Repeats,
    /// Milliseconds from the first try of the sender's to the other side.
    to_agent: Vec<i64>,
    to_user: Vec<i64>,
}

impl Figures {
    pub fn new(size: &Size, kills: &[Timestamp], drops: usize, lasted: Duration) -> Self {
        Self {
            conversations: size.conversations,
            messages: size.conversations * size.messages,
            kills: kills.len(),
            drops,
            lasted,
            ..Self::default()
        }
    }

    pub fn add(&mut self, talk: &Talk, calls: &[Recorded], repeats: Repeats) {
        let Talk { reader, writer, webhooks, .. } = talk;
        for Counts { polls, frames, cut, ended, unanswered, put_off } in
            talk.readers().chain([writer]).map(|client| client.counts)
        {
            self.met.polls += polls;
            self.met.frames += frames;
            self.met.cut += cut;
            self.met.ended += ended;
            self.met.unanswered += unanswered;
            self.met.put_off += put_off;
        }
        self.webhooks_unanswered += webhooks.unanswered;
        self.webhooks_put_off += webhooks.put_off;
        self.codes += 1;
        self.entered_again += talk.entered - 1;
        self.repeats.killed += repeats.killed;
        self.repeats.told += repeats.told;
        for ((at, _), n) in talk.questions.iter().zip(1..) {
            let text = question(talk.number, n);
            let arrived = calls.iter().find(|call| call.text == text);
            self.to_agent.extend(arrived.map(|call| call.at.millis_since(*at)));
        }
        for (at, (arrived, _)) in
            talk.answers.iter().zip(reader.heard("agent").filter(|(_, said)| is_answer(said)))
        {
            self.to_user.push(arrived.millis_since(*at));
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { conversations, messages, kills, drops, lasted, repeats, .. } = self;
        let Counts { polls, frames, cut, ended, unanswered, put_off } = self.met;
        writeln!(f, "| figure | value |\n|---|--:|")?;
        writeln!(f, "| conversations at once | {conversations} |")?;
        writeln!(f, "| messages each way | {messages} |")?;
        writeln!(f, "| seconds | {:.0} |", lasted.as_secs_f64())?;
        writeln!(f, "| programs killed | {kills} |")?;
        writeln!(f, "| polls; frames over sockets | {polls}; {frames} |")?;
        writeln!(f, "| sockets cut by clients; ended otherwise | {cut}; {ended} |")?;
        writeln!(f, "| Direct Line's sockets closed, all at once | {drops} times |")?;
        writeln!(f, "| clients' requests without an answer, made again | {unanswered} |")?;
        writeln!(f, "| clients' requests answered 503, made again | {put_off} |")?;
        writeln!(f, "| webhooks without an answer, sent again | {} |", self.webhooks_unanswered)?;
        writeln!(f, "| webhooks answered 503, sent again | {} |", self.webhooks_put_off)?;
        writeln!(f, "| masked answers, asked for again | {}, {} |", self.codes, self.entered_again)?;
        let Repeats { killed, told } = repeats;
        writeln!(f, "| calls to ServiceNow made again after a kill, with their ids | {killed} |")?;
        writeln!(f, "| calls to ServiceNow made again after no answer, with their ids | {told} |")?;
        writeln!(f, "| user to agent, ms: median, 99 %, slowest | {} |", quantiles(&self.to_agent))?;
        writeln!(f, "| agent to user, ms: median, 99 %, slowest | {} |", quantiles(&self.to_user))?;
        write!(f, "| lost, doubled, swapped | 0 |")
    }
}

fn is_answer(activity: &serde_json::Value) -> bool {
    activity["text"].as_str().is_some_and(|text| text.starts_with("answer "))
}

pub fn quantiles(millis: &[i64]) -> String {
    let mut sorted = millis.to_vec();
    sorted.sort_unstable();
    let at = |percent: usize| {
        sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
    };
    format!("{}, {}, {}", at(50), at(99), at(100))
}
