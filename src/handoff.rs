//! The live-agent role: a chat at ServiceNow behind the client's Direct Line conversation.
//!
//! What a conversation's facts mean is [`session`](crate::session)'s, how they are stored and calls are made the
//! [`ledger`](crate::ledger)'s. Here stands what happens between the two and the far ends.

use std::sync::Arc;

use memchr::memmem;

use self::machine::Chat;
use crate::{
    config::{AfterChat, HandoffSettings, Settings},
    credential::{Credential, Seal},
    direct_line::DirectLine,
    domain::ConversationId,
    files::{FileStore, Files},
    ledger::{
        Committed, Entry, Ledger, World,
        journal::{JournalError, Store},
    },
    servicenow::ServiceNow,
    session::{EndReason, Fact, Policy},
    telemetry::Counters,
};

mod aside;
mod attach;
mod calls;
mod client;
mod counting;
mod escalate;
mod hear;
pub mod machine;
mod page;
mod return_to_bot;
mod sweep;
#[cfg(test)]
mod tests;
mod token;

pub use aside::Asides;
pub use attach::UploadTo;
pub use client::{Posted, Refusal};
pub use escalate::Source;
pub use hear::Heard;
pub use page::{Asked, BotWords, Page};
pub use token::{Caller, Standing};

/// One escalated conversation, as this process knows it.
pub type Conversation = Entry<Chat>;

/// The live-agent role.
pub struct Handoff {
    ledger: Arc<Ledger<Chat>>,
    servicenow: ServiceNow,
    files: Files,
    direct_line: DirectLine,
    settings: HandoffSettings,
    /// Instance root, for links that ServiceNow gives relative to it.
    instance: url::Url,
    secret: Option<Credential>,
    /// For tokens that must be stored.
    seal: Seal,
    /// What a hand-off is known by, one of which stands in each batch with one.
    event_marks: Vec<memmem::Finder<'static>>,
    counters: Arc<Counters>,
    asides: Asides,
}

impl Handoff {
    /// Builds the role from its settings; `None` when ServiceNow is not set up.
    pub fn new(
        settings: &Settings,
        journal: Store<Fact>,
        kept: FileStore,
        http: &reqwest::Client,
        counters: Arc<Counters>,
    ) -> Option<Self> {
        let far_end = settings.servicenow.as_ref()?;
        let direct_line = DirectLine::new(&settings.direct_line, http.clone());
        let back_to_bot = settings.handoff.after_chat == AfterChat::Bot && direct_line.can_open();
        let timeout_millis = i64::try_from(settings.handoff.timeout.as_millis()).unwrap_or(i64::MAX);
        let servicenow = ServiceNow::new(far_end, http.clone());
        let machine = Chat { policy: Policy { timeout_millis, back_to_bot } };
        let stored = observer(servicenow.clone(), counters.clone());
        Some(Self {
            ledger: Arc::new(Ledger::new(machine, journal, World::real(), stored)),
            files: Files::new(settings, far_end.url.clone(), servicenow.clone(), kept),
            servicenow,
            direct_line,
            event_marks: event_marks(&settings.handoff.events),
            settings: settings.handoff.clone(),
            instance: far_end.url.clone(),
            secret: settings.direct_line.secret.clone(),
            seal: Seal::new(settings),
            counters,
            asides: Asides::default(),
        })
    }

    /// Whether this process knows the conversation to have been escalated, without asking the store.
    pub fn remembers(&self, id: &ConversationId) -> bool {
        self.ledger.remembers(id)
    }

    /// The conversation, if it was ever escalated.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn find(&self, id: &ConversationId) -> Result<Option<Arc<Conversation>>, JournalError> {
        self.ledger.find(id).await
    }

    /// What this process counts; for tests.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether the store answers: one read that finds nothing, whatever the store holds.
    pub async fn store_answers(&self) -> bool {
        self.ledger.store_answers().await
    }

    /// Stores what a command adds.
    async fn commit(
        &self,
        conversation: &Arc<Conversation>,
        command: crate::session::Command,
    ) -> Result<Committed<Chat>, JournalError> {
        Ok(self.ledger.commit(conversation, command).await?)
    }
}

/// Logs and counts what is stored.
fn observer(servicenow: ServiceNow, counters: Arc<Counters>) -> crate::ledger::Observer<Chat> {
    Box::new(move |id, state, fact| {
        hear::report(id, state.chat, fact);
        counting::count(&counters, fact);
        if matches!(fact, Fact::ChatEnded { why: EndReason::NobodyInTime, .. }) {
            servicenow.doubt_message_secrets();
        }
    })
}

/// The events by their names, and the activity that is a hand-off by its type.
fn event_marks(events: &[String]) -> Vec<memmem::Finder<'static>> {
    let marks = events.iter().map(String::as_str).chain(["\"handoff\""]);
    marks.map(|mark| memmem::Finder::new(mark).into_owned()).collect()
}
