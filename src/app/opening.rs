//! What a start does behind the listener, so that it holds up no first answer: the store is opened, and the machine's certificates
//! are read.

use std::{io, thread};

use tokio::sync::oneshot;

use super::no_client;
use crate::{
    azure::SignIn,
    config::Settings,
    far_end,
    ledger::journal::{Opener, Store},
    session::Fact,
    storage,
};

/// What is still to be done.
pub struct Opening {
    settings: Settings,
    /// `None`: no role is on that needs a store.
    opener: Option<Opener>,
}

impl Opening {
    /// The store too, if the settings ask for one: what is asked of it waits.
    pub fn new(settings: &Settings) -> (Self, Option<Store<Fact>>) {
        let (store, opener) = match settings.needs_store() {
            true => Store::opening(),
            false => return (Self { settings: settings.clone(), opener: None }, None),
        };
        (Self { settings: settings.clone(), opener: Some(opener) }, Some(store))
    }

    /// Does it, each on a thread of its own. Never ends, unless something can't be used.
    pub async fn failed(self) -> io::Error {
        let Self { settings, opener } = self;
        let needs = settings.needs_certificates();
        let store = aside("store", move || opener.map_or(Ok(()), |opener| open(&settings, opener)));
        let certificates = aside("certificates", move || match needs {
            true => far_end::trusted().map_err(no_client),
            false => Ok(()),
        });
        tokio::select! {
            failed = failure(store) => failed,
            failed = failure(certificates) => failed,
        }
    }
}

async fn failure(outcome: io::Result<oneshot::Receiver<io::Result<()>>>) -> io::Error {
    match outcome {
        Ok(outcome) => match outcome.await {
            Ok(Ok(())) => std::future::pending().await,
            Ok(Err(failed)) => failed,
            Err(_) => io::Error::other("The start broke off; its last lines on standard error say where."),
        },
        Err(failed) => failed,
    }
}

fn open(settings: &Settings, opener: Opener) -> io::Result<()> {
    let sign_in = SignIn::new(settings.azure_client_id.as_deref());
    opener.open(&storage::open(settings, &sign_in, true)?);
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
