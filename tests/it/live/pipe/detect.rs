//! What is an escalation, what only looks like one, and what is stored before it.

use rusqlite::Connection;
use serde_json::{Value, json};
use servicenow_handoff::{
    domain::ConversationId,
    simulate::{chat_client::ChatClient, servicenow},
};
use tokio::io::AsyncWriteExt as _;

use crate::{
    eventually::found,
    live::{
        pipe::{before_far_end, get, post},
        wire::{FarEnd, exchange, request},
    },
    world::{PATIENCE, World},
};

/// As DirectLineJS asks first of all.
#[tokio::test]
async fn a_hand_off_in_an_answer_to_an_empty_watermark_is_found() {
    let world = World::start().await;
    let chat = world.chat().await;
    chat.say("agent").await.unwrap();
    let url =
        format!("{}/v3/directline/conversations/{}/activities?watermark=", world.url, chat.conversation());
    found("the poll that brings it", async || {
        let answer = world.http.get(&url).bearer_auth(chat.token()).send().await.unwrap();
        answer.text().await.unwrap().contains("handoff.initiate").then_some(())
    })
    .await;
    world.accept(chat.conversation()).await;
}

#[tokio::test]
async fn words_about_a_hand_off_are_no_hand_off() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    let id = chat.conversation().to_owned();
    for activity in [
        json!({"type": "message", "text": "Then an event named handoff.initiate is sent."}),
        json!({"type": "message", "text": "\"type\":\"event\",\"name\":\"handoff.initiate\""}),
        json!({"type": "message", "text": "x", "value": {"type": "event", "name": "handoff.initiate"}}),
        json!({"type": "message", "text": "x", "name": "handoff.initiate"}),
        json!({"type": "trace", "name": "handoff.initiate", "value": {}}),
        json!({"type": "trace", "name": "HandOff", "valueType": "HandOff", "value": {}}),
        json!({"type": "trace", "name": "handoff", "label": "handoff"}),
        json!({"type": "event", "name": "HandOff", "value": {}}),
        json!({"type": "event", "name": "handoff.initiate.more", "value": {}}),
        json!({"type": "event", "name": "handoff.initiate", "from": {"id": "dana", "role": "user"}}),
    ] {
        world.copilot.bot_says(&id, activity).unwrap();
    }
    chat.say("supervisor").await.unwrap();
    chat.see("the bot", |a| a["text"] == "Handing over to a person is not set up for this agent.")
        .await
        .unwrap();
    chat.say("still the bot?").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: still the bot?").await.unwrap();
    assert_is_bots(&world, &chat).await;
}

#[tokio::test]
async fn a_poll_that_only_mentions_a_hand_off_is_passed_on_as_it_is() {
    let world = World::start().await;
    let chat = world.chat().await;
    let mention = json!({"type": "message", "text": "handoff.initiate", "attachments": []});
    world.copilot.bot_says(chat.conversation(), mention).unwrap();
    let path = format!("conversations/{}/activities", chat.conversation());
    let authorization = format!("Bearer {}", chat.token());
    let headers = [("Host", "x"), ("Connection", "close"), ("Authorization", authorization.as_str())];
    let there = request(&format!("GET /v3/directline/{path}"), &headers, b"");
    let there = exchange(world.copilot.url(), &there).await;
    let here = get(&world, &path, &headers[2..]).await;
    assert_eq!(here.body, there.body);
}

#[tokio::test]
async fn an_event_of_the_users_own_is_refused() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    let event = json!({"type": "event", "name": "handoff.initiate", "value": {"va_Scope": "bot"},
        "from": {"id": "dana", "role": "bot"}});
    let refused = post(&world, chat.conversation(), chat.token(), &event).await;
    assert_eq!((refused.status, refused.code()), (403, "Forbidden".to_owned()));
    chat.say("hello").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: hello").await.unwrap();
    assert_is_bots(&world, &chat).await;
}

#[tokio::test]
async fn an_activity_of_type_handoff_is_a_hand_off() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.say("handoff-activity").await.unwrap();
    chat.see("the hand-off", |a| a["type"] == "handoff").await.unwrap();
    world.accept(chat.conversation()).await;
    chat.see("the agent", |a| a["value"]["state"] == "accepted").await.unwrap();
}

