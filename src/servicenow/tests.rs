use serde_json::json;

use super::*;
use crate::{
    far_end::testing::{FarEnd, Heard, Reply},
    wire::virtual_agent::request::{Action, Message},
};

mod oauth;
mod rotation;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn a_request_goes_to_the_bot_integration_endpoint_signed_over_the_very_bytes() {
    let far_end = FarEnd::start(|_, _| success());
    let client = client(&far_end, basic());
    let answer = client.send(&says("Grüße, 你好 \u{1F600} \"ok\""), Some(TRACE)).await.expect("success");
    assert_eq!(answer, Answer::default());

    let heard = far_end.heard();
    let [heard] = heard.as_slice() else { panic!("one request") };
    assert_eq!(far_end.targets(), ["POST /api/sn_va_as_service/bot/integration"]);
    for (name, value) in [
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("authorization", "Basic am86cMOkc3M="),
        ("token", "static-token"),
        ("traceparent", TRACE),
        ("user-agent", concat!("servicenow-handoff/", env!("CARGO_PKG_VERSION"))),
        ("x-b2b-signature", &signature(&"hash-secret".into(), &heard.body)),
    ] {
        assert_eq!(heard.header(name), Some(value), "{name}");
    }
    assert!(String::from_utf8_lossy(&heard.body).contains("Grüße, 你好 \u{1F600} \\\"ok\\\""));
}

#[test]
fn a_signature_is_hmac_sha1_in_lower_case_hex() {
    let rfc_2202_case_2 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
    assert_eq!(signature(&"Jefe".into(), b"what do ya want for nothing?"), rfc_2202_case_2);
}

#[tokio::test]
async fn what_is_not_set_is_not_sent() {
    let far_end = FarEnd::start(|_, _| success());
    let settings = ServiceNowSettings {
        token: None,
        hash_secret: None,
        app_inbound_id: None,
        ..settings(&far_end, ServiceNowLogin::None)
    };
    ServiceNow::new(&settings, http()).send(&says("hi"), None).await.expect("success");
    let heard = &far_end.heard()[0];
    for name in ["authorization", "token", "x-b2b-signature", "traceparent"] {
        assert_eq!(heard.header(name), None, "{name}");
    }
    assert_eq!(heard.json().get("appInboundId"), None);
}

#[tokio::test]
async fn the_provider_application_is_named_in_every_request() {
    let far_end = FarEnd::start(|_, _| success());
    let client = client(&far_end, basic());
    let own = Request { app_inbound_id: Some("own".to_owned()), ..says("hi") };
    for request in [says("hi"), Request::new("r", "s", "u", Action::Typing), own] {
        client.send(&request, None).await.expect("success");
    }
    let named: Vec<_> = far_end.heard().iter().map(|heard| heard.json()["appInboundId"].clone()).collect();
    assert_eq!(named, ["app-1", "app-1", "own"]);
}

#[tokio::test]
async fn an_answer_is_read_for_what_it_is() {
    let full = json!({"requestId": "r", "body": [{"uiType": "OutputText", "value": "Hi"}], "score": 1});
    let empty = json!({"requestId": "r", "body": []});
    let wrapped = json!({"result": full});
    let lone = json!({"requestId": "r", "body": {"uiType": "OutputText", "value": "Hi"}});
    let deep =
        format!(r#"{{"body":[{{"value":"Hi"}}],"n":1e400,"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for (reply, synchronous) in [
        (success(), None),
        (Reply::text(200, "Message Processed Successfully"), None),
        (Reply::text(200, ""), None),
        (Reply::text(204, ""), None),
        (Reply::json(200, &json!({"body": "no array"})), None),
        (Reply::json(200, &full), Some(full.to_string().into_bytes())),
        (Reply::json(200, &empty), Some(empty.to_string().into_bytes())),
        (Reply::json(200, &wrapped), Some(wrapped.to_string().into_bytes())),
        (Reply::json(200, &lone), Some(lone.to_string().into_bytes())),
        (Reply::text(200, &deep), Some(deep.clone().into_bytes())),
    ] {
        let answer = answered_with(reply).await.expect("a success");
        assert_eq!(answer, Answer { synchronous, unread: false });
    }
}

#[tokio::test]
async fn what_can_not_be_read_of_an_answer_makes_it_no_failure() {
    let lost = format!(r#"{{"status":"success","more":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for text in [
        &lost,
        r#"{"body":[{"uiType":"OutputText""#,
        "{} {}",
        "\u{1f}\u{8b}",
        &"x".repeat(LONGEST_ANSWER + 1),
    ] {
        let answer = answered_with(Reply::text(200, text)).await.expect("a success");
        assert_eq!(answer, Answer { synchronous: None, unread: true }, "{}", text.get(..50).unwrap_or(text));
    }
}

#[tokio::test]
async fn an_answer_is_read_in_every_encoding() {
    let failure = r#"{"status":"failure","error":{"message":"ungültig"}}"#;
    let full = r#"{"body":[{"uiType":"OutputText","value":"ungültig"}]}"#;
    let encodings: [fn(&str) -> Vec<u8>; 4] = [
        |text| format!("\u{feff}{text}").into_bytes(),
        |text| text.chars().map(|sign| sign as u8).collect(),
        |text| text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        |text| text.replace('ü', "\\ud83d").into_bytes(),
    ];
    for encoded in encodings {
        let reply = |text| Reply::Answer { status: 200, headers: vec![], body: encoded(text) };
        let refused = answered_with(reply(failure)).await;
        assert!(matches!(refused, Err(CallError::Rejected { status: 200, code: None })), "{refused:?}");
        let answer = answered_with(reply(full)).await.expect("a success");
        assert_eq!(answer, Answer { synchronous: Some(encoded(full)), unread: false });
    }
}

