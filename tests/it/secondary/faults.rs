//! What goes wrong between us and the agent, and what the primary bot repeats.

use serde_json::json;
use servicenow_handoff::{
    domain::Timestamp,
    simulate::{copilot::CopilotOptions, faults::Fault},
    wire::virtual_agent::request::{Action, Message},
};

use crate::{
    eventually::eventually,
    secondary::world::{Primary, World, texts},
};

#[tokio::test]
async fn a_repeated_request_is_one_turn_with_one_answer() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    let request = primary.request(Action::Message(Message::typed("slow")));
    let (one, other) = tokio::join!(primary.send(&request), primary.send(&request));
    assert_eq!(one, other);
    assert_eq!(texts(&one.unwrap()).len(), 3);
    let later = primary.send(&request).await;
    assert_eq!(later, other);
    let (url, _second) = world.second_instance();
    assert_eq!(Primary::at(&url, "s").send(&request).await, other);
    assert_eq!(world.heard(), ["slow"]);
}

#[tokio::test]
async fn requests_of_one_conversation_wait_for_each_other() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    let first = primary.request(Action::Message(Message::typed("slow")));
    let second = primary.request(Action::Message(Message::typed("and this")));
    let (first, second) = tokio::join!(primary.send(&first), async {
        eventually("the agent is told the first", || world.heard() == ["slow"]).await;
        primary.send(&second).await
    });
    assert_eq!(texts(&first.unwrap()).len(), 3);
    assert_eq!(texts(&second.unwrap()), ["You said: and this"]);
}

#[tokio::test]
async fn a_post_that_failed_although_it_arrived_is_not_made_again() {
    for status in [502, 504] {
        let world = World::start().await;
        let primary = world.primary("s");
        primary.starts().await;
        world.copilot.faults().add(Fault::on("POST", "/activities").once().status(status).after_processing());
        assert_eq!(texts(&primary.says("hello").await), ["You said: hello"], "{status}");
        assert_eq!(world.heard(), ["hello"]);
    }
}

#[tokio::test]
async fn a_post_that_left_no_trace_is_told_to_be_in_doubt() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    world.copilot.faults().add(Fault::on("POST", "/activities").once().status(502));
    let answer = primary.says("hello").await;
    assert!(texts(&answer)[0].starts_with("I can't tell whether"), "{answer:?}");
    assert!(world.heard().is_empty());
    assert_eq!(texts(&primary.says("hello?").await), ["You said: hello?"]);
}

#[tokio::test]
async fn what_surely_did_not_arrive_is_tried_again() {
    let world = World::start().await;
    let primary = world.primary("s");
    let busy = Fault::on("POST", "/activities").times(2).status(429).header("Retry-After", "0");
    world.copilot.faults().add(busy);
    assert_eq!(texts(&primary.starts().await).len(), 1);
    world.copilot.faults().add(Fault::on("GET", "/activities").times(3).status(503));
    assert_eq!(texts(&primary.says("hello").await), ["You said: hello"]);
    assert_eq!(world.heard(), ["hello"]);
}

#[tokio::test]
async fn an_agent_out_of_reach_gives_control_back() {
    let world = World::start().await;
    world.copilot.faults().add(Fault::on("POST", "/conversations").status(403));
    let answer = world.primary("s").starts().await;
    assert!(answer.take_control);
    assert_eq!(texts(&answer), ["The assistant can't be reached at the moment."]);
}

#[tokio::test]
async fn a_token_that_expired_costs_the_conversation_but_not_the_message() {
    let world = World::without_secret(&[]).await;
    let primary = world.primary("s");
    let mut start = primary.request(Action::StartConversation(Message::default()));
    start.context_variables.insert("Category".to_owned(), "hr".into());
    primary.send(&start).await;
    let first = world.copilot.conversations().pop().unwrap();
    world.copilot.expire_tokens(&first);
    assert_eq!(texts(&primary.says("hello").await), ["You said: hello"]);
    assert_eq!(world.copilot.conversations().len(), 2);
    assert_eq!(world.told()[0]["value"]["Category"], "hr");
    assert_eq!(world.heard(), ["hello"]);
}

#[tokio::test]
async fn a_token_that_expires_while_the_agent_thinks_is_told_and_the_next_message_goes_on() {
    let world = World::without_secret(&[]).await;
    let primary = world.primary("s");
    primary.starts().await;
    let first = world.copilot.conversations().pop().unwrap();
    let (answer, ()) = tokio::join!(primary.says("slow"), async {
        eventually("the agent is told", || world.heard() == ["slow"]).await;
        world.copilot.expire_tokens(&first);
    });
    assert!(texts(&answer)[0].starts_with("I can't tell whether"), "{answer:?}");
    assert_eq!(texts(&primary.says("hello").await), ["You said: hello"]);
    assert_eq!(world.heard(), ["hello"], "nothing is said twice");
}

