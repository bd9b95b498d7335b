//! HTML as a stream of tags and texts, whatever state it is in.

use super::address;

pub(super) enum Token<'a> {
    /// Entities not yet resolved.
    Text(&'a str),
    Open(Tag),
    /// In lower case.
    Close(String),
}

pub(super) struct Tag {
    /// In lower case.
    pub name: String,
    /// Written `<b/>`.
    pub is_closed: bool,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// Whether any attribute has a value.
    pub fn has_values(&self) -> bool {
        self.attributes.iter().any(|(_, value)| !value.is_empty())
    }

    /// An attribute that is there and not blank.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let (_, value) = self.attributes.iter().find(|(key, _)| key == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }
}

pub(super) struct Tokens<'a> {
    rest: &'a str,
}

/// Elements whose content nobody reads.
const HIDDEN: [&str; 8] = ["script", "style", "head", "title", "template", "noscript", "svg", "datalist"];

impl<'a> Tokens<'a> {
    pub fn new(html: &'a str) -> Self {
        Self { rest: html }
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// Skips past `end`, or to the end of all.
    fn skip_past(&mut self, end: &str) {
        let at = self.rest.find(end).map_or(self.rest.len(), |at| at + end.len());
        self.take(at);
    }

    /// Skips to the end tag of `name`, or to the end of all.
    fn skip_content(&mut self, name: &str) {
        let ends = |tail: &str| tail.get(..name.len()).is_some_and(|tail| tail.eq_ignore_ascii_case(name));
        let mut ends =
            self.rest.match_indices("</").map(|(at, _)| at).filter(|at| ends(&self.rest[at + 2..]));
        let at = ends.next().unwrap_or(self.rest.len());
        self.take(at);
    }

    /// The attributes up to the tag's `>`, which may stand inside quotes as well, and whether a `/` right before it closes
    /// the tag: at the end of a value without quotes it is a part of that.
    fn attributes(&mut self) -> (Vec<(String, String)>, bool) {
        let mut found = Vec::new();
        loop {
            let blank = |char: char| char.is_whitespace() || char == '/';
            let behind = self.rest.trim_start_matches(blank);
            let blanks = self.take(self.rest.len() - behind.len());
            if self.rest.is_empty() || self.rest.starts_with('>') {
                let ends = self.take(usize::from(!self.rest.is_empty()));
                return (found, !ends.is_empty() && blanks.ends_with('/'));
            }
            let end = self.rest.find(|char: char| char.is_whitespace() || matches!(char, '=' | '>' | '/'));
            let name = match end {
                Some(0) => self.take(1),
                Some(end) => self.take(end),
                None => self.take(self.rest.len()),
            };
            let value = self.attribute_value();
            found.push((name.to_ascii_lowercase(), value));
        }
    }

    fn attribute_value(&mut self) -> String {
        let Some(rest) = self.rest.trim_start().strip_prefix('=') else { return String::new() };
        self.rest = rest.trim_start();
        let raw = match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                self.take(1);
                let end = self.rest.find(quote).unwrap_or(self.rest.len());
                let value = self.take(end);
                self.take(usize::from(!self.rest.is_empty()));
                value
            }
            _ => {
                let end = self.rest.find(|char: char| char.is_whitespace() || char == '>');
                self.take(end.unwrap_or(self.rest.len()))
            }
        };
        address(raw).into_owned()
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let at = self.rest.find('<').unwrap_or(self.rest.len());
            if at > 0 {
                return Some(Token::Text(self.take(at)));
            }
            let after = self.rest.get(1..)?;
            if after.starts_with("!--") {
                self.skip_past("-->");
            } else if after.starts_with(['!', '?']) {
                self.skip_past(">");
            } else if let Some(name) = after.strip_prefix('/').and_then(tag_name) {
                self.skip_past(">");
                let name = name.to_ascii_lowercase();
                // Browsers take it for the tag that was meant.
                let is_break = name == "br";
                let tag = |name| Tag { name, is_closed: true, attributes: Vec::new() };
                return Some(if is_break { Token::Open(tag(name)) } else { Token::Close(name) });
            } else if let Some(name) = tag_name(after) {
                self.take(1 + name.len());
                let (attributes, is_closed) = self.attributes();
                let tag = Tag { name: name.to_ascii_lowercase(), is_closed, attributes };
                if HIDDEN.contains(&tag.name.as_str()) {
                    self.skip_content(&tag.name);
                }
                return Some(Token::Open(tag));
            } else {
                return Some(Token::Text(self.take(1)));
            }
        }
    }
}

/// A name with nothing behind it but what may stand there: `<hr@example.com>` is no rule.
fn tag_name(text: &str) -> Option<&str> {
    let is_within = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | ':');
    let (name, behind) = text.split_at(text.find(|char| !is_within(char)).unwrap_or(text.len()));
    let ends =
        behind.is_empty() || behind.starts_with(|char: char| char.is_whitespace() || "/><".contains(char));
    let is_name = name.starts_with(|char: char| char.is_ascii_alphabetic()) && !name.ends_with(':');
    (ends && is_name).then_some(name)
}
