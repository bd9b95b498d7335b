use reqwest::header::ACCEPT;

use super::{
    testing::{FarEnd, Reply},
    *,
};

const LIMIT: usize = 1 << 20;
/// As a client asks, and as a worker does.
const WAYS: [fn(); 2] = [|| {}, || own(&http()).expect("TLS")];

#[tokio::test]
async fn a_proxy_of_the_environment_is_not_asked_for_loopback() {
    let far_end = FarEnd::start(|_, _| Reply::text(200, "here"));
    let http = client_with(|name| (name == "http_proxy").then(|| "http://192.0.2.1:9".to_owned()));
    let answered = call(http.expect("a client").get(far_end.url.clone()), LIMIT).await.expect("an answer");
    assert_eq!(answered.body, b"here");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_asked_for_other_hosts() {
    let proxy = FarEnd::start(|_, _| Reply::text(200, "proxied"));
    let address = proxy.url.to_string();
    let http = client_with(move |name| (name == "HTTP_PROXY").then(|| address.clone())).expect("a client");
    call(http.get("http://acme.example.com/x"), LIMIT).await.expect("an answer");
    assert_eq!(proxy.targets(), ["GET http://acme.example.com/x"]);
}

#[tokio::test]
async fn a_request_is_the_same_over_connections_of_ones_own() {
    let far_end = FarEnd::start(|_, _| Reply::text(200, "here"));
    let url = far_end.url.join("a%20b?x=%C3%A4#no").expect("a URL");
    for way in WAYS {
        way();
        let post = http().post(url.clone()).basic_auth("jo", Some("hush")).header("token", "t");
        let answered = call(post.body("words"), LIMIT).await.expect("an answer");
        assert_eq!((answered.status, &answered.body[..]), (200, &b"here"[..]));
        call(http().get(url.clone()).header(ACCEPT, "application/json"), LIMIT).await.expect("an answer");
    }
    let heard = far_end.heard();
    let (with, over) = heard.split_at(2);
    for (with, over) in with.iter().zip(over) {
        assert_eq!((&with.method, &with.target, &with.body), (&over.method, &over.target, &over.body));
        assert_eq!(with.headers, over.headers);
    }
    assert_eq!((heard[2].body.as_slice(), heard[2].header("content-length")), (&b"words"[..], Some("5")));
}

#[tokio::test]
async fn nobody_at_the_door_is_not_sent() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("an address");
    for way in WAYS {
        way();
        let outcome = call(http().post(format!("http://{gone}/")), LIMIT).await;
        assert!(matches!(outcome, Err(CallError::NotSent(Some(_)))));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_whole_is_uncertain() {
    let far_end = FarEnd::start(|heard, _| match heard.target.as_str() {
        "/hang-up" => Reply::HangUp,
        "/silence" => Reply::Silence,
        "/cut-short" => Reply::CutShort,
        _ => Reply::text(200, "12345"),
    });
    for way in WAYS {
        way();
        for path in ["hang-up", "silence", "cut-short"] {
            let url = far_end.url.join(path).expect("a URL");
            let outcome = call(http().post(url).timeout(Duration::from_secs(2)), LIMIT).await;
            assert!(matches!(outcome, Err(CallError::Uncertain(Some(_)))), "{path}");
        }
        let outcome = call(http().post(far_end.url.clone()), 4).await;
        assert!(outcome.is_err_and(|error| error.is_taken()));
        assert_eq!(call(http().post(far_end.url.clone()), 5).await.expect("fits").body, b"12345");
    }
}

#[tokio::test]
async fn a_refusal_is_not_read_without_end() {
    let far_end = FarEnd::start(|_, _| Reply::text(403, &"x".repeat(REFUSAL * 8)));
    for way in WAYS {
        way();
        let refused = call_within(http().get(far_end.url.clone()), usize::MAX, None).await;
        assert!(matches!(refused, Err(CallError::Rejected { status: 403, code: None })));
    }
}

#[tokio::test]
async fn a_redirect_is_a_refusal() {
    let far_end = FarEnd::start(|_, _| Reply::Answer {
        status: 302,
        headers: vec![("Location", "/login".to_owned())],
        body: vec![],
    });
    for way in WAYS {
        way();
        let outcome = call(http().post(far_end.url.clone()), LIMIT).await;
        assert!(matches!(outcome, Err(CallError::Rejected { status: 302, code: None })));
    }
    assert_eq!(far_end.targets(), ["POST /", "POST /"]);
}

#[tokio::test]
async fn an_error_shows_no_url() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("an address");
    for way in WAYS {
        way();
        let error =
            call(http().get(format!("http://{gone}/?code=hush")), LIMIT).await.err().expect("an error");
        assert!(!format!("{error:?}").contains("hush"));
    }
}

#[test]
fn a_client_does_not_show_its_proxy_password() {
    let http = client_with(|name| (name == "HTTPS_PROXY").then(|| "http://jo:hush@192.0.2.1:9".to_owned()));
    assert!(!format!("{:?}", http.expect("a client")).contains("hush"));
}

fn http() -> reqwest::Client {
    client_to_here().expect("a client")
}
