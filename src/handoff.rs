//! The live-agent role: a chat at ServiceNow behind the client's Direct Line conversation.
//!
//! What a conversation's facts mean is [`session`](crate::session)'s, how they are stored and calls are made the
//! [`ledger`](crate::ledger)'s. Here stands what happens between the two and the far ends: a type for each job, which holds
//! what that job needs.

use std::sync::Arc;

use url::Url;

use self::{bot::Bot, calls::Calls};
use crate::{
    config::{AfterChat, HandoffSettings, Settings},
    credential::derived,
    direct_line::DirectLine,
    domain::millis,
    files::{FileStore, Files},
    ledger::{self, Entry, Ledger, World, journal::Store},
    servicenow::ServiceNow,
    session::{Chat, Fact},
    telemetry::Counters,
};

mod asides;
mod attaching;
mod bot;
mod calls;
mod escalation;
mod giving;
mod hear;
mod named;
mod observing;
mod posting;
mod reading;
mod sweep;
#[cfg(test)]
mod tests;
mod tokens;
mod uploads;
mod words;

pub use asides::Asides;
pub use attaching::Attaching;
pub use bot::Source;
pub use escalation::Escalations;
pub use hear::Heard;
pub use posting::{Posted, Posting, Refusal, UploadTo};
pub use reading::{Asked, BotWords, LONGEST_POLL, Page, Reading};
pub use tokens::{Caller, Client, Standing, Tokens, misspells};

/// One escalated conversation, as this process knows it.
pub type Conversation = Entry<Chat>;

/// The live-agent role.
pub struct Handoff {
    /// The journals of escalated conversations.
    pub ledger: Arc<Ledger<Chat>>,
    /// Who may use a conversation.
    pub tokens: Tokens,
    /// The agent asks for a person.
    pub escalations: Arc<Escalations>,
    /// What clients are shown, and what links give out.
    pub reading: Reading,
    /// What clients say.
    pub posting: Posting,
    /// What clients upload.
    pub attaching: Arc<Attaching>,
    /// What clients are shown where nobody was asked for.
    pub asides: Asides,
    pub files: Arc<Files>,
    pub counters: Arc<Counters>,
    calls: Arc<Calls>,
    bot: Arc<Bot>,
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
        let servicenow = ServiceNow::new(far_end, http.clone());
        let back_to_bot = settings.handoff.after_chat == AfterChat::Bot && direct_line.can_open();
        let machine = Chat { timeout_millis: millis(settings.handoff.timeout), back_to_bot };
        let stored = observing::observer(servicenow.clone(), counters.clone());
        let ledger = Arc::new(Ledger::new(machine, journal, World::real(derived::marks(settings)), stored));
        let files = Arc::new(Files::new(settings, far_end.url.clone(), servicenow.clone(), kept));
        let largest_picture = files.max_upload();
        let bot = Arc::new(Bot::new(settings, ledger.clone(), direct_line.clone()));
        let calls = Arc::new(Calls { ledger, servicenow, largest_picture, counters });
        Some(Self::of(&settings.handoff, far_end.url.clone(), direct_line, calls, bot, files))
    }

    /// Sees to it that ServiceNow is told what it must still be told of a conversation; returns at once.
    pub fn deliver_soon(&self, conversation: &Arc<Conversation>) {
        ledger::deliver_soon(&self.calls, conversation);
    }

    fn of(
        settings: &HandoffSettings,
        instance: Url,
        direct_line: DirectLine,
        calls: Arc<Calls>,
        bot: Arc<Bot>,
        files: Arc<Files>,
    ) -> Self {
        let (ledger, texts) = (calls.ledger.clone(), settings.texts.clone());
        let escalations = Arc::new(Escalations::new(settings, calls.clone(), bot.clone()));
        let attaching = Arc::new(Attaching {
            calls: calls.clone(),
            files: files.clone(),
            direct_line: direct_line.clone(),
            texts: texts.clone(),
        });
        Self {
            tokens: Tokens { ledger: ledger.clone(), direct_line: direct_line.clone() },
            reading: Reading {
                calls: calls.clone(),
                bot: bot.clone(),
                escalations: escalations.clone(),
                files: files.clone(),
                texts: texts.clone(),
                instance,
            },
            posting: Posting {
                calls: calls.clone(),
                bot: bot.clone(),
                escalations: escalations.clone(),
                attaching: attaching.clone(),
            },
            attaching,
            asides: Asides::new(direct_line, texts),
            ledger,
            escalations,
            files,
            counters: calls.counters.clone(),
            calls,
            bot,
        }
    }
}
