//! HTML as Markdown. Nothing of the HTML survives but what Markdown can say, so nothing of it needs to be trusted.

use std::{borrow::Cow, iter};

mod tags;
mod tokens;
mod writer;

use tokens::{Tag, Token, Tokens};
use writer::{Reading, Writer};

use super::markdown;

/// Whether a text is HTML by its looks: it has tags, each of them known and meant to be read, and what is opened is
/// closed again, in order.
pub fn is_html(text: &str) -> bool {
    let mut open = Vec::new();
    let mut seen = false;
    for token in Tokens::new(text) {
        match token {
            Token::Text(_) => continue,
            Token::Open(tag) if tags::is_void(&tag.name) => {}
            Token::Open(tag) if tag.is_closed && tags::is_known(&tag.name) => {}
            Token::Open(tag) if tags::is_known(&tag.name) => open.push(tag.name),
            Token::Close(name) if open.last() == Some(&name) => drop(open.pop()),
            Token::Open(_) | Token::Close(_) => return false,
        }
        seen = true;
    }
    seen && open.is_empty()
}

/// More elements than this inside each other are no text that somebody wrote.
const MAX_OPEN: usize = 100;

/// Whether a text is HTML as browsers read it, which lets ends be left out and cross each other. What is opened and closed
/// nowhere must be what HTML itself ends, in a text that begins as HTML, or have an attribute.
pub fn is_loosely_html(text: &str) -> bool {
    let begins_as_html = text.trim_start().starts_with('<');
    let mut open: Vec<(String, bool)> = Vec::new();
    let mut seen = text.contains("<!--") && text.contains("-->");
    for token in Tokens::new(text) {
        seen |= match token {
            Token::Text(_) => continue,
            Token::Close(name) if tags::is_loosely_known(&name) => {
                let opened = open.iter().rposition(|(open, _)| *open == name);
                open.truncate(opened.unwrap_or(open.len()));
                continue;
            }
            Token::Open(tag) if tags::is_void(&tag.name) => true,
            Token::Open(tag) if tags::is_loosely_known(&tag.name) => {
                let (is_void, is_code) = (tags::is_loosely_void(&tag.name), tags::is_code(&tag.name));
                if !tag.is_closed && !is_void {
                    end_before(&tag.name, &mut open);
                    open.push((tag.name.clone(), tag.has_values() && !is_code));
                }
                !is_code && (!is_void || tag.has_values())
            }
            Token::Open(_) | Token::Close(_) => return false,
        };
        if open.len() > MAX_OPEN {
            return false;
        }
    }
    let meant =
        |(name, has_values): &(String, bool)| *has_values || begins_as_html && tags::may_stay_open(name);
    seen && open.iter().all(meant)
}

/// An item ends the one before it, and so do paragraphs, rows and cells.
fn end_before(name: &str, open: &mut Vec<(String, bool)>) {
    let Some(same) = open.iter().rposition(|(open, _)| open == name) else { return };
    if open[same..].iter().all(|(open, _)| tags::may_stay_open(open)) {
        open.truncate(same);
    }
}

/// Its words without indents, a tag that means nothing to Markdown for each of its own and one block below the other; and whether
/// it has blocks: more than what stands within lines and ends them.
pub fn outline(html: &str) -> (String, bool) {
    let (mut words, mut has_blocks) = (String::with_capacity(html.len()), false);
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => words.push_str(text),
            Token::Open(Tag { name, .. }) | Token::Close(name) => {
                let is_block = name != "br" && tags::breaks_lines(&name);
                has_blocks |= is_block;
                words.push_str(if is_block { "\n\n<br>" } else { "<br>" });
            }
        }
    }
    // A line of tags alone would hide those behind it.
    let is_seen = |line: &str| !line.replace("<br>", "").trim().is_empty();
    let line = |line| if is_seen(line) { line.trim_start() } else { "" };
    (words.lines().map(line).collect::<Vec<_>>().join("\n"), has_blocks)
}

/// HTML that is still being written, as if it ended here: without a tag that is cut, and with what is open closed.
pub fn ended(html: &str) -> String {
    let is_cut = |at: &usize| {
        let tag =
            html[at + 1..].starts_with(|char: char| char.is_ascii_alphabetic() || matches!(char, '/' | '!'));
        !html[*at..].contains('>') && (tag || html.ends_with('<'))
    };
    let mut whole = html[..html.rfind('<').filter(is_cut).unwrap_or(html.len())].to_owned();
    let mut open = Vec::new();
    for token in Tokens::new(&whole) {
        match token {
            Token::Open(tag) if !tag.is_closed && !tags::is_void(&tag.name) => open.push(tag.name),
            Token::Close(name) if open.last() == Some(&name) => drop(open.pop()),
            _ => {}
        }
    }
    open.iter().rev().for_each(|name| whole.push_str(&format!("</{name}>")));
    whole
}

/// HTML's readable content as Markdown. Addresses stay as they stand; see
/// [`markdown::safe`](super::markdown::safe) for what becomes of them.
///
/// Without a tag that says where a line ends, lines end where they do in the text.
pub fn to_markdown(html: &str) -> String {
    let breaks = |token: &Token<'_>| matches!(token, Token::Open(tag) if tags::breaks_lines(&tag.name));
    let reading = if Tokens::new(html).any(|token| breaks(&token)) { Reading::Html } else { Reading::Lines };
    written(html, reading)
}

/// The same of lines that have HTML in them.
pub fn within_lines(text: &str) -> String {
    written(text, Reading::Lines)
}

/// The same of Markdown that has HTML in it: what stands between the tags, and in code, stays as it is.
pub fn within_markdown(text: &str) -> String {
    let text = &*markdown::with_plain_ends(text);
    let mut writer = Writer::new(Reading::Markdown);
    let mut tables = markdown::tables(text).into_iter().peekable();
    let mut done = 0;
    for code in markdown::marked_code(text).into_iter().chain(iter::once(text.len()..text.len())) {
        while done < code.start {
            tables.next_if(|table| table.end <= done);
            let table = tables.peek().cloned().unwrap_or(text.len()..text.len());
            writer.in_row = table.contains(&done);
            let end = if writer.in_row { table.end } else { table.start }.min(code.start);
            write(&text[done..end], &mut writer);
            done = end;
        }
        writer.text(&text[code.clone()]);
        done = code.end;
    }
    writer.finish()
}

fn written(html: &str, reading: Reading) -> String {
    let mut writer = Writer::new(reading);
    write(&markdown::with_plain_ends(html), &mut writer);
    writer.finish()
}

fn write(html: &str, writer: &mut Writer) {
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => writer.text(text),
            Token::Open(tag) => writer.open(&tag),
            Token::Close(name) => writer.close(&name),
        }
    }
}

/// Text with its character references resolved, by HTML 5's table; an unknown one stays as it is.
pub fn entities(text: &str) -> Cow<'_, str> {
    if text.contains('&') { htmlize::unescape(text) } else { Cow::Borrowed(text) }
}

/// An address with its character references resolved: in `&timestamp=` there is no `&times`.
pub fn address(raw: &str) -> Cow<'_, str> {
    htmlize::unescape_attribute(raw)
}

#[cfg(test)]
mod tests;
