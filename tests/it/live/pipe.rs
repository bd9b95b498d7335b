//! While the bot speaks: Direct Line, passed through as it is.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    live::wire::{Answer, FarEnd, connect, exchange, read_chunk, read_head, request},
    world::World,
};

mod cors;
mod detect;
mod failing;

pub const CLOSE: (&str, &str) = ("Connection", "close");

#[tokio::test]
async fn method_path_query_and_body_reach_direct_line_as_they_were_sent() {
    let (far_end, world) = before_far_end().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let target = "/v3/directline/session/getsessionid?a=1&b=%20%2F%C3%A9&a=2&c";
        let body = if method == "GET" { "" } else { "what was sent" };
        let length = body.len().to_string();
        let headers = [("Host", "bot.example.com"), ("Content-Length", length.as_str()), CLOSE];
        let sent = request(&format!("{method} {target}"), &headers, body.as_bytes());
        let received = async {
            let (head, mut stream) = far_end.next().await;
            let mut received = vec![0; body.len()];
            stream.read_exact(&mut received).await.unwrap();
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            (head, received)
        };
        let (answer, (head, received)) = tokio::join!(exchange(&world.url, &sent), received);
        assert!(head.starts_with(&format!("{method} {target} HTTP/1.1\r\n")), "{head}");
        assert_eq!(received, body.as_bytes());
        assert_eq!((answer.status, answer.body.as_slice()), (201, &b"ok"[..]), "{method}");
    }
}

