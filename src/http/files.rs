//! GET `api/files/…`: a file behind a signed link. Whoever has the link may read it; nobody else can.

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{
        StatusCode,
        header::{
            ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_RANGE,
            CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    web::{Data, Path},
};
use tracing::Instrument as _;

use super::{SERVICENOW_OFF, Served, error::ApiError, header, span};
use crate::{
    domain::Timestamp,
    files::{GiveError, Given, LinkError, name},
};

/// A browser asks again after so many seconds at the latest.
const LONGEST_CACHED: i64 = 3_600;

pub(super) async fn file(
    request: HttpRequest,
    path: Path<String>,
    served: Data<Served>,
) -> Result<HttpResponse, ApiError> {
    let handoff = served.handoff.as_ref().ok_or(ApiError::NotConfigured(SERVICENOW_OFF))?;
    let range = header(&request, "range").filter(|range| is_one_range(range));
    let now = Timestamp::now();
    let given =
        handoff.files().give(&path, range, now).instrument(span(&request)).await.map_err(not_given)?;
    Ok(answer(given, now))
}

/// What a browser gets: the file, and strict orders what not to do with it.
fn answer(given: Given, now: Timestamp) -> HttpResponse {
    let Given { name, media_type, encoding, length, range, takes_ranges, until, bytes } = given;
    let (media_type, shown) = name::given_out_as(&media_type);
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let cached = (until.millis_since(now) / 1_000).clamp(0, LONGEST_CACHED);
    let mut answer = HttpResponse::build(status);
    answer
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_DISPOSITION, name::disposition(shown, &name)))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        // Chat pages stand on other hosts.
        .insert_header((HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, format!("private, max-age={cached}")))
        .insert_header((ACCEPT_RANGES, if takes_ranges { "bytes" } else { "none" }));
    if let Some(range) = range {
        answer.insert_header((CONTENT_RANGE, range));
    }
    if let Some(encoding) = encoding {
        answer.insert_header((CONTENT_ENCODING, encoding));
    }
    match length {
        Some(length) => answer.body(SizedStream::new(length, bytes)),
        None => answer.streaming(bytes),
    }
}

/// One range of bytes; several would need parsing, and no player asks for them.
fn is_one_range(range: &str) -> bool {
    let spec = range.strip_prefix("bytes=");
    spec.is_some_and(|spec| {
        spec.len() <= 41 && spec.contains('-') && spec.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    })
}

fn not_given(why: GiveError) -> ApiError {
    match why {
        GiveError::Gone => ApiError::NotFound,
        GiveError::Link(LinkError::Forged) => {
            ApiError::Forbidden("This is no link of ours. Load the conversation again for a new one.")
        }
        GiveError::Link(LinkError::Over) => ApiError::LinkExpired,
        GiveError::NoSuchRange => ApiError::BadRequest("The file has no such range."),
        GiveError::Unavailable => {
            ApiError::Unavailable("The file can't be fetched at the moment. Try again.")
        }
    }
}
