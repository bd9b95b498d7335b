//! The operator's and the data-protection officer's view of the store: what is there, and taking it back. Works beside a running
//! program, which forgets what was taken at its next look.

use std::{collections::BTreeSet, io, path::PathBuf, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use self::tombstone::Tombstones;
use crate::{
    azure::SignIn,
    config::{AfterChat, Settings, StoreSetting},
    domain::{ConversationId, Timestamp},
    far_end,
    files::FileStore,
    handoff::Handoff,
    ledger::journal::{JournalError, Store, decode, held},
    secondary_bot,
    session::{Fact, State},
    storage,
    telemetry::Counters,
};

pub mod retention;
pub mod tombstone;
mod view;

/// How long ServiceNow may take to hear of an end, repeats included.
const ENDING: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

/// What went wrong, in words for the terminal.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    #[error("{0}")]
    Start(#[from] io::Error),
    #[error("{0}")]
    Store(#[from] JournalError),
    #[error(
        "STORE {0}: there is no such file; give the settings, and the folder, of the program that wrote it"
    )]
    NoStore(PathBuf),
    #[error("there is no conversation {0} in the store; `handler conversations list` shows those there are")]
    Unknown(String),
    #[error("`{0}` is no conversation's id")]
    NoId(String),
    #[error(
        "no conversation in the store names the user `{0}`; a user's id is the client's `from.id`, or a primary bot's `userId`"
    )]
    Nobody(String),
    #[error(
        "its live chat could not be ended at ServiceNow within {} s; nothing of it was erased. `handler doctor` says why; then try \
         again, or add --offline to erase without telling ServiceNow",
        ENDING.as_secs()
    )]
    StillOpen,
    #[error(
        "SERVICENOW_URL is not set, so its live chat can't be ended; nothing of it was erased. Give the settings of the program that \
         wrote it, or add --offline to erase without telling ServiceNow"
    )]
    NoServiceNow,
    #[error("a file of the conversation could not be deleted: {0}")]
    File(#[from] crate::files::StoreError),
}

/// What an erase took away, and what it had to leave.
#[derive(Debug, Default)]
pub struct Erased {
    pub conversations: Vec<ConversationId>,
    pub facts: usize,
    pub files: usize,
    pub failed: Vec<(ConversationId, OperatorError)>,
}

/// The store, opened for a command.
pub struct Operator {
    settings: Settings,
    chats: Store<Fact>,
    sessions: Store<secondary_bot::fact::Fact>,
    tombstones: Tombstones,
    files: FileStore,
    http: reqwest::Client,
}

