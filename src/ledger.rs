//! The only writer of journals: commands in, facts stored, calls to far ends made and settled.
//!
//! A role is put into it as a [`Machine`], which says what a conversation's facts mean and what a command adds to them, and as a
//! [`Role`], which makes the calls. Everything else stands here once: commit, lease, call, settle, retry, wake, sweep. It knows
//! no role, no far end and no wire format.
//!
//! A conversation's state is kept in memory between requests, but only as a copy: the journal's compare-and-swap makes a
//! stale copy harmless, and another instance's facts are read when they matter.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};

pub mod journal;

mod commit;
mod deliver;
mod entry;
mod fresh;
mod hold;
mod lease;
mod machine;
mod moved;
mod outage;
mod outbox;
mod retry;
mod role;
mod settle;
mod sweep;
#[cfg(test)]
mod tests;
mod under_way;
mod whisper;

pub use self::{
    commit::Committed,
    deliver::{commit_and_deliver, decide_and_deliver, deliver_soon},
    entry::Entry,
    lease::{LEASE, Lease, MARGIN, RENEW, SKEW, Settled, Settlement, is_recent},
    machine::{Decided, Machine, Outcome, Stored, Why},
    outage::{Outage, Outages},
    outbox::{CallId, Lane, Next, Outbox, Queued},
    retry::{Failure, WORDS_LIVE, after},
    role::{Attempt, Role, Tried},
    sweep::{Looked, sweep},
    whisper::{Marks, Whisper, Whispers},
};
use self::{
    journal::{JournalError, Store},
    outbox::LANES,
};
use crate::domain::{ConversationId, Timestamp, random};

/// Conversations whose state is kept in memory, and those in use; the others are read again when they speak. Each takes some
/// kilobytes.
const REMEMBERED: usize = 3_500;
/// Conversations in use that are passed over in looking for one to forget.
const PASSED_OVER: usize = 8;

/// What a ledger takes from the world around it: the time, chance, and a secret.
pub struct World {
    pub clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    pub chance: Box<dyn Fn() -> u64 + Send + Sync>,
    /// What the marks of whispers are made with: all processes of an app have the same, and no store.
    pub marks: [u8; 32],
}

impl World {
    /// The machine's clock and random numbers.
    pub fn real(marks: [u8; 32]) -> Self {
        let chance = || u64::from_le_bytes(random());
        Self { clock: Box::new(Timestamp::now), chance: Box::new(chance), marks }
    }
}

/// Is told of every fact that this process has stored, with the state that came of it; inside the commit.
pub type Observer<M> =
    Box<dyn Fn(&ConversationId, &<M as Machine>::State, &<M as Machine>::Fact) + Send + Sync>;

/// The journals of one role.
pub struct Ledger<M: Machine> {
    machine: M,
    journal: Store<M::Fact>,
    world: World,
    /// Names this process in leases.
    name: String,
    stored: Observer<M>,
    whispers: Whispers,
    outages: [Mutex<Outages>; LANES],
    remembered: Mutex<lru::LruCache<ConversationId, Arc<Entry<M>>>>,
    fresh: fresh::Fresh<M::Fact>,
    under_way: under_way::UnderWay,
}

impl<M: Machine> Ledger<M> {
    pub fn new(machine: M, journal: Store<M::Fact>, world: World, stored: Observer<M>) -> Self {
        let name = format!("{:016x}", (world.chance)());
        Self {
            machine,
            journal,
            name,
            stored,
            whispers: Whispers::new(world.marks),
            outages: Default::default(),
            remembered: Mutex::new(lru::LruCache::unbounded()),
            fresh: fresh::Fresh::default(),
            under_way: under_way::UnderWay::default(),
            world,
        }
    }

    pub fn now(&self) -> Timestamp {
        (self.world.clock)()
    }

    /// Names this process where facts tell who knows or does something.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// Whether the store answers: one read that finds nothing, whatever the store holds.
    pub async fn store_answers(&self) -> bool {
        self.journal.answers().await
    }

