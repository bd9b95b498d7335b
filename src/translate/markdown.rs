//! Markdown as we send it: plain text escaped, links only where people can safely go.

use super::{
    html::entities,
    link::{RenderContext, resolve, resolve_picture},
};

/// Plain text as Markdown that shows the same, line breaks included.
pub fn escape(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len() + plain.len() / 8);
    let mut lines = plain.lines().peekable();
    while let Some(line) = lines.next() {
        escape_line(line, &mut out);
        match lines.peek() {
            Some(next) if !line.trim().is_empty() && !next.trim().is_empty() => out.push_str("  \n"),
            Some(_) => out.push('\n'),
            None if plain.ends_with('\n') => out.push('\n'),
            None => {}
        }
    }
    out
}

/// An address as the destination of a Markdown link.
pub fn destination(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for char in url.trim().chars() {
        match char {
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '\\' => out.push_str("%5C"),
            char if char.is_whitespace() => out.push_str("%20"),
            char if char.is_control() => {}
            char => out.push(char),
        }
    }
    out
}

/// Markdown from outside, made fit to be sent on: links and images absolute and only http or https, the rest of
/// them as text; tags of HTML as text.
pub fn safe(markdown: &str, context: &RenderContext<'_>) -> String {
    let lookahead = 16 * markdown.len() + 4096;
    let mut scanner =
        Scanner { out: String::with_capacity(markdown.len()), opens: Vec::new(), lookahead, context };
    let mut rest = markdown;
    while let Some(first) = rest.chars().next() {
        let taken = scanner.step(first, rest);
        rest = &rest[taken..];
    }
    scanner.out
}

fn escape_line(line: &str, out: &mut String) {
    let trimmed = line.trim_start();
    let indent = line.len() - trimmed.len();
    out.push_str(if indent > 3 { "   " } else { &line[..indent] });
    let digits = trimmed.chars().take_while(char::is_ascii_digit).count();
    let mut before = ' ';
    for (at, char) in trimmed.char_indices() {
        let after = trimmed[at + char.len_utf8()..].chars().next().unwrap_or(' ');
        let special = match char {
            '\\' | '`' | '*' | '[' | ']' | '<' | '|' => true,
            '~' => before == '~' || after == '~',
            '&' => after.is_ascii_alphabetic() || after == '#',
            '_' => !(before.is_alphanumeric() && after.is_alphanumeric()),
            '#' | '>' | '=' => at == 0,
            '-' | '+' => at == 0 && (after.is_whitespace() || after == char),
            '.' | ')' => digits > 0 && at == digits && after.is_whitespace(),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(char);
        before = char;
    }
}

struct Scanner<'a> {
    out: String,
    /// Where in `out` brackets were opened that are still open.
    opens: Vec<usize>,
    /// Bytes that may still be looked at for the end of a link: what can't be looked into is no link.
    lookahead: usize,
    context: &'a RenderContext<'a>,
}

