//! A simulated Copilot Studio agent behind a simulated Direct Line 3.0, as an HTTP server of its own.
//!
//! It answers as the documented service does, oddities included: a POST waits for the bot's turn, the
//! user's echo stands behind the answers to it, diagnostics are mixed in, and a 502 doesn't mean that
//! nothing happened. Typing and answers that come token by token go over the web socket only, of which a conversation has one.

use std::{net::Ipv4Addr, sync::Arc, sync::OnceLock, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    middleware::from_fn,
    rt::System,
    web::{Data, PayloadConfig},
};
use serde_json::Value;
use tokio::sync::oneshot;

use self::studio::Studio;
use super::{
    faults::{self, Faults},
    observe::{self, Observer},
};

mod agent;
mod conversation;
mod refusal;
mod routes;
mod sign_in;
mod stream;
mod studio;
mod tokens;
mod upload;

#[cfg(test)]
mod tests;

/// The largest upload taken, in bytes.
const LARGEST_BODY: usize = 128 * 1024 * 1024;

/// How a simulated service is set up.
#[derive(Clone)]
pub struct CopilotOptions {
    /// 0: any free one.
    pub port: u16,
    pub secret: String,
    /// Counted in whole seconds.
    pub token_lifetime: Duration,
    /// A token is good until it is called in, whatever its end.
    pub tokens_outlive_their_end: bool,
    /// How long a `streamUrl` is good to connect with, in whole seconds.
    pub stream_lifetime: Duration,
    /// A turn that takes longer is answered 502, and goes on.
    pub bot_time_limit: Duration,
    pub bot_id: String,
    pub bot_name: String,
    /// The agent's name in the token endpoint's path.
    pub schema: String,
    /// Activities an answer to GET holds at most.
    pub page_limit: Option<usize>,
    /// Sees each call.
    pub observer: Option<Observer>,
    /// Senders are shown with the role they say they have, not as users.
    pub believes_roles: bool,
    /// How far its clock is ahead of the machine's.
    pub clock_ahead: Duration,
}

impl Default for CopilotOptions {
    fn default() -> Self {
        Self {
            port: 0,
            secret: "simulated-direct-line-secret".to_owned(),
            token_lifetime: Duration::from_secs(3600),
            tokens_outlive_their_end: false,
            stream_lifetime: Duration::from_secs(60),
            bot_time_limit: Duration::from_secs(15),
            bot_id: "6f1f5c1e-8a53-4c1e-b7a4-0c6f3a2d9e10".to_owned(),
            bot_name: "Service Guide".to_owned(),
            schema: "cr001_guide".to_owned(),
            page_limit: None,
            observer: None,
            believes_roles: false,
            clock_ahead: Duration::ZERO,
        }
    }
}

/// A running service. A clone is another handle on the same one; it runs until one of them stops it.
#[derive(Clone)]
pub struct CopilotStudio {
    studio: Arc<Studio>,
    server: ServerHandle,
}

/// Starts a service on a loopback port, on a thread of its own: the caller needs no actix runtime.
pub async fn start(options: CopilotOptions) -> std::io::Result<CopilotStudio> {
    let (started, waiting) = oneshot::channel();
    let serve = move || System::new().block_on(serve(options, started));
    std::thread::Builder::new().name("copilot-studio".to_owned()).spawn(serve)?;
    waiting.await.map_err(std::io::Error::other)?
}

impl CopilotStudio {
    /// `http://127.0.0.1:PORT/`
    pub fn url(&self) -> &str {
        &self.studio.url
    }

    /// As Copilot Studio shows it under Channels.
    pub fn token_endpoint(&self) -> String {
        let (root, schema) = (self.url(), &self.studio.options.schema);
        format!(
            "{root}powervirtualagents/botsbyschema/{schema}/directline/token?api-version=2022-03-01-preview"
        )
    }

    pub fn secret(&self) -> &str {
        &self.studio.options.secret
    }

    pub fn faults(&self) -> &Faults {
        &self.studio.faults
    }