#[tokio::test]
async fn every_event_in_handoff_events_is_a_hand_off() {
    let world = World::with(&[("HANDOFF_EVENTS", "GenesysHandoff, handoff.initiate,escalate now")]).await;
    for name in ["GenesysHandoff", "handoff.initiate", "escalate now"] {
        let mut chat = world.chat().await;
        let event = json!({"type": "event", "name": name, "value": "My printer is on fire"});
        world.copilot.bot_says(chat.conversation(), event).unwrap();
        chat.see("the hand-off", |a| a["name"] == name).await.unwrap();
        world.accept(chat.conversation()).await;
    }
}

#[tokio::test]
async fn an_event_not_in_handoff_events_is_none() {
    let world = World::with(&[("HANDOFF_EVENTS", "GenesysHandoff")]).await;
    let mut chat = world.chat().await;
    chat.say("agent").await.unwrap();
    chat.see("the event", |a| a["name"] == "handoff.initiate").await.unwrap();
    chat.say("hello").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: hello").await.unwrap();
    assert_is_bots(&world, &chat).await;
}

#[tokio::test]
async fn the_batch_with_the_event_is_passed_on_unchanged_but_for_its_watermark() {
    let world = World::start().await;
    let chat = world.chat().await;
    chat.say("agent").await.unwrap();
    let path = format!("conversations/{}/activities", chat.conversation());
    let authorization = format!("Bearer {}", chat.token());
    let headers = [("Host", "x"), ("Connection", "close"), ("Authorization", authorization.as_str())];
    let there = request(&format!("GET /v3/directline/{path}"), &headers, b"");
    let there = exchange(world.copilot.url(), &there).await.json();
    let here = get(&world, &path, &headers[2..]).await.json();
    assert_eq!(here["activities"], there["activities"]);
    assert!(here["activities"].as_array().unwrap().iter().any(|a| a["name"] == "handoff.initiate"));
    assert_ne!(here["watermark"], there["watermark"]);
}

