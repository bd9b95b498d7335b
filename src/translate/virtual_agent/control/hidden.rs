//! What ServiceNow sends masked: words to be shown once, and questions whose answer is hidden.

use super::{Picker, Texts, choice, readable};
use crate::{
    domain::control::{
        Card, CardField, Choice, Citation, Control, Generated, GroupedParts, Html, Image, Item, Link, Mask,
        Masked, Part, Table, TextInput,
    },
    translate::text::{self, Kind, Voice},
};

/// What there is to choose, and an input that hides which.
pub(super) fn hidden_choice(picker: Picker, texts: Texts, mask: Mask, by: Voice) -> Option<Control> {
    let Some(Control::Choice(choice)) = choice(picker, texts) else { return None };
    let Choice { prompt, card, optional, .. } = choice;
    let beside = card.into_iter().flat_map(carded).map(|text| filled_in(&text, by));
    let prompt = readable::join(&prompt.into_iter().chain(beside).collect::<Vec<_>>());
    // What is typed into a hidden input may be the very word that skips.
    let hides = Control::Choice(Choice { prompt: None, card: None, optional: false, ..choice });
    Some(Control::TextInput(TextInput { prompt, mask, optional, hides: Some(Box::new(hides)) }))
}

/// What is masked, as words alone; a question stays one.
pub(in super::super) fn hidden(control: Control, mask: Mask, by: Voice) -> Control {
    if mask == Mask::None {
        return control;
    }
    let waits = control.waits_for_done();
    let written = |texts: Vec<String>| texts.iter().map(|text| filled_in(text, by)).collect::<Vec<_>>();
    let mut words = match control {
        Control::Text { text } | Control::Degraded { ui_type: _, text } => vec![text],
        Control::Generated(Generated { text, citations, .. }) => {
            let sources = citations.into_iter().flat_map(source).collect();
            [vec![text], written(sources)].concat()
        }
        Control::Html(Html { markdown, picture, links }) => {
            let beside = links.into_iter().flat_map(linked).collect::<Vec<_>>();
            let instead = picture.filter(|_| markdown.trim().is_empty() && beside.is_empty());
            [vec![markdown], written(beside), written(instead.into_iter().collect())].concat()
        }
        Control::Link(mut link) => {
            let heading = link.heading.take();
            heading.into_iter().chain(written(linked(link))).collect()
        }
        Control::Image(Image { url, alt, caption }) => {
            let alt = alt.filter(|alt| caption.as_ref() != Some(alt));
            let picture = alt.into_iter().chain([url]).collect();
            caption.into_iter().chain(written(picture)).collect()
        }
        Control::Card(card) => written(carded(card)),
        Control::Table(Table { title, headers, rows, .. }) => {
            let rows = [headers].into_iter().chain(rows).map(|cells| cells.join(" | "));
            written(title.into_iter().chain(rows).collect())
        }
        Control::GroupedParts(GroupedParts { heading, parts }) => {
            heading.into_iter().chain(written(parts.into_iter().flat_map(part).collect())).collect()
        }
        Control::MultiPart(mut several) => {
            if let Control::Masked(part) = &mut *several.part {
                several.heading.take().into_iter().for_each(|heading| part.put_before(&heading));
            }
            return Control::MultiPart(several);
        }
        other => return other,
    };
    words.retain(|words| !words.trim().is_empty());
    Control::Masked(Masked::new(readable::join(&words).unwrap_or_default(), waits))
}

/// What was filled into a form means itself, also where the words around it are read as a bot's.
fn filled_in(text: &str, by: Voice) -> String {
    match by {
        Voice::Person => text.to_owned(),
        // With the sign itself it would be looked at for tags.
        Voice::Bot => text::to_markdown(text, Kind::of(text, Voice::Person)).replace("\\<", "&lt;"),
    }
}

fn source(Citation { mark, label, url }: Citation) -> Vec<String> {
    let url = url.filter(|url| *url != label);
    [[mark, label].join(" ")].into_iter().chain(url).collect()
}

fn linked(Link { heading, label, url }: Link) -> Vec<String> {
    let label = Some(label).filter(|label| *label != url);
    heading.into_iter().chain(label).chain([url]).collect()
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
    let url = url.filter(|url| *url != label);
    [label].into_iter().chain(url).chain(description).chain(context)
}
