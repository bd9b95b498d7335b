//! What a client is told when something is refused or nobody answers, while the bot speaks.

use std::time::Duration;

use serde_json::{Value, json};
use servicenow_handoff::simulate::{chat_client::message, faults::Fault};

use crate::{
    live::{
        pipe::{CLOSE, get, post},
        wire::{FarEnd, exchange, request},
    },
    world::World,
};

#[tokio::test]
async fn direct_lines_refusals_come_through_byte_for_byte() {
    let world = World::start().await;
    let (chat, other) = (world.chat().await, world.chat().await);
    let expired = world.chat().await;
    world.copilot.expire_tokens(expired.conversation());
    let activities = |id: &str| format!("/v3/directline/conversations/{id}/activities");
    let (mine, lost) = (activities(chat.conversation()), activities("9wVnNoSuch-eu"));
    let fails = message("fail").to_string();
    let hello = message("hello").to_string();
    let cases: [(&str, String, &str, &str, u16, &str); 6] = [
        ("GET", mine.clone(), "no-token", "", 403, "BadArgument"),
        ("GET", mine.clone(), other.token(), "", 403, "BadArgument"),
        ("GET", activities(expired.conversation()), expired.token(), "", 403, "TokenExpired"),
        ("POST", activities(expired.conversation()), expired.token(), &hello, 403, "TokenExpired"),
        ("GET", lost, world.copilot.secret(), "", 404, "NotFound"),
        ("POST", mine, chat.token(), &fails, 502, "BotError"),
    ];
    for (method, path, token, body, status, code) in cases {
        let (authorization, length) = (format!("Bearer {token}"), body.len().to_string());
        let mut headers = vec![("Host", "x"), CLOSE, ("Content-Length", &*length)];
        if !token.is_empty() {
            headers.push(("Authorization", &*authorization));
        }
        let sent = request(&format!("{method} {path}"), &headers, body.as_bytes());
        let there = exchange(world.copilot.url(), &sent).await;
        let here = exchange(&world.url, &sent).await;
        assert_eq!((here.status, here.code()), (status, code.to_owned()), "{method} {path}");
        assert_eq!(here.body, there.body, "{method} {path}");
        assert_eq!(here.header("content-type"), there.header("content-type"));
    }
}

#[tokio::test]
async fn direct_lines_413_comes_through_byte_for_byte() {
    let world = World::start().await;
    let chat = world.chat().await;
    let body = json!({"error": {"code": "MessageSizeTooBig", "message": "Too big"}});
    world.copilot.faults().add(Fault::on("POST", "/activities").status(413).body(body.clone()));
    let answer = post(&world, chat.conversation(), chat.token(), &message("hello")).await;
    assert_eq!((answer.status, answer.body), (413, body.to_string().into_bytes()));
}

