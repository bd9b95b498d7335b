//! A conversation to try the core on: its facts, its clock, and what ServiceNow is told.

use crate::{
    domain::{
        ActivityId, Agent, ConversationId, Timestamp, User,
        control::{Control, Step},
        inbound::{Inbound, Item, SystemMeaning, What},
    },
    ledger::{
        CallId, Decided, LEASE, Lease, Machine as _, Next, Outage, Outcome, Queued, Settled, Settlement,
        Whisper, Why,
    },
    session::{
        self, AgentSaid, Answered, Call, ChatCall, Command, Cut, EndReason, Fact, HandoffRequested, LANE,
        Notice, Opening, Phase, Speaker, State, ToAgent, UserSaid,
    },
    translate::system::system_meaning,
};

mod lines;

pub use self::lines::{call_line, line};

pub const START: Timestamp = Timestamp(1_760_000_000_000);
pub const POLICY: session::Chat = session::Chat { timeout_millis: 300_000, back_to_bot: true };

pub const NOTHING: [&str; 0] = [];

pub struct Chat {
    pub state: State,
    pub facts: Vec<Fact>,
    pub policy: session::Chat,
    pub now: Timestamp,
    /// What the store was told last: whether the sweep must look here.
    pub open: bool,
}

impl Chat {
    /// The bot speaks.
    pub fn new() -> Self {
        Self { state: State::new(conversation()), facts: vec![], policy: POLICY, now: START, open: false }
    }

    /// A person was asked for; ServiceNow does not know yet.
    pub fn escalated() -> Self {
        Self::escalated_by(Opening::CreateThenStart)
    }

    pub fn escalated_by(opening: Opening) -> Self {
        let mut chat = Self::new();
        chat.on(escalation_by(0, opening));
        chat
    }

    /// ServiceNow looks for a person.
    pub fn waiting() -> Self {
        let mut chat = Self::escalated();
        chat.deliver();
        chat
    }

    /// Ana is there.
    pub fn with_ana() -> Self {
        let mut chat = Self::waiting();
        chat.hears(webhook([system("j", "Ana has entered the chat.")]));
        chat
    }

    /// What the event adds, a line a fact.
    pub fn on(&mut self, event: Command) -> Vec<String> {
        let facts = self.decides(&event);
        self.store(&facts);
        facts.iter().map(line).collect()
    }

    /// What the event would add.
    pub fn decides(&self, event: &Command) -> Vec<Fact> {
        decided(self.policy, &self.state, event, self.now)
    }

    /// A message from ServiceNow for the present chat.
    pub fn hears(&mut self, inbound: Inbound) -> Vec<String> {
        self.hears_for(self.state.chat, inbound)
    }

    pub fn hears_for(&mut self, chat: u32, inbound: Inbound) -> Vec<String> {
        self.on(heard(chat, inbound))
    }

    pub fn store(&mut self, facts: &[Fact]) {
        self.open = session::Chat::opens_or_closes(&self.state, facts).unwrap_or(self.open);
        facts.iter().for_each(|fact| self.state.apply(fact));
        self.facts.extend_from_slice(facts);
    }

