//! Actions, action messages and flags of the API that the other tests do not meet in passing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    chat_client::{ChatClient, message},
    faults::Fault,
    servicenow::{self, ServiceNow},
};

use crate::{
    live::person::{asked, sees_state, times},
    world::{AGENT, PATIENCE, World},
};

mod pushed;

#[tokio::test]
async fn a_history_that_is_too_long_for_one_request_follows_in_order() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    for number in 0..10 {
        chat.say(&format!("{number}: {}", "long ".repeat(1_500))).await.unwrap();
    }
    hand_off(&mut chat, "agent").await;
    let session = chat.conversation().to_owned();
    world.accept(&session).await;
    chat.say("hello?").await.unwrap();
    world.agent_hears(&session, &["hello?"]).await;
    let actions = world.actions(&session);
    assert_eq!(actions[..2], ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION"]);
    let later = actions[2..].iter().take_while(|action| *action == "SEND_HISTORY").count();
    assert!(later > 2, "{actions:?}");
    let mut lines = vec![];
    for request in world.servicenow.requests_of(&session) {
        let portion = request.body["history"].as_array().cloned().unwrap_or_default();
        assert!(Value::from(portion.clone()).to_string().len() < 32 * 1_024, "{}", portion.len());
        lines.extend(portion.iter().map(|line| line["value"].as_str().unwrap().to_owned()));
    }
    let said = |number: usize| format!("{number}: {}", "long ".repeat(1_500));
    let told = (0..10).flat_map(|number| [said(number), format!("You said: {}", said(number).trim_end())]);
    let told: Vec<String> = told.map(|text| text.trim_end().to_owned()).collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    assert_eq!(lines[..20], told);
    assert_eq!(lines[20..], ["agent", "Connecting you to a person…"]);
}

#[tokio::test]
async fn a_history_that_could_not_be_read_at_once_is_sent_when_it_can() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    for number in 0..5 {
        chat.say(&format!("{number}: {}", "long ".repeat(1_500))).await.unwrap();
    }
    chat.until("the answers", |a| a["text"].as_str().is_some_and(|t| t.starts_with("You said: 4")))
        .await
        .unwrap();
    // This escalation brings no transcript, and the first look for one fails.
    chat.say("handoff-activity").await.unwrap();
    let failed = world.copilot.faults().add(Fault::on("GET", "/activities").skip(1).once().status(403));
    chat.see("the hand-off", |a| a["type"] == "handoff").await.unwrap();
    assert_eq!(world.copilot.faults().hits(failed), 1);
    let session = chat.conversation().to_owned();
    let opening = asked(&world, &session, "CREATE_CONVERSATION").await;
    assert_eq!(opening.body.get("history"), None);
    asked(&world, &session, "SEND_HISTORY").await;
    world.accept(&session).await;
    chat.say("hello?").await.unwrap();
    world.agent_hears(&session, &["hello?"]).await;
    let sent = world.servicenow.requests_of(&session);
    let portions: Vec<&Value> =
        sent.iter().filter(|request| request.action == "SEND_HISTORY").map(|r| &r.body["history"]).collect();
    assert!(portions.len() > 1, "in portions, too");
    let lines = portions.iter().flat_map(|portion| portion.as_array().unwrap());
    let values: Vec<&str> = lines.map(|line| line["value"].as_str().unwrap()).collect();
    assert!(values[0].starts_with("0: long"), "{}", values[0]);
    assert!(values.contains(&"handoff-activity"));
}

#[tokio::test]
async fn another_time_zone_of_the_client_is_told_once() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let mut travelling = message("I'm in Pune now");
    travelling["localTimezone"] = "Asia/Kolkata".into();
    chat.post(&travelling).await.unwrap();
    chat.post(&travelling).await.unwrap();
    for same_or_none in [" Asia/Kolkata ", "Mars/Phobos", "5"] {
        travelling["localTimezone"] = same_or_none.into();
        chat.post(&travelling).await.unwrap();
    }
    world.agent_hears(&session, &["I'm in Pune now"; 5]).await;
    let told = asked(&world, &session, "SET_USER_TIMEZONE").await;
    assert_eq!(told.body["timezone"], "Asia/Kolkata");
    assert_eq!(told.body.get("message"), None);
    let zones = world.actions(&session).iter().filter(|action| *action == "SET_USER_TIMEZONE").count();
    assert_eq!(zones, 1);
}

#[tokio::test]
async fn a_time_zone_that_servicenow_never_answers_holds_up_no_words() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let hangs = servicenow::Fault::new(servicenow::Effect::Delay { ms: 600_000 });
    world.servicenow.faults().add(hangs.of("SET_USER_TIMEZONE"));
    let mut travelling = message("I'm in Pune now");
    travelling["localTimezone"] = "Asia/Kolkata".into();
    let begun = Instant::now();
    chat.post(&travelling).await.unwrap();
    world.agent_hears(&session, &["I'm in Pune now"]).await;
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert!(!world.actions(&session).contains(&"SET_USER_TIMEZONE".to_owned()), "it hangs");
}

