//! While the bot speaks: Direct Line, passed through as it is.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    live::wire::{Answer, FarEnd, exchange, request},
    world::World,
};

mod cors;
mod detect;
mod failing;
mod forged;
mod large;
mod pages;
mod waiting;

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
