//! What a client may do during a live chat besides talking: come back, renew its token, be refused.

use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    chat_client::{ChatClient, message},
    copilot::CopilotOptions,
    servicenow::ServiceNowOptions,
};

use crate::{
    eventually::found,
    live::{
        person::talk_both_ways,
        pipe::{CLOSE, get, post},
        wire::{Answer, exchange, request},
    },
    world::World,
};

#[tokio::test]
async fn a_page_loaded_again_shows_everything_once_and_goes_on() {
    let options = CopilotOptions { page_limit: Some(3), ..CopilotOptions::default() };
    let world = World::between(options, ServiceNowOptions::default(), &[]).await;
    let mut chat = world.chat().await;
    chat.greet().await.unwrap();
    chat.say("hello").await.unwrap();
    chat.say("agent").await.unwrap();
    chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    let session = chat.conversation().to_owned();
    world.accept(&session).await;
    chat.see("the agent", |a| a["value"]["state"] == "accepted").await.unwrap();
    talk_both_ways(&world, &mut chat, &session).await;
    read_all(&mut chat).await;
    let before = chat.received.clone();
    chat.reload();
    read_all(&mut chat).await;
    assert_eq!(ids(&chat.received), ids(&before));
    assert_eq!(chat.received, before);
    talk_both_ways(&world, &mut chat, &session).await;
}

#[tokio::test]
async fn a_client_reconnects_and_goes_on_where_it_was() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let watermark = chat.watermark().unwrap().to_owned();
    world.agent_says(&session, "while you were away").await;
    let path = format!("conversations/{session}?watermark={watermark}");
    let back = get(&world, &path, &[("Authorization", &bearer(chat.token()))]).await;
    assert_eq!(back.status, 200);
    let back = back.json();
    assert_eq!(back["conversationId"], session);
    let stream = back["streamUrl"].as_str().unwrap();
    assert!(stream.starts_with("ws://x/v3/directline/"), "the host it was asked under: {stream}");
    assert!(stream.contains(&format!("watermark={watermark}")), "{stream}");
    assert!(back["expires_in"].as_u64() > Some(0));
    let token = back["token"].as_str().unwrap();
    let page = poll(&world, &session, token, &watermark).await.json();
    let texts: Vec<&Value> = page["activities"].as_array().unwrap().iter().map(|a| &a["text"]).collect();
    assert_eq!(texts, ["while you were away"]);
}

#[tokio::test]
async fn a_renewed_token_is_good_at_once() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let authorization = bearer(chat.token());
    let headers = [("Host", "x"), CLOSE, ("Authorization", &*authorization), ("Content-Length", "0")];
    let renewed = exchange(&world.url, &request("POST /v3/directline/tokens/refresh", &headers, b"")).await;
    assert_eq!(renewed.status, 200);
    let token = renewed.json()["token"].as_str().unwrap().to_owned();
    assert_ne!(token, chat.token());
    // Even when nobody is there to be asked about it.
    world.copilot.faults().set_down(true);
    assert_eq!(post(&world, &session, &token, &message("with the new one")).await.status, 200);
    world.agent_hears(&session, &["with the new one"]).await;
    let page = poll(&world, &session, &token, chat.watermark().unwrap()).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.json()["activities"][0]["text"], "with the new one");
}

#[tokio::test]
async fn a_token_that_has_run_out_gets_what_direct_line_says() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let watermark = chat.watermark().unwrap();
    let token = world.copilot.short_token(chat.conversation(), 3);
    let refused = found("a dead token is refused", async || {
        let answer = poll(&world, chat.conversation(), &token, watermark).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!((refused.status, refused.code()), (403, "TokenExpired".to_owned()));
    let refused = post(&world, chat.conversation(), &token, &message("x")).await;
    assert_eq!((refused.status, refused.code()), (403, "TokenExpired".to_owned()));
    assert_eq!(world.told(chat.conversation()), Vec::<String>::new());
}

#[tokio::test]
async fn a_token_that_ended_before_we_ever_saw_it_is_refused_too() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let url = format!("{}v3/directline/tokens/refresh", world.copilot.url());
    let unseen: Value = serde_json::from_slice(
        &world
            .http
            .post(url)
            .header("content-length", "0")
            .bearer_auth(chat.token())
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
    )
    .unwrap();
    let unseen = unseen["token"].as_str().unwrap();
    world.copilot.expire_tokens(chat.conversation());
    let refused = poll(&world, chat.conversation(), unseen, "").await;
    assert_eq!((refused.status, refused.code()), (403, "TokenExpired".to_owned()));
}