impl Scanner<'_> {
    /// Handles what `rest` begins with and says how many bytes that was.
    fn step(&mut self, first: char, rest: &str) -> usize {
        match first {
            '\\' => {
                let taken = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                self.out.push_str(&rest[..taken]);
                taken
            }
            '`' => self.code(rest),
            '<' => self.angle(rest),
            '[' => {
                self.opens.push(self.out.len());
                self.out.push('[');
                1
            }
            ']' => self.close(rest),
            char => {
                self.out.push(char);
                char.len_utf8()
            }
        }
    }

    /// A span or block of code is left alone.
    fn code(&mut self, rest: &str) -> usize {
        let run = rest.len() - rest.trim_start_matches('`').len();
        let fence = &rest[..run];
        let mut end = run;
        while let Some(at) = rest[end..].find(fence) {
            let start = end + at;
            let length = rest[start..].len() - rest[start..].trim_start_matches('`').len();
            end = start + length;
            if length == run {
                self.out.push_str(&rest[..end]);
                return end;
            }
        }
        self.out.push_str(fence);
        run
    }

    /// `<https://…>` stays a link; anything else that could be a tag becomes text.
    fn angle(&mut self, rest: &str) -> usize {
        let scheme = rest.get(1..9).unwrap_or_default().to_ascii_lowercase();
        let web = scheme.starts_with("http://") || scheme.starts_with("https://");
        let end = rest[1..].find(|char: char| char.is_whitespace() || matches!(char, '<' | '>'));
        let address =
            end.map(|end| &rest[1..=end]).filter(|inner| web && rest[inner.len() + 1..].starts_with('>'));
        if let Some(inner) = address
            && let Some(url) = resolve(inner, self.context)
        {
            self.out.push_str(&format!("<{}>", destination(&url)));
            return inner.len() + 2;
        }
        let tag = rest[1..].starts_with(|next: char| next.is_alphabetic() || matches!(next, '/' | '!' | '?'));
        self.out.push_str(if tag { "\\<" } else { "<" });
        1
    }

    fn close(&mut self, rest: &str) -> usize {
        let Some(open) = self.opens.pop() else {
            self.out.push_str(if rest.starts_with("](") { "\\]" } else { "]" });
            return 1;
        };
        let target = match rest[1..].chars().next() {
            Some('(') => match self.inline_target(&rest[2..]) {
                None => {
                    self.out.push_str("\\]");
                    return 1;
                }
                target => target,
            },
            Some(':') if self.begins_line(open) => definition_target(&rest[2..]),
            _ => None,
        };
        let Some(Target { url, title, taken, inline }) = target else {
            self.out.push(']');
            return 1;
        };
        let address = unescaped(url);
        match (resolve(&address, self.context), inline) {
            (Some(url), true) => {
                if self.begins_picture(open) && resolve_picture(&address, self.context).is_none() {
                    // A link then: whoever follows it may log in.
                    self.out.remove(open - 1);
                }
                self.out.push_str(&format!("]({}{title})", destination(&url)));
            }
            (Some(url), false) => self.out.push_str(&format!("]: {}{title}", destination(&url))),
            (None, true) => self.as_text(open, &address),
            (None, false) => {
                self.out.insert(open, '\\');
                self.out.push_str(&format!("\\]: {}", escape(&address)));
            }
        }
        taken + 2
    }

    fn begins_picture(&self, open: usize) -> bool {
        self.out[..open].ends_with('!') && !self.out[..open].ends_with("\\!")
    }

    fn begins_line(&self, open: usize) -> bool {
        let mut before = self.out[..open].chars().rev().take(4).skip_while(|char| *char == ' ');
        before.next().is_none_or(|char| char == '\n')
    }

    /// What follows `](`, up to its `)`. Blanks in the address, which Markdown does not allow, are allowed here.
    fn inline_target<'t>(&mut self, rest: &'t str) -> Option<Target<'t>> {
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
        let image = self.begins_picture(open);
        self.out.remove(open);
        let start = if image { open - 1 } else { open };
        if image {
            self.out.remove(start);
        }
        let labelled = !self.out[start..].trim().is_empty();
        match (labelled, address.is_empty()) {
            (_, true) => {}
            (true, false) => self.out.push_str(&format!(" ({})", escape(address))),
            (false, false) => self.out.push_str(&escape(address)),
        }
    }
}

/// Where a link points to.
struct Target<'a> {
    url: &'a str,
    /// With the space before it, or empty.
    title: String,
    /// Bytes it takes, a closing parenthesis included.
    taken: usize,
    inline: bool,
}

/// What follows `]:` of a reference definition, up to the end of its line.
fn definition_target(rest: &str) -> Option<Target<'_>> {
    let line = rest.split('\n').next()?;
    let (url, title) = titled(line.trim());
    (!url.is_empty()).then_some(Target { url, title, taken: line.len(), inline: false })
}

/// Parts an address from the title behind it.
fn titled(inner: &str) -> (&str, String) {
    if let Some((url, rest)) = inner.strip_prefix('<').and_then(|inner| inner.split_once('>')) {
        return (url, title(rest));
    }
    match inner.find([' ', '\t', '\n']) {
        Some(at) if inner[at..].trim_start().starts_with(['"', '\'', '(']) => {
            (&inner[..at], title(&inner[at..]))
        }
        _ => (inner, String::new()),
    }
}

fn title(raw: &str) -> String {
    let inner = raw.trim();
    let mut ends = inner.chars();
    let (first, last) = (ends.next(), ends.next_back());
    let quoted =
        matches!((first, last), (Some('"'), Some('"')) | (Some('\''), Some('\'')) | (Some('('), Some(')')));
    if !quoted {
        return String::new();
    }
    format!(" \"{}\"", inner[1..inner.len() - 1].replace(['"', '\n', '\\', '<'], " "))
}

/// An address as it is meant: Markdown's escapes and HTML's entities resolved.
fn unescaped(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    let mut chars = url.chars().peekable();
    while let Some(char) = chars.next() {
        match chars.peek() {
            Some(next) if char == '\\' && next.is_ascii_punctuation() => {}
            _ => out.push(char),
        }
    }
    entities(&out).trim().to_owned()
}

#[cfg(test)]
mod tests;
