//! A worker died over a post to the agent: its successor looks for the echo first, and doesn't look for long. One whose store
//! fails goes on where it stands.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use super::*;
use crate::{
    config::Settings,
    far_end::{
        client,
        testing::{FarEnd, Reply},
    },
    files::FileStore,
    ledger::{
        deliver_soon,
        journal::{Fault, Faults, MemoryJournal, Operation, encode},
    },
    secondary_bot::{SecondaryBot, media::Media, take},
    telemetry::Counters,
};

/// What a primary bot gets, and how often the agent was told, when the first worker died with the post under way. `arrived`:
/// whether the agent has it all the same.
async fn after_a_death(arrived: bool) -> (Arc<Value>, usize) {
    let store = MemoryJournal::default();
    let now = Timestamp::now();
    let at = now.plus_millis(-11_000);
    let lease =
        Lease { call: CallId(0, 0), attempt: 1, by: "gone".to_owned(), at, until: now.plus_millis(-1_000) };
    for fact in [says_hello(at), Fact::Leased(lease), opened(0), Fact::Posting { ordinal: 0, at }] {
        store.push("secondary/s:s", &encode(&fact));
    }
    worked_on(&store, 0, arrived).await
}

/// The same for a PIN that only the dead worker knew. `steps`: how far it had come.
async fn after_a_death_over_a_pin(steps: &[Fact], arrived: bool) -> (Arc<Value>, usize) {
    let store = MemoryJournal::default();
    let at = Timestamp::now().plus_millis(-11_000);
    let mut pin = asked(&json!({"requestId": "2", "userId": "ada", "message": {"text": ""}}));
    (pin.at, pin.asynchronous, pin.what) = (at, false, What::Say);
    pin.whisper = Some(whisper("gone", "mark"));
    let until = at.plus_millis(10_000);
    let lease = Lease { call: CallId(5, 0), attempt: 1, by: "gone".to_owned(), at, until };
    let asked_for = [
        says_hello(at),
        leased(0, 1),
        opened(0),
        answered(0, |given| given.pending = super::pin()),
        settled(0, 1, Settlement::Done),
    ];
    let facts = asked_for.into_iter().chain([Fact::Asked(pin), Fact::Leased(lease)]);
    for fact in facts.chain(steps.iter().cloned()) {
        store.push("secondary/s:s", &encode(&fact));
    }
    worked_on(&store, 5, arrived).await
}

fn says_hello(at: Timestamp) -> Fact {
    let mut say = asked(&json!({"requestId": "1", "userId": "ada", "message": {"text": "hello"}}));
    (say.at, say.asynchronous) = (at, false);
    Fact::Asked(say)
}

/// What a primary bot gets for a request in the store, and how often the agent was told meanwhile. `arrived`: whether it has
/// been told before.
async fn worked_on(store: &MemoryJournal, request: u64, arrived: bool) -> (Arc<Value>, usize) {
    let has_it = AtomicBool::new(arrived);
    let direct_line = FarEnd::start(move |heard, _| {
        if heard.method == "POST" {
            has_it.store(true, Relaxed);
            return Reply::json(200, &json!({"id": "dl|1"}));
        }
        let echo = json!({"type": "message", "id": "dl|1", "from": {"id": "ada", "role": "user"}, "text": "hello",
            "channelData": {"clientActivityID": format!("{request}.0")}});
        let words = json!({"type": "message", "id": "dl|2", "from": {"id": "bot", "role": "bot"}, "text": "Hello, Ada.",
            "inputHint": "expectingInput", "replyToId": "dl|1"});
        let activities = if has_it.load(Relaxed) { vec![echo, words] } else { vec![] };
        Reply::json(200, &json!({"activities": activities, "watermark": "2"}))
    });
    let answer = answer_by(&direct_line, store, request, None).await;
    (answer, direct_line.heard().iter().filter(|heard| heard.method == "POST").count())
}

/// What a primary bot gets for a request in the store. `patience`: milliseconds.
pub(super) async fn answer_by(
    direct_line: &FarEnd,
    store: &MemoryJournal,
    request: u64,
    patience: Option<i64>,
) -> Arc<Value> {
    let setting = |name: &str| match name {
        "DIRECT_LINE_URL" => Some(direct_line.url.to_string()),
        "DIRECT_LINE_SECRET" | "SECONDARY_TOKEN" => Some("a-secret".to_owned()),
        "RELAY_QUIET" => Some("200".to_owned()),
        "RELAY_MAX_WAIT" => patience.map(|patience| patience.to_string()),
        _ => None,
    };
    let settings = Settings::from_env(setting).expect("settings");
    let folder = tempfile::tempdir().expect("a folder");
    let media = Media::new(FileStore::folder(folder.path().to_owned(), crate::config::Disk::Roomy));
    let http = client().expect("a client");
    let bot = SecondaryBot::new(&settings, store.store(), media, &http, Arc::new(Counters::default()));
    let bot = Arc::new(bot.expect("the role"));
    let id = ConversationId::parse("s:s").expect("an id");
    let session = bot.ledger.find(&id).await.expect("a store").expect("the session");
    deliver_soon(&bot, &session);
    take::answer(&bot, &session, request).await.expect("a store").expect("an answer")
}

#[tokio::test]
async fn a_post_cut_off_by_a_crash_that_left_its_echo_is_not_made_again() {
    let (answer, posts) = after_a_death(true).await;
    assert_eq!((&answer["body"][0]["value"], posts), (&json!("Hello, Ada."), 0));
}

#[tokio::test]
async fn a_post_cut_off_by_a_crash_that_left_no_echo_is_made_again() {
    let (answer, posts) = after_a_death(false).await;
    assert_eq!((&answer["body"][0]["value"], posts), (&json!("Hello, Ada."), 1));
}

