//! Addresses in what people type.

use url::Url;

use super::is_unseen;

/// A piece of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Words(&'a str),
    Address {
        /// As it was typed.
        shown: &'a str,
        leads_to: String,
    },
}

/// Whether a text may hold addresses: each kind has one of these signs.
pub(super) fn may_stand_in(text: &str) -> bool {
    memchr::memchr2(b'.', b':', text.as_bytes()).is_some()
}

/// A line in pieces, in order; nothing of it is left out.
pub(super) fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = line;
    let mut plain = 0;
    let mut at = 0;
    while at < line.len() {
        let word_end = word_end(rest);
        match first_address(&rest[..word_end]) {
            Some((start, length, leads_to)) => {
                let (start, end) = (at + start, at + start + length);
                if plain < start {
                    found.push(Piece::Words(&line[plain..start]));
                }
                found.push(Piece::Address { shown: &line[start..end], leads_to });
                (plain, at) = (end, end);
            }
            None => {
                let past =
                    if word_end > 0 { word_end } else { rest.chars().next().map_or(0, char::len_utf8) };
                at += past;
            }
        }
        rest = &line[at..];
    }
    if plain < line.len() {
        found.push(Piece::Words(&line[plain..]));
    }
    found
}

/// Where the first word of this ends: before a sign that no address has, behind one that parts two addresses, or where an address
/// may begin or end amid words without blanks.
fn word_end(text: &str) -> usize {
    let begins_unspaced = text.starts_with(is_unspaced);
    let (mut before, mut level) = (' ', 0_usize);
    let mut turns = |char: char| {
        let turns = match (is_unspaced(before), is_unspaced(char)) {
            (true, false) => begins_unspaced,
            (false, true) if before != ' ' => ends_address(before, level, char),
            _ => false,
        };
        match (before, char) {
            ('/', '/') => level = level.saturating_sub(1),
            (_, '/') => level += 1,
            _ => {}
        }
        before = char;
        turns
    };
    let parts = |char| matches!(char, ',' | ';' | '|' | '(' | ')' | '[' | ']' | '{' | '}');
    let another = |rest: &str| SCHEMES[..2].iter().any(|scheme| begins_with(rest, scheme));
    let ends = |(at, char): &(usize, char)| {
        turns(*char) || ends_word(*char) || parts(*char) && another(&text[at + 1..])
    };
    text.char_indices().find(ends).map_or(text.len(), |(at, _)| at)
}