#[tokio::test]
async fn before_an_escalation_nothing_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("handoff.db");
    let world = World::with(&[("STORE", &format!("sqlite:{}", file.display()))]).await;
    let mut chat = world.chat().await;
    chat.greet().await.unwrap();
    for text in ["hello", "fail", "handoff.initiate", "supervisor"] {
        let _ = chat.say(text).await;
        chat.poll().await.unwrap();
    }
    let stored = || -> u64 {
        let store = Connection::open(&file).unwrap();
        store.query_row("SELECT count(*) FROM fact", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(stored(), 0);
    chat.say("agent").await.unwrap();
    chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    assert!(stored() > 0);
}

#[tokio::test]
async fn a_hand_off_is_found_whatever_stands_beside_it() {
    let event = r#"{"type":"event","name":"handoff.initiate","id":"9|1","from":{"id":"bot","role":"bot"},"value":{}}"#;
    let neighbours = neighbours();
    assert!(neighbours.len() >= 40, "only {}", neighbours.len());
    let (far_end, world) = before_far_end().await;
    for (at, neighbour) in neighbours.iter().enumerate() {
        let set = match at % 3 {
            0 => format!(r#"{{"activities":[{neighbour},{event}],"watermark":"1"}}"#),
            1 => format!(r#"{{"activities":[{event},{neighbour}],"watermark":"1"}}"#),
            _ => format!(
                r#"{{"watermark":"1","activities":[{neighbour},{event},{neighbour}],"more":{neighbour}}}"#
            ),
        };
        opens_a_chat(&far_end, &world, &format!("neighbour-{at}"), set.as_bytes(), neighbour).await;
    }
}

#[tokio::test]
async fn a_hand_off_is_found_in_every_encoding() {
    let plain = r#"{"activities":[{"type":"message","text":"Grüße"},{"type":"event","name":"handoff.initiate","id":"9|1","from":{"role":"bot"}}],"watermark":"1"}"#;
    let utf16 =
        |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let marked = format!("\u{feff}{plain}");
    let latin1 = plain.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let (far_end, world) = before_far_end().await;
    for (what, bytes) in [
        ("mark", marked.clone().into_bytes()),
        ("utf-16", utf16(&marked, u16::to_le_bytes)),
        ("utf-16be", utf16(plain, u16::to_be_bytes)),
        ("latin-1", latin1),
        ("escaped", plain.replace("handoff.", r"\u0068andoff\u002E").into_bytes()),
        ("white-space", format!("\r\n {plain}").into_bytes()),
    ] {
        opens_a_chat(&far_end, &world, &format!("encoding-{what}"), &bytes, what).await;
    }
}

#[tokio::test]
async fn a_hand_off_of_any_name_is_found_however_json_writes_it() {
    let far_end = FarEnd::listen().await;
    let names = "转人工,Запрос,corp\\escalate";
    let world = World::with(&[("DIRECT_LINE_URL", &far_end.url), ("HANDOFF_EVENTS", names)]).await;
    let written =
        ["转人工", r"\u8f6c\u4eba\u5de5", r"\u0417\u0430\u043f\u0440\u043e\u0441", r"corp\\escalate"];
    for (at, name) in written.iter().enumerate() {
        let event = format!(r#"{{"type":"event","name":"{name}","id":"9|1","from":{{"role":"bot"}}}}"#);
        let set = format!(r#"{{"activities":[{event}],"watermark":"1"}}"#);
        opens_a_chat(&far_end, &world, &format!("written-{at}"), set.as_bytes(), name).await;
    }
}

/// Lets Direct Line answer a poll with these bytes; the client must get the hand-off with a watermark of ours.
async fn opens_a_chat(far_end: &FarEnd, world: &World, id: &str, set: &[u8], what: &str) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
    let answer = [format!("{head} {}\r\n\r\n", set.len()).as_bytes(), set].concat();
    let quiet = format!("{head} 17\r\n\r\n{{\"activities\":[]}}");
    let told = tokio::sync::Notify::new();
    let far = async {
        far_end.answer(&answer).await;
        // Direct Line is read for the history, and once more for what the user said meanwhile.
        loop {
            tokio::select! {
                (_, mut stream) = far_end.next() => stream.write_all(quiet.as_bytes()).await.unwrap(),
                () = told.notified() => return,
            }
        }
    };
    let near = async {
        let opened = get(world, &format!("conversations/{id}/activities"), &[]).await;
        told.notify_one();
        opened
    };
    let (opened, ()) = tokio::join!(near, far);
    let text = String::from_utf8_lossy(&opened.body);
    assert_eq!(opened.status, 200, "{what}");
    assert!(text.contains("\"watermark\":\"h1."), "{what:.100}: missed: {text:.300}");
    let session = |at: &servicenow::ServiceNow| at.chat(id).is_some();
    assert!(world.servicenow.wait_for(PATIENCE, session).await, "{what:.100}: no chat was opened");
}

/// JSON of every kind that a batch may hold beside a hand-off.
fn neighbours() -> Vec<String> {
    let kinds = ["7", "true", "null", "[]", "{}", "1e999", r#""\ud83d""#, "[null]"];
    let names = ["locale", "text", "from", "attachments", "channelData", "conversation", "id", "timestamp"];
    let field = |name: &str, value: &str| format!(r#"{{"type":"message","{name}":{value}}}"#);
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let mut all = vec![];
    for alone in ["7", "-0.5", "1e999", "true", "null", r#""text""#, r#""\ud83d""#, "[]", "[[{}]]", "{}"] {
        all.push(alone.to_owned());
    }
    for name in names {
        all.extend(kinds.map(|value| field(name, value)));
    }
    all.extend([field("value", &deep), deep]);
    for odd in [
        r#"{"type":7}"#,
        r#"{"type":"event","name":"handoff.initiate","from":{"role":"user"}}"#,
        r#"{"type":"message","text":"a","text":"b"}"#,
        r#"{"type":"message","attachments":[7,{"content":1e999}],"entities":[{"a":"\udc00"}]}"#,
    ] {
        all.push(odd.to_owned());
    }
    all
}

async fn assert_is_bots(world: &World, chat: &ChatClient) {
    let id = ConversationId::parse(chat.conversation()).unwrap();
    assert!(world.handoff.ledger.find(&id).await.unwrap().is_none(), "something is stored");
    let asked: Vec<Value> = world.servicenow.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(asked, Vec::<Value>::new());
}
