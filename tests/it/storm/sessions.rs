//! Primary bots that repeat themselves, lose patience and crash, before programs of which one is killed every few seconds: each
//! request is said to the agent once and in order, and has one answer.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt, fs,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::Value;
use servicenow_handoff::simulate::servicenow::ServiceNowOptions;

use self::primary::{Asked, Primary, Trouble, check};
use super::{Container, FAILING, PROGRAMS, figures::quantiles, size::Size, weather};
use crate::{
    eventually::found,
    faults::{random::Random, stage::Stage},
    secondary::world::{Sink, TOKEN, to},
};

mod primary;

/// One request in so many may be answered so, and no more: a store that is hardly there takes leases from who works.
const RARELY: usize = 50;

#[tokio::test]
async fn primary_bots_get_one_answer_to_each_request_while_one_program_after_the_other_is_killed() {
    let size = Size { conversations: 20, messages: 6, pause: 600, poll: 0, kill_every: 2_500 }.or_as_told();
    let sink = Sink::open();
    println!("{}", storm(&stage(&sink, &[]).await, &size, &sink).await);
}

#[tokio::test]
#[ignore = "needs Azurite: npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts"]
async fn primary_bots_get_one_answer_to_each_request_while_storage_fails_too() {
    let size =
        Size { conversations: 60, messages: 20, pause: 1_500, poll: 0, kill_every: 5_000 }.or_as_told();
    let (sink, container) = (Sink::open(), Container::behind_a_proxy());
    let stage = stage(&sink, &[("STORE", &container.store)]).await;
    container.proxy.set(FAILING);
    let figures = storm(&stage, &size, &sink).await;
    println!("{figures}\n{}", container.proxy.counts());
}

/// Programs in the secondary-bot role, whose asynchronous answers go to `sink`.
async fn stage(sink: &Sink, settings: &[(&str, &str)]) -> Stage {
    let own = [("SECONDARY_TOKEN", TOKEN), ("RELAY_QUIET", "200"), ("RELAY_MAX_WAIT", "4000")];
    let settings: Vec<_> = own.into_iter().chain(to(sink)).chain(settings.iter().copied()).collect();
    Stage::on(PROGRAMS, ServiceNowOptions::default(), &settings).await
}

async fn storm(stage: &Stage, size: &Size, sink: &Sink) -> Figures {
    let mut random = Random::seeded();
    let primaries: Vec<_> = (0..size.conversations)
        .map(|number| Primary {
            number,
            stage,
            random: Random(random.below(u64::MAX)),
            trouble: Trouble::default(),
        })
        .collect();
    let (timer, mut trouble) = (Random(random.below(u64::MAX)), Random(random.below(u64::MAX)));
    let refusals = async {
        loop {
            tokio::time::sleep(Duration::from_millis(1_000 + trouble.below(3_000))).await;
            sink.refuse(u32::try_from(trouble.below(3)).unwrap());
        }
    };
    let began = Instant::now();
    let all = join_all(primaries.into_iter().map(|primary| primary.ask_all(size)));
    let storm = async {
        let (asked, kills) = weather::kill_while(stage, size, &mut random, all).await;
        (asked, kills.len())
    };
    let (asked, kills) = tokio::select! {
        done = storm => done,
        never = weather::fire_timer(stage, timer) => match never {},
        () = refusals => unreachable!("it never ends"),
    };
    let lasted = began.elapsed();
    found("all answers come to the response address, but for those that were given up", async || {
        join_all(stage.processes.iter().map(|process| process.fire_timer())).await;
        let (came, given_up) = (by_request(sink), given_up(stage));
        let missing =
            |asked: &Asked| asked.asynchronous.iter().filter(|(id, _)| !came.contains_key(id)).count();
        asked
            .iter()
            .all(|asked| missing(asked) <= given_up.get(&asked.session).copied().unwrap_or(0))
            .then_some(())
    })
    .await;
    let mut figures = Figures { size: *size, kills, lasted, ..Figures::default() };
    let came = by_request(sink);
    let mut in_doubt = HashSet::new();
    for mut asked in asked {
        figures.add(&mut asked, &came);
        in_doubt.extend(asked.in_doubt);
    }
    figures.in_doubt = in_doubt.len();
    assert!(in_doubt.len() <= size.conversations * size.messages / RARELY, "{in_doubt:?}");
    check_what_the_agent_heard(stage, size, &in_doubt);
    figures
}

/// What came to the response address, by the request it answers: signs of typing, and what was said unasked, left out.
fn by_request(sink: &Sink) -> HashMap<String, Vec<Value>> {
    let mut answers: HashMap<String, Vec<Value>> = HashMap::new();
    for answer in sink.said() {
        let id = answer["requestId"].as_str().unwrap_or_default().to_owned();
        answers.entry(id).or_default().push(answer);
    }
    answers
}