#[tokio::test]
async fn a_conversation_direct_line_forgot_is_opened_anew() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    world.copilot.forget(&world.copilot.conversations()[0]);
    assert_eq!(texts(&primary.says("hello").await), ["You said: hello"]);
}

#[tokio::test]
async fn what_came_too_late_is_part_of_the_next_answer() {
    let world = World::start().await;
    let primary = world.primary("s");
    assert_eq!(texts(&primary.says("hello").await), ["You said: hello"]);
    let earlier = Timestamp::now().plus_millis(-2_000).rfc3339();
    for text in ["By the way, I'm still here.", "Can I do anything else for you?"] {
        let late = json!({"type": "message", "text": text, "timestamp": earlier});
        world.copilot.bot_says(&world.copilot.conversations()[0], late).unwrap();
    }
    // Nobody could be told now.
    assert_eq!(world.second_instance().1.sweep(Timestamp::now()).await.unwrap(), 1);
    let next = primary.says("hello again").await;
    assert_eq!(
        texts(&next),
        ["By the way, I'm still here.", "Can I do anything else for you?", "You said: hello again"]
    );
}

#[tokio::test]
async fn an_answer_that_direct_line_keeps_is_not_taken_for_silence_and_comes_with_the_next() {
    for status in [400, 500] {
        let world = World::start().await;
        let primary = world.primary("s");
        primary.starts().await;
        world.copilot.faults().add(Fault::on("GET", "/activities").times(1_000).status(status));
        let answer = primary.says("hello").await;
        assert!(texts(&answer)[0].starts_with("I can't tell whether"), "{status}: {answer:?}");
        world.copilot.faults().clear();
        let both = ["You said: hello", "You said: and now?"];
        assert_eq!(texts(&primary.says("and now?").await), both, "{status}");
    }
}

#[tokio::test]
async fn a_silent_agent_is_no_empty_answer() {
    let world = World::start().await;
    let answer = world.primary("s").says("silence").await;
    assert_eq!(texts(&answer), ["I have no answer to that."]);
}

#[tokio::test]
async fn what_is_said_in_the_agents_stead_is_in_the_users_language() {
    let texts_of_ours = r#"{"de": {"no-answer": "Das weiß ich nicht."}}"#;
    // Silence is waited for six times.
    let settings = [("TEXTS", texts_of_ours), ("RELAY_MAX_WAIT", "500")];
    let world = World::with(CopilotOptions::default(), &settings).await;
    for (code, locale, told) in [
        ("de", "de", "Das weiß ich nicht."),
        ("pb", "pt-BR", "Não tenho resposta para isso."),
        ("sv", "sv", "I have no answer to that."),
    ] {
        let primary = world.primary(code);
        let mut request = primary.request(Action::Message(Message::typed("silence")));
        request.context_variables.insert("requester_session_language".to_owned(), code.into());
        let answer = primary.send(&request).await.expect("a whole answer");
        assert_eq!(texts(&answer), [told], "{code}");
        assert_eq!(world.told().last().expect("a message")["locale"], locale);
        let answer = primary.says("silence").await;
        assert_eq!(texts(&answer), [told], "{code}: it holds for the session");
    }
}

#[tokio::test]
async fn what_is_to_be_known_is_told_in_the_next_conversation_when_this_one_is_gone() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    world.copilot.forget(&world.copilot.conversations()[0]);
    let sets = json!({"requestId": "zone", "clientSessionId": "s", "userId": "ada", "action": "SET_USER_TIMEZONE",
        "timezone": "Asia/Tokyo"});
    assert_eq!(world.ask(sets).await["status"], "success");
    assert_eq!(texts(&primary.says("hello").await), ["You said: hello"]);
    assert_eq!(world.told()[0]["value"], json!({"ServiceNowTimezone": "Asia/Tokyo"}));
}

#[tokio::test]
async fn a_conversation_that_is_lost_in_a_turn_leaves_what_the_agent_is_to_know() {
    let world = World::without_secret(&[]).await;
    let primary = world.primary("s");
    let mut start = primary.request(Action::StartConversation(Message::default()));
    start.context_variables.insert("Category".to_owned(), "hr".into());
    primary.send(&start).await;
    let first = world.copilot.conversations().pop().unwrap();
    tokio::join!(primary.says("slow"), async {
        eventually("the agent is told", || world.heard() == ["slow"]).await;
        world.copilot.expire_tokens(&first);
    });
    assert_eq!(texts(&primary.says("hello").await), ["You said: hello"]);
    assert_eq!(world.told()[0]["value"], json!({"Category": "hr"}));
}
