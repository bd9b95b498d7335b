//! From the user to the person at the desk.

use serde_json::json;
use servicenow_handoff::simulate::{
    copilot::CopilotOptions,
    servicenow::{Effect, Fault, OAuthClient, ServiceNowOptions},
};

use crate::{
    files::client::{
        error_of, fetched, form, id_of, noise, send_form, send_raw, sha256, upload_url, world_with_links,
    },
    world::{PATIENCE, World},
};

#[tokio::test]
async fn a_file_reaches_the_desk_and_its_sender_sees_it() {
    let world = world_with_links(&[]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let bytes = noise(300_000);
    chat.say("before").await.unwrap();
    let id = id_of(send_raw(&world, &chat, "Übersicht 1.png", "image/png", &bytes).await).await;
    chat.say("after").await.unwrap();
    world.agent_hears(&session, &["before", "", "after"]).await;
    let (name, got) = fetched(&world, &session, 1).await.remove(0);
    assert_eq!((name.as_str(), got.status, got.sha256), ("Übersicht 1.png", 200, sha256(&bytes)));
    let upload = world.servicenow.uploads().remove(0);
    assert_eq!((upload.user_id.as_str(), upload.media_type.as_str()), ("dana", "image/png"));

    chat.see("the echo", |a| a["id"] == id.as_str()).await.unwrap();
    let echo = chat.received.iter().find(|a| a["id"] == id.as_str()).unwrap();
    assert_eq!((&echo["from"]["id"], &echo["from"]["role"]), (&json!("dana"), &json!("user")));
    let shown = &echo["attachments"][0];
    assert_eq!((&shown["name"], &shown["contentType"]), (&json!("Übersicht 1.png"), &json!("image/png")));
    let answer = world.http.get(shown["contentUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(sha256(&answer.bytes().await.unwrap()), sha256(&bytes));
}

#[tokio::test]
async fn a_file_is_fetched_from_us_when_the_setting_says_link() {
    let world = world_with_links(&[("ATTACHMENTS", "link")]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let bytes = noise(300_000);
    let id = id_of(send_raw(&world, &chat, "log.txt", "text/plain", &bytes).await).await;
    let (name, got) = fetched(&world, &session, 1).await.remove(0);
    assert_eq!((name.as_str(), got.status, got.sha256), ("log.txt", 200, sha256(&bytes)));
    assert!(world.servicenow.uploads().is_empty());
    chat.see("the echo", |a| a["id"] == id.as_str()).await.unwrap();
    let echo = chat.received.iter().find(|a| a["id"] == id.as_str()).unwrap();
    let link = echo["attachments"][0]["contentUrl"].as_str().unwrap();
    assert!(link.starts_with(&world.url));
    let answer = world.http.get(link).send().await.unwrap();
    assert_eq!(sha256(&answer.bytes().await.unwrap()), sha256(&bytes));
}

#[tokio::test]
async fn two_files_and_their_text_are_one_message_and_a_retry_adds_nothing() {
    for way in ["upload", "link"] {
        let world = world_with_links(&[("ATTACHMENTS", way)]).await;
        let mut chat = world.live_chat().await;
        let session = chat.conversation().to_owned();
        let (one, two) = (noise(70_000), b"--not-the-boundary\r\n\r\n".to_vec());
        let parts =
            || form("see these", "c-1", &[("1.png", "image/png", &one), ("2.txt", "text/plain", &two)]);
        let first = id_of(send_form(&world, &chat, parts()).await).await;
        assert_eq!(id_of(send_form(&world, &chat, parts()).await).await, first);
        world.agent_hears(&session, &["see these"]).await;
        let files = fetched(&world, &session, 2).await;
        let got: Vec<_> = files.iter().map(|(name, got)| (name.as_str(), got.sha256.clone())).collect();
        assert_eq!(got, [("1.png", sha256(&one)), ("2.txt", sha256(&two))]);
        let uploads = if way == "upload" { 2 } else { 0 };
        assert_eq!(world.servicenow.uploads().len(), uploads, "the retry sent nothing again");
        chat.see("the echo", |a| a["id"] == first.as_str()).await.unwrap();
        let echoes: Vec<_> = chat.received.iter().filter(|a| a["text"] == "see these").collect();
        assert_eq!(echoes.len(), 1);
        let shown = echoes[0]["attachments"].as_array().unwrap();
        assert_eq!(shown.len(), 2, "each file is shown once");
        for (file, bytes) in shown.iter().zip([&one, &two]) {
            assert!(file["thumbnailUrl"].is_string());
            let answer = world.http.get(file["contentUrl"].as_str().unwrap()).send().await.unwrap();
            assert_eq!(sha256(&answer.bytes().await.unwrap()), sha256(bytes));
        }
        assert_eq!(echoes[0]["channelData"]["clientActivityID"], "c-1");
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_cut_off_while_it_comes() {
    let world = world_with_links(&[("MAX_UPLOAD", "100000")]).await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let refused = send_raw(&world, &chat, "a.bin", "image/png", &noise(100_001)).await;
    assert_eq!(error_of(refused).await, (413, "PayloadTooLarge".to_owned()));
    // Without a length, and as a form, it shows only on the way.
    let pieces = (0..40).map(|_| Ok::<_, std::io::Error>(noise(8_000)));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let call = world.http.post(upload_url(&world, &chat)).bearer_auth(chat.token()).body(body);
    assert_eq!(call.send().await.unwrap().status(), 413);
    let parts =
        form("", "c-1", &[("1.png", "image/png", &noise(60_000)), ("2.png", "image/png", &noise(60_000))]);
    assert_eq!(send_form(&world, &chat, parts).await.status(), 413);
    id_of(send_raw(&world, &chat, "a.png", "image/png", &noise(100_000)).await).await;
    chat.say("done").await.unwrap();
    world.agent_hears(&session, &["", "done"]).await;
    assert_eq!(fetched(&world, &session, 1).await.len(), 1);
}

#[tokio::test]
async fn a_client_that_goes_on_sending_still_reads_why_its_file_was_refused() {
    let world = world_with_links(&[("MAX_UPLOAD", "100000")]).await;
    let chat = world.live_chat().await;
    for _ in 0..5 {
        let refused = send_raw(&world, &chat, "a.bin", "image/png", &noise(5_000_000)).await;
        assert_eq!(refused.status(), 413);
        let pieces = (0..600).map(|_| Ok::<_, std::io::Error>(vec![7; 8_000]));
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
        let call = world.http.post(upload_url(&world, &chat)).bearer_auth(chat.token()).body(body);
        assert_eq!(call.send().await.unwrap().status(), 413);
    }
    // Who never stops is cut off, and nobody else is harmed by it.
    for _ in 0..2 {
        let endless = (0..).map(|_| Ok::<_, std::io::Error>(vec![7; 64_000]));
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(endless));
        let call = world.http.post(upload_url(&world, &chat)).bearer_auth(chat.token()).body(body);
        let cut = tokio::time::timeout(PATIENCE, call.send()).await.unwrap();
        assert!(cut.is_err() || cut.unwrap().status() == 413);
        chat.say("still here").await.unwrap();
    }
}

#[tokio::test]
async fn what_servicenow_refuses_is_said_in_the_chat_and_nothing_is_stored() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let once = |effect| world.servicenow.faults().add(Fault::new(effect).of("MEDIA").times(1));
    once(Effect::Status { status: 415 });
    let refused =
        send_form(&world, &chat, form("", "c-1", &[("virus.exe", "application/x-msdownload", b"MZ")])).await;
    assert_eq!(error_of(refused).await, (400, "BadRequest".to_owned()));
    chat.see("the reason", |a| a["text"].as_str().is_some_and(|t| t.contains("virus.exe"))).await.unwrap();
    for effect in [
        Effect::Status { status: 500 },
        Effect::Status { status: 401 },
        Effect::DropBefore,
        Effect::DropAfter,
    ] {
        once(effect.clone());
        let failed = send_form(&world, &chat, form("", "c-2", &[("a.txt", "text/plain", b"hello")])).await;
        assert_eq!(error_of(failed).await, (503, "Unavailable".to_owned()), "{effect:?}");
    }
    id_of(send_form(&world, &chat, form("", "c-2", &[("a.txt", "text/plain", b"hello")])).await).await;
    chat.say("done").await.unwrap();
    world.agent_hears(&session, &["", "done"]).await;
    assert_eq!(fetched(&world, &session, 1).await[0].0, "a.txt");
}

#[tokio::test]
async fn an_upload_that_is_none_is_a_bad_request() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let call = || world.http.post(upload_url(&world, &chat)).bearer_auth(chat.token());
    let broken = [
        call().header("content-type", "multipart/form-data").body("x"),
        call().header("content-type", "multipart/form-data; boundary=x").body("--y\r\n\r\n"),
        call().header("content-type", "multipart/form-data; boundary=x").body("--x--\r\n"),
        call().header("content-type", "multipart/form-data; boundary=x").body(
            "--x\r\ncontent-disposition: form-data; name=a\r\ncontent-type: application/vnd.microsoft.activity\r\n\r\n[1\r\n--x--\r\n",
        ),
    ];
    for call in broken {
        assert_eq!(error_of(call.send().await.unwrap()).await, (400, "BadRequest".to_owned()));
    }
    let stranger = world.http.post(upload_url(&world, &chat)).body("x");
    assert_eq!(error_of(stranger.send().await.unwrap()).await.0, 401);
    let forged = world.http.post(upload_url(&world, &chat)).bearer_auth("nonsense").body("x");
    assert_eq!(error_of(forged.send().await.unwrap()).await.0, 403);
}

#[tokio::test]
async fn files_go_to_the_bot_before_the_chat_and_after_it() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    let before = id_of(send_raw(&world, &chat, "1.txt", "text/plain", b"one").await).await;
    let own = chat.conversation().to_owned();
    let sent = |conversation: &str| {
        let said = world.copilot.said_to_bot(conversation);
        said.iter()
            .filter_map(|a| a["attachments"][0]["name"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert!(!before.is_empty());
    assert_eq!(sent(&own), ["1.txt"]);
    chat.say("agent").await.unwrap();
    chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    world.accept(&own).await;
    world.servicenow.end(&own).await;
    chat.see("the end", |a| a["value"]["state"] == "completed").await.unwrap();
    let after = id_of(send_raw(&world, &chat, "2.txt", "text/plain", b"two").await).await;
    assert!(!after.is_empty());
    let fresh = world.copilot.conversations().pop().unwrap();
    assert_ne!(fresh, own);
    assert_eq!((sent(&own), sent(&fresh)), (vec!["1.txt".to_owned()], vec!["2.txt".to_owned()]));
    assert!(world.servicenow.uploads().is_empty());
}

#[tokio::test]
async fn a_file_for_someone_who_is_only_asked_for_waits_in_order() {
    let world = World::start().await;
    let chat = world.waiting_chat().await;
    let session = chat.conversation().to_owned();
    chat.say("one").await.unwrap();
    id_of(send_form(&world, &chat, form("two", "c-2", &[("a.txt", "text/plain", b"hello")])).await).await;
    chat.say("three").await.unwrap();
    world.accept(&session).await;
    world.agent_hears(&session, &["one", "two", "three"]).await;
    assert_eq!(fetched(&world, &session, 1).await[0].1.sha256, sha256(b"hello"));
}

#[tokio::test]
async fn with_oauth_a_token_that_was_revoked_is_renewed_for_the_next_file() {
    let oauth = OAuthClient {
        client_id: "id".into(),
        client_secret: "a-client-secret".into(),
        token_lifetime: PATIENCE * 100,
    };
    let options = ServiceNowOptions { oauth: Some(oauth), ..ServiceNowOptions::default() };
    let settings = [
        ("SERVICENOW_CLIENT_ID", "id"),
        ("SERVICENOW_CLIENT_SECRET", "a-client-secret"),
        ("PUBLIC_URL", "http://127.0.0.1:9/"),
    ];
    let world = World::between(CopilotOptions::default(), options, &settings).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let file = || form("", "c-1", &[("a.txt", "text/plain", b"hello")]);
    world.servicenow.revoke_tokens();
    assert_eq!(send_form(&world, &chat, file()).await.status(), 503);
    let id = id_of(send_form(&world, &chat, file()).await).await;
    assert_eq!(fetched(&world, &session, 1).await[0].1.sha256, sha256(b"hello"));
    // A download is simply asked for again.
    chat.see("the echo", |a| a["id"] == id.as_str()).await.unwrap();
    let echo = chat.received.iter().find(|a| a["id"] == id.as_str()).unwrap();
    let link = echo["attachments"][0]["contentUrl"].as_str().unwrap();
    let link = link.replace("http://127.0.0.1:9", &world.url);
    world.servicenow.revoke_tokens();
    let answer = world.http.get(link).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "hello"));
}

#[tokio::test]
async fn without_a_login_files_are_refused_in_words() {
    let settings = [("SERVICENOW_USERNAME", ""), ("SERVICENOW_PASSWORD", "")];
    let world = World::with(&settings).await;
    // The chat stays in waiting instead of being refused for the missing login.
    world.servicenow.faults().set_down(true);
    let chat = world.waiting_chat().await;
    let refused = send_raw(&world, &chat, "a.txt", "text/plain", b"hello").await;
    assert_eq!(error_of(refused).await, (503, "NotConfigured".to_owned()));
}
