//! When an activity was said, and whether its id still means what it meant.

use serde_json::Value;

use crate::{domain::Timestamp, wire::activity::Activity};

/// Milliseconds of silence after which Direct Line may count from 0 again; it does so after five to fifteen minutes.
const PAUSE: i64 = 4 * 60_000;
/// 2015, before which there was no Direct Line: an older time is a clock's that was not set, or none at all.
const EARLIEST: Timestamp = Timestamp(1_420_070_400_000);

/// When something was said, by Direct Line's clock or a transcript's.
pub fn time_of(activity: &Activity) -> Option<Timestamp> {
    time(activity.timestamp.as_ref()?)
}

/// Reads a time: RFC 3339, without a zone in UTC, or a number of seconds or milliseconds since 1970, also as text.
pub fn time(value: &Value) -> Option<Timestamp> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => match Timestamp::parse_rfc3339(text.trim()) {
            Some(at) => return Some(at),
            None => match text.trim().parse() {
                Ok(number) => number,
                Err(_) => return Timestamp::parse_rfc3339(&format!("{}Z", text.trim())),
            },
        },
        _ => return None,
    };
    let millis = if number.abs() < 1e11 { number * 1000.0 } else { number };
    (millis.is_finite() && millis.abs() < 1e15).then_some(Timestamp(millis as i64))
}

/// Whether ids may have begun anew between two times, of which one is the later by so much; where one is not known, they have not.
pub fn begun_anew(earlier: Option<Timestamp>, later: Option<Timestamp>) -> bool {
    let known = earlier.filter(|earlier| *earlier >= EARLIEST);
    known.zip(later).is_some_and(|(earlier, later)| later.millis_since(earlier) >= PAUSE)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_read_however_it_is_written() {
        let at = Timestamp(1_770_000_000_500);
        for written in [
            json!("2026-02-02T02:40:00.5Z"),
            json!(" 2026-02-02T02:40:00.5000000+00:00 "),
            json!("2026-02-02T03:40:00.5+01:00"),
            json!("2026-02-02T02:40:00.5"),
            json!("2026-02-02 02:40:00.5"),
            json!(1_770_000_000_500_i64),
            json!("1770000000500"),
            json!(1_770_000_000.5),
            json!("1770000000.5"),
        ] {
            assert_eq!(time(&written), Some(at), "{written}");
        }
        for none in
            [json!(null), json!(""), json!("soon"), json!("Z"), json!([1]), json!(1e300), json!("nan")]
        {
            assert_eq!(time(&none), None, "{none}");
        }
    }

    #[test]
    fn ids_begin_anew_after_a_pause_alone() {
        let at = |minutes: i64| Some(EARLIEST.plus_millis(minutes * 60_000));
        let never = time(&json!("0001-01-01T00:00:00+00:00"));
        assert!(!begun_anew(never, at(5)) && !begun_anew(Some(Timestamp(0)), at(5)));
        assert!(begun_anew(at(0), at(5)));
        assert!(!begun_anew(at(0), at(3)) && !begun_anew(at(5), at(0)));
        assert!(!begun_anew(None, at(5)) && !begun_anew(at(5), None));
    }
}
