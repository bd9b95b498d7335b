use serde_json::json;

use super::*;
use crate::far_end::testing::{FarEnd, Heard, Reply};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TOKEN_PATH: &str = "/powervirtualagents/botsbyschema/crf_help/directline/token?api-version=v1";
const REGION_PATH: &str = "/powervirtualagents/regionalchannelsettings?api-version=v1";

mod roots;
mod secrets;

#[tokio::test]
async fn with_the_secret_a_conversation_is_started_directly() {
    let far_end = FarEnd::start(|_, _| Reply::json(201, &started()));
    let opened =
        client(&with_secret(&far_end)).open(Some("jo"), Some("en-US"), Some(TRACE)).await.expect("opened");
    assert_eq!(opened.conversation_id, "c-1");
    assert_eq!(opened.token.authorization.expose_secret(), "Bearer started");
    assert_eq!(opened.token.expires_in, Duration::from_secs(3600));

    let heard = &far_end.heard()[0];
    assert_eq!(far_end.targets(), ["POST /v3/directline/conversations"]);
    assert_eq!(heard.header("authorization"), Some("Bearer s3cret"));
    assert_eq!(heard.header("traceparent"), Some(TRACE));
    assert_eq!(heard.json(), json!({"user": {"id": "jo"}, "locale": "en-US"}));
}

#[tokio::test]
async fn a_dl_user_is_bound_to_the_token_first() {
    let far_end = FarEnd::start(|heard, _| match heard.target.as_str() {
        "/v3/directline/tokens/generate" => Reply::json(200, &json!({"token": "generated"})),
        _ => Reply::json(201, &started()),
    });
    let opened = client(&with_secret(&far_end)).open(Some("dl_jo"), None, None).await.expect("opened");
    assert_eq!(opened.token.authorization.expose_secret(), "Bearer started");
    let [generate, start] = &far_end.heard()[..] else { panic!("two requests") };
    assert_eq!(generate.header("authorization"), Some("Bearer s3cret"));
    assert_eq!(generate.json(), json!({"user": {"id": "dl_jo"}}));
    assert_eq!(start.header("authorization"), Some("Bearer generated"));
    assert_eq!(start.json(), json!({"user": {"id": "dl_jo"}}));
}

#[tokio::test]
async fn without_a_secret_the_token_endpoint_opens() {
    let direct_line = FarEnd::start(|_, _| Reply::json(200, &started()));
    let home = direct_line.url.to_string();
    let endpoint = FarEnd::start(move |heard, _| match heard.target.as_str() {
        TOKEN_PATH => Reply::json(200, &json!({"token": "minted", "conversationId": "unused"})),
        _ => region(&home),
    });
    let client = client(&over_endpoint(&endpoint));
    assert!(client.can_open());
    let opened = client.open(None, None, None).await.expect("opened");
    assert_eq!(opened.conversation_id, "c-1");
    let start = &direct_line.heard()[0];
    assert_eq!(start.header("authorization"), Some("Bearer minted"));
    assert_eq!(start.json(), json!({}));
}

#[tokio::test]
async fn with_neither_secret_nor_endpoint_nothing_is_opened() {
    let client = client(&nothing());
    assert!(!client.can_open());
    let outcome = client.open(None, None, None).await;
    assert!(matches!(outcome, Err(CallError::Rejected { code: Some(code), .. }) if code == "NotConfigured"));
}

