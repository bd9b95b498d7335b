//! While a person is asked for or present, and how the bot comes back.

use serde_json::Value;
use servicenow_handoff::simulate::{
    chat_client::{ChatClient, handoff_state},
    servicenow::{Recorded, ServiceNow},
};

use crate::{
    eventually::found,
    world::{PATIENCE, World},
};

mod client;
mod ending;
mod login;
mod opening;
mod returning;
mod talk;

/// A word each way, so that a chat is known to work.
async fn talk_both_ways(world: &World, chat: &mut ChatClient, session: &str) {
    let before = world.told(session);
    chat.say("Can you hear me?").await.unwrap();
    let mut told: Vec<&str> = before.iter().map(String::as_str).collect();
    told.push("Can you hear me?");
    world.agent_hears(session, &told).await;
    world.agent_says(session, "Loud and clear.").await;
    chat.until("the agent's words", |a| a["text"] == "Loud and clear.").await.unwrap();
}

/// Waits until ServiceNow has been asked for this; the request.
pub async fn asked(world: &World, session: &str, action: &str) -> Recorded {
    let find = |at: &ServiceNow| at.requests_of(session).into_iter().find(|asked| asked.action == action);
    let came = world.servicenow.wait_for(PATIENCE, |at| find(at).is_some()).await;
    assert!(came, "no {action} among {:?}", world.actions(session));
    find(&world.servicenow).unwrap()
}

/// Waits until the hand-off is in this state; the message that goes with it.
pub async fn sees_state(chat: &mut ChatClient, state: &str) -> String {
    chat.see(state, |a| handoff_state(a) == state).await.unwrap();
    let status = chat.received.iter().find(|a| handoff_state(a) == state).unwrap();
    assert_eq!(status["type"], "event");
    status["value"]["message"].as_str().unwrap_or_default().to_owned()
}

/// How many times the client has been shown this text.
pub fn times(chat: &ChatClient, text: &str) -> usize {
    chat.transcript().iter().filter(|(_, said)| *said == text).count()
}

/// What the fresh Copilot Studio conversation was told first. A poll or the sweep opens it.
async fn told_to_fresh_bot(world: &World, chat: &mut ChatClient) -> Value {
    found("the bot comes back", async || {
        chat.poll().await.unwrap();
        let fresh = world.copilot.conversations().into_iter().nth(1)?;
        world.copilot.said_to_bot(&fresh).into_iter().next()
    })
    .await
}