    /// Ids of all started conversations, oldest first.
    pub fn conversations(&self) -> Vec<String> {
        self.studio.conversations()
    }

    /// Every activity the bot was given, in order, typing included; empty for an unknown conversation.
    pub fn said_to_bot(&self, conversation: &str) -> Vec<Value> {
        self.studio.find(conversation).map(|found| found.received()).unwrap_or_default()
    }

    /// Lets the bot say something unasked; answers the activity's id, or `None` for an unknown conversation.
    pub fn bot_says(&self, conversation: &str, activity: Value) -> Option<String> {
        let says = agent::Says::Activity(activity);
        self.studio.find(conversation).map(|found| found.say(&says, None))
    }

    /// Closes the sockets of all conversations; how many there were.
    pub fn drop_sockets(&self) -> usize {
        self.studio.drop_sockets()
    }

    /// From now on the conversation's socket says nothing and answers nothing, and stays open; the next one is as usual.
    pub fn silence_socket(&self, conversation: &str) {
        self.studio.silence_socket(conversation);
    }

    /// Of the next frame on the conversation's socket only the beginning comes.
    pub fn garble_frame(&self, conversation: &str) {
        self.studio.garble_frame(conversation);
    }

    /// Sockets that are open.
    pub fn open_sockets(&self) -> usize {
        self.studio.open_sockets()
    }

    /// A token for a conversation that is good for so many seconds.
    pub fn short_token(&self, conversation: &str, seconds: u64) -> String {
        self.studio.token_for(conversation, None, seconds)
    }

    /// From now on, every token given so far for this conversation is expired.
    pub fn expire_tokens(&self, conversation: &str) {
        self.studio.expire_tokens(conversation);
    }

    /// From now on, this token and those given before it for its conversation are expired.
    pub fn expire_token(&self, token: &str) {
        self.studio.expire_token(token);
    }

    /// Loses a conversation, as Direct Line does after a day: 404 from now on.
    pub fn forget(&self, conversation: &str) {
        self.studio.forget(conversation);
    }

    /// Ends the service; open connections are closed.
    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

async fn serve(options: CopilotOptions, started: oneshot::Sender<std::io::Result<CopilotStudio>>) {
    match launch(options) {
        Ok((handle, server)) => {
            if started.send(Ok(handle)).is_ok()
                && let Err(error) = server.await
            {
                tracing::error!(%error, "The simulated Copilot Studio ended");
            }
        }
        Err(error) => drop(started.send(Err(error))),
    }
}

/// Binds first: the service must know its own address before it can answer.
fn launch(options: CopilotOptions) -> std::io::Result<(CopilotStudio, actix_web::dev::Server)> {
    let port = options.port;
    let observer = options.observer.clone().map(Data::new);
    let slot = Arc::new(OnceLock::<Data<Studio>>::new());
    let for_worker = Arc::clone(&slot);
    let server = HttpServer::new(move || {
        let studio = for_worker.get().expect("the slot is filled before the server runs");
        App::new()
            .app_data(studio.clone())
            .app_data(Data::new(studio.faults.clone()))
            .app_data(PayloadConfig::new(LARGEST_BODY))
            .configure(|config| {
                if let Some(observer) = &observer {
                    config.app_data(observer.clone());
                }
            })
            .wrap(from_fn(faults::http::edge))
            .wrap(from_fn(observe::edge))
            .configure(faults::http::configure)
            .configure(routes::configure)
    });
    let server = server.workers(1).keep_alive(Duration::from_secs(75)).disable_signals();
    // On a busy machine a connector's head takes its time.
    let server = server.client_request_timeout(Duration::from_secs(60));
    let server = server.bind((Ipv4Addr::LOCALHOST, port))?;
    let port = server.addrs().first().map_or(port, |address| address.port());
    let url = format!("http://127.0.0.1:{port}/");
    let studio = Arc::new(Studio::new(options, url, Faults::default())?);
    slot.get_or_init(|| Data::from(Arc::clone(&studio)));
    let server = server.run();
    let handle = CopilotStudio { studio, server: server.handle() };
    Ok((handle, server))
}
