//! What `handler doctor` asks an instance: the login and the API apart, and nothing that opens a conversation.

use std::time::Duration;

use reqwest::RequestBuilder;
use tokio::time::Instant;

use super::{ServiceNow, oauth::Token};
use crate::far_end::CallError;

/// Whoever asks what is wrong does not wait for long.
const PATIENCE: Duration = Duration::from_secs(9);

/// An OAuth token, or that the login needs none.
pub(crate) struct LoggedIn(Option<Token>);

impl ServiceNow {
    /// The login alone: with OAuth the request for a token; else nothing is asked, for Basic goes with each call.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(crate) async fn log_in(&self) -> Result<LoggedIn, CallError> {
        match &self.shared.oauth {
            Some(oauth) => {
                oauth.token(None, Instant::now() + PATIENCE).await.map(|token| LoggedIn(Some(token)))
            }
            None => Ok(LoggedIn(None)),
        }
    }

    /// An empty request to the VA Bot Integration API. It names no user, and without one there is no
    /// conversation. Not sent yet.
    pub(crate) fn empty_request(&self, login: &LoggedIn) -> RequestBuilder {
        self.call(b"{}", login.0.as_ref())
    }
}