/// How many answers of a session were given up, as the log says: one that may have arrived is sent again once after its program was
/// killed, and no more when that happens again.
fn given_up(stage: &Stage) -> HashMap<String, usize> {
    let mut sessions = HashMap::new();
    for process in &stage.processes {
        let log = fs::read_to_string(&process.log).unwrap();
        let told =
            log.lines().filter(|line| line.contains("The primary bot did not take an answer; gave up"));
        for line in told.filter(|line| line.contains("MayHaveArrived")) {
            let line: Value = serde_json::from_str(line).unwrap();
            let id = line.pointer("/fields/session.id").or(line.get("session.id")).unwrap().as_str().unwrap();
            let name = id.trim_start_matches("s:").split('~').next().unwrap();
            *sessions.entry(name.to_owned()).or_default() += 1;
        }
    }
    sessions
}

/// Each session's agent heard all of it, once and in order, over as many conversations as it took; what its user was told to be
/// in doubt, it may have heard.
fn check_what_the_agent_heard(stage: &Stage, size: &Size, in_doubt: &HashSet<String>) {
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for conversation in stage.copilot.conversations() {
        for activity in stage.copilot.said_to_bot(&conversation) {
            if let (Some(user), Some(text)) = (activity["from"]["id"].as_str(), activity["text"].as_str()) {
                heard.entry(user.to_owned()).or_default().push(text.to_owned());
            }
        }
    }
    for number in 0..size.conversations {
        let heard = heard.remove(&session(number)).unwrap_or_default();
        let said = (1..=size.messages).map(|n| words(number, n));
        let said: Vec<_> = said.filter(|words| heard.contains(words) || !in_doubt.contains(words)).collect();
        assert_eq!(heard, said, "session {number}");
    }
}

fn session(number: usize) -> String {
    format!("session-{number}")
}

fn words(number: usize, n: usize) -> String {
    format!("question {n} of session {number}")
}

#[derive(Default)]
struct Figures {
    size: Size,
    kills: usize,
    lasted: Duration,
    trouble: Trouble,
    /// Answers that the response address got again, word for word.
    again: usize,
    /// Answers that were given up, their program killed twice while they were on their way.
    given_up: usize,
    /// Requests whose user was told that nobody knows whether the agent heard them.
    in_doubt: usize,
    waited: Vec<i64>,
    taken: Vec<i64>,
}

impl Figures {
    fn add(&mut self, asked: &mut Asked, came: &HashMap<String, Vec<Value>>) {
        let Asked { session: _, took, asynchronous, in_doubt, trouble } = asked;
        if asynchronous.is_empty() { &mut self.waited } else { &mut self.taken }.extend(&*took);
        self.trouble.hung_up += trouble.hung_up;
        self.trouble.unanswered += trouble.unanswered;
        self.trouble.put_off += trouble.put_off;
        self.trouble.doubled += trouble.doubled;
        for (id, text) in &*asynchronous {
            let Some(answers) = came.get(id) else {
                self.given_up += 1;
                continue;
            };
            check(&answers[0], id, text, in_doubt);
            assert!(answers.iter().all(|answer| answer == &answers[0]), "one answer to {id}: {answers:?}");
            self.again += answers.len() - 1;
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, kills, lasted, trouble, again, given_up, in_doubt, waited, taken } = self;
        writeln!(f, "| figure | value |\n|---|--:|")?;
        writeln!(f, "| sessions at once | {} |", size.conversations)?;
        writeln!(f, "| requests | {} |", size.conversations * size.messages)?;
        writeln!(f, "| seconds | {:.0} |", lasted.as_secs_f64())?;
        writeln!(f, "| programs killed | {kills} |")?;
        writeln!(f, "| requests made twice at once | {} |", trouble.doubled)?;
        writeln!(f, "| requests hung up on, made again | {} |", trouble.hung_up)?;
        writeln!(f, "| requests without an answer, made again | {} |", trouble.unanswered)?;
        writeln!(f, "| requests answered 503, made again | {} |", trouble.put_off)?;
        writeln!(f, "| answers sent to the response address again, the same | {again} |")?;
        writeln!(f, "| answers given up, their program killed twice meanwhile | {given_up} |")?;
        writeln!(f, "| requests of which nobody could tell whether they arrived, said so | {in_doubt} |")?;
        writeln!(f, "| to a whole answer, ms: median, 99 %, slowest | {} |", quantiles(waited))?;
        writeln!(
            f,
            "| to the 200 of a request answered later, ms: median, 99 %, slowest | {} |",
            quantiles(taken)
        )?;
        write!(f, "| lost, doubled, swapped | 0 |")
    }
}
