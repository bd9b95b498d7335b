//! Files that a posted activity holds itself, or names.

use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    chat_client::ChatClient,
    servicenow::{Effect, Fault},
};

use crate::{
    files::client::{fetched, sha256, world_with_links},
    world::World,
};

/// A message that holds files with these texts.
fn holding(texts: [&str; 2]) -> Value {
    let files = texts.map(|text| {
        let held = format!("data:text/plain,{text}");
        json!({"contentType": "text/plain", "contentUrl": held, "name": format!("{:.3}.txt", text)})
    });
    json!({"type": "message", "text": "look", "from": {"id": "dana"}, "attachments": files,
        "channelData": {"clientActivityID": "c-1"}})
}

async fn posted(world: &World, chat: &ChatClient, activity: &Value) -> u16 {
    let url = format!("{}/v3/directline/conversations/{}/activities", world.url, chat.conversation());
    let post = world.http.post(url).bearer_auth(chat.token()).header("content-type", "application/json");
    post.body(activity.to_string()).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_post_of_which_a_file_does_not_arrive_says_nothing_and_its_repeat_says_all_once() {
    for effect in [Effect::Status { status: 500 }, Effect::DropBefore, Effect::DropAfter] {
        let world = World::start().await;
        let chat = world.live_chat().await;
        let session = chat.conversation().to_owned();
        world.servicenow.faults().add(Fault::new(effect.clone()).of("MEDIA").times(1));
        let message = holding(["one", "two"]);
        assert_eq!(posted(&world, &chat, &message).await, 503, "{effect:?}");
        for _ in 0..2 {
            assert_eq!(posted(&world, &chat, &message).await, 200, "{effect:?}");
        }
        chat.say("done").await.unwrap();
        world.agent_hears(&session, &["look", "done"]).await;
        let files = fetched(&world, &session, 2).await;
        let got: Vec<_> = files.into_iter().map(|(name, got)| (name, got.sha256)).collect();
        let expected = ["one", "two"].map(|text| (format!("{text}.txt"), sha256(text.as_bytes())));
        assert_eq!(got, expected, "{effect:?}");
    }
}

#[tokio::test]
async fn of_a_post_whose_second_file_is_refused_the_first_is_taken_back_or_counts() {
    let large = "x".repeat(200);
    for way in ["upload", "link"] {
        let world = world_with_links(&[("ATTACHMENTS", way), ("MAX_UPLOAD", "100")]).await;
        let mut chat = world.live_chat().await;
        let session = chat.conversation().to_owned();
        assert_eq!(posted(&world, &chat, &holding(["one", &large])).await, 413, "{way}");
        let told = |activity: &Value| activity["text"].as_str().is_some_and(|text| text.contains("xxx.txt"));
        chat.see("why", told).await.unwrap();
        assert!(world.kept_files().is_empty(), "the first is taken back");
        let stored = world.operator().export(&session).await.unwrap().to_string();
        assert_eq!(stored.contains("files_unsaid"), way == "upload", "ServiceNow has the first");
        assert_eq!(posted(&world, &chat, &holding(["one", "two"])).await, 200, "{way}");
        chat.say("done").await.unwrap();
        world.agent_hears(&session, &["look", "done"]).await;
        assert_eq!(fetched(&world, &session, 2).await.len(), 2);
    }
}

#[tokio::test]
async fn an_attachment_by_address_is_handed_on_when_it_is_public() {
    let world = world_with_links(&[]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let message = json!({"type": "message", "text": "look", "from": {"id": "dana", "role": "user"},
    "channelData": {"clientActivityID": "c-1"},
    "attachments": [
        {"contentType": "text/plain", "contentUrl": "data:text/plain;base64,aGVsbG8=", "name": "c.txt"},
        {"contentType": "image/png", "contentUrl": "https://files.example.com/a.png", "name": "a.png"},
        {"contentType": "image/png", "contentUrl": "http://169.254.169.254/latest", "name": "b.png"},
        {"contentType": "image/png", "contentUrl": "data:image/png;base64,", "name": "d.png"},
    ]});
    let id = chat.post(&message).await.unwrap();
    assert_eq!(chat.post(&message).await.unwrap(), id, "the same again");
    world
        .agent_hears(
            &session,
            &["look\n(A file could not be passed on: b.png)\n(A file could not be passed on: d.png)"],
        )
        .await;
    let request = world.servicenow.requests_of(&session).pop().unwrap();
    let attachments = request.body["message"]["attachment"].as_array().unwrap().clone();
    assert_eq!(attachments.len(), 2);
    assert_eq!(attachments[0]["fileName"], "c.txt");
    assert_eq!(attachments[1]["url"], "https://files.example.com/a.png");
    assert_eq!(world.servicenow.uploads()[0].sha256, sha256(b"hello"));
    chat.see("the echo", |a| a["id"] == id.as_str()).await.unwrap();
    let echo = chat.received.iter().find(|a| a["id"] == id.as_str()).unwrap();
    let shown: Vec<(&Value, bool)> = echo["attachments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (&a["name"], a["contentUrl"].as_str().is_some_and(|url| url.starts_with("http"))))
        .collect();
    let names = ["c.txt", "a.png", "b.png", "d.png"].map(|name| json!(name));
    assert_eq!(shown, [(&names[0], true), (&names[1], true), (&names[2], false), (&names[3], false)]);
}
