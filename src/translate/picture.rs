//! Pictures that stand in a text as data (`data:image/…`): shown as pictures, never as text.

use std::borrow::Cow;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// `data:image/…`, whole.
    pub url: String,
    pub alt: Option<String>,
}

impl Picture {
    /// `image/png`.
    pub fn media_type(&self) -> &str {
        media_type(&self.url).unwrap_or("image/png")
    }
}

/// The media type of a picture that an address holds itself; `None` of any other address.
pub fn media_type(url: &str) -> Option<&str> {
    let rest = is_data(url).then(|| url.get(5..))??;
    let end = rest.find([';', ','])?;
    let kind = rest[..end].trim();
    let picture = kind.get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case("image/"));
    picture.then_some(kind)
}

/// Whether a picture that an address holds is one that nothing but dots can be in: no SVG.
pub fn is_drawn_by_dots(url: &str) -> bool {
    const DOTS: [&str; 6] = ["bmp", "gif", "jpeg", "jpg", "png", "webp"];
    let kind = media_type(url).and_then(|kind| kind.get(6..));
    kind.is_some_and(|kind| DOTS.iter().any(|dots| dots.eq_ignore_ascii_case(kind)))
}

/// What a picture that an address holds is known by.
pub fn mark(url: &str) -> String {
    hex::encode(&Sha256::digest(url.trim())[..12])
}

/// The picture of this mark among those that a message holds, whole.
pub fn find_marked(message: &Value, wanted: &str) -> Option<String> {
    match message {
        Value::String(text) => {
            let own = Some(text.trim()).filter(|text| media_type(text).is_some() && mark(text) == wanted);
            own.map(str::to_owned).or_else(|| {
                let (_, pictures) = taken_out(text);
                pictures.into_iter().map(|picture| picture.url).find(|url| mark(url) == wanted)
            })
        }
        Value::Array(list) => list.iter().find_map(|value| find_marked(value, wanted)),
        Value::Object(map) => map.values().find_map(|value| find_marked(value, wanted)),
        _ => None,
    }
}

/// Takes those pictures out of a message that are larger than `largest`, or that `room` has no place for; each of the others
/// takes its part of it. In bytes as they are stored. How many went.
pub fn fit(message: &mut Value, room: &mut u64, largest: u64) -> usize {
    match message {
        Value::String(text) => {
            let mut gone = 0;
            let fits = rewritten(text, |url, out| {
                let size = url.len() as u64;
                if size <= largest && size <= *room {
                    *room -= size;
                    out.push_str(url);
                } else {
                    gone += 1;
                }
            });
            if gone > 0 {
                *text = fits.unwrap_or_default();
            }
            gone
        }
        Value::Array(list) => list.iter_mut().map(|value| fit(value, room, largest)).sum(),
        Value::Object(map) => map.values_mut().map(|value| fit(value, room, largest)).sum(),
        _ => 0,
    }
}

/// Whether an address is the content itself, which nobody reads as text.
pub fn is_data(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// Whether there may be one in a text.
pub fn stands_in(text: &str) -> bool {
    find(text, 0).is_some()
}

/// Shorter content is no picture but a word about one.
const MIN_CONTENT: usize = 16;

/// Shorter content may be a word where a blank or a line end stands before or behind it.
const MIN_PARTED: usize = 48;

/// Base64 without an end for so long is not written in lines.
const MAX_LINE: usize = 128;

/// What stands in a text for a picture that was taken out of it, before its number.
const PLACE: &str = "data:\u{fdd6}";

/// The sign in it that no text holds.
const PLACE_SIGN: char = '\u{fdd6}';

/// A text with a short address in place of each picture, and the pictures.
pub(super) fn taken_out(text: &str) -> (Cow<'_, str>, Vec<Picture>) {
    let held = |text: &str| Cow::Owned(text.replace(PLACE_SIGN, ""));
    let text = if text.contains(PLACE_SIGN) { held(text) } else { Cow::Borrowed(text) };
    let mut pictures = Vec::new();
    let short = rewritten(&text, |url, out| {
        out.push_str(&format!("{PLACE}{}", pictures.len()));
        pictures.push(Picture { url: joined(url).into_owned(), alt: None });
    });
    (short.map_or(text, Cow::Owned), pictures)
}

/// An address of its own content in one line: blanks and line ends mean nothing in base64.
pub fn joined(url: &str) -> Cow<'_, str> {
    let head = url.find(',').filter(|_| is_data(url)).map_or("", |head| &url[..head]);
    if is_base64(head) && url.contains(|char: char| char.is_ascii_whitespace()) {
        Cow::Owned(url.replace(|char: char| char.is_ascii_whitespace(), ""))
    } else {
        Cow::Borrowed(url)
    }
}

