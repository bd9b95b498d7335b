//! What stands within a line: emphasis, code, links, pictures.

use std::borrow::Cow;

use super::{
    Element, Frame, Writer, in_a_line,
    marks::{BESIDE, Mark},
    space,
};
use crate::translate::{
    html::tokens::Tag,
    markdown::{before_link, destination, escape},
    picture,
    readable::flat,
};

impl Writer {
    pub(super) fn surround(&mut self, text: &str, mark: Mark) {
        let inner = text.trim();
        // Marks don't reach over a blank line.
        if inner.lines().any(|line| line.trim().is_empty()) || inner.is_empty() {
            return self.put(text);
        }
        self.spaced(text, &mark.around(&closed(inner)));
    }

    /// Writes what stands for a text, with the blank or the ends of lines on either side of that.
    fn spaced(&mut self, text: &str, written: &str) {
        let begin = text.len() - text.trim_start().len();
        self.part(&text[..begin]);
        self.put(written);
        self.part(&text[begin + text.trim().len()..]);
    }

    fn part(&mut self, blanks: &str) {
        match blanks.matches('\n').count() {
            0 if blanks.is_empty() => {}
            0 => space(self.top()),
            ends => (0..ends).for_each(|_| self.break_line()),
        }
    }

    /// Writes what would be read with the sign before it: a link would be a picture, and code one with other code.
    pub(super) fn put(&mut self, written: &str) {
        let top = self.top();
        match written.chars().next() {
            Some('[') => before_link(top),
            Some('`') if top.ends_with('`') => top.push_str(BESIDE),
            _ => {}
        }
        top.push_str(written);
    }

    /// Each line by itself: code ends with its paragraph, and what stands behind that would be read as Markdown.
    pub(super) fn code(&mut self, text: &str) {
        let fence = "`".repeat(longest_run(text) + 1);
        let in_cell = self.is_in_cell();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
            let pad = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
            let line = if in_cell { line.replace('|', "\\|") } else { line.to_owned() };
            format!("{fence}{pad}{line}{pad}{fence}")
        });
        let lines = lines.collect::<Vec<_>>();
        self.spaced(text, &lines.join("  \n"));
    }

    pub(super) fn preformatted(&mut self, text: &str) {
        if self.is_in_a_line() {
            return self.code(&flat(text));
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
                // Shown beside the text, it would leave marks around nothing.
                let marks = |frame: &Frame| matches!(frame.kind, Element::Inline(_) | Element::Through);
                let around = self.frames.iter().rposition(|frame| !picture::is_data(src) || !marks(frame));
                self.frames[around.unwrap_or_default()].text.push_str(&image);
            }
            None => self.top().push_str(&alt.unwrap_or_default()),
        }
    }

    pub(super) fn embedded(&mut self, tag: &Tag) {
        if let Some(src) = tag.attribute("src") {
            let link = format!("[{}]({})", name(tag, src), destination(src));
            self.put(&link);
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
