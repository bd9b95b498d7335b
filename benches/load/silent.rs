//! Connections of strangers to the socket's route that say nothing, and sockets that never read.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{
    client::{self, AT_ONCE},
    findings::Findings,
};
use super::{
    subject::{self, FarEnds, Subject, first_answer},
    talk::Talk,
};

const STRANGERS: usize = 10_000;
/// Connections that the connector keeps for others: it takes half as many as it may have files open.
const OTHERS: usize = 500;
const UNREAD: usize = 500;
/// So much is said to each who does not read: more than any is sent ahead.
const LINES: usize = 40;
const LINE: usize = 60_000;

const ROUTE: &str = "GET /v3/directline/conversations/stranger-eu/stream?watermark=-&t=forged HTTP/1.1\r\nhost: connector.example\r\n";

pub async fn measure(far_ends: &FarEnds, folder: &Path, part: usize, findings: &mut Findings) {
    let folder = folder.join("silent");
    fs::create_dir(&folder).expect("the folder is writable");
    let subject = subject::by_itself(far_ends, &folder, &[]).await;
    strangers(&subject, far_ends, part, findings).await;
    unread(&subject, far_ends, UNREAD.div_ceil(part), findings).await;
}

/// A third says nothing at all, a third begins to ask for a socket, a third asks with a forged ticket and stays.
async fn strangers(subject: &Subject, far_ends: &FarEnds, part: usize, findings: &mut Findings) {
    let wanted = STRANGERS.min((handles() / 2).saturating_sub(OTHERS)).div_ceil(part);
    let idle = subject.process.memory().0;
    let mut user = Talk::open(subject, "beside", 0).await;
    user.agent_says().await;
    let _ = far_ends;
    let mut connections = vec![];
    for number in 0..wanted {
        let Ok(mut stream) = TcpStream::connect(subject.address).await else { break };
        let said = match number % 3 {
            0 => String::new(),
            1 => ROUTE.to_owned(),
            _ => format!(
                "{ROUTE}connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                 sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            ),
        };
        if stream.write_all(said.as_bytes()).await.is_ok() {
            connections.push(stream);
        }
    }
    findings.note("strangers' connections to the socket's route", connections.len() as f64, "");
    let mut millis = vec![];
    for _ in 0..50 {
        millis.push(user.user_says().await);
        millis.push(user.agent_says().await);
    }
    findings.latencies("a user beside them, each call", &mut millis, None, Some(1_000.0));
    let fresh = first_answer(subject.address).await;
    findings.bound("a new connection beside them, its answer", fresh.as_secs_f64() * 1e3, "ms", 20_000.0);
    let peak = subject.process.memory().1;
    findings.note("memory for each of them", (peak - idle) * 1_024.0 / connections.len().max(1) as f64, "KB");
    let begun = Instant::now();
    let (mut upgraded, mut open) = (0, 0);
    for left in join_all(connections.iter_mut().map(until_closed)).await {
        upgraded += usize::from(left == Some(true));
        open += usize::from(left.is_none());
    }
    findings.bound("of them, upgraded", upgraded as f64, "", 0.0);
    findings.bound("of them, still open after 40 s", open as f64, "", 0.0);
    findings.note("until the last was closed", begun.elapsed().as_secs_f64(), "s");
    findings.bound("memory at its highest", subject.process.memory().1, "MB", 150.0);
}

/// Whether it was upgraded before it was closed; `None`: it is still open.
async fn until_closed(stream: &mut TcpStream) -> Option<bool> {
    let mut answer = vec![];
    let ended = timeout(Duration::from_secs(40), stream.read_to_end(&mut answer)).await;
    ended.is_ok().then(|| answer.starts_with(b"HTTP/1.1 101"))
}

/// Sockets of real chats, which are said a lot and never read it.
async fn unread(subject: &Subject, far_ends: &FarEnds, count: usize, findings: &mut Findings) {
    let places = client::chats(subject, far_ends, "unread", count).await;
    let idle = subject.process.memory().0;
    let mut sockets = vec![];
    let mut talk = Talk::connect(subject).await;
    for place in &places {
        talk.come_back(place.clone());
        sockets.push(client::open(subject.address, &talk.stream_url().await, Some(4_096)).await);
    }
    let mut user = Talk::open(subject, "reads", 0).await;
    user.agent_says().await;
    let (mut millis, mut peak) = (vec![], idle);
    let speak = join_all(places.chunks(count.div_ceil(AT_ONCE)).map(|places| async move {
        let mut talk = Talk::connect(subject).await;
        for _ in 0..LINES {
            for place in places {
                talk.come_back(place.clone());
                talk.agent_says_at_length(LINE).await;
            }
        }
    }));
    let watch = async {
        loop {
            millis.push(user.user_says().await + user.agent_says().await);
            peak = peak.max(subject.process.memory().0);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        _ = speak => {}
        () = watch => unreachable!("it never ends"),
    }
    findings.note("sockets that never read", count as f64, "");
    findings.latencies("a user beside them, both ways", &mut millis, None, Some(1_000.0));
    findings.bound("memory for all of them", peak - idle, "MB", 100.0);
    tokio::time::sleep(Duration::from_secs(70)).await;
    let before = open_files(subject);
    drop(sockets);
    tokio::time::sleep(Duration::from_secs(2)).await;
    findings.bound(
        "of them, not closed after 70 s",
        before.saturating_sub(open_files(subject)) as f64,
        "",
        0.0,
    );
}

fn open_files(subject: &Subject) -> usize {
    fs::read_dir(format!("/proc/{}/fd", subject.process.id())).map_or(0, Iterator::count)
}

/// Files that a process may have open.
fn handles() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    line.split_whitespace().nth(3).and_then(|soft| soft.parse().ok()).unwrap_or(1_024)
}
