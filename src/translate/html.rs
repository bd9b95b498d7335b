//! HTML as Markdown. Nothing of the HTML survives but what Markdown can say, so nothing of it needs to be trusted.

use std::borrow::Cow;

mod tags;
mod tokens;
mod writer;

use tokens::{Token, Tokens};
use writer::{Reading, Writer};

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

/// HTML's readable content as Markdown. Addresses stay as they stand; see
/// [`markdown::safe`](super::markdown::safe) for what becomes of them.
///
/// Without a tag that says where a line ends, lines end where they do in the text.
pub fn to_markdown(html: &str) -> String {
    let breaks = |token: &Token<'_>| matches!(token, Token::Open(tag) if tags::breaks_lines(&tag.name));
    let reading = if Tokens::new(html).any(|token| breaks(&token)) { Reading::Html } else { Reading::Lines };
    written(html, reading)
}

/// The same of Markdown that has HTML in it: what stands between the tags stays as it is.
pub fn within_markdown(text: &str) -> String {
    written(text, Reading::Markdown)
}

fn written(html: &str, reading: Reading) -> String {
    let mut writer = Writer::new(reading);
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => writer.text(text),
            Token::Open(tag) => writer.open(&tag),
            Token::Close(name) => writer.close(&name),
        }
    }
    writer.finish()
}

/// Text with its character references resolved, by HTML 5's table; an unknown one stays as it is.
pub fn entities(text: &str) -> Cow<'_, str> {
    if text.contains('&') { htmlize::unescape(text) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests;
