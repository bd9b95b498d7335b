//! Where a client stands in its conversation, once it has been escalated: how far it has read the journal,
//! and how far the Direct Line conversation behind that.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

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
    /// The bot was cut off, and the client has all that came before.
    End,
}

const OURS: &str = "h1.";

impl Cursor {
    /// Reads a client's watermark. One that is not ours is Direct Line's, from before the first hand-off.
    pub fn read(watermark: Option<&str>) -> Self {
        let Some(raw) = watermark.filter(|raw| !raw.is_empty()) else {
            return Self { local: 0, segment: 0, upstream: Upstream::Start, typed: 0 };
        };
        let theirs = || Self { local: 0, segment: 0, upstream: Upstream::At(raw.to_owned()), typed: 0 };
        parse(raw).unwrap_or_else(theirs)
    }

    pub fn write(&self) -> String {
        let Self { local, segment, upstream, typed } = self;
        let typed = if *typed == 0 { String::new() } else { format!(".{typed}") };
        match upstream {
            Upstream::Start => format!("{OURS}{local}.{segment}.s{typed}"),
            Upstream::End => format!("{OURS}{local}.{segment}.e{typed}"),
            Upstream::At(at) => format!("{OURS}{local}.{segment}.a{}{typed}", URL_SAFE_NO_PAD.encode(at)),
        }
    }
}

/// Whether a watermark can only have come from us, in a conversation that was handed over.
pub fn is_ours(watermark: &str) -> bool {
    parse(watermark).is_some()
}

fn parse(raw: &str) -> Option<Cursor> {
    let mut parts = raw.strip_prefix(OURS)?.splitn(4, '.');
    let local = parts.next()?.parse().ok()?;
    let segment = parts.next()?.parse().ok()?;
    let upstream = match parts.next()?.split_at_checked(1)? {
        ("s", "") => Upstream::Start,
        ("e", "") => Upstream::End,
        ("a", at) => Upstream::At(String::from_utf8(URL_SAFE_NO_PAD.decode(at).ok()?).ok()?),
        _ => return None,
    };
    let typed = parts.next().map_or(Some(0), |typed| typed.parse().ok())?;
    Some(Cursor { local, segment, upstream, typed })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_watermark_reads_back_as_written(
            local: u64, segment in 0_usize..9, at in ".*", which in 0..3, typed: u32,
        ) {
            let upstream = [Upstream::Start, Upstream::At(at), Upstream::End][which as usize].clone();
            let cursor = Cursor { local, segment, upstream, typed };
            let written = cursor.write();
            prop_assert!(written.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)));
            prop_assert_eq!(Cursor::read(Some(&written)), cursor);
        }

        #[test]
        fn anything_else_is_direct_lines(raw in "[^h].*") {
            let expected = Cursor { local: 0, segment: 0, upstream: Upstream::At(raw.clone()), typed: 0 };
            prop_assert_eq!(Cursor::read(Some(&raw)), expected);
        }
    }
}
