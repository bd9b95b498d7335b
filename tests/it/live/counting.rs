//! What a process counts, what it logs of it, and the trace an answer is followed back by.

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::Timestamp,
    ledger::Looked,
    simulate::{
        chat_client::{ChatClient, message},
        servicenow::{Effect, Fault},
    },
    telemetry::Count,
};

use crate::{
    eventually::eventually,
    world::{RESPONSES_TOKEN, World},
};

/// What was counted, by the names of the log line; what is nothing is left out.
fn counted(world: &World) -> Vec<(&'static str, u64)> {
    let all = [
        ("handoffs", Count::Handoffs),
        ("to_servicenow", Count::ToServiceNow),
        ("from_servicenow", Count::FromServiceNow),
        ("from_primary_bot", Count::FromPrimaryBot),
        ("to_primary_bot", Count::ToPrimaryBot),
        ("relay_turns", Count::RelayTurns),
        ("relay_activities", Count::RelayActivities),
        ("late_parts", Count::LateParts),
        ("duplicates", Count::Duplicates),
        ("degraded", Count::Degraded),
        ("not_shown", Count::NotShown),
        ("retries_servicenow", Count::RetriesServiceNow),
        ("retries_direct_line", Count::RetriesDirectLine),
        ("retries_primary_bot", Count::RetriesPrimaryBot),
        ("signs_dropped", Count::SignsDropped),
        ("given_up", Count::GivenUp),
    ];
    let counted = world.handoff.counters.take();
    all.into_iter().map(|(name, what)| (name, counted.of(what))).filter(|(_, many)| *many > 0).collect()
}

#[tokio::test]
async fn a_hand_off_is_counted_to_the_last_duplicate() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let opening = counted(&world);
    assert_eq!(opening[0], ("handoffs", 1));
    assert!(opening.iter().all(|(name, _)| ["handoffs", "from_servicenow"].contains(name)), "{opening:?}");
    world.servicenow.faults().add(Fault::new(Effect::Status { status: 503 }).of("MESSAGE").times(1));
    chat.say("one").await.unwrap();
    world.agent_hears(&session, &["one"]).await;
    let posted = json!({"type": "message", "text": "two", "from": {"id": "dana", "role": "user"},
        "channelData": {"clientActivityID": "two"}});
    for _ in 0..3 {
        chat.post(&posted).await.unwrap();
    }
    world.agent_hears(&session, &["one", "two"]).await;
    for _ in 0..3 {
        assert!(world.servicenow.say_with_id(&session, "Hello", "one-id").await.is_success());
    }
    let hologram = json!({"uiType": "Hologram", "value": "Look here.", "messageId": "h-1"});
    tell(&world, json!({"clientSessionId": session, "agentChat": true, "body": [hologram]})).await;
    chat.see("the hologram", |activity| activity["text"] == "Look here.").await.unwrap();
    // The last of the words is settled a moment after ServiceNow has it.
    let settled = || world.handoff.counters.so_far().of(Count::ToServiceNow) == 2;
    eventually("both messages are settled", settled).await;
    let expected = [
        ("to_servicenow", 2),
        ("from_servicenow", 2),
        ("duplicates", 4),
        ("degraded", 1),
        ("retries_servicenow", 1),
    ];
    assert_eq!(counted(&world), expected);
    assert_eq!(counted(&world), []);
}