#[tokio::test]
async fn headers_reach_direct_line_but_those_of_one_hop_stay_behind() {
    let (far_end, world) = before_far_end().await;
    let through = [
        ("Authorization", "Bearer a-token"),
        ("x-ms-bot-agent", "DirectLine/3.0 (directlinejs 0.15.8)"),
        ("x-requested-with", "XMLHttpRequest"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("Accept-Language", "de, en;q=0.5"),
        ("X-Custom", "kept"),
    ];
    let hop = [
        ("Connection", "close, x-named"),
        ("x-named", "of this hop"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Upgrade", "websocket"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("x-functions-key", "a-function-key"),
        ("x-azure-functions-invocationid", "an-invocation"),
    ];
    let headers = [&[("Host", "bot.example.com")], &through[..], &hop[..]].concat();
    let sent = request("GET /v3/directline/session/getsessionid", &headers, b"");
    let answer = far_end.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let (_, head) = tokio::join!(exchange(&world.url, &sent), answer);
    let head = head.to_ascii_lowercase();
    for (name, value) in through {
        assert!(head.contains(&format!("\r\n{name}: {value}\r\n").to_ascii_lowercase()), "{name} in {head}");
    }
    for (name, _) in &hop[1..] {
        assert!(!head.contains(&format!("\r\n{name}:").to_ascii_lowercase()), "{name} in {head}");
    }
    assert!(head.contains(&format!("host: {}", far_end.url[7..].trim_end_matches('/'))), "{head}");
}

#[tokio::test]
async fn an_answers_headers_come_back_but_those_of_one_hop() {
    let (far_end, world) = before_far_end().await;
    let raw = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json; charset=utf-8\r\n\
        Retry-After: 7\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Custom: kept\r\nETag: \"7\"\r\n\
        Date: Tue, 03 Feb 2026 10:00:00 GMT\r\nConnection: x-named\r\nX-Named: of this hop\r\n\
        Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nAccess-Control-Allow-Origin: *\r\n\
        Transfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
    let (answer, _) = tokio::join!(get(&world, "session/getsessionid", &[]), far_end.answer(raw.as_bytes()));
    assert_eq!((answer.status, answer.body.as_slice()), (429, &b"{\"a\":1}"[..]));
    assert_eq!(answer.all("content-type"), ["application/json; charset=utf-8"]);
    assert_eq!(answer.all("retry-after"), ["7"]);
    assert_eq!(answer.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(answer.all("x-custom"), ["kept"]);
    assert_eq!(answer.all("etag"), ["\"7\""]);
    assert_eq!(answer.all("date").len(), 1);
    for name in ["keep-alive", "proxy-authenticate", "access-control-allow-origin", "x-named"] {
        assert_eq!(answer.all(name), Vec::<&str>::new(), "{name}");
    }
}

#[tokio::test]
async fn a_large_answer_streams() {
    let (far_end, world) = before_far_end().await;
    let half = vec![b'x'; 300_000];
    for framing in ["content-length: 600000", "transfer-encoding: chunked"] {
        let chunked = framing.starts_with("transfer");
        let (mut reader, mut writer) = connect(&world.url).await.into_split();
        let sent = request("GET /v3/directline/attachments/1/plan.pdf", &[("Host", "x")], b"");
        writer.write_all(&sent).await.unwrap();
        let (_, mut stream) = far_end.next().await;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/pdf\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let size = if chunked { "493e0\r\n" } else { "" };
        let end = if chunked { "\r\n" } else { "" };
        let piece = [size.as_bytes(), &half, end.as_bytes()].concat();
        stream.write_all(&piece).await.unwrap();
        // The first half is here before the second has left.
        let head = read_head(&mut reader).await;
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("application/pdf"), "{head}");
        read_body(&mut reader, half.len(), chunked).await;
        stream.write_all(&piece).await.unwrap();
        read_body(&mut reader, half.len(), chunked).await;
    }
}

#[tokio::test]
async fn an_upload_streams() {
    let (far_end, world) = before_far_end().await;
    let half = vec![b'x'; 400_000];
    for content_type in ["image/png", "multipart/form-data; boundary=b"] {
        let mut client = connect(&world.url).await;
        let disposition = "name=\"file\"; filename=\"a.png\"";
        let headers = [
            ("Host", "x"),
            ("Content-Type", content_type),
            ("Content-Disposition", disposition),
            ("Content-Length", "800000"),
        ];
        let head = request("POST /v3/directline/conversations/abc/upload?userId=dana", &headers, &half);
        client.write_all(&head).await.unwrap();
        // The first half is there before the second has left.
        let (head, mut stream) = far_end.next().await;
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("post /v3/directline/conversations/abc/upload?userid=dana "), "{head}");
        assert!(head.contains("content-length: 800000") && !head.contains("transfer-encoding"), "{head}");
        assert!(head.contains(content_type) && head.contains(disposition), "{head}");
        let mut received = vec![0; half.len()];
        stream.read_exact(&mut received).await.unwrap();
        client.write_all(&half).await.unwrap();
        stream.read_exact(&mut received).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"id\":\"a|1\"}").await.unwrap();
        assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn files_reach_the_bot_raw_and_as_a_form() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    let url = format!("{}/v3/directline/conversations/{}/upload?userId=dana", world.url, chat.conversation());
    let post = || world.http.post(&url).bearer_auth(chat.token());
    let raw = post().header("content-type", "image/png").body(vec![7; 200_000]);
    let raw =
        raw.header("content-disposition", "name=\"file\"; filename=\"screen.png\"").send().await.unwrap();
    assert_eq!(raw.status(), 200);
    let activity = json!({"type": "message", "from": {"id": "dana"}}).to_string();
    let activity = reqwest::multipart::Part::text(activity).mime_str("application/vnd.microsoft.activity");
    let file = reqwest::multipart::Part::bytes(vec![7; 300_000]).file_name("log.txt").mime_str("text/plain");
    let form =
        reqwest::multipart::Form::new().part("activity", activity.unwrap()).part("file", file.unwrap());
    assert_eq!(post().multipart(form).send().await.unwrap().status(), 200);
    chat.see("the first", |a| a["text"] == "I received screen.png.").await.unwrap();
    chat.see("the second", |a| a["text"] == "I received log.txt.").await.unwrap();
}

#[tokio::test]
async fn the_address_of_a_socket_is_taken_out_wherever_direct_line_gives_one() {
    let world = World::start().await;
    let chat = world.chat().await;
    let token = chat.token();
    let direct = world.copilot.url().trim_end_matches('/').to_owned();
    let reconnect = format!("GET /v3/directline/conversations/{}?watermark=00001-07", chat.conversation());
    for (line, credential) in [
        (reconnect.as_str(), token),
        ("POST /v3/directline/conversations", token),
        ("POST /v3/directline/conversations", world.copilot.secret()),
    ] {
        let authorization = format!("Bearer {credential}");
        let headers = [("Host", "x"), ("Authorization", &*authorization), ("Content-Length", "0"), CLOSE];
        let sent = request(line, &headers, b"");
        let (here, there) = tokio::join!(exchange(&world.url, &sent), exchange(&direct, &sent));
        assert_eq!(here.status, there.status, "{line}");
        let fields = |answer: &Answer| answer.json().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let mut kept = fields(&there);
        kept.retain(|name| name != "streamUrl");
        assert_eq!(fields(&here), kept, "{line}");
        assert_eq!(fields(&there).len(), kept.len() + 1, "the far end gave no streamUrl");
        assert_eq!(here.json()["expires_in"], there.json()["expires_in"]);
    }
}

#[tokio::test]
async fn a_large_history_comes_back_byte_for_byte() {
    let (far_end, world) = before_far_end().await;
    let text = "é\u{1F600} \"quoted\" ".repeat(60_000);
    // Spaces, a number as watermark and unknown fields: what is only passed on is not written anew.
    let set = format!(
        "{{ \"activities\" : [{}] ,\"watermark\":10, \"unknown\":{{}} }}",
        json!({"type": "message", "id": "a|1", "text": text})
    );
    let raw = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{set}", set.len());
    let answer = get(&world, "conversations/abc/activities", &[]);
    let (answer, _) = tokio::join!(answer, far_end.answer(raw.as_bytes()));
    assert!(answer.body == set.as_bytes(), "{} bytes of {}", answer.body.len(), set.len());
}

#[tokio::test]
async fn the_region_is_taken_from_the_token_endpoint() {
    use servicenow_handoff::simulate::{copilot, servicenow::ServiceNowOptions};
    let copilot = copilot::start(copilot::CopilotOptions::default()).await.unwrap();
    let endpoint = copilot.token_endpoint();
    let settings = [("DIRECT_LINE_URL", ""), ("COPILOT_TOKEN_ENDPOINT", endpoint.as_str())];
    let world = World::around(copilot, ServiceNowOptions::default(), &settings).await;
    let mut chat = world.chat().await;
    chat.say("hello").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: hello").await.unwrap();
}

/// A connector whose Direct Line is played by the test.
pub async fn before_far_end() -> (FarEnd, World) {
    let far_end = FarEnd::listen().await;
    let world = World::with(&[("DIRECT_LINE_URL", &far_end.url)]).await;
    (far_end, world)
}

/// A GET below `/v3/directline/`.
pub async fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[("Host", "x"), CLOSE], headers].concat();
    exchange(&world.url, &request(&format!("GET /v3/directline/{path}"), &headers, b"")).await
}

/// An activity posted as it is; an object, so that its size is known.
pub async fn post(world: &World, conversation: &str, token: &str, activity: &Value) -> Answer {
    let body = activity.to_string();
    let (length, authorization) = (body.len().to_string(), format!("Bearer {token}"));
    let headers = [
        ("Host", "x"),
        CLOSE,
        ("Authorization", &*authorization),
        ("Content-Type", "application/json"),
        ("Content-Length", &*length),
    ];
    let line = format!("POST /v3/directline/conversations/{conversation}/activities");
    exchange(&world.url, &request(&line, &headers, body.as_bytes())).await
}

async fn read_body(reader: &mut (impl tokio::io::AsyncRead + Unpin), length: usize, chunked: bool) {
    let mut read = 0;
    while chunked && read < length {
        read += read_chunk(reader).await.len();
    }
    if !chunked {
        let mut body = vec![0; length];
        read = reader.read_exact(&mut body).await.unwrap();
    }
    assert_eq!(read, length);
}
