//! An answer's sources, from Copilot Studio's text and entities.

use serde_json::Value;

use crate::{
    translate::markdown::{marked_code, quoted},
    wire::virtual_agent::body,
};

/// The text without the lines that define its sources, and the sources as citations.
///
/// Definitions look like `[1]: cite:1 "Title"` or `[1]: https://… "Title"`; what `cite:` points at stands in a
/// schema.org entity. The marks stay in the text.
pub fn sources(text: &str, entities: &[Value]) -> (String, Vec<Value>) {
    let claims = claims(entities);
    let (mut kept, mut citations) = (Vec::new(), Vec::new());
    let (code, mut end) = (marked_code(text), 0);
    let is_code = |at: usize| {
        let before = code.partition_point(|code| code.start <= at);
        code[..before].last().is_some_and(|code| at < code.end)
    };
    for line in text.split('\n') {
        let start = end;
        end += line.len() + 1;
        let found = definition(line).filter(|_| !is_code(start));
        let Some(Definition { mark, target, title }) = found else {
            kept.push(line);
            continue;
        };
        let claim = target.strip_prefix("cite:").and_then(|at| claims.iter().find(|claim| claim.at == at));
        let url = claim.and_then(|claim| claim.url).or((!target.starts_with("cite:")).then_some(target));
        let label = title.or(claim.and_then(|claim| claim.name)).or(url).unwrap_or(mark);
        citations.push(body::citation(citations.len(), mark, label, url));
    }
    if citations.is_empty() {
        let named = claims.iter().filter(|claim| text.contains(&format!("[{}]", claim.at)));
        for claim in named {
            let label = claim.name.or(claim.url).unwrap_or_default();
            citations.push(body::citation(citations.len(), &format!("[{}]", claim.at), label, claim.url));
        }
        return (text.to_owned(), citations);
    }
    let kept = kept.join("\n");
    // Sources of nothing are what there is to read.
    let kept = if kept.trim().is_empty() { text } else { &kept };
    (kept.trim_end().to_owned(), citations)
}

struct Definition<'a> {
    mark: &'a str,
    target: &'a str,
    title: Option<&'a str>,
}

/// Behind an address there may be a title and nothing else, or it is words that the line holds.
fn definition(line: &str) -> Option<Definition<'_>> {
    let line = line.trim();
    let end = line.find("]:")?;
    let (mark, rest) = (&line[..=end], line[end + 2..].trim());
    let (target, title) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let known = ["cite:", "https://", "http://"].iter().any(|scheme| target.starts_with(scheme));
    let title = title.trim();
    let bare = title.is_empty() || target.starts_with("cite:");
    let title = quoted(title).or(bare.then_some(title))?.trim();
    (mark.starts_with('[') && mark.len() > 2 && known).then(|| Definition {
        mark,
        target,
        title: (!title.is_empty()).then_some(title),
    })
}

struct Claim<'a> {
    at: String,
    name: Option<&'a str>,
    url: Option<&'a str>,
}

fn claims(entities: &[Value]) -> Vec<Claim<'_>> {
    let listed = entities.iter().filter_map(|entity| entity.get("citation")?.as_array()).flatten();
    listed
        .filter_map(|claim| {
            let at = match claim.get("position")? {
                Value::String(at) => at.clone(),
                Value::Number(at) => at.to_string(),
                _ => return None,
            };
            let of = |key: &str| claim.pointer(&format!("/appearance/{key}")).and_then(Value::as_str);
            Some(Claim { at, name: of("name"), url: of("url") })
        })
        .collect()
}
