//! What goes wrong on purpose.

use super::*;

#[tokio::test]
async fn a_bot_that_fails_has_still_been_given_the_message() {
    let chat = Chat::open().await;
    let failed = chat.say("fail").await;
    assert_eq!(failed.status, 502);
    let error = json!({"code": "BotError", "message": "Failed to send activity: bot returned an error"});
    assert_eq!(failed.body, json!({"error": error, "httpStatusCode": 500}));
    assert_eq!(chat.received().len(), 1);
    assert_eq!(texts(&chat.read(None).await), ["fail"]);
}

#[tokio::test]
async fn a_post_waits_for_the_turn_but_not_longer_than_the_limit() {
    let options = CopilotOptions { bot_time_limit: Duration::from_millis(1600), ..CopilotOptions::default() };
    let chat = Chat::with(options).await;
    let start = Instant::now();
    let late = chat.say("slow").await;
    assert!(start.elapsed() >= Duration::from_millis(1600));
    assert_eq!((late.status, &late.body["httpStatusCode"]), (502, &json!(504)));
    assert!(texts(&chat.read(None).await).contains(&"Here is the first part.".to_owned()));
    let end = chat.read_until("slow").await;
    assert_eq!(texts(&end).iter().rev().nth(1).map(String::as_str), Some("And here is the rest."));
}

#[tokio::test]
async fn faults_happen_before_or_after_a_request_is_processed() {
    let chat = Chat::open().await;
    let faults = chat.studio.faults();
    let post = || Fault::on("POST", "/activities").once();
    faults.add(post().status(429).header("Retry-After", "7"));
    faults.add(post().drop_connection());
    assert_eq!(chat.say("one").await.status, 429);
    assert!(chat.try_say("two").await.is_err());
    assert!(chat.received().is_empty());

    faults.add(post().status(504).after_processing());
    faults.add(post().drop_connection().after_processing());
    assert_eq!(chat.say("three").await.status, 504);
    assert!(chat.try_say("four").await.is_err());
    assert_eq!(chat.received().len(), 2);

    faults.add(Fault::on("GET", "/activities").once().duplicate().reorder());
    let bent = texts(&chat.read(None).await);
    let plain = texts(&chat.read(None).await);
    assert_eq!(bent.len(), 2 * plain.len());
    assert_eq!(bent[0], *plain.last().expect("one"));
}

#[tokio::test]
async fn a_service_that_is_down_closes_the_connection_without_a_byte() {
    let chat = Chat::open().await;
    chat.control(Method::POST, "faults", Some(&json!({"down": true}))).await;
    let mut socket =
        std::net::TcpStream::connect(chat.studio.url()[7..].trim_end_matches('/')).expect("open");
    socket.write_all(b"GET /v3/directline/conversations HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    let mut bytes = Vec::new();
    let read = socket.read_to_end(&mut bytes);
    assert!(read.is_err() || bytes.is_empty(), "{}", String::from_utf8_lossy(&bytes));
    chat.control(Method::DELETE, "faults", None).await;
    assert_eq!(chat.say("hi").await.status, 200);
}

#[tokio::test]
async fn the_knobs_turn_over_http_too() {
    let chat = Chat::open().await;
    let fault = json!({"method": "POST", "path": "/activities", "times": 1, "status": 503});
    assert_eq!(chat.control(Method::POST, "faults", Some(&fault)).await.body, json!({"ids": [1]}));
    assert_eq!(chat.control(Method::POST, "faults", Some(&json!({"stat": 1}))).await.status, 400);
    assert_eq!(chat.say("hi").await.status, 503);
    let state = chat.control(Method::GET, "state", None).await.body;
    assert_eq!((&state["faults"][0]["hits"], &state["conversations"]), (&json!(1), &json!(1)));
    let say = json!({"type": "message", "text": "psst"});
    let path = format!("conversations/{}/say", chat.id);
    assert_eq!(chat.control(Method::POST, &path, Some(&say)).await.status, 200);
    assert_eq!(texts(&chat.read(None).await), ["psst"]);
}

#[tokio::test]
async fn a_stopped_service_is_gone_and_a_forgotten_conversation_too() {
    let chat = Chat::open().await;
    chat.studio.forget(&chat.id);
    assert_eq!(chat.send(Method::GET, &chat.path(), None).await.status, 404);
    let url = chat.studio.url().to_owned();
    chat.studio.stop().await;
    assert!(Client::new().get(url).send().await.is_err());
}
