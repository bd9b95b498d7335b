//! Why a call to the blob service failed, in terms of what to do next.
//!
//! The service's own errors go no further than this: they hold the URL, and with it a SAS.

use std::{error::Error as _, time::Duration};

use azure_core::error::ErrorKind;

use super::identity_error;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A write may have arrived.
    #[error("the blob service gave no answer: {0}")]
    NoAnswer(String),
    #[error("the blob service gave no answer within {0:?}")]
    TooSlow(Duration),
    #[error("the blob service refused with status {status} {code}{}", advice(code))]
    Refused { status: u16, code: String },
    /// No token could be had.
    #[error("the app could not sign in to the blob service: {0}")]
    Login(String),
    #[error("its answer broke off")]
    BrokenOff,
    #[error("{0}")]
    Damaged(&'static str),
}

/// What an Azure client's error comes to.
impl From<azure_core::Error> for Fault {
    fn from(error: azure_core::Error) -> Self {
        let error = &error;
        if let Some(identity) = identity_error(error) {
            return Self::Login(identity.to_string());
        }
        match error.kind() {
            ErrorKind::HttpResponse { status, error_code, .. } => Self::Refused {
                status: u16::from(*status),
                code: error_code.clone().filter(|code| is_code(code)).unwrap_or_default(),
            },
            ErrorKind::Credential => Self::Login("there is no token".to_owned()),
            ErrorKind::Connection => Self::NoAnswer(format!("no connection: {}", innermost(error))),
            ErrorKind::Io => Self::NoAnswer(innermost(error)),
            _ => Self::NoAnswer("its answer can't be read".to_owned()),
        }
    }
}

impl Fault {
    /// Whether the same call may fare better a moment later.
    pub fn passes(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::TooSlow(_) | Self::BrokenOff | Self::Login(_) => true,
            Self::Refused { status: 409, code } => !is_final(code),
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500..=599),
            Self::Damaged(_) => false,
        }
    }

    /// Whether the service is there and has no time.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::TooSlow(_) | Self::Refused { status: 408 | 429 | 500..=599, .. })
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }
}

/// Conflicts that time does not heal.
fn is_final(code: &str) -> bool {
    matches!(
        code,
        "BlockCountExceedsLimit"
            | "InvalidBlobType"
            | "BlobImmutableDueToPolicy"
            | "BlobAlreadyExists"
            | "BlobArchived"
            | "ContainerAlreadyExists"
            | "PublicAccessNotPermitted"
    )
}

fn advice(code: &str) -> &'static str {
    match code {
        "BlockCountExceedsLimit" => {
            ": the conversation has 50,000 entries and takes no more; start a new one"
        }
        "RequestBodyTooLarge" => ": more was to be stored at once than a block holds",
        "ContainerNotFound" | "ContainerBeingDeleted" => {
            ": the container of STORE is gone; it is made again at the next start"
        }
        "BlobNotFound" => ": it was deleted",
        "BlobArchived" => ": a lifecycle rule archived the journal; let rules delete, not archive",
        "AuthorizationPermissionMismatch" | "AuthorizationFailure" => {
            ": check the app's role or the permissions of the SAS"
        }
        "AuthenticationFailed" => ": the SAS of STORE has expired or is wrong, or the clock is",
        _ => "",
    }
}

/// Error codes are one word; anything else would be a body's text.
fn is_code(code: &str) -> bool {
    code.len() < 100 && code.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The last cause tells what happened to the connection; those before it name the URL.
fn innermost(error: &azure_core::Error) -> String {
    let mut cause = error.source();
    let mut text = None;
    while let Some(inner) = cause {
        cause = inner.source();
        text = cause.map(ToString::to_string).or(text);
    }
    // Where an error has no cause, it is itself the last, and may name the URL after all.
    text.filter(|text| !text.contains("://")).unwrap_or_else(|| "the connection failed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Fault {
        Fault::Refused { status, code: code.to_owned() }
    }

    #[test]
    fn what_passes_is_tried_again_and_what_stays_is_not() {
        for fault in [
            refused(503, "ServerBusy"),
            refused(500, ""),
            refused(429, ""),
            refused(409, "OperationNotAllowed"),
            Fault::TooSlow(Duration::from_secs(1)),
        ] {
            assert!(fault.passes(), "{fault}");
        }
        for fault in [
            refused(409, "BlockCountExceedsLimit"),
            refused(412, "AppendPositionConditionNotMet"),
            refused(403, "AuthorizationFailure"),
            refused(404, "BlobNotFound"),
        ] {
            assert!(!fault.passes(), "{fault}");
        }
    }

    #[test]
    fn a_full_journal_says_so() {
        let text = refused(409, "BlockCountExceedsLimit").to_string();
        assert!(text.contains("50,000") && text.contains("409"), "{text}");
    }

    #[test]
    fn a_cause_that_names_the_url_is_not_repeated() {
        let cause = std::io::Error::other("body error for url (https://a.example.com/c?sig=SECRET)");
        let inner = azure_core::Error::new(ErrorKind::Io, cause);
        let fault = Fault::from(azure_core::Error::new(ErrorKind::Io, inner));
        assert!(!format!("{fault} {fault:?}").contains("SECRET"), "{fault}");
    }

    #[tokio::test]
    async fn an_unreachable_service_is_told_of_without_the_sas() {
        let url =
            azure_core::http::Url::parse("http://127.0.0.1:9/account/container?sig=SECRET").expect("a URL");
        let options = azure_storage_blob::BlobContainerClientOptions {
            client_options: azure_core::http::ClientOptions {
                retry: azure_core::http::RetryOptions::none(),
                transport: Some(crate::azure::transport(reqwest::Client::new())),
                ..Default::default()
            },
            ..Default::default()
        };
        let client =
            azure_storage_blob::BlobContainerClient::new(url, None, Some(options)).expect("a client");
        let error = client.get_properties(None).await.expect_err("nobody listens on the discard port");
        let fault = Fault::from(error);
        let shown = format!("{fault} {fault:?}");
        assert!(shown.contains("no connection"), "{shown}");
        assert!(!shown.contains("SECRET") && !shown.contains("sig"), "{shown}");
    }
}
