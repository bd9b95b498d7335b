//! Writes tags and texts as Markdown.

use self::{
    lines::{in_a_line, is_mark, space},
    marks::Mark,
    table::{Cell, Span},
};
use super::tokens::Tag;

mod inline;
mod lines;
mod list;
mod marks;
mod table;
mod words;

/// An element that is open, and its content so far.
struct Frame {
    kind: Element,
    name: String,
    text: String,
}

enum Element {
    /// Nothing but what is in it: the document itself, or what is said already.
    Through,
    /// Emphasis and the like.
    Inline(Mark),
    Code,
    Pre,
    /// Where it leads, and what it is called when nothing stands in it.
    Link(String, String),
    Heading(usize),
    Quote,
    /// The number of the next item, when they are numbered.
    List(Option<u64>),
    Quoted,
    Raised,
    Lowered,
    Item,
    Table(Vec<Vec<Cell>>),
    Row(Vec<Cell>),
    Cell(Span),
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
    /// With what lines of Markdown part that follow the tag of a block.
    line_end: String,
    /// What comes stands in a table of Markdown's, a row of which is a line.
    pub in_row: bool,
}

/// Deeper elements are taken for their text only: every level copies its content once.
const MAX_DEPTH: usize = 48;

impl Writer {
    pub fn new(reading: Reading) -> Self {
        let root = Frame { kind: Element::Through, name: String::new(), text: String::new() };
        Self { frames: vec![root], reading, line_end: "\n".to_owned(), in_row: false }
    }

    pub fn open(&mut self, tag: &Tag) {
        let kind = match tag.name.as_str() {
            "br" => return self.break_line(),
            _ if self.is_in_code() => {
                self.top().push_str(tag.attribute("alt").unwrap_or_default());
                Some(Element::Through)
            }
            "hr" if self.in_row => return space(self.top()),
            "hr" => return self.block("---"),
            "img" => return self.image(tag),
            "iframe" | "video" | "audio" | "source" | "embed" => return self.embedded(tag),
            _ => self.element(tag),
        };
        if let Some(kind) = kind.filter(|_| self.frames.len() < MAX_DEPTH) {
            self.frames.push(Frame { kind, name: tag.name.clone(), text: String::new() });
        }
    }

    /// The element that a tag opens; what its successor ends is closed.
    fn element(&mut self, tag: &Tag) -> Option<Element> {
        let element = match tag.name.as_str() {
            "b" | "strong" => self.marked(Mark::Strong),
            "i" | "em" => self.marked(Mark::Emphasis),
            "s" | "del" | "strike" => self.marked(Mark::Strike),
            "code" | "kbd" | "samp" | "tt" => Element::Code,
            "pre" => Element::Pre,
            "a" => {
                self.close_within("a", &["td", "th", "table"]);
                let href = tag.attribute("href").unwrap_or_default();
                Element::Link(href.to_owned(), inline::name(tag, href))
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => Element::Heading(tag.name[1..].parse().unwrap_or(6)),
            "blockquote" => Element::Quote,
            "q" => Element::Quoted,
            "sup" => Element::Raised,
            "sub" => Element::Lowered,
            "ul" | "menu" | "ol" => Self::list(tag),
            "li" => self.next_item(tag),
            "table" => Element::Table(Vec::new()),
            "tr" => {
                self.close_within("tr", &["table"]);
                Element::Row(Vec::new())
            }
            "td" | "th" => {
                self.close_within("td", &["tr", "table"]);
                self.close_within("th", &["tr", "table"]);
                Element::Cell(Span::of(tag))
            }
            "p" | "div" | "section" | "article" | "header" | "footer" | "main" | "form" | "fieldset"
            | "dl" | "dt" | "dd" | "figure" | "figcaption" | "address" | "caption" | "option" | "details"
            | "summary" | "center" | "aside" | "nav" | "legend" | "hgroup" | "button" | "select"
            | "dialog" | "search" => {
                if tag.name == "p" {
                    self.close_within("p", &["div", "td", "th", "li", "table", "blockquote", "section"]);
                }
                Element::Paragraph
            }
            _ => return None,
        };
        Some(element)
    }

    pub fn close(&mut self, name: &str) {
        if let Some(at) = self.frames.iter().rposition(|frame| frame.name == name) {
            self.close_down_to(at.max(1));
        }
    }

    pub fn finish(mut self) -> String {
        self.close_down_to(1);
        let text = std::mem::take(self.top());
        marks::written(text.trim_matches(['\n', ' ']))
    }

    fn top(&mut self) -> &mut String {
        let last = self.frames.len() - 1;
        &mut self.frames[last].text
    }

    /// Where signs mean themselves.
    fn is_in_code(&self) -> bool {
        self.is_inside(|kind| matches!(kind, Element::Pre | Element::Code))
    }

    fn is_in_cell(&self) -> bool {
        self.in_row || self.is_inside(|kind| matches!(kind, Element::Cell(_)))
    }

    /// Whether what is a block elsewhere is a part of a line here.
    fn is_in_a_line(&self) -> bool {
        self.is_in_cell() || self.is_inside(|kind| matches!(kind, Element::Heading(_) | Element::Link(..)))
    }

    fn is_inside(&self, kind: impl Fn(&Element) -> bool) -> bool {
        self.frames.iter().any(|frame| kind(&frame.kind))
    }

    fn marked(&self, mark: Mark) -> Element {
        let already = self.is_inside(|kind| matches!(kind, Element::Inline(known) if *known == mark));
        if already { Element::Through } else { Element::Inline(mark) }
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
            Element::Through => self.top().push_str(&text),
            Element::Inline(mark) => self.surround(&text, mark),
            Element::Code => self.code(&text),
            Element::Pre => self.preformatted(&text),
            Element::Link(href, name) => self.link(&text, &href, name),
            Element::Heading(level) => self.heading(&in_a_line(&text), level),
            Element::Quote => {
                let quoted = text.trim().lines().map(|line| format!("> {line}")).collect::<Vec<_>>();
                self.block(&quoted.join("\n"));
            }
            Element::List(_) => self.whole_list(&text),
            Element::Paragraph => self.block(&text),
            Element::Quoted => self.top().push_str(&format!("“{text}”")),
            Element::Raised => self.put(&marks::shifted(&text, marks::RAISED)),
            Element::Lowered => self.put(&marks::shifted(&text, marks::LOWERED)),
            Element::Item => self.item(&text),
            Element::Table(rows) => self.table(&rows, &text),
            Element::Row(cells) => self.row(cells, &text),
            Element::Cell(span) => self.cell(text, span),
        }
    }

    /// Signs at the end would be taken for its end, and not be shown.
    fn heading(&mut self, text: &str, level: usize) {
        let (words, signs) = text.split_at(text.trim_end_matches('#').len());
        let stroke = if words.ends_with(' ') && !signs.is_empty() { "\\" } else { "" };
        if !text.is_empty() {
            self.block(&format!("{} {words}{stroke}{signs}", "#".repeat(level)));
        }
    }

    /// A paragraph of its own.
    fn block(&mut self, text: &str) {
        let text = text.trim_matches(['\n', ' ']);
        if text.is_empty() {
            return;
        }
        if self.in_row {
            space(self.top());
            self.top().push_str(&in_a_line(text));
            return space(self.top());
        }
        let begins_item = self.reading == Reading::Markdown && is_mark(self.top());
        let top = self.top();
        if !begins_item {
            top.truncate(top.trim_end().len());
            if !top.is_empty() {
                top.push_str("\n\n");
            }
        }
        top.push_str(text);
        top.push_str(if begins_item { "\n" } else { "\n\n" });
    }
}
