//! Questions that are closed, in every phase of a conversation, and answers that lack something.

use serde_json::{Value, json};
use servicenow_handoff::simulate::chat_client::ChatClient;

use super::controls::{asked, click, last_told};
use crate::world::World;

const CLOSED: &str = "That question is no longer open; this answer was not passed on.";

fn is_closed(activity: &Value) -> bool {
    activity["text"] == CLOSED && activity["channelData"]["servicenow"]["system"] == true
}

/// What a client posts that keeps nothing but the answer of a button.
fn bare(answer: &str) -> Value {
    json!({"type": "message", "value": {"serviceNowAnswer": answer}, "from": {"id": "dana", "role": "user"},
        "channelData": {"clientActivityID": format!("bare {answer}")}})
}

/// Presses the buttons of what is closed by now, and sees one line for each.
async fn press_all(chat: &mut ChatClient, questions: &[(&Value, &str)]) {
    let told = |chat: &ChatClient| chat.received.iter().filter(|activity| is_closed(activity)).count();
    let before = told(chat);
    for (nth, (question, title)) in (1..).zip(questions) {
        click(chat, question, title).await;
        while told(chat) < before + nth {
            chat.until("the line", is_closed).await.unwrap();
        }
    }
    assert_eq!(told(chat), before + questions.len(), "each is answered in one line");
}

fn the_agents_words(world: &World) -> String {
    let conversations = world.copilot.conversations();
    conversations.iter().flat_map(|id| world.copilot.said_to_bot(id)).map(|said| said.to_string()).collect()
}

#[tokio::test]
async fn an_answer_to_a_closed_question_goes_nowhere_in_any_phase_and_the_user_is_told() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let picker = asked(&world, &mut chat, "picker", "Choose one").await;
    let boolean = asked(&world, &mut chat, "yes or no", "Did that help?").await;
    let old = [(&picker, "Option 2"), (&boolean, "Yes")];
    assert!(world.servicenow.end(&session).await.is_success());
    chat.see("the end", |a| a["value"]["state"] == "completed").await.unwrap();
    press_all(&mut chat, &old).await;
    chat.say("hello bot").await.unwrap();
    chat.until("the bot", |a| a["text"] == "hello bot").await.unwrap();
    press_all(&mut chat, &old).await;
    chat.post(&bare("approve")).await.unwrap();
    chat.until("the line", is_closed).await.unwrap();

    chat.say("agent").await.unwrap();
    let second = format!("{session}~2");
    chat.until("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    press_all(&mut chat, &old).await;
    world.accept(&second).await;
    chat.until("the agent", |a| a["value"]["state"] == "accepted").await.unwrap();
    press_all(&mut chat, &old).await;
    chat.post(&bare("approve ")).await.unwrap();
    chat.until("the line", is_closed).await.unwrap();
    chat.say("Thanks").await.unwrap();
    chat.post(&json!({"type": "MESSAGE", "text": "a lot", "from": {"id": "dana"}})).await.unwrap();
    world.agent_hears(&second, &["Thanks", "a lot"]).await;
    assert!(world.told(&session).is_empty(), "the first chat was told nothing");
    let bot = the_agents_words(&world);
    assert!(bot.contains("hello bot") && !bot.contains("serviceNow"), "{bot}");
}

