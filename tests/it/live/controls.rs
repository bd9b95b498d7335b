//! What ServiceNow can show, shown; and what the user does with it, told as ServiceNow expects it.

use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    chat_client::ChatClient,
    servicenow::{Effect, Fault, samples},
};

use crate::world::World;

/// Sends a sample, and gives the activity that the client shows for it.
pub(super) async fn asked(world: &World, chat: &mut ChatClient, sample: &str, text: &str) -> Value {
    let session = chat.conversation().to_owned();
    let result = world.servicenow.send_sample(&session, sample).await.unwrap();
    assert_eq!(result.status, Some(200));
    chat.see(text, |activity| activity.to_string().contains(text)).await.unwrap();
    chat.received.iter().rev().find(|activity| activity.to_string().contains(text)).cloned().unwrap()
}

/// Clicks the button with this title, as Web Chat posts it.
pub(super) async fn click(chat: &ChatClient, question: &Value, title: &str) {
    let actions = question["attachments"][0]["content"]["buttons"].as_array().unwrap();
    let action = actions.iter().find(|action| action["title"] == title).unwrap();
    let click = json!({"type": "message", "text": action["text"], "value": action["value"],
        "from": {"id": "dana", "role": "user"}, "channelData": {"postBack": true}});
    chat.post(&click).await.unwrap();
}

pub(super) async fn last_told(world: &World, session: &str, count: usize) -> Value {
    let told = |world: &World| {
        let requests = world.servicenow.requests_of(session);
        requests.into_iter().filter(|request| request.action.is_empty()).collect::<Vec<_>>()
    };
    let came = world.servicenow.wait_for(crate::world::PATIENCE, |_| told(world).len() >= count).await;
    assert!(came, "ServiceNow was told {} of {count} messages", told(world).len());
    told(world).last().unwrap().body["message"].clone()
}

#[tokio::test]
async fn every_readable_text_of_every_control_reaches_the_user() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    for sample in samples::all().into_iter().filter(|sample| sample.group != "Ends") {
        let before = chat.received.len();
        assert_eq!(world.servicenow.send_sample(&session, sample.name).await.unwrap().status, Some(200));
        world.agent_says(&session, &format!("after {}", sample.name)).await;
        let mark = format!("after {}", sample.name);
        chat.see(&mark, |activity| activity["text"] == mark.as_str()).await.unwrap();
        let shown = Value::from(chat.received[before..].to_vec()).to_string().replace('\\', "");
        for body in &sample.bodies {
            for element in body["body"].as_array().into_iter().flatten() {
                let last_word = ["value", "label", "message"].iter().find_map(|key| element[key].as_str());
                // A wait is over once a person is there.
                let passed = element.get("waitTime").is_some();
                let streaming = element["uiType"].as_str().is_some_and(|kind| kind == "StreamStart");
                let Some(text) = last_word.filter(|text| !streaming && !passed && !text.contains(['<', '/']))
                else {
                    continue;
                };
                let word = text.split_whitespace().max_by_key(|word| word.len()).unwrap_or_default();
                let word = word.trim_matches(|c: char| !c.is_alphanumeric());
                assert!(shown.contains(word), "{}: {word:?} is not in {shown}", sample.name);
            }
        }
    }
}

#[tokio::test]
async fn a_choice_is_told_by_its_value() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let question = asked(&world, &mut chat, "picker", "Choose one").await;
    click(&chat, &question, "Option 2").await;
    let told = last_told(&world, &session, 1).await;
    assert_eq!((&told["text"], &told["typed"]), (&json!("value_2"), &json!(false)));
    let question = asked(&world, &mut chat, "yes or no", "Did that help?").await;
    chat.say("yes").await.unwrap();
    let told = last_told(&world, &session, 2).await;
    assert_eq!((&told["text"], &told["typed"]), (&json!("yes"), &json!(false)), "{question}");
}

#[tokio::test]
async fn an_optional_question_can_be_skipped_and_free_words_stay_typed() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let question = asked(&world, &mut chat, "optional input", "Anything to add?").await;
    click(&chat, &question, "Skip").await;
    let told = last_told(&world, &session, 1).await;
    assert_eq!((&told["text"], &told["typed"]), (&json!("_skip_"), &json!(false)));
    chat.say("by the way").await.unwrap();
    assert_eq!(last_told(&world, &session, 2).await["typed"], true);
}

#[tokio::test]
async fn a_date_is_told_in_servicenows_form() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let question = asked(&world, &mut chat, "date", "When did it begin?").await;
    let card = &question["attachments"][0]["content"];
    let data = &card["actions"][0]["data"];
    let mut value = data.clone();
    value["date"] = "2026-11-20".into();
    let submit = json!({"type": "message", "value": value, "from": {"id": "dana", "role": "user"}});
    chat.post(&submit).await.unwrap();
    let told = last_told(&world, &session, 1).await;
    assert_eq!(told["text"], "2026-11-20", "{card}");
}

