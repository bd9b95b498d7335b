//! What a message of ServiceNow's adds.

use std::collections::{HashMap, HashSet};

use super::{
    super::{
        AGENT_STILL_TYPES, AgentTypes,
        fact::{AgentSaid, Speaker, StreamPiece},
        stream::rest,
    },
    EndReason, Fact, Notice, Phase, Policy, State,
    ending::end_without,
};
use crate::{
    domain::{
        Agent, Timestamp,
        control::{Control, Generated, Progress},
        inbound::{Inbound, Item, SystemMeaning, What},
    },
    ledger::{CallId, Queued},
    session::{Answered, ChatCall},
};

/// What one message from ServiceNow adds, item by item, each judged by the state before it.
pub(super) fn heard(state: &State, chat: u32, told: &Answered, policy: &Policy, now: Timestamp) -> Vec<Fact> {
    hear(state, chat, told, None, policy, now)
}

/// The same, for what stands in the answer to a call, which is settled with it.
pub(super) fn heard_in_answer(
    state: &State,
    queued: &Queued<ChatCall>,
    told: &Answered,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Fact> {
    hear(state, queued.call.chat, told, Some(queued), policy, now)
}

fn hear(
    state: &State,
    chat: u32,
    told: &Answered,
    answers: Option<&Queued<ChatCall>>,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Fact> {
    let Answered { inbound, meanings } = told.clone();
    let settled: Option<CallId> = answers.map(|queued| queued.id);
    if inbound.notifies && (chat != state.chat || !state.is_live()) {
        return notified(state, chat, inbound.items, now);
    }
    if chat != state.chat {
        return vec![];
    }
    let Inbound {
        agent_chat,
        completed,
        take_control,
        streaming,
        stream_ends,
        notifies,
        items,
        interaction_id,
        ..
    } = inbound;
    let mut hearing = Hearing::new(state, now);
    hearing.stream_ends = stream_ends;
    // The settlement of the call stands before them.
    hearing.from += u64::from(answers.is_some());
    // Who has joined was there before this answer was read, so what leads up to that is over.
    hearing.late = hearing.joined && answers.is_some_and(|queued| queued.call.what.is_opening());
    if !notifies {
        hearing.facts.extend(names(state, &items, interaction_id, now));
    }
    if agent_chat {
        hearing.queued();
    }
    // The words that name a person may stand behind the item that says one has come.
    let introduced = meanings.iter().flatten().find_map(|meaning| match meaning {
        SystemMeaning::Joined { name } => Some(Agent { name: name.clone(), ..Agent::default() }),
        _ => None,
    });
    for (item, meaning) in items.into_iter().zip(meanings.into_iter().chain(std::iter::repeat(None))) {
        hearing.item(item, meaning, introduced.as_ref());
    }
    if streaming {
        hearing.more_is_coming();
    }
    let Hearing { mut facts, joined, end: ended, .. } = hearing;
    // What a notification completes is its own conversation.
    let flagged = match (take_control, completed && !notifies, joined) {
        (true, ..) => Some((EndReason::ControlReturned, false)),
        (_, true, true) => Some((EndReason::ByAgent, false)),
        (_, true, false) => Some((EndReason::NobodyAvailable, false)),
        _ => None,
    };
    if let Some((why, tell)) = flagged.or(ended)
        && state.is_live()
    {
        facts.iter_mut().for_each(tell_only);
        facts.extend(end_without(state, settled, why, tell, policy, now));
    }
    facts
}

/// A step of a longer task without what stands of it in brackets: its status changes, and it stays the same step.
fn without_status(step: &str) -> &str {
    step.strip_suffix(')').and_then(|step| step.rsplit_once(" (")).map_or(step, |(step, _)| step)
}

/// Nobody would hear an answer to what comes with the end of its chat.
fn tell_only(fact: &mut Fact) {
    if let Fact::AgentSaid(said) = fact
        && said.control.takes_answers()
    {
        let nothing = Control::Text { text: String::new() };
        said.control = std::mem::replace(&mut said.control, nothing).only_told();
    }
}

/// ServiceNow's own ids of the chat, as far as this message is the first to tell them.
fn names(state: &State, items: &[Item], interaction: Option<String>, now: Timestamp) -> Option<Fact> {
    let news = |id: &String| !state.names.contains(id);
    let created = items.iter().filter_map(|item| match &item.what {
        What::Created { conversation, interaction } => Some((conversation.clone(), interaction.clone())),
        _ => None,
    });
    let (mut conversation, mut interaction) = (None, interaction);
    for (theirs, own) in created {
        conversation = conversation.or(theirs);
        interaction = own.or(interaction);
    }
    let (conversation, interaction) = (conversation.filter(news), interaction.filter(news));
    let told = conversation.is_some() || interaction.is_some();
    told.then_some(Fact::ChatNamed { conversation, interaction, at: now })
}

/// A notification while no live chat is on, for the user of one that was: it is shown, and opens nothing.
fn notified(state: &State, chat: u32, items: Vec<Item>, now: Timestamp) -> Vec<Fact> {
    let mut hearing = Hearing::new(state, now);
    let known = (1..=state.chat).contains(&chat);
    for Item { message_id, agent: _, what } in items.into_iter().filter(|_| known) {
        match what {
            What::Said(control) => {
                let key = hearing.key(message_id);
                hearing.said(key, Speaker::VirtualAgent, control.only_told());
            }
            What::System(text) => {
                let key = hearing.key(message_id);
                hearing.said(key, Speaker::System, Control::Text { text });
            }
            _ => {}
        }
    }
    hearing.facts
}

/// An item's id, and how many of its message had the same before it.
#[derive(Default)]
struct Key {
    message_id: Option<String>,
    place: u32,
}

impl Key {
    fn of(message_id: Option<String>) -> Self {
        Self { message_id, place: 0 }
    }
}

struct Hearing<'a> {
    state: &'a State,
    now: Timestamp,
    /// Where the first of the facts will stand.
    from: u64,
    facts: Vec<Fact>,
    /// Keys of what this message has added so far.
    keys: HashSet<String>,
    joined: bool,
    /// This is the answer to a call that opened the chat, read after somebody has joined it.
    late: bool,
    /// How often this message has used an id so far.
    used: HashMap<String, u32>,
    /// This message is the end of a streamed answer.
    stream_ends: bool,
    /// It brought a piece of one, be it new or not.
    streamed: bool,
    /// Why the chat ends with this message, and whether ServiceNow must be told.
    end: Option<(EndReason, bool)>,
}

impl<'a> Hearing<'a> {
    fn new(state: &'a State, now: Timestamp) -> Self {
        let joined = matches!(state.phase, Phase::WithAgent { .. });
        Self {
            state,
            now,
            from: state.position,
            facts: vec![],
            keys: HashSet::new(),
            joined,
            late: false,
            used: HashMap::new(),
            stream_ends: false,
            streamed: false,
            end: None,
        }
    }

    fn queued(&mut self) {
        let already = self.facts.iter().any(|fact| matches!(fact, Fact::Queued { .. }));
        if matches!(self.state.phase, Phase::Waiting { queued: false, .. }) && !already {
            self.facts.push(Fact::Queued { at: self.now });
        }
    }

    fn item(&mut self, item: Item, meaning: Option<SystemMeaning>, introduced: Option<&Agent>) {
        let Item { message_id, agent, what } = item;
        let live = self.state.is_live();
        let key = if what.is_shown() { self.key(message_id.clone()) } else { Key::of(message_id.clone()) };
        if self.has_heard(&key) {
            return;
        }
        if let Some(agent) = &agent
            && matches!(what, What::Said(_))
        {
            self.agent_joined(agent.clone(), introduced.is_some());
        }
        match what {
            What::Said(control) => {
                let by = agent.map_or(Speaker::VirtualAgent, Speaker::Agent);
                let late = self.late && by == Speaker::VirtualAgent;
                if live && !late {
                    self.said(key, by, control);
                } else if matches!(by, Speaker::Agent(_)) {
                    self.said(key, by, control.only_told());
                }
            }
            What::System(text) if live && !self.late => {
                self.said(key, Speaker::System, Control::Text { text });
            }
            What::Waiting(text) if live && !self.joined => {
                self.said(key, Speaker::System, Control::Text { text });
            }
            What::Progress { key, steps } if live => self.progress(key, steps),
            What::Unreadable { .. } if live => {
                if let (Some(message_id), Some(_)) = (message_id, agent)
                    && self.keys.insert(message_id.clone())
                    && !self.state.heard.contains(&message_id)
                {
                    self.facts.push(Fact::NotShown { message_id, at: self.now });
                }
            }
            What::AgentJoined => {
                let agent = agent.or_else(|| introduced.cloned()).unwrap_or_default();
                self.agent_joined(agent, introduced.is_some());
            }
            What::BackToVirtualAgent => self.end_if_live(EndReason::ByAgent, true),
            What::Queued => self.queued(),
            What::TopicFinished if live => self.topic_finished(),
            What::TypingStarted if live => self.typing(agent.or_else(|| self.present())),
            What::TypingStopped if live => self.typing_stopped(),
            What::StreamStarted { stream, hint } if live => {
                let text = String::new();
                self.stream_piece(
                    StreamPiece { stream, sequence: None, hint, text, ..self.piece_by(agent) },
                    true,
                );
            }
            What::StreamChunk { stream, sequence, text } if live => {
                self.stream_piece(StreamPiece { stream, sequence, text, ..self.piece_by(agent) }, false);
            }
            What::System(_)
            | What::Waiting(_)
            | What::Progress { .. }
            | What::TopicFinished
            | What::TypingStarted
            | What::TypingStopped
            | What::StreamStarted { .. }
            | What::StreamChunk { .. }
            | What::Created { .. }
            | What::NewConversation
            | What::Unreadable { .. }
            | What::Nothing => {}
        }
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

    fn typing(&mut self, agent: Option<Agent>) {
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

    fn piece_by(&self, agent: Option<Agent>) -> StreamPiece {
        let by = agent.map_or(Speaker::VirtualAgent, Speaker::Agent);
        StreamPiece {
            first: None,
            stream: None,
            sequence: None,
            hint: None,
            text: String::new(),
            by,
            at: self.now,
        }
    }

    /// A piece of a stream that has not ended and does not have it yet. A `start` that comes late says nothing any more.
    fn stream_piece(&mut self, piece: StreamPiece, start: bool) {
        self.streamed = true;
        let known = self.state.stream_of(piece.stream.as_deref());
        let here = self.placed().rev().find_map(|(position, fact)| match fact {
            Fact::StreamPiece(other) if piece.stream.is_none() || other.stream == piece.stream => {
                Some(other.first.unwrap_or(position))
            }
            _ => None,
        });
        let first = known.map(|stream| stream.first).or(here);
        let ended = known.is_some_and(|stream| !stream.is_open())
            || piece.stream.as_ref().is_some_and(|id| self.state.heard.contains(&format!("stream {id}")));
        let repeated = known.is_some_and(|stream| stream.has(piece.sequence))
            || piece.sequence.is_some()
                && self.facts.iter().any(|fact| {
                    matches!(fact, Fact::StreamPiece(other)
                    if other.sequence == piece.sequence && other.stream == piece.stream)
                });
        let empty = !start && piece.text.is_empty();
        if ended || repeated || empty || (start && first.is_some()) {
            return;
        }
        self.facts.push(Fact::StreamPiece(Box::new(StreamPiece { first, ..piece })));
    }

    /// What is said, as the end of its stream when it is one. The end of a stream of which was shown what came adds what was not.
    fn as_end(&self, said: AgentSaid) -> Option<AgentSaid> {
        let named = said.control.stream().map(str::to_owned);
        let whole = matches!(said.control, Control::Text { .. } | Control::Generated(_));
        if named.is_none() && !(self.stream_ends && whole) {
            return Some(said);
        }
        let Some(stream) =
            self.state.stream_of(named.as_deref()).or_else(|| self.state.lost_stream(named.as_deref()))
        else {
            return Some(AgentSaid { ends: self.begun_here(named.as_deref()), ..said });
        };
        if named.is_none() && stream.by.is_person() != said.by.is_person() {
            return Some(said);
        }
        if !stream.is_lost() {
            return Some(AgentSaid { ends: stream.is_open().then_some(stream.first), ..said });
        }
        let (text, generated) = match said.control {
            Control::Generated(generated) => (generated.text.clone(), generated),
            Control::Text { text } => (text, Generated::default()),
            control => return Some(AgentSaid { control, ..said }),
        };
        let rest = rest(&text, &stream.text).to_owned();
        let news = !rest.trim().is_empty() || !generated.citations.is_empty();
        let control = Control::Generated(Generated { text: rest, ..generated });
        news.then_some(AgentSaid { control, ..said })
    }

    /// What this message has added so far, each with where it will stand.
    fn placed(&self) -> impl DoubleEndedIterator<Item = (u64, &Fact)> {
        self.facts.iter().enumerate().map(|(nth, fact)| (self.from + nth as u64, fact))
    }

    /// The stream of this very message that its end ends.
    fn begun_here(&self, id: Option<&str>) -> Option<u64> {
        self.placed().rev().find_map(|(position, fact)| match fact {
            Fact::StreamPiece(piece) if id.is_none() || piece.stream.as_deref() == id => {
                Some(piece.first.unwrap_or(position))
            }
            _ => None,
        })
    }

    /// Closes what the virtual agent asked, when it has asked anything.
    fn topic_finished(&mut self) {
        let asked = |fact: &Fact| matches!(fact, Fact::AgentSaid(said) if said.control.takes_answers());
        if self.facts.iter().any(asked) || self.state.awaits_virtual_agent() {
            self.facts.push(Fact::QuestionsClosed { at: self.now });
        }
    }

    /// Shows that somebody writes, unless this message has shown it by itself.
    fn more_is_coming(&mut self) {
        let shown =
            self.facts.iter().any(|fact| matches!(fact, Fact::AgentTyping { .. } | Fact::StreamPiece(_)));
        if self.state.is_live() && !shown && !self.streamed {
            self.typing(None);
        }
    }

    fn agent_joined(&mut self, agent: Agent, introduced: bool) {
        if self.joined || !self.state.is_live() {
            return;
        }
        self.joined = true;
        let name = agent.name.clone();
        self.facts.push(Fact::AgentJoined { agent, at: self.now });
        if !introduced {
            self.facts.push(Fact::Noticed { notice: Notice::Joined { name }, at: self.now });
        }
    }

    fn end_if_live(&mut self, why: EndReason, tell: bool) {
        let why = if self.joined { why } else { EndReason::NobodyAvailable };
        self.end.get_or_insert((why, tell));
    }

    /// What a longer task has done so far, when there is more of it than was told.
    fn progress(&mut self, key: Option<String>, new: Vec<String>) {
        let (first, mut steps) = match self.task(key.as_deref()) {
            Some((first, steps)) => (Some(first), steps),
            None => (None, vec![]),
        };
        // Come once more, it would set back what has gone on since.
        let told = key.as_ref().map(|key| format!("{key}: {}", new.join("\n")));
        let before = steps.clone();
        for step in new {
            match steps.iter_mut().find(|known| without_status(known) == without_status(&step)) {
                Some(known) => *known = step,
                None => steps.push(step),
            }
        }
        if steps != before {
            let progress = Control::Progress(Progress { key, steps, first });
            self.told(told, Key::default(), Speaker::VirtualAgent, progress);
        }
    }

    /// Where a task was first shown and its steps so far, those of this message included.
    fn task(&self, key: Option<&str>) -> Option<(u64, Vec<String>)> {
        let key = key?;
        let mut here = self.placed().rev().filter_map(|(position, fact)| match fact {
            Fact::AgentSaid(said) => match &said.control {
                Control::Progress(Progress { key: Some(other), steps, first }) if other == key => {
                    Some((first.unwrap_or(position), steps.clone()))
                }
                _ => None,
            },
            _ => None,
        });
        here.next().or_else(|| self.state.tasks.get(key).cloned())
    }

    /// What an item is known by: its id, and its place among those that this message gives the same id.
    fn key(&mut self, message_id: Option<String>) -> Key {
        let place = message_id.as_ref().map(|id| {
            let used = self.used.entry(id.clone()).or_default();
            *used += 1;
            *used - 1
        });
        Key { message_id, place: place.unwrap_or_default() }
    }

    fn has_heard(&self, key: &Key) -> bool {
        let known = AgentSaid::known_by(key.message_id.as_deref(), key.place);
        known.is_some_and(|known| self.state.heard.contains(&known) || self.keys.contains(&known))
    }

    fn said(&mut self, key: Key, by: Speaker, control: Control) {
        self.told(None, key, by, control);
    }

    /// `step`: what it is known by besides its key.
    fn told(&mut self, step: Option<String>, key: Key, by: Speaker, control: Control) {
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
