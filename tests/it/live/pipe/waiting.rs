//! Polls that wait for Direct Line, many at once, in the real program.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{live::wire::read_head, program::Program};

const POLLS: usize = 200;
/// Longer than the program waits for Direct Line.
const GIVEN_UP: Duration = Duration::from_secs(20);
/// KiB that a waiting poll may take, of which the half is buffers of its two connections. A debug build's futures are larger.
const EACH: u64 = if cfg!(debug_assertions) { 96 } else { 48 };
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 36\r\n\r\n{\"activities\":[],\"watermark\":\"0001\"}";

#[tokio::test]
async fn polls_that_wait_for_direct_line_take_little_memory_and_give_it_back_to_those_that_follow() {
    let far_end = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", far_end.local_addr().unwrap());
    let program = Program::start([("DIRECT_LINE_URL", &url)]);
    round(&program, &far_end, POLLS / 10).await;
    let idle = program.kibibytes("VmRSS:");
    let (first, waiting) = round(&program, &far_end, POLLS).await;
    let taken = first.saturating_sub(idle);
    eprintln!("{waiting} waiting polls take {taken} KiB beside {idle} KiB");
    assert!(waiting * 2 > POLLS && taken < EACH * POLLS as u64, "{taken} KiB for {waiting} polls");
    for _ in 0..3 {
        let (next, _) = round(&program, &far_end, POLLS).await;
        let more = next.saturating_sub(first);
        assert!(more < EACH * POLLS as u64 / 4, "it grows by {more} KiB");
    }
}

/// So many polls at once, answered when all of them wait; what the program takes then, and how many did: on a busy machine some
/// are given up before Direct Line is asked.
async fn round(program: &Program, far_end: &TcpListener, polls: usize) -> (u64, usize) {
    let mut clients = vec![];
    for number in 0..polls {
        let mut client = TcpStream::connect(program.address()).await.unwrap();
        let head = format!(
            "GET /v3/directline/conversations/c{number}/activities?watermark=1 HTTP/1.1\r\nHost: x\r\n\
             Authorization: Bearer t\r\nConnection: close\r\n\r\n"
        );
        client.write_all(head.as_bytes()).await.unwrap();
        clients.push(client);
    }
    let mut asked = vec![];
    while asked.len() < polls
        && let Ok(call) = timeout(GIVEN_UP, far_end.accept()).await
    {
        let (mut call, _) = call.unwrap();
        read_head(&mut call).await;
        asked.push(call);
    }
    let waiting = program.kibibytes("VmRSS:");
    for call in &mut asked {
        // One that was given up is not there any more.
        let _ = call.write_all(ANSWER).await;
    }
    for mut client in clients {
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"activities\":[]"), "{answer}");
    }
    (waiting, asked.len())
}
