//! `GET /api/relayToDirectLine`, as ServiceNow Bot Interconnect calls the documented function.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::RETRY_AFTER},
    web::Data,
};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tracing::Instrument as _;

use super::{Served, error::ApiError, header, span, trace};
use crate::{
    auth::{self, AuthError},
    direct_line::page::Page,
    domain::ConversationId,
    relay::{Answer, Asked, Relay},
};

/// A refusal's body is passed on up to this size, in bytes.
const LARGEST_REFUSAL: usize = 64 * 1_024;

/// Collects the agent's turn. Everything comes in headers; there is no body.
pub async fn turn(
    request: HttpRequest,
    served: Data<Served>,
    relay: Data<Relay>,
) -> Result<HttpResponse, ApiError> {
    let key = request.headers().get("x-relay-key").map(|key| key.as_bytes());
    let has_key = || auth::has_key(&served.relay_key, key).then_some(()).ok_or(AuthError::Unauthorized);
    auth::with_latest(&served.relay_key, has_key).await.map_err(|_| {
        ApiError::Unauthorized(
            "The relay's key is missing or wrong. Send the value of RELAY_KEY in header `x-relay-key`.",
        )
    })?;
    let authorization = secret(&request)
        .ok_or(ApiError::BadArgument("Authorization header with Bearer token is required"))?;
    let conversation =
        given(&request, "conversationid").ok_or(ApiError::BadArgument("Conversation ID is missing."))?;
    let watermark = given(&request, "watermark").ok_or(ApiError::BadArgument("Watermark is missing."))?;
    let conversation = ConversationId::parse(conversation)
        .ok_or(ApiError::BadArgument("Conversation ID is not one of Direct Line's."))?;
    let traceparent = trace(&request);
    let asked = Asked {
        conversation: &conversation,
        authorization,
        watermark,
        wait: given(&request, "waittime").and_then(wait),
        traceparent: traceparent.as_deref(),
    };
    match relay.turn(&asked).instrument(span(&request)).await {
        Answer::Set(set) => Ok(HttpResponse::Ok().content_type("application/json").body(set)),
        Answer::Refused(page) => refused(page),
        Answer::Unreachable => Err(DIRECT_LINE_DOWN),
    }
}

const DIRECT_LINE_DOWN: ApiError =
    ApiError::Unavailable("Direct Line can't be reached at the moment. Try again.");

fn given<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    header(request, name).map(str::trim).filter(|value| !value.is_empty())
}

/// The Direct Line secret as `Bearer …`. ServiceNow's documentation has it in `dlsecret`, Microsoft's in
/// `Authorization`; the former can't belong to anything else, so it wins.
fn secret(request: &HttpRequest) -> Option<SecretString> {
    let named = given(request, "dlsecret").and_then(|value| match after_bearer(value) {
        Some(secret) => Some(secret),
        None => (!value.eq_ignore_ascii_case("bearer")).then_some(value),
    });
    let secret = named.or_else(|| after_bearer(given(request, "authorization")?))?;
    Some(format!("Bearer {secret}").into())
}

fn after_bearer(value: &str) -> Option<&str> {
    let (scheme, secret) = value.split_once(|c: char| c.is_ascii_whitespace())?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

/// Milliseconds, read as the documented function reads them: digits as far as they go, else nothing.
fn wait(value: &str) -> Option<Duration> {
    let value = value.strip_prefix('+').unwrap_or(value);
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let digits = &value[..end];
    (!digits.is_empty()).then(|| Duration::from_millis(digits.parse().unwrap_or(u64::MAX)))
}

/// Direct Line's own status and body. The body is an object: what is none is replaced by one.
fn refused(page: Page) -> Result<HttpResponse, ApiError> {
    let Page { status, body, retry_after, date: _ } = page;
    let code = StatusCode::from_u16(status).ok().filter(|code| code.as_u16() >= 400);
    let Some(code) = code else { return Err(DIRECT_LINE_DOWN) };
    let mut answer = HttpResponse::build(code);
    if let Some(wait) = retry_after {
        answer.insert_header((RETRY_AFTER, wait.as_millis().div_ceil(1_000).to_string()));
    }
    let is_object =
        body.len() <= LARGEST_REFUSAL && serde_json::from_slice::<Map<String, Value>>(&body).is_ok();
    if is_object {
        return Ok(answer.content_type("application/json").body(body));
    }
    let message = format!("Direct Line answered {status} and gave no reason.");
    Ok(answer.json(json!({"error": {"code": "DirectLine", "message": message}})))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn both_generations_of_the_secrets_header_are_read() {
        type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
        let rows: [Row<'_>; 16] = [
            (&[("Authorization", "Bearer s")], Some("s")),
            (&[("AUTHORIZATION", "bearer   s ")], Some("s")),
            (&[("dlsecret", "s")], Some("s")),
            (&[("DLSecret", " s ")], Some("s")),
            (&[("dlsecret", "Bearer s")], Some("s")),
            (&[("dlsecret", "BEARER s")], Some("s")),
            (&[("dlsecret", "s"), ("authorization", "Bearer other")], Some("s")),
            (&[("dlsecret", ""), ("authorization", "Bearer s")], Some("s")),
            (&[("dlsecret", "s"), ("authorization", "Basic dTpw")], Some("s")),
            (&[("authorization", "Basic dTpw")], None),
            (&[("authorization", "s")], None),
            (&[("authorization", "Bearer")], None),
            (&[("authorization", "Bearer ")], None),
            (&[("dlsecret", "Bearer ")], None),
            (&[("dlsecret", " ")], None),
            (&[], None),
        ];
        for (headers, expected) in rows {
            let mut request = TestRequest::get();
            for header in headers {
                request = request.insert_header(*header);
            }
            let read = secret(&request.to_http_request());
            let expected = expected.map(|secret| format!("Bearer {secret}"));
            assert_eq!(read.as_ref().map(|read| read.expose_secret().to_owned()), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_wait_is_milliseconds_or_nothing() {
        let rows = [
            ("2000", Some(2_000)),
            ("0", Some(0)),
            ("+7", Some(7)),
            ("2000ms", Some(2_000)),
            ("1.5", Some(1)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("soon", None),
            ("-5", None),
            ("NaN", None),
        ];
        for (given, expected) in rows {
            assert_eq!(wait(given), expected.map(Duration::from_millis), "{given}");
        }
    }

    #[test]
    fn a_refusal_keeps_status_and_object_and_never_has_a_string_for_one() {
        let page = |status, body: &str| Page {
            status,
            body: body.as_bytes().to_vec(),
            retry_after: Some(Duration::from_millis(1_500)),
            date: None,
        };
        let kept = refused(page(403, r#"{"error": {"code":"TokenExpired"}}"#)).unwrap();
        assert_eq!(kept.status(), 403);
        assert_eq!(kept.headers().get("retry-after").unwrap(), "2");
        for body in ["<html>", "\"text\"", "", "[]"] {
            assert_eq!(refused(page(502, body)).unwrap().status(), 502, "{body}");
        }
        assert_eq!(refused(page(302, "{}")).unwrap_err().code(), "Unavailable");
    }
}
