//! The process that serves: wires store, clients and routes together. The tests start it the same way.

use std::{
    io, net::SocketAddr, num::NonZero, pin::pin, sync::Arc, thread::available_parallelism, time::Duration,
};

use actix_web::{
    App,
    dev::{Server, Service as _},
    web::Data,
};
use tracing::{error, info};
use url::Url;

use crate::session::Fact;
use crate::{
    azure::{self, SignIn, container},
    config::{Settings, StoreSetting},
    direct_line::{DirectLine, proxy::Pipe},
    far_end,
    files::FileStore,
    handoff::Handoff,
    http::{Held, Secondary, Served, Sockets, Tickets, configure},
    ledger::journal::{AppendBlobJournal, SqliteJournal, Store},
    operator::{retention::Retention, tombstone::Tombstones},
    relay::Relay,
    secondary_bot::{SecondaryBot, media::Media},
    telemetry::{self, Counters, span::Taken},
};

mod connections;
mod ending;
mod heads;
mod listening;
mod opening;

pub use self::ending::{Ended, Signal, Signals};
use self::{ending::Underway, opening::Opening};

/// How often a process that no host calls sweeps by itself.
const SWEEP: Duration = Duration::from_secs(60);
/// A connector that listens.
pub struct Connector {
    server: Server,
    address: SocketAddr,
    handoff: Option<Arc<Handoff>>,
    secondary_bot: Option<Arc<SecondaryBot>>,
    counters: Arc<Counters>,
    underway: Underway,
    opening: Opening,
    sockets: Option<Arc<Sockets>>,
    /// The journals of live chats; `None` when no role is on that keeps any.
    chats: Option<Store<Fact>>,
    /// `None`: everything is kept.
    retention: Option<Retention>,
}

impl Connector {
    /// Opens the port; serves only once it is run, and opens the store behind that.
    ///
    /// # Errors
    /// When the port can't be used. A store that can't ends the run.
    pub fn build(settings: &Settings) -> io::Result<Self> {
        Self::build_with(settings, |_| {})
    }

    /// As [`build`](Self::build), with more routes.
    ///
    /// # Errors
    /// As there.
    pub fn build_with(
        settings: &Settings,
        more: impl Fn(&mut actix_web::web::ServiceConfig) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let http = far_end::client().map_err(no_client)?;
        let direct_line = DirectLine::new(&settings.direct_line, http.clone());
        let counters = Arc::new(Counters::default());
        let (opening, store) = Opening::new(settings);
        let sign_in = SignIn::new(settings.azure_client_id.as_deref());
        let uploads = |store| Ok::<_, io::Error>((store, uploads(settings, &sign_in, &http)?));
        let store = store.map(uploads).transpose()?;
        let secondary_bot = store.as_ref().and_then(|(store, kept)| {
            let media = Media::new(kept.clone());
            SecondaryBot::new(settings, store.realm(), media, &http, counters.clone()).map(Arc::new)
        });
        let chats = store.as_ref().map(|(store, _)| store.realm());
        let retention = store
            .as_ref()
            .and_then(|(store, kept)| Retention::new(store, kept.clone(), settings.retention_days));
        let handoff = store
            .and_then(|(store, kept)| Handoff::new(settings, store, kept, &http, counters.clone()))
            .map(Arc::new);
        let connections = connections::at_most();
        // The others are for posts, polls and webhooks.
        let tickets = settings.web_socket.then(|| Tickets::new(settings)).flatten();
        let sockets = tickets.map(|tickets| Arc::new(Sockets::new(tickets, connections / 2)));
        let secondary = secondary_bot.clone().zip(settings.secondary_bot.clone());
        let served = Data::new(Served {
            handoff: handoff.clone(),
            erased: chats.as_ref().map(|chats| Tombstones::new(chats.realm())),
            responses: settings.responses.clone(),
            allowed_origins: settings.allowed_origins.clone(),
            in_functions_host: settings.in_functions_host,
            long_poll: settings.long_poll,
            sockets: sockets.clone(),
            max_upload: settings.files.max_upload,
            relay: settings.relay.access.clone(),
            held: Held::default(),
            direct_line_secret: settings.direct_line.secret.clone(),
            public_url: settings.public_url.clone(),
            secondary_bot: secondary.map(|(bot, credentials)| Secondary { bot, credentials }),
        });
        let workers = available_parallelism().map_or(2, NonZero::get);
        let (relay, events) = (settings.relay.clone(), settings.handoff.events.clone());
        let counting = counters.clone();
        let underway = Underway::default();
        let requests = underway.clone();
        let app = move || {
            // A client of its own keeps a worker's connections on its thread.
            let own = far_end::client().unwrap_or_else(|_| http.clone());
            far_end::own(&own);
            let relay = Relay::new(direct_line.over(own), &relay, &events, workers, counting.clone());
            let relay = Data::new(relay);
            let pipe = Pipe::new(direct_line.clone()).expect("a client was made with the same configuration");
            let pipe = Data::new(pipe);
            let requests = requests.worker();
            App::new().configure(more.clone()).configure(configure(served.clone(), pipe, relay)).wrap_fn(
                move |mut request, service| {
                    let begun = requests.begin(request.conn_data());
                    let span = Taken::begin(&mut request);
                    let answer = service.call(request);
                    async move {
                        let answer = answer.await?;
                        if let Some(span) = span {
                            span.end(answer.status().as_u16());
                        }
                        Ok(answer.map_body(|_, body| begun.until_sent(body)))
                    }
                },
            )
        };
        let (server, address) = listening::listen(settings.listen, workers, connections, app)
            .map_err(|failed| no_address(failed, settings))?;
        Ok(Self {
            server,
            address,
            handoff,
            secondary_bot,
            counters,
            underway,
            opening,
            sockets,
            chats,
            retention,
        })
    }

