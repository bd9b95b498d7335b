//! Who may use the relay, and what it reads with.

use serde_json::{Value, json};
use servicenow_handoff::{domain::ConversationId, handoff::Caller};

use crate::{
    relay::{
        run,
        stage::{Stage, Turn, ask},
    },
    world::World,
};

const KEY: &str = "open-sesame";

#[test]
fn nobody_may_use_it_unless_that_is_meant() {
    run(async {
        let stage = Stage::closed(&[("DIRECT_LINE_SECRET", "secret")]).await;
        let refused = ask(stage.request().header("dlsecret", stage.studio.secret())).await;
        assert_eq!((refused.status, &refused.body["error"]["code"]), (503, &json!("NotConfigured")));
        assert_eq!(stage.studio.faults().requests(), 0, "Direct Line was not asked");
    });
}

#[test]
fn a_key_is_asked_for_first_and_may_stand_in_header_or_query() {
    run(async {
        let stage = Stage::start(&[("RELAY_KEY", KEY)]).await;
        let conversation = spoken(&stage).await;
        for (header, query) in [
            (None, ""),
            (Some(""), ""),
            (Some("open-sesam"), ""),
            (None, "?code="),
            (None, "?code=open-sesame!"),
            (Some("wrong"), "?other=open-sesame"),
        ] {
            let request = stage.request_to(query);
            let request = if let Some(key) = header { request.header("x-relay-key", key) } else { request };
            let refused = ask(request.header("dlsecret", stage.studio.secret())).await;
            assert_eq!(
                (refused.status, &refused.body["error"]["code"]),
                (401, &json!("Unauthorized")),
                "{query}"
            );
        }
        for (header, query) in [(KEY, ""), ("", "?code=open%2Dsesame"), ("wrong", "?a=b&code=open-sesame")] {
            let request = stage.request_to(query).header("X-Relay-Key", header);
            let turn = ask(about(&conversation, request.header("dlsecret", stage.studio.secret()))).await;
            assert_eq!(turn.said(), ["one"], "{header} {query}");
        }
    });
}

#[test]
fn who_has_the_key_may_send_a_name_for_the_secret_or_nothing() {
    run(async {
        let options = servicenow_handoff::simulate::copilot::CopilotOptions::default();
        let secret = options.secret.clone();
        let named = json!({"hr": secret, "it": "another-agent's"}).to_string();
        let settings =
            [("RELAY_KEY", KEY), ("RELAY_SECRETS", named.as_str()), ("DIRECT_LINE_SECRET", secret.as_str())];
        let stage = Stage::start_with(options, &settings).await;
        let conversation = spoken(&stage).await;
        let with = async |headers: &[(&str, &str)]| -> Turn {
            let request =
                headers.iter().fold(stage.request(), |request, (name, value)| request.header(*name, *value));
            ask(about(&conversation, request.header("x-relay-key", KEY))).await
        };
        assert_eq!(with(&[]).await.said(), ["one"], "the connector's own");
        assert_eq!(with(&[("dlsecret", "hr")]).await.said(), ["one"]);
        assert_eq!(with(&[("authorization", "Bearer hr")]).await.said(), ["one"]);
        assert_eq!(with(&[("dlsecret", &secret)]).await.said(), ["one"], "the secret itself");
        assert_eq!(with(&[("dlsecret", "it")]).await.status, 403, "Direct Line's own refusal");
        assert_eq!(with(&[("dlsecret", "nobody")]).await.status, 403);
    });
}

#[test]
fn without_a_key_a_name_opens_nothing_and_nothing_is_no_secret() {
    run(async {
        let options = servicenow_handoff::simulate::copilot::CopilotOptions::default();
        let secret = options.secret.clone();
        let stage = Stage::start_with(options, &[("DIRECT_LINE_SECRET", &secret)]).await;
        let conversation = spoken(&stage).await;
        assert_eq!(ask(about(&conversation, stage.request())).await.status, 400);
    });
}

#[tokio::test]
async fn a_token_of_a_chat_with_a_live_agent_is_no_secret() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let status = async |credential: &str| {
        let get = world.http.get(format!("{}/api/relayToDirectLine", world.url)).bearer_auth(credential);
        let answer = about(chat.conversation(), get).header("waittime", "0").send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(status(chat.token()).await, 403);
    assert_eq!(status(world.copilot.secret()).await, 200);
}

#[tokio::test]
async fn a_token_that_shows_nothing_of_itself_is_known_by_whoever_took_it_for_the_chat() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let id = ConversationId::parse(chat.conversation()).unwrap();
    let conversation = world.handoff.ledger.find(&id).await.unwrap().unwrap();
    let (url, second) = world.second_instance();
    assert!(second.ledger.find(&id).await.unwrap().is_some(), "the other instance has a copy from before");
    let caller = Caller::read(Some("Bearer opaque-token")).unwrap();
    world.handoff.tokens.accept(&conversation, &caller).await.unwrap();
    for (credential, code) in [("opaque-token", "Forbidden"), ("another", "BadArgument")] {
        let get = world.http.get(format!("{url}/api/relayToDirectLine")).bearer_auth(credential);
        let answer = about(chat.conversation(), get).header("waittime", "0").send().await.unwrap();
        assert_eq!(answer.status(), 403, "{credential}");
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(body["error"]["code"] == "Forbidden", code == "Forbidden", "{credential}: {body}");
    }
}

async fn spoken(stage: &Stage) -> String {
    let conversation = stage.conversation().await;
    stage.user_says(&conversation, "silence").await;
    stage.agent_says(&conversation, "one");
    conversation
}

fn about(conversation: &str, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    request.header("conversationid", conversation).header("watermark", "0")
}
