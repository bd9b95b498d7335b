//! ServiceNow's cards and notifications as ours: each template names its parts in its own way.

use super::{super::super::readable, item};
use crate::{
    domain::control::{Card, CardField, CardLook, Image, Link},
    wire::virtual_agent::response::element::CardData,
};

/// A card's data with what the element says beside it.
pub(super) fn card(data: CardData, mut paragraphs: Vec<String>) -> Card {
    let CardData {
        template,
        title,
        subtitle,
        heading,
        table_label,
        record,
        texts,
        image,
        image_alt,
        url,
        link,
        video_id,
        enable_link,
        fields,
        actions,
    } = data;
    let look = look(template.as_deref());
    let mut titles = [heading, title, table_label].into_iter().flatten();
    let title = titles.next();
    let subtitle = [subtitle, record].into_iter().flatten().chain(titles).collect::<Vec<_>>();
    texts.iter().for_each(|text| readable::add(&mut paragraphs, text));
    let video = video_id.filter(|_| look == CardLook::Video && link.is_none());
    let video = video.map(|id| format!("https://www.youtube.com/watch?v={id}"));
    let url = url.filter(|_| look != CardLook::Notification || enable_link == Some(true));
    Card {
        look,
        title,
        subtitle: (!subtitle.is_empty()).then(|| subtitle.join(" · ")),
        paragraphs,
        image: image.map(|url| Image { url, alt: image_alt, caption: None }),
        fields: fields.into_iter().map(|(label, value)| CardField { label, value }).collect(),
        links: links([link, url, video]),
        actions: actions.into_iter().filter_map(item).collect(),
    }
}

/// Each address once.
fn links(addresses: [Option<String>; 3]) -> Vec<Link> {
    let mut links = Vec::<Link>::new();
    for url in addresses.into_iter().flatten() {
        if !links.iter().any(|known| known.url == url) {
            links.push(Link { url, ..Link::default() });
        }
    }
    links
}

pub(in super::super) fn is_notification(card: &CardData) -> bool {
    look(card.template.as_deref()) == CardLook::Notification
}

fn look(template: Option<&str>) -> CardLook {
    let template = template.unwrap_or_default().to_ascii_lowercase();
    if template.contains("notification") {
        CardLook::Notification
    } else if template.contains("video") {
        CardLook::Video
    } else if template.contains("small image") {
        CardLook::SmallImage
    } else if template.contains("large image") {
        CardLook::LargeImage
    } else {
        CardLook::Plain
    }
}