    /// Where it listens; the port that the system chose when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The live-agent role, for tests that drive time by hand.
    pub fn handoff(&self) -> Option<Arc<Handoff>> {
        self.handoff.clone()
    }

    /// The secondary-bot role, likewise.
    pub fn secondary_bot(&self) -> Option<Arc<SecondaryBot>> {
        self.secondary_bot.clone()
    }

    /// Serves until told to end.
    ///
    /// # Errors
    /// When the store can't be opened, the machine's certificates can't be read, or serving fails.
    pub async fn run(self) -> io::Result<Ended> {
        self.run_until(Signals::listen()?).await
    }

    /// Serves until told to end, and then finishes what is under way: 10 seconds at most, or until told again.
    ///
    /// # Errors
    /// When serving fails.
    pub async fn run_until(self, mut signals: Signals) -> io::Result<Ended> {
        let Self { server, underway, opening, sockets, chats, .. } = self;
        let handle = server.handle();
        let mut serving = pin!(server);
        let signal = tokio::select! {
            // Serving begins first.
            biased;
            served = &mut serving => return served.map(|()| Ended::ByItself),
            failed = opening.failed() => return Err(failed),
            signal = signals.told() => signal?,
        };
        if let Some(sockets) = sockets {
            sockets.end();
        }
        // Takes no new connection; callers that keep one open, asking nothing, are not waited for.
        let stopped = async { futures_util::future::join(handle.stop(true), &mut serving).await };
        tokio::select! {
            _ = stopped => {}
            () = underway.over() => {}
            again = signals.told() => drop(again?),
        }
        log_end(signal, chats.as_ref()).await;
        Ok(Ended::Told(signal))
    }
}

/// One line, so that whoever ended it knows that no chat ended with it.
async fn log_end(signal: Signal, chats: Option<&Store<Fact>>) {
    /// A store that does not answer must not hold up the end.
    const ASKING: Duration = Duration::from_secs(2);
    let Some(chats) = chats else {
        info!("Ended by {signal}; no role is on that keeps chats");
        return;
    };
    match tokio::time::timeout(ASKING, chats.open()).await {
        Ok(Ok(open)) => {
            info!(
                open_chats = open.len(),
                "Ended by {signal}; {} open chats go on with the next start",
                open.len()
            );
        }
        Ok(Err(_)) | Err(_) => {
            info!("Ended by {signal}; open chats go on with the next start (the store did not say how many)");
        }
    }
}

