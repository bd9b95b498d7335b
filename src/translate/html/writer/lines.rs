//! Text as a part of a line.

use crate::translate::readable::flat;

/// A blank, unless there is one or a line begins.
pub(super) fn space(text: &mut String) {
    if !text.is_empty() && !text.ends_with([' ', '\n']) {
        text.push(' ');
    }
}

/// Blocks as a part of a line, where their marks would be read as signs: no headings, quotes and rules, and items as people write
/// them.
pub(super) fn in_a_line(text: &str) -> String {
    text.lines()
        .map(|line| flat(&unmarked(line)))
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether the last line is nothing but what makes an item or a quote of what follows.
pub(super) fn is_mark(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or(text);
    let mark = line.trim().trim_start_matches(|char: char| char.is_ascii_digit());
    line.ends_with(' ')
        && matches!((mark, mark == line.trim()), ("-" | "*" | "+" | ">", true) | ("." | ")", false))
}

fn unmarked(line: &str) -> String {
    let (mut bullet, mut rest) = ("", line.trim_start());
    loop {
        let item = rest.strip_prefix("- ").or_else(|| rest.strip_prefix("* "));
        bullet = if item.is_some() { "• " } else { bullet };
        match item.or_else(|| rest.strip_prefix("> ")).or_else(|| headed(rest)) {
            Some(inner) => rest = inner.trim_start(),
            None if rest == "---" => return String::new(),
            None => return format!("{bullet}{rest}"),
        }
    }
}

fn headed(line: &str) -> Option<&str> {
    let words = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - words.len())).then(|| words.strip_prefix(' '))?
}
