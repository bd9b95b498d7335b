//! This project on both ends: what its client sends as a primary bot, its own secondary bot understands, and the other way round.
//! The user of one connector talks with the agent behind another, as with a person.

use serde_json::{Value, json};
use servicenow_handoff::{
    simulate::{
        chat_client::{ChatClient, handoff_state},
        copilot::CopilotOptions,
    },
    wire::virtual_agent::request::{
        Action, Attachment, HistoryItem, Message, MessageUpdate, Request, SwitchTo,
    },
};

use crate::{
    eventually::eventually,
    free_port::free_port,
    secondary::{
        hop::{self, Passed},
        page,
        world::{TOKEN, World},
    },
    world::World as Primary,
};

/// Two connectors, one behind the other.
struct Tandem {
    first: Primary,
    second: World,
}

impl Tandem {
    async fn start() -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let there = format!("http://{address}");
        let later = hop::start(move |_| there.clone(), |passed| page::answers(&json(passed.body)));
        let answers = format!("{later}/api/servicenow/responses");
        let answers = [("SECONDARY_RESPONSE_URL", &*answers), ("SECONDARY_RESPONSE_TOKEN", "back")];
        let second = World::with(CopilotOptions::default(), &answers).await;
        let there = second.url.clone();
        let asked = hop::start(move |_| there.clone(), is_as_documented);
        let first = Primary::with(&[
            ("LISTEN", &address),
            ("SERVICENOW_URL", &asked),
            ("SERVICENOW_USERNAME", ""),
            ("SERVICENOW_PASSWORD", ""),
            ("SERVICENOW_TOKEN", TOKEN),
            ("RESPONSES_TOKEN", "back"),
        ])
        .await;
        Self { first, second }
    }

    /// A user who has asked for a person, and was greeted by the other agent.
    async fn user(&self) -> User {
        let chat = ChatClient::start(&self.first.url, &self.first.copilot.token_endpoint()).await.unwrap();
        let mut user = User { chat };
        user.chat.say("agent").await.unwrap();
        user.is_shown("Hello, I'm the Service Guide").await;
        user
    }
}

