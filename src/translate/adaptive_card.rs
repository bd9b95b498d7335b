//! Controls as adaptive cards, and what can be read in anybody's card.

mod read;
mod written;

pub use read::{told, words};
pub use written::written;

use serde_json::{Value, json};

use super::{
    activity::link_text,
    answer::{ANSWER, Question, SKIP},
    link::{RenderContext, carried, resolve, resolve_picture},
    markdown::escape,
    picture::{self, Picture},
    text::{Shown, Voice, plain, shown},
    texts::Text,
};
use crate::{
    domain::control::{
        Card, CardField, CardLook, Choice, GroupedParts, Image, Item, Link, Moment, MomentKind, Part, Table,
    },
    wire::adaptive_card as wire,
};

/// A card of ServiceNow.
pub(super) fn card(card: &Card, context: &RenderContext<'_>) -> Value {
    let Card { look, title, subtitle, paragraphs, image, fields, links, actions } = card;
    let mut items = Vec::new();
    items.extend(title.iter().flat_map(|title| filled_in(title, context, wire::title)));
    items.extend(subtitle.iter().flat_map(|subtitle| filled_in(subtitle, context, wire::subtle)));
    items.extend(paragraphs.iter().flat_map(|paragraph| filled_in(paragraph, context, wire::text)));
    if !fields.is_empty() {
        let fields = fields.iter().map(|CardField { label, value }| (label.as_str(), value.as_str()));
        items.extend(facts(fields, context));
    }
    let mut buttons = Vec::new();
    for Link { heading: _, label, url } in links {
        let title = match (label.as_str(), look) {
            ("", CardLook::Video) => context.words.get(Text::WatchVideo),
            ("", _) => context.words.get(Text::Open),
            (label, _) => label,
        };
        match resolve(url, context) {
            Some(url) => buttons.push(wire::open_url(title, &url)),
            None if picture::is_data(url) => items.push(wire::text(&link_text(title, url, context))),
            None => items.push(wire::text(&escape(url))),
        }
    }
    buttons.extend(actions.iter().map(|Item { label, value, description: _, image: _ }| {
        wire::submit_only(label, &json!({ANSWER: value}))
    }));
    let body = match image.as_ref().map(|image| drawn(image, title.as_deref(), *look, context)) {
        Some(Ok(picture)) if *look == CardLook::SmallImage => vec![wire::beside(picture, items)],
        Some(Ok(picture)) => [vec![picture], items].concat(),
        Some(Err(instead)) => [items, instead].concat(),
        None => items,
    };
    wire::attachment(body, buttons, &fallback(title.iter().chain(subtitle).chain(paragraphs)))
}

/// Cards hold what was filled into a form: its signs mean themselves, but for HTML.
fn typed<'a>(context: &RenderContext<'a>) -> RenderContext<'a> {
    RenderContext { by: Voice::Person, ..*context }
}

/// A text as an element that `look` makes, its pictures below it.
fn filled_in(text: &str, context: &RenderContext<'_>, look: fn(&str) -> Value) -> Vec<Value> {
    with_pictures(shown(text, &typed(context)), context, look)
}

fn with_pictures(shown: Shown, context: &RenderContext<'_>, look: fn(&str) -> Value) -> Vec<Value> {
    let Shown { markdown, pictures } = shown;
    let text = (pictures.is_empty() || !markdown.trim().is_empty()).then(|| look(&markdown));
    text.into_iter().chain(pictures.iter().map(|picture| embedded(picture, context))).collect()
}

/// Facts, and below them the pictures that stood in them: a fact has no room for any.
fn facts<'f>(facts: impl Iterator<Item = (&'f str, &'f str)>, context: &RenderContext<'_>) -> Vec<Value> {
    let mut pictures = Vec::new();
    let mut text = |text: &str| {
        let Shown { markdown, pictures: found } = shown(text, &typed(context));
        pictures.extend(found);
        markdown
    };
    let facts = facts.map(|(label, value)| (text(label), text(value))).collect::<Vec<_>>();
    [wire::facts(facts)]
        .into_iter()
        .chain(pictures.iter().map(|picture| embedded(picture, context)))
        .collect()
}

