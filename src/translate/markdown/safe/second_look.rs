//! What has been made safe, read once more as a renderer reads it.

use pulldown_cmark::{Event, Tag};

use super::super::parsed;

/// Times that a text is read for tags and links to code; one that still has some, or can't be read, is shown without any link.
const MOST_LOOKS: usize = 3;

/// What the scanner took for code and a renderer does not can hold tags, and links to code; each that is made text may show others.
pub fn without_code(mut markdown: String) -> String {
    for _ in 0..MOST_LOOKS {
        if !markdown.contains(['<', '[']) {
            return markdown;
        }
        let Some(events) = parsed(&markdown) else { break };
        let mut out = String::with_capacity(markdown.len());
        let mut done = 0;
        for (event, range) in events {
            let end = match &event {
                Event::Html(_) | Event::InlineHtml(_) => range.end,
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. })
                    if !leads(dest_url) =>
                {
                    let bracket = markdown[range.clone()].find(['[', '<']).unwrap_or_default();
                    range.start + bracket + 1
                }
                _ => continue,
            };
            if end > done {
                let start = range.start.max(done);
                out.push_str(&markdown[done..start]);
                out.push_str(&markdown[start..end].replace('<', "&lt;").replace('[', "&#91;"));
                done = end;
            }
        }
        if done == 0 {
            return markdown;
        }
        out.push_str(&markdown[done..]);
        markdown = out;
    }
    markdown.replace('<', "&lt;").replace('[', "&#91;")
}

/// Whether a link leads to a place, and not to code.
fn leads(url: &str) -> bool {
    let url = url.trim_matches(|char: char| char.is_whitespace() || char.is_control()).to_ascii_lowercase();
    let scheme =
        url.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| !scheme.contains(['/', '?', '#']));
    scheme.is_none_or(|scheme| ["http", "https", "mailto", "tel"].contains(&scheme))
}
