//! Where links and definitions point to.

use crate::translate::html::address;

/// Where a link points to.
pub(super) struct Target<'a> {
    pub url: &'a str,
    /// With the space before it, or empty.
    pub title: String,
    /// Bytes it takes, a closing parenthesis included.
    pub taken: usize,
    pub inline: bool,
}

/// What follows `]:` of a reference definition, up to the end of its line. Words behind it are no address: `[Note]: later`.
pub(super) fn definition_target(rest: &str) -> Option<Target<'_>> {
    let line = rest.split('\n').next()?;
    let (url, title) = titled(line.trim());
    let leads = line.trim_start().starts_with('<')
        || url.contains(['/', ':', '.', '#']) && !url.contains(char::is_whitespace);
    leads.then_some(Target { url, title, taken: line.len(), inline: false })
}

/// Parts an address from the title behind it.
pub(super) fn titled(inner: &str) -> (&str, String) {
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
    let inner = quoted(raw.trim()).map(|inner| inner.replace(['"', '\n', '\\', '<'], " "));
    inner.map(|inner| format!(" \"{inner}\"")).unwrap_or_default()
}

/// A title without the signs around it.
pub fn quoted(title: &str) -> Option<&str> {
    let within = |(begin, end): (char, char)| title.strip_prefix(begin)?.strip_suffix(end);
    [('"', '"'), ('\'', '\''), ('(', ')')].into_iter().find_map(within)
}

/// An address as it is meant: Markdown's escapes and HTML's entities resolved.
pub(super) fn unescaped(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    let mut chars = url.chars().peekable();
    while let Some(char) = chars.next() {
        match chars.peek() {
            Some(next) if char == '\\' && next.is_ascii_punctuation() => {}
            _ => out.push(char),
        }
    }
    address(&out).trim().to_owned()
}
