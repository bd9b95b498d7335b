//! What a session's facts add up to. Pure.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::fact::{Answered, Asked, Fact, Outcome, What};
use crate::{domain::Timestamp, translate::secondary_bot::Pending};

/// Milliseconds after which nobody counts as working on what was taken.
pub const CLAIM_MILLIS: i64 = 8_000;
/// Milliseconds of silence after which a session is ended, as the documented idle time of a bot-to-bot session.
pub const IDLE_MILLIS: i64 = 3_600_000;
/// Requests whose answer is kept for a repeat.
const REMEMBERED: usize = 64;

#[derive(Clone, Debug, Default)]
pub struct State {
    /// How many facts are folded in; the next fact's position.
    pub position: u64,
    pub agent: Option<AgentConversation>,
    /// Requests without an answer, oldest first.
    pub queue: VecDeque<Queued>,
    /// Of the queue's head.
    pub progress: Progress,
    /// Answers on their way to the response address, oldest first.
    pub outbox: VecDeque<Outgoing>,
    pub pending: Pending,
    /// All context variables so far, for a conversation that has to be opened anew.
    pub context: Map<String, Value>,
    pub locale: Option<String>,
    pub timezone: Option<String>,
    pub silent: bool,
    pub user: String,
    /// Of the last request, for what is said unasked.
    pub echo: Map<String, Value>,
    pub asynchronous: bool,
    pub last_heard: Timestamp,
    answered: VecDeque<Known>,
}

/// A Direct Line conversation of ours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentConversation {
    pub id: String,
    /// The agent's name in the settings; `None`: the default one.
    pub name: Option<String>,
    /// `None`: the secret serves.
    pub authorization: Option<String>,
    pub until: Option<Timestamp>,
    pub watermark: Option<String>,
    /// The request it was opened for.
    pub opened_by: u64,
    /// The agent was told the context.
    pub told: bool,
}

#[derive(Clone, Debug)]
pub struct Queued {
    pub position: u64,
    pub asked: Asked,
}

#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Posts that need not be made again.
    pub posted: usize,
    /// A post that may have been made.
    pub posting: Option<usize>,
    pub claim: Option<Claim>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub by: String,
    pub at: Timestamp,
}

impl Claim {
    /// Whether it keeps this worker away, and until when.
    pub fn keeps_out(&self, me: &str, now: Timestamp) -> Option<Timestamp> {
        let until = self.at.plus_millis(CLAIM_MILLIS);
        (self.by != me && until > now).then_some(until)
    }
}

#[derive(Clone, Debug)]
pub struct Outgoing {
    pub position: u64,
    pub body: Value,
    pub trace: Option<String>,
    pub attempts: u32,
    pub first_try: Option<Timestamp>,
    pub not_before: Timestamp,
    pub claim: Option<Claim>,
}

#[derive(Clone, Debug)]
struct Known {
    key: Option<String>,
    position: u64,
    body: Option<Value>,
}

impl State {
    pub fn of(facts: &[Fact]) -> Self {
        let mut state = Self::default();
        facts.iter().for_each(|fact| state.apply(fact));
        state
    }

    /// Whether the sweep must look at this session.
    pub fn is_open(&self) -> bool {
        self.agent.is_some() || !self.queue.is_empty() || !self.outbox.is_empty()
    }

    /// The request that a repeat repeats.
    pub fn known(&self, key: &str) -> Option<u64> {
        let found = self.answered.iter().rev().find(|known| known.key.as_deref() == Some(key));
        found.map(|known| known.position)
    }

    /// The answer to the request, once there is one.
    pub fn answer(&self, request: u64) -> Option<&Value> {
        self.answered.iter().rev().find(|known| known.position == request)?.body.as_ref()
    }

