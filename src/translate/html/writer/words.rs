//! What stands between the tags.

use std::borrow::Cow;

use super::{Element, Reading, Writer, is_mark, marks, space};
use crate::translate::{
    html::entities,
    markdown::{escape, typed},
    readable::flat,
};

impl Writer {
    /// Text as it stands, its character references not yet resolved.
    pub fn text(&mut self, text: &str) {
        // In Markdown's own code they mean themselves.
        let markdown = self.reading == Reading::Markdown && !self.is_in_code();
        let text = &*marks::without(if markdown { Cow::Borrowed(text) } else { entities(text) });
        if markdown {
            return self.markdown(text);
        }
        if self.is_inside(|kind| matches!(kind, Element::Pre)) {
            return self.top().push_str(text);
        }
        let text = if self.reading == Reading::Html { text } else { self.behind_end(text) };
        let mut lines = text.split('\n');
        self.line(lines.next().unwrap_or_default());
        for line in lines {
            match self.reading {
                Reading::Lines => self.break_line(),
                Reading::Html | Reading::Markdown => space(self.top()),
            }
            self.line(line);
        }
    }

    /// A line of blanks would end what it stands in: bold words, or Markdown's items and quotes.
    pub(super) fn break_line(&mut self) {
        let is_held =
            self.reading == Reading::Markdown || self.is_inside(|kind| matches!(kind, Element::Inline(_)));
        let (in_code, in_row) = (self.is_in_code(), self.in_row);
        let top = self.top();
        let is_blank = || top.trim_end_matches([' ', '\t']).ends_with('\n') || is_mark(top);
        match (in_row, in_code) {
            (true, _) => space(top),
            (false, true) => top.push('\n'),
            (false, false) if is_held && is_blank() => top.push_str("&nbsp;  \n"),
            (false, false) => top.push_str("  \n"),
        }
    }

    /// A text without its own end of a line or a paragraph that a tag has ended.
    fn behind_end<'t>(&mut self, text: &'t str) -> &'t str {
        let top = self.top();
        match text.strip_prefix('\n') {
            Some(_) if top.ends_with("\n\n") => text.trim_start_matches('\n'),
            Some(rest) if top.ends_with("  \n") && !rest.starts_with('\n') => rest,
            _ => text,
        }
    }

    /// Markdown as it stands, without the indent that the lines behind a block's tag have: it would make code of them.
    fn markdown(&mut self, text: &str) {
        let is_behind_tag = self.top().is_empty() || self.top().ends_with("\n\n");
        if let Some(line) = text.strip_prefix('\n').filter(|_| is_behind_tag) {
            let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
            self.line_end = format!("\n{}", &line[..blanks]);
        }
        let is_code = text.starts_with(['`', '~']);
        let text = if is_code { text.to_owned() } else { text.replace(&self.line_end, "\n") };
        let text = self.behind_end(&text);
        if self.is_inside(|kind| matches!(kind, Element::Cell(_))) {
            let text = text.replace("\\|", "|").replace('|', "\\|");
            return self.put(&text);
        }
        self.put(text);
    }

    /// Text without the end of a line in it.
    fn line(&mut self, text: &str) {
        if text.starts_with(char::is_whitespace) {
            self.space_before();
        }
        let flat = flat(text);
        if flat.is_empty() {
            return;
        }
        if self.is_inside(|kind| matches!(kind, Element::Code)) {
            self.top().push_str(&flat);
        } else if self.is_inside(|kind| matches!(kind, Element::Link(..))) {
            self.top().push_str(&escape(&flat));
        } else {
            self.put(&typed(&flat));
        }
        if text.ends_with(char::is_whitespace) {
            space(self.top());
        }
    }

    /// A blank with which an element within a line begins stands before that.
    fn space_before(&mut self) {
        for frame in self.frames.iter_mut().rev() {
            use Element::*;
            let within =
                matches!(frame.kind, Through | Inline(_) | Code | Link(..) | Quoted | Raised | Lowered);
            if !frame.text.is_empty() || !within {
                return space(&mut frame.text);
            }
        }
    }
}
