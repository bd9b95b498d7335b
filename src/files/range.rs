//! Parts of files, as HTTP asks for them (RFC 9110, section 14).

use std::{fmt, ops::Range};

/// A single part that is asked for. Several at once are never answered, which the RFC allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// From the first byte to the last one, both included; without the last: to the end.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

impl Part {
    /// Reads a `Range` header. `None`, and the whole file is what to answer: another unit, several parts, or
    /// nothing that makes sense.
    pub fn read(header: &str) -> Option<Self> {
        let (unit, part) = header.trim().split_once('=')?;
        let (first, last) = part.trim().split_once('-')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        match (first, last) {
            ("", last) => number(last).map(Self::Last),
            (first, "") => Some(Self::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// The bytes of a file of `length` bytes; `None` when it has no such part.
    pub fn within(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first, last) => first..last.map_or(length, |last| last.saturating_add(1).min(length)),
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (range.start < range.end).then_some(range)
    }

    /// Whether an answer with this `Content-Range` is an answer to what was asked.
    fn is_answered_by(self, first: u64, last: u64, length: Option<u64>) -> bool {
        let within = length.map(|length| self.within(length));
        match (within, self) {
            (Some(range), _) => range.is_some_and(|range| range == (first..last.saturating_add(1))),
            // How long the file is, is not known yet.
            (None, Self::From(start, end)) => first == start && end.is_none_or(|end| last <= end),
            (None, Self::Last(_)) => false,
        }
    }
}

/// As a `Range` header.
impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(first, Some(last)) => write!(out, "bytes={first}-{last}"),
            Self::From(first, None) => write!(out, "bytes={first}-"),
            Self::Last(count) => write!(out, "bytes=-{count}"),
        }
    }
}

/// The `Content-Range` of a part that is given out.
pub fn content_range(range: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1))
}

/// A far end's `Content-Range`, written anew, when it answers `asked`.
pub fn relayed(header: &str, asked: Part) -> Option<String> {
    let (range, length) = header.strip_prefix("bytes ")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let known = match length {
        "*" => None,
        length => Some(number(length)?),
    };
    let fits = first <= last && asked.is_answered_by(first, last, known);
    fits.then(|| format!("bytes {first}-{last}/{length}"))
}

/// The length in the `Content-Range` of a far end that has no such part.
pub fn length_told(header: &str) -> Option<u64> {
    number(header.strip_prefix("bytes */")?)
}

/// Digits alone; `parse` would take a sign as well.
fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_is_understood_and_everything_else_means_the_whole_file() {
        let rows = [
            ("bytes=0-0", Some(Part::From(0, Some(0)))),
            ("bytes=5-9", Some(Part::From(5, Some(9)))),
            ("Bytes = 5-", Some(Part::From(5, None))),
            ("bytes=-5", Some(Part::Last(5))),
            ("bytes=-0", Some(Part::Last(0))),
            ("bytes=9-5", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes=", None),
            ("bytes=+1-2", None),
            ("bytes=--1", None),
            ("bytes=1-2-3", None),
            ("bytes=99999999999999999999-", None),
            ("lines=1-2", None),
            ("", None),
        ];
        for (header, expected) in rows {
            assert_eq!(Part::read(header), expected, "{header:?}");
        }
    }

    #[test]
    fn a_part_lies_within_the_file_or_is_none() {
        let rows = [
            ("bytes=0-0", 10, Some(0..1)),
            ("bytes=0-9", 10, Some(0..10)),
            ("bytes=5-99", 10, Some(5..10)),
            ("bytes=9-", 10, Some(9..10)),
            ("bytes=10-", 10, None),
            ("bytes=10-12", 10, None),
            ("bytes=-3", 10, Some(7..10)),
            ("bytes=-99", 10, Some(0..10)),
            ("bytes=-0", 10, None),
            ("bytes=0-", 0, None),
            ("bytes=-1", 0, None),
            ("bytes=1-18446744073709551615", 10, Some(1..10)),
        ];
        for (header, length, expected) in rows {
            let part = Part::read(header).expect("a part");
            assert_eq!(part.within(length), expected, "{header} of {length}");
            assert_eq!(Part::read(&part.to_string()), Some(part), "{header} reads back");
        }
    }

    #[test]
    fn a_far_ends_part_is_relayed_only_when_it_is_the_one_that_was_asked_for() {
        let rows = [
            ("bytes=1-2", "bytes 1-2/4", Some("bytes 1-2/4")),
            ("bytes=1-9", "bytes 1-3/4", Some("bytes 1-3/4")),
            ("bytes=1-", "bytes 1-3/4", Some("bytes 1-3/4")),
            ("bytes=1-", "bytes 1-3/*", Some("bytes 1-3/*")),
            ("bytes=-2", "bytes 2-3/4", Some("bytes 2-3/4")),
            ("bytes=-2", "bytes 2-3/*", None),
            ("bytes=1-2", "bytes 0-2/4", None),
            ("bytes=1-2", "bytes 1-3/4", None),
            ("bytes=1-2", "bytes 1-2/2", None),
            ("bytes=1-2", "bytes 2-1/4", None),
            ("bytes=1-2", "bytes */4", None),
            ("bytes=1-2", "lines 1-2/4", None),
            ("bytes=1-2", "bytes 1-2/4\r\nx: y", None),
            ("bytes=1-2", "", None),
        ];
        for (asked, told, expected) in rows {
            let asked = Part::read(asked).expect("a part");
            assert_eq!(relayed(told, asked).as_deref(), expected, "{asked}: {told:?}");
        }
        assert_eq!((length_told("bytes */7"), length_told("bytes 1-2/7")), (Some(7), None));
    }
}
