//! The pure core: what a conversation's journal means ([`State::apply`]) and what an event adds to it
//! ([`decide`]). No clock, no I/O, no wire format.

use std::collections::{HashMap, HashSet};

use crate::domain::{
    ActivityId, Agent, ConversationId, Timestamp, User,
    control::{Control, Progress},
};

mod decide;
mod fact;
mod outbox;
#[cfg(test)]
pub(crate) mod tests;

pub use decide::{Event, Policy, decide};
pub use fact::*;
pub use outbox::{CLAIM_MILLIS, Call, Due, Outbox, Queued};

/// Milliseconds without a further `typing` after which the user counts as no longer typing.
pub const TYPING_MILLIS: i64 = 5_000;
/// Milliseconds of silence after which a live chat is ended.
pub const IDLE_MILLIS: i64 = 24 * 3_600_000;

/// What a conversation's facts add up to.
#[derive(Clone, Debug)]
pub struct State {
    pub conversation: ConversationId,
    /// How many facts are folded in; the next fact's position.
    pub position: u64,
    pub phase: Phase,
    /// Number of the last hand-off; 0 before the first.
    pub chat: u32,
    pub user: User,
    /// Direct Line conversations behind the client's, oldest first. The first is the client's own.
    pub segments: Vec<Segment>,
    pub outbox: Outbox,
    /// The last spoken fact, for the idle time-out.
    pub last_heard: Timestamp,
    /// What was said before the last escalation is still to be read.
    pub history_missing: bool,
    /// ServiceNow's own ids of the present chat.
    names: HashSet<String>,
    /// Longer tasks of ServiceNow's by their key: where they were first shown, and their steps so far.
    tasks: HashMap<String, (u64, Vec<String>)>,
    /// Positions of the questions that have had their answer.
    answered: HashSet<u64>,
    heard: HashSet<String>,
    posted: HashMap<String, ActivityId>,
    taken: HashSet<ActivityId>,
    tokens: HashMap<String, Timestamp>,
    typing_since: Option<Timestamp>,
    /// What ServiceNow asked last and was not answered yet, and where that stands.
    pending: Option<(u64, Control)>,
    /// ServiceNow's messages the client has not fetched yet: position and `messageId`.
    unfetched: Vec<(u64, String)>,
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
        opening: Opening,
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
    pub authorization: Option<String>,
    pub until: Option<Timestamp>,
    /// Where the bot was cut off; `None` while it speaks.
    pub cut: Option<Cut>,
}

/// The end of a bot's stretch.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    pub event: String,
    pub bot: Option<String>,
    pub watermark: Option<String>,
    pub tail: Vec<ActivityId>,
    pub answered: Vec<ActivityId>,
    pub unmatched_request: Option<String>,
    /// What the user said behind the event has been taken over.
    pub drained: bool,
}

impl State {
    /// A conversation of which nothing is stored.
    pub fn new(conversation: ConversationId) -> Self {
        Self {
            conversation,
            position: 0,
            phase: Phase::Bot,
            chat: 0,
            user: User::default(),
            segments: Vec::new(),
            outbox: Outbox::default(),
            last_heard: Timestamp::default(),
            history_missing: false,
            names: HashSet::new(),
            tasks: HashMap::new(),
            answered: HashSet::new(),
            heard: HashSet::new(),
            posted: HashMap::new(),
            taken: HashSet::new(),
            tokens: HashMap::new(),
            typing_since: None,
            pending: None,
            unfetched: Vec::new(),
        }
    }

    /// True from the first escalation on, for ever: the client then holds watermarks of ours.
    pub fn was_escalated(&self) -> bool {
        self.chat > 0
    }

    /// True while a person is asked for or present.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. } | Phase::WithAgent { .. })
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

    /// The question that the user's next words answer.
    pub fn pending(&self) -> Option<&Control> {
        self.pending.as_ref().map(|(_, control)| control)
    }

    /// Where that question stands.
    pub fn pending_at(&self) -> Option<u64> {
        self.pending.as_ref().map(|(position, _)| *position)
    }

