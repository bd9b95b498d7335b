//! The program told to end while clients wait for what may not come.

use std::time::Duration;

use servicenow_handoff::simulate::{chat_client::ChatClient, faults::Fault, servicenow::ServiceNow};

use crate::{
    eventually::eventually,
    live::wire::{exchange, request},
    program::Program,
    socket::ends::settings,
    world::{PATIENCE, World},
};

#[tokio::test]
async fn a_poll_that_is_held_and_a_turn_that_goes_on_are_answered_before_the_process_ends() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let more = [("LONG_POLL", "15000"), ("RELAY", "open"), ("RELAY_MAX_WAIT", "150000")];
    let more = more.map(|(name, value)| (name, value.to_owned()));
    let mut program = Program::start(settings(&world, folder.path()).into_iter().chain(more));
    let root = program.url.clone();
    world.servicenow.set_response_url(format!("{root}/api/servicenow/responses"));
    let bots = ChatClient::start(&root, &world.copilot.token_endpoint()).await.unwrap();
    let mut chat = ChatClient::start(&root, &world.copilot.token_endpoint()).await.unwrap();
    chat.say("agent").await.unwrap();
    chat.see("the hand-off", |activity| activity["name"] == "handoff.initiate").await.unwrap();
    let session = chat.conversation().to_owned();
    world.accept(&session).await;
    world.agent_says(&session, "hello").await;
    chat.see("hello", |activity| activity["text"] == "hello").await.unwrap();

    let told =
        |at: &ServiceNow| at.requests_of(&session).iter().any(|asked| asked.action == "UPDATE_MESSAGES");
    assert!(!told(&world.servicenow));
    let path =
        format!("/v3/directline/conversations/{session}/activities?watermark={}", chat.watermark().unwrap());
    let poll = tokio::spawn(ask(root.clone(), path, chat.token().to_owned(), vec![]));
    assert!(world.servicenow.wait_for(PATIENCE, told).await, "the poll is there: hello has been fetched");
    let looks = world.copilot.faults().add(Fault::on("GET", "/activities").delay(Duration::ZERO));
    let headers = vec![("conversationid", bots.conversation().to_owned()), ("watermark", "900".to_owned())];
    let secret = world.copilot.secret().to_owned();
    let turn = tokio::spawn(ask(root, "/api/relayToDirectLine".to_owned(), secret, headers));
    eventually("the turn has begun", || world.copilot.faults().hits(looks) > 0).await;

    program.signal("TERM");
    for waiting in [poll, turn] {
        let (status, set) = waiting.await.unwrap();
        assert_eq!(status, 200, "{set}");
        assert!(
            set["activities"].as_array().is_some_and(Vec::is_empty) && set["watermark"].is_string(),
            "{set}"
        );
    }
    assert_eq!(program.ended(), Some(0));
}

async fn ask(
    root: String,
    path: String,
    bearer: String,
    more: Vec<(&'static str, String)>,
) -> (u16, serde_json::Value) {
    let own = [("Host", "x".to_owned()), ("Connection", "close".to_owned())];
    let own = own.into_iter().chain([("Authorization", format!("Bearer {bearer}"))]).chain(more);
    let headers: Vec<(&str, String)> = own.collect();
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = exchange(&root, &request(&format!("GET {path}"), &headers, b"")).await;
    (answer.status, answer.json())
}
