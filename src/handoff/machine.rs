//! A live chat as the ledger sees it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use crate::{
    domain::{ActivityId, ConversationId, Timestamp},
    ledger::{CallId, Decided, Lease, Machine, Outbox, Outcome, Queued, Settled, journal::Position},
    session::{Answered, ChatCall, Command, Fact, Phase, Policy, State, UserSaid, decide, settle},
};

/// The machine of the live-agent role.
#[derive(Clone, Copy, Debug)]
pub struct Chat {
    pub policy: Policy,
}

/// What only this process knows of a conversation.
#[derive(Debug, Default)]
pub struct Local {
    /// When the user was last seen typing; 0 never.
    typed: AtomicI64,
    /// Bytes of files that are coming in now.
    pub coming: Arc<AtomicU64>,
    /// Held while a fresh Copilot Studio conversation is opened.
    pub returning: tokio::sync::Mutex<()>,
    /// Held while a batch of the bot's is read and understood: a long history takes many times its size then, and a visitor can ask
    /// for it as often as they like.
    pub reading: tokio::sync::Mutex<()>,
    /// Masked texts that the client was given and may not have yet: where each stands, and its whisper.
    pub shown_once: std::sync::Mutex<Vec<(Position, String)>>,
}

impl Local {
    /// Notes that the user types.
    pub fn types(&self, now: Timestamp) {
        self.typed.fetch_max(now.0, Relaxed);
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
            && let Some(id) = known(state, said, now)
        {
            return Decided::Known(id);
        }
        let facts = decide(state, command.clone(), &self.policy, now);
        if facts.is_empty() { nothing(state, command) } else { Decided::Facts(facts) }
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
        settle(state, queued, settled, outcome, &self.policy)
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

/// The id that the same words were given before: by Direct Line's id or the client's own, or, where they may not be stored, by
/// themselves.
fn known(state: &State, said: &UserSaid, now: Timestamp) -> Option<ActivityId> {
    let posted = said.client_id.as_ref().and_then(|id| state.posted_as(id)).cloned();
    let taken = || said.id.clone().filter(|id| state.has_taken(id));
    let mark =
        said.message.as_ref().and_then(|message| message.whisper.as_ref()).map(|whisper| &whisper.mark);
    let whispered = || {
        let open = said.answers.is_some_and(|question| !state.questions.is_answered(question));
        mark.filter(|_| !open).and_then(|mark| state.whispered_as(mark, now)).cloned()
    };
    posted.or_else(taken).or_else(whispered)
}

/// Why a command adds nothing: for good, or as this copy has it.
fn nothing(state: &State, command: &Command) -> Decided<Chat> {
    match command {
        Command::UserSaid(said) if state.is_live() && state.lacks_room_for(said).is_some() => {
            Decided::Nothing
        }
        Command::NotTaken { said, .. } if state.lacks_room_for(said).is_some() => Decided::Nothing,
        Command::TokenAccepted { .. } if !state.kept.has_room() => Decided::Nothing,
        Command::Escalated { .. }
        | Command::UpstreamRead { .. }
        | Command::UserSaid(_)
        | Command::NotTaken { .. }
        | Command::UserEnded
        | Command::BotReturned { .. }
        | Command::BotTokenRenewed { .. }
        | Command::TokenAccepted { .. } => Decided::TooLate,
        Command::Heard { chat, told } => {
            let all_known = told.inbound.items.iter().all(|item| state.has_heard(item));
            if *chat == state.chat && all_known { Decided::Nothing } else { Decided::TooLate }
        }
        Command::UserTyping if !matches!(state.phase, Phase::WithAgent { .. }) && !state.is_live() => {
            Decided::TooLate
        }
        Command::UserTyping
        | Command::Tell(_)
        | Command::FilesUnsaid { .. }
        | Command::Fetched { .. }
        | Command::Tick { .. } => Decided::Nothing,
    }
}
