//! A session with a primary bot as the ledger sees it. Pure.

use super::{
    agents::Names,
    answer::Answer,
    ask::{Accepted, Incoming},
    fact::{Answered, Asked, Fact, What},
    state::{AgentConversation, Call, IDLE_MILLIS, State},
};
use crate::{
    domain::{ConversationId, Timestamp},
    ledger::{
        CallId, Decided, Entry, Lease, Machine, Outbox, Outcome, Queued, Settled, Settlement,
        journal::Position,
    },
    translate::{
        secondary_bot::{Pending, number},
        texts::Texts,
    },
    wire::virtual_agent::body,
};

/// The machine of the secondary-bot role.
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    /// What is said in the agent's stead.
    pub texts: Texts,
    pub agents: Names,
}

/// One session, as this process knows it.
pub type Session = Entry<Dialogue>;

/// One making of a call, which holds its lease until it is settled or somebody else has it.
pub type Held = (CallId, u32);

/// Something that happened, before anybody knows whether it counts.
#[derive(Clone, Debug)]
pub enum Command {
    /// The primary bot asks for something.
    Asked(Box<Incoming>),
    /// A step of the work on a request; counts for nothing once somebody else has taken that over.
    Step { of: Held, fact: Fact },
    /// The agent's conversation has a new token, whoever got it.
    Renewed { conversation: String, authorization: String, renew_at: Timestamp },
    /// The agent said something unasked in this conversation, behind its watermark, while that was asked.
    Overheard { agent: AgentConversation, pending: Box<Pending>, answer: Box<Answer> },
    /// Nobody has said anything for long, as the time stands then; `tells`: somebody can be told so.
    Idle { now: Timestamp, tells: bool },
}

impl Machine for Dialogue {
    type State = State;
    type Fact = Fact;
    type Command = Command;
    type Call = Call;
    type Answer = Answer;
    /// Where the request stands that was repeated.
    type Known = u64;
    /// Held by the one task that listens for what the agent says unasked.
    type Local = tokio::sync::Mutex<()>;

    fn begin(&self, id: &ConversationId) -> State {
        State::new(id)
    }

    fn position(state: &State) -> Position {
        state.position
    }

    fn fold(state: &mut State, fact: &Fact) {
        state.apply(fact);
    }

    fn decide(&self, state: &State, command: &Command, now: Timestamp) -> Decided<Self> {
        match command {
            Command::Asked(incoming) => match incoming.accept(state, now) {
                Accepted::New(asked) => Decided::Facts(vec![Fact::Asked(asked)]),
                Accepted::Repeat(known) => Decided::Known(known),
            },
            Command::Step { of: (call, attempt), fact } if state.outbox.is_held(*call, *attempt) => {
                Decided::Facts(vec![fact.clone()])
            }
            Command::Renewed { conversation, authorization, renew_at }
                if state.agent.as_ref().is_some_and(|agent| agent.id == *conversation) =>
            {
                Decided::Facts(vec![Fact::Renewed {
                    authorization: authorization.clone(),
                    renew_at: *renew_at,
                }])
            }
            Command::Step { .. } | Command::Renewed { .. } => Decided::TooLate,
            Command::Overheard { agent, pending, answer } => {
                if state.agent.as_ref() != Some(agent) || state.pending != **pending || state.is_busy() {
                    return Decided::TooLate;
                }
                Decided::Facts(vec![answered(state, None, true, (**answer).clone(), now)])
            }
            Command::Idle { now: then, tells } if is_idle(state, *then) => {
                let answer = Answer { take_control: true, over: true, ..Answer::default() };
                Decided::Facts(vec![answered(state, None, *tells, answer, now)])
            }
            Command::Idle { .. } => Decided::Nothing,
        }
    }

    fn outbox(state: &State) -> &Outbox<Call> {
        &state.outbox
    }

    fn asks(_: &State, position: Position, fact: &Fact) -> Option<CallId> {
        let asks = match fact {
            Fact::Asked(_) => true,
            Fact::Answered(answered) => answered.deliver,
            _ => false,
        };
        asks.then_some(CallId(position, 0))
    }

    fn far_end(&self, state: &State, call: &Call) -> String {
        let Call::Work(asked) = call else { return String::new() };
        self.agents.answering(asked, state.agent.as_ref()).unwrap_or_default().to_owned()
    }

    fn leased(lease: Lease) -> Fact {
        Fact::Leased(lease)
    }

    /// The answer comes before the settlement of what it answers: as long as that is open, it is known what was asked.
    fn settle(
        &self,
        state: &State,
        queued: &Queued<Call>,
        settled: Settled,
        outcome: &Outcome<Answer>,
    ) -> Vec<Fact> {
        let Call::Work(asked) = &queued.call else { return vec![Fact::Settled(settled)] };
        let request = queued.id.0;
        let answer = match outcome {
            Outcome::Retry { .. } => return vec![Fact::Settled(settled)],
            Outcome::Done(answer) => answer.clone().unwrap_or_default(),
            Outcome::GivenUp(why) => Answer::given_up(state, request, asked, *why, &state.words(&self.texts)),
        };
        let answered = answered(state, Some((request, asked)), asked.asynchronous, answer, settled.at);
        vec![answered, Fact::Settled(settled)]
    }

    fn is_open(state: &State) -> bool {
        state.is_open()
    }

    fn may_open_or_close(_: &State, fact: &Fact) -> bool {
        match fact {
            Fact::Asked(_) | Fact::Answered(_) => true,
            Fact::Settled(settled) => !matches!(settled.outcome, Settlement::Retry { .. }),
            _ => false,
        }
    }
}

fn is_idle(state: &State, now: Timestamp) -> bool {
    let free = !state.is_busy() && !state.outbox.is_frozen();
    now.millis_since(state.last_heard) > IDLE_MILLIS && state.agent.is_some() && free
}

/// An answer as it is stored: to a request or, said unasked, repeating what the last request had. `follows`: it goes to the
/// response address.
fn answered(
    state: &State,
    to: Option<(u64, &Asked)>,
    follows: bool,
    mut answer: Answer,
    at: Timestamp,
) -> Fact {
    let (request, asked) = to.unzip();
    let is = |what: What| asked.is_some_and(|asked| asked.what == what);
    if state.silent && !is(What::End) {
        answer.elements.clear();
    } else if let Some((request, asked)) = to
        && follows
        && !asked.what.is_quick()
    {
        let mut end = [body::action("EndTypingIndicator")];
        number(&mut end, &format!("{}.typing", state.source(request)));
        answer.elements.splice(0..0, end);
    }
    let deliver = follows && answer.says_something();
    let (watermark, over) = (answer.watermark.take(), answer.over);
    let pending = answer.pending.take().filter(|_| !is(What::Note)).unwrap_or_else(|| state.pending.clone());
    let body = answer.envelope(asked.map_or(&state.echo, |asked| &asked.echo));
    let trace = asked.and_then(|asked| asked.trace.clone());
    Fact::Answered(Box::new(Answered { request, body, watermark, pending, over, deliver, trace, at }))
}
