//! The items of a message, one after the other.

use std::{borrow::Cow, collections::HashMap, iter};

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
    ledger::{Queued, is_recent},
    session::ChatCall,
};

/// An item's id, and how many of its message had the same before it.
#[derive(Default)]
pub(super) struct Key {
    message_id: Option<String>,
    place: u32,
}

pub(super) struct Hearing<'a> {
    /// The conversation before the message.
    pub before: &'a State,
    pub now: Timestamp,
    pub facts: Vec<Fact>,
    /// The conversation with so many of the facts in it: a copy, once an item rests on what stands before it in its message.
    so_far: Cow<'a, State>,
    folded: usize,
    /// Facts of the same commit that stand before these.
    ahead: u64,
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
        // Who has joined was there before this answer was read, so what leads up to that is over.
        let late = matches!(state.phase, Phase::WithAgent { .. })
            && answers.is_some_and(|queued| queued.call.what.is_opening());
        Self {
            before: state,
            now,
            facts: vec![],
            so_far: Cow::Borrowed(state),
            folded: 0,
            // The settlement of the call.
            ahead: u64::from(answers.is_some()),
            late,
            used: HashMap::new(),
            stream_ends: false,
            streamed: false,
            end: None,
        }
    }

    /// The conversation with all that this message has added so far.
    pub fn state(&mut self) -> &State {
        if self.folded < self.facts.len() {
            let state = self.so_far.to_mut();
            state.position += std::mem::take(&mut self.ahead);
            self.facts[self.folded..].iter().for_each(|fact| state.apply(fact));
            self.folded = self.facts.len();
        }
        &self.so_far
    }

    fn is_joined(&mut self) -> bool {
        matches!(self.state().phase, Phase::WithAgent { .. })
    }

    pub fn queued(&mut self) {
        if matches!(self.state().phase, Phase::Waiting { queued: false, .. }) {
            self.facts.push(Fact::Queued { at: self.now });
        }
    }

    /// One after the other, each with what its words mean besides.
    pub fn items(&mut self, items: Vec<Item>, meanings: Vec<Option<SystemMeaning>>) {
        // The words that name a person may stand behind the item that says one has come.
        let introduced = meanings.iter().flatten().find_map(introduced);
        let mut said = items.into_iter().zip(meanings.into_iter().chain(iter::repeat(None))).peekable();
        while let Some((mut item, meaning)) = said.next() {
            while said.next_if(|(next, _)| goes_on(&mut item.what, &next.what)).is_some() {}
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
            what if self.before.is_live() => self.in_live_chat(key, agent, what),
            _ => {}
        }
        self.means(meaning);
    }

    /// What counts only while the chat is on.
    fn in_live_chat(&mut self, key: Key, agent: Option<Agent>, what: What) {
        match what {
            What::System(text) if !self.late => self.said(key, Speaker::System, Control::Text { text }),
            What::Waiting(text) if !self.is_joined() => {
                self.said(key, Speaker::System, Control::Text { text })
            }
            What::Progress { key, header, steps } => self.progress(key, header, steps),
            What::Unreadable { .. } => {
                if let (Some(message_id), Some(_)) = (key.message_id, agent)
                    && !self.state().heard.contains(&message_id)
                {
                    self.facts.push(Fact::NotShown { message_id, at: self.now });
                }
            }
            What::TopicFinished => self.topic_finished(),
            What::TypingStarted => {
                let agent = agent.or_else(|| self.present());
                self.typing(agent);
            }
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
        if self.before.is_live() && (by.is_person() || !self.late) {
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
            Some(SystemMeaning::Ended) if self.is_joined() => self.end_if_live(EndReason::ByAgent, false),
            Some(SystemMeaning::NobodyAvailable) if !self.is_joined() => {
                self.end_if_live(EndReason::NobodyAvailable, false);
            }
            Some(SystemMeaning::Ended | SystemMeaning::NobodyAvailable) | None => {}
        }
    }

    /// Who is known to be there.
    fn present(&mut self) -> Option<Agent> {
        match &self.state().phase {
            Phase::WithAgent { agent } => Some(agent.clone()),
            _ => None,
        }
    }

    pub fn typing(&mut self, agent: Option<Agent>) {
        let by = agent.map_or(Speaker::VirtualAgent, Speaker::Agent);
        let now = self.now;
        let known = |types: &AgentTypes| types.by == by && is_recent(types.since, AGENT_STILL_TYPES, now);
        if !self.before.agent_types.as_ref().is_some_and(known) {
            self.facts.push(Fact::AgentTyping { by, at: now });
        }
    }

    fn typing_stopped(&mut self) {
        if self.state().agent_types.is_some() {
            self.facts.push(Fact::AgentStoppedTyping { at: self.now });
        }
    }

    /// Closes what the virtual agent asked, when it has asked anything.
    fn topic_finished(&mut self) {
        if self.state().questions.wait_for_virtual_agent() {
            self.facts.push(Fact::QuestionsClosed { at: self.now });
        }
    }

    fn agent_joined(&mut self, agent: Agent, introduced: bool) {
        if !self.before.is_live() || self.is_joined() && !self.is_new(&agent) {
            return;
        }
        let name = agent.name.clone();
        self.facts.push(Fact::AgentJoined { agent, at: self.now });
        if !introduced {
            self.facts.push(Fact::Noticed { notice: Notice::Joined { name }, at: self.now });
        }
    }

    /// Whether somebody else is there already. Who has joined without a name gets the one they speak under.
    fn is_new(&mut self, agent: &Agent) -> bool {
        let met = &self.state().people;
        !met.is_empty() && !met.iter().any(|met| met.may_be(agent))
    }

    pub fn end_if_live(&mut self, why: EndReason, tell: bool) {
        let why = if self.is_joined() { why } else { EndReason::NobodyAvailable };
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
    fn has_heard(&mut self, key: &Key, shown: bool) -> bool {
        let Some(known) = AgentSaid::known_by(key.message_id.as_deref(), key.place) else { return false };
        let state = if shown { self.state() } else { self.before };
        state.heard.contains(&known)
    }

    pub fn said(&mut self, key: Key, by: Speaker, control: Control) {
        self.told(None, key, by, control);
    }

    /// `step`: what it is known by besides its key.
    pub fn told(&mut self, step: Option<String>, key: Key, by: Speaker, control: Control) {
        let Key { message_id, place } = key;
        self.add(AgentSaid { message_id, place, step, ..AgentSaid::new(by, control, self.now) });
    }

    /// Adds what has not been heard before, be it in an earlier message or in this one.
    fn add(&mut self, said: AgentSaid) {
        let Some(said) = self.as_end(said) else { return };
        let heard = &self.state().heard;
        if !said.keys().any(|key| heard.contains(&key)) {
            self.facts.push(Fact::AgentSaid(Box::new(said)));
        }
    }
}

/// Steps of one task, told one behind the other, are told together: each telling is kept with all that stand before it.
fn goes_on(task: &mut What, next: &What) -> bool {
    let What::Progress { key: Some(key), header, steps } = task else { return false };
    let What::Progress { key: Some(other), header: newer, steps: more } = next else { return false };
    let same = key == other;
    if same {
        steps.extend(more.iter().cloned());
        *header = newer.clone().or(header.take());
    }
    same
}

fn introduced(meaning: &SystemMeaning) -> Option<Agent> {
    match meaning {
        SystemMeaning::Joined { name } => Some(Agent { name: name.clone(), ..Agent::default() }),
        SystemMeaning::Ended | SystemMeaning::NobodyAvailable => None,
    }
}
