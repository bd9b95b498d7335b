//! What the workers serve from, and what each asks far ends with, made of the settings.

use std::sync::Arc;

use actix_web::web::Data;

use crate::{
    config::{RelaySettings, Settings},
    direct_line::{DirectLine, proxy::Pipe},
    far_end,
    files::FileStore,
    handoff::Handoff,
    http::{Ending, Held, Secondary, Served, Sockets, Tickets},
    ledger::journal::Store,
    operator::tombstone::Tombstones,
    relay::Relay,
    secondary_bot::{SecondaryBot, media::Media},
    session::Fact,
    telemetry::Counters,
};

/// What all workers serve from.
pub(super) fn served(
    settings: &Settings,
    store: Option<(Store<Fact>, FileStore)>,
    http: &reqwest::Client,
    counters: &Arc<Counters>,
    connections: usize,
) -> Served {
    let secondary = store.as_ref().zip(settings.secondary_bot.as_ref());
    let secondary_bot = secondary.and_then(|((store, kept), credentials)| {
        let media = Media::new(kept.clone());
        let bot = SecondaryBot::new(settings, store.realm(), media, http, counters.clone())?;
        Some(Secondary { bot: Arc::new(bot), credentials: credentials.clone() })
    });
    let erased = store.as_ref().map(|(store, _)| Tombstones::new(store.realm()));
    let handoff = store.and_then(|(store, kept)| Handoff::new(settings, store, kept, http, counters.clone()));
    let tickets = settings.web_socket.then(|| Tickets::new(settings)).flatten();
    Served {
        handoff: handoff.map(Arc::new),
        erased,
        texts: settings.handoff.texts.clone(),
        responses: settings.responses.clone(),
        allowed_origins: settings.allowed_origins.clone(),
        in_functions_host: settings.in_functions_host,
        long_poll: settings.long_poll,
        // The other connections are for posts, polls and webhooks.
        sockets: tickets.map(|tickets| Arc::new(Sockets::new(tickets, connections / 2))),
        max_upload: settings.files.max_upload,
        relay: settings.relay.access.clone(),
        ending: Ending::default(),
        held: Held::default(),
        direct_line_secret: settings.direct_line.secret.clone(),
        public_url: settings.public_url.clone(),
        secondary_bot,
    }
}

/// What a worker's ways to Direct Line are made of.
#[derive(Clone)]
pub(super) struct Wires {
    http: reqwest::Client,
    direct_line: DirectLine,
    relay: RelaySettings,
    events: Vec<String>,
    counters: Arc<Counters>,
    workers: usize,
}

impl Wires {
    pub fn new(settings: &Settings, http: reqwest::Client, counters: Arc<Counters>, workers: usize) -> Self {
        let direct_line = DirectLine::new(&settings.direct_line, http.clone());
        let (relay, events) = (settings.relay.clone(), settings.handoff.events.clone());
        Self { http, direct_line, relay, events, counters, workers }
    }

    /// A client of its own keeps a worker's connections on its thread.
    pub fn of_a_worker(&self) -> (Data<Pipe>, Data<Relay>) {
        let own = far_end::client().unwrap_or_else(|_| self.http.clone());
        let pipe = far_end::own(&own).and_then(|()| Pipe::new(self.direct_line.clone()));
        let pipe = pipe.expect("a client was made with the same configuration");
        let direct_line = self.direct_line.over(own);
        let relay = Relay::new(direct_line, &self.relay, &self.events, self.workers, self.counters.clone());
        (Data::new(pipe), Data::new(relay))
    }
}
