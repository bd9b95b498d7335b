//! `GET /api/relayToDirectLine`, as ServiceNow Bot Interconnect calls the documented function.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::RETRY_AFTER},
    web::Data,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use tracing::Instrument as _;

use super::{Served, error::ApiError, header, span, trace};
use crate::{
    auth::{self, AuthError},
    config::RelayAccess,
    credential::{Credential, mark, renewed},
    direct_line::page::Page,
    domain::ConversationId,
    relay::{Asked, Fault, Relay},
    wire::json as far_json,
};

/// A refusal's body is passed on up to this size, in bytes.
const LARGEST_REFUSAL: usize = 64 * 1_024;

/// Collects the agent's turn. Everything comes in headers; there is no body.
pub async fn turn(
    request: HttpRequest,
    served: Data<Served>,
    relay: Data<Relay>,
) -> Result<HttpResponse, ApiError> {
    admit(&request, &served.relay).await?;
    let secret = secret(&request, &served)
        .ok_or(ApiError::BadArgument("Authorization header with Bearer token is required"))?;
    let conversation =
        given(&request, "conversationid").ok_or(ApiError::BadArgument("Conversation ID is missing."))?;
    let watermark = given(&request, "watermark").ok_or(ApiError::BadArgument("Watermark is missing."))?;
    let conversation = ConversationId::parse(conversation)
        .ok_or(ApiError::BadArgument("Conversation ID is not one of Direct Line's."))?;
    if let Secret::Brought(credential) = secret {
        refuse_chats_token(&served, &conversation, credential).await?;
    }
    let traceparent = trace(&request);
    let turn = async || {
        let asked = Asked {
            conversation: &conversation,
            authorization: secret.authorization(),
            watermark,
            wait: given(&request, "waittime").and_then(wait),
            traceparent: traceparent.as_deref(),
        };
        relay.turn(&asked, served.ending.near()).instrument(span(&request)).await
    };
    let before = mark(secret.ours());
    let mut answer = turn().await;
    let is_refusal = matches!(&answer, Err(Fault::Answered(page)) if matches!(page.status, 401 | 403));
    if is_refusal && renewed(secret.ours(), &before).await {
        answer = turn().await;
    }
    match answer {
        Ok(set) => Ok(HttpResponse::Ok().content_type("application/json").body(set)),
        Err(Fault::Answered(page)) => refused(page),
        Err(Fault::Unreached(_)) => Err(DIRECT_LINE_DOWN),
        Err(Fault::Unreadable(_)) => {
            Err(ApiError::Unavailable("Direct Line's answer can't be read. Try again."))
        }
    }
}

const DIRECT_LINE_DOWN: ApiError =
    ApiError::Unavailable("Direct Line can't be reached at the moment. Try again.");

fn given<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    header(request, name).map(str::trim).filter(|value| !value.is_empty())
}

/// Asks for the key. It may stand in the query, because ServiceNow's credential sends one header only.
async fn admit(request: &HttpRequest, access: &RelayAccess) -> Result<(), ApiError> {
    let key = match access {
        RelayAccess::Closed => {
            return Err(ApiError::NotConfigured(
                "The relay is off. Set RELAY_KEY (or RELAY to `open`, if that is meant), then restart.",
            ));
        }
        RelayAccess::Open => return Ok(()),
        RelayAccess::Key { key, secrets: _ } => key,
    };
    let header = request.headers().get("x-relay-key").map(|key| key.as_bytes());
    let query = url::form_urlencoded::parse(request.query_string().as_bytes())
        .find_map(|(name, value)| (name.eq_ignore_ascii_case("code")).then_some(value));
    let presented = [header, query.as_ref().map(|code| code.as_bytes())];
    let has_key = || auth::has_key(key, presented).then_some(()).ok_or(AuthError::Unauthorized);
    auth::with_latest([key], has_key).await.map_err(|_| {
        ApiError::Unauthorized(
            "The relay's key is missing or wrong. Send the value of RELAY_KEY in header `x-relay-key` or as `?code=`.",
        )
    })
}

