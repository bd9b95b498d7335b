use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use proptest::prelude::*;
use serde_json::json;
use tokio::time::Instant;

use super::{Asked, BotWords, Caller, Client, Handoff, Page, Source};
use crate::{
    config::{Disk, Settings},
    direct_line::ROOM,
    domain::{
        ConversationId, Timestamp,
        control::{Control, Mask, TextInput},
    },
    far_end::testing::{FarEnd, Reply},
    files::FileStore,
    ledger::journal::{Fault, Faults, MemoryJournal, Operation},
    session::{
        Command, Fact, Opening,
        tests::{chat::*, moves::*},
    },
    translate::watermark::{Cursor, Upstream},
    wire::activity::Activity,
};

proptest! {
    #[test]
    fn the_sweep_knows_which_conversations_are_open(moves in moves(60), back_to_bot: bool) {
        let mut chat = Chat::new();
        chat.policy.back_to_bot = back_to_bot;
        let mut deliverer = Deliverer::default();
        for next in &moves {
            if let Some(command) = deliverer.event(&mut chat, next) {
                chat.on(command);
            }
            prop_assert_eq!(chat.open, chat.state.is_open(), "after {:?}", next);
        }
    }
}

/// One instance of the app on a store, between far ends that are not there.
fn instance(store: &MemoryJournal) -> Arc<Handoff> {
    instance_at(store, "http://127.0.0.1:9/")
}

pub fn instance_at(store: &MemoryJournal, direct_line: &str) -> Arc<Handoff> {
    instance_with(store, direct_line, ("DIRECT_LINE_SECRET", "a-secret"))
}

/// `agent`: the setting by which the agent is reached.
pub fn instance_with(store: &MemoryJournal, direct_line: &str, agent: (&str, &str)) -> Arc<Handoff> {
    let settings = [
        ("LISTEN", "127.0.0.1:0"),
        ("DIRECT_LINE_URL", direct_line),
        agent,
        ("SERVICENOW_URL", "http://127.0.0.1:9/"),
        ("SERVICENOW_TOKEN", "a-message-token"),
        ("RESPONSES_TOKEN", "a-token-for-responses"),
    ];
    let value =
        |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let settings = Settings::from_env(value).expect("settings");
    let files = FileStore::folder(std::env::temp_dir(), Disk::Roomy);
    let http = crate::far_end::client().expect("a client");
    let handoff = Handoff::new(&settings, store.store(), files, &http, Arc::default());
    Arc::new(handoff.expect("ServiceNow is set up"))
}

#[tokio::test(start_paused = true)]
async fn who_waits_here_looks_each_second_for_what_another_instance_stores() {
    const HOLD: Duration = Duration::from_secs(15);
    let store = MemoryJournal::default();
    let mut chat = Chat { now: Timestamp::now(), ..Chat::new() };
    chat.on(escalation_by(0, Opening::Agent));
    chat.deliver();
    chat.hears(webhook([system("j", "Ana has entered the chat.")]));
    let facts = chat.facts.clone();
    let id = conversation();
    store.store().append(&id, 0, &facts, Some(true)).await.expect("stored");
    let here = instance(&store);
    let entry = here.ledger.find(&id).await.expect("the store answers").expect("it is there");
    let caller = Caller::read(Some("Bearer a-token")).expect("a token");
    // From where the bot's words have been read.
    let start = Cursor { local: 0, segment: 0, upstream: Upstream::End, typed: 0 }.write();
    let first = look(&here, &entry, &caller, Some(&start), Duration::ZERO).await;
    let watermark = first.watermark.clone();
    let (before, begun) = (store.counted().0, Instant::now());
    let idle = look(&here, &entry, &caller, watermark.as_deref(), HOLD).await;
    assert!(idle.activities.is_empty());
    let looks = store.counted().0 - before;
    assert!(begun.elapsed() >= HOLD && looks >= 15, "{looks} looks in {:?}", begun.elapsed());
    chat.hears(webhook([agent("m1", "from elsewhere")]));
    let news = &chat.facts[facts.len()..];
    let elsewhere = async {
        tokio::time::sleep(Duration::from_millis(4_300)).await;
        store.store().append(&id, facts.len() as u64, news, None).await.expect("stored");
        Instant::now()
    };
    let waiting = async {
        let page = look(&here, &entry, &caller, watermark.as_deref(), HOLD).await;
        (page, Instant::now())
    };
    let ((page, seen), stored) = tokio::join!(waiting, elsewhere);
    assert_eq!(page.activities.len(), 1, "{page:?}");
    assert!(seen - stored <= Duration::from_secs(1), "{:?}", seen - stored);
}

