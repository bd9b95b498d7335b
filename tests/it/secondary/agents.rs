//! Several agents behind one address: each request's ids choose, and the session keeps whom it got.

use serde_json::{Value, json};
use servicenow_handoff::simulate::{
    copilot::{self, CopilotOptions, CopilotStudio},
    faults::Fault,
};

use crate::secondary::{hop, world::World};

const HR_SECRET: &str = "the-secret-of-hr";

/// The default agent is the world's; `hr` is the other one, behind the same Direct Line.
async fn two_agents() -> (World, CopilotStudio, CopilotStudio) {
    let hr = CopilotOptions {
        secret: HR_SECRET.to_owned(),
        bot_name: "HR Guide".to_owned(),
        ..CopilotOptions::default()
    };
    let hr = copilot::start(hr).await.unwrap();
    let default = copilot::start(CopilotOptions::default()).await.unwrap();
    let root = direct_line(default.url().to_owned(), hr.url().to_owned());
    let agents = json!({"hr": HR_SECRET}).to_string();
    let more = [
        ("DIRECT_LINE_URL", root.as_str()),
        ("DIRECT_LINE_SECRET", default.secret()),
        ("SECONDARY_AGENTS", agents.as_str()),
    ];
    (World::with(CopilotOptions::default(), &more).await, default, hr)
}

fn says(session: &str, id: &str, text: &str, more: &Value) -> Value {
    let mut body = json!({"requestId": format!("{session}-{id}"), "clientSessionId": session, "userId": "ada",
        "message": {"text": text, "typed": true}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn the_bot_id_chooses_else_the_inbound_id_else_the_default_agent() {
    let (world, default, hr) = two_agents().await;
    let mut counts = (0, 0);
    for (session, ids, is_hr) in [
        ("a", json!({"nowBotId": "hr"}), true),
        ("b", json!({"nowBotId": "someone"}), false),
        ("c", json!({"appInboundId": "hr"}), true),
        ("d", json!({}), false),
    ] {
        let answer = world.ask(says(session, "1", "hello", &ids)).await;
        assert_eq!(answer["body"][0]["value"], "You said: hello", "{answer}");
        if is_hr {
            counts.1 += 1
        } else {
            counts.0 += 1
        }
        assert_eq!((default.conversations().len(), hr.conversations().len()), counts, "{session}");
    }
}

#[tokio::test]
async fn a_session_keeps_its_agent_over_other_ids_other_instances_and_a_lost_conversation() {
    let (world, default, hr) = two_agents().await;
    world.ask(says("s", "1", "one", &json!({"nowBotId": "hr"}))).await;
    world.ask(says("s", "2", "two", &json!({"nowBotId": "someone"}))).await;
    let (second, _) = world.second_instance();
    world.ask_at(&second, says("s", "3", "three", &json!({}))).await;
    let conversation = hr.conversations().pop().unwrap();
    assert_eq!(heard(&hr, &conversation), ["one", "two", "three"]);
    hr.forget(&conversation);
    let answer = world.ask(says("s", "4", "four", &json!({}))).await;
    assert_eq!(answer["body"][0]["value"], "You said: four");
    assert_eq!(heard(&hr, &hr.conversations().pop().unwrap()), ["four"]);
    assert!(default.conversations().is_empty());
}

#[tokio::test]
async fn the_journal_holds_the_agents_name_and_no_secret() {
    let (world, _, _) = two_agents().await;
    world.ask(says("s", "1", "hello", &json!({"nowBotId": "hr"}))).await;
    let mut stored = Vec::new();
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() {
            stored.extend(std::fs::read(&file).unwrap());
        }
    }
    let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(r#""agent":"hr""#));
    assert!(!holds(HR_SECRET));
}

#[tokio::test]
async fn an_agent_that_asks_to_be_left_alone_holds_up_no_other() {
    let (world, default, hr) = two_agents().await;
    let busy = Fault::on("POST", "/conversations").status(429).header("Retry-After", "60");
    hr.faults().add(busy);
    let answer = world.ask(says("a", "1", "hello", &json!({"nowBotId": "hr"}))).await;
    assert_eq!(answer["takeControl"], true, "{answer}");
    let answer = world.ask(says("b", "1", "hello", &json!({}))).await;
    assert_eq!(answer["body"][0]["value"], "You said: hello", "{answer}");
    assert_eq!((default.conversations().len(), hr.conversations().len()), (1, 0));
}

fn heard(agent: &CopilotStudio, conversation: &str) -> Vec<String> {
    let said = agent.said_to_bot(conversation).into_iter();
    said.filter_map(|activity| Some(activity["text"].as_str()?.to_owned())).collect()
}

/// One Direct Line for both, which tells by the secret whose conversation it is, as the real one does.
fn direct_line(default: String, hr: String) -> String {
    let to = move |request: &actix_web::HttpRequest| {
        let authorization = request.headers().get("authorization").unwrap().to_str().unwrap();
        let root = if authorization == format!("Bearer {HR_SECRET}") { &hr } else { &default };
        root.trim_end_matches('/').to_owned()
    };
    format!("{}/", hop::start(to, |_| {}))
}
