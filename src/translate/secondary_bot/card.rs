//! Hero-like cards and card actions.

use serde_json::{Map, Value, json};

use super::{Choice, Reply, values::Values};
use crate::{
    translate::{
        picture,
        texts::{Text, Words},
    },
    wire::virtual_agent::body,
};

/// A carousel whose cards are each one thing to choose: links beside them, and one picker of pictures. `None` when it is
/// anything else.
pub fn carousel(cards: &[&Value], prompt: &str, values: &mut Values) -> Option<(Vec<Value>, Vec<Choice>)> {
    let (mut elements, mut choices, mut options) = (Vec::new(), Vec::new(), Vec::new());
    for content in cards {
        let text = |key: &str| text(content, key);
        let buttons = content.get("buttons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let before = choices.len();
        actions(buttons, text("title"), &mut elements, &mut choices);
        let choice = choices.last_mut()?;
        choice.label = text("title").unwrap_or(&choice.label).to_owned();
        let mut option = body::option(&choice.label, &choice.value);
        let image =
            content.pointer("/images/0/url").or(content.pointer("/image/url")).and_then(Value::as_str)?;
        option["attachment"] = image.into();
        let words = [text("subtitle"), text("text")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        if !words.is_empty() {
            option["description"] = words.into();
        }
        options.push(option);
        if choices.len() != before + 1 {
            return None;
        }
    }
    if options.len() < 2 {
        return None;
    }
    values.part(&mut choices);
    for (option, choice) in options.iter_mut().zip(&choices) {
        option["value"] = choice.value.as_str().into();
    }
    elements.push(body::carousel(prompt, &options));
    Some((elements, choices))
}

/// A hero or thumbnail card and its kin: what it shows, and what its buttons say. Where several cards stand side by
/// side, `among` says so, and a button is named with its card's title.
pub fn hero(
    content: &Value,
    among: bool,
    ours: &Words<'_>,
    elements: &mut Vec<Value>,
    choices: &mut Vec<Choice>,
) {
    let text = |key: &str| text(content, key);
    let image = content.pointer("/images/0").or(content.get("image"));
    let url = image.and_then(|image| self::text(image, "url"));
    let alt = image.and_then(|image| self::text(image, "alt"));
    let mut facts = facts(content.get("facts"), "key");
    facts.extend(bill(content, ours));
    if let Some(card) = plain(text("title"), text("subtitle"), text("text"), url.zip(Some(alt)), &facts) {
        elements.push(card);
    }
    elements.extend(further_pictures(content));
    for media in content.get("media").and_then(Value::as_array).into_iter().flatten() {
        elements.extend(self::text(media, "url").map(|url| link(text("title"), None, url, ours)));
    }
    let buttons = content.get("buttons").and_then(Value::as_array);
    let of = text("title").filter(|_| among);
    actions(buttons.map(Vec::as_slice).unwrap_or_default(), of, elements, choices);
    if let Some(mut tap) = content.get("tap").filter(|tap| tap.is_object()).cloned() {
        // A tap mostly does what a button does, too, and has no words of its own.
        let does = |button: &Value| button.get("value") == tap.get("value");
        if !buttons.into_iter().flatten().any(does) {
            if tap.get("title").is_none() {
                tap["title"] = text("title").into();
            }
            actions(&[tap], None, elements, choices);
        }
    }
}

/// The pictures that the card itself has no place for: its further ones, and those of a receipt's items.
fn further_pictures(content: &Value) -> impl Iterator<Item = Value> {
    let list = |key: &str| content.get(key).and_then(Value::as_array).into_iter().flatten();
    let of_items = list("items").filter_map(|item| Some((item.get("image")?, text(item, "title"))));
    let pictures = list("images").skip(1).map(|image| (image, None)).chain(of_items);
    pictures.filter_map(|(image, title)| {
        let alt = text(image, "alt").or(title).unwrap_or_default();
        Some(body::output_image(text(image, "url")?, alt))
    })
}

/// What a receipt card lists and adds up.
pub fn bill(content: &Value, ours: &Words<'_>) -> Vec<(String, String)> {
    let items = content.get("items").and_then(Value::as_array).into_iter().flatten();
    let item = |item: &Value| {
        let name = [text(item, "title"), text(item, "subtitle"), text(item, "text")];
        let count = written(item, "quantity").map(|count| format!("× {count}"));
        let name = name.into_iter().flatten().chain(count.as_deref()).collect::<Vec<_>>().join(" ");
        (!name.is_empty()).then(|| (name, written(item, "price").unwrap_or_default()))
    };
    let sums = [(Text::Vat, "vat"), (Text::Tax, "tax"), (Text::Total, "total")];
    let sum = |(label, key)| Some((ours.get(label).to_owned(), written(content, key)?));
    items.filter_map(item).chain(sums.into_iter().filter_map(sum)).collect()
}

/// A text of an object's that is not blank.
pub fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// The same of a number, too.
fn written(value: &Value, key: &str) -> Option<String> {
    let number = value.get(key).filter(|value| value.is_number()).map(Value::to_string);
    number.or_else(|| text(value, key).map(str::to_owned))
}

/// A link. One without a title is named by its address, unless that is the content itself.
pub fn link(title: Option<&str>, heading: Option<&str>, url: &str, ours: &Words<'_>) -> Value {
    let address = if picture::is_data(url) { ours.get(Text::Open) } else { url };
    body::output_link(title.unwrap_or(address), heading, url)
}

/// A card that only shows; text alone needs no card. `None` when there is nothing to show.
pub fn plain(
    title: Option<&str>,
    subtitle: Option<&str>,
    text: Option<&str>,
    image: Option<(&str, Option<&str>)>,
    facts: &[(String, String)],
) -> Option<Value> {
    if image.is_none() && facts.is_empty() {
        let title = title.map(|title| format!("**{}**", title.trim()));
        let parts = [title.as_deref(), subtitle, text].into_iter().flatten().collect::<Vec<_>>();
        return (!parts.is_empty()).then(|| body::output_text(&parts.join("\n\n")));
    }
    let mut data = Map::new();
    let words = [("title", title), ("subtitle", subtitle), ("description", text)];
    for (key, word) in words {
        data.extend(word.map(|word| (key.to_owned(), word.into())));
    }
    if let Some((url, alt)) = image {
        data.insert("image".to_owned(), url.into());
        data.insert("imageAlt".to_owned(), alt.or(title).unwrap_or_default().into());
    }
    if !facts.is_empty() {
        let field = |(label, value): &(String, String)| json!({"fieldLabel": label, "fieldValue": value});
        data.insert("fields".to_owned(), facts.iter().map(field).collect());
    }
    let template = if image.is_some() && facts.is_empty() { "Large image with text" } else { "Card" };
    Some(body::output_card(template, &Value::Object(data)))
}

/// The facts of a receipt card or a fact set; `name` is the key of a fact's name.
pub fn facts(list: Option<&Value>, name: &str) -> Vec<(String, String)> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    let fact = |fact: &Value| (written(fact, name), written(fact, "value"));
    let has_words = |(name, value): &(Option<String>, Option<String>)| name.is_some() || value.is_some();
    let facts = list.map(fact).filter(has_words);
    facts.map(|(name, value)| (name.unwrap_or_default(), value.unwrap_or_default())).collect()
}

/// Bot Framework card actions: what says something becomes a choice, what leads somewhere a link.
/// `of`: what the actions belong to, when there is more than one such thing.
pub fn actions(actions: &[Value], of: Option<&str>, elements: &mut Vec<Value>, choices: &mut Vec<Choice>) {
    let named = |label: &str| of.map_or_else(|| label.to_owned(), |of| format!("{of}: {label}"));
    for action in actions {
        let text = |key: &str| action.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let value = action.get("value");
        let label = text("title").or(text("text")).or(text("value")).unwrap_or_default();
        if label.is_empty() {
            continue;
        }
        match text("type").unwrap_or("imBack") {
            "postBack" => {
                let reply = match value {
                    Some(Value::String(said)) => {
                        Reply::Value { text: Some(said.clone()), value: Value::Null }
                    }
                    other => Reply::Value { text: None, value: other.cloned().unwrap_or_default() },
                };
                choices.push(Choice::new(named(label), &named(label), reply));
            }
            "messageBack" => {
                let said = text("text").map(str::to_owned);
                let reply = Reply::Value { text: said, value: value.cloned().unwrap_or_default() };
                choices.push(Choice::new(named(label), &named(label), reply));
            }
            "imBack" => {
                let number = value.filter(|value| value.is_number()).map(Value::to_string);
                let said = text("value").or(number.as_deref()).or(text("text")).unwrap_or(label);
                let reply = Reply::Text { text: said.to_owned() };
                choices.push(Choice::new(named(label), said, reply));
            }
            _ => match text("value") {
                Some(url)
                    if picture::is_data(url)
                        || ["://", "mailto:", "tel:"].iter().any(|mark| url.contains(mark)) =>
                {
                    elements.push(body::output_link(&named(label), None, url))
                }
                _ => elements.push(body::output_text(label)),
            },
        }
    }
}