impl Operator {
    /// Opens the store that the settings name.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open(settings: Settings) -> Result<Self, OperatorError> {
        // An empty one made here would say that nothing is known of anybody.
        if let StoreSetting::Sqlite(path) = &settings.store
            && !path.exists()
        {
            return Err(OperatorError::NoStore(path.clone()));
        }
        let sign_in = SignIn::new(settings.azure_client_id.as_deref());
        let http = far_end::client().map_err(io::Error::other)?;
        let chats = storage::open(&settings, &sign_in, false)?;
        let files = storage::uploads(&settings, &sign_in, &http)?;
        let (sessions, tombstones) = (chats.realm(), Tombstones::new(chats.realm()));
        Ok(Self { settings, chats, sessions, tombstones, files, http })
    }

    /// A line a conversation: id, role, how it stands, facts, first and last time.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn list(&self, open_only: bool) -> Result<Vec<String>, OperatorError> {
        let mut lines = vec![];
        for id in self.chats.all().await? {
            let facts = self.chats.read_encoded(&id, 0).await?;
            let state = folded(&id, &facts);
            if state.is_open() || !open_only {
                lines.push(view::line(&id, "live agent", view::standing(&state), &values(&facts)));
            }
        }
        for id in self.sessions.all().await? {
            let facts = self.sessions.read_encoded(&id, 0).await?;
            let mut state = secondary_bot::state::State::new(&id);
            facts.iter().for_each(|fact| state.apply(&decode(fact)));
            if state.is_open() || !open_only {
                lines.push(view::line(&id, "secondary bot", "session", &values(&facts)));
            }
        }
        Ok(lines)
    }

    /// A line a fact: position, time, kind and outcome; no words.
    ///
    /// # Errors
    /// When there is no such conversation, or the store can't be read.
    pub async fn show(&self, id: &str) -> Result<Vec<String>, OperatorError> {
        let (_, facts) = self.find(id).await?;
        Ok(facts.iter().enumerate().map(|(position, fact)| view::fact(position, fact)).collect())
    }

    /// Everything the store holds of a conversation.
    ///
    /// # Errors
    /// When there is no such conversation, or the store can't be read.
    pub async fn export(&self, id: &str) -> Result<Value, OperatorError> {
        let (id, facts) = self.find(id).await?;
        let files = view::file_keys(&facts);
        Ok(json!({"conversation": id, "facts": facts, "files": files}))
    }

    /// Takes a conversation out of the store with its files. An open chat is ended at ServiceNow first, unless `offline`.
    ///
    /// # Errors
    /// When there is no such conversation, its chat can't be ended, or the store fails; what was taken until then is gone.
    pub async fn erase(&self, id: &str, offline: bool) -> Result<Erased, OperatorError> {
        let (id, facts) = self.find(id).await?;
        if !offline {
            self.end(&id).await?;
        }
        // Ending it has added facts, and may have named files.
        let facts = self.find(id.as_str()).await.map_or(facts, |(_, facts)| facts);
        self.tombstones.put(&id, Timestamp::now()).await?;
        let mut files = 0;
        for key in view::file_keys(&facts) {
            files += usize::from(self.files.remove(&key).await?);
        }
        self.chats.remove(&id).await?;
        self.sessions.remove(&id).await?;
        Ok(Erased { conversations: vec![id], facts: facts.len(), files, failed: vec![] })
    }

    /// Takes out all conversations of one user, by the id under which they write. One that can't be taken out keeps no other.
    ///
    /// # Errors
    /// When the store can't be asked what it holds, or holds nothing of this user.
    pub async fn erase_user(&self, user: &str, offline: bool) -> Result<Erased, OperatorError> {
        let mut erased = Erased::default();
        let mut ids = BTreeSet::from_iter(self.chats.all().await?);
        ids.extend(self.sessions.all().await?);
        for id in ids {
            match self.erase_of(&id, user, offline).await {
                Ok(one) => {
                    erased.conversations.extend(one.conversations);
                    erased.facts += one.facts;
                    erased.files += one.files;
                }
                // Gone since it was listed.
                Err(OperatorError::Unknown(_)) => {}
                Err(error) => erased.failed.push((id, error)),
            }
        }
        let nobody = erased.conversations.is_empty() && erased.failed.is_empty();
        if nobody { Err(OperatorError::Nobody(user.to_owned())) } else { Ok(erased) }
    }

    /// Nothing of a conversation of others.
    async fn erase_of(
        &self,
        id: &ConversationId,
        user: &str,
        offline: bool,
    ) -> Result<Erased, OperatorError> {
        let (id, facts) = self.find(id.as_str()).await?;
        match facts.iter().any(|fact| view::names_user(fact, user)) {
            true => self.erase(id.as_str(), offline).await,
            false => Ok(Erased::default()),
        }
    }

    async fn find(&self, id: &str) -> Result<(ConversationId, Vec<Value>), OperatorError> {
        let id = ConversationId::parse(id).ok_or_else(|| OperatorError::NoId(id.to_owned()))?;
        let mut facts = values(&self.chats.read_encoded(&id, 0).await?);
        facts.extend(values(&self.sessions.read_encoded(&id, 0).await?));
        if facts.is_empty() { Err(OperatorError::Unknown(id.to_string())) } else { Ok((id, facts)) }
    }

    /// As if the user had left, and waits until ServiceNow knows.
    async fn end(&self, id: &ConversationId) -> Result<(), OperatorError> {
        let before = folded(id, &self.chats.read_encoded(id, 0).await?);
        if before.is_told() {
            return Ok(());
        }
        let counters = Arc::new(Counters::default());
        let journal = self.chats.realm();
        // Nobody is to be brought back to the bot, by whichever process looks at the end.
        let mut settings = self.settings.clone();
        settings.handoff.after_chat = AfterChat::End;
        let handoff = Handoff::new(&settings, journal, self.files.clone(), &self.http, counters);
        let Some(handoff) = handoff else { return Err(OperatorError::NoServiceNow) };
        let Some(conversation) = handoff.ledger.find(id).await? else { return Ok(()) };
        if before.is_live() {
            handoff.posting.leave(&conversation).await?;
        } else {
            handoff.deliver_soon(&conversation);
        }
        let until = Instant::now() + ENDING;
        loop {
            if folded(id, &self.chats.read_encoded(id, 0).await?).is_told() {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(OperatorError::StillOpen);
            }
            sleep(LOOK).await;
        }
    }
}

/// What this build makes of a chat.
fn folded(id: &ConversationId, facts: &[Vec<u8>]) -> State {
    let mut state = State::new(id.clone());
    facts.iter().for_each(|fact| state.apply(&decode(fact)));
    state
}

/// All that facts hold: a newer build may have stored words, names and files that this one can't read.
fn values(facts: &[Vec<u8>]) -> Vec<Value> {
    facts.iter().map(|fact| held(fact)).collect()
}

#[cfg(test)]
mod tests;
