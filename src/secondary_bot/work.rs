//! The work on one request: its conversation with the agent opened when need be, what is said in it, and the answer.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use tracing::{error, warn};

use super::{
    SecondaryBot,
    agent::Unreached,
    answer::Answer,
    fact::{Asked, Fact},
    machine::{Command, Held, Session},
    plan::{Plan, plan},
};
use crate::{
    ledger::{Committed, Failure},
    translate::secondary_bot::answer::Typed,
};

/// Conversations opened at most for one making of the work.
const OPENINGS: u32 = 2;

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

impl SecondaryBot {
    pub(super) async fn play(&self, work: &Work<'_>) -> Result<Answer, Failure> {
        let source = work.session.state().await.source(work.request());
        let mut openings = 0;
        loop {
            let (plan, has_agent) = self.ready(work).await?;
            if has_agent {
                match self.converse(work, &plan).await {
                    Ok(Some(heard)) => {
                        let words = &work.session.state().await.words(&self.texts);
                        return Ok(Answer::heard(&source, plan, heard, &self.events, words));
                    }
                    Ok(None) => return Ok(Answer::of(&source, plan)),
                    Err(Unreached::Stopped(failure)) => return Err(failure),
                    // Nobody is left to be told, and nothing else was asked for.
                    Err(unreached) if plan.open.is_none() && !matches!(unreached, Unreached::NotTaken(_)) => {
                        let answer = Answer::of(&source, plan);
                        let over = answer.over || matches!(unreached, Unreached::Lost);
                        return Ok(Answer { over, ..answer });
                    }
                    Err(Unreached::Lost) if openings < OPENINGS => {}
                    Err(unreached) => return self.out_of_reach(work, &source, &unreached).await,
                }
            }
            openings += 1;
            match self.open(work).await {
                Ok(()) => {}
                Err(unreached) => return self.out_of_reach(work, &source, &unreached).await,
            }
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
        let plan = plan(&state, work.request(), work.asked, typed, &state.words(&self.texts));
        let opened_by = state.agent.as_ref().map(|agent| agent.opened_by);
        let fits = |anew: bool| opened_by.is_some_and(|by| !anew || by == work.request());
        let has_agent = plan.open.is_none_or(fits);
        Ok((plan, has_agent))
    }

    async fn out_of_reach(
        &self,
        work: &Work<'_>,
        source: &str,
        unreached: &Unreached,
    ) -> Result<Answer, Failure> {
        let id = &work.session.id;
        match unreached {
            Unreached::Stopped(failure) => Err(*failure),
            Unreached::NotTaken(error) => {
                warn!(session.id = %id, attempt = work.held.1, %error, "Direct Line did not take it; will try again");
                let wait = Failure::from(error);
                Err(if matches!(wait, Failure::NotTaken { .. }) {
                    wait
                } else {
                    Failure::NotTaken { wait: 0 }
                })
            }
            unreached => {
                error!(session.id = %id, error = %unreached, "The agent can't be reached; control goes back");
                Ok(Answer::out_of_reach(source, &work.session.state().await.words(&self.texts)))
            }
        }
    }

    /// Stores a step of the work, unless somebody else has taken it over.
    pub(super) async fn step(&self, work: &Work<'_>, fact: Fact) -> Result<(), Unreached> {
        let command = Command::Step { of: work.held, fact };
        match self.ledger.commit(work.session, command).await {
            Ok(Committed::Stored { .. }) => Ok(()),
            Ok(Committed::Known(_) | Committed::TooLate) => Err(Unreached::Stopped(Failure::Uncertain)),
            Err(error) => {
                warn!(session.id = %work.session.id, %error, "A step of the work could not be stored; will try again");
                Err(Unreached::Stopped(Failure::Uncertain))
            }
        }
    }
}
