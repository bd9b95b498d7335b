//! Settings, read once at the edge; the code below gets structs. Names and defaults: docs/settings.md.

mod agents;
mod catalogue;
mod direct_line;
mod fault;
mod file;
mod keyvault;
mod log;
mod platform;
mod reader;
mod roles;
mod secondary_bot;
mod servicenow;
mod sources;
mod spelling;
mod surface;
#[cfg(test)]
mod tests;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use url::Url;

use self::reader::Reader;
pub use self::{
    catalogue::{SETTINGS, Setting},
    direct_line::DirectLineSettings,
    fault::{SettingErrors, SettingFault},
    keyvault::{Reference, Secrets, WITH_ENTRIES, entry},
    platform::{Place, Platform, SIGNS},
    roles::{Caution, Role},
    secondary_bot::{SecondaryBotSettings, SecondaryResponse},
    servicenow::{ServiceNowLogin, ServiceNowSettings},
    sources::Sources,
    spelling::{Misspelt, misspelt},
    surface::HOST_PORT,
};
use crate::{credential::Credential, session::Opening, translate::texts::Texts};

/// Everything the program can be told. Its `Debug` shows no secret and no URL's query.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    /// Set by the Functions host; decides that no `sweep` runs by itself.
    pub in_functions_host: bool,
    pub place: Place,
    pub log: String,
    pub store: StoreSetting,
    /// Client id of the user-assigned identity; `None`: the app's own, locally the developer's login.
    pub azure_client_id: Option<String>,
    pub public_url: Option<Url>,
    pub allowed_origins: AllowedOrigins,
    pub long_poll: Duration,
    /// Whether clients are offered a web socket; the Functions host carries none.
    pub web_socket: bool,
    /// Days after which what has ended is deleted; 0 keeps it.
    pub retention_days: u32,
    pub direct_line: DirectLineSettings,
    /// `None`: the live-agent role is off.
    pub servicenow: Option<ServiceNowSettings>,
    pub handoff: HandoffSettings,
    pub responses: InboundCredential,
    pub files: FileSettings,
    pub relay: RelaySettings,
    /// `None`: the secondary-bot role is off.
    pub secondary_bot: Option<SecondaryBotSettings>,
    /// Secrets in quotes, by their settings.
    pub quoted: Vec<&'static str>,
}

impl Settings {
    /// Reads every setting through `var`, where empty means unset. Those that stand in a Key Vault are faults here:
    /// `vault::settings` reads them as well.
    ///
    /// # Errors
    ///
    /// All wrong settings at once, each as a sentence that says what to do.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, SettingErrors> {
        Self::with_secrets(var, Secrets::new())
    }

    /// As [`from_env`](Self::from_env), with what was found in Key Vaults.
    ///
    /// # Errors
    ///
    /// As there; what was not found in its vault is among them.
    pub fn with_secrets(
        var: impl Fn(&str) -> Option<String>,
        secrets: Secrets,
    ) -> Result<Self, SettingErrors> {
        let (settings, faults) = Self::read(var, secrets);
        SettingErrors::or(settings, faults)
    }

    /// As far as they are right: a wrong setting is read as unset. Beside them everything that is wrong, in the
    /// order of the settings table.
    pub fn read(var: impl Fn(&str) -> Option<String>, secrets: Secrets) -> (Self, Vec<SettingFault>) {
        let mut reader = Reader::new(var, secrets);
        let (listen, in_functions_host) = surface::listen(&mut reader);
        let settings = Self {
            listen,
            in_functions_host,
            place: reader.place(),
            log: log::log(&mut reader),
            store: surface::store(&mut reader),
            azure_client_id: surface::azure_client_id(&mut reader),
            public_url: reader.root("PUBLIC_URL"),
            allowed_origins: surface::allowed_origins(&mut reader),
            retention_days: u32::try_from(reader.number("RETENTION_DAYS", 0..=3_650, "days")).unwrap_or(30),
            // DirectLineJS gives up on a poll after 20 s, and on all polls with it.
            long_poll: reader.milliseconds("LONG_POLL", 0..=15_000),
            web_socket: reader.choice("WEB_SOCKET", &[("auto", true), ("off", false)]) && !in_functions_host,
            direct_line: direct_line::direct_line(&mut reader),
            servicenow: servicenow::servicenow(&mut reader),
            handoff: servicenow::handoff(&mut reader),
            responses: servicenow::responses(&mut reader),
            files: surface::files(&mut reader),
            relay: surface::relay(&mut reader),
            secondary_bot: secondary_bot::secondary_bot(&mut reader),
            quoted: reader.quoted(),
        };
        surface::note_lost_store(&mut reader, &settings);
        (settings, reader.into_faults())
    }

    /// Whether log lines are JSON: where something collects them.
    pub fn logs_json(&self) -> bool {
        self.in_functions_host || self.place.platform.collects_logs()
    }

    /// Whether anything is called over TLS that the settings name.
    pub fn needs_certificates(&self) -> bool {
        let direct_line = self.direct_line.url.as_ref();
        let store = match &self.store {
            StoreSetting::Sqlite(_) => None,
            StoreSetting::AppendBlob { url } => Some(url),
        };
        let servicenow = self.servicenow.as_ref().map(|far| &far.url);
        let response = self.secondary_bot.as_ref().and_then(|bot| bot.response.as_ref()).map(|to| &to.url);
        let others = [self.direct_line.token_endpoint.as_ref(), servicenow, response, store];
        // Direct Line's own address is one of the web.
        direct_line.is_none_or(is_https) || others.into_iter().flatten().any(is_https)
    }

    /// Whether a role is on that keeps journals; the relay keeps nothing.
    pub fn needs_store(&self) -> bool {
        self.servicenow.is_some() || self.secondary_bot.is_some()
    }
}

