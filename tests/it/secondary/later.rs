//! Answers that go to the response address.

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::Timestamp,
    simulate::{copilot, faults::Fault},
    wire::virtual_agent::request::{Action, Message},
};

use crate::{
    eventually::{PATIENCE, eventually, found},
    program::Program,
    secondary::{
        page,
        world::{PATH, Sink, TOKEN, World, has_said, settings, texts, to},
    },
};

/// What the agent of these tests answers `slow` with.
const SLOW: [&str; 3] = ["One moment, I'm looking…", "Here is the first part.", "And here is the rest."];

#[tokio::test]
async fn an_answer_comes_after_the_status_with_signs_of_typing() {
    let sink = Sink::open();
    let world = World::with(copilot::CopilotOptions::default(), &to(&sink)).await;
    let primary = world.primary("s");
    let stored = world
        .ask(json!({"requestId": "r-0", "clientSessionId": "s", "userId": "ada",
        "action": "START_CONVERSATION", "appInboundId": "in-1"}))
        .await;
    assert_eq!(stored, json!({"status": "success"}));
    let greeting = sink.wait_for(1).await.remove(0);
    assert_eq!((&greeting["requestId"], &greeting["appInboundId"]), (&json!("r-0"), &json!("in-1")));
    assert_eq!(greeting["body"][0]["actionType"], "EndTypingIndicator");
    assert_eq!(greeting["body"][1]["uiType"], "Picker");
    assert_eq!(sink.got()[0]["body"][0]["actionType"], "StartTypingIndicator");
    for text in ["one", "two", "three"] {
        assert!(primary.send(&primary.request(Action::Message(Message::typed(text)))).await.is_none());
    }
    let said: Vec<Value> =
        sink.wait_for(4).await.iter().map(|answer| answer["body"][1]["value"].clone()).collect();
    assert_eq!(said[1..], ["You said: one", "You said: two", "You said: three"]);
    let mut synchronous = primary.request(Action::Message(Message::typed("now")));
    synchronous.sync_response = true;
    assert_eq!(texts(&primary.send(&synchronous).await.unwrap()), ["You said: now"]);
    assert_eq!(sink.said().len(), 4);
}

#[tokio::test]
async fn an_address_that_is_down_gets_no_signs_of_typing() {
    let sink = Sink::open();
    let world = World::with(copilot::CopilotOptions::default(), &to(&sink)).await;
    let says = |session: usize| {
        json!({"requestId": "r", "clientSessionId": session.to_string(), "userId": "ada",
        "action": "START_CONVERSATION"})
    };
    sink.refuse(1_000);
    world.ask(says(0)).await;
    eventually("an answer is refused", || sink.refused() >= 2).await;
    let (before, begun) = (u64::from(sink.refused()), std::time::Instant::now());
    for session in 1..=30 {
        world.ask(says(session)).await;
    }
    let asked = u64::from(sink.refused()) - before;
    assert!(asked <= 6 + begun.elapsed().as_secs(), "{asked} calls for 30 sessions");
    sink.refuse(0);
    sink.wait_for(31).await;
}

#[tokio::test]
async fn a_repeat_is_answered_as_its_request_was_to_be() {
    let sink = Sink::open();
    let world = World::with(copilot::CopilotOptions::default(), &to(&sink)).await;
    let primary = world.primary("s");
    let mut request = primary.request(Action::Message(Message::typed("now")));
    for at_once in [true, false] {
        request.sync_response = at_once;
        let answer = primary.send(&request).await.expect("nothing follows");
        assert_eq!(texts(&answer), ["You said: now"]);
    }
    assert!(sink.said().is_empty());
    let mut request = primary.request(Action::Message(Message::typed("later on")));
    for at_once in [false, true] {
        request.sync_response = at_once;
        assert!(primary.send(&request).await.is_none(), "it follows");
        assert_eq!(sink.wait_for(1).await.len(), 1);
    }
}

