//! Where code and tables stand in Markdown, and whether a text is any.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Tag};

use super::{parsed, without_tabs_behind_fences};

/// Where code stands that signs say to be code, in order.
pub fn marked_code(markdown: &str) -> Vec<Range<usize>> {
    let is_code = |event: &Event<'_>| {
        matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))))
    };
    let may_have_some = markdown.contains(['`', '~']);
    if may_have_some { places(&without_tabs_behind_fences(markdown), is_code) } else { Vec::new() }
}

/// Where tables stand, in order.
pub fn tables(markdown: &str) -> Vec<Range<usize>> {
    let may_have_some = markdown.contains('-') && markdown.contains('|');
    let is_table = |event: &Event<'_>| matches!(event, Event::Start(Tag::Table(_)));
    if may_have_some { places(markdown, is_table) } else { Vec::new() }
}

/// Where code stands, the last first.
pub(super) fn code(markdown: &str) -> Vec<Range<usize>> {
    let is_code = |event: &Event<'_>| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_)));
    let mut found = places(markdown, is_code);
    found.reverse();
    found
}

fn places(markdown: &str, is_one: impl Fn(&Event<'_>) -> bool) -> Vec<Range<usize>> {
    let events = parsed(markdown).into_iter().flatten();
    events.filter(|(event, _)| is_one(event)).map(|(_, range)| range).collect()
}

/// Whether any of its signs are not signs to those who read Markdown, or begin what [`safe`](super::safe) takes for a link.
pub fn is_marked(markdown: &str) -> bool {
    // As in paths, strokes are signs where one of them stands before what it can't escape.
    let is_stroke = |pair: &[u8]| pair[0] == b'\\' && pair[1].is_ascii_alphanumeric();
    let has_escapes = !markdown.as_bytes().windows(2).any(is_stroke);
    let is_mark = |(event, range): (Event<'_>, Range<usize>)| match event {
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
        Event::Start(Tag::Strong | Tag::Link { .. } | Tag::Image { .. }) => true,
        Event::Start(Tag::BlockQuote(_) | Tag::CodeBlock(_) | Tag::Table(_)) => true,
        Event::Code(_) | Event::Rule => true,
        _ => false,
    };
    markdown.contains("](") || parsed(markdown).into_iter().flatten().any(is_mark)
}
