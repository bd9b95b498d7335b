//! The calls of a session, and what came of them: above all the work on a request. Its conversation is opened when need be, it is
//! said there, and answered.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;
use tracing::{debug, error, info, warn};

use super::{
    SecondaryBot,
    agent::Unreached,
    answer::Answer,
    converse::Heard,
    fact::{Asked, Fact},
    machine::{Command, Dialogue, Held, Session},
    plan::{Plan, plan, plan_without_words},
    responder::TIME_OUT,
    state::Call,
    take::LONGEST_WAIT,
};
use crate::{
    domain::millis,
    far_end::CallError,
    ledger::{Attempt, Committed, Failure, Ledger, Outcome, Role, Tried, Why},
    telemetry::{Count, on_behalf, trace_id},
    translate::secondary_bot::answer::Typed,
};

/// What a turn may take besides listening: an opening, posts, and looking for them.
const BESIDES: Duration = Duration::from_secs(90);

/// Conversations opened at most for one making of the work.
const OPENINGS: u32 = 2;

/// How long a call may take. `patience`: how long the agent is listened to.
pub fn longest(call: &Call, patience: Duration) -> Duration {
    match call {
        Call::Work(_) => (patience + BESIDES).min(LONGEST_WAIT),
        Call::Respond(_) => TIME_OUT,
    }
}

/// One making of the work on a request. Another goes on where it stopped, by the steps it has stored.
pub struct Work<'a> {
    pub session: &'a Arc<Session>,
    pub held: Held,
    pub asked: &'a Asked,
}

impl Work<'_> {
    /// Where the request stands.
    pub fn request(&self) -> u64 {
        self.held.0.0
    }
}

impl Role for SecondaryBot {
    type Machine = Dialogue;

    fn ledger(&self) -> &Arc<Ledger<Dialogue>> {
        &self.ledger
    }

    fn longest(&self, call: &Call) -> Duration {
        longest(call, Duration::from_millis(self.limits.patience.unsigned_abs()))
    }

    async fn call(self: &Arc<Self>, attempt: &Attempt<Dialogue>) -> Tried<Answer> {
        let queued = &attempt.queued;
        match &queued.call {
            Call::Work(asked) => {
                let work = Work { session: &attempt.entry, held: (queued.id, queued.attempts), asked };
                let play = on_behalf(asked.trace.clone(), self.play(&work));
                let before = attempt.entry.state().await.pending.clone();
                let (answer, ()) = tokio::join!(play, self.show_typing_back(&work));
                answer.map(|answer| Some(answer.spending(&before, asked.whisper.as_ref())))
            }
            // Whoever took the address out of the settings does not want the answers.
            Call::Respond(body) => {
                let Some(responder) = &self.responder else { return Err(Failure::Refused) };
                let sent = responder.send(body, queued.trace.as_deref()).await;
                sent.map(|()| None).map_err(|error| {
                    let (id, trace) = (&attempt.entry.id, queued.trace.as_deref().and_then(trace_id));
                    warn!(session.id = %id, trace.id = trace, attempt = queued.attempts, %error, "The primary bot did not take an answer");
                    Failure::from(&error)
                })
            }
        }
    }

    fn settled(self: &Arc<Self>, attempt: &Attempt<Dialogue>, outcome: &Outcome<Answer>) {
        match &attempt.queued.call {
            Call::Work(asked) => self.worked(attempt, asked, outcome),
            Call::Respond(_) => self.responded(attempt, outcome),
        }
    }
}

impl SecondaryBot {
    fn worked(self: &Arc<Self>, attempt: &Attempt<Dialogue>, asked: &Asked, outcome: &Outcome<Answer>) {
        let Attempt { entry, queued, .. } = attempt;
        let (id, what, attempt) = (&entry.id, asked.what.name(), queued.attempts);
        let trace = asked.trace.as_deref().and_then(trace_id);
        match outcome {
            Outcome::Retry { .. } => return self.counters.one(Count::RetriesDirectLine),
            Outcome::Done(answer) => {
                let over = answer.as_ref().is_some_and(|answer| answer.over);
                let millis = self.ledger.now().millis_since(queued.since);
                info!(session.id = %id, trace.id = trace, what, millis, over, "Answered a request");
            }
            Outcome::GivenUp(Why::WordsGone) => {
                warn!(session.id = %id, trace.id = trace, what, "A masked answer is gone, because it is not stored; the user is asked for it again");
            }
            Outcome::GivenUp(why) => {
                self.counters.one(Count::GivenUp);
                error!(session.id = %id, trace.id = trace, what, attempt, ?why, "The agent could not be asked; gave up");
            }
        }
        let said = asked.whisper.iter().map(|whisper| &whisper.name);
        let spent = match outcome {
            Outcome::Done(Some(answer)) => answer.spent.clone(),
            _ => said.cloned().collect(),
        };
        spent.iter().for_each(|name| self.ledger.whispers().forget(name));
        self.linger_soon(entry, queued.id.0);
    }

