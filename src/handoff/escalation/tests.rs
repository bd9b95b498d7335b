//! Behind a stored hand-off: what the user had said to the bot meanwhile.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    domain::{ConversationId, Timestamp, User},
    far_end::{
        CallError,
        testing::{FarEnd, Heard, Reply},
    },
    files::{Described, Incoming},
    handoff::{
        Asked, BotWords, Caller, Client, Conversation, Handoff, Posted, Refusal, Source, tests::instance_at,
    },
    ledger::journal::MemoryJournal,
    session::{Command, Cut, Fact, HandoffRequested, Opening, tests::chat::*},
    translate::watermark::{Cursor, Upstream},
    wire::activity::{Activity, ActivitySet},
};

mod anew;
mod request;

/// An instance with a live chat behind whose hand-off Direct Line has not been read.
async fn undrained(direct_line: &FarEnd) -> (Arc<Handoff>, Arc<Conversation>, MemoryJournal) {
    undrained_by(direct_line, escalation_by(0, Opening::Agent)).await
}

async fn undrained_by(
    direct_line: &FarEnd,
    escalated: Command,
) -> (Arc<Handoff>, Arc<Conversation>, MemoryJournal) {
    let store = MemoryJournal::default();
    let here = instance_at(&store, direct_line.url.as_str());
    let mut chat = Chat { now: Timestamp::now(), ..Chat::new() };
    chat.on(escalated);
    chat.deliver();
    chat.hears(webhook([agent("m1", "Hello.")]));
    assert_eq!(chat.state.undrained(), Some(0));
    let id = conversation();
    store.store().append(&id, 0, &chat.facts, Some(true)).await.expect("stored");
    let entry = here.ledger.find(&id).await.expect("the store answers").expect("it is there");
    (here, entry, store)
}

async fn poll(here: &Handoff, entry: &Arc<Conversation>) -> Vec<Value> {
    let caller = Caller::read(Some("Bearer a-token")).expect("a token");
    let client = Client { conversation: entry, caller: &caller };
    let watermark = Cursor { local: 0, segment: 0, upstream: Upstream::End, typed: 0 }.write();
    let asked =
        Asked { watermark: Some(&watermark), read: None, hold: Duration::ZERO, bot: BotWords::Polled };
    here.reading.page(client, &asked).await.expect("the store answers").activities
}

fn is_read(heard: &Heard) -> bool {
    heard.method == "GET" && heard.target.contains("/activities")
}