#[tokio::test]
async fn an_answer_the_primary_did_not_take_is_sent_again_in_order() {
    let sink = Sink::open();
    let world = World::with(copilot::CopilotOptions::default(), &to(&sink)).await;
    let primary = world.primary("s");
    sink.refuse(4);
    for text in ["one", "two"] {
        primary.send(&primary.request(Action::Message(Message::typed(text)))).await;
    }
    let said: Vec<Value> =
        sink.wait_for(2).await.iter().map(|answer| answer["message"]["text"].clone()).collect();
    assert_eq!(said, ["one", "two"]);
}

#[tokio::test]
async fn what_the_agent_says_unasked_follows() {
    let sink = Sink::open();
    let world = World::with(copilot::CopilotOptions::default(), &to(&sink)).await;
    for at_once in [false, true] {
        let primary = world.primary(if at_once { "at once" } else { "later" });
        let mut request = primary.request(Action::Message(Message::typed("later")));
        request.sync_response = at_once;
        let answer = primary.send(&request).await;
        // In two answers, or in one when the machine is busy.
        let texts = found("all that the agent says", async || {
            let said = sink.said().into_iter().filter(|answer| answer["clientSessionId"] == *primary.session);
            let elements = said.flat_map(|answer| answer["body"].as_array().unwrap().clone());
            let followed = elements.filter_map(|e| e["value"].as_str().map(str::to_owned));
            let texts: Vec<_> = answer.iter().flat_map(texts).chain(followed).collect();
            (texts.len() >= 3).then_some(texts)
        })
        .await;
        assert_eq!(
            texts,
            ["I'll come back to you.", "By the way, I'm still here.", "Can I do anything else for you?"]
        );
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_once() {
    let sink = Sink::open();
    let world = World::with(copilot::CopilotOptions::default(), &to(&sink)).await;
    let primary = world.primary("s");
    let request = primary.request(Action::Message(Message::typed("hello")));
    for _ in 0..3 {
        assert!(primary.send(&request).await.is_none());
    }
    sink.wait_for(1).await;
    primary.send(&request).await;
    // Answers come in order: what there was to come before this one has come.
    primary.send(&primary.request(Action::Message(Message::typed("hello again")))).await;
    assert_eq!(sink.wait_for(2).await.len(), 2);
    assert_eq!(world.heard(), ["hello", "hello again"]);
}

#[tokio::test]
async fn a_request_answered_200_survives_a_kill_while_the_agent_thinks() {
    survives_a_kill(false).await;
}

#[tokio::test]
async fn a_request_answered_200_survives_a_kill_while_its_answer_is_refused() {
    survives_a_kill(true).await;
}

async fn survives_a_kill(answered: bool) {
    let sink = Sink::open();
    let copilot = copilot::start(copilot::CopilotOptions::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&copilot, &folder, &to(&sink));
    let mut program = Program::start(settings.iter().cloned());
    // Signs of typing go there as well, before the answer does.
    sink.refuse(if answered { 1_000 } else { 0 });
    let slow =
        json!({"requestId": "r", "clientSessionId": "s", "userId": "ada", "message": {"text": "slow"}});
    ask(&program, slow).await;
    let told = || copilot.conversations().pop().is_some_and(|id| !copilot.said_to_bot(&id).is_empty());
    eventually("the agent is told", told).await;
    if answered {
        has_said(&copilot, SLOW[2]).await;
        let before = sink.refused();
        eventually("the answer is refused", || sink.refused() > before).await;
    }
    program.kill();
    sink.refuse(0);
    has_said(&copilot, SLOW[2]).await;
    let again = Program::start(settings);
    sink.wait_for(1).await;
    let hello =
        json!({"requestId": "r2", "clientSessionId": "s", "userId": "ada", "message": {"text": "hello"}});
    ask(&again, hello).await;
    // Answers come in order: what there was to come before this one has come.
    let said = sink.wait_for(2).await;
    let texts = |answer: &Value| -> Vec<String> {
        let controls = answer["body"].as_array().unwrap().iter();
        controls.filter_map(|control| control["value"].as_str()).map(str::to_owned).collect()
    };
    assert_eq!(
        (texts(&said[0]), texts(&said[1])),
        (SLOW.map(str::to_owned).to_vec(), vec!["You said: hello".to_owned()])
    );
    let conversation = copilot.conversations().pop().unwrap();
    let told = copilot.said_to_bot(&conversation);
    assert_eq!(told.iter().filter(|activity| activity["text"] == "slow").count(), 1);
}

#[tokio::test]
async fn the_sweep_goes_on_with_what_another_instance_left() {
    let sink = Sink::open();
    let world = World::with(copilot::CopilotOptions::default(), &to(&sink)).await;
    let held = world.copilot.faults().add(Fault::on("GET", "/activities").once().delay(PATIENCE));
    let primary = world.primary("s");
    primary.send(&primary.request(Action::Message(Message::typed("hello")))).await;
    let (_, second) = world.second_instance();
    assert_eq!(second.sweep(Timestamp::now()).await.unwrap(), 1);
    world.copilot.faults().remove(held);
    sink.wait_for(1).await;
    primary.send(&primary.request(Action::Message(Message::typed("hello again")))).await;
    assert_eq!(sink.wait_for(2).await.len(), 2);
    assert_eq!(world.heard(), ["hello", "hello again"]);
}

#[tokio::test]
async fn an_idle_session_ends_and_control_goes_back() {
    let sink = Sink::open();
    let world = World::with(copilot::CopilotOptions::default(), &to(&sink)).await;
    let primary = world.primary("s");
    primary.send(&primary.request(Action::Message(Message::typed("hello")))).await;
    sink.wait_for(1).await;
    // Another instance, whose worker does not wait for later words of the agent.
    let (_, second) = world.second_instance();
    let in_an_hour = Timestamp::now().plus_millis(3_601_000);
    assert_eq!(second.sweep(in_an_hour).await.unwrap(), 1);
    let ended = sink.wait_for(2).await.remove(1);
    assert_eq!((&ended["takeControl"], &ended["body"]), (&json!(true), &json!([])));
    assert_eq!(world.told().last().unwrap()["type"], "endOfConversation");
    found("nothing is open", async || (second.sweep(Timestamp::now()).await.unwrap() == 0).then_some(()))
        .await;
}

#[tokio::test]
async fn a_secret_is_delivered_before_the_200_and_never_stored() {
    let sink = Sink::open();
    let world = World::with(copilot::CopilotOptions::default(), &to(&sink)).await;
    let primary = world.primary("s");
    primary.send(&primary.request(Action::Message(Message::typed("hello")))).await;
    sink.wait_for(1).await;
    let content = json!({"type": "AdaptiveCard", "body": [
        {"type": "Input.Text", "id": "pin", "label": "Your PIN", "style": "Password", "isRequired": true}]});
    let card = json!({"type": "message", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": content}]});
    let conversation = world.copilot.conversations().pop().unwrap();
    world.copilot.bot_says(&conversation, card).unwrap();
    let asked = sink.wait_for(2).await.remove(1);
    assert_eq!(
        (&asked["body"][0]["uiType"], &asked["body"][0]["maskType"]),
        (&json!("InputText"), &json!("SECURE"))
    );
    primary.send(&primary.request(Action::Message(Message::typed("pin-4711-pin")))).await;
    assert_eq!(world.told().last().unwrap()["value"], json!({"pin": "pin-4711-pin"}));
    let answer = sink.wait_for(3).await.remove(2);
    assert_eq!(answer["message"], json!({"typed": true}));
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() {
            let stored = std::fs::read(&file).unwrap();
            // The agent of this test repeats what it was told; its own words are its own affair.
            let spoken = b"I noted: pin = pin-4711-pin";
            let whole = stored.windows(12).filter(|window| window == b"pin-4711-pin").count();
            let repeated = stored.windows(spoken.len()).filter(|window| window == spoken).count();
            assert_eq!(whole, repeated, "{}", file.display());
        }
    }
}

async fn ask(program: &Program, body: Value) {
    let http = servicenow_handoff::far_end::client().unwrap();
    let post = http.post(format!("{}{PATH}", program.url)).header("token", TOKEN).body(body.to_string());
    let answer = post.send().await.unwrap();
    let (status, body) = (answer.status().as_u16(), answer.bytes().await.unwrap());
    page::holds(PATH, "post", status, &serde_json::from_slice(&body).unwrap());
    assert_eq!(status, 200);
}
