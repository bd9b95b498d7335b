//! What ServiceNow told us, in our words; not stored, but what facts are made of.

use serde_json::Value;

use super::{
    Agent,
    control::{Control, Step},
};

/// A message from ServiceNow in our words.
#[derive(Clone, Debug, PartialEq)]
pub struct Inbound {
    /// `clientSessionId`.
    pub session: Option<String>,
    /// Repeats the user's last request; never a key.
    pub request_id: Option<String>,
    pub interaction_id: Option<String>,
    pub user_id: Option<String>,
    pub client_variables: Option<Value>,
    pub agent_chat: bool,
    pub completed: bool,
    pub take_control: bool,
    /// More of a streamed answer is to come.
    pub streaming: bool,
    /// This is the end of a streamed answer.
    pub stream_ends: bool,
    /// A notification: a conversation of its own, which is complete when it is shown.
    pub notifies: bool,
    pub items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// ServiceNow's id, the key for duplicates. Always `None` for [`What::Progress`], which repeats its id as it
    /// grows, and for a life-cycle step whose words follow as an item of their own (they have the id).
    pub message_id: Option<String>,
    /// Who said it, when a person did.
    pub agent: Option<Agent>,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Said(Control),
    /// Plain text from ServiceNow itself; whose words may mean something ([`SystemMeaning`]).
    System(String),
    AgentJoined,
    BackToVirtualAgent,
    Queued,
    /// Plain text: why the user waits, and how long when that is known.
    Waiting(String),
    TypingStarted,
    TypingStopped,
    /// What its virtual agent asked is no longer waited for.
    TopicFinished,
    /// Steps of a longer task, those told before included or not. The key names the task.
    Progress {
        key: Option<String>,
        header: Option<Header>,
        steps: Vec<Step>,
    },
    Created {
        conversation: Option<String>,
        interaction: Option<String>,
    },
    StreamStarted {
        stream: Option<String>,
        /// Said until there is any text.
        hint: Option<String>,
    },
    /// Part of an answer that comes whole at the end of its stream.
    StreamChunk {
        stream: Option<String>,
        sequence: Option<u64>,
        text: String,
    },
    /// A notification has opened another conversation.
    NewConversation,
    /// Known, and nothing to show.
    Nothing,
    /// Nothing readable in it, be it known or not.
    Unreadable {
        ui_type: String,
    },
}

impl What {
    /// True for what the user may be shown as it is.
    pub fn is_shown(&self) -> bool {
        matches!(self, Self::Said(_) | Self::System(_) | Self::Waiting(_))
    }
}

/// What a text of ServiceNow's own means, for instances that say it in words only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SystemMeaning {
    /// A person has joined.
    Joined { name: Option<String> },
    /// The live chat is over.
    Ended,
    /// Nobody is there to take the chat.
    NobodyAvailable,
}

/// What stands over the steps of a longer task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub text: String,
    /// The task's own: it is nothing new once there are steps.
    pub is_standing: bool,
}
