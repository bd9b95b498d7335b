use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::{retention::Retention, *};
use crate::{
    far_end::testing::{FarEnd, Reply},
    session::{Command, Opening, tests::chat::*},
};

const DAY: i64 = 24 * 3_600 * 1_000;

fn settings(folder: &tempfile::TempDir) -> Settings {
    let store = format!("sqlite:{}", folder.path().join("handoff.db").display());
    let value = |name: &str| match name {
        "STORE" => Some(store.clone()),
        "SERVICENOW_URL" => Some("http://127.0.0.1:9".to_owned()),
        "SERVICENOW_USERNAME" | "SERVICENOW_PASSWORD" | "SERVICENOW_TOKEN" | "RESPONSES_TOKEN" => {
            Some("x".to_owned())
        }
        _ => None,
    };
    Settings::from_env(value).expect("settings")
}

fn requested(user: &str, at: Timestamp) -> Fact {
    let user = json!({"id": user, "name": "Dana Secret"});
    let fact = json!({"fact": "handoff_requested", "cut": {"event": "e"}, "user": user, "reason": "My printer burns", "opening": "start", "at": at});
    serde_json::from_value(fact).expect("a fact")
}

#[test]
fn a_store_that_is_not_there_is_said_and_none_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = Operator::open(settings(&folder));
    assert!(matches!(opened, Err(OperatorError::NoStore(_))));
    assert!(!folder.path().join("handoff.db").exists());
}

async fn with_chat(folder: &tempfile::TempDir, id: &str, user: &str, at: Timestamp) -> Operator {
    std::fs::File::create(folder.path().join("handoff.db")).expect("an empty store");
    let operator = Operator::open(settings(folder)).expect("opened");
    let id = ConversationId::parse(id).expect("an id");
    operator.chats.append(&id, 0, &[requested(user, at)], Some(true)).await.expect("stored");
    operator
}

fn on_disk(folder: &tempfile::TempDir, words: &str) -> bool {
    let files = std::fs::read_dir(folder.path()).expect("the folder").flatten();
    files
        .filter_map(|file| std::fs::read(file.path()).ok())
        .any(|bytes| memchr::memmem::find(&bytes, words.as_bytes()).is_some())
}

#[tokio::test]
async fn what_is_listed_and_shown_holds_no_words_and_an_export_everything() {
    let folder = tempfile::tempdir().expect("a folder");
    let operator = with_chat(&folder, "c-1", "dana", Timestamp(1_790_000_000_000)).await;
    let list = operator.list(false).await.expect("a list");
    assert!(list.len() == 1 && list[0].starts_with("c-1\tlive agent\twaiting\t1 facts"), "{list:?}");
    let shown = operator.show("c-1").await.expect("shown").join("\n");
    assert!(shown.contains("handoff_requested"), "{shown}");
    for words in ["Dana", "printer"] {
        assert!(!shown.contains(words) && !list[0].contains(words));
    }
    let export = operator.export("c-1").await.expect("exported").to_string();
    assert!(export.contains("Dana Secret") && export.contains("My printer burns"));
    assert!(matches!(operator.show("c-2").await, Err(OperatorError::Unknown(_))));
    assert!(matches!(operator.show("a/b").await, Err(OperatorError::NoId(_))));
}

#[tokio::test]
async fn a_session_is_listed_as_open_while_it_has_an_agent_or_owes_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let operator = with_chat(&folder, "c-1", "dana", Timestamp(1)).await;
    operator.erase("c-1", true).await.expect("erased");
    let fact = |kind: &str, of: &Value| {
        let mut fact = of.clone();
        fact["fact"] = kind.into();
        serde_json::from_value::<secondary_bot::fact::Fact>(fact).expect("a fact")
    };
    let asked = fact("asked", &json!({"what": {"what": "start"}, "user": "guest", "at": 1}));
    let opened = fact("opened", &json!({"request": 0, "conversation": "d-1", "at": 2}));
    let settled = fact("settled", &json!({"call": [0, 0], "outcome": "dropped", "at": 9}));
    for (id, facts, open) in [
        ("owes", vec![asked.clone()], true),
        ("has-an-agent", vec![asked.clone(), opened, settled.clone()], true),
        ("settled", vec![asked, settled], false),
    ] {
        let id = ConversationId::parse(id).expect("an id");
        operator.sessions.append(&id, 0, &facts, Some(open)).await.expect("stored");
        let [all, listed] = [operator.list(false).await, operator.list(true).await];
        let is_in = |list: Result<Vec<String>, _>| {
            list.expect("a list").iter().any(|line| line.starts_with(&format!("{id}\t")))
        };
        assert!(is_in(all) && is_in(listed) == open, "{id}");
    }
}

