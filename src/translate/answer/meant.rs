//! What words mean that answer a question.

use super::{CONTINUE, SKIP, Said, moment};
use crate::{
    domain::control::{Choice, ChoiceKind, Control, Item, Moment, MultiPart, TextInput, Upload},
    translate::texts::{self, Text},
};

/// What a text means as an answer to a control; `None` when it is only text.
pub(super) fn meant(text: &str, pending: &Control) -> Option<Said> {
    // What is typed into a hidden input may be the very word.
    let skips = |optional: bool| {
        let by_word = !pending.is_secure() && texts::is_said(Text::Skip, text);
        (optional && (by_word || text.trim() == SKIP)).then(|| Said::chosen(SKIP))
    };
    match pending {
        Control::MultiPart(MultiPart { heading: _, part, more_label, last: _ }) => {
            let named = match more_label {
                Some(label) => same(text, label),
                None => texts::is_said(Text::More, text),
            };
            let more = text.trim() == CONTINUE || named;
            more.then(|| Said::chosen(CONTINUE)).or_else(|| meant(text, part))
        }
        Control::Choice(choice) => {
            let Choice { kind, prompt: _, items, look: _, several, optional, card: _ } = choice;
            one(text, items)
                .or_else(|| several.then(|| many(text, items))?)
                .or_else(|| (*kind == ChoiceKind::Boolean).then(|| yes_or_no(text, items))?)
                .or_else(|| skips(*optional))
        }
        Control::Card(card) => one(text, &card.actions),
        Control::TextInput(TextInput { prompt: _, mask: _, optional }) => skips(*optional),
        Control::Moment(Moment { kind, prompt: _, optional }) => {
            moment::read(text, *kind).map(Said::typed).or_else(|| skips(*optional))
        }
        Control::Upload(Upload { prompt: _, max_count: _, max_megabytes: _, pictures_only: _, optional }) => {
            skips(*optional)
        }
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

fn one(text: &str, items: &[Item]) -> Option<Said> {
    find(text, items).map(|item| Said::chosen(&item.value))
}

/// The choice that says yes or no, as the text does in any language.
fn yes_or_no(text: &str, items: &[Item]) -> Option<Said> {
    let (word, value) = [(Text::Yes, "true"), (Text::No, "false")]
        .into_iter()
        .find(|(word, _)| texts::is_said(*word, text.trim().trim_end_matches(['.', '!'])))?;
    let says = |said: &str| texts::is_said(word, said) || same(said, value);
    items.iter().find(|item| says(&item.label) || says(&item.value)).map(|item| Said::chosen(&item.value))
}

/// Several choices named in one text, separated by commas.
fn many(text: &str, items: &[Item]) -> Option<Said> {
    let values = text.split(',').map(|part| find(part, items).map(|item| item.value.as_str()));
    values.collect::<Option<Vec<_>>>().map(|values| Said::chosen(values.join(",")))
}

/// The choice a text names: exactly first, then as people write, then by its number.
fn find<'a>(text: &str, items: &'a [Item]) -> Option<&'a Item> {
    let exact = |item: &&Item| item.label == text || item.value == text;
    items
        .iter()
        .find(exact)
        .or_else(|| items.iter().find(|item| same(text, &item.label) || same(text, &item.value)))
        .or_else(|| items.get(number(text)?.checked_sub(1)?))
}

/// `2`, `2.` or `2)`.
fn number(text: &str) -> Option<usize> {
    text.trim().trim_end_matches(['.', ')']).parse().ok()
}

fn same(text: &str, other: &str) -> bool {
    let (text, other) = (text.trim(), other.trim());
    !other.is_empty() && (text == other || text.to_lowercase() == other.to_lowercase())
}
