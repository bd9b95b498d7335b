//! What the parts of a simulated instance share.

use std::sync::{
    Mutex, MutexGuard, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use tokio::{runtime, sync::watch};

use super::{
    book::Book,
    chat::Chat,
    faults::Faults,
    login::Tokens,
    media::MediaStore,
    options::{Accepted, ServiceNowOptions},
};
use crate::far_end::{NoClient, tls};

pub(super) struct Instance {
    pub options: ServiceNowOptions,
    /// Root without a trailing slash.
    pub url: String,
    pub faults: Faults,
    pub tokens: Tokens,
    pub media: MediaStore,
    pub client: reqwest::Client,
    /// The server's own; everything that outlives a call runs there.
    pub runtime: runtime::Handle,
    book: Mutex<Book>,
    response_url: RwLock<Option<String>>,
    agents_available: AtomicBool,
    accepted: RwLock<Accepted>,
    changes: watch::Sender<u64>,
}

impl Instance {
    /// Must be called on the runtime the server runs on.
    pub(super) fn new(options: ServiceNowOptions, url: String) -> Result<Self, NoClient> {
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls::config()?).no_proxy();
        Ok(Self {
            faults: Faults::default(),
            tokens: Tokens::default(),
            media: MediaStore::default(),
            client: client.user_agent("ServiceNow/1.0").build()?,
            runtime: runtime::Handle::current(),
            book: Mutex::default(),
            response_url: RwLock::new(options.response_url.clone()),
            agents_available: AtomicBool::new(options.agents_available),
            accepted: RwLock::new(Accepted::from_options(&options)),
            changes: watch::Sender::default(),
            options,
            url,
        })
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a chat, if it is still the one that was meant.
    pub(super) fn with_chat<T>(
        &self,
        session: &str,
        number: u64,
        act: impl FnOnce(&mut Chat) -> T,
    ) -> Option<T> {
        self.book().chat(session).filter(|chat| chat.number == number).map(act)
    }

    pub(super) fn accepted(&self) -> Accepted {
        self.accepted.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn rotate(&self, change: impl FnOnce(&mut Accepted)) {
        change(&mut self.accepted.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn response_url(&self) -> Option<String> {
        self.response_url.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_response_url(&self, url: String) {
        *self.response_url.write().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    pub(super) fn agents_available(&self) -> bool {
        self.agents_available.load(Ordering::Relaxed)
    }

    pub(super) fn set_agents_available(&self, available: bool) {
        self.agents_available.store(available, Ordering::Relaxed);
    }

    /// Forgets chats, requests and faults; tokens, files and the response URL stay.
    pub(super) fn reset(&self) {
        self.book().clear();
        self.faults.clear();
        self.changed();
    }

    /// Tells those who wait for something to happen.
    pub(super) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
