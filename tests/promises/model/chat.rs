//! The chat of the model, and the words in it.

use std::collections::BTreeMap;

use servicenow_handoff::{
    domain::{
        Agent, ConversationId, Timestamp, User,
        control::Control,
        inbound::{Inbound, Item, What},
    },
    handoff::machine::Chat,
    ledger::{CallId, Lease, Settled, Settlement},
    session::{
        AgentSaid, Answered, Command, Fact, HandoffRequested, Opening, Policy, Speaker, State, ToAgent,
        UserSaid,
    },
};

/// What a journal adds up to.
pub type Session = State;
/// A fact behind the opening.
pub type Step = Fact;

/// When the model begins, and a tick.
const BEGIN: i64 = 1_800_000_000_000;
const TICK: i64 = 5_000;

pub fn chat() -> Chat {
    Chat { policy: Policy { timeout_millis: 300_000, back_to_bot: true } }
}

pub fn time(tick: u8) -> Timestamp {
    Timestamp(BEGIN + i64::from(tick) * TICK)
}

/// A chat that a person has joined, and nothing is owed.
pub fn opened() -> Session {
    let mut state = State::new(ConversationId::parse("c").unwrap());
    let at = time(0);
    let request = HandoffRequested {
        event: "event".to_owned(),
        bot: None,
        watermark: None,
        tail: vec![],
        seen: vec![],
        answered: vec![],
        unmatched_request: None,
        user: User { id: "user".to_owned(), ..User::default() },
        reason: None,
        context: serde_json::Map::new(),
        history: vec![],
        later_history: vec![],
        history_missing: false,
        topic: None,
        opening: Opening::Start,
        token: None,
        trace: None,
        at,
    };
    let call = CallId(0, 0);
    let lease = Lease { call, attempt: 1, by: "z".to_owned(), at, until: at.plus_millis(1) };
    let settled = Settled { call, attempt: Some(1), outcome: Settlement::Done, at };
    for fact in [
        Fact::HandoffRequested(Box::new(request)),
        Fact::Leased(lease),
        Fact::Settled(settled),
        Fact::AgentJoined { agent: agent(), at },
    ] {
        state.apply(&fact);
    }
    state
}

fn agent() -> Agent {
    Agent { name: Some("Abel".to_owned()), ..Agent::default() }
}

/// Where the words of the model's user stand, once they are stored.
pub fn words(which: usize) -> String {
    ["one", "two"][which].to_owned()
}

pub fn post(which: usize, at: Timestamp) -> Command {
    let text = words(which);
    Command::UserSaid(Box::new(UserSaid {
        client_id: Some(text.clone()),
        message: Some(ToAgent { text, typed: true, ..ToAgent::default() }),
        at,
        ..UserSaid::default()
    }))
}

/// The person's messages; the second ends the chat.
pub fn hook(which: usize) -> Command {
    let items = vec![item(["first", "last"][which])];
    Command::Heard { chat: 1, told: told(items, which == 1) }
}

/// What the answer to the user's first words carries.
pub fn carried() -> Answered {
    told(vec![item("carried")], false)
}

fn item(id: &str) -> Item {
    Item {
        message_id: Some(id.to_owned()),
        agent: Some(agent()),
        what: What::Said(Control::Text { text: id.to_owned() }),
    }
}

fn told(items: Vec<Item>, completed: bool) -> Answered {
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
        notifies: false,
        items,
    };
    Answered { inbound, meanings }
}

/// How often each message of the person stands in these facts.
pub fn shown(facts: &[Fact]) -> BTreeMap<&str, usize> {
    let mut shown = BTreeMap::new();
    for fact in facts {
        if let Fact::AgentSaid(said) = fact {
            let AgentSaid { message_id: Some(id), by: Speaker::Agent(_), .. } = &**said else { continue };
            *shown.entry(id.as_str()).or_default() += 1;
        }
    }
    shown
}
