//! A Copilot Studio agent behind the VA Bot Integration API: we answer a primary bot as a Virtual Agent would.
//!
//! Each session has a journal: a request is stored first, then worked on by one worker at a time, then its answer is
//! stored; only then is it given. A repeat of the request finds the same answer.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value};
use tokio::sync::{Mutex, watch};

use self::{
    agents::Agents,
    ask::{Accepted, accept},
    deliver::Responder,
    fact::Fact,
    media::Media,
    state::State,
};
use crate::{
    config::Settings,
    domain::{ConversationId, Timestamp},
    journal::{Append, Journal, JournalError, Position, Store},
    relay::turn::Limits,
    telemetry::{Count, Counters, TRACEPARENT, Trace, trace_id},
    wire::virtual_agent::request::{Action, Request},
};

mod agent;
mod agents;
mod ask;
mod collect;
mod converse;
mod deliver;
mod envelope;
mod fact;
pub mod media;
mod outcome;
mod plan;
mod state;
mod sweep;
#[cfg(test)]
mod tests;
mod work;

/// Sessions whose state is kept in memory; the others are read again when they speak.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");
/// The front end of Functions ends a request after 230 s.
const LONGEST_WAIT: Duration = Duration::from_secs(200);

/// The secondary-bot role.
pub struct SecondaryBot {
    journal: Store<Fact>,
    agents: Agents,
    responder: Option<Responder>,
    /// Where uploads are kept.
    pub media: Media,
    /// Event names that mean a hand-off.
    events: Vec<String>,
    limits: Limits,
    /// Names this process in claims.
    name: String,
    counters: Arc<Counters>,
    remembered: std::sync::Mutex<lru::LruCache<ConversationId, Arc<Session>>>,
}

/// One session, as this process knows it.
struct Session {
    id: ConversationId,
    state: Mutex<State>,
    /// Held by the one task that works on this session's requests in this process.
    working: Arc<Mutex<()>>,
    /// Held by the one task that sends its answers.
    delivering: Arc<Mutex<()>>,
    /// The position last seen, for those who wait for more.
    moved: watch::Sender<Position>,
    /// What was said in secret, by its request; gone with the process.
    secrets: std::sync::Mutex<HashMap<u64, String>>,
}

/// What the primary bot is told at once.
pub enum Told {
    /// The whole answer.
    Answer(Value),
    /// It is stored; the answer goes to the response address.
    Stored,
    /// UPDATE_MESSAGES is answered by a text.
    Processed,
    /// The answer takes too long to wait for; a repeat of the request gets it.
    NotYet,
}

impl SecondaryBot {
    /// Builds the role from its settings; `None` when it is off.
    pub fn new(
        settings: &Settings,
        journal: Store<Fact>,
        media: Media,
        http: &reqwest::Client,
        counters: Arc<Counters>,
    ) -> Option<Self> {
        let role = settings.secondary_bot.as_ref()?;
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let mut name = [0; 8];
        if getrandom::fill(&mut name).is_err() {
            name = u64::from(std::process::id()).to_be_bytes();
        }
        Some(Self {
            journal,
            agents: Agents::new(&settings.direct_line, role, http),
            responder: role.response.as_ref().map(|response| Responder::new(response, http.clone())),
            media,
            events: settings.handoff.events.clone(),
            limits: Limits { quiet: millis(settings.relay.quiet), patience: millis(settings.relay.max_wait) },
            name: hex::encode(name),
            counters,
            remembered: std::sync::Mutex::new(lru::LruCache::new(REMEMBERED)),
        })
    }

    /// Whether the store answers.
    pub async fn store_answers(&self) -> bool {
        self.journal.answers().await
    }

    /// Takes a request: stores it, and waits for its answer when the primary bot does. `body` is the JSON it was
    /// read from; `caller` the `traceparent` of the call, of which one in `clientVariables` takes the place: that is how a
    /// primary bot that is a connector like this one tells whose words they are.
    ///
    /// # Errors
    /// When the store fails; the same request may then be made again.
    pub async fn take(
        self: &Arc<Self>,
        request: Request,
        body: &Map<String, Value>,
        caller: Option<&str>,
    ) -> Result<Told, JournalError> {
        match &request.action {
            Action::UpdateMessages(_) => return Ok(Told::Processed),
            Action::Typing | Action::Viewing => {
                self.show_typing(&request).await?;
                return Ok(Told::Stored);
            }
            _ => {}
        }
        let session = self.find(&ask::session(&request)).await?;
        let trace = trace(body, caller);
        let (position, confidential, repeated) = self
            .record(&session, |state, now| {
                match accept(state, request.clone(), body, self.responder.is_some(), now) {
                    Accepted::Repeat(known) => (Vec::new(), (known, false, true)),
                    Accepted::New { mut asked, secret } => {
                        asked.trace.clone_from(&trace);
                        let confidential = secret.is_some();
                        // Before it is stored: a worker may be waiting for it.
                        if let Some(secret) = secret {
                            session.secrets().insert(state.position, secret);
                        }
                        (vec![Fact::Asked(asked)], (state.position, confidential, false))
                    }
                }
            })
            .await?;
        self.counters.one(if repeated { Count::Duplicates } else { Count::FromPrimaryBot });
        self.work_soon(&session);
        if self.responder.is_some() && !request.sync_response && !confidential {
            return Ok(Told::Stored);
        }
        let answer = self.wait_for(&session, position).await;
        Ok(match answer {
            Some(_) if self.responder.is_some() && !request.sync_response => Told::Stored,
            Some(answer) => {
                self.counters.one(Count::ToPrimaryBot);
                Told::Answer(answer)
            }
            None => Told::NotYet,
        })
    }

