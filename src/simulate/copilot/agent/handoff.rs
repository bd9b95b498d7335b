//! How the agent escalates: `handoff.initiate`, or an activity of type `handoff`.

use serde_json::{Map, Value, json};

use super::Memory;

/// The two ways to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Event `handoff.initiate`, as the Transfer conversation node sends it.
    Event,
    /// `type: "handoff"`.
    Activity,
}

/// What the channel knows and the agent needs for an escalation.
pub struct Scene<'a> {
    pub conversation: &'a str,
    /// The agent's own account.
    pub bot: &'a Value,
    pub user: &'a Value,
    /// The activity that led here.
    pub asked_in: Option<&'a str>,
    /// All messages of the conversation so far, oldest first.
    pub transcript: Vec<Value>,
}

const AGENT_MESSAGE: &str = "The user asked for a person.";

/// The activity that escalates, without what every activity gets.
pub fn activity(form: Form, memory: &Memory, scene: Scene<'_>) -> Value {
    let context = context(memory, &scene);
    match form {
        Form::Activity => json!({
            "type": "handoff",
            "value": {"type": "transferToAgent", "message": AGENT_MESSAGE, "context": context, "customHeaders": {}},
        }),
        Form::Event => json!({
            "type": "event",
            "name": "handoff.initiate",
            "attachments": [{
                "contentType": "application/json", "name": "Transcript",
                "content": {"activities": scene.transcript},
            }],
            "value": context,
            "relatesTo": {
                "activityId": scene.asked_in, "user": scene.user, "bot": scene.bot,
                "conversation": {"id": scene.conversation}, "channelId": "directline",
            },
        }),
    }
}

fn context(memory: &Memory, scene: &Scene<'_>) -> Value {
    let mut context = topic_variables();
    context.extend(memory.variables.clone());
    let language = memory.locale.as_deref().unwrap_or("en-US");
    let own = [
        ("va_Scope", json!("bot")),
        ("va_LastTopic", json!(memory.topics.last())),
        ("va_Topics", json!(memory.topics)),
        ("va_LastPhrases", json!(memory.phrases.last())),
        ("va_Phrases", json!(memory.phrases)),
        ("va_ConversationId", json!(scene.conversation)),
        ("va_AgentMessage", json!(AGENT_MESSAGE)),
        ("va_BotId", scene.bot["id"].clone()),
        ("va_BotName", scene.bot["name"].clone()),
        ("va_Language", json!(language)),
    ];
    context.extend(own.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(context)
}

/// Variables of the author's own, one of each type; `pvaSetContext` overrides them.
fn topic_variables() -> Map<String, Value> {
    let option = json!({
        "$kind": "OptionDataValue",
        "type": {"$kind": "EmbeddedOptionSet", "dialogSchemaName": "cr001_guide.topic.Escalate",
                 "triggerId": "main", "actionId": "question_1"},
        "value": "Hardware",
    });
    Map::from_iter([
        ("SupportQueue".to_owned(), json!("IT Support")),
        ("UserEmail".to_owned(), json!("ada@example.com")),
        ("OpenTickets".to_owned(), json!(2)),
        ("IsManager".to_owned(), json!(false)),
        ("Device".to_owned(), json!({"Model": "Laptop 14", "AssetTag": "P1000479"})),
        ("Category".to_owned(), option),
    ])
}
