//! Who is let in, and with what.

use serde_json::json;
use servicenow_handoff::{auth::signature, simulate::copilot::CopilotOptions};

use crate::secondary::{
    page,
    world::{PATH, TOKEN, World},
};

#[tokio::test]
async fn any_one_credential_opens_and_a_wrong_one_does_not() {
    let more = [("SECONDARY_HASH_SECRET", "h-1"), ("SECONDARY_BASIC", "user:pass")];
    let world = World::with(CopilotOptions::default(), &more).await;
    let body = json!({"userId": "ada", "message": {}, "text": "ä"}).to_string();
    let with_token = json!({"userId": "ada", "token": TOKEN}).to_string();
    let signed = signature("h-1", body.as_bytes());
    let indented = body.replace(':', " :\n  ").replace("ä", "\\u00e4");
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let rows: [(Headers<'_>, &str, u16); 10] = [
        (&[("token", TOKEN)], &body, 200),
        (&[], &with_token, 200),
        (&[("x-b2b-signature", &signed)], &body, 200),
        (&[("x-b2b-signature", &signed)], &indented, 200),
        (&[("authorization", "Basic dXNlcjpwYXNz")], &body, 200),
        (&[], &body, 401),
        (&[("token", "wrong")], &body, 401),
        (&[("token", "wrong")], &with_token, 401),
        (&[("x-b2b-signature", &signed)], "{}", 401),
        (&[("authorization", "Basic dXNlcjp3cm9uZw==")], &body, 401),
    ];
    for (headers, body, status) in rows {
        let (answered, told) = world.post(headers, body).await;
        assert_eq!(answered, status, "{headers:?} {told}");
        if status == 401 {
            assert_eq!(
                (&told["status"], &told["error"]["code"]),
                (&json!("failure"), &json!("Unauthorized"))
            );
        }
    }
}

#[tokio::test]
async fn another_method_than_post_is_told_so() {
    let world = World::start().await;
    for path in [PATH, "/api/now/v1/cccif/media/upload"] {
        for method in ["GET", "PUT", "DELETE"] {
            let request = world.http.request(method.parse().unwrap(), format!("{}{path}", world.url));
            let answer = request.header("token", TOKEN).send().await.unwrap();
            assert_eq!(answer.status(), 405, "{method} {path}");
            assert_eq!(
                (&answer.headers()["allow"], &answer.headers()["cache-control"]),
                (&"POST".parse().unwrap(), &"no-store".parse().unwrap())
            );
            page::holds(path, "post", 405, &serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap());
        }
    }
}

#[tokio::test]
async fn bad_bodies_are_told_so() {
    let world = World::start().await;
    for body in
        ["", "no JSON", "[1]", "\"text\"", "{", "{}", r#"{"message":{"text":"whose?"},"userId":null}"#]
    {
        let (status, told) = world.post(&[("token", TOKEN)], body).await;
        assert_eq!((status, &told["error"]["code"]), (400, &json!("BadRequest")), "{body}");
        assert_eq!(told["status"], "failure");
    }
    let long = json!({"userId": "ada", "message": {"text": "x".repeat(1 << 20)}}).to_string();
    let (status, told) = world.post(&[("token", TOKEN)], long).await;
    assert_eq!((status, &told["error"]["code"]), (413, &json!("PayloadTooLarge")));
    assert!(world.copilot.conversations().is_empty());
}

#[tokio::test]
async fn bytes_that_strict_readers_refuse_are_read_as_what_they_are() {
    let world = World::start().await;
    let body =
        |text: &str| format!(r#"{{"clientSessionId":"s","userId":"ada","message":{{"text":"{text}"}}}}"#);
    let wide: Vec<u8> = body("wide").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows: [(Vec<u8>, &str); 4] = [
        (body("half \\ud83d").into_bytes(), "half \u{fffd}"),
        ([b"\xef\xbb\xbf".as_slice(), body("marked").as_bytes()].concat(), "marked"),
        (wide, "wide"),
        (
            body("odd ?")
                .replace('?', "\u{1}")
                .into_bytes()
                .into_iter()
                .map(|b| if b == 1 { 0xff } else { b })
                .collect(),
            "odd \u{fffd}",
        ),
    ];
    for (body, said) in rows {
        let post = world.http.post(format!("{}{PATH}", world.url)).header("token", TOKEN).body(body);
        let answer = post.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{said}");
        let answer: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(answer["message"]["text"], *said);
        assert_eq!(world.heard().last().map(String::as_str), Some(said));
    }
}

#[tokio::test]
async fn a_role_that_is_off_says_so() {
    let (url, http) = {
        let settings = servicenow_handoff::config::Settings::from_env(|name| {
            (name == "LISTEN").then(|| "127.0.0.1:0".to_owned())
        });
        let (started, address) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let connector = servicenow_handoff::app::Connector::build(&settings.unwrap()).unwrap();
                started.send(connector.address()).unwrap();
                connector.run().await.unwrap();
            });
        });
        let address = address.recv_timeout(crate::secondary::world::PATIENCE).unwrap();
        (format!("http://{address}"), servicenow_handoff::far_end::client().unwrap())
    };
    for path in [PATH, "/api/now/v1/cccif/media/upload"] {
        let answer = http.post(format!("{url}{path}")).header("token", "").body("{}").send().await.unwrap();
        let (status, body) = (answer.status().as_u16(), answer.bytes().await.unwrap());
        let body = serde_json::from_slice(&body).unwrap();
        page::holds(path, "post", status, &body);
        assert_eq!((status, &body["error"]["code"]), (503, &json!("NotConfigured")));
    }
}
