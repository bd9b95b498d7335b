//! Where an answer begins and ends: large ones go out in parts, and a watermark that says nothing hides nothing.

use serde_json::{Value, json};

use crate::{
    eventually::found,
    live::{
        pipe::{before_far_end, get},
        wire::Answer,
    },
    socket::client::SocketClient,
    world::World,
};

/// Bytes of activities in one answer, and what stands around them.
const PAGE: usize = (1 << 20) + 500;

#[tokio::test]
async fn a_watermark_of_ours_that_says_nothing_here_hides_no_hand_off() {
    let world = World::start().await;
    let other = world.live_chat().await;
    let another = other.watermark().unwrap().to_owned();
    let other = "h1.0.0.i1~s~b3RoZXJ8MQ";
    let garbled = [
        "h1.0.0.e",
        "h1.0.0.s",
        "h1.7.1.aMQ",
        other,
        "h1.",
        "h1.x.y.z",
        "h1.0.0.i",
        "h1.99999999999999999999.0.e",
        &another,
    ];
    for watermark in garbled {
        let chat = world.chat().await;
        chat.say("agent").await.unwrap();
        let answer = read(&world, chat.conversation(), chat.token(), Some(watermark)).await;
        assert_eq!(answer.status, 200, "{watermark}");
        assert!(told(&answer).any(|activity| activity["name"] == "handoff.initiate"), "{watermark}");
        world.accept(chat.conversation()).await;
    }
}

#[tokio::test]
async fn a_watermark_of_ours_is_not_told_to_direct_line_in_a_conversation_that_is_its_own() {
    let (far_end, world) = before_far_end().await;
    for (path, expected) in [
        ("conversations/abc/activities?watermark=h1.7.1.e", "conversations/abc/activities"),
        ("conversations/abc?watermark=h1.7.1.e", "conversations/abc"),
        (
            "conversations/abc/activities?watermark=h1.0.0.i1~aNw~YQ",
            "conversations/abc/activities?watermark=7",
        ),
        ("conversations/abc/activities?watermark=H1.7", "conversations/abc/activities?watermark=H1.7"),
    ] {
        let answer =
            b"HTTP/1.1 200 OK\r\ncontent-length: 31\r\n\r\n{\"activities\":[{\"id\":\"a\",\"n\":1}]}";
        let (_, head) = tokio::join!(get(&world, path, &[]), far_end.answer(answer));
        assert!(head.starts_with(&format!("GET /v3/directline/{expected} HTTP/1.1\r\n")), "{path}: {head}");
    }
}

#[tokio::test]
async fn after_an_erase_an_old_watermark_reads_the_history_and_opens_nothing() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let (id, watermark) = (chat.conversation(), chat.watermark().unwrap());
    world.operator().erase(id, false).await.unwrap();
    let told_again = async || {
        let answer = read(&world, id, chat.token(), Some(watermark)).await;
        told(&answer).any(|activity| activity["name"] == "handoff.initiate").then_some(())
    };
    found("Direct Line's history", told_again).await;
    found("it again", told_again).await;
    assert_eq!(world.servicenow.chats().len(), 1, "the old event opened another chat");
}

#[tokio::test]
async fn a_socket_that_comes_with_such_a_watermark_finds_the_hand_off() {
    let world = World::start().await;
    for watermark in ["h1.7.1.e", "h1.garbled", "h1.0.0.i1~s~b3RoZXI"] {
        let mut client = SocketClient::begin(&world).await;
        client.say("agent").await;
        client.watermark = Some(watermark.to_owned());
        client.reconnect().await;
        world.accept(&client.conversation.clone()).await;
        client.see_state("accepted").await;
    }
}

#[tokio::test]
async fn a_long_history_comes_in_parts_and_the_hand_off_behind_it_is_found_with_the_first() {
    let world = World::start().await;
    let chat = world.chat().await;
    let long = say_at_length(&world, chat.conversation(), "before");
    chat.say("agent").await.unwrap();
    let first = read(&world, chat.conversation(), chat.token(), None).await;
    assert!(told(&first).all(|activity| activity["name"] != "handoff.initiate"));
    world.accept(chat.conversation()).await;
    world.agent_says(chat.conversation(), "Hello").await;
    let all = read_all(&world, chat.conversation(), chat.token(), first).await;
    assert_eq!(heads(&all, "before"), long);
    let event = all.iter().position(|activity| activity["name"] == "handoff.initiate").expect("the event");
    let person = all.iter().position(|activity| activity["text"] == "Hello").expect("the person");
    assert!(event < person);
}

