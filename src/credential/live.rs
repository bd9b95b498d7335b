//! A secret in a vault, and when it is read again.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tracing::{info, warn};

/// No secret is read again sooner than this after it was last read again, whatever the load: neither a storm of
/// refusals nor a stranger who guesses can make us wear the vault out.
pub const PAUSE: Duration = Duration::from_secs(30);

/// Reads the secret once, within a time-out of its own; the error is a sentence without its full stop.
pub type Read = Box<dyn Fn() -> BoxFuture<'static, Result<SecretString, String>> + Send + Sync>;

/// One secret, shared by all settings that name it.
pub struct LiveSecret {
    /// Such as "secret `x` of acme.vault.azure.net".
    name: String,
    /// `None`: its value can't change.
    read: Option<Read>,
    value: RwLock<SecretString>,
    /// Counts the values it has had.
    generation: AtomicU64,
    /// Held while it is read.
    last_read: Mutex<Option<Instant>>,
}

impl LiveSecret {
    /// With the value it has at start; without `read` that is the only one it will ever have.
    pub fn new(name: String, value: SecretString, read: Option<Read>) -> Self {
        let (value, generation) = (RwLock::new(value), AtomicU64::new(0));
        Self { name, read, value, generation, last_read: Mutex::default() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Shows the value to `look`.
    pub fn with<T>(&self, look: impl FnOnce(&str) -> T) -> T {
        look(self.value.read().unwrap_or_else(PoisonError::into_inner).expose_secret())
    }

    /// Whether it has another value than in the generation `seen`; reads it again to find out, if that is due.
    pub(super) async fn renew(self: &Arc<Self>, seen: u64, now: Instant) -> bool {
        if let Ok(last) = self.last_read.try_lock()
            && !is_due(*last, now)
        {
            return self.generation() != seen;
        }
        let secret = self.clone();
        // In a task of its own: a caller who gives up must not use up the one reading there is.
        tokio::spawn(async move { secret.read_again(seen, now).await }).await.unwrap_or(false)
    }

    async fn read_again(&self, seen: u64, now: Instant) -> bool {
        let mut last = self.last_read.lock().await;
        if self.generation() != seen {
            return true;
        }
        if !is_due(*last, now) {
            return false;
        }
        let Some(read) = &self.read else { return false };
        *last = Some(now);
        match read().await {
            Ok(value) if self.with(|current| current == value.expose_secret()) => false,
            Ok(value) => {
                *self.value.write().unwrap_or_else(PoisonError::into_inner) = value;
                self.generation.fetch_add(1, Ordering::Release);
                info!("Took the new value of {}", self.name);
                true
            }
            Err(why) => {
                warn!("A value was refused, and {} can't be read again: {why}", self.name);
                false
            }
        }
    }
}

/// A caller who waited for a reading has an earlier `now` than it.
fn is_due(last: Option<Instant>, now: Instant) -> bool {
    last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE)
}

impl fmt::Debug for LiveSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSecret").field("name", &self.name).finish_non_exhaustive()
    }
}
