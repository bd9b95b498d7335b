//! The items of a message, one after the other.

use std::{
    collections::{HashMap, HashSet},
    iter,
};

use super::super::{
    super::{
        AGENT_STILL_TYPES, AgentTypes,
        fact::{AgentSaid, Speaker, StreamPiece},
    },
    EndReason, Fact, Moment, Notice, Phase, State,
};
use crate::{
    domain::{
        Agent, Timestamp,
        control::Control,
        inbound::{Item, SystemMeaning, What},
    },
    ledger::Queued,
    session::ChatCall,
};

/// An item's id, and how many of its message had the same before it.
#[derive(Default)]
pub(super) struct Key {
    message_id: Option<String>,
    place: u32,
}

pub(super) struct Hearing<'a> {
    pub state: &'a State,
    pub now: Timestamp,
    /// Where the first of the facts will stand.
    from: u64,
    pub facts: Vec<Fact>,
    /// Keys of what this message has added so far.
    keys: HashSet<String>,
    joined: bool,
    /// Names of those who have joined with this message.
    met: Vec<String>,
    /// This is the answer to a call that opened the chat, read after somebody has joined it.
    late: bool,
    /// How often this message has used an id so far.
    used: HashMap<String, u32>,
    /// This message is the end of a streamed answer.
    pub stream_ends: bool,
    /// It brought a piece of one, be it new or not.
    pub streamed: bool,
    /// Why the chat ends with this message, and whether ServiceNow must be told.
    pub end: Option<(EndReason, bool)>,
}

impl<'a> Hearing<'a> {
    pub fn new(Moment { state, now, .. }: Moment<'a>, answers: Option<&Queued<ChatCall>>) -> Self {
        let joined = matches!(state.phase, Phase::WithAgent { .. });
        Self {
            state,
            now,
            // The settlement of the call stands before them.
            from: state.position + u64::from(answers.is_some()),
            facts: vec![],
            keys: HashSet::new(),
            joined,
            met: vec![],
            // Who has joined was there before this answer was read, so what leads up to that is over.
            late: joined && answers.is_some_and(|queued| queued.call.what.is_opening()),
            used: HashMap::new(),
            stream_ends: false,
            streamed: false,
            end: None,
        }
    }

    pub fn queued(&mut self) {
        let already = self.facts.iter().any(|fact| matches!(fact, Fact::Queued { .. }));
        if matches!(self.state.phase, Phase::Waiting { queued: false, .. }) && !already {
            self.facts.push(Fact::Queued { at: self.now });
        }
    }

    /// One after the other, each with what its words mean besides.
    pub fn items(&mut self, items: Vec<Item>, meanings: Vec<Option<SystemMeaning>>) {
        // The words that name a person may stand behind the item that says one has come.
        let introduced = meanings.iter().flatten().find_map(introduced);
        for (item, meaning) in items.into_iter().zip(meanings.into_iter().chain(iter::repeat(None))) {
            self.item(item, meaning, introduced.as_ref());
        }
    }

    fn item(&mut self, item: Item, meaning: Option<SystemMeaning>, introduced: Option<&Agent>) {
        let Item { message_id, agent, what } = item;
        let shown = what.is_shown();
        let key = if shown { self.key(message_id) } else { Key { message_id, place: 0 } };
        if self.has_heard(&key, shown) {
            return;
        }
        match what {
            What::Said(control) => {
                if let Some(agent) = &agent {
                    self.agent_joined(agent.clone(), introduced.is_some());
                }
                self.control(key, agent.map_or(Speaker::VirtualAgent, Speaker::Agent), control);
            }
            What::AgentJoined => {
                let agent = agent.or_else(|| introduced.cloned()).unwrap_or_default();
                self.agent_joined(agent, introduced.is_some());
            }
            What::BackToVirtualAgent => self.end_if_live(EndReason::ByAgent, true),
            What::Queued => self.queued(),
            what if self.state.is_live() => self.in_live_chat(key, agent, what),
            _ => {}
        }
        self.means(meaning);
    }

    /// What counts only while the chat is on.
    fn in_live_chat(&mut self, key: Key, agent: Option<Agent>, what: What) {
        match what {
            What::System(text) if !self.late => self.said(key, Speaker::System, Control::Text { text }),
            What::Waiting(text) if !self.joined => self.said(key, Speaker::System, Control::Text { text }),
            What::Progress { key, steps } => self.progress(key, steps),
            What::Unreadable { .. } => {
                if let (Some(message_id), Some(_)) = (key.message_id, agent)
                    && self.keys.insert(message_id.clone())
                    && !self.state.heard.contains(&message_id)
                {
                    self.facts.push(Fact::NotShown { message_id, at: self.now });
                }
            }
            What::TopicFinished => self.topic_finished(),
            What::TypingStarted => self.typing(agent.or_else(|| self.present())),
            What::TypingStopped => self.typing_stopped(),
            What::StreamStarted { stream, hint } => {
                self.stream_piece(StreamPiece { stream, hint, ..self.piece_by(agent) }, true);
            }
            What::StreamChunk { stream, sequence, text } => {
                self.stream_piece(StreamPiece { stream, sequence, text, ..self.piece_by(agent) }, false);
            }
            What::Said(_)
            | What::System(_)
            | What::Waiting(_)
            | What::AgentJoined
            | What::BackToVirtualAgent
            | What::Queued
            | What::Created { .. }
            | What::NewConversation
            | What::Nothing => {}
        }
    }

