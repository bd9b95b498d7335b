//! Sources an answer names: ServiceNow's as numbered links, Copilot Studio's markers taken out.

use std::collections::HashSet;

use super::{
    link::{RenderContext, resolve},
    markdown, picture,
    readable::flat,
    text::{self, Shown},
    texts::Text,
};
use crate::domain::control::{Citation, Generated};

/// The answer as Markdown with its sources as numbered links under it, each once.
///
/// ServiceNow writes them into the text as well, in lines that run together as Markdown; those are replaced.
pub fn with_sources(generated: &Generated, context: &RenderContext<'_>) -> Shown {
    let Generated { text, citations, stream: _, feedback: _ } = generated;
    let mut body = text.replace('\u{200b}', "");
    let mut sources = Vec::new();
    for Citation { mark, label, url } in citations {
        let url = url.as_deref().unwrap_or_default();
        let written = format!("{mark} [{label}]({url})");
        if body.contains(&written) {
            body = body.replace(&written, "");
        } else if !url.is_empty() && body.contains(&format!("]({url})")) {
            continue;
        }
        sources.push(source(mark, label, url, context));
    }
    let body = text::shown(body.trim_end(), context);
    Shown::joined([body, Shown::ours(sources.join("  \n"))])
}

fn source(mark: &str, label: &str, url: &str, context: &RenderContext<'_>) -> String {
    let mark = markdown::escape(mark);
    let label = flat(&text::plain(label, text::Voice::Person));
    let label = match label.as_str() {
        "" if picture::is_data(url) => context.words.get(Text::Open),
        "" => url,
        label => label,
    };
    let label = markdown::escape(label);
    match resolve(url, context) {
        Some(url) => format!("{mark} [{label}]({})", markdown::destination(&url)),
        None => format!("{mark} {label}"),
    }
}

/// A text of Copilot Studio's without its citation markers: `[1]: cite:1 "Title"` lines, the `[1]` that refer to
/// them, and `[label](cite:1)` links, whose label stays. Nobody else writes them.
pub fn strip(text: &str) -> String {
    if !text.contains("cite:") {
        return text.to_owned();
    }
    let mut marks = HashSet::new();
    let mut kept = Vec::new();
    for line in text.split('\n') {
        match definition(line) {
            Some(mark) => drop(marks.insert(mark)),
            None => kept.push(line),
        }
    }
    let text = without_links(&kept.join("\n"));
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for code in markdown::marked_code(&text) {
        push_unmarked(&text[done..code.start], &marks, &mut out);
        out.push_str(&text[code.clone()]);
        done = code.end;
    }
    push_unmarked(&text[done..], &marks, &mut out);
    if out.trim().is_empty() { String::new() } else { out.trim_end().to_owned() }
}

/// The mark of a line that defines a citation, without its brackets.
fn definition(line: &str) -> Option<&str> {
    let (mark, target) = line.trim().strip_prefix('[')?.split_once("]:")?;
    (!mark.is_empty() && target.trim_start().starts_with("cite:")).then_some(mark)
}

/// Writes a text without the marks in it, and the blank before each.
fn push_unmarked(text: &str, marks: &HashSet<&str>, out: &mut String) {
    for (nth, piece) in text.split('[').enumerate() {
        match piece.split_once(']').filter(|(mark, _)| nth > 0 && marks.contains(mark)) {
            Some((_, behind)) => {
                out.truncate(out.strip_suffix(' ').unwrap_or(out).len());
                out.push_str(behind);
            }
            None => {
                out.push_str(if nth > 0 { "[" } else { "" });
                out.push_str(piece);
            }
        }
    }
}

