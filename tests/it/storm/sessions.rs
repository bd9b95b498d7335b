//! Primary bots that repeat themselves, lose patience and crash, before programs of which one is killed every few seconds: each
//! request is said to the agent once and in order, and has one answer.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt, fs, slice,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::Value;
use servicenow_handoff::{
    secondary_bot::ask,
    simulate::servicenow::ServiceNowOptions,
    wire::virtual_agent::request::{Action, Request},
};

use self::primary::{Asked, Primary, Trouble, check};
use super::{Container, FAILING, PROGRAMS, figures::quantiles, size::Size, weather};
use crate::{
    eventually::PATIENCE,
    faults::{random::Random, stage::Stage},
    secondary::world::{Sink, TOKEN, to},
};

mod primary;

/// One request in so many may be answered so, and no more: a store that is hardly there, on a machine that is busy with something
/// else, takes leases from who works.
const RARELY: usize = 4;
/// How much of a journal a failure shows.
const FACTS_SHOWN: usize = 20;
/// When no answer has come for so long, the journals are asked whether the others were given up.
const QUIET: Duration = Duration::from_secs(10);
/// Between two sweeps of all programs while the last answers are waited for.
const SWEPT: Duration = Duration::from_secs(1);

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
    let given_up = all_answered(stage, sink, &asked).await;
    let mut figures = Figures { size: *size, kills, lasted, given_up: given_up.len(), ..Figures::default() };
    let came = by_request(sink);
    let mut in_doubt = HashSet::new();
    for mut asked in asked {
        figures.add(&mut asked, &came, &given_up);
        in_doubt.extend(asked.in_doubt);
    }
    figures.in_doubt = in_doubt.len();
    assert!(in_doubt.len() <= size.conversations * size.messages / RARELY, "{in_doubt:?}");
    check_what_the_agent_heard(stage, size, &in_doubt);
    check_why_answers_were_given_up(stage);
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

/// Waits until every answer has come to the response address or was given up, for as long as some of them still come; by their
/// requests those that were given up.
async fn all_answered(stage: &Stage, sink: &Sink, asked: &[Asked]) -> HashMap<String, Value> {
    let mut moved = Instant::now();
    loop {
        let missing = missing(sink, asked);
        let fewer = async {
            while self::missing(sink, asked).len() == missing.len() && !missing.is_empty() {
                join_all(stage.processes.iter().map(|process| process.fire_timer())).await;
                tokio::time::sleep(SWEPT).await;
            }
        };
        if tokio::time::timeout(QUIET, fewer).await.is_ok() && !missing.is_empty() {
            moved = Instant::now();
            continue;
        }
        let sessions: BTreeSet<_> = missing.iter().map(|(session, _)| *session).collect();
        let mut given_up: HashMap<_, _> =
            sessions.into_iter().flat_map(|session| dropped(stage, session).unwrap_or_default()).collect();
        given_up.retain(|id, _| missing.iter().any(|(_, missed)| *missed == id));
        if given_up.len() == missing.len() {
            return given_up;
        }
        assert!(moved.elapsed() < PATIENCE, "neither came nor given up: {missing:?}, {given_up:?}");
    }
}

/// Sessions and requests whose answers have not come to the response address.
fn missing<'a>(sink: &Sink, asked: &'a [Asked]) -> Vec<(&'a str, &'a str)> {
    let came = by_request(sink);
    let requests = asked
        .iter()
        .flat_map(|asked| asked.asynchronous.iter().map(|(id, _)| (asked.session.as_str(), id.as_str())));
    requests.filter(|(_, id)| !came.contains_key(*id)).collect()
}

/// The answers of a session that were given up, by their requests, as its journal says: one that may have arrived is sent again once
/// after its program was killed, and no more when that happens again. A program that was killed right behind it has not logged it.
fn dropped(stage: &Stage, session: &str) -> Option<HashMap<String, Value>> {
    let facts = facts(stage, session)?;
    let dropped = facts.iter().filter(|fact| fact["fact"] == "settled" && fact["outcome"] == "dropped");
    let calls = dropped.map(|fact| &facts[fact["call"][0].as_u64().unwrap() as usize]);
    let answers = calls.filter(|call| call["fact"] == "answered").map(|answered| answered["body"].clone());
    Some(answers.map(|body| (body["requestId"].as_str().unwrap_or_default().to_owned(), body)).collect())
}

/// A session's journal, as the operator's command shows it.
fn facts(stage: &Stage, session: &str) -> Option<Vec<Value>> {
    let id = ask::session(&Request::new("", session, session, Action::default()));
    let shown = stage.processes[0].run(&["conversations", "export", id.as_str()])?;
    let mut shown: Value = serde_json::from_str(&shown).unwrap();
    serde_json::from_value(shown["facts"].take()).unwrap()
}

/// No answer is given up for another reason than that its program was killed twice meanwhile.
fn check_why_answers_were_given_up(stage: &Stage) {
    for process in &stage.processes {
        let log = fs::read_to_string(&process.log).unwrap();
        let mut told =
            log.lines().filter(|line| line.contains("The primary bot did not take an answer; gave up"));
        assert!(told.all(|line| line.contains("MayHaveArrived")), "{log}");
    }
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
        assert_eq!(
            heard,
            said,
            "session {number}: {}",
            what_became_of_the_first_lost(stage, number, &heard, &said)
        );
    }
}

/// For whoever reads why the storm failed.
fn what_became_of_the_first_lost(stage: &Stage, number: usize, heard: &[String], said: &[String]) -> String {
    let Some(lost) = said.iter().find(|words| !heard.contains(words)) else { return String::new() };
    let facts = facts(stage, &session(number)).unwrap_or_default();
    let asked = facts.iter().skip_while(|fact| fact["text"] != **lost);
    asked.take(FACTS_SHOWN).map(|fact| format!("\n{fact}")).collect()
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
    /// What was given up says as well as what came whether the agent heard the request.
    fn add(
        &mut self,
        asked: &mut Asked,
        came: &HashMap<String, Vec<Value>>,
        given_up: &HashMap<String, Value>,
    ) {
        let Asked { session: _, took, asynchronous, in_doubt, trouble } = asked;
        if asynchronous.is_empty() { &mut self.waited } else { &mut self.taken }.extend(&*took);
        self.trouble.hung_up += trouble.hung_up;
        self.trouble.unanswered += trouble.unanswered;
        self.trouble.put_off += trouble.put_off;
        self.trouble.doubled += trouble.doubled;
        for (id, text) in &*asynchronous {
            let answers = came.get(id).map_or_else(|| slice::from_ref(&given_up[id]), Vec::as_slice);
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
