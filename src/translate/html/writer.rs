//! Writes tags and texts as Markdown.

use super::{entities, tokens::Tag};
use crate::translate::markdown::{destination, escape};

/// An element that is open, and its content so far.
struct Frame {
    kind: Element,
    name: String,
    text: String,
}

enum Element {
    /// The document itself.
    Root,
    /// Emphasis and the like: what stands on both sides of it.
    Inline(&'static str),
    Code,
    Pre,
    Link(String),
    Heading(usize),
    Quote,
    /// The number of the next item, when they are numbered.
    List(Option<u64>),
    Item,
    Table(Vec<Vec<String>>),
    Row(Vec<String>),
    Cell,
    Paragraph,
}

/// What stands between the tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Text whose line ends are blanks.
    Html,
    /// Text in lines.
    Lines,
    /// Markdown.
    Markdown,
}

pub(super) struct Writer {
    frames: Vec<Frame>,
    reading: Reading,
}

/// A table with so many places to a cell is none: to fill it up would take more room than it has content.
const MAX_EMPTY: usize = 16;

/// Deeper elements are taken for their text only: every level copies its content once.
const MAX_DEPTH: usize = 48;

impl Writer {
    pub fn new(reading: Reading) -> Self {
        let root = Frame { kind: Element::Root, name: String::new(), text: String::new() };
        Self { frames: vec![root], reading }
    }

    pub fn open(&mut self, tag: &Tag) {
        let kind = match tag.name.as_str() {
            "br" => return self.top().push_str("  \n"),
            "hr" => return self.block("---"),
            "img" => return self.image(tag),
            "iframe" | "video" | "audio" | "source" | "embed" => return self.embedded(tag),
            "b" | "strong" => Element::Inline("**"),
            "i" | "em" => Element::Inline("*"),
            "s" | "del" | "strike" => Element::Inline("~~"),
            "code" | "kbd" | "samp" | "tt" if !self.inside_pre() => Element::Code,
            "pre" => Element::Pre,
            "a" => Element::Link(tag.attribute("href").unwrap_or_default().to_owned()),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => Element::Heading(tag.name[1..].parse().unwrap_or(6)),
            "blockquote" => Element::Quote,
            "ul" | "menu" => Element::List(None),
            "ol" => Element::List(Some(tag.attribute("start").and_then(|at| at.parse().ok()).unwrap_or(1))),
            "li" => {
                self.close_within("li", &["ul", "ol", "menu"]);
                Element::Item
            }
            "table" => Element::Table(Vec::new()),
            "tr" => {
                self.close_within("tr", &["table"]);
                Element::Row(Vec::new())
            }
            "td" | "th" => {
                self.close_within("td", &["tr", "table"]);
                self.close_within("th", &["tr", "table"]);
                Element::Cell
            }
            "p" | "div" | "section" | "article" | "header" | "footer" | "main" | "form" | "fieldset"
            | "dl" | "dt" | "dd" | "figure" | "figcaption" | "address" | "caption" | "option" | "details"
            | "summary" => {
                if tag.name == "p" {
                    self.close_within("p", &["div", "td", "th", "li", "table", "blockquote", "section"]);
                }
                Element::Paragraph
            }
            _ => return,
        };
        if self.frames.len() < MAX_DEPTH {
            self.frames.push(Frame { kind, name: tag.name.clone(), text: String::new() });
        }
    }

    pub fn close(&mut self, name: &str) {
        if let Some(at) = self.frames.iter().rposition(|frame| frame.name == name) {
            self.close_down_to(at.max(1));
        }
    }

    /// Text as it stands, its character references not yet resolved.
    pub fn text(&mut self, text: &str) {
        if self.reading == Reading::Markdown {
            return self.top().push_str(text);
        }
        let text = &entities(text);
        if self.inside_pre() {
            return self.top().push_str(text);
        }
        let mut lines = text.split('\n');
        self.line(lines.next().unwrap_or_default());
        for line in lines {
            match self.reading {
                Reading::Lines => self.top().push_str("  \n"),
                Reading::Html | Reading::Markdown => space(self.top()),
            }
            self.line(line);
        }
    }