#[tokio::test]
async fn what_the_bot_says_at_length_comes_in_parts_before_a_chat_and_after_it() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    let id = chat.conversation().to_owned();
    let long = say_at_length(&world, &id, "before");
    let first = read(&world, &id, chat.token(), None).await;
    let all = read_all(&world, &id, chat.token(), first).await;
    assert_eq!(heads(&all, "before"), long);
    chat.say("agent").await.unwrap();
    chat.see("the hand-off", |activity| activity["name"] == "handoff.initiate").await.unwrap();
    world.accept(&id).await;
    world.servicenow.end(&id).await;
    chat.see("the end", |activity| activity["value"]["state"] == "completed").await.unwrap();
    chat.say("hello again").await.unwrap();
    chat.see("the bot", |activity| activity["text"] == "You said: hello again").await.unwrap();
    let fresh = world.copilot.conversations().remove(1);
    let after = say_at_length(&world, &fresh, "after");
    let first = read(&world, &id, chat.token(), chat.watermark()).await;
    let all = read_all(&world, &id, chat.token(), first).await;
    assert_eq!(heads(&all, "after"), after);
    let first = read(&world, &id, chat.token(), None).await;
    let all = read_all(&world, &id, chat.token(), first).await;
    assert_eq!((heads(&all, "before"), heads(&all, "after")), (long, after), "from the start");
}

#[tokio::test]
async fn a_socket_is_given_a_long_history_in_parts() {
    let world = World::start().await;
    let mut client = SocketClient::begin(&world).await;
    let id = client.conversation.clone();
    let before = say_at_length(&world, &id, "before");
    client.connect().await;
    client.see("the last of it", |activity| is(activity, "before 11 ")).await;
    client.say("agent").await;
    world.accept(&id).await;
    client.see_state("accepted").await;
    world.servicenow.end(&id).await;
    client.see_state("completed").await;
    client.cut();
    client.say("hello again").await;
    let fresh = world.copilot.conversations().remove(1);
    let after = say_at_length(&world, &fresh, "after");
    client.reconnect().await;
    client.see("the last of it", |activity| is(activity, "after 11 ")).await;
    assert_eq!((heads(&client.received, "before"), heads(&client.received, "after")), (before, after));
    client.assert_once();
}

/// Twelve messages of the bot's, together nearly 3 MB; the beginning of each.
fn say_at_length(world: &World, conversation: &str, word: &str) -> Vec<String> {
    let say = |at| {
        let head = format!("{word} {at:02} ");
        let text = format!("{head}{}", "x".repeat(240_000));
        world.copilot.bot_says(conversation, json!({"type": "message", "text": text})).unwrap();
        head
    };
    (0..12).map(say).collect()
}

fn is(activity: &Value, head: &str) -> bool {
    activity["text"].as_str().is_some_and(|text| text.starts_with(head))
}

/// The beginnings of what begins with a word.
fn heads(activities: &[Value], word: &str) -> Vec<String> {
    let texts = activities.iter().filter_map(|activity| activity["text"].as_str());
    let mine = texts.filter(|text| text.starts_with(word) && text.len() > 1_000);
    mine.map(|text| text[..word.len() + 4].to_owned()).collect()
}

/// What follows an answer, part by part, with what was in it.
async fn read_all(world: &World, conversation: &str, token: &str, first: Answer) -> Vec<Value> {
    let (mut all, mut answer) = (vec![], first);
    loop {
        // A hand-off event holds the words so far, and may be larger by itself.
        assert!(
            answer.body.len() <= PAGE || told(&answer).count() == 1,
            "{} bytes in one answer",
            answer.body.len()
        );
        let before = all.len();
        all.extend(told(&answer));
        let watermark = answer.json()["watermark"].as_str().unwrap().to_owned();
        answer = read(world, conversation, token, Some(&watermark)).await;
        if before == all.len() {
            return all;
        }
    }
}

fn told(answer: &Answer) -> impl Iterator<Item = Value> {
    let activities =
        answer.json()["activities"].as_array().unwrap_or_else(|| panic!("no activities")).clone();
    activities.into_iter()
}

async fn read(world: &World, conversation: &str, token: &str, watermark: Option<&str>) -> Answer {
    let watermark = watermark.map_or_else(String::new, |watermark| format!("?watermark={watermark}"));
    let authorization = format!("Bearer {token}");
    let path = format!("conversations/{conversation}/activities{watermark}");
    get(world, &path, &[("Authorization", &authorization)]).await
}
