//! Where a client stands in its conversation, once it has been escalated: how far it has read the journal,
//! and how far the Direct Line conversation behind that.

use std::{borrow::Cow, ops::Range};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bytes of activities that one answer holds, unless a single one is larger: an answer stays in memory until it is read.
pub const LARGEST_PAGE: usize = 1 << 20;

/// A client's place. Opaque to it; written with URL-safe characters only, since clients don't encode it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Facts of the journal the client has been given.
    pub local: u64,
    /// Which of the bot's stretches; 0 is the conversation before its first hand-off.
    pub segment: usize,
    pub upstream: Upstream,
    /// How often the client was told that whoever types still does.
    pub typed: u32,
}

/// A place in a Direct Line conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    Start,
    At(String),
    Inside(Inside),
    /// The bot was cut off, and the client has all that came before.
    End,
}

/// A place in an answer of Direct Line's, which may be larger than one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The watermark Direct Line was asked with, and is asked with again.
    pub from: Option<String>,
    /// How many of the answer's activities the client has.
    pub shown: usize,
    /// The id of the last of them; empty when it has none.
    pub last: String,
}

/// An activity of an answer that may have to go out in several.
pub trait Piece {
    /// Empty when it has none.
    fn id(&self) -> Cow<'_, str>;
    /// Bytes, near enough.
    fn size(&self) -> usize;
}

/// What of an answer of Direct Line's goes out with one of ours.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub shown: Range<usize>,
    /// Where the next one begins; `None`: this is the rest.
    pub next: Option<Inside>,
}

impl Inside {
    /// How many of these the client has; `None` when the last it has is not where it was, nor before.
    pub fn skip(&self, activities: &[impl Piece]) -> Option<usize> {
        let seen = activities.get(..self.shown).unwrap_or(activities);
        seen.iter().rposition(|piece| piece.id() == self.last).map(|at| at + 1)
    }
}

impl Part {
    /// The activities from `skip` on of what Direct Line answered to `from`, as many as `room` bytes hold, and at least one.
    pub fn of(activities: &[impl Piece], from: Option<&str>, skip: usize, room: usize) -> Self {
        let mut size = 0;
        for (at, piece) in activities.iter().enumerate().skip(skip) {
            size += piece.size();
            if size > room && at > skip {
                let last = activities[at - 1].id().into_owned();
                let next = Inside { from: from.map(str::to_owned), shown: at, last };
                return Self { shown: skip..at, next: Some(next) };
            }
        }
        Self { shown: skip..activities.len(), next: None }
    }
}

const OURS: &str = "h1.";

impl Cursor {
    /// Reads a client's watermark. One that is not ours is Direct Line's, from before the first hand-off; one of ours that was
    /// garbled says nothing.
    pub fn read(watermark: Option<&str>) -> Self {
        let upstream = match watermark.filter(|raw| !raw.is_empty()) {
            Some(raw) if is_ours(raw) => match parse(raw) {
                Some(cursor) => return cursor,
                None => Upstream::Start,
            },
            Some(theirs) => Upstream::At(theirs.to_owned()),
            None => Upstream::Start,
        };
        Self { local: 0, segment: 0, upstream, typed: 0 }
    }

    pub fn write(&self) -> String {
        let Self { local, segment, upstream, typed } = self;
        let typed = if *typed == 0 { String::new() } else { format!(".{typed}") };
        match upstream {
            Upstream::Start => format!("{OURS}{local}.{segment}.s{typed}"),
            Upstream::End => format!("{OURS}{local}.{segment}.e{typed}"),
            Upstream::At(at) => format!("{OURS}{local}.{segment}.a{}{typed}", URL_SAFE_NO_PAD.encode(at)),
            Upstream::Inside(Inside { from, shown, last }) => {
                let from =
                    from.as_ref().map_or("s".to_owned(), |at| format!("a{}", URL_SAFE_NO_PAD.encode(at)));
                let last = URL_SAFE_NO_PAD.encode(last);
                format!("{OURS}{local}.{segment}.i{shown}~{from}~{last}{typed}")
            }
        }
    }
}

impl Upstream {
    /// What Direct Line is asked with to go on from here.
    pub fn asked(&self) -> Option<&str> {
        match self {
            Self::At(at) => Some(at),
            Self::Inside(inside) => inside.from.as_deref(),
            Self::Start | Self::End => None,
        }
    }
}

/// Whether a watermark can only have come from us, whatever became of it on the way: Direct Line's don't look like that.
pub fn is_ours(watermark: &str) -> bool {
    watermark.starts_with(OURS)
}

