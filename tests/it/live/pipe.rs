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
mod forged;
mod pages;

pub const CLOSE: (&str, &str) = ("Connection", "close");

#[tokio::test]
async fn an_operation_reaches_direct_line_as_it_is_documented_however_it_was_written() {
    let (far_end, world) = before_far_end().await;
    let post = r#"{"type":"message"}"#;
    let marked = r#"{"from":{"role":"user"},"type":"message"}"#;
    for (line, sent, asked, received) in [
        ("GET /v3/directline/session/getsessionid?a=1&code=key", "", "GET session/getsessionid", ""),
        (
            "GET /V3/directline/Conversations/a%42c/Activities/?Watermark=0001a-94&code=key",
            "",
            "GET conversations/aBc/activities?watermark=0001a-94",
            "",
        ),
        (
            "GET /v3/directline/conversations/abc?watermark=a%26b&t=x",
            "",
            "GET conversations/abc?watermark=a%26b",
            "",
        ),
        (
            "POST /v3/directline//conversations/abc/activities?code=key",
            post,
            "POST conversations/abc/activities",
            marked,
        ),
        ("POST /v3/directline/tokens/Refresh/", "{}", "POST tokens/refresh", ""),
        (
            "POST /v3/directline/conversations",
            r#"{ "locale": "de" }"#,
            "POST conversations",
            r#"{"locale":"de"}"#,
        ),
        ("POST /v3/directline/tokens/generate", "", "POST tokens/generate", ""),
        (
            "GET /v3/directline/attachments/1/a%20b.pdf?t=x&code=key",
            "",
            "GET attachments/1/a%20b.pdf?t=x",
            "",
        ),
    ] {
        let length = sent.len().to_string();
        let headers =
            [("Host", "x"), ("Authorization", "Bearer t"), ("Content-Length", length.as_str()), CLOSE];
        let sent = request(line, &headers, sent.as_bytes());
        let far = async {
            let (head, mut stream) = far_end.next().await;
            let mut body = vec![0; received.len()];
            stream.read_exact(&mut body).await.unwrap();
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
            (head, body)
        };
        let (answer, (head, body)) = tokio::join!(exchange(&world.url, &sent), far);
        let (method, path) = asked.split_once(' ').unwrap();
        assert!(head.starts_with(&format!("{method} /v3/directline/{path} HTTP/1.1\r\n")), "{line}: {head}");
        assert_eq!(String::from_utf8_lossy(&body), received, "{line}");
        let lower = head.to_ascii_lowercase();
        let length = format!("\r\ncontent-length: {}\r\n", received.len());
        assert_eq!(lower.contains(&length), method == "POST", "{line}: {head}");
        assert!(lower.contains("\r\naccept-encoding: identity\r\n"), "{line}: {head}");
        assert_eq!(answer.status, 201, "{line}");
    }
}

