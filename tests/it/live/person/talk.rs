//! What user and agent see of each other: words, names, typing, receipts.

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::Timestamp,
    simulate::{
        chat_client::message,
        servicenow::{Mark, ServiceNow},
    },
};

use crate::{
    eventually::found,
    live::person::{asked, talk_both_ways, times},
    world::{AGENT, World},
};

#[tokio::test]
async fn the_agents_words_come_with_name_avatar_and_markdown() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.servicenow.say_with_id(&session, "Try *this*", "0123456789abcdef0123456789abcdef").await;
    let words = chat.until("the words", |a| a["from"]["name"] == AGENT).await.unwrap().pop().unwrap();
    assert_eq!((&words["type"], &words["from"]["role"]), (&json!("message"), &json!("bot")));
    assert_ne!(words["textFormat"], "plain");
    assert_eq!(words["conversation"]["id"], session);
    assert_eq!(words["channelId"], "directline");
    assert!(words["id"].as_str().unwrap().starts_with(&format!("{session}|")), "{words}");
    assert!(words["timestamp"].as_str().unwrap().ends_with('Z'), "{words}");
    let servicenow = &words["channelData"]["servicenow"];
    assert_eq!(servicenow["sentFromAgent"], true);
    assert_eq!(servicenow["messageId"], "0123456789abcdef0123456789abcdef");
    assert_eq!(servicenow["agentId"], words["from"]["id"]);
    let avatar = servicenow["agentAvatar"].as_str().unwrap_or_default();
    assert!(avatar.is_empty() || url::Url::parse(avatar).is_ok(), "an avatar no page can load: {avatar}");
}

#[tokio::test]
async fn what_the_user_posts_comes_back_once_under_the_id_that_was_answered() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let mut posted = message("My VPN drops");
    posted["channelData"] = json!({"clientActivityID": "a-17", "own": [1]});
    posted["value"] = json!({"kept": true});
    posted["entities"] = json!([{"type": "ClientCapabilities", "supportsListening": true}]);
    let id = chat.post(&posted).await.unwrap();
    assert_eq!(chat.post(&posted).await.unwrap(), id, "posted again by a client that got no answer");
    let echo = chat.until("the echo", |a| a["id"] == id.as_str()).await.unwrap().pop().unwrap();
    for field in ["text", "channelData", "value", "locale", "entities", "from"] {
        assert_eq!(echo[field], posted[field], "{field}");
    }
    assert_eq!(times(&chat, "My VPN drops"), 1);
    world.agent_hears(chat.conversation(), &["My VPN drops"]).await;
    let first = chat.say("yes").await.unwrap();
    let second = chat.say("yes").await.unwrap();
    assert_ne!(first, second, "two people's yes are two");
    world.agent_hears(chat.conversation(), &["My VPN drops", "yes", "yes"]).await;
}

#[tokio::test]
async fn what_stands_in_a_message_itself_is_named_to_the_person() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let mut posted = message("see");
    posted["attachments"] = json!([
        {"contentType": "text/plain", "content": "one\ntwo", "name": "notes.txt"},
        {"contentType": "application/vnd.microsoft.card.hero", "content": {"title": "My order"}},
        {"contentType": "image/png", "name": "only a name.png"},
        {"contentType": "application/json", "content": {"a": 1}},
        17,
    ]);
    let id = chat.post(&posted).await.unwrap();
    let told = "see\n(A file could not be passed on: notes.txt)\n(A file could not be passed on: My order)\n\
        (A file could not be passed on: only a name.png)\n(A file could not be passed on: application/json)\n\
        (A file could not be passed on: ?)";
    world.agent_hears(chat.conversation(), &[told]).await;
    chat.see("the echo", |a| a["id"] == id.as_str()).await.unwrap();
    let echo = chat.received.iter().find(|a| a["id"] == id.as_str()).unwrap();
    assert_eq!((&echo["text"], &echo["attachments"]), (&posted["text"], &posted["attachments"]));
    let refused = "notes.txt, My order, only a name.png, application/json, ?";
    chat.see("that they went nowhere", |a| a["text"].as_str().is_some_and(|text| text.ends_with(refused)))
        .await
        .unwrap();
    for alone in
        [json!({"name": "alone.txt", "content": "x"}), json!({"name": "alone.txt", "contentUrl": "blob:x"})]
    {
        let bare = json!({"type": "message", "from": {"id": "dana"}, "attachments": [alone]});
        chat.post(&bare).await.unwrap();
    }
    let line = "(A file could not be passed on: alone.txt)";
    world.agent_hears(chat.conversation(), &[told, line, line]).await;
    let told = world.servicenow.requests_of(chat.conversation()).pop().unwrap();
    assert_eq!(told.body["message"]["typed"], true, "nobody chose it");
}

