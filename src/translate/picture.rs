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

/// What stands in a text for a picture that was taken out of it, before its number.
const PLACE: &str = "data:picture,";

/// A text with a short address in place of each picture, and the pictures.
pub(super) fn taken_out(text: &str) -> (Cow<'_, str>, Vec<Picture>) {
    let mut pictures = Vec::new();
    let short = rewritten(text, |url, out| {
        out.push_str(&format!("{PLACE}{}", pictures.len()));
        pictures.push(Picture { url: url.to_owned(), alt: None });
    });
    (short.map_or(Cow::Borrowed(text), Cow::Owned), pictures)
}

/// A text with something else written for each of its pictures; `None` when it has none.
fn rewritten(text: &str, mut write: impl FnMut(&str, &mut String)) -> Option<String> {
    let mut out = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(found) = find(text, at) {
        let length = length(&text[found..]);
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
fn length(text: &str) -> usize {
    let head = text.bytes().take(120).position(|byte| byte == b',');
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b";:=/.+- ".contains(&byte);
    let Some(head) = head.filter(|head| text.bytes().take(*head).all(named)) else { return 0 };
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || b"\"'`()<>[]{}\\|".contains(byte) || !byte.is_ascii();
    let content = &text.as_bytes()[head + 1..];
    let length = content.iter().position(ends).unwrap_or(content.len());
    if length < MIN_CONTENT { 0 } else { head + 1 + length }
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
            assert_eq!(short, format!("{before}data:picture,0{after}"));
            assert_eq!(pictures, [Picture { url: data.clone(), alt: None }]);
            assert_eq!(number("data:picture,0"), Some(0));
        }
        assert_eq!(without_places("a data:picture,12 b".to_owned()), "a  b");
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
