//! What kind of text a text is. Decided here and nowhere else: by who speaks, and by evidence.

use super::{
    html,
    link::RenderContext,
    markdown,
    picture::{self, Picture},
};

/// Who a text is from, as far as that says how it is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Voice {
    /// Typed by a person, or a line of ServiceNow's own: signs mean themselves.
    Person,
    /// Written by a bot, in Markdown.
    #[default]
    Bot,
}

/// How a text is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its signs mean themselves.
    Plain,
    Markdown,
    Html,
    /// Markdown with HTML in it.
    Mixed,
    /// Lines with HTML in them, whose other signs mean themselves.
    Tagged,
}

impl Kind {
    /// Tags of HTML, known and balanced, make a text HTML whoever speaks; without them it is what its speaker writes. A
    /// bot's need not be balanced where browsers don't ask for it.
    pub fn of(text: &str, by: Voice) -> Self {
        match by {
            Voice::Person if html::is_html(text) => Self::Html,
            Voice::Person => Self::Plain,
            Voice::Bot => Self::of_bot(text),
        }
    }

    /// Bots leave ends out as browsers let them; tags in code are code. Tags within lines leave the lines what they are.
    fn of_bot(text: &str) -> Self {
        if !text.contains('<') {
            return Self::Markdown;
        }
        let code = markdown::marked_code(text);
        let mut around = String::new();
        let mut done = 0;
        for code in &code {
            around.push_str(&text[done..code.start]);
            done = code.end;
        }
        around.push_str(&text[done..]);
        if !html::is_loosely_html(&around) {
            return Self::Markdown;
        }
        match html::outline(&around) {
            (words, _) if !code.is_empty() || markdown::is_marked(&words) => Self::Mixed,
            (_, true) => Self::Html,
            (_, false) => Self::Tagged,
        }
    }
}

/// A text to be shown, and the pictures that stood in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub markdown: String,
    pub pictures: Vec<Picture>,
}

impl Shown {
    /// Markdown of our own making.
    pub(super) fn ours(markdown: impl Into<String>) -> Self {
        Self { markdown: markdown.into(), pictures: Vec::new() }
    }

    /// Texts one below the other; those with nothing in them are left out.
    pub(super) fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::default();
        for Self { markdown, pictures } in parts {
            if !whole.markdown.is_empty() && !markdown.trim().is_empty() {
                whole.markdown.push_str("\n\n");
            }
            whole.markdown.push_str(if markdown.trim().is_empty() { "" } else { &markdown });
            whole.pictures.extend(pictures);
        }
        whole
    }
}

/// A text as Markdown that can be sent.
pub fn shown(text: &str, context: &RenderContext<'_>) -> Shown {
    let (text, pictures) = picture::taken_out(text);
    let kind = Kind::of(&text, context.by);
    of_kind(&text, kind, pictures, context)
}

/// As [`shown`], of a text of which more is to come.
pub fn growing(text: &str, context: &RenderContext<'_>) -> Shown {
    let ended = text.trim_start().starts_with('<').then(|| html::ended(text));
    // Of a tag that is cut nothing is left.
    let is_html = |text: &str| !matches!(Kind::of(text, context.by), Kind::Plain | Kind::Markdown);
    let ended = ended.filter(|ended| ended.is_empty() || is_html(ended));
    shown(ended.as_deref().unwrap_or(text), context)
}

/// Markdown of our own making, or that is known to be Markdown, as such.
pub fn shown_markdown(text: &str, context: &RenderContext<'_>) -> Shown {
    let (text, pictures) = picture::taken_out(text);
    of_kind(&text, Kind::Markdown, pictures, context)
}

fn of_kind(text: &str, kind: Kind, mut pictures: Vec<Picture>, context: &RenderContext<'_>) -> Shown {
    let markdown = match kind {
        // What a person types leads where it says, also to where a login is asked for.
        Kind::Plain => markdown::typed(text),
        kind => markdown::safe(&to_markdown(text, kind), context, &mut pictures),
    };
    Shown { markdown: picture::without_places(markdown), pictures }
}

/// A text as Markdown; where its addresses lead to is still to be looked at.
pub fn to_markdown(text: &str, kind: Kind) -> String {
    match kind {
        Kind::Plain => markdown::typed(text),
        Kind::Markdown => text.to_owned(),
        Kind::Html => html::to_markdown(text),
        Kind::Mixed => html::within_markdown(text),
        Kind::Tagged => html::within_lines(text),
    }
}

/// A text as plain text: what its reader reads.
pub fn plain(text: &str, by: Voice) -> String {
    let (text, _) = picture::taken_out(text);
    let text = markdown::with_plain_ends(&text);
    let plain = match Kind::of(&text, by) {
        Kind::Plain => text.into_owned(),
        kind => markdown::to_plain(&to_markdown(&text, kind)),
    };
    picture::without_places(plain)
}

/// A text whose signs mean themselves, tags among them, as its reader reads it: without its pictures.
pub fn as_typed(text: &str) -> String {
    let (text, _) = picture::taken_out(text);
    picture::without_places(markdown::with_plain_ends(&text).into_owned())
}

/// Whether a text has anything in it that is seen.
pub fn is_seen(text: &str, by: Voice) -> bool {
    if !text.trim_start().starts_with(['<', '&']) {
        return !text.trim().is_empty();
    }
    let markdown = to_markdown(text, Kind::of(text, by));
    !html::entities(&markdown).trim().is_empty()
}

#[cfg(test)]
mod tests;
