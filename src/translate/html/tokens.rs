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
    /// Bytes that may still be read of what turns out to be no tag; all behind them is words.
    lookahead: usize,
}

/// Behind its `<` comes no `>`, or another `<` before it: what looks like a tag is words.
struct NoTag;

/// Elements whose content nobody reads.
const HIDDEN: [&str; 8] = ["script", "style", "head", "title", "template", "noscript", "svg", "datalist"];

impl<'a> Tokens<'a> {
    pub fn new(html: &'a str) -> Self {
        Self { rest: html, lookahead: 16 * html.len() + 4096 }
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// Takes what stands before an end, or all when it comes nowhere.
    fn take_to(&mut self, end: Option<usize>) -> Result<&'a str, NoTag> {
        let taken = self.take(end.unwrap_or(self.rest.len()));
        end.map(|_| taken).ok_or(NoTag)
    }

    fn skip_past(&mut self, end: &str) -> Result<(), NoTag> {
        self.take_to(self.rest.find(end))?;
        self.take(end.len());
        Ok(())
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
    fn attributes(&mut self) -> Result<(Vec<(String, String)>, bool), NoTag> {
        let mut found = Vec::new();
        loop {
            let blank = |char: char| char.is_whitespace() || char == '/';
            let behind = self.rest.trim_start_matches(blank);
            let blanks = self.take(self.rest.len() - behind.len());
            if self.rest.starts_with('>') {
                self.take(1);
                return Ok((found, blanks.ends_with('/')));
            }
            let ends = |char: char| char.is_whitespace() || matches!(char, '=' | '>' | '/' | '<');
            let name = match self.take_to(self.rest.find(ends))? {
                "" if self.rest.starts_with('<') => return Err(NoTag),
                "" => self.take(1),
                name => name,
            };
            let value = self.attribute_value()?;
            found.push((name.to_ascii_lowercase(), value));
        }
    }

    fn attribute_value(&mut self) -> Result<String, NoTag> {
        let Some(rest) = self.rest.trim_start().strip_prefix('=') else { return Ok(String::new()) };
        self.rest = rest.trim_start();
        let quote = ["\"", "'"].into_iter().find(|quote| self.rest.starts_with(quote));
        let raw = match quote {
            Some(quote) => {
                self.take(1);
                let value = self.take_to(self.rest.find(quote))?;
                self.take(1);
                value
            }
            None => self.take_to(self.rest.find(|char: char| char.is_whitespace() || char == '>'))?,
        };
        Ok(address(raw).into_owned())
    }

    /// What the `<` at the front begins; nothing when that is hidden.
    fn tag(&mut self) -> Result<Option<Token<'a>>, NoTag> {
        let after = &self.rest[1..];
        if after.starts_with("!--") {
            return self.skip_past("-->").map(|()| None);
        }
        if after.starts_with(['!', '?']) {
            return self.skip_past(">").map(|()| None);
        }
        if let Some(name) = after.strip_prefix('/').and_then(tag_name) {
            self.take(1);
            self.take_to(self.rest.find(['<', '>']))?;
            if self.take(1) == "<" {
                return Err(NoTag);
            }
            let name = name.to_ascii_lowercase();
            // Browsers take it for the tag that was meant.
            let is_break = name == "br";
            let tag = |name| Tag { name, is_closed: true, attributes: Vec::new() };
            return Ok(Some(if is_break { Token::Open(tag(name)) } else { Token::Close(name) }));
        }
        let name = tag_name(after).ok_or(NoTag)?;
        self.take(1 + name.len());
        let (attributes, is_closed) = self.attributes()?;
        let tag = Tag { name: name.to_ascii_lowercase(), is_closed, attributes };
        if HIDDEN.contains(&tag.name.as_str()) {
            self.skip_content(&tag.name);
        }
        Ok(Some(Token::Open(tag)))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let at = self.rest.find('<').filter(|_| self.lookahead > 0).unwrap_or(self.rest.len());
            if at > 0 {
                return Some(Token::Text(self.take(at)));
            }
            if self.rest.is_empty() {
                return None;
            }
            let from = self.rest;
            match self.tag() {
                Ok(None) => {}
                Ok(token) => return token,
                Err(NoTag) => {
                    self.lookahead = self.lookahead.saturating_sub(from.len() - self.rest.len());
                    self.rest = from;
                    return Some(Token::Text(self.take(1)));
                }
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
