//! Primary bots that repeat themselves, lose patience, and take answers word for word.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{session, words};
use crate::{
    faults::{random::Random, stage::Stage},
    secondary::{
        page,
        world::{PATH, TOKEN},
    },
    storm::size::Size,
};

/// How soon a primary bot that got no answer asks again, in milliseconds; up to twice that.
const AGAIN: u64 = 100;
/// Milliseconds after which one that has little patience hangs up.
const HANGS_UP: u64 = 400;
/// What is answered when nobody can tell whether the agent was told.
const IN_DOUBT: &str = "I can't tell whether your message arrived. Please send it again if no answer comes.";

/// A primary bot with one session; every second one waits for its answers.
pub struct Primary<'a> {
    pub number: usize,
    pub stage: &'a Stage,
    pub random: Random,
    pub trouble: Trouble,
}

/// What became of one session's requests.
pub struct Asked {
    pub session: String,
    /// Milliseconds from the first try to the answer.
    pub took: Vec<i64>,
    /// Requests whose answers go to the response address.
    pub asynchronous: Vec<(String, String)>,
    /// What was said of which nobody could tell whether it arrived; of the asynchronous ones, once they are looked at.
    pub in_doubt: Vec<String>,
    pub trouble: Trouble,
}

/// Why requests were made again.
#[derive(Clone, Copy, Default)]
pub struct Trouble {
    pub hung_up: usize,
    pub unanswered: usize,
    pub put_off: usize,
    pub doubled: usize,
}

impl Primary<'_> {
    pub async fn ask_all(mut self, size: &Size) -> Asked {
        let waits = self.number.is_multiple_of(2);
        let (mut took, mut asynchronous, mut in_doubt) = (vec![], vec![], vec![]);
        for n in 1..=size.messages {
            tokio::time::sleep(Duration::from_millis(self.random.below(2 * size.pause + 1))).await;
            let began = Instant::now();
            let (id, text) = (format!("{}-{n}", session(self.number)), words(self.number, n));
            let answer = self.ask(&id, &text, waits).await;
            took.push(i64::try_from(began.elapsed().as_millis()).unwrap());
            if waits {
                check(&answer, &id, &text, &mut in_doubt);
            } else {
                assert_eq!(answer, json!({"status": "success"}), "{id}");
                asynchronous.push((id, text));
            }
        }
        Asked { session: session(self.number), took, asynchronous, in_doubt, trouble: self.trouble }
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

/// The agent's answer to these words, and nothing else; or that nobody can tell whether they arrived, which is noted. What was
/// in doubt before may be answered with it.
pub fn check(answer: &Value, id: &str, text: &str, in_doubt: &mut Vec<String>) {
    let answer_to = |text: &String| format!("You said: {text}");
    let mut said = said(answer);
    said.retain(|said| !in_doubt.iter().any(|text| *said == answer_to(text)));
    if said == [IN_DOUBT] {
        in_doubt.push(text.to_owned());
    } else {
        assert_eq!(said, [answer_to(&text.to_owned())], "{id}");
    }
}

fn said(answer: &Value) -> Vec<&str> {
    answer["body"].as_array().unwrap().iter().filter_map(|one| one["value"].as_str()).collect()
}