    /// A person is heard after the end as well, but nobody would hear an answer.
    fn control(&mut self, key: Key, by: Speaker, control: Control) {
        if self.state.is_live() && (by.is_person() || !self.late) {
            self.said(key, by, control);
        } else if by.is_person() {
            self.said(key, by, control.only_told());
        }
    }

    /// What the words of an item mean besides themselves.
    fn means(&mut self, meaning: Option<SystemMeaning>) {
        match meaning {
            Some(SystemMeaning::Joined { name }) => {
                self.agent_joined(Agent { name, ..Agent::default() }, true);
            }
            Some(SystemMeaning::Ended) if self.joined => self.end_if_live(EndReason::ByAgent, false),
            Some(SystemMeaning::NobodyAvailable) if !self.joined => {
                self.end_if_live(EndReason::NobodyAvailable, false);
            }
            Some(SystemMeaning::Ended | SystemMeaning::NobodyAvailable) | None => {}
        }
    }

    /// Who is known to be there.
    fn present(&self) -> Option<Agent> {
        match &self.state.phase {
            Phase::WithAgent { agent } => Some(agent.clone()),
            _ => None,
        }
    }

    pub fn typing(&mut self, agent: Option<Agent>) {
        let by = Some(agent.map_or(Speaker::VirtualAgent, Speaker::Agent));
        let known =
            |types: &AgentTypes| types.by == by && self.now.millis_since(types.since) < AGENT_STILL_TYPES;
        if !self.state.agent_types.as_ref().is_some_and(known) {
            self.facts.push(Fact::AgentTyping { by, at: self.now });
        }
    }

    fn typing_stopped(&mut self) {
        let here = self.facts.iter().any(|fact| matches!(fact, Fact::AgentTyping { .. }));
        if here || self.state.agent_types.is_some() {
            self.facts.push(Fact::AgentStoppedTyping { at: self.now });
        }
    }

    /// What this message has added so far, each with where it will stand.
    pub fn placed(&self) -> impl DoubleEndedIterator<Item = (u64, &Fact)> {
        self.facts.iter().enumerate().map(|(nth, fact)| (self.from + nth as u64, fact))
    }

    /// Closes what the virtual agent asked, when it has asked anything.
    fn topic_finished(&mut self) {
        let asked = |fact: &Fact| matches!(fact, Fact::AgentSaid(said) if said.control.takes_answers());
        if self.facts.iter().any(asked) || self.state.questions.wait_for_virtual_agent() {
            self.facts.push(Fact::QuestionsClosed { at: self.now });
        }
    }

    fn agent_joined(&mut self, agent: Agent, introduced: bool) {
        if !self.state.is_live() || self.joined && !self.is_new(&agent) {
            return;
        }
        self.joined = true;
        let name = agent.name.clone();
        self.met.extend(name.clone());
        self.facts.push(Fact::AgentJoined { agent, at: self.now });
        if !introduced {
            self.facts.push(Fact::Noticed { notice: Notice::Joined { name }, at: self.now });
        }
    }

    /// Whether somebody else is there already. Who has joined without a name gets the one they speak under.
    fn is_new(&self, agent: &Agent) -> bool {
        let Some(name) = agent.name.as_ref().map(|name| name.to_lowercase()) else { return false };
        // The whole name may follow on the first alone.
        let begins = |name: &str, with: &str| {
            name.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let alike = |met: &String| {
            let met = met.to_lowercase();
            begins(&met, &name) || begins(&name, &met)
        };
        let mut met = self.state.people.iter().chain(&self.met).peekable();
        met.peek().is_some() && !met.any(alike)
    }

    pub fn end_if_live(&mut self, why: EndReason, tell: bool) {
        let why = if self.joined { why } else { EndReason::NobodyAvailable };
        self.end.get_or_insert((why, tell));
    }

    /// What an item is known by: its id, and its place among those that this message gives the same id.
    pub fn key(&mut self, message_id: Option<String>) -> Key {
        let place = message_id.as_ref().map(|id| {
            let used = self.used.entry(id.clone()).or_default();
            *used += 1;
            *used - 1
        });
        Key { message_id, place: place.unwrap_or_default() }
    }

    /// A life-cycle step may have the id of a text beside it in the same message.
    fn has_heard(&self, key: &Key, shown: bool) -> bool {
        let known = AgentSaid::known_by(key.message_id.as_deref(), key.place);
        known.is_some_and(|known| self.state.heard.contains(&known) || (shown && self.keys.contains(&known)))
    }

    pub fn said(&mut self, key: Key, by: Speaker, control: Control) {
        self.told(None, key, by, control);
    }

    /// `step`: what it is known by besides its key.
    pub fn told(&mut self, step: Option<String>, key: Key, by: Speaker, control: Control) {
        let Key { message_id, place } = key;
        self.add(AgentSaid { message_id, place, step, ends: None, lost: false, by, control, at: self.now });
    }

    /// Adds what has not been heard before, be it in an earlier message or in this one.
    fn add(&mut self, said: AgentSaid) {
        let Some(said) = self.as_end(said) else { return };
        let known = said.keys().any(|key| self.state.heard.contains(&key) || self.keys.contains(&key));
        if !known {
            self.keys.extend(said.keys());
            self.facts.push(Fact::AgentSaid(Box::new(said)));
        }
    }
}

fn introduced(meaning: &SystemMeaning) -> Option<Agent> {
    match meaning {
        SystemMeaning::Joined { name } => Some(Agent { name: name.clone(), ..Agent::default() }),
        SystemMeaning::Ended | SystemMeaning::NobodyAvailable => None,
    }
}
