//! Markdown as we send it: what was typed shows sign for sign, links lead only where people can safely go.

use std::borrow::Cow;

use super::picture;

mod address;
mod code;
mod escape;
mod plain;
mod safe;

pub use self::{
    code::{has_emphasis, marked_code, tables},
    escape::{escape, typed},
    plain::to_plain,
    safe::safe,
};

/// Signs at which a line ends.
pub fn ends_line(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Signs that are not shown, and only say where words may be parted or in which direction they run.
pub fn is_unseen(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(char, '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A text whose lines end as Markdown has it: renderers disagree about all the other signs, and about a tab behind the
/// end of code.
pub fn with_plain_ends(text: &str) -> Cow<'_, str> {
    let others = |char| char != '\n' && ends_line(char);
    if !text.contains(others) {
        return without_tabs_behind_fences(text);
    }
    let plain = text.replace("\r\n", "\n").replace(others, "\n");
    Cow::Owned(without_tabs_behind_fences(&plain).into_owned())
}

/// A text with blanks for the tabs with which lines end that may end code, so that each place stays where it is:
/// `pulldown-cmark` takes no tab there, other renderers do, as CommonMark says.
fn without_tabs_behind_fences(text: &str) -> Cow<'_, str> {
    if !["`\t", "~\t", " \t"].iter().any(|end| text.contains(end)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let words = line.trim_end_matches(['\n', '\r', ' ', '\t']);
        let (words, end) = line.split_at(words.len());
        out.push_str(words);
        let is_fence = words.ends_with("```") || words.ends_with("~~~");
        out.extend(end.chars().map(|char| if is_fence && char == '\t' { ' ' } else { char }));
    }
    Cow::Owned(out)
}

/// An address as the destination of a Markdown link.
pub fn destination(url: &str) -> String {
    let url = &*picture::joined(url.trim());
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