/// Letters of scripts whose words stand against an address without a blank: Chinese, Japanese, Korean, and full-width forms.
fn is_unspaced(char: char) -> bool {
    matches!(char, '々' | '〆' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
        || matches!(char, '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether such a letter is none of the address before it: in a path, a name in this script may stand behind a sign that parts
/// names, but behind the whole host words are more likely, and so is a particle (`を`) anywhere but in the host.
fn ends_address(before: char, level: usize, char: char) -> bool {
    match before {
        '/' => level == 1 || level > 1 && matches!(char, '\u{3040}'..='\u{309f}'),
        '=' | '-' | '_' | '#' | '.' => false,
        _ => true,
    }
}

/// Also the marks that stand around an address, or behind it without a blank, in other scripts.
fn ends_word(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || is_unseen(char)
        || matches!(char, '<' | '>' | '"' | '`' | '«' | '»' | '\u{2018}'..='\u{201f}' | '‹' | '›')
        || matches!(char, '\u{3000}'..='\u{3002}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' | '，' | '：' | '；' | '！' | '？' | '（' | '）')
}

const SCHEMES: [&str; 5] = ["https://", "http://", "mailto:", "tel:", "www."];

/// Where the first address of a word begins, how long it is, and where it leads to.
fn first_address(word: &str) -> Option<(usize, usize, String)> {
    if !may_stand_in(word) {
        return None;
    }
    let mut surplus = surplus(word);
    let mut before = ' ';
    for (at, char) in word.char_indices() {
        let tail = &word[at..];
        let scheme = SCHEMES.iter().find(|scheme| !before.is_alphanumeric() && begins_with(tail, scheme));
        if let Some(scheme) = scheme {
            let address = &tail[..length(tail, surplus)];
            let body = address.get(scheme.len()..).unwrap_or_default();
            if let Some(leads_to) = target(scheme, address, body) {
                return Some((at, address.len(), leads_to));
            }
        }
        surplus += i64::from(char == '(') - i64::from(char == ')');
        before = char;
    }
    bare(word)
}

/// How many more brackets are closed in a text than are opened in it.
fn surplus(text: &str) -> i64 {
    text.bytes().map(|byte| i64::from(byte == b')') - i64::from(byte == b'(')).sum()
}

fn begins_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

fn target(scheme: &str, address: &str, body: &str) -> Option<String> {
    match scheme {
        "mailto:" => is_mail(named(body, "?")?).then(|| address.to_owned()),
        "tel:" => {
            body.starts_with(|char: char| char.is_ascii_digit() || char == '+').then(|| address.to_owned())
        }
        "www." => host(address).map(|_| format!("https://{address}")),
        _ => (body.starts_with(|char: char| char.is_alphanumeric() || char == '[')
            && leads_somewhere(scheme, body))
        .then(|| address.to_owned()),
    }
}

/// Longer names of hosts and mailboxes are none.
const LONGEST_NAME: usize = 320;

/// The name before the first of these signs.
fn named<'a>(text: &'a str, ends: &str) -> Option<&'a str> {
    let end = text.bytes().take(LONGEST_NAME).position(|byte| ends.as_bytes().contains(&byte));
    let end = end.or_else(|| (text.len() < LONGEST_NAME).then_some(text.len()))?;
    Some(&text[..end])
}

/// Whether a browser takes the host for one; a stroke would be a slash to it, and is a sign of the host in a link of Markdown's.
fn leads_somewhere(scheme: &str, body: &str) -> bool {
    let host = named(body, "/?#").filter(|host| !host.contains('\\'));
    let url = host.map(|host| Url::parse(&format!("{scheme}{host}")));
    url.is_some_and(|url| url.is_ok_and(|url| url.has_host()))
}

/// An e-mail address, or a host without a scheme, that makes up the word but for the signs around it.
fn bare(word: &str) -> Option<(usize, usize, String)> {
    let start = word.find(|char: char| char.is_alphanumeric())?;
    let tail = &word[start..];
    let address = &tail[..length(tail, surplus(tail))];
    if is_mail(address) {
        return Some((start, address.len(), format!("mailto:{address}")));
    }
    let host = host(address)?;
    let known = host.rsplit('.').next().is_some_and(|last| matches!(last, "com" | "org" | "edu" | "gov"));
    let followed = address[host.len()..].starts_with('/');
    (known || followed).then(|| (start, address.len(), format!("https://{address}")))
}

/// The host of an address without a scheme, if a browser takes it for one with what stands behind it.
fn host(address: &str) -> Option<&str> {
    named(address, "/?#:").filter(|host| is_host(host) && leads_somewhere("https://", address))
}

/// Labels of ASCII letters, digits and hyphens, the last of letters, two at least.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.contains('.')
        && host.split('.').all(label)
        && last.len() >= 2
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_mail(address: &str) -> bool {
    let local = |byte: u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte);
    address
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && name.bytes().all(local) && is_host(host))
}

/// So many signs at most are looked at for the end of an address.
const MAX_TRAILING: usize = 16;