#[tokio::test]
async fn a_masked_answer_is_delivered_and_nowhere_else_to_be_found() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    asked(&world, &mut chat, "secure input", "Enter your one-time code").await;
    let id = chat.say("hunter2-4711").await.unwrap();
    assert_eq!(last_told(&world, &session, 1).await["text"], "hunter2-4711");
    chat.see("the echo", |activity| activity["id"] == id.as_str()).await.unwrap();
    chat.reload();
    while !chat.poll().await.unwrap().is_empty() {}
    assert!(!Value::from(chat.received.clone()).to_string().contains("hunter2"));
    assert!(!world.stored_bytes().windows(7).any(|bytes| bytes == b"hunter2"));
    chat.say("an open word").await.unwrap();
    chat.see("the echo", |activity| activity["text"] == "an open word").await.unwrap();
}

#[tokio::test]
async fn a_masked_text_is_shown_once_and_kept_as_dots() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let text =
        json!({"uiType": "OutputText", "messageId": "masked-1", "maskType": "SECURE", "value": "swordfish"});
    let part = json!({"uiType": "OutputText", "maskType": "SECURE", "value": "mackerel"});
    let several = json!({"uiType": "MultiPartOutput", "messageId": "masked-2", "navigationBtnLabel": "More", "content": part});
    let sent = world.servicenow.send(&session, json!({"body": [text, several]})).await;
    assert_eq!(sent.status, Some(200));
    let secrets = ["swordfish", "mackerel"];
    for secret in secrets {
        chat.see(secret, |activity| activity.to_string().contains(secret)).await.unwrap();
    }
    chat.poll().await.unwrap();
    chat.reload();
    while !chat.poll().await.unwrap().is_empty() {}
    let again = Value::from(chat.received.clone()).to_string();
    assert_eq!(again.matches("••••••••").count(), 2, "{again}");
    for secret in secrets {
        assert!(!again.contains(secret), "{again}");
        assert!(!world.stored_bytes().windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
    }
}

#[tokio::test]
async fn a_masked_text_that_another_instance_heard_is_left_for_that_one_to_show() {
    let world = World::start().await;
    let (second, _) = world.second_instance();
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let text =
        json!({"uiType": "OutputText", "messageId": "masked-1", "maskType": "SECURE", "value": "swordfish"});
    let sent = world.servicenow.send(&session, json!({"body": [text]})).await;
    assert_eq!(sent.status, Some(200));
    let read = chat.received.len();
    chat.move_to(&second);
    for _ in 0..3 {
        chat.poll().await.unwrap();
    }
    assert_eq!(chat.received[read..].iter().filter(|seen| seen["type"] == "message").count(), 0);
    chat.move_to(&world.url);
    chat.see("its words", |activity| activity.to_string().contains("swordfish")).await.unwrap();
}

#[tokio::test]
async fn a_masked_answer_that_is_lost_is_asked_for_again() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    asked(&world, &mut chat, "secure input", "Enter your one-time code").await;
    world.servicenow.faults().add(Fault::new(Effect::Failure).of("MESSAGE").times(1));
    chat.say("hunter2-4711").await.unwrap();
    let again = "Your answer may not have arrived. Please enter it again.";
    chat.see("the notice", |activity| activity["text"] == again).await.unwrap();
    chat.say("hunter2-4712").await.unwrap();
    assert_eq!(last_told(&world, chat.conversation(), 1).await["text"], "hunter2-4712");
    assert!(!world.stored_bytes().windows(7).any(|bytes| bytes == b"hunter2"));
}

#[tokio::test]
async fn a_masked_answer_outlives_an_outage_and_a_double_click_is_one_answer() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    asked(&world, &mut chat, "secure input", "Enter your one-time code").await;
    world.servicenow.faults().set_down(true);
    let (one, two) = tokio::join!(chat.say("hunter2-4711"), chat.say("hunter2-4711"));
    assert_eq!(one.unwrap(), two.unwrap());
    world.servicenow.faults().set_down(false);
    world.agent_hears(chat.conversation(), &["hunter2-4711"]).await;
    chat.say("an open word").await.unwrap();
    world.agent_hears(chat.conversation(), &["hunter2-4711", "an open word"]).await;
    assert!(!world.stored_bytes().windows(7).any(|bytes| bytes == b"hunter2"));
}

#[tokio::test]
async fn a_corrected_masked_answer_is_as_secret_as_the_first() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    asked(&world, &mut chat, "secure input", "Enter your one-time code").await;
    world.servicenow.faults().set_down(true);
    chat.say("hunter2-4711").await.unwrap();
    chat.say("hunter2-4712").await.unwrap();
    world.servicenow.faults().set_down(false);
    world.agent_hears(chat.conversation(), &["hunter2-4711", "hunter2-4712"]).await;
    assert!(!world.stored_bytes().windows(7).any(|bytes| bytes == b"hunter2"));
}

