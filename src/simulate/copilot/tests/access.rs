//! Who may call: tokens, other origins, and what is refused.

use super::*;

#[tokio::test]
async fn what_is_wrong_is_refused_as_direct_line_refuses_it() {
    let chat = Chat::open().await;
    let other = Chat::join(chat.studio.clone()).await;
    let path = format!("conversations/{}/activities", chat.id);
    let url = format!("{}v3/directline/{path}", chat.studio.url());
    let client = Client::new();

    let anonymous = client.get(&url).send().await.expect("an answer");
    assert_eq!(anonymous.status(), 401);
    let wrong = client.get(&url).bearer_auth("wrong").send().await.expect("an answer");
    assert_eq!(wrong.status(), 403);
    assert_eq!(other.send(Method::GET, &path, None).await.status, 403, "a token of another conversation");
    let unknown = format!("{}v3/directline/conversations/none/activities", chat.studio.url());
    let unknown = client.get(unknown).bearer_auth(chat.studio.secret()).send().await.expect("an answer");
    assert_eq!(unknown.status(), 404);

    let not_json = client.post(&url).bearer_auth(&chat.token).body("{").send().await.expect("an answer");
    assert_eq!(not_json.status(), 400);
    let nobody = json!({"type": "message", "text": "hi"});
    assert_eq!(chat.send(Method::POST, &path, Some(&nobody)).await.status, 400);
    let no_type = json!({"from": {"id": "ada"}});
    assert_eq!(chat.send(Method::POST, &path, Some(&no_type)).await.status, 400);
    let large = json!({"type": "message", "from": {"id": "ada"}, "text": "x".repeat(256 * 1024)});
    assert_eq!(chat.send(Method::POST, &path, Some(&large)).await.status, 413);
    assert_eq!(chat.send(Method::GET, "nowhere", None).await.status, 404);
    assert!(chat.received().is_empty());
}

#[tokio::test]
async fn a_token_of_a_generated_conversation_works_from_start_on() {
    let studio = start(CopilotOptions::default()).await.expect("started");
    let url = format!("{}v3/directline", studio.url());
    let client = Client::new();
    let generate = |id: &str| {
        let body = json!({"user": {"id": id, "name": "Ada"}}).to_string();
        client.post(format!("{url}/tokens/generate")).bearer_auth(studio.secret()).body(body).send()
    };
    assert_eq!(generate("ada").await.expect("an answer").status(), 400, "must begin with dl_");
    let given = answer(generate("dl_ada").await.expect("an answer")).await;
    assert_eq!(given.status, 200);
    let chat = Chat::of(studio, &given);
    let path = format!("conversations/{}/activities", chat.id);
    assert_eq!(chat.send(Method::GET, &path, None).await.status, 404, "not started yet");
    assert_eq!(chat.send(Method::POST, "conversations", None).await.status, 201);
    chat.say("hi").await;
    assert_eq!(chat.received()[0]["from"]["id"], "dl_ada", "the embedded user wins");
}

#[tokio::test]
async fn a_token_names_its_conversation_and_is_refreshed_while_it_lives() {
    let chat = Chat::open().await;
    let claims = URL_SAFE_NO_PAD.decode(chat.token.split('.').nth(1).expect("a JWT")).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["conv"], chat.id);
    assert_eq!(claims["iss"], chat.studio.url());
    assert_eq!(claims["aud"], chat.studio.url());
    assert!(claims["exp"].is_i64() && claims["bot"].is_string());

    let refreshed = chat.send(Method::POST, "tokens/refresh", None).await;
    assert_eq!(refreshed.status, 200);
    assert_eq!(refreshed.body["conversationId"], chat.id);
    assert_ne!(refreshed.body["token"], chat.token.as_str());

    chat.studio.expire_tokens(&chat.id);
    for (method, path) in [(Method::POST, "tokens/refresh".to_owned()), (Method::GET, chat.path())] {
        let expired = chat.send(method, &path, None).await;
        assert_eq!(expired.status, 403);
        assert_eq!(expired.body["error"]["code"], "TokenExpired");
    }
}

#[tokio::test]
async fn a_token_without_lifetime_is_expired() {
    let options = CopilotOptions { token_lifetime: Duration::ZERO, ..CopilotOptions::default() };
    let chat = Chat::with(options).await;
    let expired = chat.send(Method::GET, &chat.path(), None).await;
    assert_eq!((expired.status, &expired.body["error"]["code"]), (403, &json!("TokenExpired")));
}

#[tokio::test]
async fn the_token_endpoint_gives_each_caller_a_conversation() {
    let studio = start(CopilotOptions::default()).await.expect("started");
    let client = Client::new();
    let get = |url: String| async { answer(client.get(url).send().await.expect("an answer")).await };
    let (one, two) = (get(studio.token_endpoint()).await, get(studio.token_endpoint()).await);
    assert_eq!((one.status, two.status), (200, 200));
    assert_ne!(one.body["conversationId"], two.body["conversationId"]);
    let bare = studio.token_endpoint().split_once('?').expect("a query").0.to_owned();
    assert_eq!(get(bare).await.status, 400);
    let root = studio.url();
    let regional = format!("{root}powervirtualagents/regionalchannelsettings");
    assert_eq!(get(regional.clone()).await.status, 400);
    let settings = get(format!("{regional}?api-version=2022-03-01-preview")).await;
    assert_eq!(settings.body["channelUrlsById"]["directline"], root);
    assert_eq!(Chat::of(studio, &one).send(Method::POST, "conversations", None).await.status, 201);
}

#[tokio::test]
async fn pages_of_any_origin_may_call() {
    let chat = Chat::open().await;
    let url = format!("{}v3/directline/conversations", chat.studio.url());
    let preflight = Client::new()
        .request(Method::OPTIONS, url)
        .header("Origin", "http://localhost:7071")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization, x-ms-bot-agent");
    let preflight = preflight.send().await.expect("an answer");
    assert_eq!(preflight.status(), 204);
    let headers = preflight.headers();
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(headers["access-control-allow-headers"], "authorization, x-ms-bot-agent");
}
