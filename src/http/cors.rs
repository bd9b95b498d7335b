//! Which browser origins may use the Direct Line surface.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap,
            HeaderValue, ORIGIN, VARY,
        },
    },
};

use super::{error::ApiError, header};
use crate::config::AllowedOrigins;

/// What DirectLineJS and Web Chat send.
const REQUEST_HEADERS: &str =
    "Authorization, Content-Type, Accept, x-ms-bot-agent, x-requested-with, traceparent";

/// Answers a preflight; `None` when the request is none.
pub fn preflight(request: &HttpRequest, allowed: &AllowedOrigins) -> Option<Result<HttpResponse, ApiError>> {
    if request.method() != Method::OPTIONS {
        return None;
    }
    if grant(request, allowed).is_none() {
        return Some(Err(ApiError::Forbidden(
            "This origin is not among ALLOWED_ORIGINS. Add it there to let it in.",
        )));
    }
    let response = HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish();
    Some(Ok(response))
}

/// Lets an allowed origin read the answer.
pub fn mark(request: &HttpRequest, allowed: &AllowedOrigins, headers: &mut HeaderMap) {
    if matches!(allowed, AllowedOrigins::None) {
        return;
    }
    if let Some(origin) = grant(request, allowed) {
        // Web Chat asks for the session of a sign-in with its cookies; a page that was not named gets none.
        if matches!(allowed, AllowedOrigins::List(_)) {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

fn grant(request: &HttpRequest, allowed: &AllowedOrigins) -> Option<HeaderValue> {
    let origin = header(request, ORIGIN)?;
    match allowed {
        AllowedOrigins::None => None,
        AllowedOrigins::Any => Some(HeaderValue::from_static("*")),
        AllowedOrigins::List(list) => {
            list.iter().any(|one| one == origin).then(|| HeaderValue::from_str(origin).ok())?
        }
    }
}