    /// Text without the end of a line in it.
    fn line(&mut self, text: &str) {
        let mut words = text.split_whitespace().peekable();
        let top = self.top();
        if text.starts_with(char::is_whitespace) {
            space(top);
        }
        if words.peek().is_none() {
            return;
        }
        let flat = words.collect::<Vec<_>>().join(" ");
        let raw = self.frames.iter().any(|frame| matches!(frame.kind, Element::Code));
        let top = self.top();
        top.push_str(&if raw { flat } else { escape(&flat) });
        if text.ends_with(char::is_whitespace) {
            space(top);
        }
    }

    pub fn finish(mut self) -> String {
        self.close_down_to(1);
        let text = std::mem::take(self.top());
        text.trim_matches(['\n', ' ']).to_owned()
    }

    fn top(&mut self) -> &mut String {
        let last = self.frames.len() - 1;
        &mut self.frames[last].text
    }

    fn inside_pre(&self) -> bool {
        self.frames.iter().any(|frame| matches!(frame.kind, Element::Pre))
    }

    /// Closes an open `name` that its successor ends, unless one of `bounds` was opened since.
    fn close_within(&mut self, name: &str, bounds: &[&str]) {
        let open = self.frames.iter().rposition(|frame| frame.name == name);
        let bound = self.frames.iter().rposition(|frame| bounds.contains(&frame.name.as_str()));
        if let Some(open) = open.filter(|open| bound.is_none_or(|bound| bound < *open)) {
            self.close_down_to(open);
        }
    }

    fn close_down_to(&mut self, depth: usize) {
        while self.frames.len() > depth.max(1) {
            if let Some(frame) = self.frames.pop() {
                self.write(frame);
            }
        }
    }

    /// Puts a closed element's content into the one around it.
    fn write(&mut self, frame: Frame) {
        let Frame { kind, name: _, text } = frame;
        match kind {
            Element::Root => self.top().push_str(&text),
            Element::Inline(mark) => self.surround(&text, mark),
            Element::Code => self.code(&text),
            Element::Pre => self.preformatted(&text),
            Element::Link(href) => self.link(&text, &href),
            Element::Heading(level) => {
                let flat = flat(&text);
                if !flat.is_empty() {
                    self.block(&format!("{} {flat}", "#".repeat(level)));
                }
            }
            Element::Quote => {
                let quoted = text.trim().lines().map(|line| format!("> {line}")).collect::<Vec<_>>();
                self.block(&quoted.join("\n"));
            }
            Element::List(_) | Element::Paragraph => self.block(&text),
            Element::Item => self.item(&text),
            Element::Table(rows) => self.table(&rows, &text),
            Element::Row(cells) => self.row(cells, &text),
            Element::Cell => self.cell(text),
        }
    }

    /// A paragraph of its own.
    fn block(&mut self, text: &str) {
        let text = text.trim_matches(['\n', ' ']);
        if text.is_empty() {
            return;
        }
        let top = self.top();
        top.truncate(top.trim_end().len());
        if !top.is_empty() {
            top.push_str("\n\n");
        }
        top.push_str(text);
        top.push_str("\n\n");
    }

    fn surround(&mut self, text: &str, mark: &str) {
        let inner = text.trim();
        let top = self.top();
        if inner.is_empty() || inner.contains("\n\n") {
            return top.push_str(text);
        }
        let (before, after) = (text.starts_with([' ', '\n']), text.ends_with([' ', '\n']));
        if before {
            space(top);
        }
        top.push_str(&format!("{mark}{inner}{mark}"));
        if after {
            space(top);
        }
    }

