//! How a live chat is opened in ServiceNow, and what goes with it.

use serde_json::{Value, json};

use crate::{
    live::person::{asked, sees_state, talk_both_ways, times},
    world::{AGENT, World},
};

#[tokio::test]
async fn create_mode_makes_the_conversation_and_then_starts_it() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let requests = world.servicenow.requests_of(&session);
    assert_eq!(requests[0].action, "CREATE_CONVERSATION");
    assert_eq!(requests[1].action, "START_CREATED_CONVERSATION");
    for request in &requests[..2] {
        assert_eq!(request.body["syncResponse"], true);
        assert_eq!(request.body["clientSessionId"], session);
        assert_eq!(request.body["userId"], "dana");
    }
    assert_ne!(requests[0].request_id, requests[1].request_id);
    talk_both_ways(&world, &mut chat, &session).await;
}

#[tokio::test]
async fn start_mode_opens_with_one_call() {
    let world = World::with(&[("SERVICENOW_START", "start")]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    assert_eq!(world.actions(&session)[0], "START_CONVERSATION");
    assert_eq!(opening(&world, &session).await["contextVariables"]["live_agent_only"], "true");
    talk_both_ways(&world, &mut chat, &session).await;
}

#[tokio::test]
async fn agent_mode_asks_for_a_person_straight_away() {
    let world = World::with(&[("SERVICENOW_START", "agent")]).await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    assert_eq!(world.actions(&session)[0], "AGENT");
    talk_both_ways(&world, &mut chat, &session).await;
}

#[tokio::test]
async fn the_opening_names_the_user_and_the_context_whatever_the_mode() {
    let context = json!({
        "LiveAgent_queue": "{SupportQueue}", "b2b_category": "hr", "tickets": "{OpenTickets} open",
        "manager": "{IsManager}", "kind": "{Category}", "device": "{Device}", "missing": "{Nope}",
        "half": "is {Nope}", "brace": "{{x",
    })
    .to_string();
    for mode in ["create", "start", "agent"] {
        let settings = [("SERVICENOW_START", mode), ("SERVICENOW_CONTEXT", &*context)];
        let world = World::with(&settings).await;
        let chat = world.waiting_chat().await;
        let body = opening(&world, chat.conversation()).await;
        assert_eq!(body["userId"], "dana");
        assert_eq!(body["userName"], "Dana");
        assert_eq!(body["emailId"], "ada@example.com");
        assert_eq!(body["timezone"], "Europe/Berlin");
        let given = &body["contextVariables"];
        let device: Value = serde_json::from_str(given["device"].as_str().unwrap()).unwrap();
        assert_eq!(device, json!({"Model": "Laptop 14", "AssetTag": "P1000479"}));
        let expected = json!({
            "LiveAgent_queue": "IT Support", "b2b_category": "hr", "tickets": "2 open", "manager": "false",
            "kind": "Hardware", "device": given["device"], "half": "is ", "brace": "{x",
            "live_agent_only": "true", "requester_session_language": "en", "deviceTimeZone": "Europe/Berlin",
        });
        assert_eq!(*given, expected, "{mode}");
    }
}

#[tokio::test]
async fn without_an_email_variable_the_user_is_a_guest() {
    let world = World::with(&[("USER_EMAIL_VARIABLE", "")]).await;
    let chat = world.waiting_chat().await;
    let body = opening(&world, chat.conversation()).await;
    assert_eq!(body.get("emailId"), None);
    assert_eq!(body["userId"], "dana");
}

#[tokio::test]
async fn the_history_goes_with_the_opening_as_servicenow_wants_it() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.greet().await.unwrap();
    chat.say("hello").await.unwrap();
    chat.say("agent").await.unwrap();
    chat.see("the hand-off", |a| a["name"] == "handoff.initiate").await.unwrap();
    let body = opening(&world, chat.conversation()).await;
    let history = body["history"].as_array().unwrap();
    let said: Vec<(bool, &str, &str)> = history
        .iter()
        .map(|line| {
            (
                line["isBotMessage"].as_bool().unwrap(),
                line["displayName"].as_str().unwrap(),
                line["value"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(said[0].0);
    assert!(said[0].2.starts_with("Hello, I'm the Service Guide"), "{said:?}");
    assert_eq!(
        said[1..],
        [
            (false, "Dana", "hello"),
            (true, "Service Guide", "You said: hello"),
            (false, "Dana", "agent"),
            (true, "Service Guide", "Connecting you to a person…"),
        ]
    );
    let mut last = 0;
    for line in history {
        let at = line["timestamp"].as_str().expect("a string");
        assert!(at.len() == 13 && at.parse::<u64>().unwrap() >= last, "{at}");
        last = at.parse().unwrap();
        assert_eq!(line["type"], "text");
    }
    for later in world.servicenow.requests_of(chat.conversation()).iter().skip(1) {
        assert_eq!(later.body.get("history"), None, "{} has a history, too", later.action);
    }
}

#[tokio::test]
async fn the_user_is_told_how_long_it_takes_and_who_has_come() {
    for mode in ["create", "start"] {
        let world = World::with(&[("SERVICENOW_START", mode)]).await;
        let mut chat = world.waiting_chat().await;
        let wait = |a: &Value| a["text"].as_str().is_some_and(|text| text.contains("13 Seconds"));
        chat.see("the waiting time", wait).await.unwrap();
        assert!(!chat.received.iter().any(|a| a["name"] == "handoff.status"), "nobody has come yet");
        world.accept(chat.conversation()).await;
        assert_eq!(sees_state(&mut chat, "accepted").await, format!("{AGENT} has joined the chat."));
        let entered = format!("{AGENT} has entered the chat.");
        chat.see("the words for people", |a| a["text"] == entered.as_str()).await.unwrap();
        assert_eq!(times(&chat, &entered), 1);
        let joined = chat.transcript().iter().filter(|(_, text)| text.contains("has joined")).count();
        assert_eq!(joined, 0, "the user is told twice");
    }
}

#[tokio::test]
async fn what_the_user_says_while_waiting_reaches_the_agent_in_order() {
    let world = World::start().await;
    let mut chat = world.waiting_chat().await;
    let session = chat.conversation().to_owned();
    for text in ["hello?", "hello?", "still there?"] {
        chat.say(text).await.unwrap();
    }
    world.accept(&session).await;
    world.agent_hears(&session, &["hello?", "hello?", "still there?"]).await;
    sees_state(&mut chat, "accepted").await;
    assert_eq!(times(&chat, "hello?"), 2);
}

/// The body of a chat's first request.
async fn opening(world: &World, session: &str) -> Value {
    let came =
        |at: &servicenow_handoff::simulate::servicenow::ServiceNow| !at.requests_of(session).is_empty();
    assert!(world.servicenow.wait_for(crate::world::PATIENCE, came).await, "no live chat was asked for");
    let first = world.servicenow.requests_of(session).remove(0);
    asked(world, session, &first.action).await.body
}