#[tokio::test]
async fn words_of_every_script_survive_both_ways() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let words = "Größe 日本語 עברית \u{1F468}\u{200D}\u{1F469} \"q\" \\ </script> \t\n\u{2028} {x} %2e";
    chat.say(words).await.unwrap();
    world.agent_hears(&session, &[words]).await;
    world.agent_says(&session, "Größe 日本語 עברית \u{1F468}\u{200D}\u{1F469}").await;
    chat.until("the words", |a| a["text"] == "Größe 日本語 עברית \u{1F468}\u{200D}\u{1F469}").await.unwrap();
}

#[tokio::test]
async fn what_is_no_message_is_answered_with_an_id_and_nobody_is_told() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    for activity in [
        json!({"type": "event", "name": "webchat/join", "from": {"id": "dana"}}),
        json!({"type": "typing", "from": {"id": "dana"}}),
        json!({"type": "invoke", "name": "x"}),
        json!({"type": "messageReaction", "reactionsAdded": []}),
    ] {
        assert!(!chat.post(&activity).await.unwrap().is_empty(), "{activity}");
    }
    let session = chat.conversation().to_owned();
    talk_both_ways(&world, &mut chat, &session).await;
    assert!(
        chat.received.iter().all(|a| a["type"] == "message" || a["type"] == "event" || a["type"] == "trace"),
        "an echo of what is no message"
    );
}

#[tokio::test]
async fn the_agents_typing_is_shown_and_is_no_history() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    assert!(world.servicenow.typing(&session, true).await.is_success());
    chat.until("typing", |a| a["type"] == "typing").await.unwrap();
    world.agent_says(&session, "Here I am").await;
    chat.until("the words", |a| a["text"] == "Here I am").await.unwrap();
    assert!(world.servicenow.typing(&session, true).await.is_success());
    let typing = chat.until("typing again", |a| a["type"] == "typing").await.unwrap();
    let said = chat.received.iter().rfind(|a| a["text"] == "Here I am").unwrap();
    let typed = typing.iter().find(|a| a["type"] == "typing").unwrap();
    assert_eq!(typed["from"], said["from"], "Web Chat takes it for over when the same one speaks");
    chat.reload();
    chat.until("the words again", |a| a["text"] == "Here I am").await.unwrap();
    assert!(!chat.received.iter().any(|a| a["type"] == "typing"), "typing was read again");
}

#[tokio::test]
async fn the_users_typing_is_told_once_a_burst_and_ends_with_the_message() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let typing = json!({"type": "typing", "from": {"id": "dana", "role": "user"}});
    for _ in 0..2 {
        let mut ids = vec![];
        for _ in 0..3 {
            ids.push(chat.post(&typing).await.unwrap());
            chat.poll().await.unwrap();
        }
        let said = chat.say("words").await.unwrap();
        assert!(!ids.contains(&said), "{said} is of the words alone: {ids:?}");
    }
    world.agent_hears(&session, &["words", "words"]).await;
    let signs: Vec<String> =
        world.actions(&session).into_iter().filter(|a| matches!(&**a, "" | "TYPING" | "VIEWING")).collect();
    // On a busy machine five seconds may pass within a burst, which makes two of it.
    assert!(signs.windows(2).all(|two| two[0] != two[1]), "each burst once: {signs:?}");
    let words: Vec<_> = (0..signs.len()).filter(|at| signs[*at].is_empty()).collect();
    assert_eq!(words.len(), 2);
    assert!(words.iter().all(|at| signs[at - 1] == "VIEWING"), "over with the message: {signs:?}");
    let request = asked(&world, &session, "TYPING").await;
    assert_eq!(request.body.get("message"), None);
    assert_eq!(request.body["userId"], "dana");
}

