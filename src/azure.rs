//! What the official Azure crates need from us: who we are, and the HTTP client they send with.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{
    Error,
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::{ClientOptions, ExponentialRetryOptions, RetryOptions, StatusCode, Transport},
};
use azure_identity::{
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use tracing::debug;

use crate::{
    config::{Place, Platform},
    far_end,
};

/// The emulator, for the tests of whatever is stored in a container.
#[cfg(test)]
#[path = "../tests/it/azurite/server.rs"]
pub(crate) mod azurite;
pub mod container;
pub mod fault;
pub mod patience;

/// How long a token may take, its retries included. The tools for developers take seconds to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// The app's managed identity where Azure offers one (`IDENTITY_ENDPOINT`), with `client_id` a user-assigned one;
/// elsewhere the developer's own login (`az login`, `azd auth login`).
///
/// It caches tokens and renews them 5 minutes before their end. A token that can't be had is an error that
/// [`identity_error`] finds, after 10 seconds at most.
///
/// # Errors
/// When the environment describes an identity that can't be used; [`identity_error`] says why.
pub fn credential(client_id: Option<&str>) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let var = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let platform = Place::seen(var).platform;
    let source = Source::choose(platform, client_id.is_some(), |name| var(name).is_some())
        .map_err(|error| Error::new(ErrorKind::Credential, error))?;
    let inner: Arc<dyn TokenCredential> = match source {
        Source::Developer => DeveloperToolsCredential::new(None)?,
        Source::SystemAssigned | Source::UserAssigned => managed_identity(client_id)?,
    };
    Ok(Arc::new(Identity { source, inner }))
}

/// Signs the app in when something first asks for that, once for all who do.
pub struct SignIn {
    client_id: Option<String>,
    made: OnceLock<Arc<dyn TokenCredential>>,
}

impl SignIn {
    /// By the rules of [`credential`].
    pub fn new(client_id: Option<&str>) -> Self {
        Self { client_id: client_id.map(str::to_owned), made: OnceLock::new() }
    }

    /// The one credential, and its one cache of tokens.
    ///
    /// # Errors
    /// Those of [`credential`].
    pub fn credential(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        if let Some(made) = self.made.get() {
            return Ok(made.clone());
        }
        let made = credential(self.client_id.as_deref())?;
        Ok(self.made.get_or_init(|| made).clone())
    }
}

fn managed_identity(client_id: Option<&str>) -> azure_core::Result<Arc<ManagedIdentityCredential>> {
    let http = far_end::client().map_err(|error| Error::new(ErrorKind::Other, error))?;
    let retry = ExponentialRetryOptions { max_retries: 4, ..Default::default() };
    ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options: ClientOptions {
            transport: Some(transport(http)),
            retry: RetryOptions::exponential(retry),
            ..Default::default()
        },
    }))
}

/// Sends what an Azure client has to say over `http`.
pub fn transport(http: reqwest::Client) -> Transport {
    Transport::new(Arc::new(http))
}

/// Why there is no token: what is wrong and what to do, to follow a colon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdentityError(String);

/// Finds out whether a call failed for want of a token, however deep the crates have wrapped that.
pub fn identity_error(error: &Error) -> Option<&IdentityError> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Where tokens come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    SystemAssigned,
    UserAssigned,
    Developer,
}

impl Source {
    fn choose(
        platform: Platform,
        user_assigned: bool,
        is_set: impl Fn(&str) -> bool,
    ) -> Result<Self, IdentityError> {
        match (is_set("IDENTITY_ENDPOINT"), is_set("IDENTITY_HEADER")) {
            (true, true) if user_assigned => Ok(Self::UserAssigned),
            (true, true) => Ok(Self::SystemAssigned),
            (true, false) => Err(IdentityError(
                "IDENTITY_ENDPOINT is set without IDENTITY_HEADER; Azure sets both, so leave them out of the \
                 settings"
                    .to_owned(),
            )),
            (false, _) if platform.is_azure() => Err(IdentityError(NO_IDENTITY.to_owned())),
            (false, _) if platform == Platform::Kubernetes => Err(IdentityError(NO_POD_IDENTITY.to_owned())),
            (false, _) => Ok(Self::Developer),
        }
    }

    /// `None`: it took too long.
    fn explain(self, error: Option<&Error>) -> IdentityError {
        let what = match self {
            Self::Developer => return IdentityError(developer(error).to_owned()),
            Self::SystemAssigned | Self::UserAssigned => error.map(reason),
        };
        let seconds = PATIENCE.as_secs();
        IdentityError(match what {
            None => format!("the app's identity endpoint did not answer within {seconds} s; restart the app"),
            Some(Reason::Status(StatusCode::BadRequest)) if self == Self::UserAssigned => {
                "the identity that AZURE_CLIENT_ID names is not assigned to the app; assign it, or correct \
                 AZURE_CLIENT_ID"
                    .to_owned()
            }
            Some(Reason::Status(StatusCode::BadRequest)) => NO_IDENTITY.to_owned(),
            Some(Reason::Status(StatusCode::Unauthorized | StatusCode::Forbidden)) => {
                "the app's identity endpoint refused IDENTITY_HEADER; restart the app".to_owned()
            }
            Some(Reason::Status(status)) => {
                format!("the app's identity endpoint failed with status {status}; restart the app")
            }
            Some(Reason::Unreachable) => {
                "the app's identity endpoint can't be reached; restart the app".to_owned()
            }
            Some(Reason::NoToken) => "what the app's identity endpoint answered is no token; \
                                      check that nothing but Azure sets IDENTITY_ENDPOINT"
                .to_owned(),
        })
    }
}

const NO_IDENTITY: &str = "the app has no system-assigned identity; turn it on, or assign an identity and name it by \
                           AZURE_CLIENT_ID";

const NO_POD_IDENTITY: &str = "a pod's identity is not used; give STORE a SAS, and mount secrets as variables instead of `keyvault:` values";

fn developer(error: Option<&Error>) -> &'static str {
    match error {
        None => "neither `az` nor `azd` gave a token within 10 s; run `az login` and try again",
        Some(_) => "neither `az` nor `azd` gave a token; install the Azure CLI and run `az login`",
    }
}

enum Reason {
    Status(StatusCode),
    Unreachable,
    NoToken,
}

/// The innermost error of the crates' says most.
fn reason(error: &Error) -> Reason {
    let inner = error.downcast_ref::<Error>();
    match inner.map(reason) {
        Some(found @ (Reason::Status(_) | Reason::Unreachable)) => return found,
        Some(Reason::NoToken) | None => {}
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, .. } => Reason::Status(*status),
        ErrorKind::Io | ErrorKind::Connection => Reason::Unreachable,
        _ => Reason::NoToken,
    }
}

/// A source of tokens whose errors say what to do.
#[derive(Debug)]
struct Identity {
    source: Source,
    inner: Arc<dyn TokenCredential>,
}

#[async_trait]
impl TokenCredential for Identity {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let outcome = tokio::time::timeout(PATIENCE, self.inner.get_token(scopes, options)).await;
        let explained = match outcome {
            Ok(Ok(token)) => return Ok(token),
            Ok(Err(error)) => {
                debug!(%error, "There is no token");
                self.source.explain(Some(&error))
            }
            Err(_) => self.source.explain(None),
        };
        Err(Error::new(ErrorKind::Credential, explained))
    }
}

#[cfg(test)]
mod tests;
