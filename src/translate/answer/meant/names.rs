//! What is offered, by what it is called.

use std::{borrow::Cow, collections::HashMap, iter, ops::Range};

use super::{
    number::Numbers,
    wording::{folded, lower, parted},
};
use crate::domain::control::Item;

/// Labels and values, in each form in which people say them: made once, however long and often what is said.
pub struct Names<'a> {
    offered: Vec<(&'a str, &'a str)>,
    /// Which has a name, for each form, the surest first.
    forms: [HashMap<Cow<'a, str>, Option<usize>>; 7],
    numbers: Numbers,
}

/// More than anybody chooses.
const MOST_CHOSEN: usize = 200;
/// A name that holds more of what stands between names is not typed in a list of them.
const MOST_HELD: usize = 10;

/// What stands between the choices of a list, as people write it in any case.
const BETWEEN: [&str; 24] = [
    ",", ";", "\n", "、", "，", "；", "،", "؛", "/", "／", "&", "＆", "・", " and ", " und ", " et ", " y ",
    " e ", " ed ", " en ", " + ", "と", "和", "及",
];

impl<'a> Names<'a> {
    /// Of labels with their values, in order.
    pub fn of(offered: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let offered = offered.into_iter().collect::<Vec<_>>();
        let numbers = Numbers::of(offered.iter().map(|(label, _)| *label));
        let mut names = Self { offered, forms: Default::default(), numbers };
        for (at, (label, value)) in names.offered.iter().enumerate() {
            let bare = folded(label);
            let (pictures, words) = parted(&bare);
            let first = [(*label).into(), lower(label).into(), (*value).into(), lower(value).into()];
            let only = [bare.into(), words.into(), pictures.into()];
            let said = first.map(|form| (form, true)).into_iter().chain(only.map(|form| (form, false)));
            for (names, (form, holds)) in names.forms.iter_mut().zip(said) {
                let name = names.entry(form);
                name.and_modify(|known| *known = known.filter(|_| holds)).or_insert(Some(at));
            }
        }
        // What nobody can say.
        names.forms.iter_mut().for_each(|form| form.retain(|name, _| !name.is_empty()));
        names
    }

    pub fn of_items(items: &'a [Item]) -> Self {
        Self::of(items.iter().map(|item| (item.label.as_str(), item.value.as_str())))
    }

    /// Which a text names, or else numbers.
    pub fn find(&self, text: &str) -> Option<usize> {
        self.named(text).or_else(|| self.numbers.at(text))
    }

    /// Which a text names: by its label, which people see, then by its value, then by its label as people write it. Such a form
    /// says nothing when two labels have it.
    pub fn named(&self, text: &str) -> Option<usize> {
        let (lower, bare) = (lower(text), folded(text));
        let said = [text, &lower, text, &lower].into_iter().chain(iter::repeat(bare.as_str()));
        self.forms.iter().zip(said).find_map(|(form, said)| *form.get(said)?)
    }

    /// Several named in one text, as their values with commas, each once; their names may hold what stands between them.
    pub fn many(&self, text: &str) -> Option<String> {
        let ends = separators(text);
        if ends.len() >= MOST_CHOSEN {
            return None;
        }
        let held =
            self.offered.iter().map(|(label, value)| separators(label).len().max(separators(value).len()));
        let held = held.max().unwrap_or_default().min(MOST_HELD);
        let end = |nth: usize| ends.get(nth).map_or(text.len(), |end| end.start);
        let mut chosen: Vec<&str> = Vec::new();
        let (mut from, mut nth) = (0, 0);
        while nth <= ends.len() {
            let mut longest = (nth..=ends.len().min(nth + held)).rev();
            let found = longest.find_map(|last| Some((vec![self.find(&text[from..end(last)])?], last)));
            let (found, last) = found.or_else(|| Some((self.numbered(&text[from..end(nth)])?, nth)))?;
            // Only between two separators or behind the last there may be nothing.
            if found.is_empty() && chosen.is_empty() {
                return None;
            }
            for value in found.into_iter().map(|at| self.offered[at].1) {
                if !chosen.contains(&value) {
                    chosen.push(value);
                }
            }
            from = ends.get(last).map_or(text.len(), |end| end.end);
            nth = last + 1;
        }
        Some(chosen.join(","))
    }

    /// Those whose numbers a text is, with blanks between them.
    fn numbered(&self, text: &str) -> Option<Vec<usize>> {
        text.split_whitespace().map(|word| self.numbers.at(word)).collect()
    }
}

/// Where a list may be parted; as many as are of use.
fn separators(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let all = BETWEEN.iter().flat_map(|sign| {
        let found = lower.match_indices(sign).take(MOST_CHOSEN);
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
