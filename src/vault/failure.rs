//! Why a secret could not be read, told to whoever runs the app.

use std::time::Duration;

use azure_core::{
    Error,
    error::{ErrorKind, ErrorResponse},
    http::StatusCode,
};

use crate::{
    azure::{IdentityError, identity_error},
    config::Reference,
};

/// Why there is no value, as far as it changes what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Identity(IdentityError),
    NotFound,
    Disabled,
    Empty,
    Forbidden,
    /// The vault's firewall, or its want of a public endpoint.
    ShutOut,
    Unauthorized,
    Throttled,
    Status(u16),
    Unreachable,
    Silent(Duration),
    /// It answers, but not as a vault.
    NotAVault,
    /// No TLS without the machine's certificates.
    NoCertificates,
}

impl Failure {
    pub fn of(error: &Error) -> Self {
        if let Some(error) = identity_error(error) {
            return Self::Identity(error.clone());
        }
        let ErrorKind::HttpResponse { status, raw_response, .. } = error.kind() else {
            return match error.kind() {
                ErrorKind::Io | ErrorKind::Connection => Self::Unreachable,
                _ => Self::NotAVault,
            };
        };
        let body =
            raw_response.as_ref().and_then(|raw| serde_json::from_slice::<ErrorResponse>(raw.body()).ok());
        let detail = body.and_then(|body| body.error?.inner_error?.code).unwrap_or_default();
        match (status, &*detail) {
            (StatusCode::NotFound, _) => Self::NotFound,
            (StatusCode::Forbidden, "SecretDisabled") => Self::Disabled,
            (StatusCode::Forbidden, "ForbiddenByFirewall" | "ForbiddenByConnection") => Self::ShutOut,
            (StatusCode::Forbidden, _) => Self::Forbidden,
            (StatusCode::Unauthorized, _) => Self::Unauthorized,
            (StatusCode::TooManyRequests, _) => Self::Throttled,
            (status, _) => Self::Status((*status).into()),
        }
    }

    /// Names the secret and its vault, and says what to do; without a full stop.
    pub fn explain(&self, reference: &Reference) -> String {
        let (name, host) = (&reference.name, reference.host());
        match self {
            Self::Identity(why) => format!("{reference} needs an identity, but {why}"),
            Self::NotFound if reference.is_pinned() => {
                format!("{host} has no secret `{name}` in this version; correct the name or the version")
            }
            Self::NotFound => format!("{host} has no secret `{name}`; create it, or correct the name"),
            Self::Disabled => format!("{reference} is disabled; enable it"),
            Self::Empty => format!("{reference} is empty; give it a value"),
            Self::Forbidden => format!(
                "the app's identity may not read {reference}; grant it the role `Key Vault Secrets User` on the \
                 vault (locally: grant it to yourself)"
            ),
            Self::ShutOut => format!(
                "the firewall of {host} keeps the app out from secret `{name}`; let its network in, or give the \
                 vault a private endpoint there"
            ),
            Self::Unauthorized => format!(
                "{host} does not accept the app's identity for secret `{name}`; both must belong to the same tenant"
            ),
            Self::Throttled => {
                format!("{host} has too many requests to give secret `{name}`; start again in a minute")
            }
            Self::Status(status) => {
                format!("{host} failed with status {status} for secret `{name}`; start again in a minute")
            }
            Self::Unreachable => format!(
                "{host} can't be reached for secret `{name}`; check the vault's name, and that the app's network \
                 leads to it"
            ),
            Self::Silent(patience) => format!(
                "{host} did not give secret `{name}` within {} s; check that the app's network leads to it, and \
                 start again",
                patience.as_secs()
            ),
            Self::NotAVault => {
                format!("{host} does not answer as a Key Vault for secret `{name}`; correct the host")
            }
            Self::NoCertificates => format!(
                "{reference} needs TLS, but the machine's certificates or its proxy variables can't be used; \
                 correct them"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use azure_core::http::{RawResponse, headers::Headers};

    use super::*;

    #[test]
    fn each_failure_names_secret_and_vault_and_says_what_to_do() {
        let of = |status, detail| Failure::of(&answered(status, detail));
        let rows = [
            (of(404, "SecretNotFound"), "acme.vault.azure.net has no secret `sn-password`; create it"),
            (of(403, "SecretDisabled"), "is disabled; enable it"),
            (of(403, "ForbiddenByRbac"), "grant it the role `Key Vault Secrets User`"),
            (of(403, "AccessDenied"), "grant it the role `Key Vault Secrets User`"),
            (of(403, "ForbiddenByFirewall"), "let its network in"),
            (of(403, "ForbiddenByConnection"), "private endpoint"),
            (of(401, ""), "the same tenant"),
            (of(429, ""), "too many requests"),
            (of(503, ""), "failed with status 503"),
            (Failure::of(&ErrorKind::Connection.into()), "can't be reached"),
            (Failure::of(&ErrorKind::Other.into()), "does not answer as a Key Vault"),
            (Failure::Silent(Duration::from_secs(15)), "within 15 s"),
            (Failure::Empty, "give it a value"),
            (Failure::NoCertificates, "certificates"),
        ];
        for (failure, hint) in rows {
            let told = failure.explain(&reference(""));
            assert!(told.contains(hint), "{told}");
            assert!(told.contains("sn-password") && told.contains("acme.vault.azure.net"), "{told}");
        }
    }

    #[test]
    fn a_version_that_is_not_there_is_told_from_a_secret_that_is_not() {
        let told = Failure::NotFound.explain(&reference("/0f1e"));
        assert!(told.contains("in this version; correct the name or the version"), "{told}");
    }

    #[test]
    fn what_a_vault_says_is_not_repeated() {
        let error = answered(403, "ForbiddenByRbac");
        assert!(
            error.to_string().contains("VALUE")
                && !Failure::of(&error).explain(&reference("")).contains("VALUE")
        );
    }

    fn reference(version: &str) -> Reference {
        let value = format!("keyvault:https://acme.vault.azure.net/secrets/sn-password{version}");
        Reference::parse(&value).expect("a reference").expect("a whole one")
    }

    fn answered(status: u16, detail: &str) -> Error {
        let body =
            format!(r#"{{"error":{{"code":"Any","message":"VALUE","innererror":{{"code":"{detail}"}}}}}}"#);
        let raw = RawResponse::from_bytes(status.into(), Headers::new(), body);
        let kind = ErrorKind::HttpResponse {
            status: status.into(),
            error_code: None,
            raw_response: Some(Box::new(raw)),
        };
        Error::with_message(kind, "VALUE")
    }
}
