//! After the chat: the bot again, or the end.

use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    chat_client::{ChatClient, message},
    copilot::{self, CopilotOptions},
    faults::Fault,
    servicenow::ServiceNowOptions,
};

use crate::{
    eventually::found,
    live::{
        person::{sees_state, talk_both_ways, told_to_fresh_bot},
        pipe::post,
    },
    world::{AGENT, World},
};

#[tokio::test]
async fn the_bot_comes_back_in_a_fresh_conversation_that_knows_what_happened() {
    let with_endpoint_only = World::with_endpoint_only(&[]).await;
    for world in [World::start().await, with_endpoint_only] {
        let mut chat = world.live_chat().await;
        let id = chat.conversation().to_owned();
        world.servicenow.end(&id).await;
        let told = told_to_fresh_bot(&world, &mut chat).await;
        let context = json!({"ServiceNowOutcome": "ended_by_agent", "ServiceNowAgent": AGENT});
        assert_eq!((&told["name"], &told["value"]), (&json!("pvaSetContext"), &context));
        assert_eq!(told["from"]["id"], "dana");
        chat.say("what happened").await.unwrap();
        chat.see("the bot", |a| {
            a["text"] == format!("You talked to {AGENT}; outcome: ended_by_agent.").as_str()
        })
        .await
        .unwrap();
        let fresh = world.copilot.conversations().remove(1);
        let names: Vec<Value> =
            world.copilot.said_to_bot(&fresh).into_iter().map(|activity| activity["name"].clone()).collect();
        assert!(!names.contains(&json!("startConversation")), "a second greeting");
        assert_eq!(world.copilot.conversations().len(), 2);
        assert_ids_are_the_clients(&mut chat).await;
    }
}

#[tokio::test]
async fn the_token_of_a_fresh_conversation_is_not_to_be_read_in_the_store_and_serves_another_instance() {
    let world = World::with_endpoint_only(&[]).await;
    let mut chat = world.live_chat().await;
    let id = chat.conversation().to_owned();
    world.servicenow.end(&id).await;
    told_to_fresh_bot(&world, &mut chat).await;
    let returned = return_in_store(&world, &id).await;
    assert!(returned["token"][0].is_string(), "{returned}");
    let stored = String::from_utf8_lossy(&world.stored_bytes()).into_owned();
    assert!(!stored.contains("Bearer"), "a token in clear");
    let (url, _) = world.second_instance();
    chat.move_to(&url);
    chat.say("hello again").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: hello again").await.unwrap();
    assert_eq!(world.copilot.conversations().len(), 2);
}

/// The bot is back, and no secret opens its conversation.
async fn back_by_endpoint() -> (World, ChatClient, String) {
    let world = World::with_endpoint_only(&[]).await;
    let mut chat = world.live_chat().await;
    let id = chat.conversation().to_owned();
    world.servicenow.end(&id).await;
    told_to_fresh_bot(&world, &mut chat).await;
    return_in_store(&world, &id).await;
    (world, chat, id)
}

/// The fresh bot is told before it is stored that the user is with it again.
async fn return_in_store(world: &World, id: &str) -> Value {
    found("the return in the store", async || {
        let stored = world.operator().export(id).await.unwrap();
        stored["facts"].as_array()?.iter().find(|fact| fact["fact"] == "bot_returned").cloned()
    })
    .await
}

#[tokio::test]
async fn a_token_that_other_settings_sealed_is_as_good_as_over() {
    let (world, mut chat, _) = back_by_endpoint().await;
    let (url, _) = world.instance_with(&[("SERVICENOW_TOKEN", "a-message-token-that-was-rotated")]);
    chat.move_to(&url);
    let replaced = async || {
        chat.poll().await.unwrap();
        (world.copilot.conversations().len() == 3).then_some(())
    };
    found("another conversation", replaced).await;
    chat.say("hello again").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: hello again").await.unwrap();
}

#[tokio::test]
async fn words_and_files_reach_the_bot_whose_token_died_while_nobody_looked() {
    let (world, mut chat, id) = back_by_endpoint().await;
    for (nth, what) in [(1, "words"), (2, "a file")] {
        world.copilot.expire_tokens(&world.copilot.conversations()[nth]);
        let status = match what {
            "words" => post(&world, &id, chat.token(), &message("are you there?")).await.status,
            _ => upload(&world, &id, chat.token()).await,
        };
        assert_eq!(status, 200, "{what}");
        assert_eq!(world.copilot.conversations().len(), nth + 2, "{what}");
    }
    chat.say("hello again").await.unwrap();
    chat.until("the bot", |a| a["text"] == "You said: hello again").await.unwrap();
}

#[tokio::test]
async fn direct_lines_failures_come_through_when_the_bot_is_back() {
    let (world, chat, id) = back_by_endpoint().await;
    for (status, wait) in [(429, Some("7")), (500, Some("7")), (500, None), (429, None)] {
        let fault = Fault::on("POST", "/activities").once().status(status);
        let fault = wait.iter().fold(fault, |fault, wait| fault.header("Retry-After", wait));
        world.copilot.faults().add(fault);
        let answer = post(&world, &id, chat.token(), &message("are you there?")).await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, wait));
    }
}

