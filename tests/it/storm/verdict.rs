//! Nothing lost, nothing doubled that can be told apart, nothing swapped, nothing of somebody else's.

use std::{
    collections::{HashMap, HashSet},
    fs,
};

use futures_util::future::join_all;
use serde_json::Value;
use servicenow_handoff::{
    domain::Timestamp,
    simulate::servicenow::{Effect, Fault, Recorded},
};

use crate::{
    eventually::found,
    faults::stage::Stage,
    storm::{
        client::Client,
        size::Size,
        talk::{Talk, UNASKED, answer, code, question, unasked},
    },
};

/// What the user is told of a message whose call met two kills.
const DOUBTFUL: &str = "This message may not have arrived: ";
/// Milliseconds that a call may have been on its way when its program died.
const ON_THE_WAY: i64 = 3_000;

/// Some calls are answered with words.
pub fn quoting() -> Fault {
    Fault::new(Effect::Quoted).of("MESSAGE").one_in(3)
}

/// The user's messages as ServiceNow was told them, by conversation.
pub fn told(stage: &Stage) -> HashMap<String, Vec<Recorded>> {
    let mut told: HashMap<String, Vec<Recorded>> = HashMap::new();
    for call in stage.servicenow.requests().into_iter().filter(|call| call.action.is_empty()) {
        told.entry(call.session.clone()).or_default().push(call);
    }
    told
}

/// The last words may still be on their way when everybody has read everything. The clients poll on, as
/// clients do, which is also what makes a call of a killed program's be made again.
pub async fn all_was_told(stage: &Stage, size: &Size, talks: &mut [Talk]) {
    found("the last words of all users reach ServiceNow", async || {
        join_all(talks.iter_mut().map(|talk| talk.writer.read_on())).await;
        let told = told(stage);
        let has_all = |talk: &&Talk| {
            let last = question(talk.number, size.messages);
            let is_told = |calls: &Vec<Recorded>| calls.iter().any(|call| call.text == last);
            told.get(&talk.conversation).is_some_and(is_told) || is_doubtful(talk, &last)
        };
        talks.iter().all(|talk| has_all(&talk)).then_some(())
    })
    .await;
}

/// Checks one conversation; how many calls were made again.
pub fn of(talk: &Talk, calls: &[Recorded], size: &Size, kills: &[Timestamp], trouble: usize) -> Repeats {
    talk.readers().for_each(|reader| check_what_the_user_read(talk, reader, calls, size));
    check_what_servicenow_was_told(talk, calls, size);
    repeats(calls, kills, trouble)
}

/// A code is nowhere but at ServiceNow.
pub fn check_that_nobody_kept_a_code(stage: &Stage, talks: &[Talk]) {
    let mut kept = stage.stored();
    kept.extend(stage.processes.iter().map(|process| fs::read(&process.log).unwrap()));
    for talk in talks {
        let code = code(talk.number);
        let has = |bytes: &Vec<u8>| memchr::memmem::find(bytes, code.as_bytes()).is_some();
        assert!(!kept.iter().any(has), "{code} was stored or logged");
        let mut read = talk.readers().chain([&talk.writer]).flat_map(|reader| &reader.read);
        assert!(!read.any(|(_, activity)| activity.to_string().contains(&code)), "{code} was shown");
    }
}

fn check_what_the_user_read(talk: &Talk, reader: &Client, calls: &[Recorded], size: &Size) {
    let ids: Vec<&str> = reader.read.iter().map(|(_, activity)| activity["id"].as_str().unwrap()).collect();
    let distinct: HashSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), distinct.len(), "{} was shown something twice", talk.conversation);
    let text = |(_, activity): &(Timestamp, serde_json::Value)| activity["text"].as_str().unwrap().to_owned();
    let shown = |what: &str| -> Vec<String> {
        let messages = reader.read.iter().filter(|(_, activity)| activity["type"] == "message");
        let texts = messages.filter_map(|(_, activity)| activity["text"].as_str().map(str::to_owned));
        texts.filter(|text| text.starts_with(what)).collect()
    };
    assert_eq!(shown("answer "), (1..=size.messages).map(|n| answer(talk.number, n)).collect::<Vec<_>>());
    assert_eq!(shown("unasked "), (1..=UNASKED).map(|n| unasked(talk.number, n)).collect::<Vec<_>>());
    let mut quoted: Vec<String> = calls
        .iter()
        .filter(|call| call.text != code(talk.number) && quoting().strikes(&call.request_id))
        .map(|call| format!("Taken: {}", call.client_message_id))
        .collect();
    quoted.dedup();
    let mut quotes = shown("Taken: ").into_iter().peekable();
    quoted.retain(|quote| quotes.next_if_eq(quote).is_none());
    // One whose call met two kills is given up, and the user is told that it may not have arrived.
    let doubtful = texts_of(reader).filter(|text| text.starts_with(DOUBTFUL)).count();
    assert!(
        quoted.len() <= doubtful,
        "{quoted:?} were not read, and {doubtful} calls were said to be doubtful"
    );
    // In front of the echoes stands the request for a person.
    let echoes: Vec<(String, String)> = reader
        .heard("user")
        .skip(1)
        .take(size.messages)
        .map(|read| (read.1["id"].as_str().unwrap().to_owned(), text(read)))
        .collect();
    let said = talk.questions.iter().zip(1..);
    let expected: Vec<(String, String)> =
        said.map(|((_, id), n)| (id.clone(), question(talk.number, n))).collect();
    assert_eq!(echoes, expected);
}

