//! Every way a live chat ends, and every way it fails to begin.

use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    chat_client::ChatClient,
    servicenow::{Effect, Fault, Standing},
};

use crate::{
    eventually::found,
    free_port::free_port,
    live::person::{asked, sees_state, told_to_fresh_bot},
    world::{AGENT, World},
};

#[tokio::test]
async fn the_agent_ends_it() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    assert!(world.servicenow.end(&session).await.is_success());
    assert_eq!(sees_state(&mut chat, "completed").await, "The live chat has ended.");
    chat.see("the words for people", |a| a["text"] == "The live chat has ended.").await.unwrap();
    assert_eq!(outcome(&world, &mut chat).await, ["ended_by_agent", AGENT]);
    assert!(!world.actions(&session).contains(&"END_CONVERSATION".to_owned()), "ServiceNow knows it");
}

#[tokio::test]
async fn the_user_ends_it_and_what_they_said_before_gets_through() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    chat.say("Thanks, bye").await.unwrap();
    let id = chat.post(&json!({"type": "endOfConversation", "from": {"id": "dana"}})).await.unwrap();
    assert!(!id.is_empty());
    assert_eq!(sees_state(&mut chat, "completed").await, "You have left the live chat.");
    let end = asked(&world, &session, "END_CONVERSATION").await;
    let text = end.body.pointer("/message/text").cloned().unwrap_or_default();
    assert!(text == "" || text == Value::Null, "{text}");
    assert_eq!(world.actions(&session).last().unwrap(), "END_CONVERSATION");
    assert_eq!(world.told(&session), ["Thanks, bye"]);
    assert_eq!(world.servicenow.chat(&session).unwrap().standing, Standing::Ended);
    assert_eq!(outcome(&world, &mut chat).await, ["ended_by_user", AGENT]);
}

#[tokio::test]
async fn the_user_gives_up_waiting() {
    let world = World::start().await;
    let mut chat = world.waiting_chat().await;
    let session = chat.conversation().to_owned();
    let queued = |at: &servicenow_handoff::simulate::servicenow::ServiceNow| {
        at.chat(&session).is_some_and(|chat| chat.standing == Standing::Queued)
    };
    assert!(world.servicenow.wait_for(crate::world::PATIENCE, queued).await);
    chat.post(&json!({"type": "endOfConversation", "from": {"id": "dana"}})).await.unwrap();
    chat.see("the end", |a| a["text"] == "You have left the live chat.").await.unwrap();
    asked(&world, &session, "END_CONVERSATION").await;
    assert_eq!(outcome(&world, &mut chat).await, ["ended_by_user", ""]);
}

#[tokio::test]
async fn nobody_takes_it_in_time() {
    let world = World::with(&[("HANDOFF_TIMEOUT", "8")]).await;
    let mut chat = world.waiting_chat().await;
    let session = chat.conversation().to_owned();
    let late = "No live agent could take your request in time.";
    assert_eq!(sees_state(&mut chat, "failed").await, late);
    chat.see("the words for people", |a| a["text"] == late).await.unwrap();
    asked(&world, &session, "END_CONVERSATION").await;
    assert_eq!(world.servicenow.chat(&session).unwrap().standing, Standing::Ended);
    assert_eq!(outcome(&world, &mut chat).await, ["timed_out", ""]);
}