#[tokio::test]
async fn a_failure_with_200_is_a_refusal() {
    for body in [
        json!({"status": "failure", "error": {"message": "Invalid request", "detail": "userId of Jo"}}),
        json!({"status": "Failure", "body": []}),
        json!({"result": {"status": "failure"}}),
    ] {
        let outcome = answered_with(Reply::json(200, &body)).await;
        assert!(matches!(outcome, Err(CallError::Rejected { status: 200, code: None })), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_hibernating_instance_has_not_taken_the_message() {
    let page = "\n<!DOCTYPE html><html>Instance Hibernating</html>";
    let wide: Vec<u8> = page.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for body in [page.into(), format!("\u{feff}{page}").into_bytes(), wide] {
        let outcome = answered_with(Reply::Answer { status: 200, headers: vec![], body }).await;
        assert!(matches!(outcome, Err(CallError::Failed { status: 200 })), "{outcome:?}");
    }
}

#[tokio::test]
async fn signs_are_left_out_where_calls_are_counted_and_not_where_an_instance_fails() {
    for (status, takes_signs) in [(429, false), (500, true), (503, true), (529, true)] {
        let far_end = FarEnd::start(move |_, _| {
            let headers = vec![("Retry-After", "1".to_owned())];
            Reply::Answer { status, headers, body: vec![] }
        });
        let client = client(&far_end, basic());
        let outcome = client.send(&says("hi"), None).await;
        assert!(matches!(outcome, Err(CallError::Throttled { .. })), "{outcome:?}");
        assert_eq!(client.takes_signs(Timestamp::now()), takes_signs, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let far_end = FarEnd::start(|_, _| Reply::json(401, &json!({"error": {"message": "x"}})));
    let outcome = client(&far_end, basic()).send(&says("hi"), None).await;
    assert!(matches!(outcome, Err(CallError::Rejected { status: 401, code: None })), "{outcome:?}");
    assert_eq!(far_end.heard().len(), 1);
}

#[tokio::test]
async fn the_time_out_covers_login_and_call_together() {
    let silent = FarEnd::start(|_, _| Reply::Silence);
    let outcome = impatient(&silent, password()).send(&says("hi"), None).await;
    assert!(matches!(outcome, Err(CallError::NotSent(_))), "{outcome:?}");

    let silent_after_login = instance(|_| json!({"access_token": "t"}), |_, _| Reply::Silence);
    let outcome = impatient(&silent_after_login, password()).send(&says("hi"), None).await;
    assert!(matches!(outcome, Err(CallError::Uncertain(Some(_)))), "{outcome:?}");
}

#[tokio::test]
async fn no_debug_shows_a_secret() {
    let far_end = instance(|_| json!({"access_token": "granted"}), |_, _| success());
    let client = client(&far_end, password());
    client.send(&says("hi"), None).await.expect("success");
    let shown = format!("{client:?}");
    for secret in ["static-token", "hash-secret", "s&cret", "päss", "granted"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

/// A far end that grants tokens (numbered by all requests heard so far) and answers the rest with `answer`.
fn instance(
    grant: impl Fn(usize) -> Value + Send + Sync + 'static,
    answer: impl Fn(&Heard, usize) -> Reply + Send + Sync + 'static,
) -> FarEnd {
    FarEnd::start(move |heard, n| match heard.target.as_str() {
        "/oauth_token.do" => Reply::json(200, &grant(n)),
        _ => answer(heard, n),
    })
}

fn calls(far_end: &FarEnd) -> Vec<Heard> {
    far_end.heard().into_iter().filter(|heard| heard.target != "/oauth_token.do").collect()
}

async fn answered_with(reply: Reply) -> Result<Answer, CallError> {
    let reply = std::sync::Mutex::new(Some(reply));
    let far_end = FarEnd::start(move |_, _| {
        reply.lock().ok().and_then(|mut reply| reply.take()).expect("asked once only")
    });
    client(&far_end, basic()).send(&says("hi"), None).await
}

fn success() -> Reply {
    Reply::json(200, &json!({"status": "success"}))
}

fn says(text: &str) -> Request {
    Request::new("r-1", "s-1", "jo", Action::Message(Message::typed(text)))
}

fn client(far_end: &FarEnd, login: ServiceNowLogin) -> ServiceNow {
    ServiceNow::new(&settings(far_end, login), http())
}

fn impatient(far_end: &FarEnd, login: ServiceNowLogin) -> ServiceNow {
    let mut client = client(far_end, login);
    Arc::get_mut(&mut client.shared).expect("not shared yet").time_out = Duration::from_secs(1);
    client
}

fn settings(far_end: &FarEnd, login: ServiceNowLogin) -> ServiceNowSettings {
    ServiceNowSettings {
        url: far_end.url.clone(),
        login,
        token: Some("static-token".into()),
        hash_secret: Some("hash-secret".into()),
        app_inbound_id: Some("app-1".to_owned()),
    }
}

fn basic() -> ServiceNowLogin {
    ServiceNowLogin::Basic { username: "jo".to_owned(), password: "päss".into() }
}

fn password() -> ServiceNowLogin {
    ServiceNowLogin::Password {
        client_id: "id".to_owned(),
        client_secret: "s&cret".into(),
        username: "jo".to_owned(),
        password: "päss word".into(),
    }
}

fn http() -> reqwest::Client {
    far_end::client().expect("a client")
}