/// A picture that stood in a text.
fn embedded(picture: &Picture, context: &RenderContext<'_>) -> Value {
    let name = picture.alt.as_deref().unwrap_or(context.words.get(Text::Picture));
    match carried(&picture.url, context) {
        Ok(url) => wire::image(&url, name, "Stretch"),
        Err(saved) => wire::text(&format!("[{}]({saved})", escape(name))),
    }
}

/// A card's picture; when its address leads nowhere, what to show instead.
fn drawn(
    image: &Image,
    title: Option<&str>,
    look: CardLook,
    context: &RenderContext<'_>,
) -> Result<Value, Vec<Value>> {
    let Image { url, alt, caption: _ } = image;
    let name = alt.as_deref().or(title).unwrap_or(context.words.get(Text::Picture));
    let size = if look == CardLook::SmallImage { "Small" } else { "Stretch" };
    match resolve_picture(url, context) {
        Some(url) => Ok(wire::image(&url, name, size)),
        None if picture::media_type(url).is_some() => Err(carried(url, context)
            .err()
            .map(|saved| wire::subtle(&format!("[{}]({saved})", escape(name))))
            .into_iter()
            .collect()),
        None => Err(alt.iter().map(|alt| wire::subtle(&escape(alt))).collect()),
    }
}

/// Rows beyond this many columns are shown as lists of facts.
const MAX_COLUMNS: usize = 4;

/// A table with all its pages inside; the next one shows when it is asked for.
pub(super) fn table(table: &Table, context: &RenderContext<'_>) -> Value {
    let Table { title, headers, rows, page, total, more_label, only_told: _ } = table;
    let columns = rows.iter().map(Vec::len).chain([headers.len()]).max().unwrap_or_default();
    let mut body = Vec::new();
    body.extend(title.iter().flat_map(|title| filled_in(title, context, wire::title)));
    if columns <= MAX_COLUMNS && headers.iter().any(|header| !header.trim().is_empty()) {
        body.push(wire::columns(headers.iter().map(|header| filled_in(header, context, wire::strong))));
    }
    let size = page.and_then(|page| usize::try_from(page).ok()).unwrap_or(rows.len()).max(1);
    let pages = rows.chunks(size).collect::<Vec<_>>();
    let more = more_label.as_deref().unwrap_or(context.words.get(Text::More));
    let heads = headers.iter().map(|head| short(head)).collect::<Vec<_>>();
    for (at, rows) in pages.iter().enumerate() {
        let row = |(nth, row): (usize, &Vec<String>)| match (at, nth) {
            _ if columns <= MAX_COLUMNS => {
                wire::columns((0..columns).map(|at| filled_in(cell(row, at), context, wire::text)))
            }
            (0, 0) => listed(headers, row, columns, context),
            _ => listed(&heads, row, row.len(), context),
        };
        let rows = rows.iter().enumerate().map(row).collect();
        body.push(wire::named(wire::container(rows), &format!("page{at}"), at == 0));
        if at + 1 < pages.len() {
            body.push(more_button(at, at + 2 < pages.len(), more));
        }
    }
    if let Some(total) = total.filter(|total| *total > rows.len() as u64) {
        body.push(wire::subtle(&context.words.rows_of(rows.len(), total)));
    }
    wire::attachment(body, Vec::new(), &fallback(title.iter().chain(headers).chain(rows.iter().flatten())))
}

/// So much of a head stands beside each cell, in bytes. In its first row a table is told whole, in the others what they have: all
/// heads in each would be rows times columns.
const MAX_HEAD: usize = 100;

/// A head as it is read, without its middle where it is long: the end may be all that tells it from others.
fn short(head: &str) -> String {
    let whole = if head.len() > MAX_HEAD { plain(head, Voice::Person) } else { head.to_owned() };
    if whole.len() <= MAX_HEAD {
        return whole;
    }
    let begin = &whole[..whole.floor_char_boundary(MAX_HEAD / 2)];
    format!("{begin}…{}", &whole[whole.ceil_char_boundary(whole.len() - MAX_HEAD / 2)..])
}

fn cell(texts: &[String], at: usize) -> &str {
    texts.get(at).map_or("", String::as_str)
}

fn listed(headers: &[String], row: &[String], columns: usize, context: &RenderContext<'_>) -> Value {
    wire::container(facts((0..columns).map(|at| (cell(headers, at), cell(row, at))), context))
}

