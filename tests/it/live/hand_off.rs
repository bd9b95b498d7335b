//! From the bot to a person and back.

use serde_json::{Value, json};
use servicenow_handoff::simulate::chat_client::message;

use crate::world::{AGENT, World};

fn state(activity: &Value) -> &str {
    activity["value"]["state"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_chat_goes_to_a_person_and_comes_back() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.agent_says(&session, "Hello, how can I help?").await;
    chat.see("the agent's words", |a| a["text"] == "Hello, how can I help?").await.unwrap();
    chat.say("My VPN drops").await.unwrap();
    world.agent_hears(&session, &["My VPN drops"]).await;
    world.servicenow.end(&session).await;
    chat.see("the end", |a| state(a) == "completed").await.unwrap();
    chat.say("what happened").await.unwrap();
    let told = format!("You talked to {AGENT}; outcome: ended_by_agent.");
    chat.see("the bot", |a| a["text"] == told.as_str()).await.unwrap();
}

#[tokio::test]
async fn the_bot_is_cut_off_while_a_person_is_asked_for_or_present() {
    let world = World::start().await;
    let mut chat = world.waiting_chat().await;
    let id = chat.conversation().to_owned();
    let before = world.copilot.said_to_bot(&id).len();
    chat.say("still there?").await.unwrap();
    world.copilot.bot_says(&id, serde_json::json!({"type": "message", "text": "a careless bot"}));
    world.accept(&id).await;
    chat.see("the agent", |a| state(a) == "accepted").await.unwrap();
    chat.say("hello").await.unwrap();
    world.agent_hears(&id, &["still there?", "hello"]).await;
    assert_eq!(world.copilot.said_to_bot(&id).len(), before, "the bot was told something");
    assert!(!chat.transcript().iter().any(|(_, text)| *text == "a careless bot"));
}

#[tokio::test]
async fn what_the_person_was_told_is_not_told_the_bot_when_it_is_posted_again() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let mut words = message("My VPN drops");
    words["channelData"] = json!({"clientActivityID": "c1"});
    let id = chat.post(&words).await.expect("taken");
    world.agent_hears(&session, &["My VPN drops"]).await;
    world.servicenow.end(&session).await;
    chat.see("the end", |a| state(a) == "completed").await.expect("seen");
    assert_eq!(chat.post(&words).await.expect("taken"), id, "while the bot comes back");
    chat.say("three").await.expect("taken");
    chat.see("the bot", |a| a["text"] == "You said: three").await.expect("seen");
    assert_eq!(chat.post(&words).await.expect("taken"), id, "when the bot is back");
    chat.say("four").await.expect("taken");
    chat.see("the bot", |a| a["text"] == "You said: four").await.expect("seen");
    assert!(!chat.transcript().iter().any(|(_, text)| *text == "You said: My VPN drops"));
}

#[tokio::test]
async fn a_page_that_is_loaded_again_shows_the_whole_conversation_once() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.say("hello").await.unwrap();
    chat.say("agent").await.unwrap();
    chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    let session = chat.conversation().to_owned();
    world.accept(&session).await;
    world.agent_says(&session, "one").await;
    chat.say("two").await.unwrap();
    chat.see("the echo", |a| a["text"] == "two").await.unwrap();
    world.servicenow.end(&session).await;
    chat.see("the end", |a| state(a) == "completed").await.unwrap();
    chat.say("three").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: three").await.unwrap();
    chat.see("the echo", |a| a["text"] == "three").await.unwrap();
    let before = chat.transcript().iter().map(|(who, text)| format!("{who}: {text}")).collect::<Vec<_>>();
    chat.reload();
    while !chat.poll().await.unwrap().is_empty() {}
    let after = chat.transcript().iter().map(|(who, text)| format!("{who}: {text}")).collect::<Vec<_>>();
    assert_eq!(after, before);
}
