//! Killed at a certain moment.

use serde_json::Value;

use crate::faults::stage::Stage;

#[tokio::test]
async fn what_the_webhook_was_answered_for_is_shown_after_a_kill() {
    let stage = Stage::start(1).await;
    let mut client = stage.live_client().await;
    let result = stage.servicenow.say(&client.conversation, "Hello").await;
    stage.processes[0].kill();
    assert_eq!(result.status, Some(200));
    stage.processes[0].start().await;
    client.read_until(says("Hello")).await;
    assert_eq!(texts(client.heard("agent")), ["Hello"]);
}

#[tokio::test]
async fn what_a_post_was_answered_for_is_delivered_after_a_kill_by_the_next_sweep() {
    let stage = Stage::start(1).await;
    let mut client = stage.live_client().await;
    stage.servicenow.faults().set_down(true);
    for text in ["one", "two", "three"] {
        client.say(text, text).await;
    }
    stage.processes[0].kill();
    stage.servicenow.faults().set_down(false);
    stage.processes[0].start().await;
    stage.processes[0].fire_timer().await;
    stage.agent_hears(&client.conversation, &["one", "two", "three"]).await;
    client.read_until(says("three")).await;
    assert_eq!(texts(client.heard("user")), ["agent", "one", "two", "three"]);
}

#[tokio::test]
async fn a_program_by_itself_opens_at_its_start_what_was_asked_for_before_a_kill() {
    let mut stage = Stage::start(1).await;
    stage.servicenow.faults().set_down(true);
    let mut client = stage.waiting_client().await;
    client.say("hello?", "c-1").await;
    stage.processes[0].kill();
    stage.servicenow.faults().set_down(false);
    stage.processes[0].be_by_itself();
    stage.processes[0].start().await;
    let session = client.conversation.clone();
    stage.accept(&session).await;
    stage.agent_hears(&session, &["hello?"]).await;
    assert_eq!(stage.servicenow.chats().len(), 1);
}

#[tokio::test]
async fn what_one_process_took_the_other_delivers_when_the_first_is_gone() {
    let stage = Stage::start(2).await;
    let mut client = stage.live_client().await;
    stage.servicenow.faults().set_down(true);
    for text in ["one", "two", "three"] {
        client.say(text, text).await;
    }
    stage.processes[0].kill();
    stage.servicenow.faults().set_down(false);
    client.read_until(says("three")).await;
    stage.agent_hears(&client.conversation, &["one", "two", "three"]).await;
}

fn says(text: &str) -> impl Fn(&Value) -> bool {
    move |activity| activity["text"] == text
}

fn texts<'a>(said: Vec<(&'a str, &'a str)>) -> Vec<&'a str> {
    said.into_iter().map(|(_, text)| text).collect()
}
