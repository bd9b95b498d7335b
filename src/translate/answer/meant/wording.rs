//! How people write what they read.

use icu_normalizer::DecomposingNormalizerBorrowed;

use crate::translate::markdown::is_unseen;

/// Whether a text is one of these, whatever its case or as people write it.
pub(super) fn is_one_of<'a>(text: &str, wordings: impl IntoIterator<Item = &'a str>) -> bool {
    let (lower, bare) = (lower(text), folded(text));
    let is = |wording: &str| wording.trim() != "" && self::lower(wording) == lower;
    let mut wordings = wordings.into_iter();
    wordings.any(|wording| is(wording) || !bare.is_empty() && folded(wording) == bare)
}

pub(super) fn lower(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A text without what people leave out or put in when they repeat one: case, accents, width, the bullet before it, blanks and
/// the signs of a sentence around it. What else stands in it may be all that tells two choices apart.
pub(super) fn folded(text: &str) -> String {
    let plain = plain(text).to_lowercase().replace('ß', "ss").replace('’', "'").replace(['–', '—'], "-");
    let bare = plain.trim_start();
    let item = bare.strip_prefix(BULLETS).and_then(|rest| rest.strip_prefix(char::is_whitespace));
    // Before a number it may be its sign.
    let bare = item.filter(|item| item.trim_start().starts_with(char::is_alphabetic)).unwrap_or(bare);
    bare.trim_matches(is_around).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes a picture of the digit before it.
pub(super) const KEYCAP: char = '\u{20e3}';

/// What is around a label's words, and the words.
pub(super) fn parted(folded: &str) -> (String, String) {
    let bare = folded.trim_start_matches("--").trim_end_matches("--").trim();
    let mut chars = bare.chars().peekable();
    let mut signs = vec![];
    while let Some(char) = chars.next() {
        signs.push((char, char.is_whitespace() || is_picture(char) || chars.peek() == Some(&KEYCAP)));
    }
    let is_word = |(_, around): &(char, bool)| !around;
    let from = signs.iter().position(is_word).unwrap_or(signs.len());
    let to = signs.iter().rposition(is_word).map_or(from, |last| last + 1);
    let text = |signs: &[(char, bool)]| signs.iter().map(|(char, _)| char).collect::<String>();
    let around = [text(&signs[..from]), text(&signs[to..])].concat();
    (around.trim().to_owned(), text(&signs[from..to]))
}

/// By Unicode's blocks of arrows, signs, dingbats and emoji, with the tags of flags.
fn is_picture(char: char) -> bool {
    matches!(char, '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}')
        || matches!(char, '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' | '\u{e0020}'..='\u{e007f}' | KEYCAP)
}

/// How a picture is drawn: in colour or not, and with which skin.
fn is_look(char: char) -> bool {
    matches!(char, '\u{fe0e}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

pub(super) const BULLETS: [char; 7] = ['-', '•', '‣', '◦', '·', '*', '▪'];
const AROUND: &str = ".!?,:;¡¿。、،؛؟۔।\"'`“”„‟‘‚«»‹›「」『』";

/// What may stand around what is meant, and says nothing: blanks, and the signs of a sentence.
pub fn is_around(char: char) -> bool {
    char.is_whitespace() || AROUND.contains(char)
}

/// Composed of what stands for the same: no accents or widths, nothing that nobody sees, no looks of pictures, digits and minus
/// as ours.
pub fn plain(text: &str) -> String {
    let whole = DecomposingNormalizerBorrowed::new_nfkd().normalize(text);
    // Of what is put over letters, a stroke says the contrary.
    let accent =
        |char: &char| ('\u{300}'..='\u{36f}').contains(char) && !('\u{334}'..='\u{338}').contains(char);
    whole.chars().filter(|char| !accent(char) && !is_unseen(*char) && !is_look(*char)).map(western).collect()
}

/// Digits of the scripts that are written from right to left, and of India's, as ours, and the signs inside numbers; so is the
/// minus of typographers.
fn western(char: char) -> char {
    match char {
        '−' | '‐' => return '-',
        '٫' => return '.',
        '٬' => return ',',
        _ => {}
    }
    let zero = ['\u{660}', '\u{6f0}', '\u{966}']
        .into_iter()
        .find(|zero| (*zero..).take(10).any(|digit| digit == char));
    let digit = zero.and_then(|zero| char::from_digit(u32::from(char) - u32::from(zero), 10));
    digit.unwrap_or(char)
}