#[tokio::test]
async fn a_button_of_another_conversation_reaches_no_bot_before_anybody_was_asked_for() {
    let world = World::start().await;
    let mut other = world.live_chat().await;
    let picker = asked(&world, &mut other, "picker", "Choose one").await;
    let mut chat = world.chat().await;
    press_all(&mut chat, &[(&picker, "Option 1")]).await;
    let id = chat.post(&bare("approve")).await.unwrap();
    chat.until("the line", is_closed).await.unwrap();
    let capitals =
        json!({"type": "Message", "value": {"SERVICENOWANSWER": "approve"}, "from": {"id": "dana"}});
    chat.post(&capitals).await.unwrap();
    chat.until("the line", is_closed).await.unwrap();
    let echo = chat.received.iter().find(|activity| activity["id"] == id.as_str()).unwrap();
    assert_eq!(
        (&echo["from"]["role"], &echo["channelData"]["clientActivityID"]),
        (&json!("user"), &json!("bare approve"))
    );
    chat.say("hello bot").await.unwrap();
    chat.until("the bot", |a| a["text"] == "hello bot").await.unwrap();
    let bot = the_agents_words(&world);
    assert!(bot.contains("hello bot") && !bot.contains("serviceNow"), "{bot}");
    let url = format!("{}/v3/directline/conversations/{}/activities", world.url, chat.conversation());
    let stranger = world.http.post(url).bearer_auth("nonsense").header("content-type", "application/json");
    assert_eq!(stranger.body(bare("approve").to_string()).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn the_message_that_ends_a_chat_has_no_live_controls() {
    for end in [json!({"takeControl": true}), json!({"completed": true})] {
        let world = World::start().await;
        let mut chat = world.live_chat().await;
        let session = chat.conversation().to_owned();
        let mut body = end.clone();
        body["body"] = json!([{"uiType": "Boolean", "group": "DefaultBoolean", "label": "Would you like to go on?", "messageId": "last",
            "options": [{"label": "Yes please", "value": "yes"}, {"label": "No", "value": "no"}]}]);
        assert_eq!(world.servicenow.send(&session, body).await.status, Some(200));
        chat.see("the end", |a| a["name"] == "handoff.status" && a["value"]["state"] == "completed")
            .await
            .unwrap();
        let shown = chat.received.iter().find(|a| a.to_string().contains("Would you like")).unwrap();
        assert!(shown["text"].as_str().unwrap().contains("Yes please"), "{shown}");
        assert!(shown.get("attachments").is_none() && shown["inputHint"] != "expectingInput", "{shown}");
    }
}

#[tokio::test]
async fn an_empty_submit_is_answered_with_what_is_missing() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let submit = |question: &Value, more: Value| {
        let mut value = question["attachments"][0]["content"]["actions"][0]["data"].clone();
        for (name, text) in more.as_object().unwrap() {
            value[name.as_str()] = text.clone();
        }
        json!({"type": "message", "value": value, "from": {"id": "dana", "role": "user"}})
    };
    let date = asked(&world, &mut chat, "date", "When did it begin?").await;
    for (question, given, told) in
        [(&date, json!({}), "Please enter a date."), (&date, json!({"date": ""}), "Please enter a date.")]
    {
        chat.post(&submit(question, given)).await.unwrap();
        chat.until(told, |a| a["text"] == told).await.unwrap();
    }
    let masked = asked(&world, &mut chat, "secure input", "Enter your one-time code").await;
    chat.post(&submit(&masked, json!({"answer": ""}))).await.unwrap();
    chat.until("what is missing", |a| a["text"] == "Please enter an answer.").await.unwrap();
    chat.post(&submit(&date, json!({"date": "2026-11-20"}))).await.unwrap();
    assert_eq!(last_told(&world, &session, 1).await["text"], "2026-11-20", "the question stayed open");
    chat.say("4711").await.unwrap();
    world.agent_hears(&session, &["2026-11-20", "4711"]).await;
    chat.say("   ").await.unwrap();
    chat.until("a word", |a| a["text"].as_str().is_some_and(|t| t.starts_with("There was nothing")))
        .await
        .unwrap();
    chat.say("over").await.unwrap();
    world.agent_hears(&session, &["2026-11-20", "4711", "over"]).await;
}

#[tokio::test]
async fn the_older_of_two_lists_is_answered_by_its_label_in_any_case() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let list = |id: &str, options: [(&str, &str); 2]| {
        let options = options.map(|(label, value)| json!({"label": label, "value": value}));
        json!({"body": [{"uiType": "Picker", "group": "DefaultPicker", "label": id, "messageId": id, "options": options}]})
    };
    for body in [
        list("Drink?", [("Red Wine", "w-7"), ("Beer", "b-9")]),
        list("Device?", [("Laptop", "l-1"), ("Phone", "p-2")]),
    ] {
        assert_eq!(world.servicenow.send(&session, body).await.status, Some(200));
    }
    chat.see("the lists", |a| a["text"] == "Device?").await.unwrap();
    for words in ["red wine", "2"] {
        chat.say(words).await.unwrap();
    }
    world.agent_hears(&session, &["w-7", "p-2"]).await;
    let typed =
        world.servicenow.requests_of(&session).into_iter().filter(|request| request.action.is_empty());
    assert!(typed.map(|request| request.body["message"]["typed"].clone()).all(|typed| typed == json!(false)));
}

#[tokio::test]
async fn a_choice_beside_a_file_that_goes_nowhere_is_its_value_and_the_user_is_told_of_the_file() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let picker = asked(&world, &mut chat, "picker", "Choose one").await;
    assert!(picker["suggestedActions"].is_object() || picker["attachments"].is_array(), "{picker}");
    let posted = json!({"type": "message", "text": "Option 2", "from": {"id": "dana", "role": "user"},
        "attachments": [{"contentType": "text/plain", "name": "note.txt", "content": "inline"}]});
    chat.post(&posted).await.unwrap();
    let told = last_told(&world, chat.conversation(), 1).await;
    assert_eq!((&told["text"], &told["typed"]), (&json!("value_2"), &json!(false)));
    let refused = |a: &Value| a["text"].as_str().is_some_and(|text| text.ends_with("note.txt"));
    chat.until("that the file went nowhere", refused).await.unwrap();
}
