//! One socket from the bot to a person and back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::Timestamp,
    simulate::{copilot::CopilotOptions, servicenow::ServiceNowOptions},
};

use super::client::SocketClient;
use crate::{
    eventually::eventually,
    live::growing::{
        PIECES, RENEWED, assert_grew, assert_times_go_forward, end_of_stream, is_of_stream, piece, sends,
    },
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
            let session = client.is_handed_over(&world).await;
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
async fn typing_is_pushed_and_renewed_while_the_agent_types_and_ends_when_they_stop() {
    let world = World::start().await;
    let (mut client, session) = SocketClient::live(&world).await;
    let typing = |client: &SocketClient| {
        let signs = client.received.iter().filter(|a| a["type"] == "typing");
        signs.filter(|a| a["from"]["name"] == AGENT).count()
    };
    world.servicenow.typing(&session, true).await;
    while typing(&client) < 3 {
        client.next().await.unwrap();
    }
    world.servicenow.typing(&session, false).await;
    world.agent_says(&session, "done").await;
    client.see_text("done").await;
    let before = typing(&client);
    // Behind the time at which the next sign would be due.
    let over = Timestamp::now().plus_millis(RENEWED);
    while Timestamp::now() < over {
        let _ = tokio::time::timeout(Duration::from_millis(200), client.next()).await;
    }
    world.agent_says(&session, "over").await;
    client.see_text("over").await;
    assert_eq!(typing(&client), before);
    client.assert_once();
}

#[tokio::test]
async fn a_streamed_answer_of_service_now_s_grows_over_a_socket() {
    let world = World::start().await;
    let (mut client, session) = SocketClient::live(&world).await;
    sends(&world, &session, piece("StreamStart", 1, "Reading the articles")).await;
    client.see("the start", is_of_stream("informative")).await;
    for (sequence, text) in PIECES {
        sends(&world, &session, piece("StreamChunk", sequence, text)).await;
        let wanted = u64::from(sequence);
        client.see(text, |a| a["channelData"]["streamSequence"] == wanted).await;
    }
    for _ in 0..2 {
        sends(&world, &session, end_of_stream()).await;
    }
    sends(&world, &session, piece("StreamChunk", 5, ", late")).await;
    world.agent_says(&session, "over").await;
    client.see_text("over").await;
    assert_grew(&client.received);
    client.assert_once();
}

#[tokio::test]
async fn service_now_is_told_once_the_words_have_surely_arrived() {
    let world = World::start().await;
    let (mut client, session) = SocketClient::live(&world).await;
    for text in ["one", "two", "three"] {
        world.agent_says(&session, text).await;
    }
    client.see_text("three").await;
    let receipts = || world.actions(&session).iter().filter(|action| *action == "UPDATE_MESSAGES").count();
    // A client answers pings as it reads.
    tokio::select! {
        () = eventually("a receipt", || receipts() > 0) => {}
        closed = async { loop { if let Err(why) = client.next().await { break why; } } } => panic!("closed: {closed:?}"),
    }
    assert!(receipts() <= 2, "what waits goes together");
}

#[tokio::test]
async fn a_masked_text_is_pushed_once_in_clear_and_kept_as_dots() {
    let world = World::start().await;
    let (mut client, session) = SocketClient::live(&world).await;
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
async fn a_line_that_stands_in_no_journal_is_pushed_too_and_stamped_behind_the_bot_s_words() {
    let copilot = CopilotOptions { clock_ahead: Duration::from_secs(3_600), ..CopilotOptions::default() };
    let world = World::between(copilot, ServiceNowOptions::default(), &[]).await;
    let mut client = SocketClient::start(&world).await;
    let mut polling = world.chat().await;
    let press = json!({"type": "message", "value": {"serviceNowAnswer": "approve"}, "from": {"id": "dana", "role": "user"}});
    client.say("hello").await;
    client.see_text("hello").await;
    let mut tab = client.second_tab().await;
    tab.see_text("hello").await;
    let id = client.post(&press).await["id"].as_str().unwrap().to_owned();
    for reader in [&mut client, &mut tab] {
        reader.see("the echo", |a| a["id"] == id.as_str()).await;
        reader.see("the line", |a| a["channelData"]["servicenow"]["system"] == true).await;
        reader.assert_once();
        assert_times_go_forward(&reader.received);
    }
    polling.say("hello").await.unwrap();
    polling.post(&press).await.unwrap();
    // Younger than the click, and in one answer with the line.
    world.copilot.bot_says(polling.conversation(), json!({"type": "message", "text": "unasked"}));
    polling.until("the line", |a| a["channelData"]["servicenow"]["system"] == true).await.unwrap();
    assert!(polling.received.iter().any(|a| a["text"] == "unasked"));
    assert_times_go_forward(&polling.received);
}

/// The bot's answer comes token by token meanwhile.
#[tokio::test]
async fn a_line_that_stands_in_no_journal_is_pushed_while_the_bot_speaks_on() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    client.say("hello").await;
    client.see_text("hello").await;
    let press = json!({"type": "message", "value": {"serviceNowAnswer": "approve"}, "from": {"id": "dana", "role": "user"}});
    let id = client.post(&press).await["id"].as_str().unwrap().to_owned();
    let (chunk, began) = (json!({"type": "typing"}), Instant::now());
    while !client.received.iter().any(|activity| activity["id"] == id.as_str()) {
        world.copilot.bot_says(&client.conversation, chunk.clone());
        let _ = tokio::time::timeout(Duration::from_millis(100), client.next()).await;
        assert!(began.elapsed() < Duration::from_secs(20), "the echo waits for the bot to be silent");
    }
}
