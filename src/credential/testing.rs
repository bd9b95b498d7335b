//! A vault for tests, which says how often it was asked.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use secrecy::SecretString;

use super::{Credential, LiveSecret, Read};

/// A vault with one secret, and how often it was asked.
#[derive(Clone, Default)]
pub(crate) struct Vault(Arc<(Mutex<Option<String>>, AtomicUsize)>);

impl Vault {
    pub fn put(&self, value: Option<&str>) {
        *self.0.0.lock().unwrap() = value.map(str::to_owned);
    }

    pub fn asked(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }

    pub fn secret(&self, first: &str) -> Arc<LiveSecret> {
        let vault = self.clone();
        let read: Read = Box::new(move || {
            let vault = vault.clone();
            Box::pin(async move {
                vault.0.1.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                let value = vault.0.0.lock().unwrap().clone();
                value.map(SecretString::from).ok_or_else(|| "it is closed".to_owned())
            })
        });
        Arc::new(LiveSecret::new("secret `x`".to_owned(), first.into(), Some(read)))
    }

    /// A credential that is the whole secret.
    pub fn credential(&self, first: &str) -> Credential {
        Credential::vaulted("RELAY_KEY", self.secret(first), first.into(), |value| Some(value.into()))
    }
}