/// What one connector asks of the other, and is answered at once.
fn is_as_documented(passed: &Passed<'_>) {
    let plain = || String::from_utf8_lossy(passed.answer).into_owned().into();
    let answer = serde_json::from_slice(passed.answer).unwrap_or_else(|_| plain());
    page::holds(passed.request.path(), "post", passed.status, &answer);
    page::echoes(&json(passed.body), &answer);
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

struct User {
    chat: ChatClient,
}

impl User {
    /// Says it, and waits for what comes.
    async fn says(&mut self, words: &str, shown: &str) -> Value {
        self.chat.say(words).await.unwrap();
        self.is_shown(shown).await
    }

    /// What holds the text, of what came since the last look.
    async fn is_shown(&mut self, text: &str) -> Value {
        let holds = |activity: &Value| {
            activity["from"]["role"] != "user" && activity["channelData"]["servicenow"].is_object() && {
                let shown = activity.to_string().replace('\\', "");
                shown.contains(text)
            }
        };
        let came = self.chat.until(text, holds).await.unwrap();
        came.into_iter().rfind(holds).unwrap()
    }

    /// Answers a question as Web Chat posts it: by a button, the fields of a card, or words where there is neither.
    async fn answers(&mut self, question: &Value, answer: &str, shown: &str) -> Value {
        let content = &question["attachments"][0]["content"];
        if content.is_null() {
            return self.says(answer, shown).await;
        }
        let button = content["buttons"].as_array().into_iter().flatten().find(|one| one["title"] == answer);
        let mut posted = match button {
            Some(button) => json!({"type": "message", "text": button["text"], "value": button["value"],
                "channelData": {"postBack": true}}),
            None => {
                let mut value = content["actions"][0]["data"].clone();
                assert!(value.is_object(), "no way to answer {question}");
                for input in inputs(content) {
                    value[input["id"].as_str().unwrap()] = chosen(input, answer).into();
                }
                json!({"type": "message", "value": value})
            }
        };
        posted["from"] = json!({"id": "dana", "role": "user"});
        self.chat.post(&posted).await.unwrap();
        self.is_shown(shown).await
    }
}

/// The inputs of a card, wherever they stand in it.
fn inputs(content: &Value) -> Vec<&Value> {
    let own = content["type"].as_str().is_some_and(|kind| kind.starts_with("Input."));
    let within = match content {
        Value::Array(items) => items.iter().flat_map(inputs).collect(),
        Value::Object(fields) => fields.values().flat_map(inputs).collect(),
        _ => Vec::new(),
    };
    own.then_some(content).into_iter().chain(within).collect()
}

/// What an input holds for the labels of its choices, or for what is typed.
fn chosen(input: &Value, answer: &str) -> String {
    let Some(choices) = input["choices"].as_array() else { return answer.to_owned() };
    let value = |label: &str| {
        let choice = choices.iter().find(|choice| choice["title"] == label);
        choice.and_then(|choice| choice["value"].as_str()).unwrap_or_else(|| panic!("{label}: {input}"))
    };
    answer.split(',').map(value).collect::<Vec<_>>().join(",")
}

#[test]
fn every_action_is_read_as_it_was_sent() {
    let file = |n: u8| Attachment {
        client_attachment_id: Some(format!("f{n}")),
        content_type: "image/png".to_owned(),
        file_name: format!("{n}.png"),
        url: format!("https://example.com/{n}.png"),
        ..Attachment::default()
    };
    let several =
        Message { attachments: vec![file(1), file(2)], ..Message::typed("see these").with_id("m-1") };
    let actions = [
        Action::default(),
        Action::Message(Message::typed("Grüße, \"Ada\"\n😀").with_id("m-2")),
        Action::Message(Message::chosen("value_1")),
        Action::Message(Message::file(file(3))),
        Action::Message(several),
        Action::Agent(Message::default()),
        Action::Agent(Message::typed("How are you?")),
        Action::CreateConversation,
        Action::StartCreatedConversation(Message::default()),
        Action::StartCreatedConversation(Message::typed("hello")),
        Action::StartConversation(Message::default()),
        Action::StartConversation(Message::typed("hello")),
        Action::EndConversation,
        Action::FaultConversation { cause: "EXTERNAL_FAILURE".to_owned() },
        Action::SendHistory,
        Action::SetUserTimezone("Asia/Kolkata".to_owned()),
        Action::Switch(SwitchTo::TopicId("t".to_owned()), Message::default()),
        Action::Switch(SwitchTo::TopicName("T".to_owned()), Message::typed("hello")),
        Action::Switch(SwitchTo::IntentId("i".to_owned()), Message::default()),
        Action::Typing,
        Action::Viewing,
        Action::UpdateMessages(vec![MessageUpdate::sent("m-1"), MessageUpdate::sent("m-2")]),
    ];
    for action in actions {
        let zone = !matches!(action, Action::SetUserTimezone(_));
        let sent = Request {
            user_name: Some("Ada".to_owned()),
            email_id: Some("ada@example.com".to_owned()),
            timezone: zone.then(|| "Europe/Berlin".to_owned()),
            timestamp: Some(1_760_000_000_000),
            app_inbound_id: Some("inbound-1".to_owned()),
            bot_to_bot: Some(true),
            context_variables: object(json!({"Category": "hr"})),
            client_variables: object(json!({"own": {"n": 1}})),
            history: vec![HistoryItem {
                is_bot_message: true,
                value: "Hello".to_owned(),
                display_name: "Guide".to_owned(),
                timestamp: Some(1_760_000_000_000),
            }],
            sync_response: true,
            silent_message: Some(false),
            ..Request::new("r-1", "s-1", "ada", action)
        };
        let bytes = sent.to_bytes();
        let read = Request::parse(&bytes).unwrap();
        assert_eq!(read, sent, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test]
async fn what_one_connectors_agent_shows_the_user_of_another_sees() {
    let tandem = Tandem::start().await;
    let mut user = tandem.user().await;
    for (words, shown) in [
        ("hero", "Store hours"),
        ("carousel", "Tablet 11"),
        ("picture", "This is how it looks."),
        ("markdown", "ping -c 3 gateway"),
        ("policy", "https://example.com/leave"),
        ("slow", "And here is the rest."),
        ("later", "Can I do anything else for you?"),
        ("something else", "You said: something else"),
    ] {
        user.says(words, shown).await;
    }
    assert_eq!(tandem.second.heard().last().unwrap(), "something else");
    let degraded = user.chat.received.iter().find(|one| one.to_string().contains("uiType"));
    assert_eq!(degraded, None, "nothing came that the other end has no control for");
}

#[tokio::test]
async fn every_reaction_reaches_the_agent_as_if_it_were_its_own_user() {
    let tandem = Tandem::start().await;
    let mut user = tandem.user().await;
    let stores = user.says("Store hours", "Which store do you mean?").await;
    user.answers(&stores, "Oslo", "The store in Oslo").await;
    assert_eq!(tandem.second.heard(), ["Store hours", "Oslo"]);
    let mut question = user.says("card", "Why do you need it?").await;
    for (answer, next) in [
        ("It is old", "Colour"),
        ("Blue", "Extras"),
        ("Bag,Mouse", "Needed on"),
        ("2026-12-01", "Best time"),
        ("14:30", "Express delivery"),
    ] {
        question = user.answers(&question, answer, next).await;
    }
    user.answers(&question, "Yes", "Thank you. I noted").await;
    let told = tandem.second.told();
    assert_eq!(
        told.last().unwrap()["value"],
        json!({"action": "order", "reason": "It is old", "color": "blue", "extras": "bag,mouse",
            "day": "2026-12-01", "time": "14:30", "express": "true"})
    );
}

#[tokio::test]
async fn a_masked_answer_passes_both_and_is_kept_by_neither() {
    let tandem = Tandem::start().await;
    let mut user = tandem.user().await;
    user.says("hello", "You said: hello").await;
    let content = json!({"type": "AdaptiveCard", "body": [
        {"type": "Input.Text", "id": "pin", "label": "Your PIN", "style": "Password", "isRequired": true}]});
    let card = json!({"type": "message", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": content}]});
    let conversation = tandem.second.copilot.conversations().pop().unwrap();
    tandem.second.copilot.bot_says(&conversation, card).unwrap();
    user.is_shown("Your PIN").await;
    user.chat.say("pin-4711-pin").await.unwrap();
    eventually("the agent has it", || {
        tandem.second.told().last().unwrap()["value"] == json!({"pin": "pin-4711-pin"})
    })
    .await;
    user.is_shown("I noted: pin").await;
    let stored = tandem.first.stored_bytes();
    let times = |text: &[u8]| stored.windows(text.len()).filter(|bytes| *bytes == text).count();
    // The agent of this test repeats what it was told; its own words are its own affair.
    assert_eq!(times(b"pin-4711-pin"), times(b"I noted: pin = pin-4711-pin"));
}

#[tokio::test]
async fn the_end_is_told_whoever_ends_it() {
    let tandem = Tandem::start().await;
    // Nobody is said to have come: the agent behind it is no person.
    let over = |activity: &Value| matches!(handoff_state(activity), "completed" | "failed");
    let mut hands_over = tandem.user().await;
    hands_over.chat.say("a person please").await.unwrap();
    hands_over.chat.see("the end", over).await.unwrap();
    let mut is_told = tandem.user().await;
    is_told.chat.say("bye").await.unwrap();
    is_told.is_shown("Goodbye, have a nice day.").await;
    is_told.chat.see("the end", over).await.unwrap();
    let leaves = tandem.user().await;
    let end = json!({"type": "endOfConversation", "from": {"id": "dana", "role": "user"}});
    leaves.chat.post(&end).await.unwrap();
    eventually("the agent is told", || {
        tandem.second.told().last().is_some_and(|last| last["type"] == "endOfConversation")
    })
    .await;
}

fn object(value: Value) -> serde_json::Map<String, Value> {
    serde_json::from_value(value).unwrap()
}
