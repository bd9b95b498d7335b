//! ServiceNow's controls as ours.

mod card;
mod degraded;
mod hidden;

use std::collections::HashSet;

use self::{card::card, hidden::hidden_choice};
pub(super) use self::{card::is_notification, degraded::degraded, hidden::hidden};
use super::super::{
    html, markdown, readable,
    text::{self, Voice, is_seen},
};
use crate::{
    domain::control::{
        Choice, ChoiceKind, ChoiceLook, Citation, Control, Generated, GroupedParts, Html, Image, Item, Link,
        Mask, Moment, MomentKind, MultiPart, Part, Table, TextInput, Upload,
    },
    wire::virtual_agent::response::{
        Kind,
        element::{
            self, DateKind, Element, FileUpload, GroupedPart, OutputHtml, OutputTable, OutputText, Picker,
            PickerKind, PickerOption, Texts,
        },
    },
};

/// A kind that shows something, with the element's texts; `None` when there is nothing in it to show.
pub(super) fn control(kind: Kind, texts: Texts, mask: Mask, by: Voice) -> Option<Control> {
    plain(kind, texts, mask, by).map(|control| hidden(control, mask, by))
}

fn plain(kind: Kind, texts: Texts, mask: Mask, by: Voice) -> Option<Control> {
    match kind {
        Kind::OutputText(output) => text(output, texts, by),
        Kind::OutputHtml(output) => rich(output, texts, by),
        Kind::OutputLink { action } => link(action, texts),
        Kind::OutputImage { url, alt_text } => image(url, alt_text, texts),
        Kind::OutputCard(data) => Some(Control::Card(card(data, paragraphs(texts)))),
        Kind::OutputTable(table) => Some(Control::Table(rows(table, texts))),
        Kind::MultiPartOutput { navigation_label, content } => {
            multi_part(navigation_label, *content, texts, mask, by)
        }
        Kind::GroupedPartsOutput(parts) => grouped(parts, texts),
        // Neither a button nor an input that shows what is chosen would hide it.
        Kind::Picker(picker) if mask != Mask::None => hidden_choice(picker, texts, mask, by),
        Kind::Picker(picker) => choice(picker, texts),
        Kind::InputText { required } => Some(asked(texts, mask, required, None)),
        Kind::Date { of, required } => {
            let kind = match of {
                DateKind::Date => MomentKind::Date,
                DateKind::Time => MomentKind::Time,
                DateKind::DateTime => MomentKind::DateTime,
            };
            if mask != Mask::None {
                let hides = Control::Moment(Moment { kind, ..Moment::default() });
                return Some(asked(texts, mask, required, Some(hides)));
            }
            let optional = required == Some(false);
            Some(Control::Moment(Moment { kind, prompt: prompt(texts), optional }))
        }
        Kind::FileUpload(wanted) => Some(Control::Upload(upload(wanted, texts))),
        Kind::Unknown { ui_type, raw, why: _ } => degraded(ui_type, &raw, mask, by),
        Kind::Action { action: _, raw } => readable::joined(&raw).map(|text| Control::Text { text }),
        Kind::StreamStart { stream_id: _ } | Kind::StreamChunk { stream_id: _, sequence: _, blank: _ } => {
            Some(Control::Text { text: texts.value? })
        }
    }
}

fn upload(wanted: FileUpload, texts: Texts) -> Upload {
    let FileUpload { max_count, max_size, item_type, required } = wanted;
    Upload {
        prompt: prompt(texts),
        // None at most would be no question.
        max_count: max_count.filter(|count| *count > 0),
        max_megabytes: max_size.filter(|size| *size > 0),
        pictures_only: item_type.is_some_and(|kind| kind.eq_ignore_ascii_case("image")),
        optional: required == Some(false),
        only_told: false,
    }
}

fn asked(texts: Texts, mask: Mask, required: Option<bool>, hides: Option<Control>) -> Control {
    let (prompt, hides) = (prompt(texts), hides.map(Box::new));
    Control::TextInput(TextInput { prompt, mask, optional: required == Some(false), hides })
}