fn no_address(failed: io::Error, settings: &Settings) -> io::Error {
    let way_out = match failed.kind() {
        io::ErrorKind::AddrInUse if settings.in_functions_host => {
            "; the Functions host chooses the port and tries again with another"
        }
        io::ErrorKind::AddrInUse => {
            "; another program listens there: end it, or set LISTEN to another port, like `127.0.0.1:7072`"
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 are for root: set LISTEN to a higher one",
        io::ErrorKind::AddrNotAvailable => {
            "; this machine has no such address: set LISTEN to one it has, or to `0.0.0.0:PORT`"
        }
        _ => "",
    };
    io::Error::new(failed.kind(), format!("{} can't be listened on: {failed}{way_out}", settings.listen))
}

/// Says which option of the command line chooses another port, when this one is taken.
#[cfg(feature = "simulate")]
pub(crate) fn no_port(failed: io::Error, port: u16, option: &str) -> io::Error {
    let what = format!("port {port} of 127.0.0.1 can't be listened on: {failed}");
    let way_out = format!("choose another with `{option} PORT`, or `{option} 0` for any free one");
    io::Error::new(failed.kind(), format!("{what}; {way_out}"))
}

/// Says what is usually behind it: an image without certificates.
fn no_client(failed: far_end::NoClient) -> io::Error {
    let cause = std::error::Error::source(&failed).map(|cause| format!(": {cause}")).unwrap_or_default();
    io::Error::other(format!(
        "No HTTPS client can be made: {failed}{cause}. Install the system's CA certificates (package \
         `ca-certificates`) or name a PEM file in SSL_CERT_FILE; HTTPS_PROXY and the like must be URLs."
    ))
}

/// Serves with these settings until told to end.
///
/// # Errors
/// When the store or the port can't be used, or serving fails.
pub async fn run(settings: Settings) -> io::Result<Ended> {
    let mut connector = Connector::build(&settings)?;
    let signals = Signals::listen()?;
    info!("Listening on {}", connector.address());
    if !settings.in_functions_host {
        connector.handoff().into_iter().for_each(keep_sweeping);
        connector.secondary_bot().into_iter().for_each(keep_sweeping_secondary);
    }
    if let Some(retention) = connector.retention.take() {
        actix_web::rt::spawn(retention.keep_running());
    }
    keep_counting(connector.counters.clone());
    #[cfg(feature = "otlp")]
    let _export = telemetry::otlp::Export::begin(&connector.counters).map_err(|failed| {
        io::Error::other(format!(
            "Metrics and traces can't be exported: {failed}. Check the OTEL_* variables."
        ))
    })?;
    connector.run_until(signals).await
}

/// Goes on at once with what a crash left undone, and then looks each minute. The Functions host calls `sweep` instead, one
/// instance a minute: if each one that starts looked after all that is open, starting many would be what a busy store
/// has least use for.
pub fn keep_sweeping(handoff: Arc<Handoff>) {
    actix_web::rt::spawn(async move {
        loop {
            if let Err(failed) = handoff.sweep().await {
                error!(error = %failed, "The sweep failed; the next one tries again");
            }
            tokio::time::sleep(SWEEP).await;
        }
    });
}

/// Logs what was counted, each minute. The host's timer would not do: it calls one instance of several.
fn keep_counting(counters: Arc<Counters>) {
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(telemetry::EVERY).await;
            counters.log();
        }
    });
}

/// As [`keep_sweeping`], for the sessions of the secondary bot.
pub fn keep_sweeping_secondary(bot: Arc<SecondaryBot>) {
    actix_web::rt::spawn(async move {
        loop {
            if let Err(failed) = bot.sweep().await {
                error!(error = %failed, "The sweep of the secondary bot failed; the next one tries again");
            }
            tokio::time::sleep(SWEEP).await;
        }
    });
}

/// Users' files stand where the journal does: beside the SQLite file, or in its container.
pub(crate) fn uploads(
    settings: &Settings,
    sign_in: &SignIn,
    http: &reqwest::Client,
) -> io::Result<FileStore> {
    match &settings.store {
        StoreSetting::Sqlite(path) => {
            Ok(FileStore::folder(path.with_file_name("files"), settings.files.disk))
        }
        StoreSetting::AppendBlob { url } => {
            let credential = match container::is_signed(url) {
                true => None,
                false => Some(sign_in.credential().map_err(io::Error::other)?),
            };
            let container = container::client(url, credential, azure::transport(http.clone()));
            container.map(FileStore::blobs).map_err(io::Error::other)
        }
    }
}

/// Opens the store that the settings chose. Waits for it, which may take seconds.
///
/// # Errors
/// One sentence that names STORE and says what is wrong.
pub(crate) fn open_store(settings: &Settings, sign_in: &SignIn) -> io::Result<Store<Fact>> {
    match &settings.store {
        StoreSetting::Sqlite(path) => SqliteJournal::open_file(path)
            .map(Store::of)
            .map_err(|failed| io::Error::other(format!("STORE {}: {failed}", path.display()))),
        StoreSetting::AppendBlob { url } => open_container(url, sign_in).map(Store::of).map_err(|what| {
            let mut shown = url.clone();
            shown.set_query(None);
            io::Error::other(format!("STORE {shown}: {what}"))
        }),
    }
}

/// Waits for the container on a thread of its own: the caller's may be running a runtime already.
fn open_container(url: &Url, sign_in: &SignIn) -> Result<AppendBlobJournal, String> {
    let http = far_end::client().map_err(|failed| failed.to_string())?;
    let opening = AppendBlobJournal::open_container(url, || sign_in.credential(), azure::transport(http));
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| actix_web::rt::System::new().block_on(opening));
        opened.join().unwrap_or_else(|_| Err("the container can't be opened.".to_owned()))
    })
}
