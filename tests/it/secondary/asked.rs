//! Every action, and what the agent makes of it.

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::control::Control,
    translate::virtual_agent::{What, inbound},
    wire::virtual_agent::{
        request::{Action, HistoryItem, Message, MessageUpdate, SwitchTo},
        response::{self, Kind, Response},
    },
};

use crate::secondary::world::{PATH, TOKEN, World, texts};

#[tokio::test]
async fn a_started_conversation_greets_and_answers() {
    let world = World::start().await;
    let primary = world.primary("s-1");
    let greeting = primary.starts().await;
    assert_eq!(
        texts(&greeting),
        ["Hello, I'm the Service Guide, a virtual assistant. What can I do for you?"]
    );
    let Kind::Picker(picker) = &greeting.body[0].kind else { panic!("{:?}", greeting.body) };
    assert_eq!(picker.options.len(), 3);
    let answer = primary.says("my mouse is broken").await;
    assert_eq!(texts(&answer), ["You said: my mouse is broken"]);
    assert_eq!(answer.client_session_id.as_deref(), Some("s-1"));
    assert_eq!(answer.app_inbound_id.as_deref(), Some("inbound-1"));
    assert_eq!(answer.user_id.as_deref(), Some("ada"));
    assert_eq!(answer.request_id.as_deref(), Some("s-1-2"));
    assert_eq!(answer.score, None);
    assert!(!answer.completed && !answer.take_control && !answer.agent_chat);
    assert!(answer.body.iter().all(|element| element.message_id.is_some()));
    let told = world.told();
    assert_eq!(told[0]["name"], "startConversation");
    assert_eq!(told[1]["from"]["id"], "ada");
}

#[tokio::test]
async fn a_choice_is_told_to_the_agent_as_it_expects() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    let asked = primary.chooses("Store hours").await;
    assert_eq!(texts(&asked), ["I can look that up.", "Which store do you mean?"]);
    let answer = primary.chooses("oslo").await;
    assert_eq!(
        texts(&answer),
        [
            "The store in Oslo is open from 9:00 to 18:00, Monday to Saturday.",
            "Did that answer your question?"
        ]
    );
    assert_eq!(world.heard(), ["Store hours", "Oslo"]);
}

#[tokio::test]
async fn a_card_with_inputs_is_asked_one_by_one_and_submitted_whole() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    let mut asked = primary.says("card").await;
    let mut kinds = Vec::new();
    for answer in ["It is old", "blue", "bag,Mouse", "2026-12-01", "14:30:00", "yes"] {
        kinds.push(
            format!("{:?}", asked.body.last().unwrap().kind).split(['(', ' ']).next().unwrap().to_owned(),
        );
        asked = primary.chooses(answer).await;
    }
    assert_eq!(kinds, ["InputText", "Picker", "Picker", "Date", "Date", "Picker"]);
    let told = world.told();
    let submitted = told.last().unwrap();
    assert_eq!(
        submitted["value"],
        json!({"action": "order", "reason": "It is old", "color": "blue", "extras": "bag,mouse",
            "day": "2026-12-01", "time": "14:30", "express": "true"})
    );
    assert!(submitted.get("text").is_none());
    assert!(texts(&asked)[0].starts_with("Thank you. I noted: "), "{asked:?}");
}

#[tokio::test]
async fn an_optional_input_is_skipped_and_what_is_no_answer_is_asked_again() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.says("card").await;
    primary.says("because").await;
    let asked = primary.chooses("_skip_").await;
    assert!(matches!(asked.body.last().unwrap().kind, Kind::Picker(_)), "{asked:?}");
    let again = primary.says("a dragon").await;
    assert!(matches!(again.body.last().unwrap().kind, Kind::Picker(_)), "{again:?}");
    assert_eq!(world.heard(), ["card"], "the agent hears nothing of it");
}

#[tokio::test]
async fn every_kind_of_thing_the_agent_shows_arrives_as_a_control() {
    let world = World::start().await;
    let primary = world.primary("s");
    let hero = controls(primary.says("hero").await);
    assert!(
        matches!(&hero[..], [Control::Text { .. }, Control::Card(_), Control::Link(_), Control::Choice(_)]),
        "{hero:?}"
    );
    let carousel = controls(primary.says("carousel").await);
    let Some(Control::Choice(choice)) = carousel.last() else { panic!("{carousel:?}") };
    assert!(carousel[..3].iter().all(|control| matches!(control, Control::Link(_))), "{carousel:?}");
    assert_eq!(choice.items.len(), 3);
    let picture = controls(primary.says("picture").await);
    assert!(matches!(&picture[..], [Control::Text { .. }, Control::Image(_)]), "{picture:?}");
    let markdown = controls(primary.says("markdown").await);
    assert!(matches!(&markdown[..], [Control::Text { text }] if text.contains("**Before you start**")));
    let policy = controls(primary.says("policy").await);
    let [Control::Generated(generated)] = &policy[..] else { panic!("{policy:?}") };
    assert_eq!(generated.text, "You have 30 days of leave a year [1].");
    assert_eq!(generated.citations[0].url.as_deref(), Some("https://example.com/leave"));
}