#[tokio::test]
async fn a_part_that_came_too_late_for_its_turn_is_counted_with_the_turn_it_came_with() {
    let world = World::start().await;
    let chat = world.chat().await;
    let conversation = chat.conversation().to_owned();
    let now = Timestamp::now();
    let bot_said = |text: &str, at: Timestamp| {
        let words = json!({"type": "message", "text": text, "timestamp": at.rfc3339()});
        world.copilot.bot_says(&conversation, words).unwrap();
    };
    bot_said("First part.", now);
    let first = relay(&world, &conversation, "0").await;
    assert_eq!(counted(&world), [("relay_turns", 1), ("relay_activities", texts(&first).len() as u64)]);
    // Nearer to the call than a second, it would count as part of this turn when only the second poll shows it.
    bot_said("Late part.", now.plus_millis(-2_000));
    chat.post(&message("And now?")).await.unwrap();
    let second = relay(&world, &conversation, first["watermark"].as_str().unwrap()).await;
    assert!(texts(&second).contains(&"Late part.".to_owned()), "{second}");
    let counted = counted(&world);
    assert!(counted.contains(&("late_parts", 1)), "{counted:?}: {second}");
}

#[tokio::test]
async fn the_sweep_sees_what_is_open_and_how_long_the_oldest_words_have_waited() {
    let world = World::start().await;
    assert_eq!(world.handoff.sweep().await.unwrap(), Looked::default());
    let chat = world.live_chat().await;
    let quiet = world.handoff.sweep().await.unwrap();
    assert_eq!((quiet.open, quiet.live, quiet.oldest_millis), (1, 1, 0));
    world.servicenow.faults().add(Fault::new(Effect::Status { status: 503 }).of("MESSAGE"));
    chat.say("Is anybody there?").await.unwrap();
    let waiting = world.handoff.sweep().await.unwrap();
    assert_eq!((waiting.open, waiting.live, waiting.undelivered), (1, 1, 1));
    assert!(waiting.oldest_millis > 0, "{waiting:?}");
}

#[tokio::test]
async fn servicenow_is_given_the_trace_of_the_request_behind_each_call() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    let opening = traces(&world, &session);
    assert!(opening.windows(2).all(|pair| pair[0] == pair[1]), "one trace opens the chat: {opening:?}");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    post_in_trace(&world, &chat, &format!("00-{trace}-00f067aa0ba902b7-01")).await;
    world.agent_hears(&session, &["traced"]).await;
    assert_eq!(traces(&world, &session).last().unwrap(), trace);
    assert_ne!(opening[0], trace);
}

/// The trace ids in `clientVariables` of a chat's requests, in order; each is the header's, too.
fn traces(world: &World, session: &str) -> Vec<String> {
    let traced = |request: servicenow_handoff::simulate::servicenow::Recorded| {
        let variable = request.body["clientVariables"]["traceparent"].as_str().unwrap_or_default().to_owned();
        assert_eq!(request.traceparent.as_deref(), Some(variable.as_str()), "{}", request.action);
        variable[3..35].to_owned()
    };
    world.servicenow.requests_of(session).into_iter().map(traced).collect()
}

async fn post_in_trace(world: &World, chat: &ChatClient, traceparent: &str) {
    let url = format!("{}/v3/directline/conversations/{}/activities", world.url, chat.conversation());
    let post = world.http.post(url).bearer_auth(chat.token()).header("traceparent", traceparent);
    let post = post.header("content-type", "application/json").body(message("traced").to_string());
    assert_eq!(post.send().await.unwrap().status(), 200);
}

async fn tell(world: &World, webhook: Value) {
    let post = world.http.post(format!("{}/api/servicenow/responses", world.url));
    let post = post.header("token", RESPONSES_TOKEN).header("content-type", "application/json");
    assert_eq!(post.body(webhook.to_string()).send().await.unwrap().status(), 200);
}

/// A turn, as Bot Interconnect fetches it.
async fn relay(world: &World, conversation: &str, watermark: &str) -> Value {
    let get = world.http.get(format!("{}/api/relayToDirectLine", world.url));
    let get = get.bearer_auth(world.copilot.secret()).header("conversationid", conversation);
    let answer = get.header("watermark", watermark).send().await.unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

fn texts(set: &Value) -> Vec<String> {
    let activities = set["activities"].as_array().unwrap();
    activities.iter().map(|activity| activity["text"].as_str().unwrap_or_default().to_owned()).collect()
}
