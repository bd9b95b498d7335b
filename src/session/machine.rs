//! A live chat as the ledger sees it.

use std::{
    ops::Deref,
    sync::{
        Arc, PoisonError, Weak,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use tokio::time::Instant;

use super::{Answered, ChatCall, Command, Fact, State, decide::Moment};
use crate::{
    domain::{ActivityId, ConversationId, Timestamp},
    ledger::{CallId, Decided, Lease, Machine, Outbox, Outcome, Queued, Settled, journal::Position},
};

/// The machine of the live-agent role, with what the settings decide.
#[derive(Clone, Copy, Debug)]
pub struct Chat {
    pub timeout_millis: i64,
    /// After a chat a fresh Copilot Studio conversation follows; else the conversation is over.
    pub back_to_bot: bool,
}

/// What only this process knows of a conversation.
#[derive(Debug, Default)]
pub struct Local {
    /// When the user was last seen typing; 0 never.
    typed: AtomicI64,
    /// Up to where a client has the journal.
    read: AtomicU64,
    /// Bytes of files that are coming in now.
    pub coming: Arc<AtomicU64>,
    /// Masked texts that the client was given and may not have yet: where each stands, and its whisper.
    pub shown_once: std::sync::Mutex<Vec<(Position, String)>>,
    /// There while somebody has one, or waits for one.
    turns: std::sync::Mutex<Weak<Turns>>,
}

/// What one does in a conversation at a time, while others wait. Boxed: a chat that nobody does any of it in keeps next to nothing of
/// them.
#[derive(Debug, Default)]
pub struct Turns(Box<Each>);

#[derive(Debug, Default)]
pub struct Each {
    /// Held while a fresh Copilot Studio conversation is opened.
    pub returning: tokio::sync::Mutex<()>,
    /// Held while Direct Line is read behind a hand-off.
    pub draining: Draining,
    /// Held by who says something to a live chat, so that what waits for what was said before it keeps its order.
    pub saying: tokio::sync::Mutex<()>,
    /// Held while a batch of the bot's is read and understood: a long history takes many times its size then, and a visitor can ask
    /// for it as often as they like.
    pub reading: tokio::sync::Mutex<()>,
}

impl Deref for Turns {
    type Target = Each;

    fn deref(&self) -> &Each {
        &self.0
    }
}

/// One reads, and others wait for that.
#[derive(Debug, Default)]
pub struct Draining {
    pub turn: tokio::sync::Mutex<()>,
    began: std::sync::Mutex<Option<Instant>>,
}

impl Draining {
    /// Since when somebody reads; nothing when nobody does.
    pub fn began(&self) -> Option<Instant> {
        let began = *self.began.lock().unwrap_or_else(PoisonError::into_inner);
        began.filter(|_| self.turn.try_lock().is_err())
    }

    pub async fn begin(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.turn.lock().await;
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        turn
    }
}

impl Local {
    pub fn turns(&self) -> Arc<Turns> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Turns::default());
            *turns = Arc::downgrade(&new);
            new
        })
    }

    /// Notes that the user types.
    pub fn types(&self, now: Timestamp) {
        self.typed.store(now.0, Relaxed);
    }

    /// Notes that a client has the facts before `position`.
    pub fn reads(&self, position: Position) {
        self.read.fetch_max(position, Relaxed);
    }

    /// Whether a client is known here to have the fact at `position`.
    pub fn has_read(&self, position: Position) -> bool {
        self.read.load(Relaxed) > position
    }

    /// When the user was last seen typing here.
    pub fn typed(&self) -> Option<Timestamp> {
        Some(Timestamp(self.typed.load(Relaxed))).filter(|at| at.0 > 0)
    }
}

impl Machine for Chat {
    type State = State;
    type Fact = Fact;
    type Command = Command;
    type Call = ChatCall;
    type Answer = Answered;
    type Known = ActivityId;
    type Local = Local;

    fn begin(&self, id: &ConversationId) -> State {
        State::new(id.clone())
    }

    fn position(state: &State) -> Position {
        state.position
    }

    fn fold(state: &mut State, fact: &Fact) {
        state.apply(fact);
    }

    fn decide(&self, state: &State, command: &Command, now: Timestamp) -> Decided<Self> {
        if let Command::UserSaid(said) | Command::NotTaken { said, .. } = command
            && let Some(id) = state.known(said, now)
        {
            return Decided::Known(id);
        }
        match (Moment { state, chat: self, now }).decide(command) {
            (facts, _) if !facts.is_empty() => Decided::Facts(facts),
            (_, true) => Decided::Nothing,
            (_, false) => Decided::TooLate,
        }
    }

    fn outbox(state: &State) -> &Outbox<ChatCall> {
        &state.outbox
    }

    fn asks(_: &State, position: Position, fact: &Fact) -> Option<CallId> {
        let asks = match fact {
            Fact::UserSaid(said) => said.message.is_some() && said.timezone.is_none(),
            Fact::Fetched { up_to, .. } => *up_to > 0,
            _ => false,
        };
        asks.then_some(CallId(position, 0))
    }

    fn leased(lease: Lease) -> Fact {
        Fact::Leased(lease)
    }

    fn settle(
        &self,
        state: &State,
        queued: &Queued<ChatCall>,
        settled: Settled,
        outcome: &Outcome<Answered>,
    ) -> Vec<Fact> {
        Moment { state, chat: self, now: settled.at }.settle(queued, settled, outcome)
    }

    fn is_open(state: &State) -> bool {
        state.is_open()
    }

    fn may_open_or_close(state: &State, fact: &Fact) -> bool {
        match fact {
            Fact::HandoffRequested(_) | Fact::ConversationOver { .. } => true,
            Fact::Settled(_) | Fact::BotReturned { .. } => !state.is_live(),
            _ => false,
        }
    }
}