#[tokio::test]
async fn what_answers_a_masked_question_is_not_said_to_the_bot_when_its_chat_has_ended() {
    for answered in [true, false] {
        let world = World::start().await;
        let mut chat = world.live_chat().await;
        let session = chat.conversation().to_owned();
        asked(&world, &mut chat, "secure input", "Enter your one-time code").await;
        if answered {
            chat.say("hunter2-4711").await.unwrap();
            world.agent_hears(&session, &["hunter2-4711"]).await;
        }
        let sent = world.servicenow.send(&session, json!({"completed": true, "body": []})).await;
        assert_eq!(sent.status, Some(200));
        // The user has seen no end, and clicks twice.
        chat.say("hunter2-4711").await.unwrap();
        chat.say("hunter2-4711").await.unwrap();
        let closed = "That question is no longer open; this answer was not passed on.";
        chat.see("the end", |activity| activity["value"]["state"] == "completed").await.unwrap();
        while !chat.poll().await.unwrap().is_empty() {}
        let told = chat.received.iter().filter(|activity| activity["text"] == closed).count();
        assert_eq!(told > 0, !answered, "{:?}", chat.received);
        chat.say("now to the bot").await.unwrap();
        let said: Vec<_> =
            world.copilot.conversations().iter().flat_map(|id| world.copilot.said_to_bot(id)).collect();
        let said = Value::from(said).to_string();
        assert!(said.contains("now to the bot") && !said.contains("hunter2"), "{said}");
        assert!(!Value::from(chat.received.clone()).to_string().contains("hunter2"));
        assert!(!world.stored_bytes().windows(7).any(|bytes| bytes == b"hunter2"));
    }
}

#[tokio::test]
async fn a_table_is_answered_with_done_at_once() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let table =
        samples::all().into_iter().find(|sample| sample.bodies[0].to_string().contains("OutputTable"));
    world.servicenow.send_sample(&session, table.unwrap().name).await.unwrap();
    assert_eq!(last_told(&world, &session, 1).await["text"], "DONE");
    chat.see("the table", |activity| activity.to_string().contains("AdaptiveCard")).await.unwrap();
}

#[tokio::test]
async fn a_stream_is_shown_once_and_whole() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    for _ in 0..2 {
        world.servicenow.send_sample(&session, "stream").await.unwrap();
    }
    world.agent_says(&session, "over").await;
    chat.see("the agent", |activity| activity["text"] == "over").await.unwrap();
    let whole =
        |activity: &&Value| activity["text"].as_str().is_some_and(|text| text.contains("install it again"));
    // Each sending of the sample is a stream of its own.
    assert!(chat.received.iter().filter(whole).count() <= 2);
    assert!(chat.received.iter().filter(whole).all(|a| a["channelData"]["streamType"] == "final"));
    assert!(
        chat.received
            .iter()
            .filter(whole)
            .all(|a| a["text"].as_str().unwrap().contains("https://kb.example.com/vpn-install"))
    );
}

#[tokio::test]
async fn a_second_click_on_a_question_is_not_passed_on() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let question = asked(&world, &mut chat, "yes or no", "Did that help?").await;
    click(&chat, &question, "Yes").await;
    click(&chat, &question, "No").await;
    let worded = asked(&world, &mut chat, "picker", "Choose one").await;
    chat.say("option 2").await.unwrap();
    click(&chat, &worded, "Option 3").await;
    let masked = asked(&world, &mut chat, "secure input", "Enter your one-time code").await;
    for code in ["first-code", "second-code"] {
        let mut value = masked["attachments"][0]["content"]["actions"][0]["data"].clone();
        value["answer"] = code.into();
        let entered = json!({"type": "message", "value": value, "from": {"id": "dana", "role": "user"}});
        chat.post(&entered).await.unwrap();
    }
    chat.say("Thanks").await.unwrap();
    world.agent_hears(&session, &["yes", "value_2", "first-code", "Thanks"]).await;
    chat.until("the echo", |activity| activity["text"] == "Thanks").await.unwrap();
    let refused = "That question has been answered already; this answer was not passed on.";
    assert_eq!(chat.transcript().iter().filter(|(_, text)| *text == refused).count(), 3);
    let answers = chat.received.iter().filter_map(|a| a.pointer("/channelData/servicenow/answers"));
    let questions = [&question, &worded, &masked].map(|a| &a["channelData"]["servicenow"]["question"]);
    assert_eq!(answers.collect::<Vec<_>>(), questions, "each once");
    let stored = world.stored_bytes();
    assert!(
        ["first-code", "second-code"]
            .iter()
            .all(|code| !stored.windows(code.len()).any(|b| b == code.as_bytes()))
    );
}