/// What a turn is read with.
enum Secret<'a> {
    Brought(&'a str),
    /// Of the settings; a vault may have another one by now.
    Ours(&'a Credential),
}

impl<'a> Secret<'a> {
    /// The whole header value.
    fn authorization(&self) -> SecretString {
        match self {
            Self::Brought(secret) => format!("Bearer {secret}").into(),
            Self::Ours(secret) => format!("Bearer {}", secret.value().expose_secret()).into(),
        }
    }

    fn ours(&self) -> Option<&'a Credential> {
        match self {
            Self::Brought(_) => None,
            Self::Ours(secret) => Some(secret),
        }
    }
}

/// What the caller brings, or, for one who has the key, what they name or leave to us.
fn secret<'a>(request: &'a HttpRequest, served: &'a Served) -> Option<Secret<'a>> {
    let brought = brought(request);
    let RelayAccess::Key { key: _, secrets } = &served.relay else { return brought.map(Secret::Brought) };
    let Some(brought) = brought else {
        let ours = served.direct_line_secret.as_ref().filter(|_| !brings_the_unreadable(request));
        return ours.map(Secret::Ours);
    };
    let named = secrets.iter().find(|(name, _)| name == brought);
    Some(named.map_or(Secret::Brought(brought), |(_, secret)| Secret::Ours(secret)))
}

/// A visitor's token opens their own conversation, so with one of a live chat anybody could read it round us.
async fn refuse_chats_token(
    served: &Served,
    conversation: &ConversationId,
    credential: &str,
) -> Result<(), ApiError> {
    let Some(handoff) = &served.handoff else { return Ok(()) };
    let Some(chat) = handoff.ledger.find(conversation).await? else { return Ok(()) };
    if is_token(credential) || handoff.tokens.is_token_of(&chat, credential).await? {
        return Err(ApiError::Forbidden(
            "This is a token of a chat with a live agent. Send the Direct Line secret of the agent.",
        ));
    }
    Ok(())
}

/// Direct Line's tokens are JWTs, its secrets are not.
fn is_token(credential: &str) -> bool {
    let mut parts = credential.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let claims = URL_SAFE_NO_PAD.decode(claims).ok();
    claims.is_some_and(|claims| far_json::read(&claims).is_ok_and(|read| read.value.is_object()))
}

/// The Direct Line secret, or what stands for it. ServiceNow's documentation has it in `dlsecret`, Microsoft's in
/// `Authorization`; the former can't belong to anything else, so it wins.
fn brought(request: &HttpRequest) -> Option<&str> {
    let named = given(request, "dlsecret").and_then(|value| match after_bearer(value) {
        Some(secret) => Some(secret),
        None => (!value.eq_ignore_ascii_case("bearer")).then_some(value),
    });
    named.or_else(|| after_bearer(given(request, "authorization")?))
}

/// Whether the caller names something, though nothing that can be a name: our own secret would be another agent's.
fn brings_the_unreadable(request: &HttpRequest) -> bool {
    let values = ["dlsecret", "authorization"].map(|name| request.headers().get(name));
    values.into_iter().flatten().any(|value| !value.as_bytes().is_ascii())
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
    use actix_web::{http::header::HeaderValue, test::TestRequest};

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
            assert_eq!(brought(&request.to_http_request()), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_name_that_can_not_be_read_is_not_left_out() {
        for (value, is_unreadable) in [
            ("Büro".as_bytes(), true),
            (&b"B\xfcro"[..], true),
            ("Bearer Büro".as_bytes(), true),
            (&b"hr"[..], false),
        ] {
            for name in ["dlsecret", "authorization"] {
                let value = HeaderValue::from_bytes(value).unwrap();
                let request = TestRequest::get().insert_header((name, value)).to_http_request();
                assert_eq!(brings_the_unreadable(&request), is_unreadable, "{name}");
            }
        }
        assert!(!brings_the_unreadable(&TestRequest::get().to_http_request()));
    }

    #[test]
    fn a_token_is_told_from_a_secret() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"conv":"abc-eu"}"#);
        assert!(is_token(&format!("e30.{claims}.sig")));
        let cut = URL_SAFE_NO_PAD.encode(br#"{"conv":"c-1","user":"dl_\ud83d"}"#);
        assert!(is_token(&format!("e30.{cut}.sig")));
        for secret in ["", "abc.def", "abc.def.ghi", "Ab-1_2.cwA.e30.x", &format!("e30.{claims}")] {
            assert!(!is_token(secret), "{secret}");
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
