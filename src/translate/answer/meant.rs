//! What words mean that answer a question.

use std::ops::Range;

use icu_normalizer::DecomposingNormalizerBorrowed;

mod number;

use self::number::{at_number, number};
use super::{CONTINUE, SKIP, Said, moment};
use crate::{
    domain::control::{Choice, ChoiceKind, Control, Item, Moment, MultiPart, TextInput, Upload},
    translate::{
        markdown::is_unseen,
        texts::{Text, Words},
    },
};

/// What a text means as an answer to a control; `None` when it is only text. `words`: of who says it.
pub(super) fn meant(text: &str, pending: &Control, words: &Words<'_>) -> Option<Said> {
    let reads = |button| words.every(button).any(|wording| alike(text, wording));
    // What is typed into a hidden input may be the very word.
    let skips = |optional: bool| {
        let by_word = !pending.is_secure() && reads(Text::Skip);
        (optional && (by_word || text.trim() == SKIP)).then(|| Said::chosen(SKIP))
    };
    match pending {
        Control::MultiPart(MultiPart { heading: _, part, more_label, last: _ }) => {
            let named = match more_label {
                Some(label) => alike(text, label),
                None => reads(Text::More),
            };
            let more = text.trim() == CONTINUE || named;
            more.then(|| Said::chosen(CONTINUE)).or_else(|| meant(text, part, words))
        }
        Control::Choice(choice) => {
            let Choice { kind, several, optional, .. } = choice;
            let offered = choice.offered();
            let items = &*offered;
            let yes_or_no = || (*kind == ChoiceKind::Boolean).then(|| yes_or_no(text, items, words))?;
            yes_or_no()
                .or_else(|| one(text, items))
                .or_else(|| several.then(|| many(text, items).map(Said::chosen))?)
                .or_else(|| skips(*optional))
        }
        // Nothing waits for a card's actions: a number is said to whoever asked for one.
        Control::Card(card) => named(text, &card.actions).map(|item| Said::chosen(&item.value)),
        Control::TextInput(TextInput { prompt: _, mask: _, optional, hides }) => {
            let hidden = hides.as_deref().and_then(|hidden| meant(text, hidden, words));
            hidden.or_else(|| skips(*optional))
        }
        Control::Moment(Moment { kind, prompt: _, optional }) => {
            moment::read(text, *kind).map(Said::typed).or_else(|| skips(*optional))
        }
        Control::Upload(Upload { optional, .. }) => skips(*optional),
        Control::Text { text: _ }
        | Control::Masked(_)
        | Control::Generated(_)
        | Control::Html(_)
        | Control::Link(_)
        | Control::Image(_)
        | Control::Table(_)
        | Control::GroupedParts(_)
        | Control::Progress(_)
        | Control::Degraded { ui_type: _, text: _ } => None,
    }
}

/// Whether a text is the name of something that this offers, and not what is said to anybody as well: a number, a yes or a no.
pub(super) fn names(text: &str, offered: &Control, words: &Words<'_>) -> bool {
    let among = |items: &[Item]| {
        number(text).is_none() && says(text, words).is_none() && named(text, items).is_some()
    };
    match offered {
        Control::Choice(choice) => among(&choice.offered()),
        Control::Card(card) => among(&card.actions),
        Control::MultiPart(several) => {
            let more = several.more_label.as_deref().is_some_and(|label| alike(text, label));
            more || names(text, &several.part, words)
        }
        _ => false,
    }
}

fn one(text: &str, items: &[Item]) -> Option<Said> {
    find(text, items).map(|item| Said::chosen(&item.value))
}

/// How else people say yes and no, in the languages that we have texts in.
const YES: &str = "y yes yeah yep yup sure ok okay j ja jep klar jawohl jawel oui ouais d'accord sí claro vale s sim certo \
    はい うん ええ いいよ 是 是的 对 好 好的 可以";
const NO: &str = "n no nope nah nein nö nee non não いいえ いえ いや ううん 不 不是 不要 不行 否 没有";

/// Whether a text says yes or no, in any language.
pub fn says(text: &str, words: &Words<'_>) -> Option<bool> {
    let bare = |text: &str| folded(text).trim_matches(|char: char| !char.is_alphanumeric()).to_owned();
    let text = bare(text);
    let is_one = |word, others: &str, value| {
        let mut known = words.every(word).chain(others.split(' ')).chain([value]);
        !text.is_empty() && known.any(|known| bare(known) == text)
    };
    let is_yes = is_one(Text::Yes, YES, "true");
    (is_yes || is_one(Text::No, NO, "false")).then_some(is_yes)
}

/// The choice that says yes or no, as the text does: people see labels, and a value may say the contrary.
fn yes_or_no(text: &str, items: &[Item], words: &Words<'_>) -> Option<Said> {
    let said = says(text, words)?;
    let labels = |item: &Item| says(&item.label, words);
    let by_label = items.iter().find(|item| labels(item) == Some(said));
    let by_value =
        || items.iter().find(|item| labels(item).is_none() && says(&item.value, words) == Some(said));
    by_label.or_else(by_value).map(|item| Said::chosen(&item.value))
}