/// The button under page `at`: shows the next page and its button, and goes away itself.
fn more_button(at: usize, another: bool, title: &str) -> Value {
    let mut targets = vec![(format!("page{}", at + 1), true), (format!("more{at}"), false)];
    if another {
        targets.push((format!("more{}", at + 1), true));
    }
    wire::named(wire::action_set(&[wire::toggle(title, &targets)]), &format!("more{at}"), at == 0)
}

pub(super) fn grouped(grouped: &GroupedParts, context: &RenderContext<'_>) -> Value {
    let GroupedParts { heading, parts } = grouped;
    let mut body = Vec::new();
    let titled = |heading: &String| with_pictures(shown(heading, context), context, wire::title);
    body.extend(heading.iter().flat_map(titled));
    body.extend(parts.iter().map(|part| {
        let Part { label, url, description, context: area } = part;
        let mut items = match url {
            Some(url) => vec![wire::text(&link_text(label, url, context))],
            None => filled_in(label, context, wire::text),
        };
        items.extend(description.iter().flat_map(|text| filled_in(text, context, wire::text)));
        items.extend(area.iter().flat_map(|area| filled_in(area, context, wire::subtle)));
        wire::container(items)
    }));
    wire::attachment(body, Vec::new(), &fallback(heading.iter().chain(parts.iter().map(|part| &part.label))))
}

/// A list to choose one or several from.
pub(super) fn choices(choice: &Choice, items: &[Item], context: &RenderContext<'_>) -> Value {
    let label = context.words.get(Text::Choose);
    let question = if choice.several { Question::Several } else { Question::One };
    // A list that is folded up shows its labels as they are, one with boxes to tick reads them as Markdown.
    let shown = |item: &Item| if choice.several { escape(&item.label) } else { item.label.clone() };
    let choices = items.iter().map(|item| (shown(item), Question::packed(&item.value)));
    let choices = choices.collect::<Vec<_>>();
    let one = context.words.get(Text::ChooseOne);
    let input = wire::choice_input(Question::INPUT, label, &choices, choice.several, one);
    let mut body = items.iter().filter_map(|item| pictured(item, context)).collect::<Vec<_>>();
    body.push(input);
    wire::attachment(body, sending(question, choice.optional, context), label)
}

/// What a choice looks like, beside its label; a list of labels has no room for it.
fn pictured(item: &Item, context: &RenderContext<'_>) -> Option<Value> {
    let image = Image { url: item.image.clone()?, ..Image::default() };
    let label = wire::text(&escape(&item.label));
    match drawn(&image, Some(&item.label), CardLook::SmallImage, context) {
        Ok(picture) => Some(wire::beside(picture, vec![label])),
        Err(instead) if instead.is_empty() => None,
        Err(instead) => Some(wire::container([vec![label], instead].concat())),
    }
}

pub(super) fn masked(optional: bool, context: &RenderContext<'_>) -> Value {
    let label = context.words.get(Text::HiddenAnswer);
    let input = wire::password_input(Question::INPUT, label);
    wire::attachment(vec![input], sending(Question::Secret, optional, context), label)
}

pub(super) fn moment(moment: &Moment, context: &RenderContext<'_>) -> Value {
    let Moment { kind, prompt: _, optional } = moment;
    let date = || wire::date_input(Question::DATE, context.words.get(Text::Date));
    let time = || wire::time_input(Question::TIME, context.words.get(Text::Time));
    let inputs = match kind {
        MomentKind::Date => vec![date()],
        MomentKind::Time => vec![time()],
        MomentKind::DateTime => vec![date(), time()],
    };
    wire::attachment(inputs, sending(Question::Moment(*kind), *optional, context), "")
}

fn sending(question: Question, optional: bool, context: &RenderContext<'_>) -> Vec<Value> {
    let mut actions = vec![wire::submit(context.words.get(Text::Send), &question.data())];
    if optional {
        actions.push(wire::submit_only(context.words.get(Text::Skip), &json!({ANSWER: SKIP})));
    }
    actions
}

fn fallback<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    let texts = texts.map(|text| plain(text, Voice::Person)).filter(|text| !text.trim().is_empty());
    texts.collect::<Vec<_>>().join("\n")
}
