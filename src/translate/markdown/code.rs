//! Where code and tables stand in Markdown, and whether a text is any.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Tag};

use super::{parsed, without_tabs_behind_fences};

/// Where code stands that signs say to be code, in order.
pub fn marked_code(markdown: &str) -> Vec<Range<usize>> {
    if !markdown.contains(['`', '~']) {
        return Vec::new();
    }
    let code = |(event, range)| {
        let fenced = |kind: &CodeBlockKind<'_>| matches!(kind, CodeBlockKind::Fenced(_));
        let is_code = match &event {
            Event::Code(_) => true,
            Event::Start(Tag::CodeBlock(kind)) => fenced(kind),
            _ => false,
        };
        is_code.then_some(range)
    };
    let markdown = without_tabs_behind_fences(markdown);
    parsed(&markdown).into_iter().flatten().filter_map(code).collect()
}

/// Whether any of its signs are not signs to those who read Markdown, or begin what [`safe`](super::safe) takes for a link.
pub fn is_marked(markdown: &str) -> bool {
    // As in paths, strokes are signs where one of them stands before what it can't escape.
    let is_stroke = |pair: &[u8]| pair[0] == b'\\' && pair[1].is_ascii_alphanumeric();
    let has_escapes = !markdown.as_bytes().windows(2).any(is_stroke);
    let is_mark = |(event, range): (Event<'_>, Range<usize>)| match event {
        Event::Start(Tag::Paragraph | Tag::HtmlBlock | Tag::List(_))
        | Event::End(_)
        | Event::SoftBreak
        | Event::Html(_)
        | Event::InlineHtml(_) => false,
        // A tag may stand behind a stroke that is a sign.
        Event::Text(text) => has_escapes && markdown[..range.start].ends_with('\\') && !text.starts_with('<'),
        Event::HardBreak => has_escapes && markdown[range].starts_with('\\'),
        // Within a word it may be any sign: `5*3*2`.
        Event::Start(Tag::Emphasis) => {
            !markdown[..range.start].ends_with(|char: char| char.is_ascii_alphanumeric())
        }
        Event::Start(Tag::Strikethrough) => markdown[range].starts_with("~~"),
        // A sign alone is one: `-` stands for nothing in a cell.
        Event::Start(Tag::Item | Tag::Heading { .. }) => markdown[range].trim().contains(char::is_whitespace),
        _ => true,
    };
    markdown.contains("](") || parsed(markdown).into_iter().flatten().any(is_mark)
}

/// Where tables stand, in order.
pub fn tables(markdown: &str) -> Vec<Range<usize>> {
    if !markdown.contains('-') || !markdown.contains('|') {
        return Vec::new();
    }
    let table = |(event, range)| matches!(event, Event::Start(Tag::Table(_))).then_some(range);
    parsed(markdown).into_iter().flatten().filter_map(table).collect()
}

/// Where code stands, the last first.
pub(super) fn code(markdown: &str) -> Vec<Range<usize>> {
    let code =
        |(event, range)| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))).then_some(range);
    let mut found: Vec<_> = parsed(markdown).into_iter().flatten().filter_map(code).collect();
    found.reverse();
    found
}