    /// True when the question at this position has had its answer.
    pub fn has_answered(&self, question: u64) -> bool {
        self.answered.contains(&question)
    }

    /// True when the user's activity of Direct Line is in the live chat or was the bot's to answer.
    pub fn has_taken(&self, id: &ActivityId) -> bool {
        self.taken.contains(id)
    }

    /// The segment that speaks now or was cut off last.
    pub fn segment(&self) -> Option<&Segment> {
        self.segments.last()
    }

    /// The last stretch of the bot's that has ended and was not read to its end; which one it is.
    pub fn undrained(&self) -> Option<usize> {
        self.segments.iter().rposition(|segment| segment.cut.as_ref().is_some_and(|cut| !cut.drained))
    }

    /// Folds in the fact at `self.position`.
    pub fn apply(&mut self, fact: &Fact) {
        let position = self.position;
        self.position += 1;
        match fact {
            Fact::HandoffRequested(request) => self.escalated(position, request),
            Fact::UpstreamDrained { segment, .. } => {
                let segment = segment.unwrap_or(self.segments.len().saturating_sub(1));
                if let Some(cut) = self.segments.get_mut(segment).and_then(|s| s.cut.as_mut()) {
                    cut.drained = true;
                }
            }
            Fact::UserSaid(said) => self.user_said(position, said),
            Fact::HistoryRead { lines, at } => {
                self.history_missing = false;
                self.outbox.push(CallId(position, 0), self.chat, Call::SendHistory(lines.clone()), *at);
            }
            Fact::UserTyping { at } => {
                if self.typing_since.replace(*at).is_none() {
                    self.outbox.push(CallId(position, 0), self.chat, Call::Typing, *at);
                }
            }
            Fact::UserStoppedTyping { at } => {
                self.typing_since = None;
                self.outbox.push(CallId(position, 0), self.chat, Call::Viewing, *at);
            }
            Fact::Claimed { call, attempt, at, .. } => self.outbox.claim(*call, *attempt, *at),
            Fact::Settled { call, outcome, .. } => self.outbox.settle(*call, outcome),
            Fact::ChatNamed { conversation, interaction, .. } => {
                self.names.extend(conversation.iter().chain(interaction).cloned());
            }
            Fact::Queued { .. } => {
                if let Phase::Waiting { queued, .. } = &mut self.phase {
                    *queued = true;
                }
            }
            Fact::AgentJoined { agent, at } => {
                self.phase = Phase::WithAgent { agent: agent.clone() };
                self.last_heard = *at;
            }
            Fact::AgentSaid(said) => self.agent_said(position, said),
            Fact::NotShown { message_id, at } => {
                self.heard.insert(message_id.clone());
                let call = Call::NotShown(message_id.clone());
                self.outbox.push(CallId(position, 0), self.chat, call, *at);
            }
            Fact::AgentTyping { .. } | Fact::Noticed { .. } => {}
            Fact::Fetched { up_to, at } => self.fetched(position, *up_to, *at),
            Fact::ChatEnded { why, tell, at } => self.ended(position, *why, *tell, *at),
            Fact::ConversationOver { .. } => self.phase = Phase::Over,
            Fact::BotReturned { conversation, authorization, until, .. } => {
                self.phase = Phase::Bot;
                self.segments.push(Segment {
                    conversation: Some(conversation.clone()),
                    authorization: authorization.clone(),
                    until: *until,
                    cut: None,
                });
            }
            Fact::BotTokenRenewed { authorization, until } => {
                if let Some(segment) = self.segments.last_mut() {
                    segment.authorization = Some(authorization.clone());
                    segment.until = Some(*until);
                }
            }
            Fact::TokenAccepted { hash, until } => {
                self.tokens.insert(hash.clone(), *until);
            }
        }
    }

