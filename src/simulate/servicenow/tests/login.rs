use super::*;

fn user() -> Option<(String, String)> {
    Some(("connector".into(), "pässword".into()))
}

#[tokio::test]
async fn a_wrong_basic_login_is_401() {
    let bench = Bench::start(ServiceNowOptions { basic: user(), ..Default::default() }).await;
    let hello = message("s1", "r1", "hi");
    let status = async |call: RequestBuilder| call.send().await.unwrap().status().as_u16();
    assert_eq!(status(bench.call(&hello)).await, 401);
    assert_eq!(status(bench.call(&hello).basic_auth("connector", Some("no"))).await, 401);
    assert_eq!(status(bench.call(&hello).basic_auth("connector", Some("pässword"))).await, 200);
    assert_eq!(bench.servicenow.requests().len(), 1);
}

#[tokio::test]
async fn tokens_are_granted_expire_and_can_be_revoked() {
    let oauth = |token_lifetime| {
        Some(OAuthClient { client_id: "id".into(), client_secret: "secret".into(), token_lifetime })
    };
    let options = ServiceNowOptions { basic: user(), oauth: oauth(SOON), ..Default::default() };
    let bench = Bench::start(options).await;
    let hello = message("s1", "r1", "hi");
    let token =
        grant(&bench, "grant_type=client_credentials&client_id=id&client_secret=secret").await.unwrap();
    assert_eq!(bench.call(&hello).bearer_auth(&token).send().await.unwrap().status(), 200);
    bench.servicenow.revoke_tokens();
    assert_eq!(bench.call(&hello).bearer_auth(&token).send().await.unwrap().status(), 401);

    let password = "grant_type=password&client_id=id&client_secret=secret&username=connector&password=";
    assert!(grant(&bench, &format!("{password}p%C3%A4ssword")).await.is_some());
    assert!(grant(&bench, &format!("{password}wrong")).await.is_none());
    assert!(grant(&bench, "grant_type=client_credentials&client_id=id&client_secret=no").await.is_none());

    let options = ServiceNowOptions { oauth: oauth(Duration::ZERO), ..Default::default() };
    let bench = Bench::start(options).await;
    let token =
        grant(&bench, "grant_type=client_credentials&client_id=id&client_secret=secret").await.unwrap();
    assert_eq!(bench.call(&hello).bearer_auth(&token).send().await.unwrap().status(), 401, "it has expired");
}

#[tokio::test]
async fn a_wrong_static_token_gets_success_and_silence() {
    let options = ServiceNowOptions { message_token: Some("t0k".into()), ..Default::default() };
    let bench = Bench::start(options).await;
    let mut hello = message("s1", "r1", "hi");
    assert_eq!(bench.post(hello.clone()).await, json!({"status": "success"}));
    assert!(bench.servicenow.requests().is_empty());
    hello["token"] = json!("t0k");
    let wrong_header = bench.call(&hello).header("token", "no").send().await.unwrap();
    assert_eq!(
        (wrong_header.status().as_u16(), bench.servicenow.requests().len()),
        (200, 0),
        "the header wins"
    );
    bench.post(hello).await;
    assert_eq!(bench.servicenow.requests().len(), 1);
    assert_eq!(bench.webhooks(1).await.len(), 1, "only the good one was answered");
}

#[tokio::test]
async fn the_hash_is_over_the_exact_bytes() {
    let options = ServiceNowOptions { hash_secret: Some("key".into()), ..Default::default() };
    let bench = Bench::start(options).await;
    let url = format!("{}{PATH}", bench.servicenow.url());
    let send = async |body: &'static str, signature: &str| {
        let call = bench.client.post(&url).header("x-b2b-signature", signature).body(body);
        assert_eq!(call.send().await.unwrap().status(), 200);
        bench.servicenow.requests().len()
    };
    let good = "55fad443c279e669ab43904c3d47dec93bc3f9b5";
    assert_eq!(send(r#"{"userId":"u1","message":{"text":"hi"} }"#, good).await, 0);
    assert_eq!(send(r#"{"userId":"u1","message":{"text":"hi"}}"#, "").await, 0);
    assert_eq!(send(r#"{"userId":"u1","message":{"text":"hi"}}"#, good).await, 1);
}

async fn grant(bench: &Bench, form: &str) -> Option<String> {
    let call = bench.client.post(format!("{}/oauth_token.do", bench.servicenow.url()));
    let call = call.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
    let answer = call.send().await.unwrap();
    let granted = answer.status() == 200;
    assert!(granted || answer.status() == 401);
    let answer = json_of(answer).await;
    granted.then(|| answer["access_token"].as_str().unwrap().to_owned())
}
