//! What is said in the model and in the simulation, and by whom.

use servicenow_handoff::{
    domain::{
        Agent, ConversationId, Timestamp, User,
        control::Control,
        inbound::{Inbound, Item, What},
    },
    session::{Answered, Chat, Cut, HandoffRequested, Opening},
};

pub fn chat() -> Chat {
    Chat { timeout_millis: 300_000, back_to_bot: true }
}

/// The person at the desk.
pub fn abel() -> Agent {
    Agent { name: Some("Abel".to_owned()), id: Some("a1".to_owned()), avatar: None }
}

pub fn said(id: &str, text: &str, agent: Option<Agent>) -> Item {
    Item { message_id: Some(id.to_owned()), agent, what: What::Said(Control::Text { text: text.to_owned() }) }
}

/// One answer, or one webhook.
pub fn told(items: Vec<Item>, completed: bool) -> Answered {
    let meanings = vec![None; items.len()];
    let inbound = Inbound {
        session: None,
        request_id: None,
        interaction_id: None,
        user_id: None,
        client_variables: None,
        agent_chat: false,
        completed,
        take_control: false,
        streaming: false,
        stream_ends: false,
        notifies: false,
        items,
    };
    Answered { inbound, meanings }
}

/// A wish for a person.
pub fn handoff(event: &str, id: &ConversationId, opening: Opening, at: Timestamp) -> HandoffRequested {
    HandoffRequested {
        cut: Cut { event: event.to_owned(), ..Cut::default() },
        user: User { id: format!("user of {id}"), ..User::default() },
        opening,
        at,
        ..HandoffRequested::default()
    }
}
