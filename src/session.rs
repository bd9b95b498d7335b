//! The pure core: what a conversation's journal means ([`State::apply`]) and what a command adds to it ([`Chat`]). No clock, no
//! I/O, no wire format.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    domain::{
        ActivityId, Agent, ConversationId, Timestamp, User,
        control::Progress,
        inbound::{Inbound, Item, SystemMeaning, What},
    },
    ledger::{Outbox, is_recent},
};

mod call;
mod decide;
mod fact;
mod fold;
mod kept;
pub mod machine;
mod order;
mod questions;
mod stream;
#[cfg(test)]
pub(crate) mod tests;

pub use call::{Call, ChatCall, LANE};
pub use decide::{Before, Command};
pub use fact::*;
pub use kept::{Kept, MOST_FILES, MOST_WORDS, Quota};
pub use machine::Chat;
pub use order::{Lift, stamp};
pub use questions::Questions;
pub use stream::Stream;

/// Milliseconds without a further `typing` after which the user counts as no longer typing.
pub const TYPING_MILLIS: i64 = 5_000;
/// Milliseconds within which an end, or a masked answer where another question is open, that comes once more is the same.
const DOUBLE_CLICK: i64 = 10_000;
/// Milliseconds within which a masked answer that comes again is the same: a client repeats its second click for as long as the store
/// fails it.
const SAID_AGAIN: i64 = 30_000;
/// Tokens known at the same time; who has more of them asks Direct Line again.
const TOKENS: usize = 100;
/// Persons of a chat that are known at the same time; one of more is told of again when they speak again.
const PEOPLE: usize = 50;
/// Milliseconds for which somebody at ServiceNow is shown to type who does not say that they stopped.
pub const AGENT_TYPES: i64 = 60_000;
/// Milliseconds after which word that somebody still types is worth a fact.
const AGENT_STILL_TYPES: i64 = 10_000;
/// Milliseconds of silence after which a live chat is ended.
pub const IDLE_MILLIS: i64 = 24 * 3_600_000;

/// What a conversation's facts add up to.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub conversation: ConversationId,
    /// How many facts are folded in; the next fact's position.
    pub position: u64,
    pub phase: Phase,
    /// Number of the last hand-off; 0 before the first.
    pub chat: u32,
    pub user: User,
    /// Direct Line conversations behind the client's, oldest first. The first is the client's own.
    pub segments: Vec<Arc<Segment>>,
    pub outbox: Outbox<ChatCall>,
    /// The last escalation's `traceparent`, for what nobody's request asked for.
    trace: Option<Arc<str>>,
    /// The last spoken fact, for the idle time-out.
    pub last_heard: Timestamp,
    /// What was said before the last escalation is still to be read.
    pub history_missing: bool,
    /// ServiceNow's own ids of the present chat.
    names: HashSet<String>,
    /// Longer tasks of ServiceNow's by their key, as they were last shown.
    tasks: BTreeMap<String, Progress>,
    heard: HashSet<String>,
    posted: HashMap<String, ActivityId>,
    taken: HashSet<ActivityId>,
    tokens: HashMap<String, Timestamp>,
    typing_since: Option<Timestamp>,
    /// Who types at ServiceNow, as far as is known.
    agent_types: Option<AgentTypes>,
    /// Answers that come piece by piece, of this chat.
    streams: Vec<Stream>,
    /// See [`State::lifts`].
    lifts: Vec<Lift>,
    latest: Timestamp,
    pub questions: Questions,
    /// Masked answers that a repeat may still follow.
    whispered: Vec<Whispered>,
    /// When the user ended the last chat, if it was the user who did.
    left: Option<Timestamp>,
    /// ServiceNow's messages the client has not fetched yet: position and `messageId`.
    unfetched: Vec<(u64, String)>,
    /// What is held of the visitor's.
    pub kept: Kept,
    /// The people who have been in this chat, as far as they are known.
    people: Vec<Agent>,
}

/// A masked answer, as far as it is stored.
#[derive(Clone, Debug)]
struct Whispered {
    /// What its words are known again by.
    mark: String,
    id: ActivityId,
    at: Timestamp,
}

/// Where a conversation stands. Each variant holds only what is true there.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Phase {
    /// The bot speaks.
    #[default]
    Bot,
    /// A person was asked for.
    Waiting {
        since: Timestamp,
        queued: bool,
    },
    WithAgent {
        agent: Agent,
    },
    /// The chat is over and the bot is not back yet.
    Returning {
        why: EndReason,
        agent: Option<Agent>,
    },
    /// The conversation is over.
    Over,
}

/// A stretch of the conversation that a Copilot Studio agent held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// Direct Line's conversation; `None`: the client's own.
    pub conversation: Option<String>,
    pub token: Option<SealedToken>,
    /// Where the bot was cut off; `None` while it speaks.
    pub cut: Option<Cut>,
}

/// Somebody at ServiceNow who types.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentTypes {
    /// Where the fact stands that says so.
    pub position: u64,
    pub by: Speaker,
    pub since: Timestamp,
}

