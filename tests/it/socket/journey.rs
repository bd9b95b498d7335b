//! One socket from the bot to a person and back.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::SocketClient;
use crate::{
    eventually::eventually,
    world::{AGENT, PATIENCE, World},
};

fn is_chunk(activity: &Value) -> bool {
    activity["type"] == "typing" && activity["channelData"]["streamType"] == "streaming"
}

#[tokio::test]
async fn one_socket_carries_a_client_from_the_bot_to_a_person_and_back() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    client.greet().await;
    client
        .see("the greeting", |a| a["text"].as_str().is_some_and(|text| text.starts_with("Hello, I'm")))
        .await;
    client.say("agent").await;
    client.see("the hand-off", |a| a["name"] == "handoff.initiate").await;
    client.see_text("agent").await;
    let session = client.conversation.clone();
    world.accept(&session).await;
    client.see_state("accepted").await;
    world.agent_says(&session, "Hello, how can I help?").await;
    client.see_text("Hello, how can I help?").await;
    let id = client.say("My VPN drops").await;
    client.see("the echo", |a| a["id"] == id.as_str()).await;
    world.agent_hears(&session, &["My VPN drops"]).await;
    world.servicenow.end(&session).await;
    client.see_state("completed").await;
    client.say("what happened").await;
    client.see_text(&format!("You talked to {AGENT}; outcome: ended_by_agent.")).await;
    client.see_text("what happened").await;
    client.assert_once();
    assert_eq!(client.said_by("user"), ["agent", "My VPN drops", "what happened"]);
    let pva = |a: &Value| a["name"] == "pvaSetContext";
    assert!(!client.received.iter().any(pva), "what we tell the bot is not the client's");
    assert!(client.received.iter().all(|a| a["conversation"]["id"] == session.as_str()));
}

#[tokio::test]
async fn an_answer_comes_token_by_token_before_and_after_a_live_chat() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    eventually("the bot's socket", || world.copilot.open_sockets() == 1).await;
    for round in 0..2 {
        let from = client.received.len();
        client.say("stream").await;
        let whole = "The printer on the second floor is ready again.";
        client.see("the last word", |a| a["text"] == whole && a["type"] == "message").await;
        while client.received[from..].iter().all(|a| a["type"] != "message" || a["text"] != whole) {
            client.next().await.unwrap();
        }
        let streamed = &client.received[from..];
        let chunks: Vec<&str> =
            streamed.iter().filter(|a| is_chunk(a)).filter_map(|a| a["text"].as_str()).collect();
        assert_eq!(chunks.len(), 8, "{streamed:#?}");
        assert!(chunks.windows(2).all(|two| two[1].starts_with(two[0])), "{chunks:?}");
        let last = streamed.iter().find(|a| a["type"] == "message" && a["text"] == whole).unwrap();
        let first = streamed.iter().find(|a| a["channelData"]["streamType"] == "informative").unwrap();
        assert_eq!(last["channelData"]["streamId"], first["id"], "one stream");
        if round == 0 {
            client.say("agent").await;
            let session = client.conversation.clone();
            world.accept(&session).await;
            client.see_state("accepted").await;
            world.servicenow.end(&session).await;
            client.see_state("completed").await;
            // The bot's next stretch has its own socket: what comes before that is there is polled, without its tokens.
            client.say("hello").await;
            client.see_text("You said: hello").await;
            eventually("the bot's next socket", || world.copilot.open_sockets() == 1).await;
        }
    }
    client.assert_once();
}

#[tokio::test]
async fn typing_is_pushed_as_it_is_shown_to_a_poll() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    client.say("agent").await;
    let session = client.conversation.clone();
    world.accept(&session).await;
    client.see_state("accepted").await;
    world.servicenow.typing(&session, true).await;
    let typing = |a: &Value| a["type"] == "typing" && a["from"]["name"] == AGENT;
    client.see("typing", typing).await;
}

#[tokio::test]
async fn service_now_is_told_once_the_words_have_surely_arrived() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    client.say("agent").await;
    let session = client.conversation.clone();
    world.accept(&session).await;
    client.see_state("accepted").await;
    for text in ["one", "two", "three"] {
        world.agent_says(&session, text).await;
    }
    client.see_text("three").await;
    let receipts = || world.actions(&session).iter().filter(|action| *action == "UPDATE_MESSAGES").count();
    // A client answers pings as it reads.
    let told = async {
        while receipts() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = told => {}
        closed = async { loop { if let Err(why) = client.next().await { break why; } } } => panic!("closed: {closed:?}"),
    }
    assert!(receipts() <= 2, "what waits goes together");
}

#[tokio::test]
async fn a_masked_text_is_pushed_once_in_clear_and_kept_as_dots() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    client.say("agent").await;
    let session = client.conversation.clone();
    world.accept(&session).await;
    client.see_state("accepted").await;
    let masked =
        json!({"uiType": "OutputText", "messageId": "masked-1", "maskType": "SECURE", "value": "swordfish"});
    let sent = world.servicenow.send(&session, json!({"body": [masked]})).await;
    assert_eq!(sent.status, Some(200));
    client.see_text("swordfish").await;
    // Once the client has surely read it, it is nobody's any more.
    let words = format!("{:?}", client.transcript());
    let kept = async {
        loop {
            let mut tab = client.second_tab().await;
            tab.see("the dots or the words", |a| {
                a["text"] == "swordfish" || a["text"].as_str().is_some_and(|text| text.contains("••••"))
            })
            .await;
            if !format!("{:?}", tab.transcript()).contains("swordfish") {
                return;
            }
            // Its pings are answered as it reads.
            let _ = tokio::time::timeout(Duration::from_millis(200), client.next()).await;
        }
    };
    tokio::time::timeout(PATIENCE, kept).await.expect("dots");
    assert_eq!(words.matches("swordfish").count(), 1);
}

#[tokio::test]
async fn a_line_that_stands_in_no_journal_is_pushed_too() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    let press = json!({"type": "message", "value": {"serviceNowAnswer": "approve"}, "from": {"id": "dana", "role": "user"}});
    let id = client.post(&press).await["id"].as_str().unwrap().to_owned();
    client.see("the echo", |a| a["id"] == id.as_str()).await;
    client.see("the line", |a| a["channelData"]["servicenow"]["system"] == true).await;
    client.assert_once();
}
