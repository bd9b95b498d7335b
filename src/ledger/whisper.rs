//! Words that must not be stored: in memory alone, under a random name that a fact may hold.
//!
//! The one exception to "stored first". When the process ends, or forgets them, they are gone, and who said them is asked for
//! them again. What is stored tells nothing of them: the name is random, and the mark by which all processes of an app know the
//! same words again is made with a key that is in no store.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Whispers kept at most; the oldest go first.
const KEPT: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// What a fact holds in the place of words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whisper {
    /// Random.
    pub name: String,
    /// The process that knows the words.
    pub by: String,
    /// The same for the same words, whichever process of the app has heard them; tells nothing of them to who has no key.
    pub mark: String,
}

/// Knows words again that are not kept: makes the marks of one app.
#[derive(Clone)]
pub struct Marks(Hmac<Sha256>);

impl Marks {
    /// `key`: never stored.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Hmac::new_from_slice(&key).expect("HMAC takes a key of any length"))
    }

    /// What the words are known again by, whatever blanks stand around them.
    pub fn mark(&self, words: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(words.trim().as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..12])
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marks")
    }
}

/// The words.
pub struct Whispers {
    marks: Marks,
    words: Mutex<lru::LruCache<String, SecretString>>,
}

impl Whispers {
    /// `key`: never stored.
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { marks: Marks::new(key), words: Mutex::new(lru::LruCache::new(KEPT)) }
    }

    pub(super) fn keep(&self, name: &str, words: SecretString) {
        self.words().put(name.to_owned(), words);
    }

    /// The words, while this process knows them.
    pub fn get(&self, name: &str) -> Option<SecretString> {
        self.words().peek(name).cloned()
    }

    pub fn forget(&self, name: &str) {
        self.words().pop(name);
    }

    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    fn words(&self) -> MutexGuard<'_, lru::LruCache<String, SecretString>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn words_are_known_until_they_are_forgotten_and_by_a_mark_of_this_key_alone() {
        let (one, other) = (Whispers::new([1; 32]), Whispers::new([2; 32]));
        one.keep("a", "4711".into());
        assert_eq!(one.get("a").map(|words| words.expose_secret().to_owned()).as_deref(), Some("4711"));
        assert_eq!(one.marks().mark("4711"), one.marks().mark(" 4711 "));
        assert_ne!(one.marks().mark("4711"), one.marks().mark("4712"));
        assert_ne!(one.marks().mark("4711"), other.marks().mark("4711"));
        one.forget("a");
        assert!(one.get("a").is_none());
    }
}
