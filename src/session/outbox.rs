//! What ServiceNow must still be told, in order; derived from the journal, so nothing is forgotten.

use std::{collections::VecDeque, sync::Arc};

use crate::domain::{HistoryLine, Timestamp};

use super::fact::{CallId, CallOutcome, HandoffRequested, Opening, ToAgent, Topic};

/// Milliseconds after which a claim no longer holds the conversation's calls back: its owner has died.
pub const CLAIM_MILLIS: i64 = 10_000;

/// Calls to ServiceNow that are not settled, oldest first. One is under way at a time.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    queue: VecDeque<Queued>,
    /// The last escalation's `traceparent`, for what nobody's request asked for.
    trace: Option<Arc<str>>,
}

/// A call that waits for its turn, or for its next try.
#[derive(Clone, Debug)]
pub struct Queued {
    pub id: CallId,
    /// Which of the conversation's chats it belongs to.
    pub chat: u32,
    pub call: Call,
    /// When the fact behind it was stored.
    pub since: Timestamp,
    /// Tries made.
    pub attempts: u32,
    pub first_try: Option<Timestamp>,
    /// `traceparent` of the request behind it; stored, so that a repeat carries the same.
    pub trace: Option<Arc<str>>,
    claimed: Option<Timestamp>,
    not_before: Timestamp,
}

/// What to tell ServiceNow.
#[derive(Clone, Debug)]
pub enum Call {
    Create(Arc<HandoffRequested>),
    StartCreated(Arc<HandoffRequested>),
    Start(Arc<HandoffRequested>),
    Agent(Arc<HandoffRequested>),
    SendHistory(Vec<HistoryLine>),
    Switch(Topic),
    SetTimezone(String),
    Say(Box<ToAgent>),
    /// The table has been shown.
    Done,
    Typing,
    Viewing,
    SentToUser(Vec<String>),
    /// This message of an agent's could not be shown.
    NotShown(String),
    End,
    /// The chat was made but can't be used.
    Fault,
}

impl Call {
    /// True for the calls without which there is no chat.
    pub fn is_opening(&self) -> bool {
        matches!(self, Self::Create(_) | Self::StartCreated(_) | Self::Start(_) | Self::Agent(_))
    }

    /// For the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "CREATE_CONVERSATION",
            Self::StartCreated(_) => "START_CREATED_CONVERSATION",
            Self::Start(_) => "START_CONVERSATION",
            Self::Agent(_) => "AGENT",
            Self::Say(_) | Self::Done => "message",
            Self::Typing => "TYPING",
            Self::Viewing => "VIEWING",
            Self::SendHistory(_) => "SEND_HISTORY",
            Self::Switch(_) => "SWITCH",
            Self::SetTimezone(_) => "SET_USER_TIMEZONE",
            Self::SentToUser(_) | Self::NotShown(_) => "UPDATE_MESSAGES",
            Self::Fault => "FAULT_CONVERSATION",
            Self::End => "END_CONVERSATION",
        }
    }

    /// True for what is worth one try and no more: signs that pass.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Typing | Self::Viewing | Self::SentToUser(_) | Self::NotShown(_))
    }
}

/// What the outbox wants now.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    Nothing,
    /// Nothing before this time.
    At(Timestamp),
    Call(CallId),
}

impl Queued {
    /// True when no claim and no wait holds this call back.
    pub fn may_be_made(&self, now: Timestamp) -> bool {
        !self.is_claimed(now) && self.not_before <= now
    }

    /// True while somebody is making this call.
    pub fn is_claimed(&self, now: Timestamp) -> bool {
        self.claimed.is_some_and(|at| at.plus_millis(CLAIM_MILLIS) > now)
    }
}

impl Outbox {
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Queued> {
        self.queue.iter()
    }

    pub fn get(&self, id: CallId) -> Option<&Queued> {
        self.queue.iter().find(|queued| queued.id == id)
    }

    /// The oldest call, or when it may be made. A call holds back those behind it, so an agent never
    /// reads answers out of order.
    pub fn due(&self, now: Timestamp) -> Due {
        let Some(head) = self.queue.front() else { return Due::Nothing };
        let free =
            head.claimed.map_or(head.not_before, |at| head.not_before.max(at.plus_millis(CLAIM_MILLIS)));
        if free > now { Due::At(free) } else { Due::Call(head.id) }
    }

    /// A call in the trace of the last escalation.
    pub(super) fn push(&mut self, id: CallId, chat: u32, call: Call, since: Timestamp) {
        self.push_traced(id, chat, call, since, None);
    }

    /// A call in a trace of its own, when it has one.
    pub(super) fn push_traced(
        &mut self,
        id: CallId,
        chat: u32,
        call: Call,
        since: Timestamp,
        trace: Option<&str>,
    ) {
        let trace = trace.map(Arc::from).or_else(|| self.trace.clone());
        let not_before = Timestamp::default();
        self.queue.push_back(Queued {
            id,
            chat,
            call,
            since,
            attempts: 0,
            first_try: None,
            trace,
            claimed: None,
            not_before,
        });
    }

    pub(super) fn open(&mut self, position: u64, chat: u32, request: &HandoffRequested) {
        let request = Arc::new(request.clone());
        let at = request.at;
        self.trace = request.trace.as_deref().map(Arc::from);
        match request.opening {
            Opening::CreateThenStart => {
                self.push(CallId(position, 0), chat, Call::Create(request.clone()), at);
                self.push(CallId(position, 1), chat, Call::StartCreated(request.clone()), at);
            }
            Opening::Start => self.push(CallId(position, 0), chat, Call::Start(request.clone()), at),
            Opening::Agent => self.push(CallId(position, 0), chat, Call::Agent(request.clone()), at),
        }
        let topic = request.topic.iter().cloned().map(Call::Switch);
        let rest = request.later_history.iter().cloned().map(Call::SendHistory);
        for (step, call) in (2..=u8::MAX).zip(topic.chain(rest)) {
            self.push(CallId(position, step), chat, call, at);
        }
    }

    pub(super) fn claim(&mut self, id: CallId, attempt: u32, at: Timestamp) {
        if let Some(queued) = self.queue.iter_mut().find(|queued| queued.id == id) {
            queued.claimed = Some(at);
            queued.attempts = attempt;
            queued.first_try.get_or_insert(at);
        }
    }

    pub(super) fn settle(&mut self, id: CallId, outcome: &CallOutcome) {
        match outcome {
            CallOutcome::Done | CallOutcome::Dropped => self.queue.retain(|queued| queued.id != id),
            CallOutcome::Retry { at } => {
                if let Some(queued) = self.queue.iter_mut().find(|queued| queued.id == id) {
                    queued.claimed = None;
                    queued.not_before = *at;
                }
            }
        }
    }
}
