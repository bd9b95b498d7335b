//! What ServiceNow sends masked: words to be shown once, and questions whose answer is hidden.

use super::{Picker, Texts, choice, readable};
use crate::domain::control::{
    Card, CardField, Control, Generated, GroupedParts, Html, Image, Item, Link, Mask, Masked, Part, Table,
    TextInput,
};

/// What there is to choose, and an input that hides which.
pub(super) fn hidden_choice(picker: Picker, texts: Texts, mask: Mask) -> Option<Control> {
    let Some(Control::Choice(choice)) = choice(picker, texts) else { return None };
    let optional = choice.optional;
    let prompt = match Control::Choice(choice).only_told() {
        Control::Text { text } => Some(text),
        Control::Card(card) => {
            readable::join(&card.title.into_iter().chain(card.paragraphs).collect::<Vec<_>>())
        }
        _ => None,
    };
    Some(Control::TextInput(TextInput { prompt, mask, optional }))
}

/// What is masked, as words alone; a question stays one.
pub(in super::super) fn hidden(control: Control, mask: Mask) -> Control {
    if mask == Mask::None {
        return control;
    }
    let waits = control.waits_for_done();
    let words = match control {
        Control::Text { text } | Control::Degraded { ui_type: _, text } => vec![text],
        Control::Generated(Generated { text, .. }) => vec![text],
        Control::Html(Html { markdown, .. }) => vec![markdown],
        Control::Link(link) => linked(link),
        Control::Image(Image { url, alt, caption }) => caption.into_iter().chain(alt).chain([url]).collect(),
        Control::Card(card) => carded(card),
        Control::Table(Table { title, headers, rows, .. }) => {
            let rows = [headers].into_iter().chain(rows).map(|cells| cells.join(" | "));
            title.into_iter().chain(rows).collect()
        }
        Control::GroupedParts(GroupedParts { heading, parts }) => {
            heading.into_iter().chain(parts.into_iter().flat_map(part)).collect()
        }
        Control::MultiPart(mut several) => {
            if let Control::Masked(part) = &mut *several.part {
                several.heading.take().into_iter().for_each(|heading| part.put_before(&heading));
            }
            return Control::MultiPart(several);
        }
        other => return other,
    };
    let mut seen = Vec::new();
    words.iter().for_each(|words| readable::add(&mut seen, words));
    Control::Masked(Masked::new(readable::join(&seen).unwrap_or_default(), waits))
}

fn linked(Link { heading, label, url }: Link) -> Vec<String> {
    heading.into_iter().chain([label, url]).collect()
}

fn carded(card: Card) -> Vec<String> {
    let Card { look: _, title, subtitle, paragraphs, image, fields, links, actions } = card;
    let image = image.into_iter().flat_map(|image| image.caption.into_iter().chain(image.alt));
    let field = |CardField { label, value }: CardField| format!("{label}: {value}");
    let labels = actions.into_iter().map(|Item { label, .. }| label);
    let texts = title.into_iter().chain(subtitle).chain(paragraphs).chain(image);
    let told = texts.chain(fields.into_iter().map(field)).chain(links.into_iter().flat_map(linked));
    told.chain(labels).collect()
}

fn part(Part { label, url, description, context }: Part) -> impl Iterator<Item = String> {
    [label].into_iter().chain(url).chain(description).chain(context)
}