#[tokio::test]
async fn after_an_erase_no_byte_of_the_person_is_left_and_nothing_opens_the_conversation_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let operator = with_chat(&folder, "c-1", "dana", Timestamp(1)).await;
    let other = ConversationId::parse("c-2").expect("an id");
    operator.chats.append(&other, 0, &[requested("eve", Timestamp(1))], Some(true)).await.expect("stored");
    assert!(on_disk(&folder, "My printer burns"));
    let erased = operator.erase_user("dana", true).await.expect("erased");
    assert_eq!((erased.conversations.len(), erased.facts), (1, 1));
    assert!(!on_disk(&folder, "\"dana\"") && on_disk(&folder, "\"eve\""));
    operator.erase("c-2", true).await.expect("erased");
    assert!(!on_disk(&folder, "My printer burns") && !on_disk(&folder, "Dana Secret"));
    assert!(operator.tombstones.erased_at(&other).await.expect("read").is_some());
    assert!(!on_disk(&folder, "c-2"), "the tombstone names it");
    assert!(operator.list(false).await.expect("a list").is_empty());
}

#[tokio::test]
async fn a_chat_that_cant_be_ended_keeps_nothing_else_of_the_same_user_and_is_said_to_be_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut operator = with_chat(&folder, "1-open", "dana", Timestamp(1)).await;
    operator.settings.servicenow = None;
    let over = ConversationId::parse("2-over").expect("an id");
    let end = serde_json::from_value(json!({"fact": "conversation_over", "at": 2})).expect("a fact");
    let never =
        serde_json::from_value(json!({"fact": "settled", "call": [0, 0], "outcome": "dropped", "at": 2}));
    let facts = [requested("dana", Timestamp(1)), end, never.expect("a fact")];
    operator.chats.append(&over, 0, &facts, None).await.expect("stored");
    let erased = operator.erase_user("dana", false).await.expect("some");
    assert_eq!(erased.conversations, [over]);
    let [(id, why @ OperatorError::NoServiceNow)] = &erased.failed[..] else { panic!("{erased:?}") };
    assert!(id.as_str() == "1-open" && why.to_string().contains("nothing of it was erased"), "{why}");
    assert!(operator.show("1-open").await.is_ok() && operator.show("2-over").await.is_err());
    let nobody = operator.erase_user("dan", true).await;
    assert!(matches!(nobody, Err(OperatorError::Nobody(_))), "{nobody:?}");
}

#[test]
fn a_user_is_known_by_the_id_under_which_they_write() {
    let said = |kind: &str| json!({"fact": kind, "echo": {"text": "x", "from": {"id": "dl_late"}}});
    let asked = |user: &str, echo: Value| json!({"fact": "asked", "user": user, "echo": echo});
    for (fact, user, named) in [
        (json!({"fact": "handoff_requested", "user": {"id": "dana", "name": "Dana"}}), "dana", true),
        (json!({"fact": "handoff_requested", "user": {"id": "dana", "name": "Dana"}}), "Dana", false),
        (said("user_said"), "dl_late", true),
        (said("agent_said"), "dl_late", false),
        (json!({"fact": "user_said", "echo": {"quoted": {"from": {"id": "dl_other"}}}}), "dl_other", false),
        (asked("dana", json!({})), "dana", true),
        (asked("12345", json!({"userId": 12345})), "12345", true),
        (json!({"fact": "of_tomorrow", "user": {"id": 12345}}), "12345", true),
        (asked("dana", json!({})), "ana", false),
        (asked("guest", json!({"userId": ""})), "guest", true),
        (asked("dana", json!({"clientVariables": {"user": {"id": "ana"}, "userId": "ana"}})), "ana", false),
        (json!({"fact": "user_said", "echo": {"channelData": {"userId": "dana"}}}), "dana", false),
        (json!({"fact": "agent_said", "control": {"custom": {"user": {"id": "dana"}}}}), "dana", false),
    ] {
        assert_eq!(view::names_user(&fact, user), named, "{user}: {fact}");
    }
}

