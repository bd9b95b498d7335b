//! Markdown as we send it: what was typed shows sign for sign, links lead only where people can safely go.

use std::{borrow::Cow, ops::Range};

use pulldown_cmark::{Event, Options, Parser};

use super::picture;

mod address;
mod code;
mod escape;
mod plain;
mod safe;

pub use self::{
    code::{is_marked, marked_code, tables},
    escape::{before_link, escape, typed},
    plain::to_plain,
    safe::{quoted, safe},
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

/// More quotes and items than this inside each other are no text that somebody wrote.
const MAX_NESTED: usize = 200;

/// What stands in a text and where, by CommonMark and the parts of GitHub's that chat clients know; `None` when it is nested too
/// deep to be read: a parser goes through all that is open with each line.
fn parsed(markdown: &str) -> Option<impl Iterator<Item = (Event<'_>, Range<usize>)>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let is_readable = markdown.lines().all(|line| nested(line) <= MAX_NESTED);
    is_readable.then(|| Parser::new_ext(markdown, options).into_offset_iter())
}

/// How deep a line may be nested by its beginning: a quote has a sign of its own, an item has a blank.
fn nested(line: &str) -> usize {
    let is_mark =
        |char: char| char.is_ascii_digit() || matches!(char, ' ' | '\t' | '>' | '-' | '+' | '*' | '.' | ')');
    let begin = &line[..line.find(|char| !is_mark(char)).unwrap_or(line.len())];
    begin.trim_end().matches(['>', ' ', '\t']).count()
}

#[cfg(test)]
mod tests;