fn is_base64(head: &str) -> bool {
    head.trim_end()
        .rsplit_once(';')
        .is_some_and(|(_, encoding)| encoding.trim().eq_ignore_ascii_case("base64"))
}

/// A text with something else written for each of its pictures; `None` when it has none.
fn rewritten(text: &str, mut write: impl FnMut(&str, &mut String)) -> Option<String> {
    let mut out = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(found) = find(text, at) {
        let length = length(&text[found..], &text[..found]);
        at = found + length.max(5);
        if length > 0 {
            out.push_str(&text[kept..found]);
            write(&text[found..found + length], &mut out);
            kept = at;
        }
    }
    (kept > 0).then(|| out + &text[kept..])
}

/// The number of the picture that an address of [`taken_out`] stands for.
pub(super) fn number(address: &str) -> Option<usize> {
    address.strip_prefix(PLACE)?.parse().ok()
}

/// A text without the places of pictures that stand in it as words.
pub(super) fn without_places(text: String) -> String {
    if !text.contains(PLACE) {
        return text;
    }
    let mut pieces = text.split(PLACE);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    pieces.for_each(|piece| out.push_str(piece.trim_start_matches(|char: char| char.is_ascii_digit())));
    out
}

fn find(text: &str, from: usize) -> Option<usize> {
    let starts = memchr::memchr_iter(b':', &text.as_bytes()[from..]).map(|colon| from + colon);
    let mut starts = starts.filter_map(|colon| colon.checked_sub(4)).filter(|start| *start >= from);
    starts.find(|start| {
        text.get(*start..start + 11).is_some_and(|head| head.eq_ignore_ascii_case("data:image/"))
    })
}

/// How long the picture is that begins here; nothing when there is none.
fn length(text: &str, before: &str) -> usize {
    let head = text.bytes().take(120).position(|byte| byte == b',');
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b";:=/.+- ".contains(&byte);
    let Some(head) = head.filter(|head| text.bytes().take(*head).all(named)) else { return 0 };
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || b"\"'`()<>[]{}\\|".contains(byte) || !byte.is_ascii();
    let content = &text.as_bytes()[head + 1..];
    let length = content.iter().position(ends).unwrap_or(content.len());
    let length = match is_base64(&text[..head]) {
        true => enclosed(content, before).unwrap_or_else(|| length.max(in_lines(content))),
        false => length,
    };
    if length < MIN_CONTENT { 0 } else { head + 1 + length }
}

/// How long base64 is in an attribute or in a link of Markdown: up to the sign that ends that, whatever parts it.
fn enclosed(content: &[u8], before: &str) -> Option<usize> {
    let is_content = |byte: &u8| is_base64_sign(byte) || byte.is_ascii_whitespace();
    let length = content.iter().position(|byte| !is_content(byte))?;
    let end = match before.strip_suffix(['"', '\'']) {
        Some(name) if name.trim_end().ends_with('=') => before.as_bytes()[name.len()],
        None if before.ends_with("](") => b')',
        _ => return None,
    };
    (content[length] == end).then_some(length)
}