fn parse(raw: &str) -> Option<Cursor> {
    let mut parts = raw.strip_prefix(OURS)?.splitn(4, '.');
    let local = parts.next()?.parse().ok()?;
    let segment = parts.next()?.parse().ok()?;
    let upstream = match parts.next()?.split_at_checked(1)? {
        ("s", "") => Upstream::Start,
        ("e", "") => Upstream::End,
        ("a", at) => Upstream::At(decoded(at)?),
        ("i", inside) => Upstream::Inside(parse_inside(inside)?),
        _ => return None,
    };
    let typed = parts.next().map_or(Some(0), |typed| typed.parse().ok())?;
    Some(Cursor { local, segment, upstream, typed })
}

fn parse_inside(raw: &str) -> Option<Inside> {
    let mut parts = raw.splitn(3, '~');
    let shown = parts.next()?.parse().ok()?;
    let from = match parts.next()?.split_at_checked(1)? {
        ("s", "") => None,
        ("a", at) => Some(decoded(at)?),
        _ => return None,
    };
    Some(Inside { from, shown, last: decoded(parts.next()?)? })
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_watermark_reads_back_as_written(
            local: u64, segment in 0_usize..9, at in ".*", last in ".*", which in 0..5, typed: u32,
        ) {
            let inside = |from| Upstream::Inside(Inside { from, shown: segment, last: last.clone() });
            let upstream = match which {
                0 => Upstream::Start,
                1 => Upstream::At(at),
                2 => inside(Some(at)),
                3 => inside(None),
                _ => Upstream::End,
            };
            let cursor = Cursor { local, segment, upstream, typed };
            let written = cursor.write();
            prop_assert!(written.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-~".contains(&b)));
            prop_assert_eq!(Cursor::read(Some(&written)), cursor);
        }

        #[test]
        fn anything_else_is_direct_lines(raw in "[^h].*") {
            let expected = Cursor { local: 0, segment: 0, upstream: Upstream::At(raw.clone()), typed: 0 };
            prop_assert_eq!(Cursor::read(Some(&raw)), expected);
        }
    }

    #[test]
    fn one_of_ours_that_was_garbled_says_nothing() {
        for raw in [
            "h1.",
            "h1.5",
            "h1.-1.0.e",
            "h1.0.0.x",
            "h1.0.0.a%",
            "h1.0.0.i1~s",
            "h1.0.0.ix~s~YQ",
            "h1.1.0.e.e",
        ] {
            assert!(is_ours(raw));
            assert_eq!(Cursor::read(Some(raw)), Cursor::read(None), "{raw}");
        }
    }

    #[derive(Clone, Debug)]
    struct Sized(Option<String>, usize);

    impl Piece for Sized {
        fn id(&self) -> Cow<'_, str> {
            self.0.as_deref().unwrap_or_default().into()
        }

        fn size(&self) -> usize {
            self.1
        }
    }

    #[test]
    fn a_part_has_what_there_is_room_for_and_at_least_one_with_and_without_ids() {
        let of = |sizes: &[(&str, usize)]| -> Vec<Sized> {
            let piece = |(id, size): &(&str, usize)| Sized((!id.is_empty()).then(|| (*id).to_owned()), *size);
            sizes.iter().map(piece).collect()
        };
        let rows = [
            (of(&[]), 0..0, None),
            (of(&[("a", 5), ("b", 5)]), 0..2, None),
            (of(&[("a", 5), ("b", 6)]), 0..1, Some("a")),
            (of(&[("a", 50), ("b", 1)]), 0..1, Some("a")),
            (of(&[("a", 5), ("", 5), ("c", 1)]), 0..2, Some("")),
            (of(&[("", 50), ("", 50)]), 0..1, Some("")),
            (of(&[("", 50), ("b", 50), ("c", 1)]), 0..1, Some("")),
        ];
        for (pieces, shown, last) in rows {
            let part = Part::of(&pieces, Some("w"), 0, 10);
            let next = last.map(|last| Inside {
                from: Some("w".to_owned()),
                shown: shown.end,
                last: last.to_owned(),
            });
            assert_eq!(part, Part { shown, next }, "{pieces:?}");
        }
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole(
            ids in proptest::collection::vec(proptest::option::weighted(0.9, "[ab]"), 0..20),
            room in 1_usize..50, gone in 0_usize..3,
        ) {
            let all: Vec<_> = ids.into_iter().zip(1..).map(|(id, size)| Sized(id, size)).collect();
            let (mut skip, mut seen) = (0, 0);
            loop {
                let part = Part::of(&all, None, skip, room);
                prop_assert_eq!(part.shown.start, seen);
                prop_assert!(part.shown.end > seen || all.is_empty());
                seen = part.shown.end;
                let Some(next) = part.next else { break };
                skip = next.skip(&all).expect("it is there");
                // What Direct Line no longer tells is no reason to leave out what it does.
                let fewer = all.get(gone.min(seen - 1)..).unwrap_or_default();
                prop_assert!(next.skip(fewer).is_none_or(|skip| skip <= seen));
            }
            prop_assert_eq!(seen, all.len());
        }
    }
}
