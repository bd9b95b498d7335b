//! Far ends that no simulator is: nobody at all, somebody else, a clock that is off.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

/// The root of a place where nobody listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// The root of a server that answers every request like this.
pub fn answering(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let answer = answer(status, &headers, body);
    served(move |_| answer.clone())
}

/// The root of a server that answers by the request's first line, in small letters: a status, and a body.
pub fn answers(by: impl Fn(&str) -> (&'static str, &'static str) + Send + 'static) -> String {
    served(move |line| {
        let (status, body) = by(line);
        answer(status, "", body)
    })
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn served(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read_request(&mut stream);
            // A client that has gone is its own affair.
            let _ = stream.write_all(answer(request.lines().next().unwrap_or_default()).as_bytes());
        }
    });
    url
}

/// The root of a server that reads every request and hangs up.
pub fn hanging_up() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            read_request(&mut stream.unwrap());
        }
    });
    url
}

/// Up to the end of a small body, so that nothing is unread when the connection closes.
fn read_request(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap_or(0);
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(read > 0, "a request broke off");
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if read == 0 || body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
            return text;
        }
    }
}

/// A `Date` header so many seconds from now.
pub fn date(seconds: i64) -> String {
    let at = std::time::SystemTime::now();
    let off = Duration::from_secs(seconds.unsigned_abs());
    let at = if seconds < 0 { at - off } else { at + off };
    actix_web::http::header::HttpDate::from(at).to_string()
}