#[tokio::test]
async fn an_escalation_may_name_the_topic_or_intent_to_go_to() {
    for (variable, key, name) in [
        ("ServiceNowTopicId", "topic", "id"),
        ("ServiceNowTopicName", "topic", "name"),
        ("ServiceNowIntentId", "intent", "id"),
    ] {
        let world = World::start().await;
        let mut chat = world.chat().await;
        let set = json!({"type": "event", "name": "pvaSetContext", "value": {variable: "VPN trouble"},
            "from": {"id": "dana", "role": "user"}});
        chat.post(&set).await.unwrap();
        hand_off(&mut chat, "agent").await;
        let session = chat.conversation().to_owned();
        let switch = asked(&world, &session, "SWITCH").await;
        assert_eq!(switch.body[key], json!({name: "VPN trouble"}), "{variable}");
        let other = if key == "topic" { "intent" } else { "topic" };
        assert_eq!(switch.body.get(other), None, "{variable}");
        let order = ["CREATE_CONVERSATION", "START_CREATED_CONVERSATION", "SWITCH"];
        assert_eq!(world.actions(&session)[..3], order);
    }
}

#[tokio::test]
async fn an_agents_message_with_nothing_to_show_is_told_as_failed() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let (unknown, empty) = ("55555555555555555555555555555555", "66666666666666666666666666666666");
    let body = |id: &str, element: Value| {
        let mut element = element;
        element["messageId"] = id.into();
        element["agentInfo"] = by_agent();
        json!({"agentChat": true, "body": [element]})
    };
    for _ in 0..2 {
        for (id, element) in
            [(unknown, json!({"uiType": "Hologram"})), (empty, json!({"uiType": "OutputText", "value": ""}))]
        {
            assert!(world.servicenow.send(&session, body(id, element)).await.is_success());
        }
    }
    goes_on(&world, &mut chat).await;
    let failed = |at: &ServiceNow| {
        let updates = at.requests_of(&session).into_iter().filter(|r| r.action == "UPDATE_MESSAGES");
        let told = updates.map(|request| request.body["message"].clone());
        told.filter(|message| message.to_string().contains("external_error")).collect::<Vec<_>>()
    };
    assert!(world.servicenow.wait_for(PATIENCE, |at| failed(at).len() >= 2).await);
    let told = |id: &str| json!([{"status": "external_error", "id": id}]);
    assert_eq!(failed(&world.servicenow), [told(unknown), told(empty)], "each once");
}

#[tokio::test]
async fn each_step_of_a_longer_task_is_shown_once() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    for _ in 0..2 {
        world.servicenow.send_sample(&session, "progress").await.unwrap();
    }
    let step = |parent: &str| {
        json!({"body": [{"uiType": "ActionMsg", "actionType": "DynamicLoader", "header": "Steps",
            "defaultHeader": "Steps", "parentMessageId": parent, "messageId": parent,
            "progressMessages": [{"message": "Asked the archive", "status": "IN_PROGRESS"}]}]})
    };
    for parent in ["p1", "p1", "p2"] {
        assert!(world.servicenow.send(&session, step(parent)).await.is_success());
    }
    goes_on(&world, &mut chat).await;
    assert_eq!(times(&chat, "Asked the archive (in progress)"), 2, "once a task");
    let looked = |text: &str| chat.received.iter().filter(|a| a["text"] == text).collect::<Vec<_>>();
    let (begun, grown) = (
        looked("Looked for articles (in progress)"),
        looked("- Looked for articles (completed)\n- Wrote an answer (completed)"),
    );
    assert_eq!((begun.len(), grown.len()), (2, 2), "two tasks");
    for (begun, grown) in begun.iter().zip(grown) {
        assert_eq!(
            grown["channelData"]["streamId"], begun["id"],
            "stands in the place of what was shown before"
        );
    }
}

#[tokio::test]
async fn a_repeated_end_of_a_stream_is_shown_once() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let piece = |kind: &str, sequence: u8, text: &str| {
        json!({"streamActive": true, "body": [
            {"uiType": kind, "streamId": "s-1", "streamSequence": sequence, "value": text},
        ]})
    };
    let end = json!({"streamActive": false, "streamState": "END", "score": 1, "body": [
        {"uiType": "OutputText", "streamId": "s-1", "value": "Restart the client."},
    ]});
    // A chunk is lost, another comes behind the end.
    for body in [
        piece("StreamChunk", 3, "the client."),
        piece("StreamStart", 1, "Reading"),
        end.clone(),
        end,
        piece("StreamChunk", 2, "Restart"),
    ] {
        assert!(world.servicenow.send(&session, body).await.is_success());
    }
    goes_on(&world, &mut chat).await;
    assert_eq!(times(&chat, "Restart the client."), 1);
    assert!(chat.received.iter().all(|a| a["text"] != "Restart" && a["text"] != "the client."));
}

