//! Numbers that stand for choices.

use std::{cmp::Ordering, collections::HashMap};

use super::wording::{BULLETS, KEYCAP, plain};

/// The numbers of what is offered: of its places, and those that its labels begin with.
pub(super) struct Numbers {
    places: usize,
    labelled: usize,
    /// Which has a number in its label, when no other has it.
    only: HashMap<usize, Option<usize>>,
}

impl Numbers {
    pub fn of<'a>(labels: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let mut numbers = Self { places: labels.len(), labelled: 0, only: HashMap::new() };
        for (at, number) in labels.enumerate().filter_map(|(at, label)| Some((at, begins_with(label)?))) {
            numbers.labelled += 1;
            if let Ok(number) = number.parse() {
                numbers.only.entry(number).and_modify(|only| *only = None).or_insert(Some(at));
            }
        }
        numbers
    }

    /// The choice at that place; beside labels that are numbers, the only one whose number it is.
    pub fn at(&self, text: &str) -> Option<usize> {
        let nth = number(text)?;
        let only = self.only.get(&nth).copied().flatten();
        let place = || nth.checked_sub(1).filter(|at| *at < self.places);
        match (self.labelled * 2).cmp(&self.places) {
            Ordering::Less => place(),
            // The number may be a part of a name: `1Password` beside another.
            Ordering::Equal => only.or_else(place),
            Ordering::Greater => only,
        }
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
