//! Anything that may happen to a conversation, likely or not.

use proptest::{collection::vec, option, prelude::*};

use super::chat::*;
use crate::{
    domain::{
        ActivityId, HistoryLine, Timestamp,
        control::{Choice, Control, Table},
        inbound::{Inbound, Item, What},
    },
    ledger::CallId,
    session::{Command, HandoffRequested, Opening, ToAgent, Topic, UserSaid},
};

mod deliverer;

pub use self::deliverer::Deliverer;

/// One thing that happens. Small numbers stand for ids, so that they meet again.
#[derive(Clone, Debug)]
pub enum Move {
    /// The bot of this stretch asks for a person; the last one's when `None`.
    Escalate {
        segment: Option<usize>,
        opening: Opening,
        rest: [bool; 3],
        said: Vec<Words>,
    },
    ReadUpstream {
        said: Vec<Words>,
        history: bool,
    },
    Say(Words),
    Type,
    Leave,
    Hear {
        chat: Option<u32>,
        flags: [bool; 3],
        items: Vec<Heard>,
    },
    Fetch(u64),
    /// Somebody claims the oldest call, if it is due.
    Claim,
    /// As that, and ServiceNow takes it.
    Deliver,
    /// The call claimed this many claims ago ends.
    Finish {
        ago: usize,
        how: Finish,
    },
    /// A call that may never have been claimed, or never was one, ends.
    Stray {
        call: CallId,
        how: Finish,
    },
    Return {
        instead_of: Option<usize>,
    },
    Renew,
    Accept {
        hash: u8,
        millis: i64,
    },
    Tick,
    Wait(i64),
}

#[derive(Clone, Copy, Debug)]
pub enum Finish {
    Done,
    PutOff(i64),
    Failed,
}

#[derive(Clone, Debug)]
pub struct Words {
    pub id: Option<u8>,
    pub client_id: Option<u8>,
    pub text: Option<u8>,
    pub timezone: Option<u8>,
}

#[derive(Clone, Debug)]
pub enum Heard {
    Agent(Option<u8>),
    VirtualAgent(Option<u8>),
    /// Waits for `DONE`.
    Table(Option<u8>),
    Question(Option<u8>),
    Unreadable(Option<u8>),
    System(Option<u8>, &'static str),
    Step(Box<What>),
}

/// A conversation as it may go in up to this many moves, with some nonsense in it.
pub fn moves(most: usize) -> impl Strategy<Value = Vec<Move>> {
    (option::weighted(0.9, escalate()), vec(a_move(), 1..most))
        .prop_map(|(first, rest)| first.into_iter().chain(rest).collect())
}

pub fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        5 => escalate(),
        2 => (vec(words(), 0..4), any::<bool>())
            .prop_map(|(said, history)| Move::ReadUpstream { said, history }),
        8 => words().prop_map(Move::Say),
        2 => Just(Move::Type),
        1 => Just(Move::Leave),
        6 => hear(),
        3 => (0_u64..80).prop_map(Move::Fetch),
        14 => Just(Move::Deliver),
        6 => Just(Move::Claim),
        6 => (0_usize..3, finish()).prop_map(|(ago, how)| Move::Finish { ago, how }),
        1 => (0_u64..40, 0_u8..3, finish())
            .prop_map(|(at, step, how)| Move::Stray { call: CallId(at, step), how }),
        4 => prop_oneof![4 => Just(None), 1 => (0_usize..4).prop_map(Some)]
            .prop_map(|instead_of| Move::Return { instead_of }),
        1 => Just(Move::Renew),
        1 => (0_u8..3, 0_i64..100_000).prop_map(|(hash, millis)| Move::Accept { hash, millis }),
        2 => Just(Move::Tick),
        4 => wait(),
    ]
}

fn wait() -> impl Strategy<Value = Move> {
    prop_oneof![
        8 => 0_i64..6_000,
        4 => Just(10_000),
        1 => Just(300_000),
        1 => Just(86_400_000),
        1 => Just(-1_000),
    ]
    .prop_map(Move::Wait)
}

fn escalate() -> impl Strategy<Value = Move> {
    let segment = prop_oneof![4 => Just(None), 1 => (0_usize..4).prop_map(Some)];
    let openings = [Opening::CreateThenStart, Opening::Start, Opening::Agent];
    let rest = any::<[bool; 3]>();
    (segment, 0_usize..3, rest, vec(words(), 0..4)).prop_map(move |(segment, opening, rest, said)| {
        Move::Escalate { segment, opening: openings[opening], rest, said }
    })
}

