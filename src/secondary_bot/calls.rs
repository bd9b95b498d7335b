//! The calls of a session, and what came of them.

use std::{sync::Arc, time::Duration};

use tracing::{debug, error, info, warn};

use super::{
    SecondaryBot, answer::Answer, fact::Asked, machine::Dialogue, responder::TIME_OUT, state::Call,
    take::LONGEST_WAIT, work::Work,
};
use crate::{
    ledger::{Attempt, Failure, Ledger, Outcome, Role, Tried, Why},
    telemetry::{Count, on_behalf, trace_id},
};

/// What a turn may take besides listening: an opening, posts, and looking for them.
const BESIDES: Duration = Duration::from_secs(90);

/// How long a call may take. `patience`: how long the agent is listened to.
pub fn longest(call: &Call, patience: Duration) -> Duration {
    match call {
        Call::Work(_) => (patience + BESIDES).min(LONGEST_WAIT),
        Call::Respond(_) => TIME_OUT,
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
                let work = Work { session: &attempt.entry, held: (queued.id, attempt.number), asked };
                let play = on_behalf(asked.trace.clone(), self.play(&work));
                let before = attempt.entry.state().await.pending.clone();
                let (answer, ()) = tokio::join!(play, self.show_typing_back(&work));
                answer.map(|answer| Some(answer.spending(&before, asked.whisper.as_ref())))
            }
            // Whoever took the address out of the settings does not want the answers.
            Call::Respond(body) => {
                let Some(responder) = &self.responder else { return Err(Failure::Refused) };
                let sent = responder.send(body, queued.trace.as_deref(), TIME_OUT).await;
                sent.map(|()| None).map_err(|error| {
                    let (id, trace) = (&attempt.entry.id, queued.trace.as_deref().and_then(trace_id));
                    warn!(session.id = %id, trace.id = trace, attempt = attempt.number, %error, "The primary bot did not take an answer");
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
        let Attempt { entry, queued, number, .. } = attempt;
        let (id, what, attempt) = (&entry.id, asked.what.name(), *number);
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
        if asked.asynchronous {
            self.linger_soon(entry, queued.id.0);
        }
    }

    fn responded(&self, attempt: &Attempt<Dialogue>, outcome: &Outcome<Answer>) {
        let Attempt { entry, queued, number, .. } = attempt;
        let (id, attempt, trace) = (&entry.id, *number, queued.trace.as_deref().and_then(trace_id));
        self.counters.one(match outcome {
            Outcome::Done(_) => Count::ToPrimaryBot,
            Outcome::Retry { .. } => Count::RetriesPrimaryBot,
            Outcome::GivenUp(_) => Count::GivenUp,
        });
        match outcome {
            Outcome::Done(_) => {
                debug!(session.id = %id, trace.id = trace, attempt, "Delivered an answer to the primary bot");
            }
            Outcome::Retry { .. } => {}
            Outcome::GivenUp(why) => {
                error!(session.id = %id, trace.id = trace, attempt, ?why, "The primary bot did not take an answer; gave up");
            }
        }
    }
}