fn is_https(url: &Url) -> bool {
    url.scheme() == "https"
}

#[derive(Clone, PartialEq, Eq)]
pub enum StoreSetting {
    Sqlite(PathBuf),
    /// A blob container; its query, when there is one, is a SAS and so a secret.
    AppendBlob {
        url: Url,
    },
}

impl fmt::Debug for StoreSetting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => out.debug_tuple("Sqlite").field(path).finish(),
            Self::AppendBlob { url } => out.debug_struct("AppendBlob").field("url", &Shown(url)).finish(),
        }
    }
}

/// A URL without its query, which may hold a key.
struct Shown<'a>(&'a Url);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.0.query().is_some() { "?…" } else { "" };
        write!(out, "{}{}{query}", self.0.origin().ascii_serialization(), self.0.path())
    }
}

/// Which browser origins may call the Direct Line surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    None,
    Any,
    /// Compared exactly, scheme and port included.
    List(Vec<String>),
}

#[derive(Clone, Debug)]
pub struct HandoffSettings {
    pub events: Vec<String>,
    pub start: Opening,
    /// ServiceNow context variable -> template over the agent's variables.
    pub context: Vec<(String, String)>,
    pub email_variable: Option<String>,
    pub timeout: Duration,
    pub after_chat: AfterChat,
    /// Our words, in the languages there are.
    pub texts: Texts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterChat {
    Bot,
    End,
}

/// What a caller of ours must present; closed when nothing is set, any one is enough when several are.
#[derive(Clone, Debug, Default)]
pub struct InboundCredential {
    pub token: Option<Credential>,
    /// `user:password`.
    pub basic: Option<Credential>,
}

impl InboundCredential {
    pub fn credentials(&self) -> impl Iterator<Item = &Credential> + Clone {
        self.token.iter().chain(&self.basic)
    }
}

#[derive(Clone, Debug)]
pub struct FileSettings {
    pub by_link: bool,
    pub link_ttl: Duration,
    /// Bytes.
    pub max_upload: u64,
    pub disk: Disk,
}

/// Who says how full the disk of users' files is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disk {
    /// The system.
    #[default]
    Asked,
    /// Nobody: there is always room. For tests, which are not about the machine they run on.
    Roomy,
}

#[derive(Clone, Debug)]
pub struct RelaySettings {
    pub max_wait: Duration,
    pub quiet: Duration,
    pub access: RelayAccess,
}

/// Who may use the relay.
#[derive(Clone, Debug)]
pub enum RelayAccess {
    /// Nobody: neither `RELAY_KEY` nor `RELAY=open` is set.
    Closed,
    /// Whoever brings a Direct Line secret.
    Open,
    /// Whoever has the key; they may send a name for the Direct Line secret.
    Key { key: Credential, secrets: Vec<(String, Credential)> },
}
