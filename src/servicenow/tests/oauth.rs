//! The OAuth token: fetched once, renewed in time and after a refusal.

use super::*;

#[tokio::test]
async fn an_oauth_token_is_fetched_once_for_all_who_wait() {
    let far_end = instance(|_| json!({"access_token": "t", "expires_in": 1799}), |_, _| success());
    let client = client(&far_end, password());
    let request = says("hi");
    let (a, b, c) =
        tokio::join!(client.send(&request, None), client.send(&request, None), client.send(&request, None));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    client.clone().send(&request, None).await.expect("success");

    let (logins, calls): (Vec<_>, Vec<_>) =
        far_end.heard().into_iter().partition(|heard| heard.target == "/oauth_token.do");
    assert_eq!((logins.len(), calls.len()), (1, 4));
    assert!(calls.iter().all(|call| call.header("authorization") == Some("Bearer t")));
    assert_eq!(logins[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(logins[0].header("token"), None);
    let form = "grant_type=password&client_id=id&client_secret=s%26cret&username=jo&password=p%C3%A4ss+word";
    assert_eq!(String::from_utf8_lossy(&logins[0].body), form);
}

#[tokio::test]
async fn client_credentials_need_no_user() {
    let far_end = FarEnd::start(|heard, _| match heard.target.as_str() {
        "/oauth_token.do" => {
            Reply::text(200, "\u{feff}{\"access_token\":\"t\",\"expires_in\":\"1799\",\"scope\":\"\\ud83d\"}")
        }
        _ => success(),
    });
    client(&far_end, client_credentials()).send(&says("hi"), None).await.expect("success");
    let form = "grant_type=client_credentials&client_id=id&client_secret=s%26cret";
    assert_eq!(String::from_utf8_lossy(&far_end.heard()[0].body), form);
}

#[tokio::test]
async fn a_token_at_its_end_is_renewed_before_the_call() {
    let far_end = instance(|n| json!({"access_token": format!("t{n}"), "expires_in": 0}), |_, _| success());
    let client = client(&far_end, password());
    for _ in 0..2 {
        client.send(&says("hi"), None).await.expect("success");
    }
    assert_eq!(bearers(&far_end), ["Bearer t0", "Bearer t2"]);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_call_repeated_unchanged() {
    let far_end = instance(
        |n| json!({"access_token": format!("t{n}"), "expires_in": 1799}),
        |heard, _| match heard.header("authorization") {
            Some("Bearer t0") => Reply::text(401, ""),
            _ => success(),
        },
    );
    let client = client(&far_end, password());
    for _ in 0..2 {
        client.send(&says("hi"), None).await.expect("success");
    }
    assert_eq!(bearers(&far_end), ["Bearer t0", "Bearer t2", "Bearer t2"]);
    let bodies: Vec<_> = calls(&far_end).into_iter().map(|call| call.body).collect();
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn a_second_401_is_a_refusal() {
    let far_end = instance(
        |n| json!({"access_token": format!("t{n}"), "expires_in": 1799}),
        |_, _| Reply::json(401, &json!({"error": {"message": "User Not Authenticated"}})),
    );
    let outcome = client(&far_end, password()).send(&says("hi"), None).await;
    assert!(matches!(outcome, Err(CallError::Rejected { status: 401, code: None })), "{outcome:?}");
    assert_eq!(bearers(&far_end), ["Bearer t0", "Bearer t2"]);
}

#[tokio::test]
async fn a_login_that_fails_sends_nothing() {
    type Expected = fn(&CallError) -> bool;
    let rows: [(fn() -> Reply, Expected); 6] = [
        (|| Reply::HangUp, |e| matches!(e, CallError::NotSent(Some(_)))),
        (|| Reply::text(502, ""), |e| matches!(e, CallError::NotSent(None))),
        (|| Reply::text(500, ""), |e| matches!(e, CallError::Failed { status: 500 })),
        (|| Reply::text(200, "<html>"), |e| matches!(e, CallError::Failed { status: 200 })),
        (|| Reply::text(200, "{}"), |e| matches!(e, CallError::Rejected { status: 200, code: None })),
        (
            || Reply::json(401, &json!({"error": "access_denied", "error_description": "Jo"})),
            |e| matches!(e, CallError::Rejected { status: 401, code: Some(code) } if code == "access_denied"),
        ),
    ];
    for (reply, expected) in rows {
        let far_end = FarEnd::start(move |_, _| reply());
        let outcome = client(&far_end, password()).send(&says("hi"), None).await;
        assert!(outcome.as_ref().is_err_and(expected), "{outcome:?}");
        assert_eq!(far_end.targets(), ["POST /oauth_token.do"]);
    }
}

fn bearers(far_end: &FarEnd) -> Vec<String> {
    calls(far_end).iter().map(|call| call.header("authorization").unwrap_or_default().to_owned()).collect()
}

fn client_credentials() -> ServiceNowLogin {
    ServiceNowLogin::ClientCredentials { client_id: "id".to_owned(), client_secret: "s&cret".into() }
}
