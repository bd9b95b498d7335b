//! Markdown from outside, made fit to be sent on.

use std::ops::Range;

use pulldown_cmark::Event;

use self::{
    second_look::without_code,
    target::{Target, definition_target, titled, unescaped},
};
use super::{code::code, destination, escape, escape::numbered, parsed, with_plain_ends};
use crate::translate::{
    link::{RenderContext, resolve, resolve_picture},
    picture::{self, Picture},
    text::Voice,
    texts::Text,
};

mod second_look;
mod target;

pub use self::target::quoted;

/// Markdown from outside, made fit to be sent on: lines stay lines; links and images absolute, http or https (links
/// also to mail and telephones), the rest of them as text; tags of HTML as text. `pictures` are those that
/// [`taken_out`](picture::taken_out) has put into it by number; they learn their names.
pub fn safe(markdown: &str, context: &RenderContext<'_>, pictures: &mut [Picture]) -> String {
    let markdown = with_plain_ends(markdown).replace(SLOT, "");
    let mut scanner = Scanner {
        out: String::with_capacity(markdown.len()),
        opens: Vec::new(),
        word: 0,
        lookahead: 16 * markdown.len() + 4096,
        code: code(&markdown),
        pictures,
        context,
    };
    let mut at = 0;
    while let Some(first) = markdown[at..].chars().next() {
        at += scanner.step(first, &markdown, at);
    }
    with_breaks(&without_code(scanner.out.replace(SLOT, "")))
}

/// Keeps lines apart that Markdown would run together.
fn with_breaks(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut done = 0;
    for (event, range) in parsed(markdown).into_iter().flatten() {
        if event == Event::SoftBreak && range.start >= done {
            out.push_str(&markdown[done..range.start]);
            out.push_str("  ");
            done = range.start;
        }
    }
    out.push_str(&markdown[done..]);
    out
}

/// Stands for a sign that may be put in, or has been taken away; no text holds it.
const SLOT: char = '\u{1}';

struct Scanner<'a> {
    out: String,
    /// Where in `out` brackets were opened that are still open, a slot before each.
    opens: Vec<usize>,
    /// Where in `out` the last sign ends that people see.
    word: usize,
    /// Bytes that may still be looked at for the words and the end of a link: what can't be looked into is no link.
    lookahead: usize,
    code: Vec<Range<usize>>,
    pictures: &'a mut [Picture],
    context: &'a RenderContext<'a>,
}

/// Looks like a link, and must not be read as one.
struct Unreadable;