#[tokio::test]
async fn a_direct_line_that_hangs_behind_a_hand_off_holds_no_poll_of_the_live_chat() {
    let direct_line = FarEnd::start(|_, _| Reply::Silence);
    let (here, entry, _store) = undrained(&direct_line).await;
    let begun = Instant::now();
    for _ in 0..2 {
        let shown = poll(&here, &entry).await;
        assert!(shown.iter().any(|activity| activity["text"] == "Hello."), "{shown:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert_eq!(direct_line.heard().iter().filter(|heard| is_read(heard)).count(), 1, "one reads");
}

#[tokio::test]
async fn a_direct_line_that_asks_to_be_left_alone_is_not_asked_by_each_poll() {
    let wait = || vec![("Retry-After", "120".to_owned())];
    let direct_line = FarEnd::start(move |_, _| Reply::Answer { status: 429, headers: wait(), body: vec![] });
    let (here, entry, _store) = undrained(&direct_line).await;
    for _ in 0..10 {
        poll(&here, &entry).await;
    }
    assert_eq!(direct_line.heard().iter().filter(|heard| is_read(heard)).count(), 1);
}

#[tokio::test]
async fn a_direct_line_that_fails_behind_a_hand_off_is_asked_by_few_polls() {
    for statuses in [[503, 429], [502, 504], [400, 403], [404, 404], [0, 0]] {
        let direct_line = FarEnd::start(move |_, number| match statuses[number % 2] {
            0 => Reply::HangUp,
            status => Reply::Answer { status, headers: vec![], body: vec![] },
        });
        let (here, entry, _store) = undrained(&direct_line).await;
        for _ in 0..50 {
            poll(&here, &entry).await;
        }
        let reads = direct_line.heard().iter().filter(|heard| is_read(heard)).count();
        assert!(reads < 10, "{statuses:?}: {reads}");
    }
}

#[tokio::test]
async fn words_said_during_the_hand_off_do_not_wait_for_its_history() {
    let earlier =
        json!({"type": "message", "id": "dl|9", "text": "one", "from": {"id": "u", "role": "user"}});
    let direct_line = FarEnd::start(move |heard, _| match heard.target.rsplit_once("watermark=") {
        None => Reply::Answer { status: 500, headers: vec![], body: vec![] },
        Some((_, "7")) => Reply::json(200, &json!({"activities": [earlier], "watermark": "9"})),
        Some(_) => Reply::json(200, &json!({"activities": [], "watermark": "9"})),
    });
    let cut = Cut { watermark: Some("7".to_owned()), ..request(Opening::Agent).cut };
    let blind = HandoffRequested { history_missing: true, cut, ..request(Opening::Agent) };
    let escalated = Command::Escalated { segment: 0, request: Box::new(blind), said: vec![] };
    let (here, entry, _store) = undrained_by(&direct_line, escalated).await;
    poll(&here, &entry).await;
    assert_eq!(said(&here, &entry).await, ["one"]);
    assert!(entry.state().await.is_unread());
}

#[tokio::test]
async fn what_is_entered_into_a_card_that_could_not_be_read_waits_until_it_can() {
    for blind in [
        HandoffRequested { history_missing: true, ..request(Opening::Agent) },
        HandoffRequested {
            cut: Cut { unread: true, ..request(Opening::Agent).cut },
            ..request(Opening::Agent)
        },
    ] {
        is_refused_until_it_can_be_read(blind).await;
    }
}

async fn is_refused_until_it_can_be_read(blind: HandoffRequested) {
    let direct_line = FarEnd::start(|_, _| Reply::Answer {
        status: 429,
        headers: vec![("Retry-After", "99".into())],
        body: vec![],
    });
    let escalated = Command::Escalated { segment: 0, request: Box::new(blind), said: vec![] };
    let (here, entry, store) = undrained_by(&direct_line, escalated).await;
    let caller = Caller::read(Some("Bearer a-token")).expect("a token");
    let client = Client { conversation: &entry, caller: &caller };
    let entered = json!({"type": "message", "value": {"pin": "hunter2"}, "from": {"id": "u"}});
    let entered: Activity = serde_json::from_value(entered).expect("an activity");
    let posted = here.posting.post(client, entered.clone(), None).await;
    assert!(matches!(posted, Ok(Posted::Refused(Refusal::Unread))), "{posted:?}");
    // What Direct Line has taken meanwhile is read there later.
    let (source, taken) = (Source::own(&entry.id, "Bearer a-token"), Some("dl|7".to_owned()));
    let overtaken = here.posting.overtaken(&entry.id, &entered, taken.clone(), true, &source).await;
    assert_eq!(overtaken.expect("the store answers").map(|id| id.0), taken);
    let form = format!(
        "--b\r\nContent-Type: application/vnd.microsoft.activity\r\n\r\n{}\r\n--b--\r\n",
        json!({"type": "message", "value": {"pin": "hunter2"}, "from": {"id": "u"}})
    );
    let described =
        Described { content_type: Some("multipart/form-data; boundary=b"), ..Described::default() };
    let body = futures_util::stream::once(async { Ok(form.into()) });
    let mut incoming = Incoming::new(described, Box::pin(body), 1 << 20);
    let posted = here.attaching.upload(&entry, &mut incoming, None, None).await;
    assert!(matches!(posted, Ok(Posted::Refused(Refusal::Unread))), "{posted:?}");
    let stored = store.store::<Fact>().read_encoded(&conversation(), 0).await.expect("read");
    assert!(!stored.iter().any(|fact| String::from_utf8_lossy(fact).contains("hunter2")));
    assert_eq!(
        here.posting
            .post(client, says("Hello?"), None)
            .await
            .map(|posted| matches!(posted, Posted::Accepted(_)))
            .ok(),
        Some(true)
    );
}

#[tokio::test]
async fn what_is_entered_stands_with_dots_where_the_card_could_not_be_read() {
    let direct_line = FarEnd::start(|_, _| Reply::Answer { status: 503, headers: vec![], body: vec![] });
    let here = instance_at(&MemoryJournal::default(), direct_line.url.as_str());
    let id = conversation();
    let entry = here.ledger.begin(&id);
    let batch = json!({"activities": [
        {"type": "event", "name": "handoff.initiate", "id": "1", "from": {"id": "bot", "role": "bot"}},
        {"type": "message", "id": "2", "text": "", "value": {"pin": "hunter2"}, "from": {"id": "u"}},
    ]});
    let batch = ActivitySet::read(batch.to_string().as_bytes()).expect("a set").set;
    let source = Source::own(&id, "Bearer a-token");
    let (request, said) = here.escalations.request(&entry, &batch, 0, &source, None).await;
    assert!(request.history_missing);
    let told = format!("{request:?} {said:?}");
    assert!(!said.is_empty() && !told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn words_said_to_the_bot_during_the_hand_off_stand_before_those_that_are_posted_behind_it() {
    let earlier =
        json!({"type": "message", "id": "dl|9", "text": "one", "from": {"id": "u", "role": "user"}});
    let direct_line = FarEnd::start(move |_, number| {
        std::thread::sleep(Duration::from_millis(300));
        let said = if number == 0 { vec![earlier.clone()] } else { vec![] };
        Reply::json(200, &json!({"activities": said, "watermark": "9"}))
    });
    let (here, entry, _store) = undrained(&direct_line).await;
    let caller = Caller::read(Some("Bearer a-token")).expect("a token");
    let client = Client { conversation: &entry, caller: &caller };
    let posts = ["two", "three", "four"].map(|words| here.posting.post(client, says(words), None));
    for posted in futures_util::future::join_all(posts).await {
        assert!(matches!(posted, Ok(Posted::Accepted(_))), "{posted:?}");
    }
    assert_eq!(said(&here, &entry).await, ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn words_that_a_hand_off_overtook_stand_behind_those_that_direct_line_had_before() {
    let echo = |id: &str, text: &str| json!({"type": "message", "id": id, "text": text, "from": {"id": "u", "role": "user"}});
    let direct_line = FarEnd::start(move |_, number| {
        let said = if number == 0 { vec![echo("dl|8", "one"), echo("dl|9", "two")] } else { vec![] };
        Reply::json(200, &json!({"activities": said, "watermark": "9"}))
    });
    let (here, entry, _store) = undrained(&direct_line).await;
    let source = Source::own(&entry.id, "Bearer a-token");
    let two = Activity { id: Some("dl|9".to_owned()), ..says("two") };
    let id = Some("dl|9".to_owned());
    let overtaken = here.posting.overtaken(&entry.id, &two, id, true, &source).await;
    assert_eq!(overtaken.expect("the store answers").map(|id| id.0), Some("dl|9".to_owned()));
    assert_eq!(said(&here, &entry).await, ["one", "two"]);
}

#[tokio::test]
async fn words_stand_in_order_though_another_conversation_is_throttled() {
    let earlier =
        json!({"type": "message", "id": "dl|9", "text": "one", "from": {"id": "u", "role": "user"}});
    let direct_line = FarEnd::start(move |_, number| match number {
        0 => Reply::Answer { status: 503, headers: vec![], body: vec![] },
        1 => Reply::json(200, &json!({"activities": [earlier], "watermark": "9"})),
        _ => Reply::json(200, &json!({"activities": [], "watermark": "9"})),
    });
    let (here, entry, _store) = undrained(&direct_line).await;
    let throttled = CallError::Throttled { status: 429, wait: Duration::from_secs(60) };
    let other = ConversationId::parse("another").expect("an id");
    here.bot.note_read(&other, Some(&throttled));
    assert!(here.bot.may_read(&other).is_err());
    poll(&here, &entry).await;
    let caller = Caller::read(Some("Bearer a-token")).expect("a token");
    let client = Client { conversation: &entry, caller: &caller };
    here.posting.post(client, says("two"), None).await.expect("the store answers");
    assert_eq!(said(&here, &entry).await, ["one", "two"]);
}

#[tokio::test]
async fn posts_wait_a_while_for_their_own_delivery_and_for_no_others() {
    let direct_line = FarEnd::start(|_, _| Reply::json(200, &json!({"activities": [], "watermark": "9"})));
    // ServiceNow is not there.
    let (here, entry, _store) = undrained(&direct_line).await;
    let caller = Caller::read(Some("Bearer a-token")).expect("a token");
    let client = Client { conversation: &entry, caller: &caller };
    let begun = Instant::now();
    let posts = (0..30).map(|number| here.posting.post(client, says(&number.to_string()), None));
    for posted in futures_util::future::join_all(posts).await {
        assert!(matches!(posted, Ok(Posted::Accepted(_))), "{posted:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

fn says(words: &str) -> Activity {
    Activity { kind: "message".to_owned(), text: Some(words.to_owned()), ..Activity::default() }
}

/// What the user said, as it stands in the journal.
async fn said(here: &Handoff, entry: &Conversation) -> Vec<String> {
    let (facts, _state) = here.ledger.look(entry, 0).await.expect("the store answers");
    let said = facts.iter().filter_map(|fact| match fact {
        Fact::UserSaid(said) => said.echo.get("text")?.as_str().map(str::to_owned),
        _ => None,
    });
    said.collect()
}