#[tokio::test]
async fn whoever_holds_no_token_of_this_conversation_learns_nothing() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let (session, other) = (chat.conversation().to_owned(), world.chat().await);
    for (authorization, status) in [
        (String::new(), 401),
        ("Basic ZGFuYTpkYW5h".to_owned(), 401),
        (bearer("made-up"), 403),
        (bearer(other.token()), 403),
    ] {
        let headers = [("Authorization", &*authorization)];
        let read = get(&world, &format!("conversations/{session}/activities"), &headers).await;
        assert_eq!(read.status, status, "{authorization}");
        assert!(!read.code().is_empty() && read.json().get("activities").is_none());
    }
    assert_eq!(post(&world, &session, other.token(), &message("I am Dana")).await.status, 403);
    talk_both_ways(&world, &mut chat, &session).await;
    assert_eq!(world.told(&session), ["Can you hear me?"]);
}

#[tokio::test]
async fn while_direct_line_is_away_a_known_token_goes_on_and_an_unknown_one_learns_nothing() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.agent_says(&session, "are you there?").await;
    world.copilot.faults().set_down(true);
    let unknown = poll(&world, &session, "never.seen.before", "h1.0.0.e").await;
    assert_eq!(unknown.json(), json!({"activities": [], "watermark": "h1.0.0.e"}));
    let unknown = post(&world, &session, "never.seen.before", &message("x")).await;
    assert_eq!((unknown.status, unknown.code()), (503, "Unavailable".to_owned()));
    talk_both_ways(&world, &mut chat, &session).await;
    assert_eq!(world.told(&session), ["Can you hear me?"]);
}

#[tokio::test]
async fn while_both_far_ends_are_away_a_poll_is_empty_with_the_same_watermark() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    while !chat.poll().await.unwrap().is_empty() {}
    world.copilot.faults().set_down(true);
    world.servicenow.faults().set_down(true);
    let watermark = chat.watermark().unwrap().to_owned();
    let page = poll(&world, &session, chat.token(), &watermark).await;
    assert_eq!((page.status, page.json()), (200, json!({"activities": [], "watermark": watermark})));
    chat.say("into the void").await.unwrap();
    world.copilot.faults().set_down(false);
    world.servicenow.faults().set_down(false);
    world.agent_hears(&session, &["into the void"]).await;
    talk_both_ways(&world, &mut chat, &session).await;
}

#[tokio::test]
async fn a_watermark_that_makes_no_sense_is_answered_from_the_start() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    talk_both_ways(&world, &mut chat, &session).await;
    chat.reload();
    read_all(&mut chat).await;
    let whole = chat.received.clone();
    for watermark in [
        "nonsense",
        "-",
        "999",
        "00ffff-77",
        "h1.",
        "h1.999999.0.e",
        "h1.0.7.s",
        "h1.-1.0.s",
        "h2.0.0.e",
        "h1.0.0.a%25%25",
        "%00",
        "%F0%9F%98%80",
        "%ff%fe",
        "..%2F..",
        "h1.18446744073709551615.0.e",
        "h1.18446744073709551616.0.e",
        "h1.0.18446744073709551615.s",
        "h1.0.0.anonsense",
    ] {
        let page = poll(&world, &session, chat.token(), watermark).await;
        assert_eq!(page.status, 200, "{watermark}");
        let mut activities = page.json()["activities"].as_array().unwrap().clone();
        let mut next = page.json()["watermark"].as_str().unwrap().to_owned();
        loop {
            let page = poll(&world, &session, chat.token(), &next).await.json();
            let more = page["activities"].as_array().unwrap();
            if more.is_empty() {
                break;
            }
            activities.extend(more.iter().cloned());
            next = page["watermark"].as_str().unwrap().to_owned();
        }
        assert_eq!(ids(&activities), ids(&whole), "{watermark}");
    }
}

async fn read_all(chat: &mut ChatClient) {
    while !chat.poll().await.unwrap().is_empty() {}
}

async fn poll(world: &World, conversation: &str, token: &str, watermark: &str) -> Answer {
    let path = format!("conversations/{conversation}/activities?watermark={watermark}");
    get(world, &path, &[("Authorization", &bearer(token))]).await
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn ids(activities: &[Value]) -> Vec<&str> {
    activities.iter().map(|activity| activity["id"].as_str().unwrap_or_default()).collect()
}
