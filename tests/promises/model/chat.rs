//! The chat of the model, and the words in it.

use std::collections::BTreeMap;

use servicenow_handoff::{
    domain::{ConversationId, Timestamp, inbound::Item},
    ledger::{CallId, Lease, Settled, Settlement},
    session::{AgentSaid, Answered, Command, Fact, Opening, Speaker, State, ToAgent, UserSaid},
};

pub use crate::words::chat;
use crate::words::{abel, handoff, said, told};

/// What a journal adds up to.
pub type Session = State;
/// A fact behind the opening.
pub type Step = Fact;

/// When the model begins, and a tick.
const BEGIN: i64 = 1_800_000_000_000;
const TICK: i64 = 5_000;

pub fn time(tick: u8) -> Timestamp {
    Timestamp(BEGIN + i64::from(tick) * TICK)
}

/// A chat that a person has joined, and nothing is owed.
pub fn opened() -> Session {
    let mut state = State::new(ConversationId::parse("c").unwrap());
    let at = time(0);
    let request = handoff("event", &state.conversation, Opening::Start, at);
    let call = CallId(0, 0);
    let lease = Lease { call, attempt: 1, by: "z".to_owned(), at, until: at.plus_millis(1) };
    let settled = Settled { call, attempt: Some(1), outcome: Settlement::Done, at };
    for fact in [
        Fact::HandoffRequested(Box::new(request)),
        Fact::Leased(lease),
        Fact::Settled(settled),
        Fact::AgentJoined { agent: abel(), at },
    ] {
        state.apply(&fact);
    }
    state
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
    said(id, id, Some(abel()))
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
