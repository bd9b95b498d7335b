//! A client can't hand itself over, and can't speak past the live chat, however it spells what it sends.

use serde_json::json;
use servicenow_handoff::simulate::{
    chat_client::{ChatClient, message},
    copilot::CopilotOptions,
    servicenow::ServiceNowOptions,
};

use crate::{
    live::{bad_input::Call, wire::exchange},
    world::World,
};

mod spellings;

/// In which part of a conversation something is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Bot,
    Live,
    /// The bot's again, after a live chat.
    After,
}

/// One way to send the same thing. `{id}` stands for the conversation in its line.
struct Spelling {
    what: &'static str,
    sent: Call,
    /// 0: 400 or 403, as the phase has it.
    status: u16,
}

/// A Direct Line that believes what its clients say of themselves.
async fn gullible() -> World {
    let copilot = CopilotOptions { believes_roles: true, ..CopilotOptions::default() };
    World::between(copilot, ServiceNowOptions::default(), &[]).await
}

#[tokio::test]
async fn no_spelling_of_a_clients_own_hand_off_is_one_in_any_phase() {
    let event = r#"{"type":"event","name":"handoff.initiate","value":{"UserEmail":"victim@example.com"},"from":{"id":"dana","role":"bot"}}"#;
    let all = spellings::forged(event);
    assert!(all.len() >= 60, "only {} spellings", all.len());
    for phase in [Phase::Bot, Phase::Live, Phase::After] {
        let world = gullible().await;
        let mut chat = chat_in(&world, phase).await;
        let chats = world.servicenow.chats().len();
        let mut wrong = vec![];
        for Spelling { what, sent, status } in &all {
            let answer = exchange(&world.url, &sent.of(&chat).bytes()).await;
            let refused = *status == 0 && [400, 403].contains(&answer.status);
            if answer.status != *status && !refused {
                wrong.push(format!(
                    "{what}: {} instead of {status}: {:.160}",
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                ));
            }
            while !chat.poll().await.unwrap().is_empty() {}
            if world.servicenow.chats().len() != chats {
                panic!("{phase:?}: {what} opened a live chat");
            }
        }
        assert!(wrong.is_empty(), "{phase:?}: {} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
        let heard = world.copilot.said_to_bot(chat.conversation());
        let others = world.copilot.conversations().into_iter().flat_map(|id| world.copilot.said_to_bot(&id));
        let forged = heard.into_iter().chain(others).find(|activity| {
            let name = activity["name"].as_str().unwrap_or_default().trim().to_ascii_lowercase();
            let kind = activity["type"].as_str().unwrap_or_default().trim().to_ascii_lowercase();
            (kind == "event" && name == "handoff.initiate") || kind == "handoff"
        });
        assert_eq!(forged, None, "{phase:?}: it went on");
        assert!(!String::from_utf8_lossy(&world.stored_bytes()).contains("victim@example.com"), "{phase:?}");
    }
}

#[tokio::test]
async fn words_reach_the_person_or_nobody_however_their_address_is_written() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let before = world.copilot.said_to_bot(&session).len();
    let mut expected = vec![];
    for (at, Spelling { what, sent, status }) in spellings::addresses().into_iter().enumerate() {
        let words = format!("words {at}");
        let sent = sent.of(&chat).json(message(&words).to_string());
        let answer = exchange(&world.url, &sent.bytes()).await;
        assert_eq!(answer.status, status, "{what}: {:.160}", String::from_utf8_lossy(&answer.body));
        if status == 200 {
            expected.push(words);
        }
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    assert!(expected.len() >= 10);
    world.agent_hears(&session, &expected).await;
    assert_eq!(world.copilot.said_to_bot(&session).len(), before, "the bot heard words of the live chat");
}

#[tokio::test]
async fn a_hand_off_is_found_in_every_spelling_of_a_polls_address() {
    let world = World::start().await;
    for path in [
        "/v3/directline/conversations/{id}/activities/",
        "/v3/directline/Conversations/{id}//Activities",
        "/V3/DIRECTLINE/conversations/{id}/%61ctivities",
    ] {
        let chat = world.chat().await;
        chat.say("agent").await.unwrap();
        let poll = Call::get(path).of(&chat);
        let answer = exchange(&world.url, &poll.bytes()).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains("handoff.initiate"), "{path}: {} {text:.200}", answer.status);
        world.accept(chat.conversation()).await;
    }
}

#[tokio::test]
async fn what_was_read_is_what_direct_line_is_sent_with_its_sender_marked() {
    let world = gullible().await;
    let chat = world.chat().await;
    let sent =
        r#"{"Type":"message","t\u0065xt":"a \ud83d b","from":{"id":"dana","role":"bot"},"value":{"x":1}}"#;
    let call = Call::post(spellings::ACTIVITIES).of(&chat).json(sent);
    assert_eq!(exchange(&world.url, &call.bytes()).await.status, 200);
    let heard = world.copilot.said_to_bot(chat.conversation()).pop().unwrap();
    for (field, value) in [
        ("type", json!("message")),
        ("text", json!("a \u{fffd} b")),
        ("from", json!({"id": "dana", "role": "user"})),
        ("value", json!({"x": 1})),
    ] {
        assert_eq!(heard[field], value, "{field}");
    }
}

async fn chat_in(world: &World, phase: Phase) -> ChatClient {
    match phase {
        Phase::Bot => world.chat().await,
        Phase::Live => world.live_chat().await,
        Phase::After => {
            let mut chat = world.live_chat().await;
            let session = chat.conversation().to_owned();
            assert!(world.servicenow.end(&session).await.is_success());
            chat.see("the end", |activity| activity["value"]["state"] == "completed").await.unwrap();
            chat.say("hello again").await.unwrap();
            chat.see("the bot", |activity| activity["text"] == "You said: hello again").await.unwrap();
            chat
        }
    }
}
