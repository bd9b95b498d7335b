//! Direct Line's end of a socket: what becomes of it is not the client's to notice, neither in its own conversation nor in the
//! one that the bot comes back in.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use servicenow_handoff::simulate::{copilot::CopilotOptions, faults::Fault};

use super::client::SocketClient;
use crate::{
    eventually::{eventually, found},
    world::{RESPONSES_TOKEN, World},
};

/// Between two looks, in which the client reads on.
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

/// What Direct Line's socket does.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    Ends,
    /// Ends, and no other is opened.
    Refuses,
    /// Ends, and the next is neither opened nor refused.
    Hangs,
    /// Says nothing, and answers no ping.
    Silence,
    /// Of a frame only the beginning comes.
    Garbles,
}

impl Trouble {
    fn befalls(self, world: &World, conversation: &str) {
        let opening = Fault::on("GET", "/stream");
        match self {
            Self::Ends => {}
            Self::Refuses => drop(world.copilot.faults().add(opening.status(503))),
            Self::Hangs => drop(world.copilot.faults().add(opening.delay(Duration::from_secs(3_600)))),
            Self::Silence => return world.copilot.silence_socket(conversation),
            Self::Garbles => return world.copilot.garble_frame(conversation),
        }
        assert_eq!(world.copilot.drop_sockets(), 1);
    }

    /// Whether there is a socket again, once the client has read on.
    fn heals(self) -> bool {
        matches!(self, Self::Ends | Self::Silence)
    }
}

async fn client_notices_nothing_of(trouble: Trouble) {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    let session = client.conversation.clone();
    let own = [session.clone()];
    has_a_socket(&world, 1).await;
    client.say("one").await;
    client.see_text("one").await;
    strikes(trouble, &world, &mut client, &own[0], "first").await;
    client.is_handed_over(&world).await;
    world.servicenow.end(&session).await;
    client.see_state("completed").await;
    client.say("two").await;
    client.see_text("two").await;
    world.copilot.faults().clear();
    let fresh = world.copilot.conversations().pop().unwrap();
    assert_ne!(fresh, session, "the bot is back in another conversation");
    match trouble {
        Trouble::Ends | Trouble::Garbles => {
            has_a_socket(&world, 1).await;
            strikes(trouble, &world, &mut client, &fresh, "second").await;
        }
        // It takes half a minute to be noticed, in any conversation.
        Trouble::Silence => {}
        // No socket was to be had when the bot came back; it is tried again half a minute later, which nobody waits for.
        Trouble::Refuses | Trouble::Hangs => {
            world.copilot.bot_says(&fresh, json!({"type": "message", "text": "second"}));
            client.see_text("second").await;
        }
    }
    client.say("three").await;
    client.see_text("three").await;
    assert_eq!(client.said_by("user"), ["one", "agent", "two", "three"]);
    client.assert_once();
}

/// The bot speaks while the socket is in trouble, and is heard over the client's, which stays open.
async fn strikes(trouble: Trouble, world: &World, client: &mut SocketClient, conversation: &str, text: &str) {
    trouble.befalls(world, conversation);
    world.copilot.bot_says(conversation, json!({"type": "message", "text": text}));
    client.see_text(text).await;
    if trouble.heals() {
        has_a_socket(world, 1).await;
    }
}

async fn has_a_socket(world: &World, sockets: usize) {
    eventually("a socket of Direct Line's", || world.copilot.open_sockets() == sockets).await;
}

#[tokio::test]
async fn a_client_notices_nothing_of_a_far_end_that_ends_its_sockets() {
    client_notices_nothing_of(Trouble::Ends).await;
}

#[tokio::test]
async fn a_client_notices_nothing_of_a_far_end_that_refuses_sockets() {
    client_notices_nothing_of(Trouble::Refuses).await;
}

#[tokio::test]
async fn a_client_notices_nothing_of_a_far_end_that_lets_sockets_wait() {
    client_notices_nothing_of(Trouble::Hangs).await;
}

#[tokio::test]
async fn a_client_notices_nothing_of_a_far_end_whose_sockets_fall_silent() {
    client_notices_nothing_of(Trouble::Silence).await;
}

#[tokio::test]
async fn a_client_notices_nothing_of_a_frame_of_the_far_end_s_that_can_t_be_read() {
    client_notices_nothing_of(Trouble::Garbles).await;
}

