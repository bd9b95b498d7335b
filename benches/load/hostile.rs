//! All at once: connections that send a byte a minute, others that do not read, and a visitor who uploads and writes as fast as
//! allowed. Somebody else's chat goes on.

use std::{
    cell::Cell,
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::findings::Findings;
use super::{
    http::client_request,
    subject::{self, FarEnds, Subject},
    talk::Talk,
};

const SLOW: usize = 500;
const UNREAD: usize = 100;
const LASTS: Duration = Duration::from_secs(60);
const FILE: usize = 4 << 20;
/// Bytes of an activity's text; Direct Line takes 256 KiB in all.
const WORDS: usize = 200_000;
/// A conversation holds so many MiB of files, and of words; each file has a label in front of its bytes.
const MOST_FILES: f64 = 1_025.0;
const MOST_WORDS: f64 = 16.0;

#[derive(Default)]
struct Visitor {
    files: Cell<usize>,
    words: Cell<usize>,
    /// 413, 429 and 503.
    refused: Cell<usize>,
}

pub async fn measure(far_ends: &FarEnds, folder: &Path, part: usize, findings: &mut Findings) {
    let folder = folder.join("hostile");
    fs::create_dir(&folder).expect("the folder is writable");
    let settings = [("ATTACHMENTS", "link"), ("PUBLIC_URL", "https://connector.example.com")];
    let subject = subject::by_itself(far_ends, &folder, &settings).await;
    let lasts = LASTS / u32::try_from(part.min(10)).unwrap_or(1);
    let mut user = Talk::open(&subject, "user", 0).await;
    user.agent_says().await;
    let mut visitor = Talk::open(&subject, "visitor", 0).await;
    visitor.agent_says().await;
    // What those who do not read ask for.
    let mut long = Talk::open(&subject, "long", 0).await;
    for _ in 0..20 {
        long.agent_says_at_length(50_000).await;
    }
    let page = client_request("GET", long.path(), long.id(), "");
    let (cut, did) = (Cell::new(0), Visitor::default());
    let slow =
        join_all((0..SLOW.div_ceil(part)).map(|number| a_byte_a_minute(subject.address, number, &cut)));
    let unread = join_all((0..UNREAD.div_ceil(part)).map(|_| never_reads(subject.address, &page)));
    let uploads = uploads(&subject, &visitor, &did);
    let writes = writes(&subject, &visitor, &did);
    let mut millis = vec![];
    let talks = async {
        let begun = Instant::now();
        while begun.elapsed() < lasts {
            millis.push(user.user_says().await);
            millis.push(user.agent_says().await);
            millis.push(user.user_reads().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = talks => {}
        _ = slow => unreachable!("it never ends"),
        _ = unread => unreachable!("it never ends"),
        () = uploads => unreachable!("it never ends"),
        () = writes => unreachable!("it never ends"),
    }
    findings.note("connections that send a byte a minute, cut", cut.get() as f64, "times");
    findings.note("a visitor's files that were taken", (did.files.get() * FILE) as f64 / 1_048_576.0, "MB");
    findings.note("a visitor's words that were taken", (did.words.get() * WORDS) as f64 / 1_048_576.0, "MB");
    findings.note("a visitor's requests that were refused", did.refused.get() as f64, "");
    findings.latencies("somebody else's chat beside all that, each call", &mut millis, None, Some(1_000.0));
    findings.bound("memory at its highest", subject.process.memory().1, "MB", 150.0);
    findings.bound("files on disk", megabytes(&folder.join("files")), "MB", MOST_FILES);
    // Facts hold more than words, and the long chat is in there too.
    findings.bound("database on disk", megabytes(&folder), "MB", 4.0 * MOST_WORDS);
}

/// Half of them never end their request's head, half never its body. Who is cut comes again.
async fn a_byte_a_minute(address: SocketAddr, number: usize, cut: &Cell<usize>) {
    let head =
        b"POST /v3/directline/conversations/slow-eu/activities HTTP/1.1\r\nhost: connector.example\r\n\
        authorization: Bearer slow\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    let begin = if number.is_multiple_of(2) { &head[..40] } else { &head[..] };
    loop {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let _ = stream.write_all(begin).await;
        let mut answer = vec![];
        while timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await.is_err() {
            let _ = stream.write_all(b"x").await;
        }
        cut.set(cut.get() + 1);
    }
}

/// Asks for a large answer as often as it is let, and takes nothing of it.
async fn never_reads(address: SocketAddr, request: &[u8]) {
    loop {
        let socket = TcpSocket::new_v4().expect("a file handle is free");
        socket.set_recv_buffer_size(4_096).expect("Linux takes any size");
        let Ok(mut stream) = socket.connect(address).await else { continue };
        while let Ok(Ok(())) = timeout(Duration::from_secs(20), stream.write_all(request)).await {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

async fn uploads(subject: &Subject, visitor: &Talk, did: &Visitor) {
    let path = visitor.path().replace("/activities", "/upload?userId=ada");
    let head = client_request("POST", &path, visitor.id(), "");
    let head = String::from_utf8(head).expect("headers are text here");
    let head = head
        .replace("content-type: application/json\r\n", "content-type: application/octet-stream\r\ncontent-disposition: name=\"file\"; filename=\"noise.bin\"\r\n")
        .replace("content-length: 0", &format!("content-length: {FILE}"));
    let mut request = head.into_bytes();
    request.resize(request.len() + FILE, b'x');
    loop {
        did.count(&did.files, ask(subject.address, &request).await).await;
    }
}

async fn writes(subject: &Subject, visitor: &Talk, did: &Visitor) {
    let mut number = 0;
    loop {
        number += 1;
        let said = serde_json::json!({"type": "message", "text": "w".repeat(WORDS), "from": {"id": "ada", "role": "user"},
            "channelData": {"clientActivityID": format!("hostile-{number}")}});
        let request = client_request("POST", visitor.path(), visitor.id(), &said.to_string());
        did.count(&did.words, ask(subject.address, &request).await).await;
    }
}

impl Visitor {
    async fn count(&self, taken: &Cell<usize>, status: Option<u16>) {
        let counted = if status == Some(200) { taken } else { &self.refused };
        counted.set(counted.get() + 1);
        if status != Some(200) {
            // A refusal costs the visitor nothing; this generator shares the machine.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The status of the answer, over a connection of its own.
async fn ask(address: SocketAddr, request: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    // Who is refused may be cut off before all is sent.
    let _ = stream.write_all(request).await;
    let mut head = [0; 12];
    timeout(Duration::from_secs(60), stream.read_exact(&mut head)).await.ok()?.ok()?;
    std::str::from_utf8(&head[9..]).ok()?.parse().ok()
}

/// Of the files in a folder, not of those in folders in it.
fn megabytes(folder: &Path) -> f64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = files.filter_map(|file| file.metadata().ok()).filter(fs::Metadata::is_file);
    sizes.map(|file| file.len() as f64).sum::<f64>() / 1_048_576.0
}