impl Scanner<'_> {
    /// Handles what stands at `at` and says how many bytes that was.
    fn step(&mut self, first: char, markdown: &str, at: usize) -> usize {
        let rest = &markdown[at..];
        if let Some(code) = self.code.pop_if(|code| code.start <= at)
            && code.end > at
        {
            let code = &markdown[at..code.end];
            // Some renderers take code behind an address for a part of that.
            let shown = if self.is_in_address() { signs(code) } else { code.to_owned() };
            self.show(&shown);
            return code.len();
        }
        match first {
            '\\' => {
                let taken = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                // Behind an address the stroke is a part of that, and the sign would begin a tag.
                self.show(if &rest[..taken] == "\\<" { "&lt;" } else { &rest[..taken] });
                taken
            }
            // No code, and none in any other renderer.
            '`' => {
                self.show("&#96;");
                1
            }
            '<' => self.angle(rest),
            '[' => {
                self.opens.push(self.out.len());
                self.out.push(SLOT);
                self.out.push('[');
                1
            }
            ']' => self.close(rest),
            char => {
                self.out.push(char);
                if !char.is_whitespace() && char != '!' {
                    self.word = self.out.len();
                }
                char.len_utf8()
            }
        }
    }

    fn show(&mut self, text: &str) {
        self.out.push_str(text);
        self.word = self.out.len();
    }

    fn blank_out(&mut self, at: usize) {
        self.out.replace_range(at..=at, "\u{1}");
    }

    /// Whether the word that is written may be an address: some renderers take all signs up to a blank for a part of it.
    fn is_in_address(&self) -> bool {
        const LONGEST_WORD: usize = 200;
        let from = self.out.floor_char_boundary(self.out.len().saturating_sub(LONGEST_WORD));
        let near = &self.out[from..];
        let word = near.rsplit(char::is_whitespace).next().unwrap_or(near);
        let whole = from == 0 || word.len() < near.len();
        !whole || word.contains("://") || word.contains('@') || word.to_ascii_lowercase().contains("www.")
    }

    /// `<https://…>` stays a link; anything else that could be a tag becomes text.
    fn angle(&mut self, rest: &str) -> usize {
        let end = rest[1..].find(|char: char| char.is_whitespace() || matches!(char, '<' | '>'));
        let inner = end.map(|end| &rest[1..=end]).filter(|inner| rest[inner.len() + 1..].starts_with('>'));
        let inner = inner.filter(|inner| inner.contains("://") || inner.contains('@') || names_scheme(inner));
        if let Some(inner) = inner
            && let Some(url) = resolve(&address_of(inner), self.context)
        {
            let shown = if inner.contains("://") { destination(&url) } else { inner.to_owned() };
            self.show(&format!("<{shown}>"));
            return inner.len() + 2;
        }
        // A bracket may be taken away, and what stands behind it follow.
        let tag =
            rest[1..].starts_with(|next: char| next.is_alphabetic() || matches!(next, '/' | '!' | '?' | '['));
        // No backslash: behind an address some renderers take it for a part of that.
        self.show(if tag { "&lt;" } else { "<" });
        1
    }

    fn close(&mut self, rest: &str) -> usize {
        let Some(open) = self.opens.pop() else {
            self.show(if rest.starts_with("](") { "\\]" } else { "]" });
            return 1;
        };
        match self.target(open, &rest[1..]) {
            Ok(Some(target)) => self.lead(open, target),
            Ok(None) => {
                self.out.push(']');
                1
            }
            Err(Unreadable) => {
                self.show("\\]");
                1
            }
        }
    }

    /// What the text in brackets leads to, by what stands behind them.
    fn target<'t>(&mut self, open: usize, behind: &'t str) -> Result<Option<Target<'t>>, Unreadable> {
        match behind.chars().next() {
            Some('(') => self.inline_target(open, &behind[1..]).ok_or(Unreadable).map(Some),
            Some(':') if self.begins_line(open) => {
                let is_note = self.out[open..].starts_with("\u{1}[^");
                let definition = definition_target(&behind[1..]).filter(|_| !is_note);
                if definition.is_none() {
                    // Read as a definition it would not be shown.
                    self.out.replace_range(open..=open, "\\");
                }
                definition.ok_or(Unreadable).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn lead(&mut self, open: usize, Target { url, title, taken, inline }: Target<'_>) -> usize {
        let address = unescaped(url);
        if picture::is_data(&address) {
            self.data(open, &address, inline);
            return taken + 2;
        }
        // What a person typed leads where it says, also to where a login is asked for.
        let is_typed = self.context.by == Voice::Person && unescaped(&self.out[open + 2..]) == address;
        let resolved = resolve(&address, self.context);
        match (resolved.map(|url| if is_typed { address.clone() } else { url }), inline) {
            (Some(url), true) => {
                if self.begins_picture(open) && resolve_picture(&address, self.context).is_none() {
                    // A link then: whoever follows it may log in.
                    self.blank_out(open - 1);
                }
                self.show(&format!("]({}{title})", destination(&url)));
            }
            (Some(url), false) => self.out.push_str(&format!("]: {}{title}", destination(&url))),
            (None, true) => self.as_text(open, if address.starts_with('#') { "" } else { &address }),
            (None, false) => {
                self.out.replace_range(open..=open, "\\");
                self.show(&format!("\\]: {}", escape(&address)));
            }
        }
        taken + 2
    }

    /// An address that is content itself: a picture is shown beside the text, under the name it has there; of anything else
    /// there is the label.
    fn data(&mut self, open: usize, address: &str, inline: bool) {
        let is_picture = self.begins_picture(open);
        let label = super::to_plain(&self.out[open..].replace(['[', SLOT], ""));
        let label = Some(label).filter(|label| !label.trim().is_empty() && !picture::is_data(label.trim()));
        let is_nameless = label.is_none();
        let beside = picture::number(address).and_then(|number| self.pictures.get_mut(number));
        let is_beside = beside.map(|picture| picture.alt = label).is_some();
        if !inline {
            self.out.truncate(open);
        } else if is_beside && is_picture && self.opens.is_empty() {
            self.out.truncate(open - 1);
        } else if is_nameless && !is_beside && !is_picture {
            self.out.truncate(open);
            self.show(&escape(self.context.words.get(Text::Open)));
        } else {
            self.as_text(open, "");
        }
        self.word = self.word.min(self.out.len());
    }

    fn begins_picture(&self, open: usize) -> bool {
        self.out[..open].ends_with('!') && !self.out[..open].ends_with("\\!")
    }

    fn begins_line(&self, open: usize) -> bool {
        let before = self.out[..open].trim_end_matches(' ');
        before.is_empty() || before.ends_with('\n')
    }

    /// What follows `](`, up to its `)`. Blanks in the address, which Markdown does not allow, are allowed here.
    fn inline_target<'t>(&mut self, open: usize, rest: &'t str) -> Option<Target<'t>> {
        self.lookahead = self.lookahead.checked_sub(self.out.len() - open)?;
        let mut depth = 0_usize;
        let (mut escaped, mut quoted, mut blank) = (false, false, true);
        for (at, char) in rest.char_indices() {
            self.lookahead = self.lookahead.checked_sub(1)?;
            match char {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' if quoted || blank => quoted = !quoted,
                '(' if !quoted => depth += 1,
                ')' if !quoted && depth > 0 => depth -= 1,
                ')' if !quoted => {
                    let (url, title) = titled(rest[..at].trim());
                    return Some(Target { url, title, taken: at + 1, inline: true });
                }
                '\n' if rest[at + 1..].trim_start_matches([' ', '\t']).starts_with('\n') => return None,
                _ => {}
            }
            blank = char.is_whitespace();
        }
        None
    }

    /// Takes the bracket away that made the text before this a link or an image.
    fn as_text(&mut self, open: usize, address: &str) {
        if self.begins_picture(open) {
            self.blank_out(open - 1);
        }
        self.blank_out(open + 1);
        match (self.word > open, address.is_empty()) {
            (_, true) => {}
            (true, false) => self.show(&format!(" ({})", escape(address))),
            (false, false) => self.show(&escape(address)),
        }
    }
}

/// Code as words: what means something by its number, which no renderer takes for that.
fn signs(code: &str) -> String {
    let is_read = |char| "\\`*_~[]<&|${\"'".contains(char);
    code.chars().map(|char| if is_read(char) { numbered(char) } else { char.into() }).collect()
}

/// What `<…>` means as an address.
fn address_of(inner: &str) -> String {
    let bare = !inner.contains("://") && !names_scheme(inner);
    if bare { format!("mailto:{inner}") } else { inner.to_owned() }
}

/// Of the addresses without slashes, those that lead somewhere.
fn names_scheme(inner: &str) -> bool {
    let is = |scheme: &str| inner.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    is("mailto:") || is("tel:")
}
