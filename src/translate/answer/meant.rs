//! What words mean that answer a question.

mod names;
mod number;
mod wording;

pub use self::{
    names::Names,
    wording::{is_around, plain},
};
use self::{
    number::number,
    wording::{folded, is_one_of},
};
use super::{CONTINUE, SKIP, Said, moment};
use crate::{
    domain::control::{Choice, ChoiceKind, Control, Item, Moment, MultiPart, TextInput, Upload},
    translate::texts::{Text, Words},
};

/// What a text means as an answer to a control; `None` when it is only text. `words`: of who says it.
pub(super) fn meant(text: &str, pending: &Control, words: &Words<'_>) -> Option<Said> {
    let reads = |button| is_one_of(text, words.every(button));
    // What is typed into a hidden input may be the very word.
    let skips = |optional: bool| {
        let by_word = !pending.is_secure() && reads(Text::Skip);
        (optional && (by_word || text.trim() == SKIP)).then(|| Said::chosen(SKIP))
    };
    match pending {
        Control::MultiPart(MultiPart { heading: _, part, more_label, last: _ }) => {
            let named = match more_label {
                Some(label) => is_one_of(text, [label.as_str()]),
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
            let chosen = || {
                let names = Names::of_items(items);
                let one = names.find(text).map(|at| items[at].value.clone());
                one.or_else(|| several.then(|| names.many(text))?).map(Said::chosen)
            };
            yes_or_no().or_else(chosen).or_else(|| skips(*optional))
        }
        // Nothing waits for a card's actions: a number is said to whoever asked for one.
        Control::Card(card) => {
            let named = Names::of_items(&card.actions).named(text);
            named.map(|at| Said::chosen(&card.actions[at].value))
        }
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
        let is_more = number(text).is_some() || says(text, words).is_some();
        !is_more && Names::of_items(items).named(text).is_some()
    };
    match offered {
        Control::Choice(choice) => among(&choice.offered()),
        Control::Card(card) => among(&card.actions),
        Control::MultiPart(several) => {
            let more = several.more_label.as_deref().is_some_and(|label| is_one_of(text, [label]));
            more || names(text, &several.part, words)
        }
        _ => false,
    }
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
