//! Both far ends are away for a while.

use serde_json::{Value, json};
use servicenow_handoff::simulate::{chat_client::message, faults::Fault};

use super::{LAST, Wire, read_to_the_last, shown};
use crate::world::World;

#[tokio::test]
async fn a_poll_while_both_far_ends_are_down_is_answered_with_the_same_watermark() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    chat.poll().await.unwrap();
    let (wire, watermark) = (Wire::of(&world, &chat), chat.watermark().unwrap().to_owned());
    world.servicenow.faults().set_down(true);
    world.copilot.faults().set_down(true);
    for _ in 0..3 {
        let (status, page) = wire.get(Some(&watermark)).await;
        assert_eq!(status, 200);
        assert_eq!(page, json!({"activities": [], "watermark": watermark}));
    }
    for text in ["one", "two"] {
        wire.say(&message(text)).await;
    }
    world.servicenow.faults().set_down(false);
    world.copilot.faults().set_down(false);
    world.agent_hears(chat.conversation(), &["one", "two"]).await;
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "user"), ["agent", "one", "two"]);
    assert_eq!(shown(&chat, "agent"), [LAST]);
    assert_eq!(chat.repeated, 0);
}

#[tokio::test]
async fn a_page_loaded_while_direct_line_is_down_is_empty_and_whole_when_it_is_back() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    world.agent_says(chat.conversation(), "Hello").await;
    chat.see("the agent's words", |a| a["text"] == "Hello").await.unwrap();
    let before = texts_of(&chat.received);
    world.copilot.faults().set_down(true);
    chat.reload();
    assert_eq!(chat.poll().await.unwrap(), Vec::<Value>::new());
    world.copilot.faults().set_down(false);
    while !chat.poll().await.unwrap().is_empty() {}
    assert_eq!(texts_of(&chat.received), before);
}

#[tokio::test]
async fn the_bot_comes_back_when_direct_line_does() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.copilot.faults().set_down(true);
    world.servicenow.end(&session).await;
    chat.see("the end", |a| a["value"]["state"] == "completed").await.unwrap();
    let wire = Wire::of(&world, &chat);
    assert_eq!(wire.post(&message("hello?")).await.0, 503);
    assert_eq!(chat.poll().await.unwrap(), Vec::<Value>::new());
    world.copilot.faults().set_down(false);
    wire.say(&message("hello again")).await;
    chat.see("the bot", |a| a["text"] == "You said: hello again").await.unwrap();
    assert_eq!(world.copilot.conversations().len(), 2, "one fresh conversation");
}

#[tokio::test]
async fn a_token_never_seen_gets_nothing_while_direct_line_is_down() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    world.agent_says(chat.conversation(), "for your eyes only").await;
    let stranger = Wire::of(&world, &chat).with_token("never.seen.before");
    world.copilot.faults().set_down(true);
    for watermark in [None, Some("h1.0.0.e"), chat.watermark()] {
        let (status, page) = stranger.get(watermark).await;
        assert_eq!((status, &page["activities"]), (200, &json!([])));
        assert_eq!(page["watermark"].as_str(), watermark);
    }
    let (status, refusal) = stranger.post(&message("let me in")).await;
    assert_eq!((status, &refusal["error"]["code"]), (503, &json!("Unavailable")));
    world.copilot.faults().set_down(false);
    assert_eq!(stranger.get(None).await.0, 403);
    assert_eq!(stranger.post(&message("let me in")).await.0, 403);
    read_to_the_last(&world, &mut chat).await;
    assert_eq!(shown(&chat, "user"), ["agent"]);
    assert_eq!(world.told(chat.conversation()), Vec::<String>::new());
}

/// What stands between answers in Direct Line's place: that says nothing of a token.
#[tokio::test]
async fn a_token_never_seen_is_neither_refused_nor_let_in_by_a_proxy() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    world.agent_says(chat.conversation(), "for your eyes only").await;
    let stranger = Wire::of(&world, &chat).with_token("never.seen.before");
    for (status, body) in [
        (302, json!("moved")),
        (405, json!("no")),
        (407, json!("who?")),
        (451, json!("no")),
        (200, json!({})),
        (200, json!({"error": {"code": "x"}})),
        (204, json!("")),
    ] {
        world.copilot.faults().clear();
        world.copilot.faults().add(Fault::on("GET", "/activities").status(status).body(body));
        let (told, page) = stranger.get(None).await;
        assert_eq!((told, &page["activities"]), (200, &json!([])), "{status}");
        assert_eq!(stranger.post(&message("let me in")).await.0, 503, "{status}");
    }
    world.copilot.faults().clear();
    assert_eq!(stranger.get(None).await.0, 403);
    assert_eq!(world.told(chat.conversation()), Vec::<String>::new());
}

#[tokio::test]
async fn what_reached_only_the_bot_behind_the_hand_off_is_given_back_when_the_chat_is_over() {
    let world = World::start().await;
    world.servicenow.set_agents_available(false);
    let mut chat = world.chat().await;
    chat.say("agent").await.unwrap();
    // The batch with the event gets through; the look for what came behind it does not.
    world.copilot.faults().add(Fault::on("GET", "/activities").skip(1).drop_connection());
    chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    chat.move_to(world.copilot.url().trim_end_matches('/'));
    chat.say("hello?").await.unwrap();
    chat.move_to(&world.url);
    chat.see("the end", |a| a["value"]["state"] == "failed").await.unwrap();
    world.copilot.faults().clear();
    chat.see("the words given back", |a| a["text"] == "This message could not be delivered: hello?")
        .await
        .unwrap();
    assert_eq!(shown(&chat, "user"), ["agent", "hello?"]);
    chat.say("hello again").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: hello again").await.unwrap();
    assert_eq!(chat.repeated, 0);
}

fn texts_of(activities: &[Value]) -> Vec<String> {
    activities.iter().filter_map(|activity| activity["text"].as_str().map(str::to_owned)).collect()
}
