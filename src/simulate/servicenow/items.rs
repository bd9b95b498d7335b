//! Body items and answers as the instance writes them.

use serde_json::{Map, Value, json};

use super::ids;

/// The topic behind "Live Agent Support."
pub(super) const LIVE_AGENT_TOPIC: &str = "ce2ee85053130010cf8cddeeff7b12bf";
pub(super) const PASSWORD_TOPIC: &str = "5d1c7a0e5b13201024f11fc40a81c7ab";

const STAND_BY: &str = "Please stand by while I connect you to a live agent.";
pub(super) const ENDED: &str = "The conversation has ended. If you need help again, type hi.";
pub(super) const NO_AGENTS: &str = "There are no agents available. Please try again later.";

/// An answer before it gets its envelope.
#[derive(Default)]
pub(super) struct Answer {
    pub items: Vec<Value>,
    /// `None`: left out, as for some of an agent's messages.
    pub score: Option<u8>,
    pub agent_chat: bool,
    pub completed: bool,
    pub take_control: bool,
}

impl Answer {
    pub(super) fn new(items: Vec<Value>) -> Self {
        Self { items, score: Some(1), ..Self::default() }
    }

    pub(super) fn agent_chat(mut self) -> Self {
        self.agent_chat = true;
        self
    }

    pub(super) fn completed(mut self) -> Self {
        self.completed = true;
        self
    }

    pub(super) fn take_control(mut self) -> Self {
        self.take_control = true;
        self
    }

    pub(super) fn score(mut self, score: Option<u8>) -> Self {
        self.score = score;
        self
    }

    /// Flags stand only where they are true.
    pub(super) fn write_to(self, body: &mut Map<String, Value>) {
        body.insert("body".to_owned(), Value::Array(self.items));
        let flags = [
            ("agentChat", self.agent_chat),
            ("takeControl", self.take_control),
            ("completed", self.completed),
        ];
        for (name, _) in flags.into_iter().filter(|(_, on)| *on) {
            body.insert(name.to_owned(), Value::Bool(true));
        }
        if let Some(score) = self.score {
            body.insert("score".to_owned(), score.into());
        }
    }
}

pub(super) fn text(value: &str) -> Value {
    json!({"uiType": "OutputText", "group": "DefaultText", "value": value, "maskType": "NONE",
        "messageId": ids::sys_id()})
}

pub(super) fn agent_text(agent: &str, value: &str, message_id: &str) -> Value {
    json!({"uiType": "OutputText", "group": "DefaultText", "agentInfo": agent_info(agent), "value": value,
        "maskType": "NONE", "messageId": message_id})
}

/// Who speaks; the avatar is relative to the instance.
pub(super) fn agent_info(agent: &str) -> Value {
    let avatar = ids::sys_id_of(&format!("avatar of {agent}"));
    json!({"sentFromAgent": true, "agentName": agent, "agentId": ids::sys_id_of(agent),
        "agentAvatar": format!("{avatar}.iix?t=small")})
}

/// An ActionMsg without fields of its own.
pub(super) fn action(kind: &str) -> Value {
    json!({"uiType": "ActionMsg", "actionType": kind, "messageId": ids::sys_id()})
}

pub(super) fn system(message: &str) -> Value {
    json!({"uiType": "ActionMsg", "actionType": "System", "message": message, "messageId": ids::sys_id()})
}

pub(super) fn created(conversation: &str, interaction: &str) -> Vec<Value> {
    vec![json!({"uiType": "ActionMsg", "actionType": "CreateConversation", "conversationId": conversation,
        "interactionId": interaction, "messageId": ids::sys_id()})]
}

/// The queue as START_CREATED_CONVERSATION answers it; two fields are Java's notation, not JSON.
pub(super) fn queued_created(conversation: &str, user: &str, wait: &str) -> Vec<Value> {
    let started = json!({"uiType": "ActionMsg", "actionType": "StartConversation",
        "conversationId": conversation, "messageId": ids::sys_id()});
    let queue = json!({"uiType": "ActionMsg", "actionType": "SubscribeToSupportQueue",
        "supportQueue": "{@type=InteractionQueue, external=false, type=interaction, queueAmbChannel=none}",
        "messageId": ids::sys_id()});
    let presence = json!({"uiType": "ActionMsg", "actionType": "SubscribeToChatPresence",
        "channel": format!("/sn/rp/sys_cs_conversation/{conversation}"),
        "userDetails": format!("{{name=Guest, sysId={}, avatarPath=null, userName={user}}}",
            ids::sys_id_of(user)),
        "chatSessionId": conversation, "messageId": ids::sys_id()});
    vec![started, queue, spinner("none", wait), presence]
}

/// The queue as a webhook tells it.
pub(super) fn queued(wait: &str) -> Vec<Value> {
    vec![text(STAND_BY), spinner("wait_time", wait)]
}

fn spinner(kind: &str, wait: &str) -> Value {
    json!({"uiType": "ActionMsg", "actionType": "StartSpinner", "spinnerType": kind,
        "message": "Routing you to a live agent...", "waitTime": wait, "messageId": ids::sys_id()})
}

pub(super) fn topic_picker() -> Value {
    json!({"uiType": "TopicPickerControl", "group": "DefaultPicker", "nluTextEnabled": false,
        "promptMsg": "Type what you need, or choose one of these topics.", "label": "All topics",
        "options": [
            {"label": "Live Agent Support.", "value": LIVE_AGENT_TOPIC, "enabled": true},
            {"label": "Reset a password", "value": PASSWORD_TOPIC, "enabled": true},
        ],
        "messageId": ids::sys_id()})
}

pub(super) fn picker(label: &str, options: &[(&str, &str)]) -> Value {
    let options: Vec<Value> = options
        .iter()
        .map(|(label, value)| {
            json!({"label": label, "value": value, "renderStyle": "data",
                "enabled": false})
        })
        .collect();
    json!({"uiType": "Picker", "group": "DefaultPicker", "required": true, "nluTextEnabled": false,
        "label": label, "itemType": "List", "style": "list", "multiSelect": false, "options": options,
        "scriptedData": null, "messageId": ids::sys_id()})
}

pub(super) fn input(label: &str, mask: &str) -> Value {
    json!({"uiType": "InputText", "group": "DefaultText", "required": true, "nluTextEnabled": false,
        "label": label, "maskType": mask, "messageId": ids::sys_id()})
}
