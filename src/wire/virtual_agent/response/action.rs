//! Action messages: what ServiceNow tells the client to do, not to say.

use serde_json::{Map, Value};

use super::{Fields, element::words};

/// An `ActionMsg`, by its `actionType`.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    CreateConversation { conversation_id: Option<String>, interaction_id: Option<String> },
    StartConversation { conversation_id: Option<String>, interaction_id: Option<String> },
    SubscribeToSupportQueue,
    SubscribeToChatPresence,
    StartSpinner { spinner_type: Option<String>, message: Option<String>, wait_time: Option<String> },
    EndSpinner,
    ChatSubHeader,
    SwitchToLiveAgent,
    SwitchToVirtualAgent,
    SwitchConversation,
    System { message: Option<String> },
    StartTypingIndicator,
    EndTypingIndicator,
    DynamicLoader(DynamicLoader),
    TopicFinished,
    Separator,
}

/// The steps of a longer task; a later message with the same parent holds more of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DynamicLoader {
    pub header: Option<String>,
    pub default_header: Option<String>,
    pub parent_message_id: Option<String>,
    /// `progressMessages`, in order.
    pub steps: Vec<LoaderStep>,
}

/// One of `progressMessages`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoaderStep {
    pub text: String,
    pub status: Option<String>,
}

impl Action {
    /// Reads an action message; `None` when its type is unknown. The pages spell types with and without `ActionMsg`.
    pub(super) fn read(map: &Map<String, Value>) -> Option<Self> {
        let fields = Fields(map);
        let name = fields.text("actionType")?.trim().to_ascii_lowercase();
        let name = name.strip_suffix("actionmsg").unwrap_or(&name);
        Some(match name {
            "createconversation" => Self::CreateConversation {
                conversation_id: fields.text("conversationId"),
                interaction_id: fields.text("interactionId"),
            },
            "startconversation" => Self::StartConversation {
                conversation_id: fields.text("conversationId"),
                interaction_id: fields.text("interactionId"),
            },
            "subscribetosupportqueue" => Self::SubscribeToSupportQueue,
            "subscribetochatpresence" => Self::SubscribeToChatPresence,
            "startspinner" => Self::StartSpinner {
                spinner_type: fields.text("spinnerType"),
                message: fields.text("message"),
                wait_time: fields.text("waitTime"),
            },
            "endspinner" => Self::EndSpinner,
            "chatsubheader" => Self::ChatSubHeader,
            "switchtoliveagent" => Self::SwitchToLiveAgent,
            "switchtovirtualagent" => Self::SwitchToVirtualAgent,
            "switchconversation" => Self::SwitchConversation,
            "system" => Self::System { message: fields.text("message") },
            "starttypingindicator" => Self::StartTypingIndicator,
            "endtypingindicator" => Self::EndTypingIndicator,
            "dynamicloader" => Self::DynamicLoader(DynamicLoader::read(fields)),
            "topicfinished" => Self::TopicFinished,
            "separator" => Self::Separator,
            _ => return None,
        })
    }
}

impl DynamicLoader {
    fn read(fields: Fields<'_>) -> Self {
        let step = |value: &Value| match value {
            Value::Object(map) => Some(LoaderStep {
                text: first(Fields(map), &["message", "text", "label", "title"])?,
                status: Fields(map).text("status"),
            }),
            other => super::scalar(other).map(|text| LoaderStep { text, status: None }),
        };
        Self {
            header: first(fields, &["header", "message", "text", "label", "title", "value"]),
            default_header: fields.text("defaultHeader"),
            parent_message_id: fields.first(&["parentMessageId", "messageId"]),
            steps: fields.list("progressMessages").iter().filter_map(step).collect(),
        }
    }
}

/// The words of the first of several fields that has any.
fn first(fields: Fields<'_>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| words(fields.value(key)?))
}