#[tokio::test]
async fn a_secret_that_only_a_dead_worker_knew_is_asked_for_again_unless_the_agent_has_it() {
    let at = Timestamp(1);
    let (posting, posted) =
        (Fact::Posting { ordinal: 0, at }, Fact::Posted { ordinal: 0, untold: false, at });
    for (steps, arrived, said) in [
        (vec![posting.clone(), posted], true, "Hello, Ada."),
        (vec![posting.clone()], true, "Hello, Ada."),
        (vec![posting], false, "Your answer may not have arrived. Please enter it again."),
        (vec![], false, "Your answer may not have arrived. Please enter it again."),
    ] {
        let (answer, posts) = after_a_death_over_a_pin(&steps, arrived).await;
        assert_eq!((&answer["body"][0]["value"], posts), (&json!(said), 0), "{steps:?} {answer}");
    }
}

#[tokio::test]
async fn steps_that_a_failing_store_does_not_take_are_stored_later_and_the_work_goes_on() {
    /// All appends behind the lease, three times each.
    #[derive(Default)]
    struct Fails(AtomicUsize);
    impl Faults for Fails {
        fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
            let fails = operation == Operation::Append && !self.0.fetch_add(1, Relaxed).is_multiple_of(4);
            fails.then_some(Fault::Failure)
        }
    }
    let store = MemoryJournal::default();
    for fact in [says_hello(Timestamp::now()), opened(0)] {
        store.push("secondary/s:s", &encode(&fact));
    }
    let failing = store.with_faults(Arc::new(Fails::default()));
    let (answer, posts) = worked_on(&failing, 0, false).await;
    assert_eq!((&answer["body"][0]["value"], posts), (&json!("Hello, Ada."), 1));
    assert_eq!(store.dump().matches(r#""attempt":1"#).count(), 2, "one lease, and its settlement");
}

/// What the agent gets of a session's first request whose first posts, of those that `fails` names, come to these statuses (0: a
/// cut connection), and what the primary bot gets.
async fn with_posts_that_fail(
    body: &Value,
    fails: &'static str,
    statuses: &[u16],
) -> (Vec<String>, Arc<Value>) {
    let store = MemoryJournal::default();
    let mut asks = asked(body);
    (asks.at, asks.asynchronous) = (Timestamp::now(), false);
    for fact in [Fact::Asked(asks), opened(0)] {
        store.push("secondary/s:s", &encode(&fact));
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let (left, posted) = (Mutex::new(statuses.to_vec()), told.clone());
    let direct_line = FarEnd::start(move |heard, _| {
        if heard.method == "POST" {
            let post = heard.json();
            let name = post["name"].as_str().or(post["text"].as_str()).unwrap_or_default().to_owned();
            if name == fails && !left.lock().unwrap().is_empty() {
                let status = left.lock().unwrap().remove(0);
                return if status == 0 { Reply::HangUp } else { Reply::text(status, "") };
            }
            posted.lock().unwrap().push(name);
            return Reply::json(200, &json!({"id": format!("dl|{}", posted.lock().unwrap().len())}));
        }
        let said = posted.lock().unwrap().len();
        let words = json!({"type": "message", "id": "dl|9", "from": {"id": "bot", "role": "bot"}, "text": "Hello, Ada.",
            "inputHint": "expectingInput", "replyToId": format!("dl|{said}")});
        Reply::json(200, &json!({"activities": [words], "watermark": "2"}))
    });
    let answer = answer_by(&direct_line, &store, 0, Some(2_500)).await;
    let told = told.lock().unwrap().clone();
    (told, answer)
}

#[tokio::test]
async fn a_post_that_surely_was_not_taken_is_made_again() {
    for status in [500, 503] {
        for (body, post) in [
            (json!({"requestId": "1", "message": {"text": "hello"}}), "hello"),
            (json!({"requestId": "1", "action": "AGENT"}), "servicenow.agent"),
        ] {
            let (told, answer) = with_posts_that_fail(&body, post, &[status]).await;
            let said = answer["body"].as_array().expect("elements");
            assert_eq!((told, said.len()), (vec![post.to_owned()], 1), "{status} {answer}");
            assert_eq!(said[0]["value"], "Hello, Ada.", "{status}");
        }
    }
}

#[tokio::test]
async fn what_the_agent_is_to_know_is_told_again_and_keeps_nothing_from_being_said() {
    let body = json!({"requestId": "1", "message": {"text": "hello"}, "contextVariables": {"VIP": "yes"}});
    for (statuses, is_told) in [(&[503][..], true), (&[502], true), (&[0], true), (&[502, 504], false)] {
        let (told, answer) = with_posts_that_fail(&body, "pvaSetContext", statuses).await;
        let context = is_told.then_some("pvaSetContext");
        assert_eq!(told, context.into_iter().chain(["hello"]).collect::<Vec<_>>(), "{statuses:?}");
        assert_eq!(answer["body"][0]["value"], "Hello, Ada.", "{statuses:?}");
    }
}

#[tokio::test]
async fn words_in_doubt_are_told_of_whatever_is_posted_behind_them() {
    let body = json!({"requestId": "1", "action": "AGENT", "message": {"text": "hi"}});
    let (told, answer) = with_posts_that_fail(&body, "hi", &[502]).await;
    assert_eq!(told, ["servicenow.agent"]);
    let said = answer["body"].as_array().expect("elements");
    let doubt = said.last().and_then(|last| last["value"].as_str()).unwrap_or_default();
    assert!(said.len() == 2 && doubt.starts_with("I can't tell"), "{answer}");
    assert_eq!(answer.get("takeControl"), None, "the wish was answered");
}
