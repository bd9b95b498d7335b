//! Requests whose lines, headers and bodies are framed as few clients frame them.

use serde_json::json;

use crate::{
    live::wire::{Answer, connect, read_answer},
    world::{PATIENCE, World},
};

/// A way to say something in a live chat.
struct Framing {
    what: &'static str,
    /// `{path}`, `{bearer}`, `{body}` and `{length}` are filled in.
    sent: String,
    /// 200: its words are said.
    status: u16,
}

const LINE: &str = "POST {path} HTTP/1.1\r\n";
const HEAD: &str = "Host: x\r\nConnection: close\r\nAuthorization: {bearer}\r\n";
const LENGTH: &str = "Content-Length: {length}\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const CHUNK: &str = "{hex}\r\n{body}\r\n0\r\n\r\n";

#[tokio::test]
async fn however_a_request_is_framed_its_words_are_said_once_or_refused_and_never_another_s() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let heard = world.copilot.said_to_bot(&session).len();
    let (mut said, mut wrong) = (vec![], vec![]);
    let rows = [lines(), lengths(), chunks(), headers()].into_iter().flatten();
    for (number, Framing { what, sent, status }) in rows.enumerate() {
        let text = format!("{number}: {what}");
        let body = json!({"type": "message", "text": text, "from": {"id": "dana"}}).to_string();
        let sent = sent
            .replace("{path}", &format!("/v3/directline/conversations/{session}/activities"))
            .replace("{bearer}", &format!("Bearer {}", chat.token()))
            .replace("{token}", chat.token())
            .replace("{length}", &body.len().to_string())
            .replace("{hex}", &format!("{:x}", body.len()))
            .replace("{body}", &body);
        let answer = answered(&world, sent.as_bytes()).await;
        if answer.status != status || answer.code().is_empty() == (status >= 400) {
            wrong.push(format!("{what}: not {status}: {answer:?}"));
        }
        said.extend((status == 200).then_some(text));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.agent_hears(&session, &said.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(world.copilot.said_to_bot(&session).len(), heard, "the bot hears nothing of it");
}

/// As nginx with the customary lines for web sockets sends every request.
#[tokio::test]
async fn who_offers_an_upgrade_that_is_none_is_told_that_the_connection_closes() {
    let world = World::start().await;
    for (offered, told) in [("upgrade", "close"), ("Upgrade, HTTP2-Settings", "close"), ("close", "close")] {
        let sent = format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: {offered}\r\n\r\n");
        let answer = answered(&world, sent.as_bytes()).await;
        assert_eq!((answer.status, answer.header("connection")), (200, Some(told)), "{offered}");
    }
}

/// The answer, behind a `100 Continue`.
async fn answered(world: &World, sent: &[u8]) -> Answer {
    use tokio::io::AsyncWriteExt as _;
    let (mut reader, mut writer) = connect(&world.url).await.into_split();
    // It may be refused before all of it is out.
    let _ = writer.write_all(sent).await;
    loop {
        let answer = tokio::time::timeout(PATIENCE, read_answer(&mut reader)).await.expect("an answer");
        if answer.status != 100 {
            return answer;
        }
    }
}

fn framed(what: &'static str, parts: &[&str], status: u16) -> Framing {
    Framing { what, sent: parts.concat(), status }
}

fn lines() -> Vec<Framing> {
    let post = |what, line: &str, status| framed(what, &[line, "\r\n", HEAD, LENGTH, "\r\n{body}"], status);
    vec![
        post("as usual", "POST {path} HTTP/1.1", 200),
        post("in HTTP/1.0", "POST {path} HTTP/1.0", 200),
        post("in HTTP/1.2", "POST {path} HTTP/1.2", 400),
        post("in HTTP/2.0", "POST {path} HTTP/2.0", 400),
        post("without a version", "POST {path}", 400),
        post("with two spaces", "POST  {path} HTTP/1.1", 400),
        post("with a space behind the path", "POST {path}  HTTP/1.1", 400),
        post("with a tab in the path", "POST {path}\t HTTP/1.1", 400),
        post("with a letter that is none of a path's", "POST {path}é HTTP/1.1", 400),
        post("with a fragment", "POST {path}#x HTTP/1.1", 200),
        post("with half an escape", "POST {path}% HTTP/1.1", 404),
        post("with an escape of no digits", "POST {path}%zz HTTP/1.1", 404),
        post("with a plus", "POST {path}+ HTTP/1.1", 404),
        post("with a parameter", "POST {path};a=b HTTP/1.1", 404),
        post("of a whole address", "POST https://x:443{path} HTTP/1.1", 200),
        post("of a whole address with a user", "POST http://u:p@elsewhere.example.com{path} HTTP/1.1", 200),
        post("of two slashes and a host", "POST //elsewhere.example.com{path} HTTP/1.1", 404),
        post("of a host", "CONNECT elsewhere.example.com:80 HTTP/1.1", 404),
        post("without a slash", "POST v3/directline HTTP/1.1", 400),
        post("of no path", "OPTIONS * HTTP/1.1", 404),
        post("to be sent back", "TRACE {path} HTTP/1.1", 404),
        post("by a method in small letters", "post {path} HTTP/1.1", 404),
        framed("as HTTP/2 begins", &["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], 400),
        framed("as TLS begins", &["\u{16}\u{3}\u{1}\0\u{1}\u{1}\r\n\r\n"], 400),
        framed(
            "with line feeds alone",
            &[
                "POST {path} HTTP/1.1\nHost: x\nConnection: close\nAuthorization: {bearer}\nContent-Length: {length}\n\n{body}",
            ],
            200,
        ),
    ]
}

fn lengths() -> Vec<Framing> {
    let of = |what, lengths: &str, status| framed(what, &[LINE, HEAD, lengths, "\r\n{body}"], status);
    vec![
        of("without a length", "", 400),
        of("of no length", "Content-Length: 0\r\n", 400),
        of("with a length twice", "Content-Length: {length}\r\nContent-Length: {length}\r\n", 400),
        of("with two lengths", "Content-Length: {length}\r\nContent-Length: 3\r\n", 400),
        of("with a list of lengths", "Content-Length: {length}, {length}\r\n", 400),
        of("with a plus in its length", "Content-Length: +{length}\r\n", 400),
        of("with a length below nothing", "Content-Length: -1\r\n", 400),
        of("with a length in hexadecimal", "Content-Length: 0x40\r\n", 400),
        of("with a length beyond all", "Content-Length: 184467440737095516160\r\n", 400),
        of("with spaces around its length", "Content-Length:  {length}  \r\n", 200),
        of("with a length that is too short", "Content-Length: 9\r\n", 400),
        of("with a question before it", &format!("{LENGTH}Expect: 100-continue\r\n"), 200),
        of("with another expectation", &format!("{LENGTH}Expect: 200-ok\r\n"), 200),
    ]
}

fn chunks() -> Vec<Framing> {
    let of =
        |what, headers: &str, body: &str, status| framed(what, &[LINE, HEAD, headers, "\r\n", body], status);
    let coded = |what, coding: &str| {
        framed(what, &[LINE, HEAD, "Transfer-Encoding: ", coding, "\r\n\r\n", CHUNK], 400)
    };
    vec![
        of("in a chunk", CHUNKED, CHUNK, 200),
        of("in a chunk, in capitals", "TRANSFER-ENCODING: Chunked\r\n", CHUNK, 200),
        of("with more behind a chunk's size", CHUNKED, "{hex};a=b\r\n{body}\r\n0\r\n\r\n", 200),
        of(
            "with lines behind the last chunk",
            "Trailer: X\r\nTransfer-Encoding: chunked\r\n",
            "{hex}\r\n{body}\r\n0\r\nX: 1\r\nContent-Length: 3\r\n\r\n",
            200,
        ),
        of("in a chunk and with a length", &format!("{LENGTH}{CHUNKED}"), CHUNK, 400),
        of("in chunks twice", &CHUNKED.repeat(2), CHUNK, 400),
        of("with a chunk of no size", CHUNKED, "zz\r\n{body}\r\n0\r\n\r\n", 400),
        of("with a chunk below nothing", CHUNKED, "-5\r\n{body}\r\n0\r\n\r\n", 400),
        of("with a chunk beyond all", CHUNKED, "fffffffffffffffff\r\n{body}\r\n0\r\n\r\n", 400),
        of("with a chunk between line feeds", CHUNKED, "{hex}\n{body}\n0\n\n", 400),
        of("with a space before the colon", "Transfer-Encoding : chunked\r\n", CHUNK, 400),
        of("behind a folded line", "X-A: 1\r\n Transfer-Encoding: chunked\r\n", CHUNK, 400),
        coded("packed in a chunk", "gzip, chunked"),
        coded("as it is in a chunk", "identity, chunked"),
        coded("in something like a chunk", "xchunked"),
        coded("in a chunk behind a sign without width", "\u{b}chunked"),
        framed("in a chunk, in HTTP/1.0", &["POST {path} HTTP/1.0\r\n", HEAD, CHUNKED, "\r\n", CHUNK], 400),
    ]
}

fn headers() -> Vec<Framing> {
    let with = |what, more: &str, status| framed(what, &[LINE, HEAD, LENGTH, more, "\r\n\r\n{body}"], status);
    let bearing = |what, header: &str, status| {
        framed(
            what,
            &[LINE, "Host: x\r\nConnection: close\r\n", header, "\r\n", LENGTH, "\r\n{body}"],
            status,
        )
    };
    let many = (0..300).map(|n| format!("X-{n}: a")).collect::<Vec<_>>().join("\r\n");
    vec![
        with("with a second host", "Host: y", 400),
        with("with a header without a colon", "Colon", 400),
        with("with a space in a name", "X Y: a", 400),
        with("with a zero byte in a header", "X: a\0b", 400),
        with("with three hundred headers", &many, 431),
        with("said to be packed in another way", "Content-Encoding: br", 415),
        with("said to be packed behind nothing", "Content-Encoding: identity, gzip", 415),
        with("said not to be packed", "Content-Encoding: identity", 200),
        with("said to be of two kinds", "Content-Type: text/html\r\nContent-Type: application/json", 200),
        with("said to be in UTF-16", "Content-Type: application/json; charset=utf-16", 200),
        bearing("by a bearer in small letters", "authorization: bearer {token}", 200),
        bearing("by a bearer behind a tab", "Authorization: Bearer\t{token}", 401),
        bearing("by a bearer behind two spaces", "Authorization: Bearer  {token}", 200),
        bearing("by a bearer on the next line", "Authorization: Bearer\r\n {token}", 400),
        bearing("by two bearers in one", "Authorization: Bearer {token}, Bearer x", 403),
        framed(
            "without a host",
            &[LINE, "Connection: close\r\nAuthorization: {bearer}\r\n", LENGTH, "\r\n{body}"],
            400,
        ),
        framed(
            "without a host in HTTP/1.0",
            &["POST {path} HTTP/1.0\r\nAuthorization: {bearer}\r\n", LENGTH, "\r\n{body}"],
            200,
        ),
    ]
}