/// How much of a word is its address: what closes a sentence or a bracket around it is none of it.
fn length(tail: &str, mut surplus: i64) -> usize {
    let mut end = tail.len();
    for last in tail.chars().rev().take(MAX_TRAILING) {
        match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | ']' | '}' | '|' => {}
            '\u{2026}' | '،' | '؛' | '؟' | '۔' | '।' => {}
            ')' if surplus > 0 => surplus -= 1,
            _ => break,
        }
        end -= last.len_utf8();
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(line: &str) -> Vec<(String, String)> {
        let address = |piece| match piece {
            Piece::Address { shown, leads_to } => Some((str::to_owned(shown), leads_to)),
            Piece::Words(_) => None,
        };
        pieces(line).into_iter().filter_map(address).collect()
    }

    #[test]
    fn what_people_type_as_an_address_leads_there() {
        for (line, shown, leads_to) in [
            ("see https://a.example/b_c.", "https://a.example/b_c", "https://a.example/b_c"),
            ("(http://a.example/x_(y))", "http://a.example/x_(y)", "http://a.example/x_(y)"),
            ("WWW.Example.com, please", "WWW.Example.com", "https://WWW.Example.com"),
            ("write to ana.b@example.com!", "ana.b@example.com", "mailto:ana.b@example.com"),
            (
                "mailto:a@example.com?subject=x",
                "mailto:a@example.com?subject=x",
                "mailto:a@example.com?subject=x",
            ),
            ("tel:+49-30-1234", "tel:+49-30-1234", "tel:+49-30-1234"),
            ("acme.example/kb?id=1", "acme.example/kb?id=1", "https://acme.example/kb?id=1"),
            ("example.com", "example.com", "https://example.com"),
            ("\"https://a.example\"", "https://a.example", "https://a.example"),
            ("https://a.example/b؟", "https://a.example/b", "https://a.example/b"),
            ("\u{200f}https://a.example/b\u{200e}", "https://a.example/b", "https://a.example/b"),
        ] {
            assert_eq!(addresses(line), [(shown.to_owned(), leads_to.to_owned())], "{line}");
        }
    }

    #[test]
    fn an_address_amid_words_without_blanks_ends_where_they_begin() {
        for (line, shown) in [
            ("詳細はhttps://a.example/kbをご覧ください", "https://a.example/kb"),
            ("https://a.example/kb?id=1をご覧ください。", "https://a.example/kb?id=1"),
            ("（詳細はhttps://a.example/kb）です", "https://a.example/kb"),
            ("(https://a.example/kb)をご覧ください", "https://a.example/kb"),
            ("https://a.example/をご覧ください", "https://a.example/"),
            ("https://a.example/kb/をご覧ください", "https://a.example/kb/"),
            ("请访问https://a.example/了解详情", "https://a.example/"),
            ("请看https://a.example/kb。谢谢", "https://a.example/kb"),
            ("请看www.a.example/kb谢谢", "www.a.example/kb"),
            ("请看example.com谢谢", "example.com"),
            ("メールはana@a.exampleまで", "ana@a.example"),
            ("ＵＲＬhttps://a.example", "https://a.example"),
            ("https://a.example/kb를 보세요", "https://a.example/kb"),
            ("https://a.example/wiki/日本語_1を", "https://a.example/wiki/日本語_1"),
            ("https://a.example/wiki/日本語", "https://a.example/wiki/日本語"),
            ("https://a.example/find?q=ひらがな&n=1", "https://a.example/find?q=ひらがな&n=1"),
            ("https://例え.example/kb", "https://例え.example/kb"),
        ] {
            let found = addresses(line).into_iter().map(|(shown, _)| shown).collect::<Vec<_>>();
            assert_eq!(found, [shown], "{line}");
        }
    }

    #[test]
    fn what_only_looks_like_an_address_is_none() {
        for line in [
            "README.md",
            "C:\\Users\\anna\\.config",
            "5.5",
            "e.g. this",
            "xhttp://",
            "www.",
            "a@b",
            "and/or",
            "1/2",
            "mailto:",
            "tel:x",
            "http://\u{fa1}$$a$$",
            "https://:80/",
            "https://[x]/",
            "https://www.acme.example:Settings",
            "acme.com:Settings/x",
            "www.acme.example:\\x",
            "https://acme.example\\x",
        ] {
            assert_eq!(addresses(line), [], "{line}");
        }
    }

    #[test]
    fn addresses_side_by_side_are_each_found_in_linear_time() {
        for line in [
            "https://a.example https://b.example",
            "https://a.example;https://b.example",
            "(https://a.example)[https://b.example]",
            "「https://a.example」。https://b.example、",
            "«https://a.example» “https://b.example”",
            "https://a.example，https://b.example。",
        ] {
            let shown = addresses(line).into_iter().map(|(shown, _)| shown).collect::<Vec<_>>();
            assert_eq!(shown, ["https://a.example", "https://b.example"], "{line}");
        }
        assert_eq!(addresses("https://a.example/web/https://b.example").len(), 1);
        pieces(&"https://,".repeat(100_000));
        pieces(&"www.".repeat(100_000));
        pieces(&"http:// ".repeat(100_000));
        pieces(&"(".repeat(200_000));
        pieces(&"https://a/日".repeat(50_000));
        pieces(&"a.b日".repeat(50_000));
        pieces(&"/日".repeat(100_000));
    }
}
