//! This machine's clock against those of the far ends: signatures, tokens and SAS links go by it.

use super::{answer::Answer, finding::Finding};
use crate::{domain::Timestamp, far_end};

/// Seconds.
const NOTICEABLE: u64 = 30;
/// Seconds: as far as tokens are usually allowed to be off.
const TOO_FAR: u64 = 300;

/// Judges by the `Date` header; nothing when there is none.
pub(super) fn check(code: &'static str, place: &str, answer: &Answer) -> Option<Finding> {
    Some(judge(code, place, answer.at, far_end::http_date(answer.header("date"))?))
}

fn judge(code: &'static str, place: &str, ours: Timestamp, theirs: Timestamp) -> Finding {
    let millis = ours.millis_since(theirs);
    let seconds = millis.unsigned_abs() / 1000;
    let side = if millis < 0 { "behind" } else { "ahead of" };
    let text = format!("This machine's clock is {seconds} s {side} that of {place}.");
    let fix = "Let this machine set its clock by NTP; if it does, the other clock is off.";
    match seconds {
        0..NOTICEABLE => {
            Finding::good(code, format!("The clocks here and at {place} agree within {NOTICEABLE} s."))
        }
        NOTICEABLE..TOO_FAR => Finding::caution(code, text).fix(fix),
        TOO_FAR.. => {
            let text = format!("{text} Tokens and signatures count as expired, or not yet as valid.");
            Finding::wrong(code, text).fix(fix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn half_a_minute_is_noticed_and_five_are_too_many() {
        let rows = [
            (0, Verdict::Good),
            (29_999, Verdict::Good),
            (30_000, Verdict::Caution),
            (-30_000, Verdict::Caution),
            (299_999, Verdict::Caution),
            (300_000, Verdict::Wrong),
            (-7_200_000, Verdict::Wrong),
        ];
        for (off, expected) in rows {
            let theirs = Timestamp(1_700_000_000_000);
            let found = judge("clock.x", "x", Timestamp(theirs.0 + off), theirs);
            assert_eq!(found.verdict, expected, "{off}: {found}");
            assert_eq!(found.fix.is_some(), expected != Verdict::Good);
        }
    }
}
