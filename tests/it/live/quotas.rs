//! What one visitor may fill, and what they read when it is full.

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::Timestamp,
    session::{Fact, MOST_FILES, MOST_WORDS, UserSaid},
    simulate::chat_client::{ChatClient, message},
};

use crate::{
    files::client::{error_of, form, id_of, noise, send_form, send_raw, world_with_links},
    live::pipe::{get, post},
    world::World,
};

const FULL: &str =
    "Diese Unterhaltung ist voll; Ihre Nachricht wurde nicht angenommen. Bitte beginnen Sie eine neue.";
const NO_ROOM: &str = "film.mp4 wurde nicht angenommen: In diesem Chat ist kein Platz für weitere Dateien.";

#[tokio::test]
async fn a_conversation_that_is_full_takes_no_more_words_and_says_so_once_in_the_users_language() {
    let world = World::start().await;
    let mut chat = german_chat(&world).await;
    let session = chat.conversation().to_owned();
    chat.post(&german("vorher")).await.unwrap();
    fill(&world, &session, MOST_WORDS - 100_000).await;
    let large = message(&"x".repeat(100_000));
    for _ in 0..3 {
        let refused = post(&world, &session, chat.token(), &large).await;
        assert_eq!(refused.status, 413);
        assert_eq!(refused.json()["error"]["code"], "PayloadTooLarge");
    }
    chat.see("the line", says(FULL)).await.unwrap();
    // What is short still fits, and the agent is heard.
    chat.post(&german("kurz")).await.unwrap();
    world.agent_says(&session, "Ich bin noch da.").await;
    chat.see("the agent", says("Ich bin noch da.")).await.unwrap();
    world.agent_hears(&session, &["vorher", "kurz"]).await;
    assert_eq!(chat.received.iter().filter(|activity| says(FULL)(activity)).count(), 1);
}

#[tokio::test]
async fn a_conversation_takes_a_gigabyte_of_files_and_then_words_only() {
    for way in ["upload", "link"] {
        let world = world_with_links(&[("ATTACHMENTS", way)]).await;
        let mut chat = german_chat(&world).await;
        let session = chat.conversation().to_owned();
        let bytes = MOST_FILES - 50_000;
        world.store(&session, Fact::FilesUnsaid { bytes, at: Timestamp::now() }).await;
        chat.poll().await.unwrap();
        let small = noise(30_000);
        id_of(send_raw(&world, &chat, "klein.png", "image/png", &small).await).await;
        let refused = send_raw(&world, &chat, "film.mp4", "video/mp4", &small).await;
        assert_eq!(error_of(refused).await, (413, "PayloadTooLarge".to_owned()));
        chat.see("the line", says(NO_ROOM)).await.unwrap();
        chat.say("nur Worte").await.unwrap();
        world.agent_hears(&session, &["", "nur Worte"]).await;
        assert_eq!(world.kept_files().len(), usize::from(way == "link"));
    }
}

#[tokio::test]
async fn files_are_refused_while_the_disk_is_nearly_full_and_words_go_on() {
    for way in ["upload", "link"] {
        let world = world_with_links(&[("ATTACHMENTS", way)]).await;
        let mut chat = german_chat(&world).await;
        world.handoff.files.pretend_full();
        let refused = send_raw(&world, &chat, "film.mp4", "video/mp4", &noise(1_000)).await;
        assert_eq!(error_of(refused).await, (503, "Unavailable".to_owned()));
        chat.see("the line", says(NO_ROOM)).await.unwrap();
        chat.say("nur Worte").await.unwrap();
        world.agent_hears(chat.conversation(), &["nur Worte"]).await;
        assert_eq!(world.kept_files().len(), 0);
    }
}

#[tokio::test]
async fn an_upload_that_comes_to_nothing_leaves_no_file_or_counts() {
    let kept = world_with_links(&[("ATTACHMENTS", "link"), ("MAX_UPLOAD", "100000")]).await;
    let chat = kept.live_chat().await;
    let parts = || {
        let (small, large) = (noise(60_000), noise(60_000));
        form("both", "c-1", &[("1.png", "image/png", &small), ("2.png", "image/png", &large)])
    };
    for _ in 0..3 {
        assert_eq!(send_form(&kept, &chat, parts()).await.status(), 413);
    }
    assert_eq!(kept.kept_files().len(), 0, "the first of the two is taken back");

    let uploaded = world_with_links(&[("MAX_UPLOAD", "100000")]).await;
    let chat = uploaded.live_chat().await;
    assert_eq!(send_form(&uploaded, &chat, parts()).await.status(), 413);
    let facts = uploaded.operator().export(chat.conversation()).await.unwrap();
    let unsaid: Vec<&Value> =
        facts["facts"].as_array().unwrap().iter().filter(|fact| fact["fact"] == "files_unsaid").collect();
    assert_eq!(unsaid.len(), 1, "ServiceNow has the first of the two");
    assert_eq!(unsaid[0]["bytes"], 60_000);
}

#[tokio::test]
async fn a_long_conversation_is_read_again_a_mebibyte_at_a_time() {
    const MESSAGES: usize = 40;
    let world = World::start().await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    for n in 0..MESSAGES {
        let mut long = message(&"x".repeat(100_000));
        long["channelData"] = json!({"clientActivityID": n.to_string()});
        assert_eq!(post(&world, &session, chat.token(), &long).await.status, 200);
    }
    let (mut watermark, mut read, mut pages) = (None::<String>, vec![], 0);
    loop {
        let query = watermark.as_ref().map(|at| format!("?watermark={at}")).unwrap_or_default();
        let path = format!("conversations/{session}/activities{query}");
        let answer = get(&world, &path, &[("Authorization", &format!("Bearer {}", chat.token()))]).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.len() <= (1 << 20) + 1_000, "{} bytes", answer.body.len());
        let page = answer.json();
        let next = page["watermark"].as_str().unwrap().to_owned();
        let activities = page["activities"].as_array().unwrap();
        if activities.is_empty() {
            break;
        }
        let own =
            activities.iter().filter_map(|activity| activity["channelData"]["clientActivityID"].as_str());
        read.extend(own.map(str::to_owned).filter(|id| id.parse::<usize>().is_ok()));
        assert_ne!(Some(&next), watermark.as_ref(), "it goes on");
        (watermark, pages) = (Some(next), pages + 1);
    }
    let all: Vec<String> = (0..MESSAGES).map(|n| n.to_string()).collect();
    assert_eq!(read, all, "each once, in order");
    assert!(pages >= 4, "{pages} pages");
}

/// A live chat whose user reads German.
async fn german_chat(world: &World) -> ChatClient {
    let mut chat = world.chat().await;
    chat.post(&german("agent")).await.unwrap();
    chat.see("the hand-off", |activity| activity["name"] == "handoff.initiate").await.unwrap();
    world.accept(chat.conversation()).await;
    chat.see("the agent", |activity| activity["value"]["state"] == "accepted").await.unwrap();
    chat
}

fn german(text: &str) -> Value {
    let mut said = message(text);
    said["locale"] = "de-DE".into();
    said
}

/// As if the user had said so much.
async fn fill(world: &World, session: &str, bytes: u64) {
    let text = "x".repeat(usize::try_from(bytes).unwrap());
    let echo = json!({ "text": text }).as_object().cloned().unwrap();
    let said = UserSaid { shown: true, echo, at: Timestamp::now(), ..UserSaid::default() };
    world.store(session, Fact::UserSaid(Box::new(said))).await;
}

fn says(text: &str) -> impl Fn(&Value) -> bool {
    move |activity| activity["text"] == text
}
