//! Answers that come piece by piece, signs that last, and times that go forward.

use std::time::Duration;

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::Timestamp,
    simulate::{copilot::CopilotOptions, servicenow::ServiceNowOptions},
};

use crate::{eventually::found, world::World};

/// Milliseconds after which a sign that lasts is shown again at the latest.
pub const RENEWED: i64 = 5_000;

pub fn piece(kind: &str, sequence: u8, text: &str) -> Value {
    let state = if kind == "StreamStart" { "START" } else { "INPROGRESS" };
    json!({"streamActive": true, "streamState": state, "body": [
        {"uiType": kind, "streamId": "s-1", "streamSequence": sequence, "value": text},
    ]})
}

fn of_stream(received: &[Value]) -> Vec<&Value> {
    received.iter().filter(|activity| activity["channelData"]["streamId"].is_string()).collect()
}

pub fn is_of_stream(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |activity| activity["channelData"]["streamType"] == kind
}

/// The end of the streamed answer.
pub fn end_of_stream() -> Value {
    json!({"streamActive": false, "streamState": "END", "body": [
        {"uiType": "OutputText", "messageId": "m", "streamId": "s-1", "value": "Restart the client first."},
    ]})
}

/// Each piece with what came before it, and the end once.
pub fn assert_grew(received: &[Value]) {
    let streamed = of_stream(received);
    let told: Vec<(&str, &str, &str, Option<u64>)> = streamed
        .iter()
        .map(|a| {
            let data = &a["channelData"];
            let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned().leak() as &str;
            (text(&a["type"]), text(&data["streamType"]), text(&a["text"]), data["streamSequence"].as_u64())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("typing", "informative", "Reading the articles", Some(1)),
            ("typing", "streaming", "Restart ", Some(2)),
            ("typing", "streaming", "Restart the client", Some(3)),
            ("typing", "streaming", "Restart the client first", Some(4)),
            ("message", "final", "Restart the client first.", None),
        ]
    );
    let first = streamed[0]["id"].clone();
    assert!(streamed.iter().all(|a| a["channelData"]["streamId"] == first), "one stream");
}

/// What is said piece by piece before the end.
pub const PIECES: [(u8, &str); 3] = [(2, "Restart "), (3, "Restart the client"), (4, " first")];

pub async fn sends(world: &World, session: &str, body: Value) {
    assert_eq!(world.servicenow.send(session, body).await.status, Some(200));
}

#[tokio::test]
async fn a_streamed_answer_grows_before_the_users_eyes() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    sends(&world, &session, piece("StreamStart", 1, "Reading the articles")).await;
    chat.until("the start", is_of_stream("informative")).await.unwrap();
    for (sequence, text) in PIECES {
        sends(&world, &session, piece("StreamChunk", sequence, text)).await;
        chat.until(text, is_of_stream("streaming")).await.unwrap();
        sends(&world, &session, piece("StreamChunk", sequence, text)).await;
    }
    for _ in 0..2 {
        sends(&world, &session, end_of_stream()).await;
    }
    sends(&world, &session, piece("StreamChunk", 5, ", late")).await;
    chat.until("the end", is_of_stream("final")).await.unwrap();
    world.agent_says(&session, "over").await;
    chat.until("the agent", |a| a["text"] == "over").await.unwrap();
    assert_grew(&chat.received);
    chat.reload();
    chat.until("the end again", is_of_stream("final")).await.unwrap();
    assert_eq!(of_stream(&chat.received).len(), 1, "what it grew from is no history");
}

#[tokio::test]
async fn typing_is_renewed_while_the_agent_types_and_ends_when_they_stop() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    assert!(world.servicenow.typing(&session, true).await.is_success());
    for _ in 0..3 {
        chat.until("typing", |a| a["type"] == "typing").await.unwrap();
    }
    let typing: Vec<_> = chat.received.iter().filter(|a| a["type"] == "typing").collect();
    assert!(typing.iter().all(|a| a["from"] == typing[0]["from"]));
    assert!(world.servicenow.typing(&session, false).await.is_success());
    // The next sign would be due before the words are.
    let due = Timestamp::now().plus_millis(RENEWED);
    found("the time of the next sign", async || {
        let new = chat.poll().await.unwrap();
        assert!(new.iter().all(|a| a["type"] != "typing"), "{new:?}");
        (Timestamp::now() > due).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_we_say_is_never_stamped_before_what_direct_line_had_shown() {
    let copilot = CopilotOptions { clock_ahead: Duration::from_secs(3_600), ..CopilotOptions::default() };
    let world = World::between(copilot, ServiceNowOptions::default(), &[]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.agent_says(&session, "one").await;
    chat.say("two").await.unwrap();
    chat.see("the user", |a| a["text"] == "two").await.unwrap();
    assert!(world.servicenow.end(&session).await.is_success());
    chat.see("the end", |a| a["value"]["state"] == "completed").await.unwrap();
    chat.say("and now?").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: and now?").await.unwrap();
    let press = json!({"type": "message", "value": {"serviceNowAnswer": "approve"}, "from": {"id": "dana"}});
    let echo = chat.post(&press).await.unwrap();
    chat.until("the old button's echo", |a| a["id"] == *echo).await.unwrap();
    chat.say("agent").await.unwrap();
    chat.until("the second hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    let second = format!("{session}~2");
    world.accept(&second).await;
    chat.until("the second agent", |a| a["value"]["state"] == "accepted").await.unwrap();
    world.agent_says(&second, "three").await;
    chat.until("the agent", |a| a["text"] == "three").await.unwrap();
    assert_times_go_forward(&chat.received);
}

/// What is ours is stamped no earlier than what came before it.
pub fn assert_times_go_forward(received: &[Value]) {
    let mut latest = String::new();
    for activity in received {
        let stamped = activity["timestamp"].as_str().unwrap()[..23].to_owned();
        let ours = activity["id"].as_str().unwrap().contains("|L");
        assert!(!ours || stamped >= latest, "{activity} behind {latest}");
        latest = latest.max(stamped);
    }
}
