//! What strangers are told when something is wrong, and the one place that chooses status codes.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_RANGE, RETRY_AFTER},
    },
};
use serde_json::json;
use tracing::{error, info};

use super::header;
use crate::{
    auth::AuthError,
    ledger::journal::JournalError,
    translate::texts::{Text, Texts},
};

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
    #[error("This is no link of ours. Load the conversation again for a new one.")]
    LinkForged,
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
    #[error("The conversation was removed from the store meanwhile. Try again.")]
    Removed,
    #[error("The file can't be fetched at the moment. Try again.")]
    FileAway,
    /// What Direct Line itself answers in such a case.
    #[error("{message}")]
    AsDirectLine { status: u16, code: String, message: &'static str },
    /// Direct Line's status when it fails or has too much to do, and how long it asks to be left alone.
    #[error("Direct Line can't take this at the moment. Try again later.")]
    Later { status: u16, wait: Duration },
}

impl ApiError {
    pub fn code(&self) -> &str {
        match self {
            Self::BadRequest(_) => "BadRequest",
            Self::BadArgument(_) => "BadArgument",
            Self::Unauthorized(_) => "Unauthorized",
            Self::Forbidden(_) | Self::LinkForged => "Forbidden",
            Self::LinkExpired => "LinkExpired",
            Self::NotFound | Self::ConversationOver => "NotFound",
            Self::MethodNotAllowed(_) => "MethodNotAllowed",
            Self::PayloadTooLarge { .. } | Self::ConversationFull { .. } => "PayloadTooLarge",
            Self::Compressed => "UnsupportedMediaType",
            Self::TooSlow => "RequestTimeout",
            Self::NoSuchRange { .. } => "RangeNotSatisfiable",
            Self::TooManyRequests(_) => "TooManyRequests",
            Self::NotConfigured(_) => "NotConfigured",
            Self::Unavailable(_) | Self::Removed | Self::FileAway => "Unavailable",
            Self::AsDirectLine { code, .. } => code,
            Self::Later { status: 429, .. } => "TooManyRequests",
            Self::Later { .. } => "ServiceError",
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::BadArgument(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::LinkExpired | Self::LinkForged => StatusCode::FORBIDDEN,
            Self::NotFound | Self::ConversationOver => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge { .. } | Self::ConversationFull { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Compressed => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NoSuchRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotConfigured(_) | Self::Unavailable(_) | Self::Removed | Self::FileAway => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::AsDirectLine { status, .. } | Self::Later { status, .. } => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY)
            }
        }
    }

    fn error_response(&self) -> HttpResponse {
        self.saying(&self.to_string())
    }
}

impl ApiError {
    /// As whoever asked reads it: somebody who opened an address in a browser, in their language.
    pub fn answer_to(&self, request: &HttpRequest, texts: &Texts) -> HttpResponse {
        let is_page = header(request, "accept").is_some_and(|wanted| wanted.contains("text/html"));
        let text = match self {
            Self::LinkExpired => Text::LinkOver,
            Self::LinkForged => Text::LinkNotOurs,
            Self::NotFound => Text::NothingHere,
            Self::FileAway => Text::FileAway,
            _ => return self.error_response(),
        };
        let languages = header(request, "accept-language").filter(|_| is_page);
        languages.map_or_else(
            || self.error_response(),
            |languages| self.saying(texts.accepted(languages).get(text)),
        )
    }

    fn saying(&self, message: &str) -> HttpResponse {
        let body = json!({"error": {"code": self.code(), "message": message}});
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header((CACHE_CONTROL, "no-store"));
        if matches!(self, Self::TooSlow) {
            answer.force_close();
        }
        if let Self::MethodNotAllowed(method) = self {
            answer.insert_header((ALLOW, *method));
        }
        if let Self::Later { wait, .. } = self
            && !wait.is_zero()
        {
            answer.insert_header((RETRY_AFTER, wait.as_secs().max(1)));
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
        if let JournalError::Shorter { .. } = failed {
            info!("A conversation was removed from the store, or put back, while this process knew it");
            return Self::Removed;
        }
        error!(error = %failed, "The store failed; nothing was answered as stored");
        Self::Unavailable("The store can't be used at the moment. Try again.")
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{body::to_bytes, test::TestRequest};
    use serde_json::Value;

    use super::*;

    async fn told(error: &ApiError, accept: &str, languages: &str) -> String {
        let request = TestRequest::default()
            .insert_header(("accept", accept))
            .insert_header(("accept-language", languages))
            .to_http_request();
        let answer = error.answer_to(&request, &Texts::default());
        assert_eq!(answer.status(), error.status_code());
        let body = to_bytes(answer.into_body()).await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["error"]["code"], error.code());
        body["error"]["message"].as_str().expect("a message").to_owned()
    }

    #[tokio::test]
    async fn who_opens_an_address_in_a_browser_is_told_in_their_language() {
        const PAGE: &str = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
        let words = Texts::default();
        for (error, text) in [
            (ApiError::LinkExpired, Text::LinkOver),
            (ApiError::LinkForged, Text::LinkNotOurs),
            (ApiError::NotFound, Text::NothingHere),
            (ApiError::FileAway, Text::FileAway),
        ] {
            let english = error.to_string();
            assert_eq!(words.of(None).get(text), english);
            for (accept, languages, wording) in [
                (PAGE, "de-AT,de;q=0.9", words.of(Some("de")).get(text)),
                (PAGE, "en;q=0.5, sv, ja;q=0.8", words.of(Some("ja")).get(text)),
                (PAGE, "*", &english),
                ("*/*", "de", &english),
                ("image/avif,image/webp,*/*;q=0.8", "de", &english),
            ] {
                assert_eq!(told(&error, accept, languages).await, wording, "{accept} {languages}");
            }
        }
    }
}
