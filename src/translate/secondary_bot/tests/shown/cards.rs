//! Cards beside the ones that most agents send.

use super::*;

#[test]
fn a_carousel_of_choices_is_one_picker_of_pictures() {
    let card = |title: &str, button: Value| {
        json!({"contentType": "application/vnd.microsoft.card.hero", "content": {"title": title, "text": "Light",
            "images": [{"url": "https://example.com/i.png"}], "buttons": [button]}})
    };
    let pick = |value: &str| json!({"type": "imBack", "title": "Choose", "value": value});
    let carousel = json!({"text": "Which one?", "attachmentLayout": "carousel",
        "attachments": [card("Basic", pick("basic")), card("Pro", pick("pro"))]});
    let option = |label: &str, value: &str| {
        json!({"label": label, "value": value, "enabled": true, "attachment": "https://example.com/i.png",
            "description": "Light"})
    };
    let shown = elements(&carousel);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!((&shown[0]["itemType"], &shown[0]["style"]), (&json!("Picture"), &json!("carousel")));
    let bare = |mut option: Value| {
        option.as_object_mut().expect("an object").remove("renderStyle");
        option
    };
    let options: Vec<_> =
        shown[0]["options"].as_array().expect("options").iter().cloned().map(bare).collect();
    assert_eq!(options, [option("Basic", "basic"), option("Pro", "pro")]);
    let Answered::Post(fields) = answer(&pending(&carousel), "pro", &Words::default()) else {
        panic!("no answer")
    };
    assert_eq!(Value::from(fields), json!({"text": "pro"}));
    let mut linked = carousel.clone();
    let link = json!({"type": "openUrl", "title": "See", "value": "https://example.com"});
    linked["attachments"][1] = card("Pro", link.clone());
    assert_eq!(elements(&linked)[0]["uiType"], "OutputText", "one that only leads elsewhere is no choice");
    linked["attachments"][1]["content"]["buttons"] = json!([pick("pro"), link]);
    let shown = elements(&linked);
    assert_eq!((&shown[0]["label"], &shown[1]["itemType"]), (&json!("Pro: See"), &json!("Picture")));
    let mut listed = carousel;
    listed.as_object_mut().expect("an object").remove("attachmentLayout");
    let labels = elements(&listed).pop().expect("a picker")["options"].clone();
    assert_eq!((&labels[0]["label"], &labels[1]["label"]), (&json!("Basic: Choose"), &json!("Pro: Choose")));
}

