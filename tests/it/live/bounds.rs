//! Nobody can use the connector up: what does not move is not waited for, and others notice nothing.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    live::wire::{connect, read_head, request},
    world::World,
};

/// A body is waited for 30 s, an unread socket is given up after as long; a busy machine may take its time.
const GENEROUS: Duration = Duration::from_secs(150);

#[tokio::test]
async fn a_body_that_does_not_move_is_not_waited_for() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let authorization = format!("Bearer {}", chat.token());
    let activities = format!("POST /v3/directline/conversations/{}/activities", chat.conversation());
    let upload = format!("POST /v3/directline/conversations/{}/upload", chat.conversation());
    let mut waiting = vec![];
    let began = Instant::now();
    for line in
        [activities.as_str(), &upload, "POST /v3/directline/conversations", "POST /api/servicenow/responses"]
    {
        let headers = [
            ("Host", "x"),
            ("Authorization", authorization.as_str()),
            ("token", crate::world::RESPONSES_TOKEN),
            ("Content-Type", "image/png"),
            ("Content-Length", "100"),
        ];
        let mut stream = connect(&world.url).await;
        stream.write_all(&request(line, &headers, b"{")).await.unwrap();
        waiting.push((line.to_owned(), stream));
    }
    for (line, mut stream) in waiting {
        let head = timeout(GENEROUS, read_head(&mut stream)).await.expect("an answer in the end");
        assert!(head.starts_with("HTTP/1.1 408"), "{line}: {head}");
        assert!(head.to_ascii_lowercase().contains("connection: close"), "{line}: {head}");
    }
    assert!(began.elapsed() > Duration::from_secs(25), "a slow client needs some time");
}

#[tokio::test]
async fn a_stranger_is_refused_before_its_body_is_waited_for() {
    let world = World::start().await;
    for line in [
        "POST /v3/directline/conversations",
        "POST /v3/directline/conversations/abc/activities",
        "POST /v3/directline/conversations/abc/upload",
        "POST /api/servicenow/responses",
        "POST /v3/directline/anything/else",
        "POST /nothing",
    ] {
        let mut stream = connect(&world.url).await;
        stream.write_all(&request(line, &[("Host", "x"), ("Content-Length", "100")], b"")).await.unwrap();
        let head = timeout(GENEROUS, read_head(&mut stream)).await.expect("an answer");
        assert!(head.starts_with("HTTP/1.1 4") && !head.starts_with("HTTP/1.1 408"), "{line}: {head}");
    }
}

#[tokio::test]
async fn a_chat_goes_on_beside_clients_that_neither_send_nor_read_and_they_are_given_up() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let (trickling, unread) = (trickle(&world, 50).await, ask_and_not_read(&world, 3).await);
    let told: Vec<String> = (0..5).map(|at| format!("words {at}")).collect();
    for (at, words) in told.iter().enumerate() {
        let answer = format!("answer {at}");
        chat.say(words).await.unwrap();
        world.agent_says(&session, &answer).await;
        chat.see(&answer, |activity| activity["text"] == answer.as_str()).await.unwrap();
    }
    world.agent_hears(&session, &told.iter().map(String::as_str).collect::<Vec<_>>()).await;
    drop(trickling);
    all_given_up(unread).await;
}

/// Connections on which half a request has come.
async fn trickle(world: &World, count: usize) -> Vec<TcpStream> {
    let mut all = vec![];
    for _ in 0..count {
        let mut stream = connect(&world.url).await;
        stream.write_all(b"POST /v3/directline/conversations HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        all.push(stream);
    }
    all
}

/// Connections that ask for megabytes and read none.
async fn ask_and_not_read(world: &World, count: usize) -> Vec<TcpStream> {
    let chat = world.chat().await;
    for _ in 0..100 {
        let large = json!({"type": "message", "text": "x".repeat(150_000)});
        world.copilot.bot_says(chat.conversation(), large).unwrap();
    }
    let authorization = format!("Bearer {}", chat.token());
    let line = format!("GET /v3/directline/conversations/{}/activities", chat.conversation());
    let mut all = vec![];
    for _ in 0..count {
        let mut stream = connect(&world.url).await;
        // An answer that is small because the machine is busy is no reason to keep the connection.
        let headers = [("Host", "x"), ("Authorization", authorization.as_str()), ("Connection", "close")];
        stream.write_all(&request(&line, &headers, b"")).await.unwrap();
        all.push(stream);
    }
    all
}

/// Waits until the other side has given up each of them, which shows when something is sent to it.
async fn all_given_up(mut streams: Vec<TcpStream>) {
    let until = Instant::now() + GENEROUS;
    while !streams.is_empty() {
        streams.retain(|stream| stream.try_write(b"\r\n").is_ok());
        assert!(Instant::now() < until, "{} connections are still held", streams.len());
        sleep(Duration::from_secs(1)).await;
    }
}