#[test]
fn a_link_that_somebody_quotes_makes_the_file_nobody_elses() {
    let link = |key: &str| format!("https://x/api/files/s/{key}/a.txt");
    let said = json!({
        "fact": "user_said",
        "echo": {"text": link("theirs"), "attachments": [{"contentUrl": link("theirs")}]},
        "message": {"text": link("theirs")},
        "files": [{"name": "a.txt", "url": link("own")}],
    });
    let quoted = json!({"fact": "agent_said", "control": {"text": link("theirs")}, "message_id": "1"});
    let history = json!({"fact": "handoff_requested", "history": [{"text": link("theirs")}]});
    let media = format!("{}5f2a", crate::secondary_bot::media::PATH);
    let asked = json!({"fact": "asked", "text": link("theirs"), "files": [{"url": media}]});
    assert_eq!(view::file_keys(&[said, quoted, history, asked]), ["5f2a", "own"]);
}

#[test]
fn a_fact_happened_when_it_says_and_not_when_a_token_ends() {
    let times = [
        (json!({"fact": "token_accepted", "hash": "x", "until": 9}), None),
        (json!({"fact": "leased", "at": 5, "until": 9}), Some(Timestamp(5))),
    ];
    for (fact, at) in times {
        assert_eq!(view::time(&fact), at, "{fact}");
    }
}

#[tokio::test]
async fn what_a_newer_build_has_stored_is_exported_found_and_erased() {
    let folder = tempfile::tempdir().expect("a folder");
    let operator = with_chat(&folder, "c-1", "dana", Timestamp(1)).await;
    let id = ConversationId::parse("c-1").expect("an id");
    let label = crate::files::Label::new("a.txt", "text/plain");
    let file = operator.files.begin(&label, Timestamp::now().plus_millis(DAY)).await.expect("begun");
    let key = file.finish().await.expect("kept");
    let mood = format!(
        r#"1{{"fact":"user_mood","words":"grim","user":{{"id":"dl_1"}},"seen":"https://x/api/files/s/{key}/a.txt","at":5}}"#
    );
    let stored = [&mood, r#"2{"fact":"user_mood","words":"dim"}"#, "1 no JSON"];
    let stored = stored.map(|fact| fact.as_bytes().to_vec()).to_vec();
    operator.chats.append_encoded(&id, 1.into(), stored, None).await.expect("stored");
    let shown = operator.show("c-1").await.expect("shown");
    assert!(shown[1].ends_with("\tuser_mood\t") && shown[3].ends_with("\tunknown\t"), "{shown:?}");
    let export = operator.export("c-1").await.expect("exported");
    assert_eq!(export["facts"][1]["words"], "grim");
    assert_eq!((&export["facts"][2]["words"], &export["facts"][3]), (&json!("dim"), &json!("1 no JSON")));
    assert_eq!(export["files"], json!([key]));
    let erased = operator.erase_user("dl_1", true).await.expect("erased");
    assert_eq!((erased.conversations.len(), erased.facts, erased.files), (1, 4, 1));
}

#[tokio::test]
async fn a_conversation_that_is_erased_again_counts_from_then_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let operator = with_chat(&folder, "c-1", "dana", Timestamp(1)).await;
    let id = ConversationId::parse("c-1").expect("an id");
    for at in [5, 9] {
        operator.tombstones.put(&id, Timestamp(at)).await.expect("stored");
        assert_eq!(operator.tombstones.erased_at(&id).await.expect("read"), Some(Timestamp(at)));
    }
    assert_eq!(operator.tombstones.forget(Timestamp(9)).await.expect("looked"), 0, "one of them is young");
    assert_eq!(operator.tombstones.forget(Timestamp(10)).await.expect("looked"), 1);
}