    fn code(&mut self, text: &str) {
        let fence = "`".repeat(longest_run(text) + 1);
        // It ends with its paragraph, and what stands behind that would be read as Markdown.
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let inner = lines.join(" ");
        if !inner.is_empty() {
            let pad = if inner.starts_with('`') || inner.ends_with('`') { " " } else { "" };
            self.top().push_str(&format!("{fence}{pad}{inner}{pad}{fence}"));
        }
    }

    fn preformatted(&mut self, text: &str) {
        let fence = "`".repeat((longest_run(text) + 1).max(3));
        let inner = text.trim_matches('\n');
        if !inner.trim().is_empty() {
            self.block(&format!("{fence}\n{inner}\n{fence}"));
        }
    }

    fn link(&mut self, text: &str, href: &str) {
        let inner = flat(text);
        let label = if inner.is_empty() { escape(href) } else { inner };
        let top = self.top();
        if text.starts_with([' ', '\n']) {
            space(top);
        }
        if href.is_empty() || label.is_empty() {
            top.push_str(&label);
        } else {
            top.push_str(&format!("[{label}]({})", destination(href)));
        }
        if text.ends_with([' ', '\n']) {
            space(top);
        }
    }

    fn image(&mut self, tag: &Tag) {
        let alt = tag.attribute("alt").or(tag.attribute("title")).map(|alt| flat(&escape(alt)));
        match tag.attribute("src") {
            Some(src) => {
                let image = format!("![{}]({})", alt.unwrap_or_default(), destination(src));
                self.top().push_str(&image);
            }
            None => self.top().push_str(&alt.unwrap_or_default()),
        }
    }

    fn embedded(&mut self, tag: &Tag) {
        if let Some(src) = tag.attribute("src") {
            let label = tag.attribute("title").unwrap_or(src);
            let link = format!("[{}]({})", flat(&escape(label)), destination(src));
            self.top().push_str(&link);
        }
    }

    fn item(&mut self, text: &str) {
        let number = match self.frames.last_mut() {
            Some(Frame { kind: Element::List(Some(next)), .. }) => {
                *next = next.saturating_add(1);
                Some(*next - 1)
            }
            _ => None,
        };
        let mark = number.map_or("- ".to_owned(), |number| format!("{number}. "));
        let indent = format!("\n{}", " ".repeat(mark.len()));
        let inner = text.trim().replace("\n\n", "\n").replace('\n', &indent);
        let top = self.top();
        top.truncate(top.trim_end().len());
        if !top.is_empty() {
            top.push('\n');
        }
        top.push_str(&format!("{mark}{inner}\n"));
    }

    fn cell(&mut self, text: String) {
        match self.frames.last_mut() {
            Some(Frame { kind: Element::Row(cells), .. }) => cells.push(text),
            _ => self.block(&text),
        }
    }

    fn row(&mut self, mut cells: Vec<String>, stray: &str) {
        if !stray.trim().is_empty() {
            cells.push(stray.to_owned());
        }
        match self.frames.last_mut() {
            Some(Frame { kind: Element::Table(rows), .. }) => rows.push(cells),
            _ => cells.iter().for_each(|cell| self.block(cell)),
        }
    }

    /// A table whose rows have one cell each only lays out; its cells are paragraphs.
    fn table(&mut self, rows: &[Vec<String>], stray: &str) {
        self.block(stray);
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let cells = rows.iter().map(Vec::len).sum::<usize>();
        if columns <= 1 || columns * rows.len() > MAX_EMPTY * cells {
            return rows.iter().flatten().for_each(|cell| self.block(cell));
        }
        let line = |row: &Vec<String>| {
            let cells = (0..columns).map(|at| row.get(at).map(|cell| flat(cell)).unwrap_or_default());
            format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
        };
        let mut lines = rows.iter().map(line).collect::<Vec<_>>();
        lines.insert(1, format!("|{}", " --- |".repeat(columns)));
        self.block(&lines.join("\n"));
    }
}

/// A blank, unless there is one or a line begins.
fn space(text: &mut String) {
    if !text.is_empty() && !text.ends_with([' ', '\n']) {
        text.push(' ');
    }
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
