//! Files that a question asked for, and those it did not.

use serde_json::{Value, json};
use servicenow_handoff::simulate::chat_client::ChatClient;

use crate::{
    files::client::{error_of, fetched, form, id_of, noise, send_form, send_raw, sha256, world_with_links},
    world::World,
};

#[tokio::test]
async fn a_question_for_a_file_says_how_many_and_how_large() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let question = json!({"body": [{"uiType": "FileUpload", "label": "Your screenshot?", "required": true,
        "itemType": "image", "maxCount": 1, "maxSize": 1, "messageId": "question"}]});
    world.servicenow.send(&session, question).await;
    let is_it = |a: &Value| a["channelData"]["servicenow"]["messageId"] == "question";
    chat.see("the question", is_it).await.unwrap();
    let two = form("", "c-1", &[("1.png", "image/png", b"1"), ("2.png", "image/png", b"2")]);
    assert_eq!(error_of(send_form(&world, &chat, two).await).await, (400, "BadRequest".to_owned()));
    let large = noise((1 << 20) + 1);
    let large = form("", "c-2", &[("1.png", "image/png", &large)]);
    assert_eq!(error_of(send_form(&world, &chat, large).await).await, (413, "PayloadTooLarge".to_owned()));
    id_of(send_form(&world, &chat, form("", "c-3", &[("3.png", "image/png", b"3")])).await).await;
    assert_eq!(fetched(&world, &session, 1).await[0].0, "3.png");
}

/// A question for a file, as ServiceNow asks it.
async fn ask_for(world: &World, chat: &mut ChatClient, id: &str, limits: Value) {
    let mut asked =
        json!({"uiType": "FileUpload", "group": "DefaultFileUpload", "label": "Show us", "messageId": id});
    for (name, limit) in limits.as_object().unwrap() {
        asked[name.as_str()] = limit.clone();
    }
    let sent = world.servicenow.send(chat.conversation(), json!({"body": [asked]})).await;
    assert_eq!(sent.status, Some(200));
    chat.until("the question", |a| a["text"].as_str().is_some_and(|t| t.starts_with("Show us")))
        .await
        .unwrap();
}

#[tokio::test]
async fn all_files_are_looked_at_before_any_is_sent_on_and_a_refusal_is_said_with_what_is_wanted() {
    let (png, pdf, big) = (noise(1_000), noise(2_000), noise(1_100_000));
    let picture = ("a.png", "image/png", png.as_slice());
    let document = ("b.pdf", "application/pdf", pdf.as_slice());
    let large = ("c.png", "image/png", big.as_slice());
    let pictures = json!({"itemType": "image", "maxCount": 2, "maxSize": 1});
    let one = json!({"maxCount": 1});
    let cases = [
        (&pictures, vec![picture, document], 400, "b.pdf is not a picture. Please send a picture."),
        (&pictures, vec![picture, large], 413, "c.png is too large: 1 MB at most."),
        (
            &pictures,
            vec![picture, picture, picture],
            400,
            "These are too many files: 2 at most. None was sent.",
        ),
        (&one, vec![document, picture], 400, "These are too many files: 1 at most. None was sent."),
        (&pictures, vec![document], 400, "b.pdf is not a picture. Please send a picture."),
    ];
    for way in ["upload", "link"] {
        let world = world_with_links(&[("ATTACHMENTS", way)]).await;
        let mut chat = world.live_chat().await;
        let session = chat.conversation().to_owned();
        for (nth, (limits, files, status, line)) in cases.iter().enumerate() {
            ask_for(&world, &mut chat, &format!("q{nth}"), (*limits).clone()).await;
            let refused = send_form(&world, &chat, form("", &format!("c{nth}"), files)).await;
            assert_eq!(refused.status(), *status, "{line}");
            chat.until(line, |a| a["text"] == *line).await.unwrap();
        }
        assert!(world.servicenow.uploads().is_empty(), "nothing went on");
        ask_for(&world, &mut chat, "last", pictures.clone()).await;
        id_of(send_form(&world, &chat, form("", "c-last", &[picture, picture])).await).await;
        let got = fetched(&world, &session, 2).await;
        assert!(got.iter().all(|(name, got)| name == "a.png" && got.sha256 == sha256(&png)));
        chat.say("done").await.unwrap();
        world.agent_hears(&session, &["", "done"]).await;
    }
}

#[tokio::test]
async fn of_too_many_files_that_nobody_asked_for_one_alone_may_be_on_its_way() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let refused = send_form(&world, &chat, form("", "c", &[("b.txt", "text/plain", &b"b"[..]); 51])).await;
    assert_eq!(refused.status(), 400);
    let line = "These are too many files: 50 at most. None was sent.";
    chat.until(line, |a| a["text"] == line).await.unwrap();
    assert!(world.servicenow.uploads().len() <= 1, "the others did not go on");
}

#[tokio::test]
async fn files_that_a_message_names_are_looked_at_together_as_well() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    ask_for(&world, &mut chat, "q", json!({"itemType": "image", "maxCount": 2})).await;
    let file = |name: &str, media_type: &str| json!({"name": name, "contentType": media_type, "contentUrl": format!("data:{media_type};base64,aGVsbG8=")});
    let png = file("a.png", "image/png");
    for (attachments, line) in [
        (json!([png, file("b.txt", "text/plain")]), "b.txt is not a picture. Please send a picture."),
        (json!([png, png, png]), "These are too many files: 2 at most. None was sent."),
    ] {
        let message =
            json!({"type": "message", "from": {"id": "dana", "role": "user"}, "attachments": attachments});
        assert!(chat.post(&message).await.unwrap_err().starts_with("400"));
        chat.until(line, |a| a["text"] == line).await.unwrap();
    }
    assert!(world.servicenow.uploads().is_empty(), "nothing went on");
}

#[tokio::test]
async fn a_file_answers_the_question_that_asked_for_it() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    ask_for(&world, &mut chat, "q", json!({"itemType": "image"})).await;
    id_of(send_raw(&world, &chat, "a.png", "image/png", &noise(100)).await).await;
    id_of(send_raw(&world, &chat, "a.pdf", "application/pdf", &noise(100)).await).await;
    chat.say("done").await.unwrap();
    world.agent_hears(&session, &["", "", "done"]).await;
}

#[tokio::test]
async fn what_is_too_large_or_goes_with_a_masked_answer_is_said_in_the_chat() {
    let world = world_with_links(&[("MAX_UPLOAD", "100000")]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let refused = send_raw(&world, &chat, "a.bin", "image/png", &noise(100_001)).await;
    assert_eq!(refused.status(), 413);
    chat.until("the reason", |a| a["text"] == "The file is too large: 97 kB at most.").await.unwrap();
    world.servicenow.send_sample(&session, "secure input").await.unwrap();
    chat.until("the question", |a| a.to_string().contains("one-time code")).await.unwrap();
    let refused = send_form(&world, &chat, form("hunter2", "c", &[("a.png", "image/png", b"x")])).await;
    assert_eq!(error_of(refused).await.0, 400);
    let line = "A hidden answer can't go with a file. Please send it by itself.";
    chat.until("the reason", |a| a["text"] == line).await.unwrap();
    assert!(!world.stored_bytes().windows(7).any(|bytes| bytes == b"hunter2"));
}