/// Cards that Bot Framework knows and few agents send.
#[test]
fn a_receipt_a_film_and_what_a_tap_does_are_shown_too() {
    let text = |value: &str| json!({"uiType": "OutputText", "value": value});
    let link = |label: &str, url: &str| {
        json!({"uiType": "OutputLink", "label": label, "header": "", "type": "link",
            "value": {"action": url, "target": "_blank"}})
    };
    let image = |url: &str, alt: &str| json!({"uiType": "OutputImage", "value": url, "altText": alt});
    let of = |kind: &str, content: Value| json!({"attachments": [{"contentType": format!("application/vnd.microsoft.card.{kind}"), "content": content}]});
    let rows = [
        (
            of(
                "receipt",
                json!({"title": "Order", "facts": [{"key": "Number", "value": "17"}], "total": "$12",
                "tax": "$2", "items": [{"title": "Shirt", "subtitle": "blue", "quantity": "2", "price": "$10"}]}),
            ),
            vec![json!({"uiType": "OutputCard", "templateName": "Card",
                "data": r#"{"fields":[{"fieldLabel":"Number","fieldValue":"17"},{"fieldLabel":"Shirt blue × 2","fieldValue":"$10"},{"fieldLabel":"Tax","fieldValue":"$2"},{"fieldLabel":"Total","fieldValue":"$12"}],"title":"Order"}"#})],
        ),
        (
            of(
                "hero",
                json!({"title": "News", "tap": {"type": "openUrl", "value": "https://example.com/n"}}),
            ),
            vec![text("**News**"), link("News", "https://example.com/n")],
        ),
        (
            of(
                "hero",
                json!({"title": "Call", "tap": {"type": "openUrl", "value": "tel:+1"},
                "buttons": [{"type": "call", "title": "Phone", "value": "tel:+1"}, {"type": "openUrl", "title": "Mail", "value": "mailto:a@example.com"}]}),
            ),
            vec![text("**Call**"), link("Phone", "tel:+1"), link("Mail", "mailto:a@example.com")],
        ),
        (
            of(
                "hero",
                json!({"title": "Rooms ", "images": [{"url": "https://example.com/1"}, {"url": "https://example.com/2", "alt": "Two"}]}),
            ),
            vec![
                json!({"uiType": "OutputCard", "templateName": "Large image with text",
                    "data": r#"{"image":"https://example.com/1","imageAlt":"Rooms ","title":"Rooms "}"#}),
                image("https://example.com/2", "Two"),
            ],
        ),
        (
            of(
                "receipt",
                json!({"items": [{"title": "Shirt", "price": "1", "image": {"url": "https://example.com/s"}}]}),
            ),
            vec![
                json!({"uiType": "OutputCard", "templateName": "Card",
                    "data": r#"{"fields":[{"fieldLabel":"Shirt","fieldValue":"1"}]}"#}),
                image("https://example.com/s", "Shirt"),
            ],
        ),
        (
            of(
                "signin",
                json!({"buttons": [{"title": "Work", "value": "https://example.com/w"}, {"title": "School", "value": "https://example.com/s"}]}),
            ),
            vec![link("Work", "https://example.com/w"), link("School", "https://example.com/s")],
        ),
        (
            adaptive(
                &json!([{"type": "CodeBlock", "codeSnippet": "let a = `b`;\n1"}, {"type": "TextBlock", "text": "More"}]),
                &json!([{"type": "Action.ShowCard", "title": "Details", "card": {"body": [{"type": "TextBlock", "text": "Blue"}]}}]),
            ),
            vec![text("```\nlet a = `b`;\n1\n```\n\nMore"), text("Details"), text("Blue")],
        ),
        (
            adaptive(
                &json!([{"type": "Media", "altText": "A film", "sources": [{"mimeType": "video/mp4", "url": "https://example.com/f.mp4"}]}]),
                &json!([]),
            ),
            vec![link("A film", "https://example.com/f.mp4")],
        ),
        (
            adaptive(
                &json!([{"type": "Container", "selectAction": {"type": "Action.OpenUrl", "title": "More", "url": "https://example.com/m"},
                    "items": [{"type": "TextBlock", "text": "Read on"}]}]),
                &json!([]),
            ),
            vec![text("Read on"), link("More", "https://example.com/m")],
        ),
    ];
    for (message, expected) in rows {
        assert_eq!(elements(&message), expected, "{message}");
    }
}

#[test]
fn an_element_we_do_not_know_stands_for_its_text_or_for_what_the_card_has_instead() {
    let rows = [
        (json!({"type": "Badge", "text": "New"}), Some("New")),
        (
            json!({"type": "Odd", "title": "odd", "fallback": {"type": "TextBlock", "text": "instead"}}),
            Some("instead"),
        ),
        (json!({"type": "Odd", "title": "odd", "fallback": "drop"}), None),
        (json!({"type": "Odd", "items": [{"type": "TextBlock", "text": "within"}]}), Some("within")),
        (
            json!({"type": "Table", "rows": [{"type": "TableRow", "cells": [{"type": "TableCell", "items": [
            {"type": "TextBlock", "text": "cell"}]}]}]}),
            Some("cell"),
        ),
        (json!({"type": "TextBlock", "text": "unseen", "isVisible": false}), None),
    ];
    for (element, text) in rows {
        let shown = elements(&adaptive(&json!([element]), &json!([])));
        assert_eq!(shown.first().and_then(|one| one["value"].as_str()), text, "{element}");
    }
}