#[tokio::test]
async fn a_chat_that_servicenow_never_had_is_erased_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let operator = with_chat(&folder, "c-1", "dana", Timestamp(1)).await;
    operator.erase("c-1", false).await.expect("erased");
    assert!(operator.show("c-1").await.is_err());
}

#[tokio::test]
async fn a_chat_that_the_user_has_just_left_is_erased_once_servicenow_knows_that() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::File::create(folder.path().join("handoff.db")).expect("an empty store");
    let mut operator = Operator::open(settings(&folder)).expect("opened");
    let servicenow = FarEnd::start(|_, _| Reply::json(200, &json!({"status": "success"})));
    operator.settings.servicenow.as_mut().expect("set").url = servicenow.url.clone();
    let mut chat = Chat { now: Timestamp::now(), ..Chat::new() };
    chat.on(escalation_by(0, Opening::Agent));
    chat.deliver();
    chat.on(Command::UserEnded);
    let id = conversation();
    operator.chats.append(&id, 0, &chat.facts, Some(true)).await.expect("stored");
    operator.erase(id.as_str(), false).await.expect("erased");
    let told: Vec<_> = servicenow.heard().iter().map(|heard| heard.json()["action"].clone()).collect();
    assert_eq!(told, ["END_CONVERSATION"]);
    assert!(operator.show(id.as_str()).await.is_err());
}

#[tokio::test]
async fn an_erase_of_a_live_chat_tells_servicenow_and_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::File::create(folder.path().join("handoff.db")).expect("an empty store");
    let mut operator = Operator::open(settings(&folder)).expect("opened");
    // A page that is open polls meanwhile: to the running program the conversation must be over, or it brings the bot back.
    let (path, is_over) = (folder.path().join("handoff.db"), Arc::new(AtomicBool::new(false)));
    let seen = is_over.clone();
    let servicenow = FarEnd::start(move |_, _| {
        let store = rusqlite::Connection::open(&path).expect("opened");
        let over = "SELECT count(*) FROM fact WHERE CAST(body AS TEXT) LIKE '%conversation_over%'";
        let stored: u32 = store.query_row(over, [], |row| row.get(0)).expect("read");
        seen.store(stored == 1, Relaxed);
        Reply::json(200, &json!({"status": "success"}))
    });
    let direct_line = FarEnd::start(|_, _| Reply::json(200, &json!({"activities": []})));
    operator.settings.servicenow.as_mut().expect("set").url = servicenow.url.clone();
    operator.settings.direct_line.url = Some(direct_line.url.clone());
    operator.settings.direct_line.secret = Some("s".into());
    let mut chat = Chat { now: Timestamp::now(), ..Chat::new() };
    chat.on(escalation_by(0, Opening::Agent));
    chat.deliver();
    assert_eq!(chat.state.undrained(), Some(0));
    let id = conversation();
    operator.chats.append(&id, 0, &chat.facts, Some(true)).await.expect("stored");
    operator.erase(id.as_str(), false).await.expect("erased");
    let told: Vec<_> = servicenow.heard().iter().map(|heard| heard.json()["action"].clone()).collect();
    assert_eq!(told, ["END_CONVERSATION"]);
    assert!(direct_line.heard().is_empty(), "{:?}", direct_line.heard());
    assert!(is_over.load(Relaxed));
}

#[tokio::test]
async fn what_is_open_is_kept_and_what_has_no_end_of_its_own_goes_with_its_days() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = Timestamp(100 * DAY);
    let operator = with_chat(&folder, "open", "dana", Timestamp(1)).await;
    let over = ConversationId::parse("over").expect("an id");
    let end = json!({"fact": "conversation_over", "at": 2});
    let end: Fact = serde_json::from_value(end).expect("a fact");
    operator.chats.append(&over, 0, &[end], Some(false)).await.expect("stored");
    operator.tombstones.put(&over, Timestamp(1)).await.expect("stored");
    let retention = |days| Retention::new(&operator.chats, operator.files.clone(), days);
    assert!(retention(0).is_none());
    let retention = retention(30).expect("some days");
    assert_eq!(retention.run(now).await.expect("run"), 1);
    assert!(operator.show("open").await.is_ok() && operator.show("over").await.is_err());
    assert_eq!(operator.tombstones.erased_at(&over).await.expect("read"), None);
}