/// A gateway's page may be longer than any answer of Direct Line's to a post.
#[tokio::test]
async fn a_refusal_at_length_is_a_refusal_still() {
    let world = World::start().await;
    let chat = world.chat().await;
    for status in [413, 500] {
        let page = json!("x".repeat(300_000));
        world.copilot.faults().add(Fault::on("POST", "/activities").once().status(status).body(page));
        let answer = post(&world, chat.conversation(), chat.token(), &message("hello")).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn an_activity_may_have_256_kib_and_not_a_byte_more() {
    let world = World::start().await;
    let chat = world.chat().await;
    let frame = message("").to_string().len();
    let largest = message(&"x".repeat(256 * 1024 - frame));
    assert_eq!(post(&world, chat.conversation(), chat.token(), &largest).await.status, 200);
    let before = world.copilot.said_to_bot(chat.conversation()).len();
    let too_large = message(&"x".repeat(256 * 1024 - frame + 1));
    let refused = post(&world, chat.conversation(), chat.token(), &too_large).await;
    assert_eq!((refused.status, refused.code()), (413, "PayloadTooLarge".to_owned()));
    let says = refused.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(says.contains("262144"), "{says}");
    assert_eq!(world.copilot.said_to_bot(chat.conversation()).len(), before, "the bot was told");
}

/// A library client, as the host's proxy is one: it must see the answer although it is still sending.
#[tokio::test]
async fn a_client_that_is_still_sending_reads_the_413() {
    let world = World::start().await;
    let chat = world.chat().await;
    let url = format!("{}/v3/directline/conversations/{}/activities", world.url, chat.conversation());
    for size in [300_000, 3_000_000, 30_000_000] {
        let post = world.http.post(&url).bearer_auth(chat.token()).body(vec![b'x'; size]);
        assert_eq!(post.send().await.unwrap().status(), 413, "{size} bytes");
    }
}

#[tokio::test]
async fn a_file_may_be_as_large_as_max_upload_says() {
    let world = World::with(&[("MAX_UPLOAD", "1000")]).await;
    let chat = world.chat().await;
    let url = format!("{}/v3/directline/conversations/{}/upload?userId=dana", world.url, chat.conversation());
    for (size, status) in [(1_000, 200), (1_001, 413), (500_000, 413)] {
        let post = world.http.post(&url).bearer_auth(chat.token()).header("content-type", "image/png");
        let answer = post.body(vec![1; size]).send().await.unwrap();
        assert_eq!(answer.status(), status, "{size} bytes");
    }
}

#[tokio::test]
async fn without_direct_line_a_post_may_be_said_again_if_it_did_not_arrive_and_a_poll_is_empty_with_the_same_watermark()
 {
    let refused = World::with(&[("DIRECT_LINE_URL", &FarEnd::gone())]).await;
    says_nothing(&refused, (503, "Unavailable")).await;
    let silent = World::start().await;
    silent.copilot.faults().set_down(true);
    says_nothing(&silent, (502, "BotError")).await;
}

#[tokio::test]
async fn a_poll_that_direct_line_cuts_off_halfway_is_empty() {
    let (far_end, world) = super::before_far_end().await;
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"activities\":[";
    let poll = get(&world, "conversations/abc/activities?watermark=7", &[]);
    let (answer, _) = tokio::join!(poll, far_end.answer(half));
    assert_eq!((answer.status, answer.json()), (200, json!({"activities": [], "watermark": "7"})));
}

#[tokio::test]
async fn a_post_whose_answer_is_cut_off_may_have_arrived() {
    let (far_end, world) = super::before_far_end().await;
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"id\":", "HTTP/1.1 200 OK\r\n"] {
        let hello = message("hello");
        let post = post(&world, "abc", "token", &hello);
        let (told, _) = tokio::join!(post, far_end.answer(answer.as_bytes()));
        assert_eq!((told.status, told.code()), (502, "BotError".to_owned()), "{answer}");
        assert!(!String::from_utf8_lossy(&told.body).contains("Try again"), "{answer}");
    }
}

#[tokio::test]
async fn once_direct_line_is_back_everything_is_there() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.say("hello").await.unwrap();
    world.copilot.faults().set_down(true);
    assert_eq!(chat.poll().await.unwrap(), Vec::<Value>::new());
    assert!(chat.say("lost").await.unwrap_err().starts_with("502"));
    world.copilot.faults().set_down(false);
    chat.say("again").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: again").await.unwrap();
    assert!(chat.received.iter().any(|a| a["text"] == "You said: hello"));
}

#[tokio::test]
async fn a_slow_bot_is_waited_for() {
    let world = World::start().await;
    let chat = world.chat().await;
    let slow = Fault::on("POST", "/activities").delay(Duration::from_millis(1_500));
    world.copilot.faults().add(slow);
    assert!(!chat.say("hello").await.unwrap().is_empty());
}

async fn says_nothing(world: &World, told: (u16, &str)) {
    for watermark in ["00003-12", "10", "-", "a%2Fb"] {
        let poll = get(world, &format!("conversations/abc/activities?watermark={watermark}"), &[]).await;
        let same = watermark.replace("%2F", "/");
        assert_eq!((poll.status, poll.json()), (200, json!({"activities": [], "watermark": same})));
    }
    let first = get(world, "conversations/abc/activities", &[]).await;
    assert_eq!((first.status, first.json()), (200, json!({"activities": []})));
    let posted = post(world, "abc", "token", &message("hello")).await;
    assert_eq!((posted.status, &*posted.code()), told);
    let sent = request(
        "POST /v3/directline/conversations",
        &[("Host", "x"), CLOSE, ("Authorization", "Bearer token"), ("Content-Length", "0")],
        b"",
    );
    let started = exchange(&world.url, &sent).await;
    assert_eq!((started.status, started.code()), (503, "Unavailable".to_owned()));
}
