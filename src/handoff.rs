//! The shell around the pure core: load, decide, append, deliver. The only writer of journals.
//!
//! A conversation's state is kept in memory between requests, but only as a copy: the journal's
//! compare-and-swap makes a stale copy harmless, and another instance's facts are read when they matter.

use std::{
    num::NonZeroUsize,
    sync::{Arc, PoisonError},
};

use memchr::memmem;
use tokio::sync::{Mutex, watch};

use crate::{
    config::{AfterChat, HandoffSettings, Settings},
    credential::Credential,
    direct_line::DirectLine,
    domain::{ConversationId, Timestamp},
    files::{FileStore, Files},
    journal::{Append, Journal, JournalError, Position, Store},
    servicenow::ServiceNow,
    session::{EndReason, Event, Fact, Policy, State, decide},
    telemetry::Counters,
};

mod attach;
mod client;
mod counting;
mod deliver;
mod escalate;
mod hear;
mod page;
mod return_to_bot;
mod secret;
mod sweep;
#[cfg(test)]
mod tests;
mod token;

pub use attach::UploadTo;
pub use client::{Posted, Refusal};
pub use escalate::Source;
pub use hear::Heard;
pub use page::Page;
pub use sweep::Swept;
pub use token::{Caller, Standing};

/// Conversations whose state is kept in memory; the others are read again when they speak.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");

/// The live-agent role.
pub struct Handoff {
    journal: Store,
    servicenow: ServiceNow,
    files: Files,
    direct_line: DirectLine,
    settings: HandoffSettings,
    /// Instance root, for links that ServiceNow gives relative to it.
    instance: url::Url,
    secret: Option<Credential>,
    policy: Policy,
    /// What a hand-off is known by, one of which stands in each batch with one.
    event_marks: Vec<memmem::Finder<'static>>,
    /// Names this process in claims.
    name: String,
    counters: Arc<Counters>,
    remembered: std::sync::Mutex<lru::LruCache<ConversationId, Arc<Conversation>>>,
}

/// One escalated conversation, as this process knows it.
pub struct Conversation {
    pub id: ConversationId,
    state: Mutex<State>,
    /// Held by the one task that delivers for this conversation in this process.
    delivering: Arc<Mutex<()>>,
    /// Held while a fresh Copilot Studio conversation is opened.
    returning: Mutex<()>,
    /// The position last seen, for those who wait for more.
    moved: watch::Sender<Position>,
}

/// What an event came to.
pub struct Recorded {
    /// Where the first of `facts` stands.
    pub at: Position,
    pub facts: Vec<Fact>,
}

impl Handoff {
    /// Builds the role from its settings; `None` when ServiceNow is not set up.
    pub fn new(
        settings: &Settings,
        journal: Store,
        kept: FileStore,
        http: &reqwest::Client,
        counters: Arc<Counters>,
    ) -> Option<Self> {
        let far_end = settings.servicenow.as_ref()?;
        let direct_line = DirectLine::new(&settings.direct_line, http.clone());
        let back_to_bot = settings.handoff.after_chat == AfterChat::Bot && direct_line.can_open();
        let timeout_millis = i64::try_from(settings.handoff.timeout.as_millis()).unwrap_or(i64::MAX);
        let mut name = [0; 8];
        if getrandom::fill(&mut name).is_err() {
            name = std::process::id().to_be_bytes().repeat(2).try_into().unwrap_or_default();
        }
        let servicenow = ServiceNow::new(far_end, http.clone());
        Some(Self {
            journal,
            files: Files::new(settings, far_end.url.clone(), servicenow.clone(), kept),
            servicenow,
            direct_line,
            event_marks: event_marks(&settings.handoff.events),
            settings: settings.handoff.clone(),
            instance: far_end.url.clone(),
            secret: settings.direct_line.secret.clone(),
            policy: Policy { timeout_millis, back_to_bot },
            name: hex::encode(name),
            counters,
            remembered: std::sync::Mutex::new(lru::LruCache::new(REMEMBERED)),
        })
    }

    /// Whether this process knows the conversation to have been escalated, without asking the store.
    pub fn remembers(&self, id: &ConversationId) -> bool {
        self.remembered().contains(id)
    }

