//! Emphasis. Whether its signs are read as such depends on what stands on both sides of them, which is known at the end only.

use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Strong,
    Emphasis,
    Strike,
}

/// What stands for the beginning and the end of each until then; no text holds them.
const HELD: [(Mark, char, char, &str); 3] = [
    (Mark::Strong, '\u{fdd0}', '\u{fdd1}', "**"),
    (Mark::Emphasis, '\u{fdd2}', '\u{fdd3}', "*"),
    (Mark::Strike, '\u{fdd4}', '\u{fdd5}', "~~"),
];

/// A space without width, by its number: signs of emphasis need something beside them.
pub(super) const BESIDE: &str = "&#8203;";

impl Mark {
    pub fn around(self, inner: &str) -> String {
        let held = HELD.iter().find(|(mark, ..)| *mark == self);
        held.map(|(_, begin, end, _)| format!("{begin}{inner}{end}")).unwrap_or_default()
    }
}

pub(super) const RAISED: [char; 15] =
    ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹', '⁺', '⁻', '⁼', '⁽', '⁾'];
pub(super) const LOWERED: [char; 15] =
    ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉', '₊', '₋', '₌', '₍', '₎'];

/// A number above or below its line (`10⁶`); any other text stays as it is.
pub(super) fn shifted(text: &str, shift: [char; 15]) -> Cow<'_, str> {
    const NUMBERS: &str = "0123456789+-=()";
    let shifted = text.replace('\\', "");
    let shifted = shifted.chars().map(|char| Some(shift[NUMBERS.find(char)?])).collect::<Option<String>>();
    shifted.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A text without the signs that are kept for marks.
pub(super) fn without(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains(is_held) { Cow::Owned(text.replace(is_held, "")) } else { text }
}

fn is_held(char: char) -> bool {
    ('\u{fdd0}'..='\u{fdd5}').contains(&char)
}

/// A text with its marks as Markdown.
pub(super) fn written(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_held) {
        out.push_str(&rest[..at]);
        let end = rest[at..].find(|char| !is_held(char)).map_or(rest.len(), |length| at + length);
        run(&rest[at..end], rest[end..].chars().next(), &mut out);
        rest = &rest[end..];
    }
    out + rest
}

/// Marks side by side: first those that end something, then those that begin something.
fn run(marks: &str, after: Option<char>, out: &mut String) {
    let mut before = out.chars().next_back();
    let mut rest = marks;
    while let Some(first) = rest.chars().next() {
        let ends = is_end(first);
        let length = rest.find(|mark| is_end(mark) != ends).unwrap_or(rest.len());
        let (now, later) = rest.split_at(length);
        let signs = now.chars().map(signs).collect::<String>();
        let mixed = signs.contains('*') && signs.contains('~');
        // What stands within must be a word's sign, or what stands without must be none.
        let (within, without) = if ends { (before, after) } else { (after, before) };
        let parted = without.is_none_or(|char| char.is_whitespace() || char.is_ascii_punctuation());
        let needed = !parted && (mixed || !within.is_some_and(char::is_alphanumeric));
        if !ends && needed {
            out.push_str(BESIDE);
        }
        out.push_str(&signs);
        if ends && (needed || !later.is_empty()) {
            out.push_str(BESIDE);
        }
        before = out.chars().next_back();
        rest = later;
    }
}

fn is_end(mark: char) -> bool {
    HELD.iter().any(|(_, _, end, _)| *end == mark)
}

fn signs(mark: char) -> &'static str {
    HELD.iter().find(|(_, begin, end, _)| mark == *begin || mark == *end).map_or("", |(.., signs)| signs)
}
