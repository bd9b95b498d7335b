//! Where code stands in Markdown.

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

/// Whether signs in it mark words, other than as code.
pub fn has_emphasis(markdown: &str) -> bool {
    parsed(markdown).into_iter().flatten().any(|(event, _)| matches!(event, Event::Start(Tag::Emphasis)))
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