fn without_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(LINK) {
        let (head, tail) = (&rest[..at], &rest[at + LINK.len()..]);
        match (head.rsplit_once('['), behind_target(tail)) {
            (Some((before, label)), Some(behind)) => {
                out.push_str(before);
                out.push_str(label);
                rest = behind;
            }
            _ => {
                out.push_str(&rest[..at + LINK.len()]);
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What stands between the label of a link to a source and its number.
const LINK: &str = "](cite:";

/// What stands behind a source's number, its title in quotes if it has one, and the parenthesis: words there are no target.
fn behind_target(text: &str) -> Option<&str> {
    let inner = &text[..text.find([')', '[', ']'])?];
    let (number, title) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let title = title.trim();
    let named = title.is_empty() || title.len() > 1 && title.starts_with('"') && title.ends_with('"');
    text[inner.len()..].strip_prefix(')').filter(|_| named && !number.is_empty())
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn shown(text: &str, citations: &[(&str, &str, Option<&str>)]) -> String {
        let instance = Url::parse("https://acme.example.com").expect("a URL");
        let citations = citations.iter().map(|(mark, label, url)| Citation {
            mark: (*mark).to_owned(),
            label: (*label).to_owned(),
            url: url.map(str::to_owned),
        });
        let generated =
            Generated { text: text.to_owned(), citations: citations.collect(), ..Generated::default() };
        with_sources(
            &generated,
            &RenderContext { by: text::Voice::Bot, ..RenderContext::unlinked(&instance) },
        )
        .markdown
    }

    #[test]
    fn sources_become_numbered_links_and_stand_there_once() {
        let text = "Spam is mail \u{200b}[1]\u{200b}\u{200b}[2]\u{200b}.\n\n[1] [What?\n\t](/kb?id=1)\n[2] [How](/kb?id=2)";
        assert_eq!(
            shown(text, &[("[1]", "What?\n\t", Some("/kb?id=1")), ("[2]", "How", Some("/kb?id=2"))]),
            "Spam is mail [1][2].\n\n&#91;1&#93; [What?](https://acme.example.com/kb?id=1)  \n&#91;2&#93; [How](https://acme.example.com/kb?id=2)"
        );
        assert_eq!(
            shown("see [it](/a)", &[("[1]", "A", Some("/a"))]),
            "see [it](https://acme.example.com/a)"
        );
        assert_eq!(
            shown("x", &[("[3]", "A", Some("ftp://a")), ("[4]", "B", None)]),
            "x\n\n&#91;3&#93; A  \n&#91;4&#93; B"
        );
        assert_eq!(shown("x", &[("[5]", "", Some("data:application/pdf,x"))]), "x\n\n&#91;5&#93; Open");
        assert_eq!(shown("x", &[]), "x");
    }

    #[test]
    fn many_sources_are_taken_out_in_linear_time() {
        let marks = (0..20_000).map(|nth| format!("[{nth}]: cite:{nth} \"T\"\n")).collect::<String>();
        assert_eq!(strip(&("a `b` [1] ".repeat(20_000) + "\n" + &marks)), "a `b` ".repeat(20_000).trim_end());
    }

    #[test]
    fn copilot_studios_markers_go_and_the_words_stay() {
        for (text, stripped) in [
            ("Open 9 to 5 [1].\n\n[1]: cite:1 \"Hours\"", "Open 9 to 5."),
            ("Use `arr[1]` to get it [1].\n\n[1]: cite:1 \"T\"", "Use `arr[1]` to get it."),
            ("See [the page](cite:2) first", "See the page first"),
            ("[2]: https://example.com and [1]", "[2]: https://example.com and [1]"),
            ("[1]: cite:1 \"T\"", ""),
            ("See [the page](cite:2 \"Page\") first", "See the page first"),
            ("](cite:", "](cite:"),
            ("a](cite:1) b", "a](cite:1) b"),
            ("It shows [Hours](cite:1 and no more", "It shows [Hours](cite:1 and no more"),
            ("[a](cite:1 and (so) [b](cite:2)", "[a](cite:1 and (so) b"),
            ("I excite: you", "I excite: you"),
            ("", ""),
        ] {
            assert_eq!(strip(text), stripped, "{text}");
        }
    }
}