/// The texts that are left, as paragraphs, what a question asks first.
fn paragraphs(texts: Texts) -> Vec<String> {
    let Texts { value, label, message, header, text, title, prompt_msg, description } = texts;
    let mut found = Vec::new();
    for text in [header, title, prompt_msg, label, message, text, value, description].iter().flatten() {
        readable::add(&mut found, text);
    }
    found
}

fn prompt(texts: Texts) -> Option<String> {
    readable::join(&paragraphs(texts))
}

/// The text proper is `value`, else `label`, else `message`.
fn text(output: OutputText, mut texts: Texts, by: Voice) -> Option<Control> {
    let OutputText { item_type, address, citations, feedback, stream_id } = output;
    let is = |kind: &str| item_type.as_deref().is_some_and(|item| item.trim().eq_ignore_ascii_case(kind));
    if let Some(url) = address.filter(|url| looks_like_url(url) && (is("image") || is("file"))) {
        texts.value = texts.value.filter(|value| *value != url);
        if is("image") {
            let alt = texts.label.clone().or_else(|| texts.value.clone());
            return Some(Control::Image(Image { url, alt, caption: prompt(texts) }));
        }
        let label = texts.label.take().or_else(|| texts.title.take()).or_else(|| texts.value.take());
        let label = label.unwrap_or_else(|| url.clone());
        return Some(Control::Link(Link { heading: prompt(texts), label, url }));
    }
    if texts.value.is_some() {
        texts.label = None;
        texts.message = None;
    } else if texts.label.is_some() {
        texts.message = None;
    }
    let text = prompt(texts).filter(|text| is_seen(text, by))?;
    if citations.is_empty() && feedback.is_none() && stream_id.is_none() {
        return Some(Control::Text { text });
    }
    let citations = citations.into_iter().enumerate().map(citation).collect();
    Some(Control::Generated(Generated { text, citations, stream: stream_id, feedback }))
}

fn citation((at, citation): (usize, element::Citation)) -> Citation {
    let element::Citation { citation_ref, label, href: url } = citation;
    let mark = citation_ref.unwrap_or_else(|| format!("[{}]", at + 1));
    let label = label.or_else(|| url.clone()).unwrap_or_default();
    Citation { mark, label, url }
}

fn looks_like_url(text: &str) -> bool {
    let begins = text.starts_with("http://") || text.starts_with("https://");
    begins || !text.trim().contains(char::is_whitespace) && text.contains(['/', '.'])
}

fn rich(output: OutputHtml, mut texts: Texts, by: Voice) -> Option<Control> {
    let OutputHtml { image_url: picture, links } = output;
    let body = texts.value.take().map(|source| html::to_markdown(&source)).unwrap_or_default();
    let ends = body.split("](").skip(1).filter_map(|behind| behind.split_once(')'));
    let known = ends.map(|(url, _)| url).collect::<HashSet<_>>();
    let links = links
        .into_iter()
        .filter(|(_, url)| !known.contains(&*markdown::destination(url)))
        .map(|(label, url)| Link { heading: None, label: label.unwrap_or_else(|| url.clone()), url })
        .collect::<Vec<_>>();
    let written = |text: &String| text::to_markdown(text, text::Kind::of(text, by));
    let mut whole = paragraphs(texts).iter().map(written).collect::<Vec<_>>();
    readable::add(&mut whole, &body);
    let markdown = readable::join(&whole).unwrap_or_default();
    let empty = markdown.is_empty() && picture.is_none() && links.is_empty();
    (!empty).then_some(Control::Html(Html { markdown, picture, links }))
}

fn link(action: Option<String>, mut texts: Texts) -> Option<Control> {
    let Some(url) = action else { return prompt(texts).map(|text| Control::Text { text }) };
    texts.value = texts.value.filter(|value| *value != url);
    let label = texts.label.take().or_else(|| texts.title.take()).or_else(|| texts.header.take());
    let label = label.unwrap_or_else(|| url.clone());
    Some(Control::Link(Link { heading: prompt(texts), label, url }))
}

