//! Plain text as Markdown that shows the same: in CommonMark, with GitHub's extensions, and in Web Chat, whose renderer
//! sets quotes and dashes, makes links of what looks like one, and reads `\(` and `\[` as the beginning of a formula.

use super::{address, destination, with_plain_ends};

/// Plain text as Markdown that shows the same, line breaks included; an address stays text.
pub fn escape(plain: &str) -> String {
    lines(plain, signs)
}

/// As [`escape`], with addresses as links to what was typed.
pub fn typed(plain: &str) -> String {
    lines(plain, |line, out| {
        if !address::may_stand_in(line) {
            return signs(line, out);
        }
        for piece in address::pieces(line) {
            match piece {
                address::Piece::Words(words) => signs(words, out),
                address::Piece::Address { shown, leads_to } => {
                    before_link(out);
                    out.push('[');
                    signs(shown, out);
                    out.push_str(&format!("]({})", destination(&leads_to)));
                }
            }
        }
    })
}

/// A `!` that is the last sign would make a picture of a link.
pub fn before_link(out: &mut String) {
    if let Some(written) = out.strip_suffix('!') {
        let strokes = written.len() - written.trim_end_matches('\\').len();
        if strokes.is_multiple_of(2) {
            out.insert(out.len() - 1, '\\');
        }
    }
}

/// Writes lines, each by `write`, so that they stay lines.
fn lines(plain: &str, write: impl Fn(&str, &mut String)) -> String {
    let mut out = String::with_capacity(plain.len() + plain.len() / 8);
    let mut blank = 0;
    for line in with_plain_ends(plain).split('\n') {
        let inner = line.trim_matches(trimmed);
        if inner.is_empty() {
            blank += 1;
            continue;
        }
        match blank {
            _ if out.is_empty() => {}
            0 => out.push_str("  \n"),
            more => (0..more).for_each(|at| out.push_str(if at == 0 { "\n\n" } else { "&nbsp;\n\n" })),
        }
        blank = 0;
        write_line(line, inner, &mut out, &write);
    }
    out
}

/// The blank at either end of a line is written by its number: renderers drop it otherwise.
fn write_line(line: &str, inner: &str, out: &mut String, write: impl Fn(&str, &mut String)) {
    let start = line.len() - line.trim_start_matches(trimmed).len();
    let (head, tail) = (&line[..start], &line[start + inner.len()..]);
    let mut head = head.chars();
    out.extend(head.next().map(numbered));
    out.push_str(head.as_str());
    write(inner, out);
    let mut tail = tail.chars();
    let last = tail.next_back();
    out.push_str(tail.as_str());
    out.extend(last.map(numbered));
}

/// What some renderer takes away at the ends of a line.
fn trimmed(char: char) -> bool {
    char.is_whitespace() || char == '\u{feff}'
}

/// A sign as a character reference; control characters have none.
pub(super) fn numbered(char: char) -> String {
    if char.is_control() && char != '\t' { char.into() } else { format!("&#{};", u32::from(char)) }
}

/// Part of a line, without blanks at its ends.
fn signs(words: &str, out: &mut String) {
    let digits = words.bytes().take_while(u8::is_ascii_digit).count();
    let (mut before, mut at) = (' ', 0);
    loop {
        let plain = words.as_bytes()[at..].iter().take_while(|sign| is_plain(**sign)).count();
        let plain = &words[at..at + plain];
        out.push_str(plain);
        at += plain.len();
        before = plain.chars().next_back().unwrap_or(before);
        let Some(char) = words[at..].chars().next() else { return };
        let rest = &words[at + char.len_utf8()..];
        let after = rest.chars().next().unwrap_or(' ');
        match char {
            '\0' => out.push('\u{fffd}'),
            '[' => out.push_str("&#91;"),
            ']' => out.push_str("&#93;"),
            '(' if is_abbreviation(rest) => out.push_str("&#40;"),
            '{' if is_attribute(rest) => out.push_str("&#123;"),
            char => {
                let ends_number = digits > 0 && at == digits && after.is_whitespace();
                if is_special(char, before, after, at, ends_number)
                    || precedes_slashes(char, rest)
                    || char == '.' && ends_with_www(&words[..at])
                {
                    out.push('\\');
                }
                out.push(char);
            }
        }
        before = char;
        at += char.len_utf8();
    }
}

/// What means nothing to Markdown, wherever it stands; most of a text is that.
fn is_plain(sign: u8) -> bool {
    sign.is_ascii_alphanumeric() || sign == b' '
}

fn is_special(char: char, before: char, after: char, at: usize, ends_number: bool) -> bool {
    match char {
        '\\' | '`' | '*' | '<' | '|' | '~' | '"' | '\'' | '@' | '$' => true,
        '&' => after.is_ascii_alphabetic() || after == '#',
        '_' => !(before.is_alphanumeric() && after.is_alphanumeric()),
        '#' | '>' | '=' => at == 0,
        '-' => at == 0 || matches!(before, '-' | '+') || after == '-',
        ':' => at == 0 && after == '-',
        '+' => at == 0 && after.is_whitespace(),
        '.' => {
            ends_number
                || before == '.'
                || after == '.'
                || (before.is_alphanumeric() && after.is_alphabetic())
        }
        ')' => ends_number,
        ',' => before == ',' || after == ',',
        '?' | '!' => matches!(before, '?' | '!') || matches!(after, '?' | '!'),
        _ => false,
    }
}

/// `://` would make a link.
fn precedes_slashes(char: char, rest: &str) -> bool {
    char == ':' && rest.starts_with("//") || char == '/' && rest.starts_with('/')
}

/// `www.` would begin a link.
fn ends_with_www(before: &str) -> bool {
    before.len().checked_sub(3).is_some_and(|at| before.as_bytes()[at..].eq_ignore_ascii_case(b"www"))
}

/// `(c)`, `(r)`, `(p)` and `(tm)` become signs.
fn is_abbreviation(rest: &str) -> bool {
    let name = rest.bytes().take(3).position(|byte| byte == b')').map(|end| rest[..end].to_ascii_lowercase());
    name.is_some_and(|name| matches!(name.as_str(), "c" | "r" | "p" | "tm"))
}

/// Web Chat reads `{aria-label=…}` behind a link.
fn is_attribute(rest: &str) -> bool {
    let name = rest.trim_start().get(..10);
    name.is_some_and(|name| name.eq_ignore_ascii_case("aria-label"))
}
