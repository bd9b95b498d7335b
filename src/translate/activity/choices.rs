//! What is to be chosen from.

use std::borrow::Cow;

use serde_json::Value;

use super::{Rendered, choose, embedded, link_text};
use crate::{
    domain::control::{Choice, ChoiceKind, ChoiceLook, Item},
    translate::{
        adaptive_card,
        link::{RenderContext, resolve_picture},
        markdown::escape,
        text::{Shown, Voice, shown},
        texts::Text,
    },
    wire::card,
};

/// Up to so many choices are buttons, more are a list.
const MAX_BUTTONS: usize = 6;

pub(super) fn choices(choice: &Choice, context: &RenderContext<'_>) -> Rendered {
    let Choice { kind: _, prompt, items: _, look, several, optional, card: beside, only_told } = choice;
    let items = &*offered(choice, context);
    let pictures = *look == ChoiceLook::Pictures || items.iter().any(|item| item.image.is_some());
    let told = match pictures && !several {
        _ if *only_told => told(choice, context),
        true => Shown::default(),
        false => described(items, context),
    };
    let prompt = prompt.iter().map(|prompt| shown(prompt, context));
    let mut rendered = Rendered::text(Shown::joined(prompt.chain([told])), context);
    rendered.attachments.extend(beside.iter().map(|card| adaptive_card::card(card, context)));
    let buttons = || items.iter().map(|item| choose(&item.label, &item.value)).collect::<Vec<_>>();
    match items.len() {
        _ if *only_told => rendered,
        0 => rendered.skippable(*optional, context),
        _ if *several => rendered.with(adaptive_card::choices(choice, items, context)),
        _ if pictures => {
            rendered.attachments.extend(items.iter().flat_map(|item| panel(item, context)));
            rendered.attachment_layout = Some("carousel".to_owned());
            rendered.skippable(*optional, context)
        }
        few if few <= MAX_BUTTONS => rendered.offering(&buttons()).skippable(*optional, context),
        _ => rendered.with(adaptive_card::choices(choice, items, context)),
    }
}

/// What there is to choose, as its reader knows it.
fn offered<'c>(choice: &'c Choice, context: &RenderContext<'_>) -> Cow<'c, [Item]> {
    let mut items = choice.offered();
    if choice.kind == ChoiceKind::Boolean {
        items.to_mut().iter_mut().for_each(|item| in_words(item, context));
    }
    items
}

/// What there is to choose, where nothing is to be pressed: one below the other, a picture behind its label.
pub(super) fn told(choice: &Choice, context: &RenderContext<'_>) -> Shown {
    let told = |item: &Item| {
        let picture = item.image.as_deref().map(|url| Shown::ours(link_text(&item.label, url, context)));
        let label = picture.unwrap_or_else(|| Shown::ours(escape(&item.label)));
        [Some(label), description(item, context)].into_iter().flatten()
    };
    Shown::joined(offered(choice, context).iter().flat_map(told))
}

/// A yes or no that ServiceNow has no label for, or no more than its value, in the reader's language.
fn in_words(item: &mut Item, context: &RenderContext<'_>) {
    let text = match item.label.as_str() {
        label if label != item.value => return,
        "yes" | "true" => Text::Yes,
        "no" | "false" => Text::No,
        _ => return,
    };
    context.words.get(text).clone_into(&mut item.label);
}

/// What there is to say about the choices that their buttons have no room for.
fn described(items: &[Item], context: &RenderContext<'_>) -> Shown {
    let mut all = Shown::default();
    for item in items {
        let Some(Shown { markdown, pictures }) = description(item, context) else { continue };
        all.pictures.extend(pictures);
        if !markdown.is_empty() {
            let end = if all.markdown.is_empty() { "" } else { "\n" };
            // What would end the item stands in it.
            let text = markdown.replace("\n\n", "  \n").replace('\n', "\n  ");
            all.markdown.push_str(&format!("{end}- **{}**: {text}", escape(&item.label)));
        }
    }
    all
}

/// What a choice says beside its label: filled into a form, so that its signs mean themselves.
fn description(item: &Item, context: &RenderContext<'_>) -> Option<Shown> {
    let Item { label, value: _, description, image: _ } = item;
    let text = description.as_ref().filter(|text| *text != label)?;
    Some(shown(text, &RenderContext { by: Voice::Person, ..*context }))
}

/// A choice as one card of a carousel, and behind it the pictures that its description holds.
fn panel(item: &Item, context: &RenderContext<'_>) -> Vec<Value> {
    let Item { label, value, description: _, image } = item;
    let image = image.as_deref().and_then(|url| resolve_picture(url, context));
    let image = image.as_deref().map(|url| (url, label.as_str()));
    let Shown { markdown, pictures } = description(item, context).unwrap_or_default();
    let text = Some(markdown.as_str()).filter(|text| !text.is_empty());
    let card = card::hero(Some(&escape(label)), text, image, &[choose(label, value)]);
    [card].into_iter().chain(pictures.iter().map(|picture| embedded(picture, context))).collect()
}
