//! What stands within a line: emphasis, code, links, pictures.

use std::borrow::Cow;

use super::{Element, Writer, flat, in_a_line, marks::Mark, space};
use crate::translate::{
    html::tokens::Tag,
    markdown::{destination, escape},
    picture,
};

impl Writer {
    pub(super) fn surround(&mut self, text: &str, mark: Mark) {
        let inner = text.trim();
        if inner.is_empty() || inner.contains("\n\n") {
            return self.top().push_str(text);
        }
        self.spaced(text, &mark.around(&closed(inner)));
    }

    /// Writes what stands for a text, with a blank where that has one.
    fn spaced(&mut self, text: &str, written: &str) {
        let top = self.top();
        if text.starts_with([' ', '\n']) {
            space(top);
        }
        top.push_str(written);
        if text.ends_with([' ', '\n']) {
            space(top);
        }
    }

    pub(super) fn code(&mut self, text: &str) {
        let fence = "`".repeat(longest_run(text) + 1);
        // It ends with its paragraph, and what stands behind that would be read as Markdown.
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let mut inner = lines.join(" ");
        if self.is_inside(|kind| matches!(kind, Element::Cell(_))) {
            inner = inner.replace('|', "\\|");
        }
        if !inner.is_empty() {
            let pad = if inner.starts_with('`') || inner.ends_with('`') { " " } else { "" };
            self.top().push_str(&format!("{fence}{pad}{inner}{pad}{fence}"));
        }
    }

    pub(super) fn preformatted(&mut self, text: &str) {
        let in_a_line =
            |kind: &Element| matches!(kind, Element::Cell(_) | Element::Heading(_) | Element::Link(..));
        if self.is_inside(in_a_line) {
            return self.code(text);
        }
        let fence = "`".repeat((longest_run(text) + 1).max(3));
        let inner = text.trim_matches('\n');
        if !inner.trim().is_empty() {
            self.block(&format!("{fence}\n{inner}\n{fence}"));
        }
    }

    pub(super) fn link(&mut self, text: &str, href: &str, name: String) {
        let inner = in_a_line(text);
        let label = if inner.is_empty() { name } else { closed(&inner).into_owned() };
        let link = if href.is_empty() { label } else { format!("[{label}]({})", destination(href)) };
        self.spaced(text, &link);
    }

    pub(super) fn image(&mut self, tag: &Tag) {
        let alt = tag.attribute("alt").or(tag.attribute("title")).map(|alt| flat(&escape(alt)));
        match tag.attribute("src") {
            Some(src) => {
                let image = format!("![{}]({})", alt.unwrap_or_default(), destination(src));
                self.top().push_str(&image);
            }
            None => self.top().push_str(&alt.unwrap_or_default()),
        }
    }

    pub(super) fn embedded(&mut self, tag: &Tag) {
        if let Some(src) = tag.attribute("src") {
            let link = format!("[{}]({})", name(tag, src), destination(src));
            self.top().push_str(&link);
        }
    }
}

/// What a link that says nothing is called: its title or its file's name, else its address, unless nobody reads that.
pub(super) fn name(tag: &Tag, address: &str) -> String {
    let given = tag.attribute("title").or(tag.attribute("download"));
    let name = given.unwrap_or(if picture::is_data(address) { "" } else { address });
    flat(&escape(name))
}

/// A text whose last backslash does not take the sign behind it.
fn closed(text: &str) -> Cow<'_, str> {
    let strokes = text.len() - text.trim_end_matches('\\').len();
    if strokes.is_multiple_of(2) { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\\")) }
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for char in text.chars() {
        run = if char == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
