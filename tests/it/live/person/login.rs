//! How the connector proves itself to ServiceNow, and how ServiceNow proves itself to the connector.

use std::time::Duration;

use servicenow_handoff::simulate::{
    copilot::CopilotOptions,
    servicenow::{self, Fault, OAuthClient, ServiceNowOptions},
};

use crate::{
    live::{
        person::{sees_state, talk_both_ways},
        wire::Tap,
    },
    world::World,
};

#[tokio::test]
async fn oauth_with_a_password_and_with_client_credentials() {
    let client = [("SERVICENOW_CLIENT_ID", "a-client"), ("SERVICENOW_CLIENT_SECRET", "a-client-secret")];
    let no_user = [("SERVICENOW_USERNAME", ""), ("SERVICENOW_PASSWORD", "")];
    for settings in [client.to_vec(), [client, no_user].concat()] {
        let world = World::between(CopilotOptions::default(), with_oauth(3_600), &settings).await;
        world.servicenow.faults().add(Fault::status(503).of("OAUTH").times(1));
        let mut chat = world.live_chat().await;
        let session = chat.conversation().to_owned();
        assert_eq!(world.servicenow.faults().plan().requests[0].times, Some(0), "no token was asked for");
        talk_both_ways(&world, &mut chat, &session).await;
        // A token that is refused is renewed, once, and nothing is lost or doubled.
        world.servicenow.revoke_tokens();
        talk_both_ways(&world, &mut chat, &session).await;
        assert_eq!(world.told(&session).len(), 2);
    }
}

#[tokio::test]
async fn an_oauth_token_is_kept_and_no_password_goes_with_the_calls() {
    let options =
        ServiceNowOptions { message_token: Some("a-message-token".to_owned()), ..with_oauth(3_600) };
    let servicenow = servicenow::start(options).await.unwrap();
    let tap = Tap::before(servicenow.url()).await;
    let settings = [
        ("SERVICENOW_URL", tap.url.as_str()),
        ("SERVICENOW_CLIENT_ID", "a-client"),
        ("SERVICENOW_CLIENT_SECRET", "a-client-secret"),
    ];
    let mut world = World::with(&settings).await;
    servicenow.set_response_url(format!("{}/api/servicenow/responses", world.url));
    world.servicenow = servicenow;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    for _ in 0..3 {
        talk_both_ways(&world, &mut chat, &session).await;
    }
    assert_eq!(tap.sent().matches("POST /oauth_token.do").count(), 1);
    let call = tap.last("POST /api/sn_va_as_service").to_ascii_lowercase();
    assert!(call.contains("authorization: bearer ") && call.contains("token: a-message-token"), "{call}");
    assert!(!tap.sent().to_ascii_lowercase().contains("authorization: basic"));
}

#[tokio::test]
async fn odd_signs_in_a_password_arrive_as_they_are() {
    let password = "p:a%20\u{df} \"+&=\\\u{20ac}\u{1f600} ";
    for client in
        [vec![], vec![("SERVICENOW_CLIENT_ID", "a-client"), ("SERVICENOW_CLIENT_SECRET", "a-client-secret")]]
    {
        let settings = [client, vec![("SERVICENOW_PASSWORD", password)]].concat();
        let world = World::between(CopilotOptions::default(), with_oauth(3_600), &settings).await;
        world
            .servicenow
            .rotate(|accepted| accepted.basic = Some(("connector".to_owned(), password.to_owned())));
        let mut chat = world.live_chat().await;
        let session = chat.conversation().to_owned();
        talk_both_ways(&world, &mut chat, &session).await;
    }
}

#[tokio::test]
async fn the_hash_is_over_the_bytes_that_are_sent() {
    let options =
        ServiceNowOptions { hash_secret: Some("a-hash-secret".to_owned()), ..ServiceNowOptions::default() };
    let settings = [("SERVICENOW_HASH_SECRET", "a-hash-secret")];
    let world = World::between(CopilotOptions::default(), options, &settings).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let words = "Größe 日本語 \u{1F600} </x> \"q\" \u{2028} 1.0 1e3";
    chat.say(words).await.unwrap();
    world.agent_hears(&session, &[words]).await;
    talk_both_ways(&world, &mut chat, &session).await;
}

#[tokio::test]
async fn a_wrong_message_token_or_hash_is_met_with_silence_and_the_user_is_told_in_the_end() {
    let hashed =
        ServiceNowOptions { hash_secret: Some("a-hash-secret".to_owned()), ..ServiceNowOptions::default() };
    for (options, wrong) in [
        (ServiceNowOptions::default(), ("SERVICENOW_TOKEN", "a-wrong-token")),
        (hashed, ("SERVICENOW_HASH_SECRET", "a-wrong-secret")),
    ] {
        let settings = [wrong, ("HANDOFF_TIMEOUT", "3")];
        let world = World::between(CopilotOptions::default(), options, &settings).await;
        let mut chat = world.waiting_chat().await;
        let told = sees_state(&mut chat, "failed").await;
        assert_eq!(told, "No live agent could take your request in time.");
        assert!(world.servicenow.chats().is_empty(), "the far end did listen");
        chat.say("hello").await.unwrap();
        chat.see("the bot", |a| a["text"] == "You said: hello").await.unwrap();
    }
}

#[tokio::test]
async fn servicenow_may_prove_itself_with_a_login_instead_of_a_token() {
    let settings = [("RESPONSES_TOKEN", ""), ("RESPONSES_BASIC", "servicenow:pässword:x")];
    let options = ServiceNowOptions {
        response_basic: Some("servicenow:pässword:x".to_owned()),
        ..ServiceNowOptions::default()
    };
    let world = World::between(CopilotOptions::default(), options, &settings).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    talk_both_ways(&world, &mut chat, &session).await;
}

fn with_oauth(seconds: u64) -> ServiceNowOptions {
    let oauth = OAuthClient {
        client_id: "a-client".to_owned(),
        client_secret: "a-client-secret".to_owned(),
        token_lifetime: Duration::from_secs(seconds),
    };
    ServiceNowOptions {
        oauth: Some(oauth),
        basic: Some(("connector".to_owned(), "a-password".to_owned())),
        response_token: Some(crate::world::RESPONSES_TOKEN.to_owned()),
        ..ServiceNowOptions::default()
    }
}
