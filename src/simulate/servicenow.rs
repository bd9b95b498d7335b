//! A simulated ServiceNow instance: the VA Bot Integration endpoint, its webhooks, live agents and files.
//!
//! It behaves as the documentation and field reports say the real one does, the unpleasant parts included:
//! a wrong message token is answered with success and silence, nothing is recognised as a duplicate,
//! and a webhook that is refused ends the chat.

mod actions;
mod agent;
mod book;
mod chat;
mod control;
mod desk;
mod faults;
mod fetch;
mod ids;
mod instance;
mod items;
mod login;
mod media;
mod options;
mod pictures;
mod request;
mod routes;
pub mod samples;
#[cfg(test)]
mod tests;
mod view;
mod virtual_agent;
mod webhook;

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    thread,
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, middleware::from_fn, rt, web};
use serde_json::Value;
use tokio::{sync::oneshot, time};

use self::instance::Instance;
pub use self::{
    desk::{LANGUAGE, page as desk_page},
    faults::{Effect, Fault, FaultPlan, Faults, WebhookFaults},
    media::Upload,
    options::{Accepted, OAuthClient, ServiceNowOptions},
    view::{ChatView, Delivery, Fetched, FileView, Line, Mark, Recorded, Speaker, Standing, WebhookResult},
};
use super::observe;

/// Longer than clients keep an idle connection, so that they never meet one that is just being closed.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// A running instance. It stops when the last clone is dropped.
#[derive(Clone)]
pub struct ServiceNow {
    instance: Arc<Instance>,
    server: Arc<Server>,
}

struct Server(ServerHandle);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stop(false));
    }
}

/// Starts an instance on a thread of its own, so that it runs beside any runtime.
pub async fn start(options: ServiceNowOptions) -> io::Result<ServiceNow> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
    let (started, ready) = oneshot::channel();
    thread::Builder::new().name("simulated-servicenow".to_owned()).spawn(move || {
        rt::System::new().block_on(run(options, listener, started));
    })?;
    ready.await.map_err(io::Error::other)?
}

