//! What words mean that answer a question.

use std::ops::Range;

use icu_normalizer::DecomposingNormalizerBorrowed;

use super::{CONTINUE, SKIP, Said, moment};
use crate::{
    domain::control::{Choice, ChoiceKind, Control, Item, Moment, MultiPart, TextInput, Upload},
    translate::texts::{self, Text},
};

/// What a text means as an answer to a control; `None` when it is only text.
pub(super) fn meant(text: &str, pending: &Control) -> Option<Said> {
    // What is typed into a hidden input may be the very word.
    let skips = |optional: bool| {
        let by_word = !pending.is_secure() && texts::is_said(Text::Skip, text);
        (optional && (by_word || text.trim() == SKIP)).then(|| Said::chosen(SKIP))
    };
    match pending {
        Control::MultiPart(MultiPart { heading: _, part, more_label, last: _ }) => {
            let named = match more_label {
                Some(label) => same(text, label),
                None => texts::is_said(Text::More, text),
            };
            let more = text.trim() == CONTINUE || named;
            more.then(|| Said::chosen(CONTINUE)).or_else(|| meant(text, part))
        }
        Control::Choice(choice) => {
            let Choice { kind, prompt: _, items: _, look: _, several, optional, card: _ } = choice;
            let offered = choice.offered();
            let items = &*offered;
            one(text, items)
                .or_else(|| several.then(|| many(text, items).map(Said::chosen))?)
                .or_else(|| (*kind == ChoiceKind::Boolean).then(|| yes_or_no(text, items))?)
                .or_else(|| skips(*optional))
        }
        Control::Card(card) => one(text, &card.actions),
        Control::TextInput(TextInput { prompt: _, mask: _, optional }) => skips(*optional),
        Control::Moment(Moment { kind, prompt: _, optional }) => {
            moment::read(text, *kind).map(Said::typed).or_else(|| skips(*optional))
        }
        Control::Upload(Upload { prompt: _, max_count: _, max_megabytes: _, pictures_only: _, optional }) => {
            skips(*optional)
        }
        Control::Text { text: _ }
        | Control::Masked(_)
        | Control::Generated(_)
        | Control::Html(_)
        | Control::Link(_)
        | Control::Image(_)
        | Control::Table(_)
        | Control::GroupedParts(_)
        | Control::Progress(_)
        | Control::Degraded { ui_type: _, text: _ } => None,
    }
}

fn one(text: &str, items: &[Item]) -> Option<Said> {
    find(text, items).map(|item| Said::chosen(&item.value))
}

/// How else people say yes and no, in the languages that we have texts in.
const YES: &str = "y yes yeah yep yup sure ok okay j ja jep klar jawohl jawel oui ouais d'accord sí claro vale s sim certo \
    はい うん ええ いいよ 是 是的 对 好 好的 可以";
const NO: &str = "n no nope nah nein nö nee non não いいえ いえ いや ううん 不 不是 不要 不行 否 没有";

/// Whether a text says yes or no, in any language.
pub fn says(text: &str) -> Option<bool> {
    let text = folded(text);
    let is_one = |word, others: &str, value| {
        text == value || texts::is_said(word, &text) || others.split(' ').any(|other| folded(other) == text)
    };
    let is_yes = is_one(Text::Yes, YES, "true");
    (is_yes || is_one(Text::No, NO, "false")).then_some(is_yes)
}

/// The choice that says yes or no, as the text does.
fn yes_or_no(text: &str, items: &[Item]) -> Option<Said> {
    let said = says(text)?;
    let alike = |item: &&Item| [&item.label, &item.value].iter().any(|text| says(text) == Some(said));
    items.iter().find(alike).map(|item| Said::chosen(&item.value))
}

/// More than anybody chooses.
const MOST_CHOSEN: usize = 200;

