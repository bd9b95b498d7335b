//! GET and HEAD `api/files/…`: a file behind a signed link. Whoever has the link may read it; nobody else can.

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{
        Method, StatusCode,
        header::{
            ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_RANGE,
            CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
};
use percent_encoding::percent_decode_str;
use tracing::Instrument as _;

use super::{SERVICENOW_OFF, Served, error::ApiError, header, of_unknown_length, span};
use crate::{
    domain::Timestamp,
    files::{FilePart, GiveError, Given, LinkError, Wanted, name},
};

/// A browser asks again after so many seconds at the latest.
const LONGEST_CACHED: i64 = 3_600;

pub(super) async fn file(
    request: &HttpRequest,
    below: &str,
    served: &Served,
) -> Result<HttpResponse, ApiError> {
    let handoff = served.handoff.as_ref().ok_or(ApiError::NotConfigured(SERVICENOW_OFF))?;
    let path = percent_decode_str(below).decode_utf8().map_err(|_| ApiError::NotFound)?;
    let (wanted, now) = (wanted(request), Timestamp::now());
    let given = handoff.reading.give(&path, wanted, now).instrument(span(request)).await;
    Ok(answer(request, given.map_err(not_given)?, now))
}

/// A range counts for GET alone. With `If-Range` the whole file goes out: there is no version of ours to compare.
fn wanted(request: &HttpRequest) -> Wanted {
    if request.method() == Method::HEAD {
        return Wanted::Nothing;
    }
    let range = header(request, "range").filter(|_| !request.headers().contains_key("if-range"));
    range.and_then(FilePart::read).map_or(Wanted::Whole, Wanted::Part)
}

/// What a browser gets: the file, and strict orders what not to do with it.
fn answer(request: &HttpRequest, given: Given, now: Timestamp) -> HttpResponse {
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
        None => of_unknown_length(request, answer, bytes),
    }
}

fn not_given(why: GiveError) -> ApiError {
    match why {
        GiveError::Gone => ApiError::NotFound,
        GiveError::Link(LinkError::Forged) => ApiError::LinkForged,
        GiveError::Link(LinkError::Over) => ApiError::LinkExpired,
        GiveError::NoSuchPart { length } => ApiError::NoSuchRange { length },
        GiveError::Unavailable => ApiError::FileAway,
    }
}
