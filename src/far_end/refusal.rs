//! From an answer that is not 2xx to what the caller does next.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;

use super::CallError;
use crate::{domain::Timestamp, wire::json};

/// A wait that is asked for counts up to this.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What an answer that is not 2xx comes to.
pub(crate) fn refusal(status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> CallError {
    let retry_after = retry_after(headers, now);
    match status {
        429 => {
            let wait = retry_after.or_else(|| rate_limit_reset(headers, now)).unwrap_or_default();
            CallError::Throttled { status, wait: wait.min(LONGEST_WAIT) }
        }
        408 | 502 | 504 => CallError::Uncertain(None),
        500.. => match retry_after {
            Some(wait) => CallError::Throttled { status, wait: wait.min(LONGEST_WAIT) },
            None => CallError::Failed { status },
        },
        _ => CallError::Rejected { status, code: code(body) },
    }
}

/// The error's code: `error.code`, or `error` itself as OAuth has it. A text for people is not one.
pub(super) fn code(body: &[u8]) -> Option<String> {
    let body = json::read(body).ok()?.value;
    let error = body.get("error")?;
    let code = error.get("code").unwrap_or(error).as_str()?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!code.is_empty() && code.len() <= 64 && code.chars().all(is_word)).then(|| code.to_owned())
}

/// Seconds, or an HTTP date; a date that has passed is no wait.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get("retry-after")?.to_str().ok()?;
    seconds(value).or_else(|| http_date(value).map(|at| until(at.0, now)))
}

/// A number of seconds, whole or not; more than can be counted is as long as can be.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok().filter(|seconds| *seconds >= 0.0)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// A date in any of the forms that HTTP has had (RFC 9110, 5.6.7), or a mail's.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let since_epoch = |at: SystemTime| at.duration_since(UNIX_EPOCH).ok();
    let at = httpdate::parse_http_date(text).ok().and_then(since_epoch);
    at.map(|at| Timestamp(i64::try_from(at.as_millis()).unwrap_or(i64::MAX)))
        .or_else(|| Some(Timestamp(jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond())))
}

/// ServiceNow's: seconds since the Unix epoch.
fn rate_limit_reset(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let seconds: i64 = headers.get("x-ratelimit-reset")?.to_str().ok()?.trim().parse().ok()?;
    Some(until(seconds.saturating_mul(1000), now))
}

fn until(at_millis: i64, now: Timestamp) -> Duration {
    let millis = Timestamp(at_millis).millis_since(now);
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    /// 2015-10-21T07:27:00Z
    const NOW: Timestamp = Timestamp(1_445_412_420_000);

    #[test]
    fn a_status_says_what_to_do_next() {
        use CallError::*;
        let body = br#"{"error":{"code":"TokenExpired","message":"Token has expired"}}"#;
        for status in [301, 400, 401, 403, 404, 405, 409, 413] {
            let refused = refusal(status, &headers(&[]), body, NOW);
            assert!(
                matches!(&refused, Rejected { status: s, code: Some(c) } if *s == status && c == "TokenExpired"),
                "{status}: {refused:?}"
            );
        }
        for status in [500, 501, 503, 505, 599] {
            for given in [&[][..], &[("retry-after", "soon")]] {
                let refused = refusal(status, &headers(given), body, NOW);
                assert!(matches!(refused, Failed { status: s } if s == status), "{status}: {refused:?}");
            }
        }
        for status in [408, 502, 504] {
            let refused = refusal(status, &headers(&[]), body, NOW);
            assert!(matches!(refused, Uncertain(None)), "{status}: {refused:?}");
        }
    }

    #[test]
    fn a_wait_is_read_in_every_form_and_never_exceeds_five_minutes() {
        type Headers = &'static [(&'static str, &'static str)];
        let rows: [(u16, Headers, u64); 16] = [
            (429, &[], 0),
            (429, &[("retry-after", "7")], 7_000),
            (429, &[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], 60_000),
            (429, &[("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT")], 0),
            (429, &[("retry-after", "86400")], 300_000),
            (429, &[("retry-after", "Wednesday, 21-Oct-15 07:28:00 GMT")], 60_000),
            (429, &[("retry-after", "Wed Oct 21 07:28:00 2015")], 60_000),
            (429, &[("retry-after", " 1.5 ")], 1_500),
            (429, &[("retry-after", "99999999999999999999999")], 300_000),
            (429, &[("retry-after", "-7")], 0),
            (429, &[("retry-after", "soon")], 0),
            (429, &[("x-ratelimit-reset", "1445412450")], 30_000),
            (429, &[("retry-after", "2"), ("x-ratelimit-reset", "1445412450")], 2_000),
            (503, &[("retry-after", "3")], 3_000),
            (500, &[("retry-after", "8")], 8_000),
            (529, &[("retry-after", "8")], 8_000),
        ];
        for (status, given, millis) in rows {
            let refused = refusal(status, &headers(given), b"", NOW);
            let expected = Duration::from_millis(millis);
            assert!(
                matches!(refused, CallError::Throttled { status: s, wait } if (s, wait) == (status, expected)),
                "{status} {given:?}: {refused:?}"
            );
        }
    }

    #[test]
    fn a_code_is_a_word_and_never_what_people_wrote() {
        let rows: [(&[u8], Option<&str>); 7] = [
            (br#"{"error":{"code":"BotError","message":"x"}}"#, Some("BotError")),
            (br#"{"error":"invalid_client","error_description":"x"}"#, Some("invalid_client")),
            (
                b"\xef\xbb\xbf{\"error\":\"invalid_grant\",\"error_description\":\"ung\xfcltig\"}",
                Some("invalid_grant"),
            ),
            (br#"{"error":{"message":"User Not Authenticated"},"status":"failure"}"#, None),
            (br#"{"error":"Conversation ID is missing."}"#, None),
            (br#"{"error":{"code":17}}"#, None),
            (b"<html>", None),
        ];
        for (body, expected) in rows {
            assert_eq!(code(body).as_deref(), expected, "{}", String::from_utf8_lossy(body));
        }
    }

    fn headers(given: &[(&str, &str)]) -> HeaderMap {
        given
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::try_from(*name).expect("a header name");
                (name, HeaderValue::try_from(*value).expect("a header value"))
            })
            .collect()
    }
}
