//! Connections that end, on either side of us.

use std::time::Duration;

use super::client::SocketClient;
use crate::{eventually::eventually, world::World};

#[tokio::test]
async fn a_client_that_comes_again_reads_on_where_it_was() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    client.say("one").await;
    client.see_text("one").await;
    client.cut();
    client.say("two").await;
    client.reconnect().await;
    client.see_text("two").await;
    let session = client.is_handed_over(&world).await;
    client.cut();
    world.agent_says(&session, "while you were away").await;
    client.say("three").await;
    client.reconnect().await;
    client.see_text("three").await;
    assert_eq!(client.said_by("agent"), ["while you were away"]);
    client.cut();
    world.servicenow.end(&session).await;
    client.reconnect().await;
    client.see_state("completed").await;
    client.cut();
    client.say("four").await;
    client.reconnect().await;
    client.see_text("You said: four").await;
    client.see_text("four").await;
    assert_eq!(client.said_by("user"), ["one", "two", "agent", "three", "four"]);
    client.assert_once();
}

#[tokio::test]
async fn a_far_end_without_an_answer_only_makes_the_client_wait() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    client.say("one").await;
    client.see_text("one").await;
    let id = client.conversation.clone();
    world.copilot.faults().set_down(true);
    world.copilot.drop_sockets();
    world.copilot.bot_says(&id, serde_json::json!({"type": "message", "text": "said meanwhile"}));
    let before = world.copilot.faults().requests();
    eventually("it was asked in vain", || world.copilot.faults().requests() > before + 1).await;
    world.copilot.faults().set_down(false);
    client.see_text("said meanwhile").await;
    client.assert_once();
}

#[tokio::test]
async fn a_live_chat_s_socket_comes_back_while_direct_line_is_down() {
    let world = World::start().await;
    let (mut client, session) = SocketClient::live(&world).await;
    client.cut();
    world.copilot.faults().set_down(true);
    world.agent_says(&session, "while you were away").await;
    client.reconnect().await;
    client.see_text("while you were away").await;
    client.say("still here").await;
    client.see_text("still here").await;
    client.assert_once();
}

#[tokio::test]
async fn an_expired_address_of_direct_line_s_is_no_end() {
    let options = servicenow_handoff::simulate::copilot::CopilotOptions {
        stream_lifetime: Duration::ZERO,
        ..Default::default()
    };
    let world = World::between(options, Default::default(), &[]).await;
    let mut client = SocketClient::start(&world).await;
    client.say("one").await;
    client.see_text("You said: one").await;
    assert_eq!(world.copilot.open_sockets(), 0);
    client.assert_once();
}