    async fn wait_for(&self, session: &Session, request: u64) -> Option<Value> {
        let mut moved = session.moved.subscribe();
        let answered = async {
            loop {
                if let Some(answer) = session.state.lock().await.answer(request) {
                    return Some(answer.clone());
                }
                moved.changed().await.ok()?;
            }
        };
        tokio::time::timeout(LONGEST_WAIT, answered).await.ok().flatten()
    }

    async fn find(&self, id: &ConversationId) -> Result<Arc<Session>, JournalError> {
        if let Some(known) = self.remembered().get(id) {
            return Ok(known.clone());
        }
        let session = Session::new(id.clone(), &self.journal.read(id, 0).await?);
        Ok(self.remembered().get_or_insert(id.clone(), || Arc::new(session)).clone())
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, lru::LruCache<ConversationId, Arc<Session>>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores what `decide` makes of the state as it is in the journal, and gives what else it says.
    async fn record<T>(
        &self,
        session: &Session,
        decide: impl Fn(&State, Timestamp) -> (Vec<Fact>, T) + Send + Sync,
    ) -> Result<T, JournalError> {
        let mut state = session.state.lock().await;
        let mut current = false;
        loop {
            let (facts, said) = decide(&state, Timestamp::now());
            if facts.is_empty() && current {
                return Ok(said);
            }
            let outcome = match facts.is_empty() {
                true => Append::Conflict,
                false => {
                    let open = opens_or_closes(&state, &facts);
                    self.journal.append(&session.id, state.position, &facts, open).await?
                }
            };
            match outcome {
                Append::Done(_) => {
                    facts.iter().for_each(|fact| state.apply(fact));
                    session.moved.send_replace(state.position);
                    return Ok(said);
                }
                Append::Conflict => {
                    let news = self.journal.read(&session.id, state.position).await?;
                    news.iter().for_each(|fact| state.apply(fact));
                    current = true;
                }
            }
        }
    }
}

/// The trace a request belongs to, and our place in it; nothing but what is exactly as the standard has it.
fn trace(body: &Map<String, Value>, caller: Option<&str>) -> Option<String> {
    let named = body.get("clientVariables").and_then(|variables| variables.get(TRACEPARENT)?.as_str());
    let theirs = named.into_iter().chain(caller).find(|theirs| trace_id(theirs).is_some())?;
    Some(Trace::continue_or_start(Some(theirs)).traceparent().to_owned())
}

/// Whether these facts change that the sweep must look at the session.
fn opens_or_closes(state: &State, facts: &[Fact]) -> Option<bool> {
    let may_change = |fact: &Fact| matches!(fact, Fact::Asked(_) | Fact::Answered(_) | Fact::Sent { .. });
    if !facts.iter().any(may_change) {
        return None;
    }
    let mut after = state.clone();
    facts.iter().for_each(|fact| after.apply(fact));
    (after.is_open() != state.is_open()).then_some(after.is_open())
}

impl Session {
    fn new(id: ConversationId, facts: &[Fact]) -> Self {
        let state = State::of(facts);
        let (moved, _) = watch::channel(state.position);
        Self {
            id,
            state: Mutex::new(state),
            working: Arc::default(),
            delivering: Arc::default(),
            moved,
            secrets: std::sync::Mutex::default(),
        }
    }

    fn secrets(&self) -> std::sync::MutexGuard<'_, HashMap<u64, String>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until then, or until the journal grows.
    async fn sleep_until(&self, at: Timestamp) {
        let mut moved = self.moved.subscribe();
        let wait = at.millis_since(Timestamp::now()).clamp(1, 60_000);
        let _ = tokio::time::timeout(Duration::from_millis(wait.unsigned_abs()), moved.changed()).await;
    }
}