    /// Whether this process knows the conversation to have a journal, without asking the store.
    pub fn remembers(&self, id: &ConversationId) -> bool {
        self.remembered().contains(id)
    }

    /// The conversation, if anything is stored of it.
    pub async fn find(&self, id: &ConversationId) -> Result<Option<Arc<Entry<M>>>, JournalError> {
        if let Some(known) = self.remembered().get(id) {
            return Ok(Some(known.clone()));
        }
        Ok(self.read(id).await?.map(|entry| self.remember(entry)))
    }

    async fn read(&self, id: &ConversationId) -> Result<Option<Arc<Entry<M>>>, JournalError> {
        let stored = self.journal.read_encoded(id, 0).await?;
        Ok((!stored.is_empty()).then(|| Arc::new(Entry::new(&self.machine, id, &stored))))
    }

    /// As [`find`](Self::find), or a conversation of which nothing is stored.
    pub async fn find_or_begin(&self, id: &ConversationId) -> Result<Arc<Entry<M>>, JournalError> {
        let found = self.find(id).await?;
        Ok(found.unwrap_or_else(|| self.remember(self.begin(id))))
    }

    /// A conversation of which nothing is stored; it is remembered once something is.
    pub fn begin(&self, id: &ConversationId) -> Arc<Entry<M>> {
        Arc::new(Entry::new(&self.machine, id, &[]))
    }

    pub fn whispers(&self) -> &Whispers {
        &self.whispers
    }

    /// Keeps words that must not be stored; gives what a fact may hold in their place.
    pub fn whisper(&self, name: &str, words: SecretString) -> Whisper {
        let mark = self.whispers.marks().mark(words.expose_secret());
        self.whispers.keep(name, words);
        Whisper { name: name.to_owned(), by: self.name.clone(), mark }
    }

    /// A random name that nothing else has.
    pub fn random_name(&self) -> String {
        format!("{:016x}", (self.world.chance)())
    }

    fn forget(&self, id: &ConversationId) {
        self.remembered().pop(id);
        self.fresh.forget(id);
    }

    /// A conversation whose journal is not its copy's any more is read anew by whoever asks for it next; another failure is told to who
    /// waits.
    fn heed(&self, entry: &Entry<M>, error: &JournalError) {
        match error {
            JournalError::Shorter { .. } => self.forget(&entry.id),
            JournalError::Unavailable { .. } => entry.fails(error),
        }
    }

    /// The one that is remembered for this conversation: `entry` if there was none. Something then goes on in it, so that there
    /// should be one copy of it.
    pub fn remember(&self, entry: Arc<Entry<M>>) -> Arc<Entry<M>> {
        let mut remembered = self.remembered();
        let kept = remembered.get_or_insert(entry.id.clone(), || entry).clone();
        let mut passed_over = 0;
        while remembered.len() > REMEMBERED && passed_over < PASSED_OVER {
            let Some((id, oldest)) = remembered.pop_lru() else { break };
            if Arc::strong_count(&oldest) > 1 {
                passed_over += 1;
                remembered.push(id, oldest);
            }
        }
        kept
    }

    /// The conversation as it is stored now, for a look that is no reason to remember it.
    async fn look_into(&self, id: &ConversationId) -> Result<Option<Arc<Entry<M>>>, JournalError> {
        let known = self.remembered().peek(id).cloned();
        let Some(known) = known else { return self.read(id).await };
        self.refresh(&known).await?;
        Ok(Some(known))
    }

    fn remembered(&self) -> MutexGuard<'_, lru::LruCache<ConversationId, Arc<Entry<M>>>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a sign that passes may be sent to this lane's far end: none while that is down.
    pub fn takes_signs(&self, lane: Lane) -> bool {
        !self.outages(lane).is_any_down()
    }

    fn outages(&self, lane: Lane) -> MutexGuard<'_, Outages> {
        self.outages[lane as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds from 0 to `most`, by chance: so that what waits does not move in step.
    fn jitter(&self, most: i64) -> i64 {
        let most = most.max(0).unsigned_abs() + 1;
        i64::try_from((self.world.chance)() % most).unwrap_or_default()
    }
}