#[tokio::test]
async fn an_escalation_gives_control_back_with_its_variables() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    let mut request = primary.request(Action::Message(Message::typed("agent")));
    request.client_variables = object(json!({"own": 1}));
    let answer = primary.send(&request).await.unwrap();
    assert!(answer.take_control && !answer.completed);
    assert_eq!(texts(&answer), ["Connecting you to a person…"]);
    let variables = answer.client_variables.unwrap();
    assert_eq!(variables["own"], 1);
    assert_eq!(variables["handoff"]["va_LastPhrases"], "agent");
    // The session is over for the agent; whatever comes next starts another.
    let answer = primary.says("hi again").await;
    assert_eq!(texts(&answer), ["You said: hi again"]);
    assert_eq!(world.copilot.conversations().len(), 2);
}

#[tokio::test]
async fn the_end_is_told_both_ways() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    let bye = primary.says("bye").await;
    assert!(bye.completed);
    assert_eq!(texts(&bye), ["Goodbye, have a nice day."]);
    primary.starts().await;
    let ended = primary.does(Action::EndConversation).await;
    assert!(ended.completed && !ended.take_control);
    assert_eq!(world.told().last().unwrap()["type"], "endOfConversation");
    let faulted = primary.does(Action::FaultConversation { cause: "EXTERNAL_FAILURE".to_owned() }).await;
    assert!(faulted.take_control && faulted.body.is_empty());
}

#[tokio::test]
async fn a_created_conversation_is_started_later_with_all_its_context() {
    let world = World::start().await;
    let primary = world.primary("s");
    let mut create = primary.request(Action::CreateConversation);
    create.context_variables = object(json!({"Category": "hr"}));
    let created = primary.send(&create).await.unwrap();
    let Kind::Action { action: response::Action::CreateConversation { conversation_id, .. }, .. } =
        &created.body[0].kind
    else {
        panic!("{created:?}")
    };
    assert_eq!(*conversation_id, world.copilot.conversations().pop());
    assert_eq!(created.interaction_id, *conversation_id);
    assert!(world.told().is_empty());
    let started = primary.does(Action::StartCreatedConversation(Message::default())).await;
    assert!(matches!(started.body[0].kind, Kind::Action { .. }));
    assert!(matches!(started.body[1].kind, Kind::Picker(_)));
    let names: Vec<Value> = world.told().iter().map(|activity| activity["name"].clone()).collect();
    assert_eq!(names, ["pvaSetContext", "startConversation"]);
    assert_eq!(world.told()[0]["value"], json!({"Category": "hr"}));
    assert_eq!(world.copilot.conversations().len(), 1);
}

#[tokio::test]
async fn what_the_primary_knows_is_told_before_the_conversation_starts() {
    let world = World::start().await;
    let primary = world.primary("s");
    let mut start = primary.request(Action::StartConversation(Message::typed("store hours")));
    start.context_variables = object(json!({"requester_session_language": "de", "Department": "IT"}));
    start.timezone = Some("Europe/Berlin".to_owned());
    start.history = vec![
        HistoryItem { is_bot_message: true, value: "Hello".to_owned(), ..HistoryItem::default() },
        HistoryItem { value: "Hi".to_owned(), display_name: "Ada".to_owned(), ..HistoryItem::default() },
    ];
    let answer = primary.send(&start).await.unwrap();
    assert_eq!(texts(&answer).len(), 3);
    let told = world.told();
    assert_eq!(told[0]["name"], "pvaSetContext");
    assert_eq!(
        told[0]["value"],
        json!({"requester_session_language": "de", "Department": "IT", "ServiceNowHistory": "Bot: Hello\nAda: Hi"})
    );
    assert_eq!(told[1]["name"], "startConversation");
    assert_eq!((&told[1]["locale"], &told[1]["localTimezone"]), (&json!("de"), &json!("Europe/Berlin")));
    assert_eq!(told[2]["text"], "store hours");
}

