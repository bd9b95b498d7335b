//! Markdown as we send it: what was typed shows sign for sign, links lead only where people can safely go.

mod address;
mod escape;
mod plain;
mod safe;

pub use self::{
    escape::{escape, typed},
    plain::to_plain,
    safe::safe,
};

/// An address as the destination of a Markdown link.
pub fn destination(url: &str) -> String {
    let url = url.trim();
    let mut out = String::with_capacity(url.len());
    for (at, char) in url.char_indices() {
        match char {
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '\\' => out.push_str("%5C"),
            '`' => out.push_str("%60"),
            '"' => out.push_str("%22"),
            '|' => out.push_str("%7C"),
            '&' if names_a_sign(&url[at + 1..]) => out.push_str("&amp;"),
            char if char.is_whitespace() => out.push_str("%20"),
            char if char.is_control() => {}
            char => out.push(char),
        }
    }
    out
}

/// Whether what follows a `&` makes a character reference of it.
fn names_a_sign(rest: &str) -> bool {
    let end = rest.bytes().take(40).position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'#'));
    end.is_some_and(|end| end > 0 && rest.as_bytes()[end] == b';')
}

/// The parts of GitHub's Markdown that chat clients know.
fn options() -> pulldown_cmark::Options {
    pulldown_cmark::Options::ENABLE_TABLES | pulldown_cmark::Options::ENABLE_STRIKETHROUGH
}

#[cfg(test)]
mod tests;