#[tokio::test]
async fn a_masked_answer_with_files_is_in_no_fact_whoever_heard_the_question() {
    let store = MemoryJournal::default();
    let mut chat = Chat { now: Timestamp::now(), ..Chat::with_ana() };
    let id = conversation();
    store.store().append(&id, 0, &chat.facts, Some(true)).await.expect("stored");
    let here = instance(&store);
    let entry = here.ledger.find(&id).await.expect("the store answers").expect("it is there");
    let position = chat.position();
    let masked = TextInput { mask: Mask::Secure, ..TextInput::default() };
    chat.hears(webhook([shows("m1", Control::TextInput(masked))]));
    let news = &chat.facts[usize::try_from(position).expect("few")..];
    store.store().append(&id, position, news, None).await.expect("stored by another instance");
    let caller = Caller::read(Some("Bearer a-token")).expect("a token");
    let client = Client { conversation: &entry, caller: &caller };
    let file = json!([{"contentType": "image/png", "contentUrl": "https://files.example.com/a.png", "name": "a.png"}]);
    let closed = json!({"serviceNowQuestion": "secret", "answer": "hunter2", "serviceNowAsked": 999});
    for (message, expected) in [
        (json!({"text": "hunter2", "attachments": file}), "Refused(File(WithMasked))"),
        (json!({"value": closed, "attachments": file}), "Accepted"),
        (json!({"text": "hunter2"}), "Accepted"),
        (json!({"text": "hunter2", "attachments": file}), "Refused(File(WithMasked))"),
    ] {
        let activity =
            Activity { kind: "message".to_owned(), ..Activity::from_value(message).expect("an activity") };
        let posted = here.posting.post(client, activity, None).await.expect("the store answers");
        assert!(format!("{posted:?}").starts_with(expected), "{posted:?}, not {expected}");
    }
    let stored: Vec<Fact> = store.store().read(&id, 0).await.expect("the store answers");
    assert!(!serde_json::to_string(&stored).expect("JSON").contains("hunter2"));
}

#[tokio::test]
async fn of_a_message_to_a_masked_question_nothing_is_stored_that_may_be_its_answer() {
    let file = json!([{"contentType": "image/png", "contentUrl": "https://files.example.com/a.png", "name": "a.png"}]);
    let held = json!([{"contentType": "text/plain", "content": "hunter2", "name": "hunter2"}]);
    let data =
        json!([{"contentType": "text/plain", "contentUrl": "data:text/plain,hunter2", "name": "a.txt"}]);
    let sender = json!({"id": "hunter2", "name": "hunter2", "more": [" hunter2"]});
    for (message, expected) in [
        (json!({"text": "hunter2", "localTimezone": "hunter2", "locale": "hunter2"}), "Accepted"),
        (json!({"text": "hunter2", "from": sender}), "Accepted"),
        (json!({"text": "hunter2", "channelData": {"clientActivityID": "hunter2"}}), "Accepted"),
        (json!({"text": "hunter2", "summary": "hunter2", "speak": "hunter2"}), "Accepted"),
        (json!({"value": {"pin": "hunter2"}, "localTimezone": "hunter2"}), "Accepted"),
        (json!({"summary": "hunter2"}), "Accepted"),
        (json!({"text": " ", "suggestedActions": {"actions": [{"title": "hunter2"}]}}), "Accepted"),
        (json!({"text": "", "attachments": held}), "Refused(File(WithMasked))"),
        (json!({"attachments": data}), "Refused(File(WithMasked))"),
        (json!({"attachments": file, "summary": "hunter2"}), "Accepted"),
    ] {
        let store = MemoryJournal::default();
        let mut chat = Chat { now: Timestamp::now(), ..Chat::with_ana() };
        let masked = TextInput { mask: Mask::Secure, ..TextInput::default() };
        chat.hears(webhook([shows("m1", Control::TextInput(masked))]));
        let id = conversation();
        store.store().append(&id, 0, &chat.facts, Some(true)).await.expect("stored");
        let here = instance(&store);
        let entry = here.ledger.find(&id).await.expect("the store answers").expect("it is there");
        let caller = Caller::read(Some("Bearer a-token")).expect("a token");
        let activity = Activity::from_value(message.clone()).expect("an activity");
        let activity = Activity { kind: "message".to_owned(), ..activity };
        let client = Client { conversation: &entry, caller: &caller };
        let posted = here.posting.post(client, activity, None).await.expect("the store answers");
        assert!(format!("{posted:?}").starts_with(expected), "{message}: {posted:?}");
        let stored: Vec<Fact> = store.store().read(&id, 0).await.expect("the store answers");
        let stored = serde_json::to_string(&stored).expect("JSON");
        assert!(!stored.contains("hunter2"), "{message}: {stored}");
        assert_eq!(stored.contains("a.png"), message["attachments"] == file, "a file is none: {stored}");
    }
}