#[tokio::test]
async fn a_switch_and_a_call_for_a_person_are_events_for_the_agent() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    for (to, value) in [
        (SwitchTo::TopicId("t1".to_owned()), json!({"topicId": "t1"})),
        (SwitchTo::TopicName("Printers".to_owned()), json!({"topicName": "Printers"})),
        (SwitchTo::IntentId("i1".to_owned()), json!({"intentId": "i1"})),
    ] {
        let answer = primary.does(Action::Switch(to, Message::default())).await;
        assert_eq!(texts(&answer)[0], "That topic can't be opened here.", "nobody listens for it");
        assert!(
            answer.completed && texts(&answer)[1].starts_with("The conversation has ended."),
            "{answer:?}"
        );
        let told = world.told();
        let last = told.last().unwrap();
        assert_eq!(
            (&last["type"], &last["name"], &last["value"]),
            (&json!("event"), &json!("servicenow.switch"), &value)
        );
    }
    let answer = primary.does(Action::Agent(Message::default())).await;
    assert_eq!(world.told().last().unwrap()["name"], "servicenow.agent");
    assert_eq!(texts(&answer), ["No person can be reached here."]);
    assert!(answer.take_control, "the primary bot goes on looking");
    let answer = primary.does(Action::Agent(Message::typed("How are you?"))).await;
    assert_eq!(texts(&answer), ["You said: How are you?", "No person can be reached here."]);
    assert!(answer.take_control, "its words were answered, the wish was not");
    let told = world.told();
    let [.., words, wish] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&words["text"], &wish["name"]), (&json!("How are you?"), &json!("servicenow.agent")));
    let answer = primary.does(Action::Agent(Message::typed("a person please"))).await;
    assert!(answer.take_control);
}

#[tokio::test]
async fn things_to_know_are_passed_on_without_an_answer() {
    let world = World::start().await;
    let primary = world.primary("s");
    primary.starts().await;
    let zone = primary.request(Action::SetUserTimezone("Asia/Kolkata".to_owned()));
    assert!(primary.send(&zone).await.is_none());
    let mut history = primary.request(Action::SendHistory);
    history.history = vec![HistoryItem { value: "late".to_owned(), ..HistoryItem::default() }];
    assert!(primary.send(&history).await.is_none());
    let again = json!({"userId": "ada", "clientSessionId": "s", "action": "SEND_HISTORY",
        "history": [{"value": "later"}]});
    assert_eq!(world.ask(again).await, json!({"status": "success"}));
    let told = world.told();
    assert_eq!(told[1]["value"], json!({"ServiceNowTimezone": "Asia/Kolkata"}));
    assert_eq!(told[2]["value"], json!({"ServiceNowHistory": "User: late"}));
    primary.says("hello").await;
    assert_eq!(world.told().last().unwrap()["localTimezone"], "Asia/Kolkata");
    let updates = Action::UpdateMessages(vec![MessageUpdate::sent("m1")]);
    assert!(primary.send(&primary.request(updates)).await.is_none());
    let plain = world.ask(json!({"action": "UPDATE_MESSAGES", "message": [], "userId": "ada"})).await;
    assert_eq!(plain, "Message Processed Successfully");
    assert!(primary.send(&primary.request(Action::Typing)).await.is_none());
    assert!(primary.send(&primary.request(Action::Viewing)).await.is_none());
}

#[tokio::test]
async fn silence_lasts_until_it_is_turned_off() {
    let world = World::start().await;
    let primary = world.primary("s");
    let mut silent = primary.request(Action::default());
    silent.silent_message = Some(true);
    assert!(primary.send(&silent).await.unwrap().body.is_empty());
    assert!(primary.says("hello").await.body.is_empty());
    let mut loud = primary.request(Action::Message(Message::typed("hello?")));
    loud.silent_message = Some(false);
    assert_eq!(texts(&primary.send(&loud).await.unwrap()), ["You said: hello?"]);
    assert_eq!(world.heard(), ["hello", "hello?"]);
}

#[tokio::test]
async fn what_is_only_given_back_keeps_the_last_digit() {
    let world = World::start().await;
    let variables = r#"{"id":123456789012345678901234567890,"large":1e+400,"sum":1.10}"#;
    let ask = async |request: &str, user: &str| {
        let body = format!(
            r#"{{"requestId":{request},"userId":{user},"message":{{"text":"hi"}},"clientVariables":{variables}}}"#
        );
        let post = world.http.post(format!("{}{PATH}", world.url)).header("token", TOKEN).body(body);
        let answer = post.send().await.unwrap().text().await.unwrap();
        for given in [format!("\"clientVariables\":{variables}"), format!("\"userId\":{user}")] {
            assert!(answer.contains(&given), "{answer}");
        }
    };
    ask("36893488147419103233", "110169484474386276334").await;
    ask("36893488147419103234", "110169484474386276334").await;
    assert_eq!(world.heard(), ["hi", "hi"], "another request is no repeat");
    ask("1", "110169484474386276335").await;
    assert_eq!(world.heard(), ["hi"], "another user has another conversation");
    let deep = format!(
        r#"{{"userId":"u","message":"hi","clientVariables":{}1{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    assert_eq!(world.post(&[("token", TOKEN)], deep).await.0, 200);
}

fn controls(response: Response) -> Vec<Control> {
    let items = inbound(response).items.into_iter();
    items
        .filter_map(|item| match item.what {
            What::Said(control) => Some(control),
            _ => None,
        })
        .collect()
}

fn object(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().unwrap().clone()
}
