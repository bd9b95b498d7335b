//! Lists and their items.

use super::{Element, Frame, Writer};
use crate::translate::html::tokens::Tag;

impl Writer {
    pub(super) fn list(tag: &Tag) -> Element {
        let first = tag.attribute("start").and_then(|at| at.parse().ok()).unwrap_or(1);
        Element::List((tag.name == "ol").then_some(first))
    }

    pub(super) fn next_item(&mut self, tag: &Tag) -> Element {
        self.close_within("li", &["ul", "ol", "menu"]);
        let number = tag.attribute("value").and_then(|at| at.parse().ok());
        if let (Some(Frame { kind: Element::List(Some(next)), .. }), Some(number)) =
            (self.frames.last_mut(), number)
        {
            *next = number;
        }
        Element::Item
    }

    pub(super) fn item(&mut self, text: &str) {
        let mark = match self.frames.last_mut() {
            Some(Frame { kind: Element::List(Some(next)), .. }) => {
                let number = *next;
                *next = next.saturating_add(1);
                format!("{number}. ")
            }
            _ => "- ".to_owned(),
        };
        let indent = format!("\n{}", " ".repeat(mark.len()));
        let inner = without_gaps(text.trim()).join(&indent);
        let top = self.top();
        top.truncate(top.trim_end().len());
        if !top.is_empty() {
            top.push('\n');
        }
        top.push_str(&format!("{mark}{inner}\n"));
    }

    /// Right behind a list with the same signs it has others: with those, Markdown would take both for one.
    pub(super) fn whole_list(&mut self, text: &str) {
        let signs = [("- ", "* "), (". ", ") ")].into_iter().find(|(sign, _)| marked(text, sign).is_some());
        let Some((sign, other)) = signs.filter(|(sign, _)| !self.in_row && self.follows_list(sign)) else {
            return self.block(text);
        };
        let line = |line| match marked(line, sign) {
            Some((number, words)) => format!("{number}{other}{words}"),
            None => line.to_owned(),
        };
        self.block(&text.lines().map(line).collect::<Vec<_>>().join("\n"));
    }

    fn follows_list(&mut self, sign: &str) -> bool {
        let before = self.top().trim_end().rsplit("\n\n").next().unwrap_or_default();
        marked(before, sign).is_some()
    }
}

/// The number and the words of an item with this sign.
fn marked<'a>(text: &'a str, sign: &str) -> Option<(&'a str, &'a str)> {
    let words = text.trim_start_matches(|char: char| char.is_ascii_digit());
    Some((&text[..text.len() - words.len()], words.strip_prefix(sign)?))
}

/// The lines without those that are blank, but in code, where they stand for themselves.
fn without_gaps(text: &str) -> Vec<&str> {
    let mut fence = 0;
    let is_kept = |line: &&str| {
        let line = line.trim();
        let run = line.len() - line.trim_start_matches('`').len();
        match fence {
            0 if run >= 3 => fence = run,
            0 => return !line.is_empty(),
            open if run >= open && run == line.len() => fence = 0,
            _ => {}
        }
        true
    };
    text.lines().filter(is_kept).collect()
}
