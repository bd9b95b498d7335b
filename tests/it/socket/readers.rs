//! Several readers of one conversation, and several instances of the app.

use super::client::SocketClient;
use crate::world::World;

#[tokio::test]
async fn two_sockets_and_polls_at_once_each_show_everything_once_and_in_order() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    client.greet().await;
    let mut tab = client.second_tab().await;
    let mut polling = world.chat().await;
    polling.stand_in(&client.conversation, &client.token);
    client.say("agent").await;
    let session = client.conversation.clone();
    world.accept(&session).await;
    for (n, text) in ["one", "two", "three"].into_iter().enumerate() {
        world.agent_says(&session, text).await;
        client.say(&format!("answer {n}")).await;
    }
    world.servicenow.end(&session).await;
    client.see_state("completed").await;
    tab.say("hello again").await;
    for reader in [&mut client, &mut tab] {
        reader.see_text("You said: hello again").await;
        reader.see_text("hello again").await;
        reader.assert_once();
    }
    let heard = |a: &serde_json::Value| a["text"] == "hello again" && a["from"]["role"] == "user";
    polling.see("all of it", heard).await.unwrap();
    polling.see("the answer", |a| a["text"] == "You said: hello again").await.unwrap();
    assert_eq!(polling.repeated, 0);
    for who in ["user", "agent"] {
        let polled: Vec<String> = polling
            .transcript()
            .into_iter()
            .filter(|(by, _)| *by == who)
            .map(|(_, text)| text.to_owned())
            .collect();
        assert_eq!(client.said_by(who), polled, "{who}");
        assert_eq!(tab.said_by(who), polled, "{who}");
    }
}

/// How soon, `tests/promises/waits.rs` tells, where time is driven by hand.
#[tokio::test]
async fn what_another_instance_stores_is_pushed_too() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let (mut client, session) = SocketClient::live(&world).await;
    world.servicenow.set_response_url(format!("{second}/api/servicenow/responses"));
    for text in ["one", "two", "three"] {
        world.agent_says(&session, text).await;
        client.see_text(text).await;
    }
    client.assert_once();
}

#[tokio::test]
async fn an_address_is_good_on_every_instance() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let mut client = SocketClient::begin(&world).await;
    let (first, other) = (&world.url["http://".len()..], &second["http://".len()..]);
    client.stream_url = client.stream_url.replace(first, other);
    client.connect().await;
    client.say("hello").await;
    client.see_text("You said: hello").await;
}

#[tokio::test]
async fn a_client_goes_on_at_another_instance() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let mut client = SocketClient::start(&world).await;
    client.say("one").await;
    client.see_text("one").await;
    for root in [second, world.url.clone()] {
        client.move_to(&root);
        client.reconnect().await;
        client.say("agent").await;
        client.see("the hand-off", |a| a["name"] == "handoff.initiate").await;
    }
    client.assert_once();
}
