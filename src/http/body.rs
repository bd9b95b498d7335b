//! Bodies of requests, whole or as they come. One that does not move is not waited for.

use std::time::Duration;

use actix_web::{
    http::header::HeaderMap,
    web::{Bytes, BytesMut, Payload},
};
use futures_util::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use super::error::ApiError;
use crate::wire::multipart::IDLE;

/// A body that is read as a whole takes no longer, however it trickles.
const WHOLE: Duration = Duration::from_secs(120);

/// The whole body, if it is not larger than `limit` bytes.
///
/// # Errors
/// When it is too large, compressed, cut, or does not come.
pub async fn read_body(mut payload: Payload, headers: &HeaderMap, limit: usize) -> Result<Bytes, ApiError> {
    refuse_compressed(headers)?;
    let declared = length(headers);
    let too_large = ApiError::PayloadTooLarge { limit: limit as u64 };
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(too_large);
    }
    let until = Instant::now() + WHOLE;
    let Some(first) = next(&mut payload, until).await? else { return Ok(Bytes::new()) };
    // Most bodies come in one piece, which then is not copied.
    if declared == Some(first.len() as u64) {
        return Ok(first);
    }
    let mut body = BytesMut::from(&first[..]);
    while let Some(piece) = next(&mut payload, until).await? {
        body.extend_from_slice(&piece);
        if body.len() > limit {
            return Err(too_large);
        }
    }
    if body.len() > limit { Err(too_large) } else { Ok(body.freeze()) }
}

async fn next(payload: &mut Payload, until: Instant) -> Result<Option<Bytes>, ApiError> {
    let until = until.min(Instant::now() + IDLE);
    match timeout_at(until, payload.next()).await {
        Ok(piece) => {
            piece.transpose().map_err(|_| ApiError::BadRequest("The body ended before it was complete."))
        }
        Err(_) => Err(ApiError::TooSlow),
    }
}

/// What a client says its body's length is, in bytes.
pub fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get("content-length")?.to_str().ok()?.parse().ok()
}

/// # Errors
/// When the body is said to be compressed: nothing here unpacks one.
pub fn refuse_compressed(headers: &HeaderMap) -> Result<(), ApiError> {
    let plain =
        |encoding: &str| encoding.trim().is_empty() || encoding.trim().eq_ignore_ascii_case("identity");
    let compressed = headers.get_all("content-encoding").any(|value| !value.to_str().is_ok_and(plain));
    if compressed { Err(ApiError::Compressed) } else { Ok(()) }
}