#[tokio::test]
async fn a_start_without_a_token_goes_on_with_what_opened_it() {
    let far_end = FarEnd::start(|_, _| Reply::json(200, &json!({"conversationId": "c", "expires_in": 0})));
    let opened = client(&with_secret(&far_end)).open(None, None, None).await.expect("opened");
    assert_eq!(opened.token.authorization.expose_secret(), "Bearer s3cret");
    assert_eq!(opened.token.expires_in, answer::LIFE_UNTOLD);
    assert!(!format!("{opened:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_start_that_names_no_conversation_failed() {
    for body in ["{}", "<html>"] {
        let far_end = FarEnd::start(move |_, _| Reply::text(200, body));
        let outcome = client(&with_secret(&far_end)).open(None, None, None).await;
        assert!(matches!(outcome, Err(CallError::Failed { status: 200 })), "{body}");
    }
}

#[tokio::test]
async fn ids_and_watermarks_are_encoded() {
    let far_end = FarEnd::start(|_, _| Reply::text(200, r#"{"activities":[]}"#));
    let client = client(&with_secret(&far_end));
    for (conversation, watermark) in
        [("c-1", None), ("c-1", Some("")), ("a/b?c#d%é", Some("1&x=2 +é")), ("..", Some("5"))]
    {
        client.activities(conversation, "Bearer t", watermark, Some(TRACE)).await.expect("a set");
    }
    let root = "GET /v3/directline/conversations";
    assert_eq!(
        far_end.targets(),
        [
            format!("{root}/c-1/activities"),
            format!("{root}/c-1/activities"),
            format!("{root}/a%2Fb%3Fc%23d%25%C3%A9/activities?watermark=1%26x%3D2+%2B%C3%A9"),
            format!("{root}/activities?watermark=5"),
        ]
    );
    let heard: &Heard = &far_end.heard()[0];
    assert_eq!(heard.header("authorization"), Some("Bearer t"));
    assert_eq!(heard.header("traceparent"), Some(TRACE));
}

#[tokio::test]
async fn a_set_is_read_whatever_its_watermark_is() {
    for (body, count, watermark) in [
        (r#"{"activities":[{"type":"message","id":"1"}],"watermark":"5"}"#, 1, Some(json!("5"))),
        (r#"{"activities":[],"watermark":5}"#, 0, Some(json!(5))),
        (r#"{"activities":[],"watermark":null}"#, 0, None),
        (r#"{"activities":null}"#, 0, None),
    ] {
        let set = read(Reply::text(200, body)).await.expect("a set");
        assert_eq!((set.activities.len(), set.watermark), (count, watermark), "{body}");
    }
    // A captive portal answers many things with 2xx.
    for (status, body) in [(200, "<html>"), (200, "{}"), (200, r#"{"error":{"code":"x"}}"#), (204, "")] {
        let outcome = read(Reply::text(status, body)).await;
        assert!(matches!(outcome, Err(CallError::Failed { status: s }) if s == status), "{body}");
    }
}

#[tokio::test]
async fn one_odd_activity_does_not_lose_its_neighbours() {
    let odd = json!({"type": "message", "id": "2", "text": 7, "attachments": "none"});
    let set =
        json!({"activities": [{"type": "message", "id": "1", "text": "a"}, odd, "x"], "watermark": "3"});
    let set = read(Reply::json(200, &set)).await.expect("a set");
    let [first, second] = &set.activities[..] else { panic!("two activities") };
    assert_eq!(first.text.as_deref(), Some("a"));
    assert_eq!((second.kind.as_str(), second.id.as_deref()), ("message", Some("2")));
    let kept = json!({"type": "message", "id": "2", "text": "7", "attachments": "none"});
    assert_eq!(serde_json::to_value(second).expect("JSON"), kept);
}

#[tokio::test]
async fn a_post_gives_the_id_of_its_echo() {
    let activity = json!({"type": "message", "from": {"id": "jo"}, "text": "Grüße"});
    for (reply, expected) in [
        (Reply::json(200, &json!({"id": "c-1|0000001"})), Some("c-1|0000001")),
        (Reply::text(200, "\u{feff}{\"id\":\"c-1|0000001\",\"more\":\"\\ud83d\"}"), Some("c-1|0000001")),
        (Reply::json(200, &json!({"id": null})), None),
        (Reply::text(204, ""), None),
        (Reply::text(202, "accepted"), None),
    ] {
        let far_end = once(reply);
        let client = client(&with_secret(&far_end));
        let id = client.post("c-1", "Bearer t", &activity, Some(TRACE)).await.expect("posted");
        assert_eq!(id.as_deref(), expected);
        let heard = &far_end.heard()[0];
        assert_eq!(far_end.targets(), ["POST /v3/directline/conversations/c-1/activities"]);
        assert_eq!(heard.header("content-type"), Some("application/json"));
        assert_eq!(heard.header("authorization"), Some("Bearer t"));
        assert_eq!(heard.header("traceparent"), Some(TRACE));
        assert_eq!(heard.json(), activity);
    }
}

#[tokio::test]
async fn a_post_that_fails_says_whether_it_may_have_arrived() {
    type Expected = fn(&CallError) -> bool;
    let expired = json!({"error": {"code": "TokenExpired", "message": "x"}});
    let bot_error = json!({"error": {"code": "BotError", "message": "x"}, "httpStatusCode": 504});
    let rows: [(Reply, Expected); 6] = [
        (Reply::json(502, &bot_error), |e| matches!(e, CallError::Uncertain(None))),
        (Reply::json(504, &bot_error), |e| matches!(e, CallError::Uncertain(None))),
        (Reply::HangUp, |e| matches!(e, CallError::Uncertain(Some(_)))),
        (Reply::text(500, ""), |e| matches!(e, CallError::Failed { status: 500 })),
        (Reply::text(429, ""), |e| matches!(e, CallError::Throttled { .. })),
        (
            Reply::json(403, &expired),
            |e| matches!(e, CallError::Rejected { status: 403, code: Some(code) } if code == "TokenExpired"),
        ),
    ];
    for (reply, expected) in rows {
        let far_end = once(reply);
        let outcome = client(&with_secret(&far_end)).post("c", "Bearer t", &json!({}), None).await;
        assert!(outcome.as_ref().is_err_and(expected), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_new_one() {
    let grant = json!({"conversationId": "c-1", "token": "new", "expires_in": "1800"});
    let far_end = once(Reply::json(200, &grant));
    let refreshed = client(&with_secret(&far_end)).refresh("Bearer old").await.expect("refreshed");
    assert_eq!(refreshed.authorization.expose_secret(), "Bearer new");
    assert_eq!(refreshed.expires_in, Duration::from_secs(1800));
    assert_eq!(far_end.targets(), ["POST /v3/directline/tokens/refresh"]);
    let heard = &far_end.heard()[0];
    assert_eq!(heard.header("authorization"), Some("Bearer old"));
    assert!(heard.body.is_empty());
}

#[tokio::test]
async fn a_token_that_cant_be_renewed_is_renewed_no_more_for_a_while_whatever_came_of_it() {
    for status in [503, 500, 404] {
        let far_end = FarEnd::start(move |_, _| Reply::text(status, ""));
        let client = client(&with_secret(&far_end));
        for _ in 0..5 {
            assert!(client.renew("Bearer t").await.is_none());
        }
        assert_eq!(far_end.heard().len(), 1, "{status}");
    }
    let hangs = FarEnd::start(|_, _| Reply::Silence);
    let client = client(&with_secret(&hangs));
    let begun = Instant::now();
    tokio::join!(client.renew("Bearer t"), client.renew("Bearer t"), client.renew("Bearer t"));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(hangs.heard().len(), 1, "the others don't wait for it");
}

#[tokio::test]
async fn a_life_is_read_however_its_seconds_are_written() {
    for (told, seconds) in [("12.0", 12.0), ("\"12.5\"", 12.5), ("9e2", 900.0), ("\" 60 \"", 60.0)]
        .into_iter()
        .chain(["-1", "null", "\"soon\"", "[]"].map(|untold| (untold, answer::LIFE_UNTOLD.as_secs_f64())))
    {
        let far_end = once(Reply::text(200, &format!(r#"{{"token":"new","expires_in":{told}}}"#)));
        let refreshed = client(&with_secret(&far_end)).refresh("Bearer old").await.expect("refreshed");
        assert_eq!(refreshed.expires_in, Duration::from_secs_f64(seconds), "{told}");
    }
}

#[test]
fn an_id_that_a_post_is_given_is_read_as_in_activities() {
    for (answer, id) in [
        (r#"{"id":"c|1"}"#, Some("c|1")),
        (r#"{"id":7}"#, Some("7")),
        (r#"{"id":12345678901234567890123}"#, Some("12345678901234567890123")),
        (r#"{"id":null}"#, None),
        ("{}", None),
        ("", None),
    ] {
        assert_eq!(posted_id(answer.as_bytes()).as_deref(), id, "{answer}");
    }
}

async fn read(reply: Reply) -> Result<ActivitySet, CallError> {
    let far_end = once(reply);
    client(&with_secret(&far_end)).activities("c", "Bearer t", None, None).await
}

fn once(reply: Reply) -> FarEnd {
    let reply = std::sync::Mutex::new(Some(reply));
    FarEnd::start(move |_, _| reply.lock().ok().and_then(|mut reply| reply.take()).expect("asked once only"))
}

fn started() -> Value {
    json!({
        "conversationId": "c-1",
        "token": "started",
        "expires_in": 3600,
        "streamUrl": "wss://directline.example.com/v3/directline/conversations/c-1/stream",
    })
}

fn region(directline: &str) -> Reply {
    Reply::json(
        200,
        &json!({"channelUrlsById": {"directline": directline, "webchat": "https://w.example.com"}}),
    )
}

fn nothing() -> DirectLineSettings {
    DirectLineSettings { url: None, token_endpoint: None, secret: None }
}

fn with_secret(far_end: &FarEnd) -> DirectLineSettings {
    DirectLineSettings { url: Some(far_end.url.clone()), secret: Some("s3cret".into()), ..nothing() }
}

fn over_endpoint(far_end: &FarEnd) -> DirectLineSettings {
    let endpoint = far_end.url.join(TOKEN_PATH).expect("a URL");
    DirectLineSettings { token_endpoint: Some(endpoint), ..nothing() }
}

fn client(settings: &DirectLineSettings) -> DirectLine {
    DirectLine::new(settings, far_end::client().expect("a client"))
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}