/// What ServiceNow tells, by webhook or in the answer to a call.
#[derive(Clone, Debug)]
pub struct Answered {
    pub inbound: Inbound,
    /// What each item's words mean where only words say it.
    pub meanings: Vec<Option<SystemMeaning>>,
}

impl State {
    /// A conversation of which nothing is stored.
    pub fn new(conversation: ConversationId) -> Self {
        Self { conversation, ..Self::default() }
    }

    /// True while a person is asked for or present.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. } | Phase::WithAgent { .. })
    }

    /// True when nobody is asked for or present, and ServiceNow knows all that it is to be told.
    pub fn is_told(&self) -> bool {
        !self.is_live() && self.outbox.is_empty()
    }

    /// True when the sweep must look at this conversation.
    pub fn is_open(&self) -> bool {
        self.is_live() || matches!(self.phase, Phase::Returning { .. }) || !self.outbox.is_empty()
    }

    /// True when Direct Line accepted this token and it has not ended since.
    pub fn knows_token(&self, hash: &str, now: Timestamp) -> bool {
        self.tokens.get(hash).is_some_and(|until| *until > now)
    }

    /// The id the client was given for a message it has posted before.
    pub fn posted_as(&self, client_id: &str) -> Option<&ActivityId> {
        self.posted.get(client_id)
    }

    /// Whether a client has what stands there, as far as ServiceNow is told of it.
    pub fn is_fetched(&self, position: u64) -> bool {
        self.unfetched.iter().all(|(at, _)| *at != position)
    }

    /// True for an item that repeats one of this conversation's, by its id or its stream's.
    pub fn has_heard(&self, item: &Item) -> bool {
        let stream = match &item.what {
            What::Said(control) => control.stream().map(|stream| format!("stream {stream}")),
            _ => None,
        };
        item.message_id.iter().chain(&stream).any(|key| self.heard.contains(key))
    }

    /// Who types at ServiceNow now, if somebody does: nobody goes on for ever.
    pub fn agent_types(&self, now: Timestamp) -> Option<&AgentTypes> {
        self.agent_types.as_ref().filter(|types| is_recent(types.since, AGENT_TYPES, now))
    }

    /// The id that the same words were given before: by Direct Line's id or the client's own, or, where they may not be stored, by
    /// themselves.
    pub(super) fn known(&self, said: &UserSaid, now: Timestamp) -> Option<ActivityId> {
        let posted = said.client_id.as_ref().and_then(|id| self.posted_as(id));
        let taken = || said.id.as_ref().filter(|id| self.has_taken(id));
        let whispered = || {
            let open = said.answers.is_some_and(|question| !self.questions.is_answered(question));
            said.whisper().filter(|_| !open).and_then(|whisper| self.whispered_as(&whisper.mark, now, false))
        };
        posted.or_else(taken).or_else(whispered).cloned()
    }

    /// The masked answer that the same words were a moment ago: a repeat or a double click.
    /// `answers`: the words would answer another question, which they may well be meant for.
    pub fn whispered_as(&self, mark: &str, now: Timestamp, answers: bool) -> Option<&ActivityId> {
        let within = if answers { DOUBLE_CLICK } else { SAID_AGAIN };
        // One from the future counts, too: a clock that was set back must not let a second click be stored in clear.
        let is_it = |known: &&Whispered| known.mark == mark && now.millis_since(known.at) < within;
        self.whispered.iter().find(is_it).map(|known| &known.id)
    }

    /// Whether the user ended the chat a moment ago: to do it twice must not end what follows.
    pub fn ended_by_user(&self, now: Timestamp) -> bool {
        !self.is_live() && self.left.is_some_and(|at| is_recent(at, DOUBLE_CLICK, now))
    }

    /// Whether a masked answer was given.
    pub fn whispers(&self) -> bool {
        !self.whispered.is_empty()
    }

    /// True when the user's activity of Direct Line is in the live chat or was the bot's to answer.
    pub fn has_taken(&self, id: &ActivityId) -> bool {
        self.taken.contains(id)
    }

    /// Ids of the password inputs that the bot has shown so far.
    pub fn password_inputs(&self) -> impl Iterator<Item = &String> {
        let cuts = self.segments.iter().filter_map(|segment| segment.cut.as_ref());
        cuts.flat_map(|cut| &cut.password_inputs)
    }

    /// The segment that speaks now or was cut off last.
    pub fn segment(&self) -> Option<&Segment> {
        self.segments.last().map(Arc::as_ref)
    }

    /// The last stretch of the bot's that has ended and was not read to its end, or up to it; which one it is.
    pub fn undrained(&self) -> Option<usize> {
        let is_due = |cut: &Cut| !cut.drained || cut.unread;
        self.segments.iter().rposition(|segment| segment.cut.as_ref().is_some_and(is_due))
    }

    /// The user may have said more to the bot behind the hand-off.
    pub fn has_words_behind(&self) -> bool {
        self.segments.iter().filter_map(|segment| segment.cut.as_ref()).any(|cut| !cut.drained)
    }

    /// What the bot has asked is not all known.
    pub fn is_unread(&self) -> bool {
        self.segments.iter().filter_map(|segment| segment.cut.as_ref()).any(|cut| cut.unread)
    }
}