#[tokio::test]
async fn the_users_typing_is_over_after_five_seconds_without_more() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let typed = Timestamp::now();
    chat.post(&json!({"type": "typing", "from": {"id": "dana"}})).await.unwrap();
    asked(&world, &session, "TYPING").await;
    found("VIEWING", async || {
        chat.poll().await.unwrap();
        world.actions(&session).contains(&"VIEWING".to_owned()).then_some(())
    })
    .await;
    let stopped = asked(&world, &session, "VIEWING").await.at;
    assert!(stopped.millis_since(typed) >= 4_900, "after {} ms", stopped.millis_since(typed));
}

#[tokio::test]
async fn typing_while_nobody_is_there_is_told_to_nobody() {
    let world = World::start().await;
    let chat = world.waiting_chat().await;
    let mut ids = vec![];
    for _ in 0..2 {
        ids.push(chat.post(&json!({"type": "typing", "from": {"id": "dana"}})).await.unwrap());
    }
    ids.push(chat.say("hello?").await.unwrap());
    assert!(ids[0] != ids[1] && !ids[..2].contains(&ids[2]), "an id is of one thing: {ids:?}");
    world.accept(chat.conversation()).await;
    world.agent_hears(chat.conversation(), &["hello?"]).await;
    assert!(!world.actions(chat.conversation()).contains(&"TYPING".to_owned()));
}

#[tokio::test]
async fn the_agent_learns_that_a_message_was_read_once_the_clients_watermark_is_past_it() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.servicenow.say_with_id(&session, "one", "11111111111111111111111111111111").await;
    world.servicenow.say_with_id(&session, "two", "22222222222222222222222222222222").await;
    chat.until("the second", |a| a["text"] == "two").await.unwrap();
    // Given is not read: the answer may have been lost on its way.
    chat.say("so?").await.unwrap();
    world.agent_hears(&session, &["so?"]).await;
    assert!(!world.actions(&session).contains(&"UPDATE_MESSAGES".to_owned()));
    chat.poll().await.unwrap();
    let update = asked(&world, &session, "UPDATE_MESSAGES").await;
    let sent = |id: &str| json!({"id": id, "status": "sent_to_user"});
    let ids = ["11111111111111111111111111111111", "22222222222222222222222222222222"];
    assert_eq!(update.body["message"], json!(ids.map(sent)));
    let ticked = |at: &ServiceNow| {
        let lines = at.chat(&session).map(|chat| chat.lines).unwrap_or_default();
        lines.iter().filter(|line| ids.contains(&&*line.message_id) && line.mark == Mark::Delivered).count()
    };
    assert_eq!(ticked(&world.servicenow), 2);
    for _ in 0..3 {
        chat.poll().await.unwrap();
    }
    chat.say("and?").await.unwrap();
    world.agent_hears(&session, &["so?", "and?"]).await;
    let updates = world.actions(&session).iter().filter(|action| *action == "UPDATE_MESSAGES").count();
    assert_eq!(updates, 1, "told twice");
}

#[tokio::test]
async fn an_unknown_control_is_shown_as_its_text_and_its_neighbours_too() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let body = json!({"agentChat": true, "body": [
        {"uiType": "HologramControl", "promptMsg": "Look at the hologram", "messageId": "33333333"},
        {"uiType": "ActionMsg", "actionType": "Levitate", "message": "We levitate now"},
        {"uiType": "OutputText", "value": "And words", "messageId": "44444444"},
    ]});
    assert!(world.servicenow.send(chat.conversation(), body).await.is_success());
    for text in ["Look at the hologram", "We levitate now", "And words"] {
        let has = |a: &Value| a["text"] == text;
        chat.see(text, has).await.unwrap();
    }
}
