//! What strangers are told when something is wrong, and the one place that chooses status codes.

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_RANGE},
    },
};
use serde_json::json;
use tracing::error;

use crate::{auth::AuthError, ledger::journal::JournalError};

/// An answer that is an error. Its text says what went wrong and what to do, and nothing of what is inside.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("{0}")]
    BadRequest(&'static str),
    /// The documented relay function's own code for a bad request.
    #[error("{0}")]
    BadArgument(&'static str),
    #[error("{0}")]
    Unauthorized(&'static str),
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("This link is over. Load the conversation again for a new one.")]
    LinkExpired,
    #[error("There is nothing at this address. Check the path and the method.")]
    NotFound,
    #[error("This address takes {0} only.")]
    MethodNotAllowed(&'static str),
    #[error("This conversation has ended. Start a new one.")]
    ConversationOver,
    #[error("The body is larger than the {limit} bytes taken here. Send less, or send it as a file.")]
    PayloadTooLarge { limit: u64 },
    #[error("This conversation holds as much as it may: {limit} bytes of {of}. Start a new one.")]
    ConversationFull { limit: u64, of: &'static str },
    #[error(
        "The body is compressed, and nothing here unpacks it. Send it as it is, without Content-Encoding."
    )]
    Compressed,
    #[error("The body did not come in time. Send it again, without a pause.")]
    TooSlow,
    /// `length`: bytes of the file, when known.
    #[error("The file has no such range. Ask for one within its length, or for the whole file.")]
    NoSuchRange { length: Option<u64> },
    #[error("{0}")]
    TooManyRequests(&'static str),
    #[error("{0}")]
    NotConfigured(&'static str),
    #[error("{0}")]
    Unavailable(&'static str),
    /// What Direct Line itself answers in such a case.
    #[error("{message}")]
    AsDirectLine { status: u16, code: String, message: &'static str },
}

impl ApiError {
    pub fn code(&self) -> &str {
        match self {
            Self::BadRequest(_) => "BadRequest",
            Self::BadArgument(_) => "BadArgument",
            Self::Unauthorized(_) => "Unauthorized",
            Self::Forbidden(_) => "Forbidden",
            Self::LinkExpired => "LinkExpired",
            Self::NotFound | Self::ConversationOver => "NotFound",
            Self::MethodNotAllowed(_) => "MethodNotAllowed",
            Self::PayloadTooLarge { .. } | Self::ConversationFull { .. } => "PayloadTooLarge",
            Self::Compressed => "UnsupportedMediaType",
            Self::TooSlow => "RequestTimeout",
            Self::NoSuchRange { .. } => "RangeNotSatisfiable",
            Self::TooManyRequests(_) => "TooManyRequests",
            Self::NotConfigured(_) => "NotConfigured",
            Self::Unavailable(_) => "Unavailable",
            Self::AsDirectLine { code, .. } => code,
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::BadArgument(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::LinkExpired => StatusCode::FORBIDDEN,
            Self::NotFound | Self::ConversationOver => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge { .. } | Self::ConversationFull { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Compressed => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NoSuchRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotConfigured(_) | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::AsDirectLine { status, .. } => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY)
            }
        }
    }

    fn error_response(&self) -> HttpResponse {
        let body = json!({"error": {"code": self.code(), "message": self.to_string()}});
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header((CACHE_CONTROL, "no-store"));
        if matches!(self, Self::TooSlow) {
            answer.force_close();
        }
        if let Self::MethodNotAllowed(method) = self {
            answer.insert_header((ALLOW, *method));
        }
        if let Self::NoSuchRange { length: Some(length) } = self {
            answer.insert_header((CONTENT_RANGE, format!("bytes */{length}")));
        }
        answer.json(body)
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::NotConfigured => Self::NotConfigured(
                "No credential is set for this route, so nobody may call it. Set RESPONSES_TOKEN or RESPONSES_BASIC, then restart.",
            ),
            AuthError::Unauthorized => Self::Unauthorized(
                "The credential is missing or wrong. Send the configured one in header `token` or `Authorization`.",
            ),
        }
    }
}

impl From<JournalError> for ApiError {
    fn from(failed: JournalError) -> Self {
        error!(error = %failed, "The store failed; nothing was answered as stored");
        Self::Unavailable("The store can't be used at the moment. Try again.")
    }
}
