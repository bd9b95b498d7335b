//! What a card's questions and choices are called, and what nobody reads.

use serde_json::{Value, json};

use super::{adaptive, elements};

fn labels(body: &Value, actions: &Value) -> Vec<Value> {
    elements(&adaptive(body, actions)).into_iter().map(|one| one["label"].clone()).collect()
}

#[test]
fn an_inputs_question_may_stand_in_the_column_or_row_before_it() {
    let text = |text: &str| json!({"type": "TextBlock", "text": text});
    let input = json!({"type": "Input.Text", "id": "txtA", "placeholder": "Here"});
    let column = |item: &Value| json!({"type": "Column", "items": [item]});
    let cells = |cells: &[&Value]| json!({"cells": cells.iter().map(|cell| json!({"items": [cell]})).collect::<Vec<_>>()});
    let row =
        |item: &Value| json!([{"type": "ColumnSet", "columns": [column(&text("First name")), column(item)]}]);
    let box_ = |item: &Value| json!({"type": "Container", "items": [item]});
    let rows = [
        (row(&input), vec!["First name"]),
        (json!([box_(&text("First name")), box_(&input)]), vec!["First name"]),
        (
            json!([{"type": "Table", "columns": [{"width": 1}, {"width": 1}], "rows": [cells(&[&text("First name"), &input])]}]),
            vec!["First name"],
        ),
        (
            json!([{"type": "Table", "rows": [cells(&[&text("First name"), &text("Last name")]), cells(&[&input])]}]),
            vec!["", "Here"],
        ),
        (
            json!([{"type": "Input.Toggle", "id": "t", "label": "Terms", "title": "I agree to the terms"}]),
            vec!["Terms\nI agree to the terms"],
        ),
        (json!([{"type": "Input.Toggle", "id": "t", "label": "Terms", "title": "Terms"}]), vec!["Terms"]),
    ];
    for (body, expected) in rows {
        let found = labels(&body, &json!([]));
        let found = found.iter().map(|label| label.as_str().unwrap_or_default()).collect::<Vec<_>>();
        assert_eq!(found, expected, "{body}");
    }
}

#[test]
fn what_is_pressed_without_a_title_has_the_first_words_of_what_it_belongs_to() {
    let press = |n: u8| json!({"type": "Action.Submit", "data": {"n": n}});
    let row = |items: Value, n: u8| json!({"type": "Container", "items": items, "selectAction": press(n)});
    let shown = elements(&adaptive(
        &json!([row(json!([{"type": "TextBlock", "text": "Laptop"}, {"type": "TextBlock", "text": "Fast"}]), 1),
            row(json!([{"type": "Image", "url": "https://example.com/p", "altText": "Phone"}]), 2),
            {"type": "Image", "url": "https://example.com/q", "altText": "Mouse", "selectAction": press(3)},
            {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "Key", "selectAction": press(4)}]}]),
        &json!([press(5)]),
    ));
    let options = shown.last().expect("a picker")["options"].as_array().expect("options");
    let labels = options.iter().map(|option| &option["label"]).collect::<Vec<_>>();
    assert_eq!(labels, ["Laptop", "Phone", "Mouse", "Key", "Send"]);
}

#[test]
fn facts_dates_and_what_can_be_brought_to_sight_are_told() {
    let rows = [
        (
            json!([{"type": "FactSet", "facts": [{"title": "N", "value": 5}, {"title": "only"}, {"value": "v"}, {},
                {"title": "Due", "value": "{{DATE(2026-03-05T06:08:39Z)}}"}]}]),
            json!([]),
            json!({"fields": [{"fieldLabel": "N", "fieldValue": "5"}, {"fieldLabel": "only", "fieldValue": ""},
                {"fieldLabel": "", "fieldValue": "v"}, {"fieldLabel": "Due", "fieldValue": "2026-03-05"}]}).to_string(),
        ),
        (
            json!([{"type": "TextBlock", "text": "Due {{DATE(2026-03-05T06:08:39Z, SHORT)}}"}]),
            json!([]),
            "Due 2026-03-05".to_owned(),
        ),
        (
            json!([{"type": "TextBlock", "text": "Hi"}, {"type": "TextBlock", "id": "more", "isVisible": false, "text": "More"},
                {"type": "TextBlock", "id": "other", "isVisible": false, "text": "Other"}]),
            json!([{"type": "Action.ToggleVisibility", "title": "Show", "targetElements": ["x", {"elementId": "more"}]}]),
            "**Hi**\n\nMore".to_owned(),
        ),
    ];
    for (body, actions, expected) in rows {
        let shown = elements(&adaptive(&body, &actions));
        assert_eq!(shown[0].get("data").unwrap_or(&shown[0]["value"]), &json!(expected), "{body}");
    }
    let receipt = json!({"attachments": [{"contentType": "application/vnd.microsoft.card.receipt", "content": {
        "title": "Order", "total": 12.5, "items": [{"title": "Shirt", "quantity": 2, "price": 10}]}}]});
    let data = elements(&receipt)[0]["data"].as_str().expect("JSON").to_owned();
    assert!(data.contains("Shirt × 2") && data.contains(r#""10""#) && data.contains(r#""12.5""#), "{data}");
}

#[test]
fn the_content_that_an_address_holds_is_no_label_and_no_text() {
    let file = format!("data:application/pdf;base64,{}", "A".repeat(300));
    let picture = format!("data:image/png;base64,{}", "A".repeat(300));
    let attached = json!({"attachments": [{"contentType": "application/pdf", "contentUrl": file}]});
    let linked = adaptive(&json!([]), &json!([{"type": "Action.OpenUrl", "url": file}]));
    for message in [attached, linked] {
        let shown = elements(&message);
        assert_eq!((&shown[0]["label"], &shown[0]["value"]["action"]), (&json!("Open"), &json!(file)));
    }
    for (text, left, alt) in [
        (format!("see ![x]({picture}) ok"), "see  ok", "x"),
        (format!("see <img alt=\"x\" src=\"{picture}\"> ok"), "see  ok", "Picture"),
        (format!("{picture} ok"), " ok", "Picture"),
    ] {
        let shown = elements(&json!({"text": text}));
        assert_eq!(shown[0]["value"], left);
        assert_eq!((&shown[1]["value"], &shown[1]["altText"]), (&json!(picture), &json!(alt)));
    }
    assert_eq!(elements(&json!({"text": format!("![x]({picture})")})).len(), 1);
}