    /// The conversation, if it was ever escalated.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn find(&self, id: &ConversationId) -> Result<Option<Arc<Conversation>>, JournalError> {
        if let Some(known) = self.remembered().get(id) {
            return Ok(Some(known.clone()));
        }
        let facts = self.journal.read(id, 0).await?;
        Ok((!facts.is_empty()).then(|| self.remember(Conversation::new(id.clone(), &facts))))
    }

    /// What this process counts; for tests.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether the store answers: one read that finds nothing, whatever the store holds.
    pub async fn store_answers(&self) -> bool {
        self.journal.answers().await
    }

    fn remember(&self, conversation: Conversation) -> Arc<Conversation> {
        let id = conversation.id.clone();
        self.remembered().get_or_insert(id, || Arc::new(conversation)).clone()
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, lru::LruCache<ConversationId, Arc<Conversation>>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores what `event` adds. Nothing is added when it is old news.
    ///
    /// # Errors
    /// When the store fails; whether the facts arrived is then unknown, and the same event may be
    /// recorded again: it is known by its ids.
    async fn record(&self, conversation: &Conversation, event: Event) -> Result<Recorded, JournalError> {
        self.record_and(conversation, event, |_, _, _| None).await
    }

    /// As [`record`](Self::record), with one more fact that `and` sees fit to store in the same commit;
    /// it is shown the state before, the facts and the time.
    async fn record_and(
        &self,
        conversation: &Conversation,
        event: Event,
        and: impl Fn(&State, &[Fact], Timestamp) -> Option<Fact>,
    ) -> Result<Recorded, JournalError> {
        let mut state = conversation.state.lock().await;
        let mut current = false;
        loop {
            let now = Timestamp::now();
            let mut facts = decide(&state, event.clone(), &self.policy, now);
            facts.extend(and(&state, &facts, now));
            if facts.is_empty() && current {
                return Ok(Recorded { at: state.position, facts });
            }
            let outcome = match facts.is_empty() {
                // The copy says this is old news or too early: see whether the journal agrees.
                true => Append::Conflict,
                false => self.append(conversation, &state, &facts).await?,
            };
            match outcome {
                Append::Done(_) => {
                    let at = state.position;
                    for fact in &facts {
                        state.apply(fact);
                        hear::report(&conversation.id, state.chat, fact);
                        self.count(fact);
                        if matches!(fact, Fact::ChatEnded { why: EndReason::NobodyInTime, .. }) {
                            self.servicenow.doubt_message_secrets();
                        }
                    }
                    conversation.moved.send_replace(state.position);
                    return Ok(Recorded { at, facts });
                }
                Append::Conflict => {
                    self.catch_up(conversation, &mut state).await?;
                    current = true;
                }
            }
        }
    }

    async fn append(
        &self,
        conversation: &Conversation,
        state: &State,
        facts: &[Fact],
    ) -> Result<Append, JournalError> {
        let open = opens_or_closes(state, facts);
        self.journal.append(&conversation.id, state.position, facts, open).await
    }

    /// Folds in what other instances have stored.
    async fn catch_up(&self, conversation: &Conversation, state: &mut State) -> Result<(), JournalError> {
        let facts = self.journal.read(&conversation.id, state.position).await?;
        facts.iter().for_each(|fact| state.apply(fact));
        if !facts.is_empty() {
            conversation.moved.send_replace(state.position);
        }
        Ok(())
    }
}

/// The events by their names, and the activity that is a hand-off by its type.
fn event_marks(events: &[String]) -> Vec<memmem::Finder<'static>> {
    let marks = events.iter().map(String::as_str).chain(["\"handoff\""]);
    marks.map(|mark| memmem::Finder::new(mark).into_owned()).collect()
}

/// Whether these facts change that the sweep must look at the conversation.
fn opens_or_closes(state: &State, facts: &[Fact]) -> Option<bool> {
    let may_close = |fact: &Fact| match fact {
        Fact::ConversationOver { .. } => true,
        Fact::Settled { .. } | Fact::BotReturned { .. } => !state.is_live(),
        _ => false,
    };
    if facts.iter().any(|fact| matches!(fact, Fact::HandoffRequested(_))) {
        return Some(true);
    }
    if !facts.iter().any(may_close) {
        return None;
    }
    let mut after = state.clone();
    facts.iter().for_each(|fact| after.apply(fact));
    (state.is_open() && !after.is_open()).then_some(false)
}

impl Conversation {
    fn new(id: ConversationId, facts: &[Fact]) -> Self {
        let mut state = State::new(id.clone());
        facts.iter().for_each(|fact| state.apply(fact));
        let (moved, _) = watch::channel(state.position);
        Self {
            id,
            state: Mutex::new(state),
            delivering: Arc::new(Mutex::new(())),
            returning: Mutex::new(()),
            moved,
        }
    }
}
