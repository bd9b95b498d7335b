//! The handler told to end: by SIGTERM, as the host and containers do it, and by Ctrl+C.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use actix_web::rt::System;
use serde_json::Value;
use servicenow_handoff::simulate::servicenow::{Effect, Fault};

use crate::{
    free_port::free_port,
    host::{
        front::Mode,
        stage::{PATIENCE, Stage},
    },
    program::Program,
};

#[test]
fn told_to_end_it_does_so_in_order_with_the_code_its_owner_expects() {
    for (host, signal, code) in
        [(true, "TERM", 143), (true, "INT", 130), (false, "TERM", 0), (false, "INT", 0)]
    {
        let port = free_port().to_string();
        let own = if host { ("FUNCTIONS_CUSTOMHANDLER_PORT", &*port) } else { ("LOG", "info") };
        let mut program = Program::start([own]);
        program.signal(signal);
        assert_eq!((program.ended(), program.errors()), (Some(code), String::new()), "{signal}");
        let log = program.log();
        let last = log.lines().last().unwrap();
        assert!(last.contains("INFO") && last.contains("no role is on that keeps chats"), "{last}");
        assert!(!log.contains("ERROR"), "{log}");
    }
}

#[test]
fn what_is_under_way_is_finished_and_nothing_new_is_taken() {
    let far_end = SlowFarEnd::start();
    let mut program = Program::start([("DIRECT_LINE_URL", &far_end.url)]);
    let address = program.address().to_owned();
    let asking = thread::spawn(move || ask(&address, "/v3/directline/conversations/c/activities"));
    far_end.asked.recv_timeout(PATIENCE).unwrap();
    program.signal("TERM");
    let refused = || TcpStream::connect(program.address()).is_err();
    assert!(eventually(refused), "it still takes connections");
    far_end.answer.send(()).unwrap();
    let answer = asking.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("whole"), "{answer}");
    assert_eq!(program.ended(), Some(0));
}

#[test]
fn a_caller_that_keeps_its_connection_and_asks_nothing_is_not_waited_for() {
    let mut program = Program::start([("LOG", "info")]);
    let mut idle = TcpStream::connect(program.address()).unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0; 64]).unwrap() > 0);
    program.signal("TERM");
    assert_eq!(program.ended(), Some(0));
    idle.read_to_end(&mut vec![]).expect("its connection is closed");
    assert!(!program.log().contains("ERROR"), "{}", program.log());
}

#[test]
fn whoever_ends_it_is_told_how_many_chats_go_on_and_they_do() {
    System::new().block_on(async {
        let stage = Stage::start().await;
        let host = stage.host(Mode::Proxy).await;
        let chat = stage.live_client(&host).await;
        host.end_handler().await;
        let lines = host.console().stdout.lock().unwrap().clone();
        let last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
        assert_eq!((&last["level"], &last["open_chats"]), (&"INFO".into(), &1.into()), "{last}");
        assert_eq!(last["message"], "Ended by SIGTERM; 1 open chats go on with the next start");
        assert_eq!(*host.console().stderr.lock().unwrap(), [""; 0]);
        host.start_handler().await.unwrap();
        chat.say("still there?").await.unwrap();
        stage.agent_hears(chat.conversation(), &["still there?"]).await;
    });
}

/// Processed at once, answered late: cut off, it would be made again.
#[test]
fn a_call_under_way_is_finished_and_not_made_again_by_the_next_start() {
    System::new().block_on(async {
        let stage = Stage::start().await;
        let host = stage.host(Mode::Proxy).await;
        let chat = stage.live_client(&host).await;
        stage.desk.faults().add(Fault::new(Effect::LateAnswer { ms: 4_000 }).of("MESSAGE").times(1));
        chat.say("slow").await.unwrap();
        host.end_handler().await;
        host.start_handler().await.unwrap();
        chat.say("next").await.unwrap();
        stage.agent_hears(chat.conversation(), &["slow", "next"]).await;
        let calls = stage.desk.requests_of(chat.conversation()).into_iter().map(|request| request.text);
        assert_eq!(calls.filter(|text| text == "slow").count(), 1);
    });
}

/// A Direct Line that answers once it is told to.
struct SlowFarEnd {
    url: String,
    asked: mpsc::Receiver<()>,
    answer: mpsc::Sender<()>,
}

impl SlowFarEnd {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (tell, asked) = mpsc::channel();
        let (answer, told) = mpsc::channel();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            tell.send(()).unwrap();
            told.recv().unwrap();
            // The second half comes later, so that an answer that is being sent counts as under way.
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\nthe ";
            stream.write_all(head.as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(400));
            stream.write_all(b" whole").unwrap();
        });
        Self { url, asked, answer }
    }
}

fn ask(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer t\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn eventually(holds: impl Fn() -> bool) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if holds() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}