/// A socket stays at its instance; the one that knows the words is not asked by it.
#[tokio::test]
async fn a_masked_text_that_another_instance_heard_holds_up_a_socket_for_a_moment() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let mut client = SocketClient::start(&world).await;
    let session = client.conversation.clone();
    has_a_socket(&world, 1).await;
    client.is_handed_over(&world).await;
    let item = |id: &str, mask: Value, text: &str| {
        let text = json!({"uiType": "OutputText", "messageId": id, "maskType": mask, "value": text});
        json!({"clientSessionId": session, "requestId": id, "agentChat": true, "body": [text]})
    };
    let began = Instant::now();
    for body in [item("m1", json!("SECURE"), "swordfish"), item("m2", json!("NONE"), "and in clear")] {
        let post =
            world.http.post(format!("{second}/api/servicenow/responses")).header("token", RESPONSES_TOKEN);
        let post = post.header("content-type", "application/json").body(body.to_string());
        assert_eq!(post.send().await.unwrap().status(), 200);
    }
    client.see_text("and in clear").await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

/// Silence is noticed after some 25 s.
#[tokio::test]
async fn a_hand_off_that_a_poll_has_found_is_noticed_while_the_far_end_s_socket_is_silent() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    let id = client.conversation.clone();
    has_a_socket(&world, 1).await;
    world.copilot.silence_socket(&id);
    client.say("agent").await;
    let poll = format!("{}/v3/directline/conversations/{id}/activities", world.url);
    found("the poll that brings it", async || {
        let answer = world.http.get(&poll).bearer_auth(&client.token).send().await.unwrap();
        answer.text().await.unwrap().contains("handoff.initiate").then_some(())
    })
    .await;
    let began = Instant::now();
    world.accept(&id).await;
    client.see_state("accepted").await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_answer_comes_token_by_token_again_after_the_far_end_s_socket_has_ended() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    has_a_socket(&world, 1).await;
    world.copilot.drop_sockets();
    has_a_socket(&world, 1).await;
    client.say("stream").await;
    client.see("the first token", |a| a["channelData"]["streamType"] == "streaming").await;
}

#[tokio::test]
async fn a_socket_outlives_the_token_it_was_opened_with() {
    // Told to be short-lived, so that it is soon renewed, and over when the test says so.
    let options = CopilotOptions {
        token_lifetime: Duration::from_secs(4),
        tokens_outlive_their_end: true,
        ..CopilotOptions::default()
    };
    let world = World::between(options, Default::default(), &[]).await;
    let mut client = SocketClient::start(&world).await;
    let (session, first) = (client.conversation.clone(), client.token.clone());
    has_a_socket(&world, 1).await;
    client.refresh().await;
    let renewed = world.copilot.faults().add(Fault::on("POST", "/tokens/refresh"));
    // The second time with what the first gave.
    eventually("the socket's token is renewed", || world.copilot.faults().hits(renewed) >= 2).await;
    world.copilot.expire_token(&first);
    // What stands behind it must be opened and read anew.
    world.copilot.drop_sockets();
    world.copilot.bot_says(&session, json!({"type": "message", "text": "still heard"}));
    client.see_text("still heard").await;
    has_a_socket(&world, 1).await;
    client.is_handed_over(&world).await;
    // In a live chat nothing else reads there than who asks whether the client's token is good.
    let asked = world.copilot.faults().add(Fault::on("GET", "/activities"));
    found("the token is asked about twice", async || {
        let _ = tokio::time::timeout(BETWEEN_LOOKS, client.next()).await.map(Result::unwrap);
        (world.copilot.faults().hits(asked) >= 2).then_some(())
    })
    .await;
    world.agent_says(&session, "still there").await;
    client.see_text("still there").await;
    world.servicenow.end(&session).await;
    client.see_state("completed").await;
    client.say("back").await;
    client.see_text("You said: back").await;
    client.assert_once();
}

#[tokio::test]
async fn a_socket_whose_token_is_called_in_ends_when_it_must_be_used() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    has_a_socket(&world, 1).await;
    world.copilot.expire_tokens(&client.conversation);
    world.copilot.drop_sockets();
    assert_eq!(client.end().await.map(|(code, _)| code), Some(1008));
}
