//! The journal in memory, for tests: one store that several engines share, and that fails as it is told.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{Expected, Journal, JournalError, Name, Position, Store, Which};
use crate::domain::ConversationId;

/// What is asked of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Append,
    Open,
}

/// What goes wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing happens.
    Failure,
    /// The same, after so long.
    SlowFailure(Duration),
    /// It is carried out, and its answer is lost.
    LostAnswer,
    /// It takes so long until it is carried out.
    Delay(Duration),
    /// It is carried out, and its answer takes so long.
    Late(Duration),
    /// Whoever asked has died: nothing is answered, ever, whether the operation was carried out or not.
    Death { carried_out: bool },
}

/// What goes wrong, operation by operation.
pub trait Faults: Send + Sync + 'static {
    fn next(&self, id: Option<&ConversationId>, operation: Operation) -> Option<Fault>;
}

/// Journals in memory. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryJournal {
    shared: Arc<Mutex<Kept>>,
    faults: Option<Arc<dyn Faults>>,
}

#[derive(Default)]
struct Kept {
    facts: BTreeMap<String, Vec<Vec<u8>>>,
    open: BTreeSet<String>,
    /// Reads and appends so far.
    counted: (usize, usize),
}

/// What becomes of the answer to an operation that was carried out.
enum Behind {
    Answered,
    Late(Duration),
    Lost,
    Silence,
}

impl Behind {
    async fn answer<T>(self, answer: Result<T, JournalError>) -> Result<T, JournalError> {
        match self {
            Self::Answered => answer,
            Self::Late(delay) => {
                tokio::time::sleep(delay).await;
                answer
            }
            Self::Lost => Err(failed()),
            Self::Silence => std::future::pending().await,
        }
    }
}

impl MemoryJournal {
    /// The same facts, with faults of its own.
    #[must_use]
    pub fn with_faults(&self, faults: Arc<dyn Faults>) -> Self {
        Self { faults: Some(faults), ..self.clone() }
    }

    /// The same facts, as a store.
    pub fn store<F>(&self) -> Store<F> {
        Store::of(self.clone())
    }

    /// Reads and appends so far, of all who share the store.
    pub fn counted(&self) -> (usize, usize) {
        self.kept().counted
    }

    /// Puts an older state of a conversation in its place: its first `length` facts.
    pub fn shrink(&self, key: &str, length: usize) {
        if let Some(facts) = self.kept().facts.get_mut(key) {
            facts.truncate(length);
        }
    }

    /// Puts a fact's stored form behind the others, as another build would.
    pub fn push(&self, key: &str, stored: &[u8]) {
        self.kept().facts.entry(key.to_owned()).or_default().push(stored.to_vec());
    }

    /// All that is stored, as text: to look for what must not be there.
    pub fn dump(&self) -> String {
        let kept = self.kept();
        let lines = kept.facts.iter().flat_map(|(key, facts)| {
            facts.iter().map(move |fact| format!("{key} {}\n", String::from_utf8_lossy(fact)))
        });
        lines.collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Meets what is to go wrong before an operation; gives what goes wrong behind it.
    async fn meet(&self, id: Option<&ConversationId>, operation: Operation) -> Result<Behind, JournalError> {
        match self.faults.as_ref().and_then(|faults| faults.next(id, operation)) {
            None => Ok(Behind::Answered),
            Some(Fault::Failure) => Err(failed()),
            Some(Fault::SlowFailure(after)) => {
                tokio::time::sleep(after).await;
                Err(failed())
            }
            Some(Fault::LostAnswer) => Ok(Behind::Lost),
            Some(Fault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                Ok(Behind::Answered)
            }
            Some(Fault::Late(delay)) => Ok(Behind::Late(delay)),
            Some(Fault::Death { carried_out: true }) => Ok(Behind::Silence),
            Some(Fault::Death { carried_out: false }) => std::future::pending().await,
        }
    }
}

fn failed() -> JournalError {
    JournalError::unavailable("the memory")("the test made it fail")
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn read(&self, name: Name<'_>, from: Position) -> Result<Option<Vec<Vec<u8>>>, JournalError> {
        let behind = self.meet(Some(name.id), Operation::Read).await?;
        let read = {
            let mut kept = self.kept();
            kept.counted.0 += 1;
            let facts = kept.facts.get(&name.to_string()).map(Vec::as_slice).unwrap_or_default();
            let start = usize::try_from(from).unwrap_or(usize::MAX);
            facts.get(start..).map(<[_]>::to_vec)
        };
        behind.answer(Ok(read)).await
    }

    async fn append(
        &self,
        name: Name<'_>,
        expected: Expected,
        facts: Vec<Vec<u8>>,
        open: Option<bool>,
    ) -> Result<Ordering, JournalError> {
        let behind = self.meet(Some(name.id), Operation::Append).await?;
        let appended = {
            let mut kept = self.kept();
            kept.counted.1 += 1;
            kept.append(&name.to_string(), expected, facts, open)
        };
        behind.answer(Ok(appended)).await
    }

    async fn list(&self, realm: &'static str, which: Which) -> Result<Vec<ConversationId>, JournalError> {
        if which == Which::All {
            return Ok(ids(self.kept().facts.keys(), realm));
        }
        let behind = self.meet(None, Operation::Open).await?;
        let open = ids(self.kept().open.iter(), realm);
        behind.answer(Ok(open)).await
    }

    async fn remove(&self, name: Name<'_>) -> Result<bool, JournalError> {
        let mut kept = self.kept();
        kept.open.remove(&name.to_string());
        Ok(kept.facts.remove(&name.to_string()).is_some())
    }

    async fn try_write(&self) -> Result<(), JournalError> {
        Ok(())
    }
}

fn ids<'a>(keys: impl Iterator<Item = &'a String>, realm: &str) -> Vec<ConversationId> {
    keys.filter_map(|key| ConversationId::parse(key.strip_prefix(realm)?)).collect()
}

impl Kept {
    fn append(&mut self, key: &str, expected: Expected, facts: Vec<Vec<u8>>, open: Option<bool>) -> Ordering {
        let stored = self.facts.get(key).map(Vec::as_slice).unwrap_or_default();
        let length = expected.compare(stored.len() as u64, stored.last().map(Vec::as_slice));
        if length.is_ne() {
            return length;
        }
        if !facts.is_empty() {
            self.facts.entry(key.to_owned()).or_default().extend(facts);
        }
        match open {
            Some(true) => drop(self.open.insert(key.to_owned())),
            Some(false) => drop(self.open.remove(key)),
            None => {}
        }
        length
    }
}

#[cfg(test)]
mod tests {
    use super::{super::contract, *};

    #[tokio::test]
    async fn keeps_the_contract() {
        let journal = MemoryJournal::default();
        contract::all(&journal.store()).await;
        contract::one_that_has_begun_anew_is_another(&journal.store()).await;
        contract::reopened(&journal.store(), journal.store()).await;
    }
}