async fn upload(world: &World, id: &str, token: &str) -> u16 {
    let url = format!("{}/v3/directline/conversations/{id}/upload?userId=dana", world.url);
    let picture = world.http.post(url).bearer_auth(token).header("content-type", "image/png");
    let named = picture.header("content-disposition", "name=\"file\"; filename=\"b.png\"");
    named.body("a picture").send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_second_hand_off_is_a_chat_of_its_own() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let first = chat.conversation().to_owned();
    talk_both_ways(&world, &mut chat, &first).await;
    world.servicenow.end(&first).await;
    sees_state(&mut chat, "completed").await;
    // A page may tell its agent something under the same name as we do.
    let own = json!({"type": "event", "name": "pvaSetContext", "value": {"a": 2}, "from": {"id": "dana", "role": "user"}});
    let own = chat.post(&own).await.unwrap();
    chat.until("its echo", |a| a["id"] == own.as_str()).await.unwrap();
    chat.say("agent").await.unwrap();
    let second = format!("{first}~2");
    chat.until("the second hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    world.accept(&second).await;
    chat.until("the agent", |a| a["value"]["state"] == "accepted").await.unwrap();
    talk_both_ways(&world, &mut chat, &second).await;
    assert_eq!(world.told(&first), ["Can you hear me?"]);
    // What still comes of the first chat stays there: words, and its end.
    let late = json!({"clientSessionId": first, "requestId": "late", "agentChat": true, "completed": true, "body": [
        {"uiType": "OutputText", "value": "late words", "messageId": "55555555",
         "agentInfo": {"sentFromAgent": true, "agentName": "Late Agent"}},
        {"uiType": "ActionMsg", "actionType": "System", "message": "Late Agent has closed the support session."},
    ]});
    assert_eq!(world.servicenow.send_raw(&first, late).await.status, Some(200));
    chat.say("still with you?").await.unwrap();
    world.agent_hears(&second, &["Can you hear me?", "still with you?"]).await;
    world.agent_says(&second, "Still with you.").await;
    chat.until("the words", |a| a["text"] == "Still with you.").await.unwrap();
    assert!(!chat.transcript().iter().any(|(_, text)| text.to_lowercase().contains("late")));
    world.servicenow.end(&second).await;
    chat.until("the second end", |a| a["value"]["state"] == "completed").await.unwrap();
    chat.say("hello bot").await.unwrap();
    chat.until("the bot", |a| a["text"] == "You said: hello bot").await.unwrap();
    assert_eq!(world.copilot.conversations().len(), 3);
    assert_ids_are_the_clients(&mut chat).await;
}

#[tokio::test]
async fn after_chat_end_ends_the_conversation() {
    let world = World::with(&[("AFTER_CHAT", "end")]).await;
    ends_with_the_chat(&world).await;
}

#[tokio::test]
async fn without_a_way_to_open_a_conversation_the_chats_end_is_the_end() {
    let world = World::with(&[("DIRECT_LINE_SECRET", "")]).await;
    ends_with_the_chat(&world).await;
}

#[tokio::test]
async fn the_bot_comes_back_once_direct_line_does() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    world.copilot.faults().set_down(true);
    world.servicenow.end(chat.conversation()).await;
    sees_state(&mut chat, "completed").await;
    let refused =
        post(&world, chat.conversation(), chat.token(), &json!({"type": "message", "text": "x"})).await;
    assert_eq!((refused.status, refused.code()), (503, "Unavailable".to_owned()));
    world.copilot.faults().set_down(false);
    chat.say("hello").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: hello").await.unwrap();
}

#[tokio::test]
async fn a_conversation_that_direct_line_throttles_keeps_no_other_from_the_bot() {
    let world = World::start().await;
    let mut ends = world.live_chat().await;
    let mut begins = world.chat().await;
    begins.say("agent").await.unwrap();
    // What is read behind its hand-off, after the client's look and what was said before.
    let reads = format!("{}/activities", begins.conversation());
    let throttled = Fault::on("GET", &reads).skip(2).status(429).header("Retry-After", "60");
    let throttled = world.copilot.faults().add(throttled);
    begins.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    assert!(world.copilot.faults().hits(throttled) > 0);
    world.servicenow.end(ends.conversation()).await;
    told_to_fresh_bot(&world, &mut ends).await;
}

async fn ends_with_the_chat(world: &World) {
    let mut chat = world.live_chat().await;
    world.servicenow.end(chat.conversation()).await;
    chat.see("the end of it all", |a| a["type"] == "endOfConversation").await.unwrap();
    let last = chat.received.last().unwrap();
    assert_eq!(last["type"], "endOfConversation", "something came behind it");
    assert!(chat.received.iter().any(|a| a["value"]["state"] == "completed"));
    let refused =
        post(world, chat.conversation(), chat.token(), &json!({"type": "message", "text": "x"})).await;
    assert_eq!((refused.status, refused.code()), (404, "NotFound".to_owned()));
    let watermark = chat.watermark().map(str::to_owned);
    assert_eq!(chat.poll().await.unwrap(), Vec::<Value>::new());
    assert_eq!(chat.watermark().map(str::to_owned), watermark);
    assert_eq!(world.copilot.conversations().len(), 1);
}

/// Whatever conversation was behind it: the client knows one, no id comes twice, and what we tell the agent is not the user's.
async fn assert_ids_are_the_clients(chat: &mut ChatClient) {
    chat.reload();
    while !chat.poll().await.unwrap().is_empty() {}
    for activity in &chat.received {
        assert_eq!(activity["conversation"]["id"], chat.conversation(), "{activity}");
        let told =
            activity["name"] == "pvaSetContext" && activity["value"].get("ServiceNowOutcome").is_some();
        assert!(!told, "{activity}");
    }
}

impl World {
    /// Without the Direct Line secret; the token endpoint must do.
    async fn with_endpoint_only(more: &[(&str, &str)]) -> Self {
        let copilot = copilot::start(CopilotOptions::default()).await.unwrap();
        let endpoint = copilot.token_endpoint();
        let own = [("DIRECT_LINE_SECRET", ""), ("COPILOT_TOKEN_ENDPOINT", endpoint.as_str())];
        Self::around(copilot, ServiceNowOptions::default(), &[&own, more].concat()).await
    }
}
