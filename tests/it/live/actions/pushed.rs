//! What ServiceNow says unasked.

use super::*;

#[tokio::test]
async fn notifications_of_every_kind_are_shown_and_the_chat_goes_on() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let switch = json!({"body": [{"uiType": "ActionMsg", "actionType": "SwitchConversation",
        "conversationId": "2b3c4d5e6f708192a3b4c5d6e7f80910"}], "completed": true});
    assert!(world.servicenow.send(&session, switch).await.is_success());
    for (name, seen) in [
        ("notification", "A technician works on it."),
        ("image notification", "laptop.png"),
        ("record notification", "In progress"),
        ("actionable notification", "Approve"),
    ] {
        let before = chat.received.len();
        world.servicenow.send_sample(&session, name).await.unwrap();
        goes_on(&world, &mut chat).await;
        let shown = Value::from(chat.received[before..].to_vec()).to_string();
        assert!(shown.contains("Your incident has changed") && shown.contains(seen), "{name}: {shown}");
    }
    for name in ["simple", "image-card", "record-card"] {
        let body = example(&format!("webhook-notification-{name}"));
        assert!(world.servicenow.send(&session, body).await.is_success());
    }
    goes_on(&world, &mut chat).await;
    let heading = |a: &&Value| a.to_string().contains("The maintenance window is tonight.");
    assert_eq!(chat.received.iter().filter(heading).count(), 3);
    let card = chat.received.iter().find(|a| a.to_string().contains("Approve")).unwrap();
    let actions = card["attachments"][0]["content"]["actions"].as_array().unwrap();
    let approve = actions.iter().find(|action| action["title"] == "Approve").unwrap();
    let click = json!({"type": "message", "value": approve["data"], "from": {"id": "dana", "role": "user"}});
    chat.post(&click).await.unwrap();
    let told = |at: &ServiceNow| at.requests_of(&session).into_iter().find(|r| r.text == "approve_42");
    assert!(world.servicenow.wait_for(PATIENCE, |at| told(at).is_some()).await);
    assert_eq!(told(&world.servicenow).unwrap().body["message"]["typed"], false);
    let reject = actions.iter().find(|action| action["title"] == "Reject").unwrap();
    let late = json!({"type": "message", "value": reject["data"], "from": {"id": "dana", "role": "user"}});
    chat.post(&late).await.unwrap();
    let refused = "That question has been answered already; this answer was not passed on.";
    chat.see("that it was too late", |a| a["text"] == refused).await.unwrap();
    chat.say("Thanks").await.unwrap();
    world.agent_hears(&session, &["approve_42", "Thanks"]).await;
}

#[tokio::test]
async fn a_notification_after_the_chat_is_shown_and_opens_nothing() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.servicenow.end(&session).await;
    chat.see("the end", |a| a["value"]["state"] == "completed").await.unwrap();
    chat.say("back with you").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: back with you").await.unwrap();
    let data = json!({"messageHeading": "A ticket waits for you", "actions": [{"label": "Approve", "value": "yes_42"}]});
    let card = json!({"uiType": "OutputCard", "templateName": "Notification", "data": data.to_string()});
    let pushed = json!({"clientSessionId": session, "completed": true, "body": [card]});
    assert!(world.servicenow.send_raw(&session, pushed).await.is_success());
    chat.see("the notification", |a| a.to_string().contains("A ticket waits for you")).await.unwrap();
    let card = chat.received.last().unwrap()["attachments"][0]["content"].to_string();
    assert!(card.contains("Approve") && !card.contains("yes_42"), "nobody would hear the answer: {card}");
    chat.say("still you?").await.unwrap();
    chat.see("the bot", |a| a["text"] == "You said: still you?").await.unwrap();
    assert_eq!(world.actions(&session).iter().filter(|action| *action == "CREATE_CONVERSATION").count(), 1);
}

#[tokio::test]
async fn a_notification_may_ask_by_a_control_of_its_own() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.servicenow.send_sample(&session, "notification with a question").await.unwrap();
    chat.see("the question", |a| a["text"] == "Do you approve INC0000042?").await.unwrap();
    goes_on(&world, &mut chat).await;
    let question = chat.received.iter().find(|a| a["text"] == "Do you approve INC0000042?").unwrap();
    let action = &question["attachments"][0]["content"]["buttons"][0];
    let click = json!({"type": "message", "text": action["title"], "value": action["value"],
        "from": {"id": "dana", "role": "user"}});
    chat.post(&click).await.unwrap();
    let told = |at: &ServiceNow| at.requests_of(&session).into_iter().find(|r| r.text == "approve_42");
    assert!(world.servicenow.wait_for(PATIENCE, |at| told(at).is_some()).await);
    assert_eq!(told(&world.servicenow).unwrap().body["message"]["typed"], false);
}