async fn run(
    options: ServiceNowOptions,
    listener: TcpListener,
    started: oneshot::Sender<io::Result<ServiceNow>>,
) {
    let (server, handle) = match build(options, listener) {
        Ok(built) => built,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let _ = started.send(Ok(handle));
    if let Err(error) = server.await {
        tracing::error!(%error, "The simulated ServiceNow stopped");
    }
}

fn build(
    options: ServiceNowOptions,
    listener: TcpListener,
) -> io::Result<(actix_web::dev::Server, ServiceNow)> {
    let url = format!("http://{}", listener.local_addr()?);
    let instance = Arc::new(Instance::new(options, url).map_err(io::Error::other)?);
    let shared = web::Data::from(Arc::clone(&instance));
    let observer = instance.options.observer.clone().map(web::Data::new);
    let app = move || {
        App::new()
            .app_data(shared.clone())
            .configure(|config| {
                if let Some(observer) = &observer {
                    config.app_data(observer.clone());
                }
            })
            .wrap(from_fn(observe::edge))
            .configure(routes::configure)
    };
    let server = HttpServer::new(app).workers(1).disable_signals().keep_alive(KEEP_ALIVE);
    // On a busy machine a connector's head takes its time.
    let server = server.client_request_timeout(Duration::from_secs(60)).listen(listener)?.run();
    let handle = ServiceNow { instance, server: Arc::new(Server(server.handle())) };
    Ok((server, handle))
}

impl ServiceNow {
    /// The instance's root, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.instance.url
    }

    pub fn set_response_url(&self, url: impl Into<String>) {
        self.instance.set_response_url(url.into());
    }

    pub fn set_agents_available(&self, available: bool) {
        self.instance.set_agents_available(available);
    }

    pub fn agents_available(&self) -> bool {
        self.instance.agents_available()
    }

    /// Changes which credentials are let in from here on.
    pub fn rotate(&self, change: impl FnOnce(&mut Accepted)) {
        self.instance.rotate(change);
    }

    /// Access tokens given out so far are good no more.
    pub fn revoke_tokens(&self) {
        self.instance.tokens.revoke_all();
    }

    pub fn faults(&self) -> &Faults {
        &self.instance.faults
    }

    /// The calls that were processed, in order; at most as many as the options say.
    pub fn requests(&self) -> Vec<Recorded> {
        self.instance.book().requests().cloned().collect()
    }

    /// The processed calls of one `clientSessionId`.
    pub fn requests_of(&self, session: &str) -> Vec<Recorded> {
        self.instance.book().requests().filter(|request| request.session == session).cloned().collect()
    }

    /// The calls that got `success` and were ignored, because they came while the bot was busy.
    pub fn ignored(&self) -> Vec<Recorded> {
        self.instance.book().ignored().cloned().collect()
    }

    /// Every chat, in the order they were opened.
    pub fn chats(&self) -> Vec<ChatView> {
        self.instance.book().views()
    }

    pub fn chat(&self, session: &str) -> Option<ChatView> {
        self.instance.book().chat(session).map(|chat| chat.view())
    }

    /// What came over the media upload endpoint.
    pub fn uploads(&self) -> Vec<Upload> {
        self.instance.media.uploads()
    }

    /// Puts a file where agents' files are; gives back its id, for
    /// `/api/now/v1/cs/media/{id}` and `/sys_attachment.do?sys_id={id}`.
    pub fn add_media(&self, name: &str, media_type: &str, bytes: impl Into<Vec<u8>>) -> String {
        self.instance.media.add(name, media_type, bytes.into())
    }

    /// The same with a file of any size that takes no room; its bytes count up from zero, over and over.
    pub fn add_made_media(&self, name: &str, media_type: &str, bytes: u64) -> String {
        self.instance.media.add_made(name, media_type, bytes)
    }

    /// Waits until something is true. `false`: it wasn't in time.
    pub async fn wait_for(&self, within: Duration, happened: impl Fn(&Self) -> bool) -> bool {
        let mut changes = self.instance.changes();
        let until = async {
            while !happened(self) {
                if changes.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        time::timeout(within, until).await.unwrap_or(false)
    }

    /// Lets an agent take the chat. This and the next ones return once the webhook is through.
    pub async fn accept(&self, session: &str, agent: &str) -> WebhookResult {
        self.instance.accept(session, agent).await
    }

    /// Says something as the chat's agent, with a new `messageId`.
    pub async fn say(&self, session: &str, text: &str) -> WebhookResult {
        self.say_with_id(session, text, &ids::sys_id()).await
    }

    pub async fn say_with_id(&self, session: &str, text: &str, message_id: &str) -> WebhookResult {
        self.instance.say(session, text, message_id).await
    }

    /// Shows the agent typing, or no more. Only a chat with an agent sends it.
    pub async fn typing(&self, session: &str, on: bool) -> WebhookResult {
        self.instance.typing(session, on).await
    }

    /// The agent closes the chat.
    pub async fn end(&self, session: &str) -> WebhookResult {
        self.instance.end(session).await
    }

    /// A line of the system's own.
    pub async fn system(&self, session: &str, text: &str) -> WebhookResult {
        self.instance.system(session, text).await
    }

    /// Sends a webhook body exactly as it is; the session need not exist.
    pub async fn send_raw(&self, session: &str, body: Value) -> WebhookResult {
        self.instance.send_raw(session, body).await
    }

    /// Sends a body whose missing parts (ids, user, echo) are filled in for the chat.
    pub async fn send(&self, session: &str, body: Value) -> WebhookResult {
        self.instance.send(session, body).await
    }

    /// Sends a sample by name. `None`: there is no such sample.
    pub async fn send_sample(&self, session: &str, name: &str) -> Option<WebhookResult> {
        desk::send_sample(&self.instance, session, name).await
    }

    /// Forgets chats, requests and faults.
    pub fn reset(&self) {
        self.instance.reset();
    }

    /// Stops serving; connections are cut.
    pub async fn stop(self) {
        self.server.0.stop(false).await;
    }
}