#[tokio::test]
async fn the_sweep_notices_a_time_out_when_no_client_polls() {
    let port = free_port().to_string();
    let world = World::with(&[("HANDOFF_TIMEOUT", "8"), ("FUNCTIONS_CUSTOMHANDLER_PORT", &port)]).await;
    let mut chat = world.waiting_chat().await;
    // First the live chat ends, then the bot comes back.
    found("the sweep ends the chat", async || {
        let sweep = world.http.post(format!("{}/sweep", world.url)).body("{}").send().await.unwrap();
        assert_eq!(sweep.text().await.unwrap(), r#"{"Logs":[],"Outputs":{},"ReturnValue":null}"#);
        (world.copilot.conversations().len() >= 2).then_some(())
    })
    .await;
    asked(&world, chat.conversation(), "END_CONVERSATION").await;
    assert_eq!(outcome(&world, &mut chat).await, ["timed_out", ""]);
}

#[tokio::test]
async fn nobody_is_there() {
    for mode in ["create", "start", "agent"] {
        let world = World::with(&[("SERVICENOW_START", mode)]).await;
        world.servicenow.set_agents_available(false);
        let mut chat = world.waiting_chat().await;
        let nobody = "No live agent is available at the moment.";
        assert_eq!(sees_state(&mut chat, "failed").await, nobody, "{mode}");
        chat.see("the words for people", |a| a["text"] == nobody).await.unwrap();
        assert_eq!(outcome(&world, &mut chat).await, ["no_agent_available", ""]);
    }
}

#[tokio::test]
async fn servicenow_refuses_to_open_it() {
    for (mode, action) in
        [("create", "CREATE_CONVERSATION"), ("start", "START_CONVERSATION"), ("agent", "AGENT")]
    {
        let world = World::with(&[("SERVICENOW_START", mode)]).await;
        for effect in [Effect::Status { status: 400 }, Effect::Status { status: 401 }, Effect::Failure] {
            world.servicenow.reset();
            world.servicenow.faults().add(Fault::new(effect).of(action).times(1));
            let mut chat = world.waiting_chat().await;
            let refused = "The live chat could not be started.";
            assert_eq!(sees_state(&mut chat, "failed").await, refused, "{action}");
            chat.see("the words for people", |a| a["text"] == refused).await.unwrap();
            chat.say("hello").await.unwrap();
            chat.see("the bot", |a| a["text"] == "You said: hello").await.unwrap();
            // A refusal is final: the fault would have let a second try through.
            assert_eq!(world.actions(chat.conversation()), Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn servicenow_makes_the_conversation_but_refuses_to_start_it() {
    let world = World::start().await;
    world.servicenow.faults().add(Fault::status(400).of("START_CREATED_CONVERSATION"));
    let mut chat = world.waiting_chat().await;
    assert_eq!(sees_state(&mut chat, "failed").await, "The live chat could not be started.");
    // What was made must not stay open for somebody to find.
    let fault = asked(&world, chat.conversation(), "FAULT_CONVERSATION").await;
    assert_eq!(fault.body["cause"], "EXTERNAL_FAILURE");
    assert_eq!(outcome(&world, &mut chat).await, ["not_opened", ""]);
}

#[tokio::test]
async fn words_that_could_not_get_through_before_the_end_are_given_back() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    world.servicenow.faults().add(Fault::status(503).of("MESSAGE"));
    chat.say("too late").await.unwrap();
    world.servicenow.end(&session).await;
    sees_state(&mut chat, "completed").await;
    chat.see("the words given back", |a| a["text"] == "This message could not be delivered: too late")
        .await
        .unwrap();
}

#[tokio::test]
async fn servicenows_bot_hands_control_back() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let body = json!({"takeControl": true, "body": []});
    assert!(world.servicenow.send(chat.conversation(), body).await.is_success());
    assert_eq!(sees_state(&mut chat, "completed").await, "The live chat has ended.");
    assert_eq!(outcome(&world, &mut chat).await, ["control_returned", AGENT]);
}

/// How the chat ended and with whom, as the fresh conversation was told.
async fn outcome(world: &World, chat: &mut ChatClient) -> [String; 2] {
    let told = told_to_fresh_bot(world, chat).await;
    assert_eq!((&told["type"], &told["name"]), (&json!("event"), &json!("pvaSetContext")));
    ["ServiceNowOutcome", "ServiceNowAgent"]
        .map(|name| told["value"][name].as_str().unwrap_or("(nothing)").to_owned())
}