async fn look(
    handoff: &Arc<Handoff>,
    entry: &Arc<super::Conversation>,
    caller: &Caller,
    watermark: Option<&str>,
    hold: Duration,
) -> Page {
    let asked = Asked { watermark, read: None, hold, bot: BotWords::Polled };
    handoff.reading.page(Client { conversation: entry, caller }, &asked).await.expect("the store answers")
}

#[tokio::test]
async fn a_direct_line_that_is_down_is_asked_by_few_of_the_chats_whose_bot_is_to_return() {
    let far_end = FarEnd::start(|_, _| Reply::text(503, ""));
    let store = MemoryJournal::default();
    let here = instance_at(&store, far_end.url.as_str());
    let mut chat = Chat { now: Timestamp::now(), ..Chat::new() };
    chat.on(escalation_by(0, Opening::Agent));
    chat.deliver();
    chat.on(Command::UserEnded);
    let begun = Instant::now();
    for number in 0..40 {
        let id = ConversationId::parse(&format!("chat-{number}")).expect("an id");
        store.store().append(&id, 0, &chat.facts, Some(true)).await.expect("stored");
        let entry = here.ledger.find(&id).await.expect("the store answers").expect("it is there");
        here.bot.return_now(&entry, None).await;
    }
    // One more a second, however long it takes here.
    let (asked, lasted) = (far_end.targets().len() as u64, begun.elapsed());
    assert!((1..20 + lasted.as_secs()).contains(&asked), "{asked} of 40 asked in {lasted:?}");
}

#[tokio::test]
async fn a_store_that_fails_while_the_bots_return_is_stored_costs_no_second_conversation() {
    struct Fails(AtomicUsize);
    impl Faults for Fails {
        fn next(&self, _: Option<&ConversationId>, operation: Operation) -> Option<Fault> {
            let fails = operation == Operation::Append && self.0.fetch_add(1, Relaxed) < 2;
            fails.then_some(Fault::Failure)
        }
    }
    let opened = json!({"conversationId": "fresh", "token": "a-token", "expires_in": 1800});
    let far_end = FarEnd::start(move |_, _| Reply::json(201, &opened));
    let store = MemoryJournal::default();
    let failing = store.with_faults(Arc::new(Fails(AtomicUsize::new(0))));
    let here = instance_at(&failing, far_end.url.as_str());
    let mut chat = Chat { now: Timestamp::now(), ..Chat::new() };
    chat.on(escalation_by(0, Opening::Agent));
    chat.deliver();
    chat.on(Command::UserEnded);
    let id = conversation();
    store.store().append(&id, 0, &chat.facts, Some(true)).await.expect("stored");
    let entry = here.ledger.find(&id).await.expect("the store answers").expect("it is there");
    // Whoever asks first has gone before the store is back; the next ones find the bot there.
    let gone = tokio::time::timeout(Duration::from_millis(100), here.bot.return_now(&entry, None)).await;
    assert!(gone.is_err(), "the store fails");
    tokio::join!(here.bot.return_now(&entry, None), here.bot.return_now(&entry, None));
    let opened = far_end.targets().iter().filter(|target| target.ends_with("/conversations")).count();
    let returned = entry.state().await.segments.last().and_then(|stretch| stretch.conversation.clone());
    assert_eq!((opened, returned.as_deref()), (1, Some("fresh")));
}

#[tokio::test]
async fn a_conversation_that_is_read_out_takes_room_until_what_is_made_of_it_is_there() {
    const PAGE: usize = 1 << 20;
    let far_end = FarEnd::start(|heard, _| {
        let (text, watermark) = match heard.target.rsplit_once('=') {
            None => ("x".repeat(PAGE), "1"),
            Some((_, "1")) => ("x".repeat(PAGE), "2"),
            Some(_) => (String::new(), "2"),
        };
        let said = json!([{"type": "message", "text": text}]);
        Reply::json(200, &json!({"activities": said, "watermark": watermark}))
    });
    let here = instance_at(&MemoryJournal::default(), far_end.url.as_str());
    // Room for both pages of one, and not for those of two.
    let _others = here.attaching.direct_line.room().take(ROOM - 3 * PAGE);
    let id = conversation();
    let source = Source::own(&id, "Bearer t");
    let read = here.bot.read_on(&source, None).await.expect("both pages");
    assert_eq!(read.activities.len(), 3);
    assert!(here.bot.read_on(&source, None).await.is_err(), "another has no room");
    drop(read);
    assert!(here.bot.read_on(&source, None).await.is_ok());
}