#[tokio::test]
async fn a_score_may_be_a_number_a_string_or_absent_and_a_body_empty() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    for score in [json!(0.9), json!("0.92"), json!("87.3%"), Value::Null] {
        let text = format!("scored {score}");
        let mut body = json!({"agentChat": true, "body": [{"uiType": "OutputText", "value": text}]});
        if !score.is_null() {
            body["score"] = score;
        }
        assert!(world.servicenow.send(&session, body).await.is_success());
        chat.see(&text, |a| a["text"] == text.as_str()).await.unwrap();
    }
    let before = chat.received.len();
    for body in [json!({"body": []}), json!({}), json!({"body": null, "score": 0})] {
        assert!(world.servicenow.send(&session, body).await.is_success());
    }
    goes_on(&world, &mut chat).await;
    let new: Vec<&Value> = chat.received[before..].iter().filter(|a| a["from"]["role"] != "user").collect();
    assert_eq!(new.len(), 1, "{new:#?}");
}

#[tokio::test]
async fn back_to_servicenows_own_bot_is_the_end_and_it_is_told_so() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let back = json!({"body": [{"uiType": "ActionMsg", "actionType": "SwitchToVirtualAgent"}]});
    assert!(world.servicenow.send(&session, back).await.is_success());
    assert_eq!(sees_state(&mut chat, "completed").await, "The live chat has ended.");
    let end = asked(&world, &session, "END_CONVERSATION").await;
    assert_eq!(end.body["message"], json!({"text": "", "typed": true}));
}

#[tokio::test]
async fn control_that_is_handed_back_with_words_shows_them_first() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    assert!(world.servicenow.send(&session, example("webhook-take-control")).await.is_success());
    sees_state(&mut chat, "completed").await;
    let at = |wanted: &str| chat.received.iter().position(|a| a.to_string().contains(wanted));
    let words = [at("I could not follow"), at("Is it urgent?"), at("The live chat has ended.")];
    assert!(words.is_sorted() && words[0].is_some(), "{words:?}");
    assert!(
        !world.actions(&session).contains(&"END_CONVERSATION".to_owned()),
        "it has closed the chat itself"
    );
}

#[tokio::test]
async fn the_feedback_data_of_an_answer_is_kept() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let answer = json!({"uiType": "OutputText", "value": "Restart it.", "streamId": "s",
        "feedback": {"messageId": "77777777777777777777777777777777", "feedbackEnabled": true}});
    let end = json!({"streamActive": false, "streamState": "END", "score": 1, "body": [answer]});
    assert!(world.servicenow.send(&session, end).await.is_success());
    chat.see("the answer", |a| a["text"] == "Restart it.").await.unwrap();
    let kept = br#""feedback":{"feedbackEnabled":true,"messageId":"77777777777777777777777777777777"}"#;
    assert!(world.stored_bytes().windows(kept.len()).any(|bytes| bytes == kept));
}

#[tokio::test]
async fn servicenows_own_ids_of_the_chat_are_kept() {
    for mode in ["create", "start", "agent"] {
        let world = World::with(&[("SERVICENOW_START", mode)]).await;
        let mut chat = world.live_chat().await;
        goes_on(&world, &mut chat).await;
        let view = world.servicenow.chat(chat.conversation()).unwrap();
        let stored = world.stored_bytes();
        let kept = |id: &str| stored.windows(id.len()).any(|bytes| bytes == id.as_bytes());
        assert!(kept(&view.interaction_id), "every message tells it: {mode}");
        assert_eq!(kept(&view.id), mode == "create", "only CreateConversation tells it: {mode}");
    }
}

/// Asks the bot for a person, and reads that it hands over.
async fn hand_off(chat: &mut ChatClient, words: &str) {
    chat.say(words).await.unwrap();
    chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
}

fn by_agent() -> Value {
    json!({"sentFromAgent": true, "agentName": AGENT})
}

/// A documented webhook, for whichever chat it is sent to.
fn example(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/servicenow/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let mut body: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for id in ["requestId", "clientSessionId", "nowSessionId", "userId"] {
        body.as_object_mut().unwrap().remove(id);
    }
    body
}

/// The agent says something new, and the user sees it.
async fn goes_on(world: &World, chat: &mut ChatClient) {
    let text = format!("still here {}", chat.received.len());
    world.agent_says(chat.conversation(), &text).await;
    chat.see(&text, |a| a["text"] == text.as_str()).await.unwrap();
}
