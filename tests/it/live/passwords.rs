//! What the user enters into a password input of the agent's card is the agent's alone, also when a person comes.

use serde_json::{Value, json};

use crate::world::World;

const DOTS: &str = "••••••••";

fn card() -> Value {
    let input = json!({"type": "Input.Text", "id": "pin", "style": "password", "label": "PIN"});
    let room = json!({"type": "Input.Text", "id": "room", "label": "Room"});
    let content = json!({"type": "AdaptiveCard", "version": "1.5", "body": [room, {"type": "Container", "items": [input]}],
        "actions": [{"type": "Action.Submit", "title": "Send"}]});
    json!({"type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}]})
}

fn press(pin: &str) -> Value {
    json!({"type": "message", "value": {"pin": pin, "room": "12"}, "channelData": {"postBack": true},
        "from": {"id": "dana", "name": "Dana", "role": "user"}})
}

#[tokio::test]
async fn what_was_entered_into_the_agents_card_is_neither_stored_nor_told_to_a_person() {
    for asks_itself in [false, true] {
        let world = World::start().await;
        let mut chat = world.chat().await;
        let id = chat.conversation().to_owned();
        world.copilot.bot_says(&id, card()).unwrap();
        chat.see("the card", |a| a.to_string().contains("Input.Text")).await.unwrap();
        chat.post(&press("hunter2-1")).await.unwrap();
        if asks_itself {
            let value = json!({"Pin": "hunter2-1", "va_LastPhrase": "hunter2-1"});
            world.copilot.bot_says(&id, json!({"type": "event", "name": "handoff.initiate", "value": value}));
        } else {
            chat.say("agent").await.unwrap();
        }
        chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
        world.accept(&id).await;
        chat.see("the agent", |a| a["value"]["state"] == "accepted").await.unwrap();
        chat.post(&press("hunter2-2")).await.unwrap();
        world.agent_hears(&id, &[&format!("pin: {DOTS}\nroom: 12")]).await;
        chat.see("the echo", |a| a["value"] == json!({"pin": DOTS, "room": "12"})).await.unwrap();
        let told = world.servicenow.requests_of(&id).into_iter().map(|request| request.body);
        let told = told.collect::<Value>().to_string();
        assert!(told.contains(DOTS) && !told.contains("hunter2"), "{told}");
        assert!(!world.stored_bytes().windows(7).any(|bytes| bytes == b"hunter2"), "{asks_itself}");
    }
}