#[tokio::test]
async fn what_is_no_operation_of_direct_lines_goes_nowhere() {
    let (far_end, world) = before_far_end().await;
    for line in [
        "PUT /v3/directline/conversations/abc/activities",
        "DELETE /v3/directline/conversations/abc",
        "GET /v3/directline/conversations",
        "GET /v3/directline/session/other",
        "GET /v3/directline/",
        "GET /v3/directline",
        "POST /v3/directline/..%2f..%2fadmin",
    ] {
        let headers = [("Host", "x"), ("Authorization", "Bearer t"), ("Content-Length", "0"), CLOSE];
        let answer = exchange(&world.url, &request(line, &headers, b"")).await;
        assert_eq!(answer.status, 404, "{line}");
    }
    // What had gone on before would be seen first.
    let headers = [("Host", "x"), ("Authorization", "Bearer t"), CLOSE];
    let known = request("GET /v3/directline/session/getsessionid", &headers, b"");
    let far = far_end.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let (head, answer) = tokio::join!(far, exchange(&world.url, &known));
    assert!(head.starts_with("GET /v3/directline/session/getsessionid HTTP/1.1\r\n"), "{head}");
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn only_named_headers_reach_direct_line() {
    let (far_end, world) = before_far_end().await;
    let through = [
        ("Authorization", "Bearer a-token"),
        ("x-ms-bot-agent", "DirectLine/3.0 (directlinejs 0.15.8)"),
        ("x-requested-with", "XMLHttpRequest"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("Accept", "application/json"),
        ("Accept-Language", "de, en;q=0.5"),
        ("Origin", "https://www.example.com"),
    ];
    let ours = [
        ("Connection", "close, x-named"),
        ("x-named", "of this hop"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Upgrade", "websocket"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("x-functions-key", "a-function-key"),
        ("x-azure-functions-invocationid", "an-invocation"),
        ("x-ms-client-principal", "eyJhIjoxfQ=="),
        ("x-ms-client-principal-name", "dana@example.com"),
        ("x-ms-token-aad-access-token", "an-access-token"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-original-url", "/other"),
        ("Cookie", "ARRAffinity=1; directline.webchat_session=abc"),
        ("X-Custom", "unknown"),
    ];
    let headers = [&[("Host", "bot.example.com")], &through[..], &ours[..]].concat();
    let sent = request("GET /v3/directline/conversations/abc/activities", &headers, b"");
    let answer = far_end.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let (_, head) = tokio::join!(exchange(&world.url, &sent), answer);
    let head = head.to_ascii_lowercase();
    for (name, value) in through {
        assert!(head.contains(&format!("\r\n{name}: {value}\r\n").to_ascii_lowercase()), "{name} in {head}");
    }
    for (name, _) in &ours[1..] {
        assert!(!head.contains(&format!("\r\n{name}:").to_ascii_lowercase()), "{name} in {head}");
    }
    assert!(head.contains(&format!("host: {}", far_end.url[7..].trim_end_matches('/'))), "{head}");
}

#[tokio::test]
async fn only_named_headers_of_an_answer_come_back() {
    let (far_end, world) = before_far_end().await;
    let raw = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json; charset=utf-8\r\n\
        Retry-After: 7\r\nSet-Cookie: ARRAffinity=1\r\nX-Ms-Request-Id: 1\r\nX-Custom: kept\r\nETag: \"7\"\r\n\
        Date: Tue, 03 Feb 2026 10:00:00 GMT\r\nConnection: x-named\r\nX-Named: of this hop\r\nLocation: /x\r\n\
        Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nAccess-Control-Allow-Origin: *\r\n\
        Transfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
    let (answer, _) = tokio::join!(get(&world, "attachments/1/x", &[]), far_end.answer(raw.as_bytes()));
    assert_eq!((answer.status, answer.body.as_slice()), (429, &b"{\"a\":1}"[..]));
    assert_eq!(answer.all("content-type"), ["application/json; charset=utf-8"]);
    assert_eq!(answer.all("retry-after"), ["7"]);
    assert_eq!(answer.all("etag"), ["\"7\""]);
    assert_eq!(answer.all("date").len(), 1);
    for name in [
        "keep-alive",
        "proxy-authenticate",
        "access-control-allow-origin",
        "x-named",
        "set-cookie",
        "x-custom",
        "x-ms-request-id",
        "location",
    ] {
        assert_eq!(answer.all(name), Vec::<&str>::new(), "{name}");
    }
}

#[tokio::test]
async fn a_sign_in_keeps_its_session_over_the_connector() {
    let page = "https://www.example.com";
    let world = World::with(&[("ALLOWED_ORIGINS", page)]).await;
    let chat = world.chat().await;
    let authorization = format!("Bearer {}", chat.token());
    let ask = async |cookies: &str| {
        let headers = [("Origin", page), ("Authorization", authorization.as_str()), ("Cookie", cookies)];
        get(&world, "session/getsessionid", &headers).await
    };
    let first = ask("ARRAffinity=ours").await;
    assert_eq!(first.all("access-control-allow-origin"), [page]);
    assert_eq!(first.all("access-control-allow-credentials"), ["true"]);
    let id = first.json()["sessionId"].as_str().unwrap().to_owned();
    let set = first.all("set-cookie");
    assert_eq!(set, [format!("directline.webchat_session={id}; Path=/; secure; HttpOnly; SameSite=None")]);
    let again = ask(&format!("ARRAffinity=ours; directline.webchat_session={id}")).await;
    assert_eq!(again.json()["sessionId"], id.as_str(), "the same browser, the same session");
    let other = ask(&format!("webchat_session={id}")).await;
    assert_ne!(other.json()["sessionId"], id.as_str(), "a cookie of our own host was passed on");
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
async fn a_file_streams() {
    let (far_end, world) = before_far_end().await;
    let half = vec![b'x'; 400_000];
    let mut client = connect(&world.url).await;
    let disposition = "name=\"file\"; filename=\"a.png\"";
    let more =
        [("Content-Type", "image/png"), ("Content-Disposition", disposition), ("Content-Length", "800000")];
    client.write_all(&upload(&more, &half)).await.unwrap();
    // The first half is there before the second has left.
    let (head, mut stream) = far_end.next().await;
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /v3/directline/conversations/abc/upload?userid=dana "), "{head}");
    assert!(head.contains("content-length: 800000") && !head.contains("transfer-encoding"), "{head}");
    assert!(head.contains("image/png") && head.contains(disposition), "{head}");
    let mut received = vec![0; half.len()];
    stream.read_exact(&mut received).await.unwrap();
    client.write_all(&half).await.unwrap();
    stream.read_exact(&mut received).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"id\":\"a|1\"}").await.unwrap();
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_form_streams() {
    let (far_end, world) = before_far_end().await;
    let half = vec![b'x'; 400_000];
    let part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;b.png\"\r\nContent-Type: image/png\r\n\r\n";
    let end = "\r\n--b--\r\n";
    let length = (part.len() + 2 * half.len() + end.len()).to_string();
    let more = [("Content-Type", "multipart/form-data; boundary=b"), ("Content-Length", length.as_str())];
    let mut client = connect(&world.url).await;
    client.write_all(&upload(&more, &[part.as_bytes(), &half].concat())).await.unwrap();
    let (head, mut stream) = far_end.next().await;
    assert!(head.to_ascii_lowercase().contains("transfer-encoding: chunked"), "{head}");
    let mut received = vec![];
    while received.len() < 300_000 {
        received.extend(read_chunk(&mut stream).await);
    }
    assert!(String::from_utf8_lossy(&received[..300]).contains("filename=\"a;b.png\""));
    client.write_all(&[&half, end.as_bytes()].concat()).await.unwrap();
    loop {
        let chunk = read_chunk(&mut stream).await;
        if chunk.is_empty() {
            break;
        }
        received.extend(chunk);
    }
    assert_eq!(received.iter().filter(|byte| **byte == b'x').count(), 800_000);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"id\":\"a|1\"}").await.unwrap();
    assert!(read_head(&mut client).await.starts_with("HTTP/1.1 200"));
}

fn upload(more: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers = [&[("Host", "x"), ("Authorization", "Bearer t")], more].concat();
    request("POST /v3/directline/conversations/abc/upload?userId=dana", &headers, body)
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
async fn without_sockets_their_address_is_taken_out_wherever_direct_line_gives_one() {
    let world = World::with(&[("WEB_SOCKET", "off")]).await;
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

/// A GET below `/v3/directline/`, with some token unless the headers bring one.
pub async fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> Answer {
    let bearer = match headers.iter().any(|(name, _)| *name == "Authorization") {
        true => &[][..],
        false => &[("Authorization", "Bearer token")][..],
    };
    let headers = [&[("Host", "x"), CLOSE], bearer, headers].concat();
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