/// The user was told that it may not have arrived: its call met two kills, perhaps both before it was on its way.
fn is_doubtful(talk: &Talk, question: &str) -> bool {
    texts_of(&talk.writer).any(|text| text.strip_prefix(DOUBTFUL) == Some(question))
}

fn texts_of(reader: &Client) -> impl Iterator<Item = &str> {
    reader.read.iter().filter_map(|(_, activity)| activity["text"].as_str())
}

/// A repeat stands right behind the first and has its ids.
fn check_what_servicenow_was_told(talk: &Talk, calls: &[Recorded], size: &Size) {
    let code = code(talk.number);
    let (codes, calls): (Vec<&Recorded>, Vec<&Recorded>) = calls.iter().partition(|call| call.text == code);
    let entered: HashSet<&str> = codes.iter().map(|call| call.request_id.as_str()).collect();
    assert!((1..=talk.entered).contains(&entered.len()), "{code}: {entered:?}");
    let mut distinct: Vec<&Recorded> = calls;
    distinct.dedup_by_key(|call| (&call.request_id, &call.client_message_id));
    let texts: Vec<&str> = distinct.iter().map(|call| call.text.as_str()).collect();
    let mut said: Vec<String> = (1..=size.messages).map(|n| question(talk.number, n)).collect();
    said.retain(|question| texts.contains(&question.as_str()) || !is_doubtful(talk, question));
    assert_eq!(texts, said);
    let requests: HashSet<&str> = distinct.iter().map(|call| call.request_id.as_str()).collect();
    let messages: HashSet<&str> = distinct.iter().map(|call| call.client_message_id.as_str()).collect();
    assert_eq!((requests.len(), messages.len()), (said.len(), said.len()));
}

/// Calls that were made again, by what made it so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Repeats {
    /// The program that made the call was killed.
    pub killed: usize,
    /// The program says that it got no answer, or could not store it.
    pub told: usize,
}

/// Each repeat must have a kill of its own between the two calls, or a line of its own in the log.
fn repeats(calls: &[Recorded], kills: &[Timestamp], trouble: usize) -> Repeats {
    let (mut left, mut repeats) = (kills.to_vec(), Repeats::default());
    for (place, again) in calls.iter().enumerate() {
        let first = calls[..place].iter().rfind(|call| call.request_id == again.request_id);
        let Some(first) = first else { continue };
        let between = |kill: &Timestamp| first.at.plus_millis(-ON_THE_WAY) <= *kill && *kill <= again.at;
        match left.iter().position(between) {
            Some(kill) => {
                left.remove(kill);
                repeats.killed += 1;
            }
            None => repeats.told += 1,
        }
        assert!(
            repeats.told <= trouble,
            "{} was told twice, {} ms apart, and no program died or had trouble between",
            first.text,
            again.at.millis_since(first.at)
        );
    }
    repeats
}

/// How often the programs say that they got no answer about a message, or could not store that they did; by conversation.
pub fn trouble(stage: &Stage) -> HashMap<String, usize> {
    let mut all: HashMap<String, usize> = HashMap::new();
    for process in &stage.processes {
        for line in fs::read_to_string(&process.log).unwrap().lines() {
            if let Some(conversation) = troubled(line) {
                *all.entry(conversation).or_default() += 1;
            }
        }
    }
    all
}

/// The conversation that a line of the log, in either style, says has trouble. A line that a kill cut short says nothing.
fn troubled(line: &str) -> Option<String> {
    if !["ServiceNow did not take it", "Delivery stopped"].iter().any(|words| line.contains(words)) {
        return None;
    }
    match serde_json::from_str::<Value>(line) {
        Ok(line) => line["conversation.id"].as_str().map(str::to_owned),
        Err(_) => line.split_once("conversation.id=")?.1.split(' ').next().map(str::to_owned),
    }
}
