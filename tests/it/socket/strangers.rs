//! Who may not have a socket, and what nobody can do with one.

use tokio_tungstenite::{
    connect_async,
    tungstenite::{self, Message},
};

use super::client::SocketClient;
use crate::{
    eventually::found,
    live::wire::{exchange, request},
    world::World,
};

/// Status and code with which an upgrade is refused.
async fn refused(url: &str) -> (u16, String) {
    match connect_async(url).await {
        Err(tungstenite::Error::Http(answer)) => {
            let status = answer.status().as_u16();
            let body: serde_json::Value =
                serde_json::from_slice(answer.body().as_deref().unwrap_or_default()).unwrap_or_default();
            (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

fn pair(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn strangers_are_refused_before_there_is_a_socket() {
    let world = World::start().await;
    let mine = SocketClient::begin(&world).await;
    let other = SocketClient::begin(&world).await;
    let (address, ticket) = mine.stream_url.split_once("&t=").unwrap();
    let (_, others) = other.stream_url.split_once("&t=").unwrap();
    assert_eq!(refused(address).await, pair(401, "Unauthorized"));
    for forged in ["", "x", others, &ticket[1..], &format!("{ticket}AAAA"), &mine.token] {
        assert_eq!(refused(&format!("{address}&t={forged}")).await, pair(403, "BadArgument"), "{forged}");
    }
    let unknown = address.replace(&mine.conversation, "unknown-eu");
    assert_eq!(refused(&format!("{unknown}&t={ticket}")).await, pair(403, "BadArgument"));
    world.copilot.expire_tokens(&mine.conversation);
    assert_eq!(
        refused(&mine.stream_url).await,
        pair(403, "TokenExpired"),
        "Direct Line no longer takes the token"
    );
    world.copilot.forget(&other.conversation);
    assert_eq!(refused(&other.stream_url).await, pair(404, "NotFound"));
    let path = mine.stream_url.split_once("/v3/").unwrap().1;
    let plain = request(&format!("GET /v3/{path}"), &[("Host", "x"), ("Connection", "close")], b"");
    assert_eq!(exchange(&world.url, &plain).await.status, 400, "no upgrade was asked for");
}

#[tokio::test]
async fn another_conversation_s_client_has_no_way_into_a_live_chat() {
    let world = World::start().await;
    let (client, _) = SocketClient::live(&world).await;
    let mut stranger = SocketClient::begin(&world).await;
    let (own, others) = (stranger.conversation.clone(), client.conversation.clone());
    let address = stranger.stream_url.replace(&own, &others);
    assert_eq!(refused(&address).await, pair(403, "BadArgument"));
    stranger.conversation = others;
    assert_eq!(stranger.ask_again().await.0, 403);
}

#[tokio::test]
async fn the_socket_of_an_erased_conversation_is_closed() {
    let world = World::start().await;
    let (mut client, _) = SocketClient::live(&world).await;
    world.operator().erase(&client.conversation, false).await.unwrap();
    let end = client.end().await;
    assert_eq!(end.map(|(code, _)| code), Some(1008));
}

#[tokio::test]
async fn without_sockets_there_is_no_such_address() {
    let world = World::with(&[("WEB_SOCKET", "off")]).await;
    let chat = world.chat().await;
    let url = format!(
        "{}/v3/directline/conversations/{}/stream?t=x",
        world.url.replace("http", "ws"),
        chat.conversation()
    );
    assert_eq!(refused(&url).await, pair(404, "NotFound"));
}

#[tokio::test]
async fn a_conversation_has_no_more_sockets_than_it_may() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    let mut tabs = vec![];
    for _ in 0..7 {
        tabs.push(client.second_tab().await);
    }
    client.ask_again().await;
    assert_eq!(refused(&client.stream_url).await, pair(429, "TooManyRequests"));
    drop(tabs);
    found("a place is given back", async || connect_async(&client.stream_url).await.ok()).await;
}

#[tokio::test]
async fn what_a_client_says_over_the_socket_is_nothing_to_us_and_too_much_of_it_ends_it() {
    let world = World::start().await;
    let mut client = SocketClient::start(&world).await;
    let before = world.copilot.said_to_bot(&client.conversation).len();
    for frame in ["", "{}", r#"{"type":"message","text":"over the socket"}"#] {
        client.send(Message::text(frame)).await.unwrap();
    }
    client.say("one").await;
    client.see_text("You said: one").await;
    assert_eq!(world.copilot.said_to_bot(&client.conversation).len(), before + 1);
    client.send(Message::text("x".repeat(100_000))).await.unwrap();
    let end = client.end().await;
    assert!(end.is_none_or(|(code, _)| code == 1002), "closed as unreadable");
}

#[tokio::test]
async fn a_socket_that_does_not_read_holds_up_nobody_and_reads_on_from_its_watermark() {
    let world = World::start().await;
    let (mut unread, session) = SocketClient::live(&world).await;
    let watermark = unread.watermark.clone();
    let words = "word ".repeat(8_000);
    for n in 0..60 {
        world.agent_says(&session, &format!("{n} {words}")).await;
    }
    let mut other = SocketClient::start(&world).await;
    other.say("hello").await;
    other.see_text("You said: hello").await;
    unread.cut();
    unread.watermark = watermark;
    unread.reconnect().await;
    unread.see("the last", |a| a["text"].as_str().is_some_and(|text| text.starts_with("59 "))).await;
    let said = unread.said_by("agent");
    assert_eq!(said.len(), 60);
    for (n, text) in said.iter().enumerate() {
        assert!(text.starts_with(&format!("{n} ")), "in order");
    }
    unread.assert_once();
}