    fn responded(&self, attempt: &Attempt<Dialogue>, outcome: &Outcome<Answer>) {
        let Attempt { entry, queued, .. } = attempt;
        let (id, attempt, trace) = (&entry.id, queued.attempts, queued.trace.as_deref().and_then(trace_id));
        match outcome {
            Outcome::Done(_) => {
                self.counters.one(Count::ToPrimaryBot);
                debug!(session.id = %id, trace.id = trace, attempt, "Delivered an answer to the primary bot");
            }
            Outcome::Retry { .. } => self.counters.one(Count::RetriesPrimaryBot),
            Outcome::GivenUp(why) => {
                self.counters.one(Count::GivenUp);
                error!(session.id = %id, trace.id = trace, attempt, ?why, "The primary bot did not take an answer; gave up");
            }
        }
    }

    /// The answer to a request, be it that the agent can't be reached.
    async fn play(&self, work: &Work<'_>) -> Result<Answer, Failure> {
        let (id, attempt) = (&work.session.id, work.held.1);
        match self.ask(work).await {
            Ok(answer) => Ok(answer),
            Err(Unreached::Stopped(failure)) => Err(failure),
            Err(error) if error.is_final() => {
                error!(session.id = %id, %error, "The agent can't be reached; control goes back");
                let state = work.session.state().await;
                Ok(Answer::out_of_reach(&state.source(work.request()), &state.words(&self.texts)))
            }
            Err(error) => {
                warn!(session.id = %id, attempt, %error, "Direct Line did not take it; will try again");
                let wait = if let Unreached::Call(CallError::Throttled { wait, .. }) = error {
                    millis(wait)
                } else {
                    0
                };
                Err(Failure::NotTaken { wait })
            }
        }
    }

    async fn ask(&self, work: &Work<'_>) -> Result<Answer, Unreached> {
        let mut openings = 0;
        loop {
            let (plan, has_agent) = match self.ready(work).await {
                Err(Failure::WordsGone) => (self.said_before(work).await?, true),
                ready => ready.map_err(Unreached::Stopped)?,
            };
            let heard = if has_agent { self.converse(work, &plan).await } else { Err(Unreached::Lost) };
            let heard = match heard {
                Ok(heard) => heard,
                Err(Unreached::Lost) if plan.open.is_some() && openings < OPENINGS => {
                    openings += 1;
                    self.open(work).await?;
                    continue;
                }
                // Nobody is left to be told. What there is to know, another conversation is told from the beginning.
                Err(gone) if gone.is_final() && plan.open.is_none() => Heard::default(),
                Err(unreached) => return Err(unreached),
            };
            let state = work.session.state().await;
            let (source, words) = (state.source(work.request()), state.words(&self.texts));
            return Ok(Answer::of(&source, plan, heard, &self.events, &words));
        }
    }

    /// The plan, and whether the conversation it needs is there.
    async fn ready(&self, work: &Work<'_>) -> Result<(Plan, bool), Failure> {
        let whispers = self.ledger.whispers();
        let known = |name: &str| whispers.get(name).ok_or(Failure::WordsGone);
        let state = work.session.state().await;
        let whisper = work.asked.whisper.as_ref();
        let secret = whisper.map(|whisper| known(&whisper.name)).transpose()?;
        // Who says nothing does not go on with the card.
        let held = state.pending.held().filter(|_| work.asked.says()).map(known);
        let typed = Typed {
            text: secret.as_ref().map_or(&*work.asked.text, |secret| secret.expose_secret()),
            name: whisper.map(|whisper| &*whisper.name),
            held: &held.collect::<Result<Vec<_>, _>>()?,
        };
        let plan = plan(&state, work.asked, typed, &state.words(&self.texts));
        let opened_by = state.agent.as_ref().map(|agent| agent.opened_by);
        let fits = |anew: bool| opened_by.is_some_and(|by| !anew || by == work.request());
        let has_agent = plan.open.is_none_or(fits);
        Ok((plan, has_agent))
    }

    /// What is left of the plan when words are gone that the agent has all the same.
    async fn said_before(&self, work: &Work<'_>) -> Result<Plan, Unreached> {
        let (plan, progress) = {
            let state = work.session.state().await;
            let plan = plan_without_words(&state, work.asked, &state.words(&self.texts));
            (plan, state.progress.clone())
        };
        let last = plan.posts.len() - 1;
        let said = match progress.posting {
            Some(posting) if posting == last => self.has_arrived(work, last).await?,
            _ => progress.posted > last,
        };
        if said { Ok(plan) } else { Err(Unreached::Stopped(Failure::WordsGone)) }
    }

    /// Stores a step of the work, unless somebody else has taken it over. What is not stored is not done: a store that fails is
    /// asked again for as long as the lease can be kept.
    pub(super) async fn step(&self, work: &Work<'_>, fact: Fact) -> Result<(), Unreached> {
        let step = Command::Step { of: work.held, fact };
        match self.ledger.commit_surely(work.session, &step).await {
            Ok(Committed::Stored { .. }) => Ok(()),
            Ok(Committed::Known(_) | Committed::TooLate) | Err(_) => {
                Err(Unreached::Stopped(Failure::Uncertain))
            }
        }
    }
}
