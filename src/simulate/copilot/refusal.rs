//! What Direct Line says when it says no.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde_json::json;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("Missing token or secret")]
    NoAuthorization,
    #[error("Invalid token or secret")]
    BadToken,
    #[error("Token has expired")]
    TokenExpired,
    #[error("The token belongs to another conversation")]
    OtherConversation,
    #[error("Only a secret may do that")]
    NeedsSecret,
    #[error("Unknown conversation")]
    UnknownConversation,
    #[error("Not found")]
    NotFound,
    #[error("{0}")]
    Malformed(&'static str),
    #[error("{0}")]
    MissingProperty(&'static str),
    #[error("The activity is larger than 256 KiB")]
    TooLarge,
    /// The bot answered with an error of its own.
    #[error("Failed to send activity: bot returned an error")]
    BotFailed,
    #[error("Failed to send activity: bot timed out")]
    BotTimedOut,
    /// The bot has turned down an `invoke`. [What Direct Line makes of that is not documented.]
    #[error("The bot can't do what the invoke asks for")]
    InvokeFailed,
}

impl Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::TokenExpired => "TokenExpired",
            Self::MissingProperty(_) => "MissingProperty",
            Self::UnknownConversation | Self::NotFound => "NotFound",
            Self::TooLarge => "MessageSizeTooBig",
            Self::BotFailed | Self::BotTimedOut | Self::InvokeFailed => "BotError",
            Self::NoAuthorization
            | Self::BadToken
            | Self::OtherConversation
            | Self::NeedsSecret
            | Self::Malformed(_) => "BadArgument",
        }
    }

    /// The bot's own status, which Direct Line adds to its 502.
    fn bot_status(&self) -> Option<u16> {
        match self {
            Self::BotFailed => Some(500),
            Self::InvokeFailed => Some(412),
            Self::BotTimedOut => Some(504),
            _ => None,
        }
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::MissingProperty(_) => StatusCode::BAD_REQUEST,
            Self::NoAuthorization => StatusCode::UNAUTHORIZED,
            Self::BadToken | Self::TokenExpired | Self::OtherConversation | Self::NeedsSecret => {
                StatusCode::FORBIDDEN
            }
            Self::UnknownConversation | Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BotFailed | Self::BotTimedOut => StatusCode::BAD_GATEWAY,
            Self::InvokeFailed => StatusCode::PRECONDITION_FAILED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut body = json!({"error": {"code": self.code(), "message": self.to_string()}});
        if let Some(status) = self.bot_status() {
            body["httpStatusCode"] = status.into();
        }
        HttpResponse::build(self.status_code()).json(body)
    }
}