    /// Folds in the fact at `self.position`.
    pub fn apply(&mut self, fact: &Fact) {
        let position = self.position;
        self.position += 1;
        match fact {
            Fact::Asked(asked) => self.asked(position, asked),
            Fact::Taken { request, by, at } => self.take(*request, by, *at),
            Fact::Opened { request, conversation, agent, authorization, until, at: _ } => {
                self.progress = Progress { claim: self.progress.claim.take(), ..Progress::default() };
                self.agent = Some(AgentConversation {
                    id: conversation.clone(),
                    name: agent.clone(),
                    authorization: authorization.clone(),
                    until: *until,
                    opened_by: *request,
                    ..AgentConversation::default()
                });
            }
            Fact::Renewed { authorization, until } => {
                if let Some(agent) = &mut self.agent {
                    agent.authorization = Some(authorization.clone());
                    agent.until = Some(*until);
                }
            }
            Fact::Posting { request, ordinal, by, at } => {
                self.take(*request, by, *at);
                self.progress.posting = Some(*ordinal);
            }
            Fact::Posted { request: _, ordinal, at: _ } => {
                self.progress.posted = ordinal + 1;
                self.progress.posting = None;
            }
            Fact::Answered(answered) => self.given(position, answered),
            Fact::Sending { answer, attempt, by, at } => {
                if let Some(outgoing) = self.outgoing(*answer) {
                    outgoing.attempts = *attempt;
                    outgoing.first_try = outgoing.first_try.or(Some(*at));
                    outgoing.claim = Some(Claim { by: by.clone(), at: *at });
                }
            }
            Fact::Sent { answer, outcome: Outcome::PutOff { until }, at: _ } => {
                if let Some(outgoing) = self.outgoing(*answer) {
                    outgoing.not_before = *until;
                    outgoing.claim = None;
                }
            }
            Fact::Sent { answer, outcome: Outcome::Done | Outcome::GaveUp, at: _ } => {
                self.outbox.retain(|outgoing| outgoing.position != *answer);
            }
        }
    }

    fn asked(&mut self, position: u64, asked: &Asked) {
        self.last_heard = asked.at;
        self.user.clone_from(&asked.user);
        self.echo.clone_from(&asked.echo);
        self.asynchronous = asked.asynchronous;
        self.context.extend(asked.context.clone());
        self.locale = asked.locale.clone().or(self.locale.take());
        self.timezone = asked.timezone.clone().or(self.timezone.take());
        self.silent = asked.silent.unwrap_or(self.silent);
        self.answered.push_back(Known { key: asked.key.clone(), position, body: None });
        if self.answered.len() > REMEMBERED {
            self.answered.pop_front();
        }
        self.queue.push_back(Queued { position, asked: asked.clone() });
    }

    fn take(&mut self, request: u64, by: &str, at: Timestamp) {
        if self.queue.front().is_some_and(|head| head.position == request) {
            self.progress.claim = Some(Claim { by: by.to_owned(), at });
        }
    }

    fn given(&mut self, position: u64, answered: &Answered) {
        let Answered { request, body, watermark, pending, over, deliver, trace, at } = answered;
        self.last_heard = *at;
        let asked = request.and_then(|request| {
            let at = self.queue.iter().position(|queued| queued.position == request)?;
            self.queue.remove(at)
        });
        if let Some(request) = request
            && let Some(known) = self.answered.iter_mut().rev().find(|known| known.position == *request)
        {
            known.body = Some(body.clone());
        }
        self.progress = Progress::default();
        self.pending = pending.clone();
        if let Some(agent) = &mut self.agent {
            agent.watermark = watermark.clone().or(agent.watermark.take());
            agent.told |= asked.is_some_and(|queued| !matches!(queued.asked.what, What::Create | What::Note));
        }
        if *over {
            self.agent = None;
            self.context.clear();
            self.silent = false;
        }
        if *deliver {
            self.outbox.push_back(Outgoing {
                position,
                body: body.clone(),
                trace: trace.clone(),
                attempts: 0,
                first_try: None,
                not_before: *at,
                claim: None,
            });
        }
    }

    fn outgoing(&mut self, answer: u64) -> Option<&mut Outgoing> {
        self.outbox.iter_mut().find(|outgoing| outgoing.position == answer)
    }
}
