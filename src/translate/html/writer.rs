//! Writes tags and texts as Markdown.

use std::borrow::Cow;

use self::marks::Mark;
use super::{entities, tokens::Tag};
use crate::translate::markdown::{escape, typed};

mod inline;
mod list;
mod marks;
mod table;

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
    /// The number of the next item, when they are numbered, and the sign that makes an item of it.
    List(Option<u64>, char),
    Quoted,
    Raised,
    Lowered,
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

/// Deeper elements are taken for their text only: every level copies its content once.
const MAX_DEPTH: usize = 48;

impl Writer {
    pub fn new(reading: Reading) -> Self {
        let root = Frame { kind: Element::Through, name: String::new(), text: String::new() };
        Self { frames: vec![root], reading }
    }

    pub fn open(&mut self, tag: &Tag) {
        let kind = match tag.name.as_str() {
            // In code, signs mean themselves.
            "br" if self.is_inside(|kind| matches!(kind, Element::Pre)) => return self.top().push('\n'),
            "br" => return self.top().push_str("  \n"),
            _ if self.is_inside(|kind| matches!(kind, Element::Pre | Element::Code)) => {
                self.top().push_str(tag.attribute("alt").unwrap_or_default());
                Some(Element::Through)
            }
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
                let href = tag.attribute("href").unwrap_or_default();
                Element::Link(href.to_owned(), inline::name(tag, href))
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => Element::Heading(tag.name[1..].parse().unwrap_or(6)),
            "blockquote" => Element::Quote,
            "q" => Element::Quoted,
            "sup" => Element::Raised,
            "sub" => Element::Lowered,
            "ul" | "menu" | "ol" => self.list(tag),
            "li" => self.next_item(tag),
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

    /// Text as it stands, its character references not yet resolved.
    pub fn text(&mut self, text: &str) {
        let markdown = self.reading == Reading::Markdown;
        let text = &*marks::without(if markdown { Cow::Borrowed(text) } else { entities(text) });
        if markdown {
            return self.top().push_str(text);
        }
        if self.is_inside(|kind| matches!(kind, Element::Pre)) {
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
        if text.starts_with(char::is_whitespace) {
            self.space_before();
        }
        let flat = flat(text);
        if flat.is_empty() {
            return;
        }
        let written = if self.is_inside(|kind| matches!(kind, Element::Code)) {
            flat
        } else if self.is_inside(|kind| matches!(kind, Element::Link(..))) {
            escape(&flat)
        } else {
            typed(&flat)
        };
        let top = self.top();
        top.push_str(&written);
        if text.ends_with(char::is_whitespace) {
            space(top);
        }
    }

    /// A blank with which an element within a line begins stands before that.
    fn space_before(&mut self) {
        for frame in self.frames.iter_mut().rev() {
            let within = matches!(frame.kind, Element::Inline(_) | Element::Code | Element::Link(..));
            if !frame.text.is_empty() || !within {
                return space(&mut frame.text);
            }
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
            Element::Heading(level) => self.heading(&flat(&text), level),
            Element::Quote => {
                let quoted = text.trim().lines().map(|line| format!("> {line}")).collect::<Vec<_>>();
                self.block(&quoted.join("\n"));
            }
            Element::List(..) | Element::Paragraph => self.block(&text),
            Element::Quoted => self.top().push_str(&format!("“{text}”")),
            Element::Raised => self.top().push_str(&marks::shifted(&text, marks::RAISED)),
            Element::Lowered => self.top().push_str(&marks::shifted(&text, marks::LOWERED)),
            Element::Item => self.item(&text),
            Element::Table(rows) => self.table(&rows, &text),
            Element::Row(cells) => self.row(cells, &text),
            Element::Cell => self.cell(text),
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
        let top = self.top();
        top.truncate(top.trim_end().len());
        if !top.is_empty() {
            top.push_str("\n\n");
        }
        top.push_str(text);
        top.push_str("\n\n");
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
