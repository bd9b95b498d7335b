//! HTML as Markdown. Nothing of the HTML survives but what Markdown can say, so nothing of it needs to be trusted.

mod tokens;
mod writer;

pub use tokens::entities;
use tokens::{Token, Tokens};
use writer::Writer;

/// HTML's readable content as Markdown. Addresses stay as they stand; see
/// [`markdown::safe`](super::markdown::safe) for what becomes of them.
pub fn to_markdown(html: &str) -> String {
    let mut writer = Writer::default();
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => writer.text(&entities(text)),
            Token::Open(tag) => writer.open(&tag),
            Token::Close(name) => writer.close(&name),
        }
    }
    writer.finish()
}

#[cfg(test)]
mod tests;