    fn escalated(&mut self, position: u64, request: &HandoffRequested) {
        self.chat += 1;
        self.user = request.user.clone();
        self.last_heard = request.at;
        self.history_missing = request.history_missing;
        self.names.clear();
        self.tasks.clear();
        self.taken.extend(request.tail.iter().cloned());
        self.taken.extend(request.seen.iter().cloned());
        if let Some((hash, until)) = &request.token {
            self.tokens.insert(hash.clone(), *until);
        }
        if self.segments.is_empty() {
            self.segments.push(Segment::default());
        }
        if let Some(segment) = self.segments.last_mut() {
            segment.cut = Some(Cut {
                event: request.event.clone(),
                bot: request.bot.clone(),
                watermark: request.watermark.clone(),
                tail: request.tail.clone(),
                answered: request.answered.clone(),
                unmatched_request: request.unmatched_request.clone(),
                drained: false,
            });
        }
        self.phase = Phase::Waiting { since: request.at, opening: request.opening, queued: false };
        self.outbox.open(position, self.chat, request);
    }

    fn user_said(&mut self, position: u64, said: &UserSaid) {
        self.last_heard = said.at;
        if said.message.is_some() || said.secure {
            self.pending = None;
            self.answered.extend(said.answers);
        }
        if let Some(id) = &said.id {
            self.taken.insert(id.clone());
        }
        if let Some(client_id) = &said.client_id {
            let local = || ActivityId::local(&self.conversation, position);
            let id = said.id.clone().unwrap_or_else(local);
            self.posted.insert(client_id.clone(), id);
        }
        if let Some(timezone) = &said.timezone {
            self.user.timezone = Some(timezone.clone());
            let call = Call::SetTimezone(timezone.clone());
            self.outbox.push(CallId(position, 1), self.chat, call, said.at);
        }
        match &said.message {
            Some(message) => {
                let call = Call::Say(Box::new(message.clone()));
                self.outbox.push(CallId(position, 0), self.chat, call, said.at);
            }
            None => self.request_found(said),
        }
    }

    /// The words that asked for a person are looked for until they are found once.
    fn request_found(&mut self, said: &UserSaid) {
        let text = said.echo.get("text").and_then(serde_json::Value::as_str);
        if let Some(cut) = self.segments.last_mut().and_then(|segment| segment.cut.as_mut()) {
            cut.unmatched_request.take_if(|request| text == Some(request));
        }
    }

    fn agent_said(&mut self, position: u64, said: &AgentSaid) {
        self.last_heard = said.at;
        if let (Phase::WithAgent { agent }, Speaker::Agent(by)) = (&mut self.phase, &said.by)
            && by.name.is_some()
        {
            *agent = by.clone();
        }
        let live = self.is_live();
        self.heard.extend(said.keys());
        if let Control::Progress(Progress { key: Some(key), steps, first }) = &said.control {
            self.tasks.insert(key.clone(), (first.unwrap_or(position), steps.clone()));
        }
        if let (Some(id), Speaker::Agent(_), true) = (&said.message_id, &said.by, live) {
            self.unfetched.push((position, id.clone()));
        }
        if said.control.asks() && live {
            self.pending = Some((position, said.control.clone()));
        }
        if said.control.waits_for_done() && live {
            self.outbox.push(CallId(position, 0), self.chat, Call::Done, said.at);
        }
    }

    fn fetched(&mut self, position: u64, up_to: u64, at: Timestamp) {
        let fetched = self.unfetched.iter().take_while(|(said_at, _)| *said_at < up_to).count();
        let ids: Vec<String> = self.unfetched.drain(..fetched).map(|(_, id)| id).collect();
        if !ids.is_empty() {
            self.outbox.push(CallId(position, 0), self.chat, Call::SentToUser(ids), at);
        }
    }

    fn ended(&mut self, position: u64, why: EndReason, tell: bool, at: Timestamp) {
        let agent = match std::mem::take(&mut self.phase) {
            Phase::WithAgent { agent } => Some(agent),
            _ => None,
        };
        self.typing_since = None;
        self.pending = None;
        self.unfetched.clear();
        self.phase = Phase::Returning { why, agent };
        if tell {
            let call = if why == EndReason::NotOpened { Call::Fault } else { Call::End };
            self.outbox.push(CallId(position, 0), self.chat, call, at);
        }
    }
}
