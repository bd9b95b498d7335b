//! What a session's facts add up to. Pure.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::fact::{Answered, Asked, Fact};
use crate::{
    domain::{ConversationId, Timestamp},
    ledger::{CallId, Lane, Outbox, Queued, Settled, Settlement, WORDS_LIVE, Whisper},
    translate::{
        secondary_bot::{Form, Pending, context::TIMEZONE},
        texts::{Texts, Words},
    },
};

/// Milliseconds of silence after which a session is ended, as the documented idle time of a bot-to-bot session.
pub const IDLE_MILLIS: i64 = 3_600_000;
/// Requests are worked on in this lane.
pub const WORK: Lane = Lane::First;
/// Answers go to the response address in this one.
pub const RESPONSE: Lane = Lane::Second;
/// Requests whose answer is kept for a repeat.
const REMEMBERED: usize = 64;
/// Milliseconds an agent that surely takes nothing is asked for, while the primary bot waits.
const SYNCHRONOUS: i64 = 8_000;
/// Workers that may die over one request: each goes on where the last one stopped, and says nothing twice.
const DEATHS: u8 = 5;
/// Milliseconds within which the same secret words are the same answer, under whatever id.
const DOUBLE_CLICK: i64 = 10_000;

#[derive(Clone, Debug, Default)]
pub struct State {
    /// What elements of ours are named after.
    pub session: String,
    /// How many facts are folded in; the next fact's position.
    pub position: u64,
    pub agent: Option<AgentConversation>,
    /// Of the request that is worked on.
    pub progress: Progress,
    pub outbox: Outbox<Call>,
    pub pending: Pending,
    /// All context variables so far, for a conversation that has to be opened anew.
    pub context: Map<String, Value>,
    pub locale: Option<String>,
    pub timezone: Option<String>,
    pub silent: bool,
    pub user: String,
    /// Of the last request, for what is said unasked.
    pub echo: Map<String, Value>,
    /// The time zone was set by itself, and holds until it is again.
    zone_is_set: bool,
    pub last_heard: Timestamp,
    requests: VecDeque<Known>,
    /// Marks of all that was ever said in secret.
    secrets: BTreeSet<String>,
}

/// What is to be done, each with somebody else.
#[derive(Clone, Debug)]
pub enum Call {
    /// The work on a request, with the agent.
    Work(Arc<Asked>),
    /// An answer to be sent to the response address.
    Respond(Arc<Value>),
}

/// A Direct Line conversation of ours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentConversation {
    pub id: String,
    /// The agent's name in the settings; `None`: the default one.
    pub name: Option<String>,
    /// `None`: the secret serves.
    pub authorization: Option<String>,
    pub renew_at: Option<Timestamp>,
    pub watermark: Option<String>,
    /// The request it was opened for.
    pub opened_by: u64,
    /// The agent was told the context, as far as that is known.
    pub told: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Posts that need not be made again.
    pub posted: usize,
    /// A post that may have been made.
    pub posting: Option<usize>,
    /// Of the context something may not have arrived.
    untold: bool,
}

/// A request and, once there is one, its answer.
#[derive(Clone, Debug)]
struct Known {
    key: Option<String>,
    whisper: Option<Whisper>,
    position: u64,
    at: Timestamp,
    asynchronous: bool,
    body: Option<Arc<Value>>,
}

impl State {
    /// A session of which nothing is stored.
    pub fn new(session: &ConversationId) -> Self {
        Self { session: session.to_string(), ..Self::default() }
    }

