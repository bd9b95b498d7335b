//! Passwords, tokens and keys; those kept in a vault may change while the program runs.
//!
//! A value is read again when it was refused: nobody has to tell us of a rotation, and a vault is asked only
//! when there is a reason to.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use futures_util::future::{BoxFuture, join_all};
use secrecy::SecretString;
use tracing::error;

pub mod derived;
mod live;
mod seal;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use live::{LiveSecret, PAUSE, Read};
pub use seal::Seal;

/// A secret from the settings. A plain one is never copied and never asked for again.
#[derive(Clone)]
pub struct Credential(Kind);

#[derive(Clone)]
enum Kind {
    Plain(SecretString),
    Vaulted(Arc<Vaulted>),
}

/// What of a secret is the credential; `None` when it can't be one.
type Take = Box<dyn Fn(&str) -> Option<SecretString> + Send + Sync>;

struct Vaulted {
    setting: &'static str,
    secret: Arc<LiveSecret>,
    take: Take,
    /// Belongs to that generation of the secret.
    current: RwLock<(u64, Arc<SecretString>)>,
}

/// A credential's value at this moment.
pub enum Value<'a> {
    Plain(&'a SecretString),
    Vaulted(Arc<SecretString>),
}

impl Deref for Value<'_> {
    type Target = SecretString;

    fn deref(&self) -> &SecretString {
        match self {
            Self::Plain(value) => value,
            Self::Vaulted(value) => value,
        }
    }
}

/// Which values a call went out with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(Vec<u64>);

impl Credential {
    /// A credential in a vault. `take` finds it in the secret's value; a later value in which it finds none is
    /// not taken over.
    pub fn vaulted(
        setting: &'static str,
        secret: Arc<LiveSecret>,
        first: SecretString,
        take: impl Fn(&str) -> Option<SecretString> + Send + Sync + 'static,
    ) -> Self {
        let current = RwLock::new((secret.generation(), Arc::new(first)));
        Self(Kind::Vaulted(Arc::new(Vaulted { setting, secret, take: Box::new(take), current })))
    }

    pub fn value(&self) -> Value<'_> {
        match &self.0 {
            Kind::Plain(value) => Value::Plain(value),
            Kind::Vaulted(vaulted) => Value::Vaulted(vaulted.value()),
        }
    }

    /// Whether it stands in a vault, where somebody may change it.
    pub fn can_change(&self) -> bool {
        self.secret().is_some()
    }

    fn secret(&self) -> Option<&Arc<LiveSecret>> {
        match &self.0 {
            Kind::Plain(_) => None,
            Kind::Vaulted(vaulted) => Some(&vaulted.secret),
        }
    }
}

impl Vaulted {
    fn value(&self) -> Arc<SecretString> {
        let generation = self.secret.generation();
        {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if current.0 == generation {
                return current.1.clone();
            }
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.0 < generation {
            current.0 = generation;
            match self.secret.with(|value| (self.take)(value)) {
                Some(value) => current.1 = Arc::new(value),
                None => error!(
                    "The new value of {}, {}, can't be used, so the old one is kept; correct it in the vault",
                    self.setting,
                    self.secret.name()
                ),
            }
        }
        current.1.clone()
    }
}

/// Notes the values that these credentials have, before a call is made with them.
pub fn mark<'a>(credentials: impl IntoIterator<Item = &'a Credential>) -> Mark {
    Mark(secrets(credentials).map(|secret| secret.generation()).collect())
}

/// After a refusal: whether any of these credentials has another value than when `mark` was made, so that the call is
/// worth repeating. Each is read again for that, but no secret more than once in [`PAUSE`], and once for all who
/// ask at the same time.
pub fn renewed<'a>(
    credentials: impl IntoIterator<Item = &'a Credential>,
    mark: &Mark,
) -> BoxFuture<'static, bool> {
    let now = Instant::now();
    let seen: Vec<_> = secrets(credentials).cloned().zip(mark.0.iter().copied()).collect();
    Box::pin(async move {
        let renewals = seen.iter().map(|(secret, seen)| secret.renew(*seen, now));
        join_all(renewals).await.contains(&true)
    })
}

fn secrets<'a>(
    credentials: impl IntoIterator<Item = &'a Credential>,
) -> impl Iterator<Item = &'a Arc<LiveSecret>> {
    credentials.into_iter().filter_map(Credential::secret)
}

impl From<SecretString> for Credential {
    fn from(value: SecretString) -> Self {
        Self(Kind::Plain(value))
    }
}

impl From<String> for Credential {
    fn from(value: String) -> Self {
        SecretString::from(value).into()
    }
}

impl From<&str> for Credential {
    fn from(value: &str) -> Self {
        SecretString::from(value).into()
    }
}

/// Shows where it stands, never what it is.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Plain(_) => f.write_str("Credential(…)"),
            Kind::Vaulted(vaulted) => write!(f, "Credential({})", vaulted.secret.name()),
        }
    }
}
