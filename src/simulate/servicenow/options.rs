//! How a simulated instance is set up.

use std::time::Duration;

use crate::simulate::observe::Observer;

/// Settings of one simulated instance. The default is open (no credential asked) and answers by webhook.
#[derive(Clone, Debug)]
pub struct ServiceNowOptions {
    /// Loopback port; 0 takes any free one.
    pub port: u16,
    /// Where webhooks go. Unset: nothing is sent, and nothing counts as failed.
    pub response_url: Option<String>,
    /// Sent with each webhook as header `token`.
    pub response_token: Option<String>,
    /// `user:password`, sent with each webhook as Basic.
    pub response_basic: Option<String>,
    /// Platform login: the one Basic pair that is let in; also the user of the OAuth password grant. This and the
    /// three after it hold at the start; `ServiceNow::rotate` changes them later.
    pub basic: Option<(String, String)>,
    pub oauth: Option<OAuthClient>,
    /// Static message authentication. A wrong one gets `success` and then silence.
    pub message_token: Option<String>,
    /// Hash message authentication, the same way.
    pub hash_secret: Option<String>,
    /// The channel's Synchronous box: ServiceNow's own bot answers in the HTTP response.
    pub synchronous: bool,
    /// Whether a new chat finds an agent; `ServiceNow::set_agents_available` changes it later.
    pub agents_available: bool,
    /// An agent of this name accepts every queued chat, repeats what the user says and ends it at "bye".
    pub auto_accept: Option<String>,
    /// How long that agent lets a chat wait.
    pub auto_accept_after: Duration,
    /// The waiting time the user is told, as ServiceNow writes it.
    pub wait_text: String,
    /// How long a webhook may take before the interaction is abandoned.
    pub webhook_timeout: Duration,
    /// How long START_CONVERSATION works before its greeting; an AGENT that comes sooner is ignored.
    pub start_takes: Duration,
    /// Closes the interaction when a webhook is refused or times out, as the real one does.
    pub abandon_on_error: bool,
    /// AGENT ends at the virtual agent ("I didn't understand") instead of in the queue.
    pub agent_falls_back: bool,
    /// Uploads answer `pending` instead of `available`.
    pub media_pending: bool,
    /// How many requests are remembered, oldest dropped first; 0 remembers none.
    pub keep_requests: usize,
    /// How many chats are remembered, ended ones dropped first.
    pub keep_chats: usize,
    /// How many lines, history lines and webhook results of a chat are remembered.
    pub keep_lines: usize,
    /// Sees each call of the platform's.
    pub observer: Option<Observer>,
}

/// The OAuth application that may ask for tokens.
#[derive(Clone, Debug)]
pub struct OAuthClient {
    pub client_id: String,
    pub client_secret: String,
    pub token_lifetime: Duration,
}

/// What an instance lets in at this moment.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub basic: Option<(String, String)>,
    pub oauth: Option<OAuthClient>,
    pub message_token: Option<String>,
    pub hash_secret: Option<String>,
}

impl Accepted {
    pub(super) fn from_options(options: &ServiceNowOptions) -> Self {
        Self {
            basic: options.basic.clone(),
            oauth: options.oauth.clone(),
            message_token: options.message_token.clone(),
            hash_secret: options.hash_secret.clone(),
        }
    }
}

impl Default for ServiceNowOptions {
    fn default() -> Self {
        Self {
            port: 0,
            response_url: None,
            response_token: None,
            response_basic: None,
            basic: None,
            oauth: None,
            message_token: None,
            hash_secret: None,
            synchronous: false,
            agents_available: true,
            auto_accept: None,
            auto_accept_after: Duration::from_millis(300),
            wait_text: "13 Seconds".to_owned(),
            webhook_timeout: Duration::from_secs(5),
            start_takes: Duration::from_millis(250),
            abandon_on_error: true,
            agent_falls_back: false,
            media_pending: false,
            keep_requests: 10_000,
            keep_chats: 2_000,
            keep_lines: 500,
            observer: None,
        }
    }
}
