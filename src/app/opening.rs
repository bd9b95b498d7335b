//! What a start does behind the listener, so that it holds up no first answer: the store is opened, and the machine's certificates
//! are read.

use std::{io, thread};

use tokio::sync::oneshot;

use super::{no_client, open_store};
use crate::{
    azure::SignIn,
    config::Settings,
    far_end,
    ledger::journal::{Opener, Store},
    session::Fact,
};

/// What is under way, and what came of it.
pub struct Opening {
    certificates: oneshot::Receiver<io::Result<()>>,
    store: oneshot::Receiver<io::Result<()>>,
}

impl Opening {
    /// Begins, each on a thread of its own; gives the store if the settings ask for one.
    ///
    /// # Errors
    /// When there are no threads.
    pub fn begin(settings: &Settings) -> io::Result<(Self, Option<Store<Fact>>)> {
        let (store, opener) = settings
            .needs_store()
            .then(Store::opening)
            .map_or((None, None), |(store, opener)| (Some(store), Some(opener)));
        let settings = settings.clone();
        let store_opened = aside("store", move || opener.map_or(Ok(()), |opener| open(&settings, opener)))?;
        let certificates = aside("certificates", || far_end::trusted().map_err(no_client))?;
        Ok((Self { certificates, store: store_opened }, store))
    }

    /// Never ends, unless something can't be used.
    pub async fn failed(self) -> io::Error {
        let Self { certificates, store } = self;
        tokio::select! {
            failed = failure(certificates) => failed,
            failed = failure(store) => failed,
        }
    }
}

async fn failure(outcome: oneshot::Receiver<io::Result<()>>) -> io::Error {
    match outcome.await {
        Ok(Ok(())) => std::future::pending().await,
        Ok(Err(failed)) => failed,
        Err(_) => io::Error::other("The start broke off; its last lines on standard error say where."),
    }
}

fn open(settings: &Settings, opener: Opener) -> io::Result<()> {
    let sign_in = SignIn::new(settings.azure_client_id.as_deref());
    opener.open(&open_store(settings, &sign_in)?);
    Ok(())
}

fn aside<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (done, outcome) = oneshot::channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || drop(done.send(work())))?;
    Ok(outcome)
}