/// More than anybody chooses.
const MOST_CHOSEN: usize = 200;

/// What stands between the choices of a list, as people write it in any case.
const BETWEEN: [&str; 24] = [
    ",", ";", "\n", "、", "，", "；", "،", "؛", "/", "／", "&", "＆", "・", " and ", " und ", " et ", " y ",
    " e ", " ed ", " en ", " + ", "と", "和", "及",
];

/// Several choices named in one text, as their values with commas, each once; their names may hold what stands between them.
pub fn many(text: &str, items: &[Item]) -> Option<String> {
    let ends = separators(text);
    if ends.len() >= MOST_CHOSEN {
        return None;
    }
    let held = |item: &Item| separators(&item.label).len().max(separators(&item.value).len());
    let held = items.iter().map(held).max().unwrap_or_default();
    let end = |nth: usize| ends.get(nth).map_or(text.len(), |end| end.start);
    let mut chosen: Vec<&str> = Vec::new();
    let (mut from, mut nth) = (0, 0);
    while nth <= ends.len() {
        let mut longest = (nth..=ends.len().min(nth + held)).rev();
        let found = longest.find_map(|last| Some((vec![find(&text[from..end(last)], items)?], last)));
        let (found, last) = found.or_else(|| Some((numbered(&text[from..end(nth)], items)?, nth)))?;
        // Only between two separators or behind the last there may be nothing.
        if found.is_empty() && chosen.is_empty() {
            return None;
        }
        for item in found {
            if !chosen.contains(&item.value.as_str()) {
                chosen.push(&item.value);
            }
        }
        from = ends.get(last).map_or(text.len(), |end| end.end);
        nth = last + 1;
    }
    Some(chosen.join(","))
}

/// The choices whose numbers a text is, with blanks between them.
fn numbered<'a>(text: &str, items: &'a [Item]) -> Option<Vec<&'a Item>> {
    text.split_whitespace().map(|word| at_number(word, items)).collect()
}

/// Where a list may be parted; as many as are of use.
fn separators(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let all = BETWEEN.iter().flat_map(|sign| {
        let found = lower.match_indices(sign).take(MOST_CHOSEN);
        found.map(|(at, _)| at..at + sign.len())
    });
    let mut all = all.collect::<Vec<_>>();
    all.sort_unstable_by_key(|end| end.start);
    let mut from = 0;
    all.retain(|end| {
        let apart = end.start >= from;
        from = if apart { end.end } else { from };
        apart
    });
    all
}

/// The choice a text names, or else numbers.
pub fn find<'a>(text: &str, items: &'a [Item]) -> Option<&'a Item> {
    named(text, items).or_else(|| at_number(text, items))
}

/// The choice a text names: by its label, which people see, then by its value, then by its label as people write it. Such a form
/// says nothing when two labels have it.
pub fn named<'a>(text: &str, items: &'a [Item]) -> Option<&'a Item> {
    let by = |is: &dyn Fn(&Item) -> bool| items.iter().find(|item| is(item));
    let label = by(&|item| item.label == text).or_else(|| by(&|item| same(text, &item.label)));
    let known =
        label.or_else(|| by(&|item| item.value == text)).or_else(|| by(&|item| same(text, &item.value)));
    let text = folded(text);
    let only = |form: &dyn Fn(String) -> String| {
        let mut alike = items.iter().filter(|item| form(folded(&item.label)) == text);
        alike.next().filter(|_| !text.is_empty() && alike.next().is_none())
    };
    known.or_else(|| only(&|label| label)).or_else(|| only(&undecorated)).or_else(|| only(&pictures))
}

fn same(text: &str, other: &str) -> bool {
    let (text, other) = (text.trim(), other.trim());
    !other.is_empty() && (text == other || text.to_lowercase() == other.to_lowercase())
}

/// As [`same`], or as people write it.
fn alike(text: &str, other: &str) -> bool {
    let (bare, others) = (folded(text), folded(other));
    same(text, other) || !bare.is_empty() && bare == others
}

/// A text without what people leave out or put in when they repeat one: case, accents, width, the bullet before it, blanks and
/// the signs of a sentence around it. What else stands in it may be all that tells two choices apart.
fn folded(text: &str) -> String {
    let plain = plain(text).to_lowercase().replace('ß', "ss").replace('’', "'").replace(['–', '—'], "-");
    let bare = plain.trim_start();
    let item = bare.strip_prefix(BULLETS).and_then(|rest| rest.strip_prefix(char::is_whitespace));
    // Before a number it may be its sign.
    let bare = item.filter(|item| item.trim_start().starts_with(char::is_alphabetic)).unwrap_or(bare);
    bare.trim_matches(is_around).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes a picture of the digit before it.
const KEYCAP: char = '\u{20e3}';

/// A label without the pictures and double dashes around it, which nobody types.
fn undecorated(folded: String) -> String {
    parted(&folded).1
}

/// The pictures around a label, when they say it alone.
fn pictures(folded: String) -> String {
    parted(&folded).0
}

/// What is around a label's words, and the words.
fn parted(folded: &str) -> (String, String) {
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

const BULLETS: [char; 7] = ['-', '•', '‣', '◦', '·', '*', '▪'];
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