/// How long base64 is that stands among words, in lines: of one width, but for the last, and of nothing else.
fn in_lines(content: &[u8]) -> usize {
    let run = |from: &[u8]| from.iter().take_while(|byte| is_base64_sign(byte)).count();
    let begin = content.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let width = run(&content[begin..]);
    if width < MIN_PARTED {
        return 0;
    }
    let (mut length, mut signs) = (begin + width, width);
    while width <= MAX_LINE && signs % width == 0 && content[length - 1] != b'=' {
        let gap = content[length..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let parted = content[length..length + gap].iter().filter(|byte| **byte == b'\n').count() == 1;
        let line = run(&content[length + gap..]);
        let more = content.get(length + gap + line).is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        // Base64 comes in fours, with `=` where it lacks some.
        if !parted || more || line == 0 || line > width || line < width && (signs + line) % 4 != 0 {
            break;
        }
        length += gap + line;
        signs += line;
    }
    length
}

fn is_base64_sign(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=-_%".contains(byte)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_picture_is_taken_out_wherever_it_stands() {
        let data = format!("data:image/png;base64,{}", "A".repeat(1000));
        for (before, after) in [("", ""), ("![x](", ")"), ("<img src=\"", "\">"), ("see ", " please")] {
            let text = format!("{before}{data}{after}");
            let (short, pictures) = taken_out(&text);
            assert_eq!(short, format!("{before}{PLACE}0{after}"));
            assert_eq!(pictures, [Picture { url: data.clone(), alt: None }]);
            assert_eq!(number(&format!("{PLACE}0")), Some(0));
        }
        assert_eq!(without_places(format!("a {PLACE}12 b")), "a  b");
        let (typed, pictures) = taken_out("data:\u{fdd6}\u{fdd6}5 data:picture,5");
        assert_eq!((&*typed, pictures), ("data:5 data:picture,5", vec![]));
    }

    #[test]
    fn base64_may_be_broken_into_lines() {
        let (first, second, last) = ("iVBORw0KGgo1".repeat(5), "A".repeat(60), "BBBBBg==");
        let whole = format!("data:image/png;base64,{first}{second}{last}");
        let broken = |end: &str| format!("data:image/png;base64,{first}{end}{second}{end}{last}");
        for (before, picture, after) in [
            ("", broken("\n"), ""),
            ("see ", broken("\r\n"), "\r\nDoes it help"),
            ("", broken("\n  "), "\nthanks"),
            ("", format!("data:image/png;base64, {first}{second}{last}"), " thanks"),
            ("<img src=\"", broken("\n"), "\" alt=\"x\">"),
            ("<img src='", broken(" \n\n\t"), "'>"),
            ("![x](", broken(" "), ")"),
        ] {
            let text = format!("{before}{picture}{after}");
            let (short, pictures) = taken_out(&text);
            assert_eq!(short, format!("{before}{PLACE}0{after}"));
            assert_eq!(pictures, [Picture { url: whole.clone(), alt: None }]);
            let message = json!({"text": text});
            assert_eq!(find_marked(&message, &mark(&whole)).as_ref(), Some(&whole), "{text:?}");
        }
        for words in ["\nDoes it help", "\nthanks", "\n\nAAAA", "\n- AAAA", "\nAAAA and more"] {
            let text = format!("data:image/png;base64,{first}{words}");
            assert_eq!(taken_out(&text).0, format!("{PLACE}0{words}"), "{text:?}");
        }
        let long = format!("data:image/png;base64,{}\nDone", "A".repeat(600));
        assert_eq!(taken_out(&long).0, format!("{PLACE}0\nDone"));
    }

    #[test]
    fn a_picture_is_found_by_its_mark_wherever_a_message_holds_it() {
        let data = format!("data:image/png;base64,{}", "A".repeat(100));
        let svg = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>";
        let message = json!({"by": {"avatar": svg}, "parts": [{"text": format!("![x]({data}) and")}]});
        assert_eq!(find_marked(&message, &mark(&data)).as_deref(), Some(&*data));
        assert_eq!(find_marked(&message, &mark(&format!(" {svg} "))).as_deref(), Some(svg));
        assert_eq!(find_marked(&message, &mark("data:image/png;base64,AAAA")), None);
        assert!(
            is_drawn_by_dots(&data) && !is_drawn_by_dots(svg) && !is_drawn_by_dots("https://a.example/a.png")
        );
    }

    #[test]
    fn pictures_without_room_are_left_out_and_nothing_else() {
        let picture = |size: usize| format!("data:image/png;base64,{}", "A".repeat(size));
        let (small, large) = (picture(100), picture(1_000));
        let given =
            |large: &str, last: &str| json!({"text": format!("a {small} b ![x]({large}) c"), "url": last});
        let mut message = given(&large, &small);
        let mut room = 200;
        assert_eq!(fit(&mut message, &mut room, 500), 2);
        assert_eq!((&message, room), (&given("", ""), 200 - small.len() as u64));
        let mut message = given(&large, &small);
        assert_eq!((fit(&mut message, &mut 5_000, 5_000), message), (0, given(&large, &small)));
        let mut many = Value::from(format!("{small} ").repeat(20_000));
        assert_eq!(fit(&mut many, &mut 0, 5_000), 20_000);
    }

    #[test]
    fn words_about_pictures_stay() {
        for text in [
            "data:image/png, a type",
            "data:image/png;base64, internationalization",
            "data:text/html,<b>",
            "DATA: x",
            "data:",
            "data:image/",
            "é:data:image/x,é",
        ] {
            assert_eq!(taken_out(text), (Cow::Borrowed(text), vec![]), "{text}");
        }
    }

    #[test]
    fn a_media_type_is_read_from_pictures_only() {
        assert_eq!(media_type("data:image/gif;base64,x"), Some("image/gif"));
        assert_eq!(media_type("DATA:image/svg+xml,x"), Some("image/svg+xml"));
        assert_eq!(media_type("data:text/html,x"), None);
        assert_eq!(media_type("https://a.example"), None);
    }
}
