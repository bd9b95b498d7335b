//! Uploads that something comes between: the hand-off, or the client's own end.

use std::time::Duration;

use serde_json::json;
use servicenow_handoff::simulate::{
    chat_client::ChatClient,
    servicenow::{Effect, Fault},
};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    eventually::{eventually, found},
    files::client::{fetched, form, id_of, noise, send_form, send_raw, world_with_links},
    live::wire::{connect, read_head, request},
    world::World,
};

const FORM: &str = "multipart/form-data; boundary=cut";

/// A form of two files, and where the second has come half.
fn two_files() -> (Vec<u8>, usize) {
    let part = |name: &str| {
        let head = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: image/png\r\n\r\n"
        );
        [head.as_bytes(), &noise(60_000), b"\r\n"].concat()
    };
    let (one, other) = (part("1.png"), part("2.png"));
    let half = one.len() + other.len() / 2;
    ([&one[..], &other, b"--cut--\r\n"].concat(), half)
}

/// An upload of which the first bytes have been sent.
async fn begun(world: &World, chat: &ChatClient, media_type: &str, body: &[u8], sent: usize) -> TcpStream {
    let line = format!("POST /v3/directline/conversations/{}/upload?userId=dana", chat.conversation());
    let (authorization, length) = (format!("Bearer {}", chat.token()), body.len().to_string());
    let headers = [
        ("Host", "x"),
        ("Authorization", authorization.as_str()),
        ("Content-Type", media_type),
        ("Content-Length", &length),
    ];
    let mut stream = connect(&world.url).await;
    stream.write_all(&request(&line, &headers, &body[..sent])).await.unwrap();
    stream
}

#[tokio::test]
async fn an_upload_that_a_hand_off_overtakes_does_not_reach_the_bot() {
    let (form, half) = two_files();
    let picture = noise(60_000);
    for (media_type, body, sent) in [(FORM, &form, half), ("image/png", &picture, 30_000)] {
        let world = World::start().await;
        let mut chat = world.chat().await;
        let session = chat.conversation().to_owned();
        let mut upload = begun(&world, &chat, media_type, body, sent).await;
        chat.say("agent").await.unwrap();
        chat.see("the hand-off", |activity| activity["name"] == "handoff.initiate").await.unwrap();
        let heard = world.copilot.said_to_bot(&session).len();
        upload.write_all(&body[sent..]).await.unwrap();
        let head = read_head(&mut upload).await;
        assert!(head.starts_with("HTTP/1.1 503"), "{media_type}: {head}");
        world.accept(&session).await;
        id_of(send_raw(&world, &chat, "again.png", "image/png", &picture).await).await;
        let names: Vec<String> =
            fetched(&world, &session, 1).await.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["again.png"], "the next try is the live chat's");
        assert_eq!(world.copilot.said_to_bot(&session).len(), heard, "{media_type}");
    }
}

#[tokio::test]
async fn a_client_that_breaks_its_upload_off_leaves_no_file() {
    let world = world_with_links(&[("ATTACHMENTS", "link")]).await;
    let chat = world.live_chat().await;
    let (form, half) = two_files();
    for reset in [false, true] {
        let upload = begun(&world, &chat, FORM, &form, half).await;
        let whole = || world.kept_files().iter().any(|path| path.extension().is_none());
        eventually("the first file is kept", whole).await;
        if reset {
            SockRef::from(&upload).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(upload);
        eventually("it is taken back", || world.kept_files().is_empty()).await;
    }
}

/// Bytes of files that ServiceNow has and that no message names, as they count.
async fn unsaid(world: &World, session: &str) -> u64 {
    let stored = world.operator().export(session).await.unwrap();
    let facts = stored["facts"].as_array().unwrap().iter().filter(|fact| fact["fact"] == "files_unsaid");
    facts.map(|fact| fact["bytes"].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn an_upload_to_servicenow_that_breaks_off_says_nothing_counts_what_arrived_and_can_be_repeated() {
    let (form, half) = two_files();
    let picture = noise(60_000);
    for (media_type, body, sent, arrived) in [(FORM, &form, half, 1), ("image/png", &picture, 30_000, 0)] {
        for reset in [false, true] {
            let world = World::start().await;
            let chat = world.live_chat().await;
            let session = chat.conversation().to_owned();
            let upload = begun(&world, &chat, media_type, body, sent).await;
            eventually("what is whole has arrived", || world.servicenow.uploads().len() == arrived).await;
            if reset {
                SockRef::from(&upload).set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(upload);
            let counts = async || (unsaid(&world, &session).await == 60_000 * arrived as u64).then_some(());
            found("what has arrived counts", counts).await;
            id_of(send_raw(&world, &chat, "again.png", "image/png", &picture).await).await;
            chat.say("done").await.unwrap();
            world.agent_hears(&session, &["", "done"]).await;
            let names: Vec<String> =
                fetched(&world, &session, 1).await.into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["again.png"], "{media_type}, reset: {reset}");
            assert_eq!(world.servicenow.uploads().len(), arrived + 1);
            assert_eq!(unsaid(&world, &session).await, 60_000 * arrived as u64);
            assert!(world.kept_files().is_empty());
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_servicenow_looks_at_its_file_may_send_it_again_and_it_is_said_once() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let activity = json!({"type": "message", "text": "see this", "from": {"id": "dana"},
        "channelData": {"clientActivityID": "c-1"}});
    let body = format!(
        "--cut\r\nContent-Disposition: form-data; name=\"activity\"\r\nContent-Type: application/vnd.microsoft.activity\r\n\r\n\
         {activity}\r\n--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"1.png\"\r\n\
         Content-Type: image/png\r\n\r\nPNG\r\n--cut--\r\n"
    );
    world.servicenow.faults().add(Fault::new(Effect::LateAnswer { ms: 1_500 }).of("MEDIA").times(1));
    let upload = begun(&world, &chat, FORM, body.as_bytes(), body.len()).await;
    eventually("ServiceNow has it", || world.servicenow.uploads().len() == 1).await;
    SockRef::from(&upload).set_linger(Some(Duration::ZERO)).unwrap();
    drop(upload);
    let again = form("see this", "c-1", &[("1.png", "image/png", b"PNG")]);
    id_of(send_form(&world, &chat, again).await).await;
    chat.say("done").await.unwrap();
    world.agent_hears(&session, &["see this", "done"]).await;
    assert_eq!(fetched(&world, &session, 1).await.len(), 1);
}

#[tokio::test]
async fn half_a_head_behind_an_answered_request_does_not_hold_its_connection() {
    // With few handles there are few places, and 5 s for a head.
    let mut limited = std::process::Command::new("/bin/sh");
    limited.args(["-c", "ulimit -n 600 && exec \"$0\""]).arg(crate::host::package::Package::program());
    let program = crate::program::Program::run(crate::program::prepared(limited, [("LOG", "info")]));
    for tail in ["GET /api/hea", "\r\n", "GET / HTTP/1.1\r\nHost: x\r\n"] {
        let mut stream = connect(&program.url).await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200"));
        stream.write_all(tail.as_bytes()).await.unwrap();
        let mut rest = vec![];
        let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{tail:?} holds it");
    }
}
