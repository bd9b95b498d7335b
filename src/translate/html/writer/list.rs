//! Lists and their items.

use super::{Element, Frame, Writer};
use crate::translate::html::tokens::Tag;

impl Writer {
    pub(super) fn list(&self, tag: &Tag) -> Element {
        if tag.name != "ol" {
            return Element::List(None, if self.follows_list("-") { '*' } else { '-' });
        }
        let first = tag.attribute("start").and_then(|at| at.parse().ok()).unwrap_or(1);
        Element::List(Some(first), if self.follows_list(".") { ')' } else { '.' })
    }

    pub(super) fn next_item(&mut self, tag: &Tag) -> Element {
        self.close_within("li", &["ul", "ol", "menu"]);
        let number = tag.attribute("value").and_then(|at| at.parse().ok());
        if let (Some(Frame { kind: Element::List(Some(next), _), .. }), Some(number)) =
            (self.frames.last_mut(), number)
        {
            *next = number;
        }
        Element::Item
    }

    pub(super) fn item(&mut self, text: &str) {
        let mark = match self.frames.last_mut() {
            Some(Frame { kind: Element::List(Some(next), sign), .. }) => {
                let number = *next;
                *next = next.saturating_add(1);
                format!("{number}{sign} ")
            }
            Some(Frame { kind: Element::List(None, sign), .. }) => format!("{sign} "),
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

    /// Whether a list stands right before this whose items have this sign: with it, Markdown would take both for one.
    fn follows_list(&self, sign: &str) -> bool {
        let text = self.frames.last().map_or("", |frame| &frame.text);
        let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
        let mark = last.trim_start_matches(|char: char| char.is_ascii_digit());
        mark.strip_prefix(sign).is_some_and(|rest| rest.starts_with(' '))
    }
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
