//! Markdown as plain text: for those who see no Markdown.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::parsed;

/// What a reader of the Markdown reads: no marks, lines as they stand, a link with its address behind it.
pub fn to_plain(markdown: &str) -> String {
    let Some(events) = parsed(markdown) else { return markdown.trim_end().to_owned() };
    let mut writer = Writer::default();
    for (event, _) in events {
        writer.event(event);
    }
    writer.out.truncate(writer.out.trim_end().len());
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Of each open list, the number of its next item if they are numbered.
    lists: Vec<Option<u64>>,
    /// Of each open link, its address and where its label begins.
    links: Vec<(String, usize)>,
    cells: usize,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) | Event::InlineHtml(text) | Event::Html(text) => {
                self.out.push_str(&text);
            }
            Event::SoftBreak | Event::HardBreak => self.break_line(),
            Event::Rule => self.block(),
            Event::TaskListMarker(_)
            | Event::FootnoteReference(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::BlockQuote(_) | Tag::CodeBlock(_) | Tag::Table(_) => {
                self.block();
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::TableHead | Tag::TableRow => {
                self.break_line();
                self.cells = 0;
            }
            Tag::TableCell => {
                if self.cells > 0 {
                    self.out.push_str(" | ");
                }
                self.cells += 1;
            }
            Tag::Link { dest_url, .. } => self.links.push((dest_url.into_string(), self.out.len())),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::List(_) => drop(self.lists.pop()),
            TagEnd::Link => self.address(),
            _ => {}
        }
    }

    /// A paragraph of its own; the first of an item stands behind its mark.
    fn block(&mut self) {
        if self.out.is_empty() || self.at_mark() {
            return;
        }
        if !self.lists.is_empty() {
            return self.break_line();
        }
        self.out.truncate(self.out.trim_end_matches('\n').len());
        self.out.push_str("\n\n");
    }

    fn item(&mut self) {
        self.break_line();
        let indent = 2 * self.lists.len().saturating_sub(1).min(8);
        self.out.push_str(&" ".repeat(indent));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.out.push_str(&format!("{number}. "));
                *number = number.saturating_add(1);
            }
            _ => self.out.push_str("- "),
        }
    }

    fn at_mark(&self) -> bool {
        !self.lists.is_empty() && (self.out.ends_with("- ") || self.out.ends_with(". "))
    }

    fn break_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn address(&mut self) {
        let Some((url, from)) = self.links.pop() else { return };
        let label = &self.out[from.min(self.out.len())..];
        let told = label == url || url.strip_prefix("mailto:") == Some(label) || url.starts_with("data:");
        if !told && !url.is_empty() {
            self.out.push_str(&format!(" ({url})"));
        }
    }
}