    /// Our words in the user's language, else the agent's.
    pub fn words<'a>(&self, texts: &'a Texts) -> Words<'a> {
        let agents = self.context.get("va_Language").and_then(Value::as_str);
        texts.of_all([self.locale.as_deref(), agents])
    }

    /// What elements of ours in the answer to a request are named after.
    pub fn source(&self, request: u64) -> String {
        format!("{}|{request}", self.session)
    }

    /// The same of what the agent says unasked at this moment: none of it is a request's, nor what it said before.
    pub fn unasked(&self) -> String {
        format!("{}.unasked", self.source(self.position))
    }

    /// Whether the sweep must look at this session.
    pub fn is_open(&self) -> bool {
        self.agent.is_some() || !self.outbox.is_empty()
    }

    /// Whether somebody works on a request, or is about to.
    pub fn is_busy(&self) -> bool {
        self.outbox.lane(WORK).next().is_some()
    }

    /// Whether what the user says now must not be stored: a secret was asked for, or is about to be, or what was said in secret
    /// is still being worked on.
    pub fn is_secret(&self) -> bool {
        let whispered = |queued: &Queued<Call>| queued.whispered_by.is_some();
        let will_ask = || self.pending.form().is_some_and(Form::will_be_secret);
        self.pending.is_secret() || self.outbox.lane(WORK).any(whispered) || (self.is_busy() && will_ask())
    }

    /// The request that one of this key repeats.
    pub fn known(&self, key: Option<&str>) -> Option<u64> {
        let same = |known: &&Known| known.whisper.is_none() && known.key.as_deref() == key;
        key.and_then(|_| self.requests.iter().rev().find(same)).map(|known| known.position)
    }

    /// The secret request that one with these words repeats, if it were secret, too. `key`: its key without the words.
    pub fn known_in_secret(&self, key: Option<&str>, whisper: &Whisper, now: Timestamp) -> Option<u64> {
        let repeats = |known: &&Known| {
            let Some(first) = &known.whisper else { return false };
            // Asked for once more, the same words under another id are another answer.
            let asked_anew = known.body.is_some() && self.pending.is_secret();
            let is_double_click = now.millis_since(known.at) < DOUBLE_CLICK && !asked_anew;
            first.mark == whisper.mark && (key.is_some() && known.key.as_deref() == key || is_double_click)
        };
        self.requests.iter().rev().find(repeats).map(|known| known.position)
    }

    /// Whether anything was said in secret.
    pub fn has_secrets(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Whether words of this mark were said in secret.
    pub fn heard_in_secret(&self, mark: &str) -> bool {
        self.secrets.contains(mark)
    }

    /// The answer to the request, once there is one.
    pub fn answer(&self, request: u64) -> Option<Arc<Value>> {
        self.request(request)?.body.clone()
    }

    /// Whether the request was made in secret.
    pub fn was_whispered(&self, request: u64) -> bool {
        self.request(request).is_some_and(|known| known.whisper.is_some())
    }

    /// Whether the answer to the request goes to the response address.
    pub fn answers_later(&self, request: u64) -> bool {
        self.request(request).is_none_or(|known| known.asynchronous)
    }

    /// Whether nothing was asked after this request.
    pub fn is_newest(&self, request: u64) -> bool {
        self.requests.back().is_some_and(|known| known.position == request)
    }

    fn request(&self, position: u64) -> Option<&Known> {
        self.requests.iter().rev().find(|known| known.position == position)
    }

    /// Folds in the fact at `self.position`.
    pub fn apply(&mut self, fact: &Fact) {
        let position = self.position;
        self.position += 1;
        match fact {
            Fact::Asked(asked) => self.asked(position, asked),
            Fact::Opened { request, conversation, agent, authorization, renew_at, at: _ } => {
                self.progress = Progress::default();
                self.pending = self.pending.closed();
                self.agent = Some(AgentConversation {
                    id: conversation.clone(),
                    name: agent.clone(),
                    authorization: authorization.clone(),
                    renew_at: *renew_at,
                    opened_by: *request,
                    ..AgentConversation::default()
                });
            }
            Fact::Renewed { authorization, renew_at } => {
                if let Some(agent) = &mut self.agent {
                    agent.authorization = Some(authorization.clone());
                    agent.renew_at = Some(*renew_at);
                }
            }
            Fact::Posting { ordinal, at: _ } => self.progress.posting = Some(*ordinal),
            Fact::Posted { ordinal, untold, at: _ } => {
                let untold = self.progress.untold || *untold;
                self.progress = Progress { posted: ordinal + 1, posting: None, untold };
            }
            Fact::Answered(answered) => self.answered(position, answered),
            Fact::Leased(lease) => self.outbox.lease(lease),
            Fact::Settled(settled) => self.settled(settled),
            Fact::OfANewerBuild => self.outbox.freeze(),
            Fact::Unknown => {}
        }
    }

    fn asked(&mut self, position: u64, asked: &Asked) {
        self.last_heard = asked.at;
        self.user.clone_from(&asked.user);
        self.echo.clone_from(&asked.echo);
        self.context.extend(asked.context.clone());
        self.locale = asked.locale.clone().or(self.locale.take());
        let sets_zone = asked.context.contains_key(TIMEZONE);
        if sets_zone || !self.zone_is_set {
            self.timezone = asked.timezone.clone().or(self.timezone.take());
        }
        self.zone_is_set |= sets_zone;
        self.silent = asked.silent.unwrap_or(self.silent);
        self.secrets.extend(asked.whisper.as_ref().map(|whisper| whisper.mark.clone()));
        self.requests.push_back(Known {
            key: asked.key.clone(),
            whisper: asked.whisper.clone(),
            position,
            at: asked.at,
            asynchronous: asked.asynchronous,
            body: None,
        });
        if self.requests.len() > REMEMBERED {
            self.requests.pop_front();
        }
        let mut work = Queued::new(CallId(position, 0), Call::Work(Arc::new(asked.clone())), asked.at);
        work.trace = asked.trace.as_deref().map(Arc::from);
        work.whispered_by = asked.whisper.as_ref().map(|whisper| Arc::from(&*whisper.by));
        work.lives = if asked.asynchronous { WORDS_LIVE } else { SYNCHRONOUS };
        work.deaths = DEATHS;
        self.outbox.push(WORK, work);
    }

    /// What surely was not taken is not looked for. Of a request that was given up the agent may know nothing.
    fn settled(&mut self, settled: &Settled) {
        let Settled { call, attempt, outcome, at: _ } = settled;
        let held = attempt.is_some_and(|attempt| self.outbox.is_held(*call, attempt));
        let works = self.outbox.lane(WORK).next().is_some_and(|head| head.id == *call);
        if held && works && matches!(outcome, Settlement::Retry { uncertain: false, .. }) {
            self.progress.posting = None;
        }
        if let Some(agent) = self.agent.as_mut().filter(|_| works && *outcome == Settlement::Dropped) {
            agent.told = false;
        }
        self.outbox.settle(settled);
    }

    /// Comes right before the settlement of its request.
    fn answered(&mut self, position: u64, answered: &Answered) {
        let Answered { request, body, watermark, pending, over, deliver, trace, at } = answered;
        let body = Arc::new(body.clone());
        self.last_heard = *at;
        self.pending = pending.clone();
        let mut untold = false;
        if let Some(request) = request {
            untold = std::mem::take(&mut self.progress).untold;
            if let Some(known) = self.requests.iter_mut().rev().find(|known| known.position == *request) {
                known.body = Some(body.clone());
            }
        }
        let asked = request.and_then(|request| self.outbox.get(CallId(request, 0)));
        let tells = |queued: &Queued<_>| matches!(&queued.call, Call::Work(asked) if asked.what.tells());
        if let Some(agent) = &mut self.agent {
            agent.watermark = watermark.clone().or(agent.watermark.take());
            agent.told = (agent.told || asked.is_some_and(tells)) && !untold;
        }
        if *over {
            self.agent = None;
            self.pending = self.pending.closed();
            self.context.clear();
            self.silent = false;
        }
        if *deliver {
            let mut answer = Queued::new(CallId(position, 0), Call::Respond(body), *at);
            answer.trace = trace.as_deref().map(Arc::from);
            self.outbox.push(RESPONSE, answer);
        }
    }
}
