//! Primary bots that repeat themselves, lose patience and crash, before programs of which one is killed every few seconds: each
//! request is said to the agent once and in order, and has one answer.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, fs,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use servicenow_handoff::simulate::servicenow::ServiceNowOptions;

use super::{Container, FAILING, PROGRAMS, figures::quantiles, size::Size, weather};
use crate::{
    eventually::found,
    faults::{random::Random, stage::Stage},
    secondary::{
        page,
        world::{PATH, Sink, TOKEN, to},
    },
};

/// How soon a primary bot that got no answer asks again, in milliseconds; up to twice that.
const AGAIN: u64 = 100;
/// Milliseconds after which one that has little patience hangs up.
const HANGS_UP: u64 = 400;

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
    check_what_the_agent_heard(stage, size);
    let came = by_request(sink);
    for asked in &asked {
        figures.add(asked, &came);
    }
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

/// Each session's agent heard all of it, once and in order, over as many conversations as it took.
fn check_what_the_agent_heard(stage: &Stage, size: &Size) {
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for conversation in stage.copilot.conversations() {
        for activity in stage.copilot.said_to_bot(&conversation) {
            if let (Some(user), Some(text)) = (activity["from"]["id"].as_str(), activity["text"].as_str()) {
                heard.entry(user.to_owned()).or_default().push(text.to_owned());
            }
        }
    }
    for number in 0..size.conversations {
        let said: Vec<_> = (1..=size.messages).map(|n| words(number, n)).collect();
        assert_eq!(heard.get(&session(number)), Some(&said), "session {number}");
    }
}

/// A primary bot with one session; every second one waits for its answers.
struct Primary<'a> {
    number: usize,
    stage: &'a Stage,
    random: Random,
    trouble: Trouble,
}

/// What became of one session's requests.
struct Asked {
    session: String,
    /// Milliseconds from the first try to the answer.
    took: Vec<i64>,
    /// Requests whose answers go to the response address.
    asynchronous: Vec<(String, String)>,
    trouble: Trouble,
}

/// Why requests were made again.
#[derive(Clone, Copy, Default)]
struct Trouble {
    hung_up: usize,
    unanswered: usize,
    put_off: usize,
    doubled: usize,
}

impl Primary<'_> {
    async fn ask_all(mut self, size: &Size) -> Asked {
        let waits = self.number.is_multiple_of(2);
        let (mut took, mut asynchronous) = (vec![], vec![]);
        for n in 1..=size.messages {
            tokio::time::sleep(Duration::from_millis(self.random.below(2 * size.pause + 1))).await;
            let began = Instant::now();
            let (id, text) = (format!("{}-{n}", session(self.number)), words(self.number, n));
            let answer = self.ask(&id, &text, waits).await;
            took.push(i64::try_from(began.elapsed().as_millis()).unwrap());
            if waits {
                check(&answer, &id, &text);
            } else {
                assert_eq!(answer, json!({"status": "success"}), "{id}");
                asynchronous.push((id, text));
            }
        }
        Asked { session: session(self.number), took, asynchronous, trouble: self.trouble }
    }

    /// Asks any program until one answers in full; sometimes two at once.
    async fn ask(&mut self, id: &str, text: &str, waits: bool) -> Value {
        let body = json!({"requestId": id, "clientSessionId": session(self.number), "userId": session(self.number),
            "syncResponse": waits, "message": {"text": text, "typed": true}});
        loop {
            let hangs_up = self.random.below(5) == 0;
            let patience = if hangs_up { HANGS_UP } else { 120_000 };
            let (one, other) = (self.call(&body, patience), self.call(&body, patience));
            let answers = if self.random.below(6) == 0 {
                self.trouble.doubled += 1;
                let (one, other) = tokio::join!(one, other);
                vec![one, other]
            } else {
                vec![one.await]
            };
            let whole: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
            if let [one, other] = whole[..] {
                assert_eq!(one, other, "one answer to {id}");
            }
            if let Some(answer) = whole.first() {
                page::echoes(&body, answer);
                return (*answer).clone();
            }
            for failed in answers.into_iter().filter_map(Result::err) {
                match failed {
                    Some(503) => self.trouble.put_off += 1,
                    Some(status) => panic!("{id}: {status}"),
                    None if hangs_up => self.trouble.hung_up += 1,
                    None => self.trouble.unanswered += 1,
                }
            }
            tokio::time::sleep(Duration::from_millis(AGAIN + self.random.below(AGAIN))).await;
        }
    }

    /// The error: its status, if there was one.
    fn call(
        &mut self,
        body: &Value,
        patience: u64,
    ) -> impl Future<Output = Result<Value, Option<u16>>> + use<> {
        let processes = &self.stage.processes;
        let url = &processes[usize::try_from(self.random.below(processes.len() as u64)).unwrap()].url;
        let post = self.stage.http.post(format!("{url}{PATH}")).header("token", TOKEN);
        let post = post.timeout(Duration::from_millis(patience)).body(body.to_string());
        async move {
            let answer = post.send().await.map_err(|_| None)?;
            let status = answer.status().as_u16();
            let told = answer.bytes().await.map_err(|_| None)?;
            let told = serde_json::from_slice(&told).map_err(|_| None)?;
            page::holds(PATH, "post", status, &told);
            if status == 200 { Ok(told) } else { Err(Some(status)) }
        }
    }
}

/// The agent's answer to these words, and nothing else.
fn check(answer: &Value, id: &str, text: &str) {
    let said: Vec<_> =
        answer["body"].as_array().unwrap().iter().filter_map(|one| one["value"].as_str()).collect();
    assert_eq!(said, [format!("You said: {text}")], "{id}");
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
    waited: Vec<i64>,
    taken: Vec<i64>,
}

impl Figures {
    fn add(&mut self, asked: &Asked, came: &HashMap<String, Vec<Value>>) {
        let Asked { session: _, took, asynchronous, trouble } = asked;
        if asynchronous.is_empty() { &mut self.waited } else { &mut self.taken }.extend(took);
        self.trouble.hung_up += trouble.hung_up;
        self.trouble.unanswered += trouble.unanswered;
        self.trouble.put_off += trouble.put_off;
        self.trouble.doubled += trouble.doubled;
        for (id, text) in asynchronous {
            let Some(answers) = came.get(id) else {
                self.given_up += 1;
                continue;
            };
            check(&answers[0], id, text);
            assert!(answers.iter().all(|answer| answer == &answers[0]), "one answer to {id}: {answers:?}");
            self.again += answers.len() - 1;
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, kills, lasted, trouble, again, given_up, waited, taken } = self;
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
        writeln!(f, "| to a whole answer, ms: median, 99 %, slowest | {} |", quantiles(waited))?;
        writeln!(
            f,
            "| to the 200 of a request answered later, ms: median, 99 %, slowest | {} |",
            quantiles(taken)
        )?;
        write!(f, "| lost, doubled, swapped | 0 |")
    }
}
