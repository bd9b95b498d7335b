//! What a role is to the ledger. Pure: no clock, no I/O.

pub use super::journal::Stored;
use super::{Lease, Outbox, Queued, Settled, Settlement, journal::Position, outbox::CallId};
use crate::domain::{ConversationId, Timestamp};

/// A role's own part: what its facts mean, and what a command adds to them.
pub trait Machine: Send + Sync + 'static {
    /// What a conversation's facts add up to.
    type State: Clone + Send + 'static;
    type Fact: Stored + Clone;
    type Command: Send + Sync + 'static;
    /// What is to be told to a far end.
    type Call: Clone + Send + Sync + 'static;
    /// What a far end's answer to a call tells.
    type Answer: Send + Sync + 'static;
    /// What somebody who says a thing again is told of the first time.
    type Known: Send + 'static;
    /// What this process alone knows of a conversation, and may forget.
    type Local: Default + Send + Sync + 'static;

    /// A conversation of which nothing is stored.
    fn begin(&self, id: &ConversationId) -> Self::State;

    /// How many facts are folded in.
    fn position(state: &Self::State) -> Position;

    /// Folds in the next fact.
    fn fold(state: &mut Self::State, fact: &Self::Fact);

    /// What `command` adds.
    fn decide(&self, state: &Self::State, command: &Self::Command, now: Timestamp) -> Decided<Self>;

    /// The calls that are not settled.
    fn outbox(state: &Self::State) -> &Outbox<Self::Call>;

    /// The call that `fact`, stored at `position`, asks for, when nothing but that call stands before its making.
    fn asks(state: &Self::State, position: Position, fact: &Self::Fact) -> Option<CallId>;

    /// Names the call's far end among those of its lane, of which each may be down by itself.
    fn far_end(&self, _: &Self::State, _: &Self::Call) -> String {
        String::new()
    }

    fn leased(lease: Lease) -> Self::Fact;

    /// The settlement, and what follows from it: what the far end's answer told, a line for who must be told of the end, … All of
    /// it is stored at once. `state` is the one before.
    fn settle(
        &self,
        state: &Self::State,
        queued: &Queued<Self::Call>,
        settled: Settled,
        outcome: &Outcome<Self::Answer>,
    ) -> Vec<Self::Fact>;

    /// Whether the sweep must look at the conversation.
    fn is_open(state: &Self::State) -> bool;

    /// Whether a fact may change that. One that says no saves the copy of the state that a look takes.
    fn may_open_or_close(state: &Self::State, fact: &Self::Fact) -> bool;

    /// Whether the facts change it.
    fn opens_or_closes(state: &Self::State, facts: &[Self::Fact]) -> Option<bool> {
        if !facts.iter().any(|fact| Self::may_open_or_close(state, fact)) {
            return None;
        }
        let mut after = state.clone();
        facts.iter().for_each(|fact| Self::fold(&mut after, fact));
        let open = Self::is_open(&after);
        (open != Self::is_open(state)).then_some(open)
    }
}

/// What a command comes to.
#[derive(Debug)]
pub enum Decided<M: Machine + ?Sized> {
    /// It adds these.
    Facts(Vec<M::Fact>),
    /// It says again what was said before. True for every longer journal as well.
    Known(M::Known),
    /// There is nothing in it now.
    Nothing,
    /// It does not fit the conversation as this copy has it: whether it fits the journal, only its end tells.
    TooLate,
}

/// What a call came to.
#[derive(Debug)]
pub enum Outcome<A> {
    /// The far end took it, and may have said something.
    Done(Option<A>),
    /// It is to be made again, not before then.
    Retry {
        at: Timestamp,
        /// It may have arrived.
        uncertain: bool,
    },
    GivenUp(Why),
}

impl<A> Outcome<A> {
    /// As it is stored.
    pub(super) fn settlement(&self) -> Settlement {
        match *self {
            Self::Done(_) => Settlement::Done,
            Self::Retry { at, uncertain } => Settlement::Retry { at, uncertain },
            Self::GivenUp(_) => Settlement::Dropped,
        }
    }
}

/// Why a call is not made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The far end will not take it.
    Refused,
    /// The far end was out of reach until the words were too old. It surely has not arrived.
    Unreachable,
    /// It was made as often as may be, and nobody knows whether it has arrived.
    MayHaveArrived,
    /// Its words were not stored, and are gone.
    WordsGone,
}