fn image(url: Option<String>, alt_text: Option<String>, mut texts: Texts) -> Option<Control> {
    let Some(url) = url else {
        texts.value = texts.value.or(alt_text);
        return prompt(texts).map(|text| Control::Text { text });
    };
    texts.value = texts.value.filter(|value| *value != url);
    Some(Control::Image(Image { url, alt: alt_text, caption: prompt(texts) }))
}

fn rows(table: OutputTable, texts: Texts) -> Table {
    let OutputTable { headers, data: rows, pagination_break, total, navigation_label } = table;
    let page = pagination_break.filter(|rows| *rows > 0);
    Table { title: prompt(texts), headers, rows, page, total, more_label: navigation_label, only_told: false }
}

fn multi_part(
    more_label: Option<String>,
    content: Element,
    texts: Texts,
    mask: Mask,
    by: Voice,
) -> Option<Control> {
    let Element { message_id: _, agent: _, texts: inner, mask_type, kind } = content;
    let own = self::mask(mask_type.as_deref());
    let part = control(kind, inner, if own == Mask::None { mask } else { own }, by)
        .unwrap_or(Control::Text { text: String::new() });
    Some(Control::MultiPart(MultiPart {
        heading: prompt(texts),
        part: Box::new(part),
        more_label,
        last: false,
    }))
}

fn grouped(parts: Vec<GroupedPart>, texts: Texts) -> Option<Control> {
    let part = |part: GroupedPart| {
        let GroupedPart { action: url, label, description, context } = part;
        let label = label.or_else(|| url.clone()).or_else(|| description.clone())?;
        let description = description.filter(|text| *text != label);
        Some(Part { label, url, description, context })
    };
    let heading = prompt(texts);
    let parts = parts.into_iter().filter_map(part).collect::<Vec<_>>();
    let empty = heading.is_none() && parts.is_empty();
    (!empty).then_some(Control::GroupedParts(GroupedParts { heading, parts }))
}

fn choice(picker: Picker, texts: Texts) -> Option<Control> {
    let Picker { of, required, item_type, style, multi_select, options, card: beside } = picker;
    let kind = match of {
        PickerKind::Picker => ChoiceKind::Picker,
        PickerKind::TopicPicker => ChoiceKind::Topic,
        PickerKind::Boolean => ChoiceKind::Boolean,
    };
    let is = |field: &Option<String>, name: &str| {
        field.as_deref().is_some_and(|field| field.trim().eq_ignore_ascii_case(name))
    };
    let items = options.into_iter().filter_map(item).collect::<Vec<_>>();
    let look = if is(&item_type, "picture") || is(&style, "carousel") {
        ChoiceLook::Pictures
    } else if is(&style, "button") {
        ChoiceLook::Buttons
    } else {
        ChoiceLook::List
    };
    let prompt = prompt(texts);
    let card = beside.map(|data| card(data, Vec::new()));
    let nothing = items.is_empty() && kind != ChoiceKind::Boolean;
    let empty = prompt.is_none() && nothing && card.is_none();
    let optional = required == Some(false);
    (!empty).then_some(Control::Choice(Choice {
        kind,
        prompt,
        items,
        look,
        several: multi_select,
        optional,
        card,
        only_told: false,
    }))
}

/// An option: what it lacks of label and value, the other stands in for.
fn item(option: PickerOption) -> Option<Item> {
    let PickerOption { label, value, description, attachment: image } = option;
    let shown = label.or_else(|| value.clone()).or_else(|| description.clone())?;
    let value = value.unwrap_or_else(|| shown.clone());
    Some(Item { label: text::plain(&shown, Voice::Person), value, description, image })
}

/// Anything that asks for a mask gets one, also by a word we don't know.
pub(super) fn mask(raw: Option<&str>) -> Mask {
    match raw.unwrap_or("NONE").trim().to_ascii_uppercase().as_str() {
        "NONE" | "" => Mask::None,
        "SENSITIVE" => Mask::Sensitive,
        _ => Mask::Secure,
    }
}