/// What stands between the choices of a list, as people write it.
const BETWEEN: [&str; 16] = [
    ",", ";", "\n", "、", "，", "；", " and ", " und ", " et ", " y ", " e ", " en ", " & ", " + ", "と",
    "和",
];

/// Several choices named in one text, as their values with commas; their names may hold what stands between them.
pub fn many(text: &str, items: &[Item]) -> Option<String> {
    let ends = separators(text);
    if ends.len() >= MOST_CHOSEN {
        return None;
    }
    let held = |item: &Item| separators(&item.label).len().max(separators(&item.value).len());
    let held = items.iter().map(held).max().unwrap_or_default();
    let end = |nth: usize| ends.get(nth).map_or(text.len(), |end| end.start);
    let mut chosen = Vec::new();
    let (mut from, mut nth) = (0, 0);
    while nth <= ends.len() {
        let mut longest = (nth..=ends.len().min(nth + held)).rev();
        let last = match longest.find_map(|last| Some((find(&text[from..end(last)], items)?, last))) {
            Some((item, last)) => {
                chosen.push(item.value.as_str());
                last
            }
            // Between two separators, or behind the last.
            None if !chosen.is_empty() && text[from..end(nth)].trim().is_empty() => nth,
            None => return None,
        };
        from = ends.get(last).map_or(text.len(), |end| end.end);
        nth = last + 1;
    }
    Some(chosen.join(","))
}

/// Where a list may be parted; as many as are of use.
fn separators(text: &str) -> Vec<Range<usize>> {
    let all = BETWEEN.iter().flat_map(|sign| {
        let found = text.match_indices(sign).take(MOST_CHOSEN);
        found.map(|(at, _)| at..at + sign.len())
    });
    let mut all = all.collect::<Vec<_>>();
    all.sort_unstable_by_key(|end| end.start);
    let mut from = 0;
    all.retain(|end| {
        let apart = end.start >= from;
        from = if apart { end.end } else { from };
        apart
    });
    all
}

/// The choice a text names: exactly first, then as people write, then by its number.
pub fn find<'a>(text: &str, items: &'a [Item]) -> Option<&'a Item> {
    let exact = |item: &&Item| item.label == text || item.value == text;
    items
        .iter()
        .find(exact)
        .or_else(|| items.iter().find(|item| same(text, &item.label) || same(text, &item.value)))
        .or_else(|| {
            let text = folded(text);
            items.iter().find(|item| !text.is_empty() && folded(&item.label) == text)
        })
        .or_else(|| items.get(number(text)?.checked_sub(1)?))
}

/// `2`, `2.`, `2)`, `(2)` or `#2`, in any digits.
fn number(text: &str) -> Option<usize> {
    let text = text.trim();
    let signed = text.starts_with(['-', '+']);
    (!signed && text.len() < 20).then(|| folded(text).parse().ok())?
}

fn same(text: &str, other: &str) -> bool {
    let (text, other) = (text.trim(), other.trim());
    !other.is_empty() && (text == other || text.to_lowercase() == other.to_lowercase())
}

/// A text without what people leave out or put in when they repeat one: case, accents, width, signs around it, blanks in it.
fn folded(text: &str) -> String {
    let whole = DecomposingNormalizerBorrowed::new_nfkd().normalize(text);
    let plain = whole.chars().filter(|char| !('\u{300}'..='\u{36f}').contains(char)).map(western);
    let lower = plain.collect::<String>().to_lowercase().replace('ß', "ss").replace('’', "'");
    let inner = lower.trim_matches(|char: char| !char.is_alphanumeric());
    inner.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Digits of the scripts that are written from right to left, and of India's, as ours.
fn western(char: char) -> char {
    let zero = ['\u{660}', '\u{6f0}', '\u{966}']
        .into_iter()
        .find(|zero| (*zero..).take(10).any(|digit| digit == char));
    let digit = zero.and_then(|zero| char::from_digit(u32::from(char) - u32::from(zero), 10));
    digit.unwrap_or(char)
}
