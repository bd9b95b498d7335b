//! Numbers that stand for choices.

use std::cmp::Ordering;

use super::{BULLETS, KEYCAP, plain};
use crate::domain::control::Item;

/// The choice at that place; beside labels that are numbers, the only one whose number it is.
pub(super) fn at_number<'a>(text: &str, items: &'a [Item]) -> Option<&'a Item> {
    let nth = number(text)?;
    let labels = items.iter().map(|item| (item, begins_with(&item.label)));
    let numbered = labels.filter_map(|(item, number)| Some((item, number?))).collect::<Vec<_>>();
    let mut same = numbered.iter().filter(|(_, number)| number.parse() == Ok(nth));
    let only = same.next().filter(|_| same.next().is_none()).map(|(item, _)| *item);
    let place = || items.get(nth.checked_sub(1)?);
    match (numbered.len() * 2).cmp(&items.len()) {
        Ordering::Less => place(),
        // The number may be a part of a name: `1Password` beside another.
        Ordering::Equal => only.or_else(place),
        Ordering::Greater => only,
    }
}

/// The number that a label begins with, with the signs before and in it that say how much: not those that make an item of it.
fn begins_with(label: &str) -> Option<String> {
    let plain = plain(label);
    let signs = plain.find(char::is_alphanumeric)?;
    let digits = plain[signs..].find(|char: char| !(char.is_ascii_digit() || matches!(char, '.' | ',')));
    let number = plain[..signs + digits.unwrap_or(plain.len() - signs)].trim().trim_end_matches(['.', ',']);
    let marks = |char: char| char.is_whitespace() || "([{#*_".contains(char) || BULLETS[1..].contains(&char);
    let number = number.strip_prefix("- ").unwrap_or(number).trim_start_matches(marks);
    number.ends_with(|char: char| char.is_ascii_digit()).then(|| number.to_owned())
}

/// `2`, `2.`, `2)`, `(2)` or `#2`, in any digits.
pub(super) fn number(text: &str) -> Option<usize> {
    let text = plain(text);
    let text = text.trim();
    let bare = match (text.strip_prefix('#'), text.strip_suffix(')')) {
        (Some(bare), _) => bare,
        (None, Some(rest)) => rest.strip_prefix('(').unwrap_or(rest),
        (None, None) => text.strip_suffix(['.', '。', KEYCAP]).unwrap_or(text),
    };
    bare.bytes().all(|byte| byte.is_ascii_digit()).then(|| bare.parse().ok())?
}