fn words() -> impl Strategy<Value = Words> {
    let timezone = option::weighted(0.1, 0_u8..2);
    (
        option::weighted(0.3, 0_u8..12),
        option::weighted(0.6, 0_u8..12),
        option::weighted(0.9, 0_u8..3),
        timezone,
    )
        .prop_map(|(id, client_id, text, timezone)| Words { id, client_id, text, timezone })
}

fn finish() -> impl Strategy<Value = Finish> {
    prop_oneof![
        6 => Just(Finish::Done),
        2 => (0_i64..30_000).prop_map(Finish::PutOff),
        1 => Just(Finish::Failed),
    ]
}

fn hear() -> impl Strategy<Value = Move> {
    let chat = prop_oneof![4 => Just(None), 1 => (0_u32..4).prop_map(Some)];
    let flags = [0.3, 0.05, 0.03].map(prop::bool::weighted);
    (chat, flags, vec(heard_item(), 0..4)).prop_map(|(chat, flags, items)| Move::Hear { chat, flags, items })
}

fn heard_item() -> impl Strategy<Value = Heard> {
    let texts = prop::sample::select(vec![
        "Ana has entered the chat.",
        "Ana has closed the support session.",
        "There are no agents available.",
        "Please wait.",
        "You are number 2.",
        "You are number 1.",
    ]);
    let id = || option::weighted(0.9, 0_u8..20);
    let steps = prop::sample::select(vec![
        What::AgentJoined,
        What::BackToVirtualAgent,
        What::Queued,
        What::TypingStarted,
        What::TypingStopped,
        What::NewConversation,
        What::Nothing,
        What::Created { conversation: None, interaction: None },
        What::Created { conversation: Some("113927".to_owned()), interaction: Some("9d39".to_owned()) },
        task(None, &["Searching"]),
        task(Some("k"), &["Searching"]),
        task(Some("k"), &["Searching", "Found"]),
        task(Some("k"), &["Written|completed"]),
    ]);
    prop_oneof![
        4 => id().prop_map(Heard::Agent),
        2 => id().prop_map(Heard::VirtualAgent),
        1 => id().prop_map(Heard::Table),
        1 => id().prop_map(Heard::Question),
        1 => id().prop_map(Heard::Unreadable),
        2 => (id(), texts).prop_map(|(id, text)| Heard::System(id, text)),
        2 => steps.prop_map(|what| Heard::Step(Box::new(what))),
    ]
}

impl Finish {
    fn end(self, chat: &mut Chat, call: CallId) {
        match self {
            Self::Done => chat.done(call),
            Self::PutOff(millis) => chat.put_off(call, chat.now.plus_millis(millis)),
            Self::Failed => chat.failed(call),
        };
    }
}

impl Words {
    pub fn said(self, at: Timestamp) -> UserSaid {
        let message = |text: u8| ToAgent {
            text: format!("text {text}"),
            typed: true,
            attachments: vec![],
            whisper: None,
        };
        UserSaid {
            id: self.id.map(|id| ActivityId(format!("up|{id}"))),
            client_id: self.client_id.map(|id| format!("c{id}")),
            message: self.text.map(message),
            timezone: self.timezone.map(|zone| format!("Etc/GMT+{zone}")),
            at,
            ..UserSaid::default()
        }
    }
}

fn remark() -> HistoryLine {
    HistoryLine { from_bot: true, name: "Bot".to_owned(), text: "How can I help?".to_owned(), at: START }
}

fn inbound([agent_chat, completed, take_control]: [bool; 3], items: Vec<Heard>) -> Inbound {
    let items: Vec<Item> = items.into_iter().map(item).collect();
    let notifies = !agent_chat && items.iter().any(|item| item.what == What::NewConversation);
    Inbound { agent_chat, completed, take_control, notifies, items, ..webhook([]) }
}

fn item(heard: Heard) -> Item {
    let named = |id: Option<u8>, item| Item { message_id: id.map(|id| format!("m{id}")), ..item };
    let text = || What::Said(Control::Text { text: "words".to_owned() });
    let by_ana = |what| Item { agent: Some(person("Ana")), ..step(what) };
    match heard {
        Heard::Agent(id) => named(id, by_ana(text())),
        Heard::VirtualAgent(id) => named(id, step(text())),
        Heard::Table(id) => named(id, by_ana(What::Said(Control::Table(Table::default())))),
        Heard::Question(id) => named(id, step(What::Said(Control::Choice(Choice::default())))),
        Heard::Unreadable(id) => named(id, by_ana(What::Unreadable { ui_type: "Hologram".to_owned() })),
        Heard::System(id, text) => named(id, step(What::System(text.to_owned()))),
        Heard::Step(what) => step(*what),
    }
}
