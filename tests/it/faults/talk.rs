//! A conversation of a hundred messages each way, while the program is killed at random moments.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use servicenow_handoff::{
    domain::Timestamp,
    simulate::servicenow::{Effect, Fault},
};

use crate::{
    eventually::found,
    faults::{
        client::{AGAIN, Client},
        random::Random,
        stage::Stage,
    },
};

const MESSAGES: usize = 100;
const KILLS: usize = 10;
/// Longer than a round takes, so that a kill may fall anywhere in it.
const ROUND_MILLIS: u64 = 60;
/// ServiceNow takes up to so long for a call.
const WORK_MILLIS: u64 = 30;
/// Milliseconds that a call may have been on its way when its program died.
const ON_THE_WAY: i64 = 3_000;

#[tokio::test]
async fn nothing_is_lost_swapped_or_doubled_when_the_program_is_killed_ten_times() {
    talk_through_kills(1).await;
}

#[tokio::test]
async fn nothing_is_lost_swapped_or_doubled_when_two_programs_on_one_store_are_killed_ten_times() {
    talk_through_kills(2).await;
}

async fn talk_through_kills(processes: usize) {
    let mut random = Random::seeded();
    let stage = Stage::start(processes).await;
    let started = Instant::now();
    let mut reader = stage.live_client().await;
    stage.servicenow.faults().add(Fault::new(Effect::Jitter { ms: WORK_MILLIS }));
    let mut writer = reader.tab();
    let round = Cell::new(0);
    let talk = async { tokio::join!(talk(&stage, &mut writer, &round), read_all(&mut reader)) };
    let (((ids, webhooks), ()), kills) = tokio::join!(talk, kill_now_and_then(&stage, &mut random, &round));
    hear_the_rest(&stage, &mut reader).await;
    let repeats = check_what_servicenow_was_told(&stage, &writer.conversation, kills);
    check_what_the_user_read(&reader, &ids);
    println!(
        "{processes} process(es), {KILLS} kills in {:?}: {} requests and {webhooks} webhooks without an answer, {repeats} calls repeated",
        started.elapsed(),
        writer.unanswered + reader.unanswered,
    );
}

/// In each round both sides say something at the same time. Gives the ids of the user's messages and how
/// many webhooks got no answer.
async fn talk(stage: &Stage, writer: &mut Client, round: &Cell<usize>) -> (Vec<String>, usize) {
    let (mut ids, mut webhooks) = (vec![], 0);
    let session = writer.conversation.clone();
    for n in 1..=MESSAGES {
        round.set(n);
        let text = question(n);
        let (id, unanswered) = tokio::join!(writer.say(&text, &text), agent_says(stage, &session, n));
        ids.push(id);
        webhooks += unanswered;
    }
    round.set(MESSAGES + 1);
    (ids, webhooks)
}

/// The real ServiceNow gives up the chat without an answer; this agent says it again, under the same id.
async fn agent_says(stage: &Stage, session: &str, n: usize) -> usize {
    let text = answer(n);
    for tries in 0.. {
        stage.answer_to((n + tries) % stage.processes.len());
        match stage.servicenow.say_with_id(session, &text, &text).await.status {
            Some(200) => return tries,
            Some(other) => panic!("a webhook was answered {other}"),
            None => tokio::time::sleep(AGAIN).await,
        }
    }
    unreachable!("there is no last try")
}

async fn read_all(reader: &mut Client) {
    let last = answer(MESSAGES);
    while reader.heard("user").len() <= MESSAGES || !reader.heard("agent").iter().any(|(_, t)| *t == last) {
        if reader.read_on().await == 0 {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Kills one process in each tenth of the conversation, at any moment of any of its rounds; tells when.
async fn kill_now_and_then(stage: &Stage, random: &mut Random, round: &Cell<usize>) -> Vec<Timestamp> {
    let mut kills = vec![];
    let tenth = MESSAGES / KILLS;
    for kill in 0..KILLS {
        let at = kill * tenth + random.below(tenth as u64) as usize + 1;
        while round.get() < at {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.below(ROUND_MILLIS))).await;
        let process = &stage.processes[random.below(stage.processes.len() as u64) as usize];
        process.kill();
        kills.push(Timestamp::now());
        process.start().await;
    }
    kills
}

/// The last words may still be on their way when everything has been read. The client polls on, as clients do, which
/// is also what makes a call of a killed program's be made again.
async fn hear_the_rest(stage: &Stage, reader: &mut Client) {
    let (session, last) = (reader.conversation.clone(), question(MESSAGES));
    found("ServiceNow is told the last words", async || {
        reader.read_on().await;
        stage.told(&session).contains(&last).then_some(())
    })
    .await;
}

/// All in order, and no repeat but of the one call that was under way at a kill, right behind it and with
/// its ids; how many such there were.
fn check_what_servicenow_was_told(stage: &Stage, session: &str, mut kills: Vec<Timestamp>) -> usize {
    let calls = stage.servicenow.requests_of(session);
    let mut told: Vec<_> = calls.iter().filter(|call| call.action.is_empty()).collect();
    told.dedup_by_key(|call| (&call.request_id, &call.client_message_id));
    let told: Vec<&str> = told.iter().map(|call| call.text.as_str()).collect();
    assert_eq!(told, (1..=MESSAGES).map(question).collect::<Vec<_>>());
    for (place, again) in calls.iter().enumerate() {
        let first = calls[..place].iter().rfind(|call| call.request_id == again.request_id);
        let Some(first) = first else { continue };
        // The call may have been on its way for a while when the process died.
        let between = |kill: &Timestamp| first.at.plus_millis(-ON_THE_WAY) <= *kill && *kill <= again.at;
        let Some(kill) = kills.iter().position(between) else { panic!("{again:?} repeats {first:?}") };
        kills.remove(kill);
    }
    KILLS - kills.len()
}

fn check_what_the_user_read(reader: &Client, ids: &[String]) {
    let answers: Vec<&str> = reader.heard("agent").into_iter().map(|(_, text)| text).collect();
    assert_eq!(answers, (1..=MESSAGES).map(answer).collect::<Vec<_>>());
    // In front of the echoes stands the request for a person.
    let echoes = reader.heard("user").split_off(1);
    let questions: Vec<String> = (1..=MESSAGES).map(question).collect();
    let expected: Vec<(&str, &str)> =
        ids.iter().map(String::as_str).zip(questions.iter().map(String::as_str)).collect();
    assert_eq!(echoes, expected);
}

fn question(n: usize) -> String {
    format!("question {n}")
}

fn answer(n: usize) -> String {
    format!("answer {n}")
}
