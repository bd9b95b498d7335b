//! What ServiceNow must be told, as it follows from the facts.

use std::sync::Arc;

use super::{
    State,
    fact::{HandoffRequested, Opening, ToAgent, Topic},
};
use crate::{
    domain::{HistoryLine, Timestamp},
    ledger::{CallId, Lane, Queued},
};

/// All that ServiceNow is told goes one way, in order.
pub const LANE: Lane = Lane::First;

/// Milliseconds after which a zone that ServiceNow does not take is left to the calls behind it, each of which names it, too.
const ZONE_LIVES: i64 = 5_000;

/// A call of one of a conversation's chats.
#[derive(Clone, Debug)]
pub struct ChatCall {
    pub chat: u32,
    pub what: Call,
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

impl State {
    /// The first call that the fact at the present position asks for, in the trace of its chat's escalation.
    pub(super) fn call(&mut self, what: Call, since: Timestamp) {
        self.call_in_trace(0, what, since, None);
    }

    /// A call of the present chat, in a trace of its own when it has one.
    pub(super) fn call_in_trace(&mut self, step: u8, what: Call, since: Timestamp, trace: Option<&str>) {
        let whispered_by = match &what {
            Call::Say(message) => message.whisper.as_ref().map(|whisper| Arc::from(&*whisper.by)),
            _ => None,
        };
        let (passing, chat) = (what.is_passing(), self.chat);
        let trace = trace.map(Arc::from).or_else(|| self.trace.clone());
        let lives = matches!(what, Call::SetTimezone(_)).then_some(ZONE_LIVES);
        let mut queued = Queued::new(CallId(self.position, step), ChatCall { chat, what }, since);
        (queued.trace, queued.whispered_by, queued.passing) = (trace, whispered_by, passing);
        queued.lives = lives.unwrap_or(queued.lives);
        self.outbox.push(LANE, queued);
    }

    /// The client has these messages. Receipts that wait go in one call.
    pub(super) fn receipt(&mut self, mut messages: Vec<String>, since: Timestamp) {
        let chat = self.chat;
        if let Some(ChatCall { chat: of, what: Call::SentToUser(waiting) }) =
            self.outbox.last_waiting(LANE).map(|queued| &mut queued.call)
            && *of == chat
        {
            waiting.append(&mut messages);
            return;
        }
        self.call(Call::SentToUser(messages), since);
    }

    /// The calls that open a chat, and what goes right behind them.
    pub(super) fn open_chat(&mut self, request: &HandoffRequested) {
        let request = Arc::new(request.clone());
        self.trace = request.trace.as_deref().map(Arc::from);
        let at = request.at;
        match request.opening {
            Opening::CreateThenStart => {
                self.call(Call::Create(request.clone()), at);
                self.call_in_trace(1, Call::StartCreated(request.clone()), at, None);
            }
            Opening::Start => self.call(Call::Start(request.clone()), at),
            Opening::Agent => self.call(Call::Agent(request.clone()), at),
        }
        let topic = request.topic.iter().cloned().map(Call::Switch);
        let rest = request.later_history.iter().cloned().map(Call::SendHistory);
        for (step, call) in (2..=u8::MAX).zip(topic.chain(rest)) {
            self.call_in_trace(step, call, at, None);
        }
    }
}
