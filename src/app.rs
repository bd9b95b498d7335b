//! The process that serves: wires store, clients and routes together. The tests start it the same way.

use std::{
    io, net::SocketAddr, num::NonZero, pin::pin, sync::Arc, thread::available_parallelism, time::Duration,
};

use actix_web::{App, dev::Server, web::Data};
use tracing::info;

pub use self::ending::{Ended, Signal, Signals};
use self::{ending::Underway, opening::Opening, queue::Queue, wiring::Wires};
use crate::{
    azure::SignIn,
    config::Settings,
    far_end,
    handoff::Handoff,
    http::{Served, configure},
    ledger::journal::Store,
    operator::retention::Retention,
    secondary_bot::SecondaryBot,
    session::Fact,
    storage,
    telemetry::Counters,
};

mod connections;
mod ending;
mod heads;
mod listening;
mod opening;
mod queue;
mod refusals;
mod timetable;
mod wiring;

/// A connector that listens.
pub struct Connector {
    server: Server,
    address: SocketAddr,
    queue: Queue,
    served: Data<Served>,
    counters: Arc<Counters>,
    underway: Underway,
    opening: Opening,
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
        let counters = Arc::new(Counters::default());
        let (opening, store) = Opening::new(settings);
        let sign_in = SignIn::new(settings.azure_client_id.as_deref());
        let kept = |store| Ok::<_, io::Error>((store, storage::uploads(settings, &sign_in, &http)?));
        let store = store.map(kept).transpose()?;
        let chats = store.as_ref().map(|(store, _)| store.realm());
        let retention = store
            .as_ref()
            .and_then(|(store, kept)| Retention::new(store, kept.clone(), settings.retention_days));
        let connections = connections::at_most();
        let served = Data::new(wiring::served(settings, store, &http, &counters, connections));
        let workers = available_parallelism().map_or(2, NonZero::get);
        let wires = Wires::new(settings, http, counters.clone(), workers);
        let underway = Underway::default();
        let (given, requests) = (served.clone(), underway.clone());
        let app = move || {
            let (pipe, relay) = wires.of_a_worker();
            let requests = requests.worker();
            App::new()
                .configure(more.clone())
                .configure(configure(given.clone(), pipe, relay))
                .wrap_fn(move |request, service| ending::counted(&requests, request, service))
        };
        let (server, address, queue) =
            listening::listen(settings.listen, workers, connections, served.ending.clone(), app)
                .map_err(|failed| no_address(failed, settings))?;
        Ok(Self { server, address, queue, served, counters, underway, opening, chats, retention })
    }

    /// Where it listens; the port that the system chose when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The live-agent role, for tests that drive time by hand.
    pub fn handoff(&self) -> Option<Arc<Handoff>> {
        self.served.handoff.clone()
    }

    /// The secondary-bot role, likewise.
    pub fn secondary_bot(&self) -> Option<Arc<SecondaryBot>> {
        self.served.secondary_bot.as_ref().map(|secondary| secondary.bot.clone())
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
        let Self { server, queue, underway, opening, served, chats, .. } = self;
        let handle = server.handle();
        let mut serving = pin!(server);
        let signal = tokio::select! {
            // Serving begins first.
            biased;
            served = &mut serving => return served.map(|()| Ended::ByItself),
            failed = opening.failed() => return Err(failed),
            signal = signals.told() => signal?,
        };
        served.end();
        // Takes no new connection; callers that keep one open, asking nothing, are not waited for.
        let turned_away = async {
            handle.pause().await;
            queue.turn_away().await;
        };
        let over = async {
            tokio::select! {
                () = underway.over(|| served.calls_under_way()) => Ok(()),
                again = signals.told() => again.map(drop),
            }
        };
        // The server is not stopped before: its workers take along what goes on in them, calls too.
        tokio::select! {
            stopped = &mut serving => stopped?,
            (over, ()) = futures_util::future::join(over, turned_away) => over?,
        }
        let _ = futures_util::future::join(handle.stop(false), &mut serving).await;
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

/// Says which option of the command line chooses another port, when this one can't be had. Any other failure stays what it is.
#[cfg(feature = "simulate")]
pub(crate) fn no_port(failed: io::Error, port: u16, option: &str) -> io::Error {
    if port == 0 || !matches!(failed.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) {
        return failed;
    }
    let what = format!("port {port} of 127.0.0.1 can't be listened on: {failed}");
    let way_out = format!("choose another with `{option} PORT`, or `{option} 0` for any free one");
    io::Error::new(failed.kind(), format!("{what}; {way_out}"))
}

fn no_client(failed: far_end::NoClient) -> io::Error {
    io::Error::other(format!("No HTTPS client can be made: {failed}. {}", failed.way_out()))
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
        timetable::keep_sweeping(connector.served.clone());
    }
    if let Some(retention) = connector.retention.take() {
        actix_web::rt::spawn(retention.keep_running());
    }
    timetable::keep_counting(connector.counters.clone());
    #[cfg(feature = "otlp")]
    let _export = crate::telemetry::otlp::Export::begin(&connector.counters).map_err(|failed| {
        io::Error::other(format!(
            "Metrics and traces can't be exported: {failed}. Check the OTEL_* variables."
        ))
    })?;
    connector.run_until(signals).await
}