    pub fn wait(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    /// Leases the oldest call if it is due, as the ledger does.
    pub fn lease(&mut self) -> Option<CallId> {
        let lease = lease(&self.state, self.now)?;
        let call = lease.call;
        self.store(&[Fact::Leased(lease)]);
        Some(call)
    }

    /// Makes every call that is due; ServiceNow takes them all.
    pub fn deliver(&mut self) -> Vec<String> {
        let mut told = vec![];
        loop {
            match self.due() {
                Next::Lease(..) => {
                    let Some(call) = self.lease() else { return told };
                    told.extend(self.state.outbox.get(call).map(call_line));
                    self.done(call);
                }
                Next::GiveUp(call, why) => drop(self.settles(call, Outcome::GivenUp(why))),
                Next::At(_) | Next::PutOff(..) | Next::Nothing => return told,
            }
        }
    }

    pub fn done(&mut self, call: CallId) -> Vec<String> {
        self.settles(call, Outcome::Done(None))
    }

    pub fn answered(&mut self, call: CallId, inbound: Inbound) -> Vec<String> {
        self.settles(call, Outcome::Done(Some(meant(inbound))))
    }

    pub fn put_off(&mut self, call: CallId, at: Timestamp) -> Vec<String> {
        self.settles(call, Outcome::Retry { at, uncertain: false })
    }

    pub fn failed(&mut self, call: CallId) -> Vec<String> {
        self.settles(call, Outcome::GivenUp(Why::Refused))
    }

    /// Settles the call as the ledger does: nothing, when it is settled already.
    pub fn settles(&mut self, call: CallId, outcome: Outcome<Answered>) -> Vec<String> {
        let Some(queued) = self.state.outbox.get(call) else { return vec![] };
        let settlement = match &outcome {
            Outcome::Done(_) => Settlement::Done,
            Outcome::Retry { at, uncertain } => Settlement::Retry { at: *at, uncertain: *uncertain },
            Outcome::GivenUp(_) => Settlement::Dropped,
        };
        let attempt = queued.lease.as_ref().map(|lease| lease.attempt);
        let settled = Settled { call, attempt, outcome: settlement, at: self.now };
        let facts = self.policy.settle(&self.state, queued, settled, &outcome);
        self.store(&facts);
        facts.iter().map(line).collect()
    }

    /// What ServiceNow must still be told.
    pub fn outbox(&self) -> Vec<String> {
        self.state.outbox.iter().map(call_line).collect()
    }

    pub fn due(&self) -> Next {
        self.state.outbox.next(LANE, self.now, "me", &mut Outage::default(), 0)
    }

    /// Where the next fact will stand.
    pub fn position(&self) -> u64 {
        self.state.position
    }

    pub fn agent(&self) -> Option<&str> {
        match &self.state.phase {
            Phase::WithAgent { agent } => agent.name.as_deref(),
            Phase::Bot | Phase::Waiting { .. } | Phase::Returning { .. } | Phase::Over => None,
        }
    }
}

pub fn decided(chat: session::Chat, state: &State, event: &Command, now: Timestamp) -> Vec<Fact> {
    match chat.decide(state, event, now) {
        Decided::Facts(facts) => facts,
        Decided::Known(_) | Decided::Nothing | Decided::TooLate => vec![],
    }
}

pub fn conversation() -> ConversationId {
    ConversationId::parse("91hcXEd0-eu").expect("a valid id")
}

/// The lease of the oldest call, if it is due.
pub fn lease(state: &State, now: Timestamp) -> Option<Lease> {
    match state.outbox.next(LANE, now, "me", &mut Outage::default(), 0) {
        Next::Lease(call, attempt) => {
            Some(Lease { call, attempt, by: "me".to_owned(), at: now, until: now.plus_millis(LEASE) })
        }
        Next::Nothing | Next::At(_) | Next::PutOff(..) | Next::GiveUp(..) => None,
    }
}

pub fn request(opening: Opening) -> HandoffRequested {
    HandoffRequested {
        cut: Cut {
            event: "91hcXEd0-eu|0000007".to_owned(),
            bot: Some("bot".to_owned()),
            watermark: Some("7".to_owned()),
            ..Cut::default()
        },
        user: User { id: "dl_jo".to_owned(), ..User::default() },
        opening,
        at: START,
        ..HandoffRequested::default()
    }
}

pub fn escalation(segment: usize) -> Command {
    escalation_by(segment, Opening::CreateThenStart)
}

pub fn escalation_by(segment: usize, opening: Opening) -> Command {
    Command::Escalated { segment, request: Box::new(request(opening)), said: vec![] }
}

/// As it is read: all words of the batch count as seen, those behind the event too.
pub fn escalation_with(said: Vec<UserSaid>) -> Command {
    let seen = said.iter().filter_map(|said| said.id.clone()).collect();
    let request = HandoffRequested { seen, ..request(Opening::CreateThenStart) };
    Command::Escalated { segment: 0, request: Box::new(request), said }
}

pub fn words(text: &str) -> UserSaid {
    let message = ToAgent { text: text.to_owned(), typed: true, attachments: vec![], whisper: None };
    UserSaid { message: Some(message), at: START, ..UserSaid::default() }
}

/// Words under the id Direct Line gave them.
pub fn words_at(id: &str, text: &str) -> UserSaid {
    UserSaid { id: Some(ActivityId(id.to_owned())), ..words(text) }
}

/// Words under the client's own name for them.
pub fn words_as(client_id: &str, text: &str) -> UserSaid {
    UserSaid { client_id: Some(client_id.to_owned()), ..words(text) }
}

/// A masked answer, as the shell makes it; `mark` stands for its words.
pub fn whispers(client_id: &str, question: Option<u64>, mark: &str) -> Command {
    let whisper = Whisper { name: client_id.to_owned(), by: "me".to_owned(), mark: mark.to_owned() };
    let message = ToAgent { typed: true, whisper: Some(whisper), ..ToAgent::default() };
    let said = UserSaid { message: Some(message), answers: question, ..words_as(client_id, "") };
    Command::UserSaid(Box::new(said))
}

pub fn says(text: &str) -> Command {
    Command::UserSaid(Box::new(words(text)))
}

pub fn says_as(client_id: &str, text: &str) -> Command {
    Command::UserSaid(Box::new(words_as(client_id, text)))
}

pub fn bot_returned() -> Command {
    let conversation = "fresh".to_owned();
    Command::BotReturned { conversation, token: None, instead_of: None }
}

/// A message from ServiceNow, judged as the shell does.
pub fn heard(chat: u32, inbound: Inbound) -> Command {
    Command::Heard { chat, told: meant(inbound) }
}

pub fn meant(inbound: Inbound) -> Answered {
    Answered { meanings: inbound.items.iter().map(meaning).collect(), inbound }
}

fn meaning(item: &Item) -> Option<SystemMeaning> {
    match &item.what {
        What::System(text) => system_meaning(text),
        What::Said(Control::Text { text }) if item.agent.is_none() => system_meaning(text),
        _ => None,
    }
}

pub fn webhook<const N: usize>(items: [Item; N]) -> Inbound {
    Inbound {
        session: None,
        request_id: None,
        interaction_id: None,
        user_id: None,
        client_variables: None,
        agent_chat: false,
        completed: false,
        take_control: false,
        streaming: false,
        stream_ends: false,
        notifies: false,
        items: items.into(),
    }
}

pub fn completed() -> Inbound {
    Inbound { completed: true, ..webhook([]) }
}

pub fn agent(id: &str, text: &str) -> Item {
    Item { agent: Some(person("Ana")), ..virtual_agent(id, text) }
}

pub fn virtual_agent(id: &str, text: &str) -> Item {
    Item { message_id: Some(id.to_owned()), ..step(What::Said(Control::Text { text: text.to_owned() })) }
}

pub fn shows(id: &str, control: Control) -> Item {
    Item { message_id: Some(id.to_owned()), ..step(What::Said(control)) }
}

pub fn system(id: &str, text: &str) -> Item {
    Item { message_id: Some(id.to_owned()), ..step(What::System(text.to_owned())) }
}

pub fn step(what: What) -> Item {
    Item { message_id: None, agent: None, what }
}

/// Steps of a longer task, as `Searched|completed`.
pub fn task(key: Option<&str>, steps: &[&str]) -> What {
    let steps = steps.iter().map(|step| match step.split_once('|') {
        Some((text, status)) => Step { text: text.to_owned(), status: Some(status.to_owned()) },
        None => Step { text: (*step).to_owned(), status: None },
    });
    What::Progress { key: key.map(str::to_owned), header: None, steps: steps.collect() }
}

pub fn person(name: &str) -> Agent {
    Agent { name: Some(name.to_owned()), ..Agent::default() }
}
