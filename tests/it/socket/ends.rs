//! The program as a process of its own: what it writes about sockets, and how they end with it.

use super::client::SocketClient;
use crate::{
    program::Program,
    world::{RESPONSES_TOKEN, World},
};

pub fn settings(world: &World, folder: &std::path::Path) -> Vec<(&'static str, String)> {
    let store = format!("sqlite:{}", folder.join("handoff.db").display());
    let settings = [
        ("LOG", "trace"),
        ("STORE", &store),
        ("DIRECT_LINE_URL", world.copilot.url()),
        ("DIRECT_LINE_SECRET", world.copilot.secret()),
        ("SERVICENOW_URL", world.servicenow.url()),
        ("SERVICENOW_USERNAME", "connector"),
        ("SERVICENOW_PASSWORD", "a-password"),
        ("SERVICENOW_TOKEN", "a-message-token"),
        ("RESPONSES_TOKEN", RESPONSES_TOKEN),
    ];
    settings.map(|(name, value)| (name, value.to_owned())).to_vec()
}

#[tokio::test]
async fn a_process_that_is_told_to_end_sends_its_sockets_away_and_has_logged_nothing_of_them() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let mut program = Program::start(settings(&world, folder.path()));
    let root = program.url.clone();
    world.servicenow.set_response_url(format!("{root}/api/servicenow/responses"));
    let mut client = SocketClient::begin_at(&world, &root).await;
    client.connect().await;
    client.say("marmalade for the bot").await;
    client.see_text("You said: marmalade for the bot").await;
    let session = client.is_handed_over(&world).await;
    world.agent_says(&session, "marmalade for the user").await;
    client.see_text("marmalade for the user").await;
    program.signal("TERM");
    let end = client.end().await;
    assert_eq!(end.map(|(code, _)| code), Some(1001), "going away");
    assert_eq!(program.ended(), Some(0));
    let log = program.log();
    assert!(log.contains("Ended by SIGTERM"), "{log}");
    let (_, ticket) = client.stream_url.split_once("&t=").unwrap();
    for secret in ["marmalade", ticket, &client.token, "&t="] {
        assert!(!log.contains(secret), "{secret} was logged");
    }
    client.assert_once();
}
