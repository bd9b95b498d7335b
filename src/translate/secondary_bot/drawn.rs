//! Pictures that stand in a text as data, as controls of their own.

use regex_lite::{Captures, Regex};
use serde_json::Value;

use crate::{
    translate::{
        picture,
        texts::{Text, Words},
    },
    wire::virtual_agent::body,
};

/// A picture in Markdown or HTML: its name, and its address either way.
const MARKED: &str =
    r#"(?i)!\[([^\]]*)\]\(\s*<?([^\s)>]+)[^)]*\)|<img\b[^>]*?\ssrc\s*=\s*["']?([^\s"'>]+)[^>]*>"#;

/// A text without the pictures in it, and those.
pub fn taken_out(text: &str, words: &Words<'_>) -> (String, Vec<Value>) {
    let (text, mut pictures) = picture::taken_out(text);
    let mut text = text.into_owned();
    if pictures.is_empty() {
        return (text, Vec::new());
    }
    if let Ok(marked) = Regex::new(MARKED) {
        let bare = marked.replace_all(&text, |found: &Captures<'_>| {
            let address = found.get(2).or(found.get(3)).map_or("", |address| address.as_str());
            let Some(picture) = picture::number(address).and_then(|number| pictures.get_mut(number)) else {
                return found[0].to_owned();
            };
            picture.alt =
                found.get(1).map(|alt| alt.as_str().to_owned()).filter(|alt| !alt.trim().is_empty());
            String::new()
        });
        text = bare.into_owned();
    }
    let name = words.get(Text::Picture);
    let image =
        |picture: &picture::Picture| body::output_image(&picture.url, picture.alt.as_deref().unwrap_or(name));
    (picture::without_places(text), pictures.iter().map(image).collect())
}
