//! What comes beside words: clicks, values of others, files.

use super::*;

#[test]
fn what_is_only_attached_is_something_and_no_choice() {
    for attachment in [
        json!({"contentType": "text/plain", "name": "note.txt", "content": "inline"}),
        json!({"name": "only a name.png"}),
        json!({"contentType": "image/png", "contentUrl": "blob:x"}),
    ] {
        let activity = said(json!({"attachments": [attachment]}));
        for pending in [None, Some(picker(false, false)), Some(input(Mask::None, false))] {
            assert_eq!(read(&activity, pending.as_ref()), typed(""), "{activity:?}");
        }
    }
    assert_eq!(
        read(&said(json!({"value": {"list": ["p", "q"], "of": {"n": 5}}})), None),
        typed("list: p, q\nof: 5")
    );
}

#[test]
fn a_click_is_known_however_a_client_wraps_it() {
    let click = json!({"serviceNowAnswer": "a", "serviceNowAsked": 7});
    for value in [
        json!({"data": click}),
        json!({"action": {"data": click}}),
        json!([click]),
        json!(click.to_string()),
        json!({"value": click.to_string()}),
        json!({"ServiceNowAnswer": "a"}),
        json!({"data": {"SERVICENOWQUESTION": "secret", "ANSWER": "x"}}),
        json!(r#"{"SERVICENOWANSWER": "a"}"#),
        json!(r#"{"\u0073erviceNowAnswer": "a"}"#),
        json!({"servicenowasked": 7}),
        json!({"serviceNowAnswer": true}),
    ] {
        assert!(is_click(&said(json!({"value": value}))), "{value}");
    }
    assert!(!is_click(&said(json!({"value": {"data": {"answer": "a"}}}))));
}

#[test]
fn a_click_means_the_same_whatever_case_its_names_are_in() {
    let pascal = said(json!({"value": {"ServiceNowAnswer": "hw-2", "Servicenowasked": 0}}));
    assert_eq!(read(&pascal, Some(&picker(false, false))), chosen("hw-2"));
    let form =
        said(json!({"value": {"SERVICENOWQUESTION": "date_time", "DATE": "2026-03-05", "Time": "14:30"}}));
    let asked = Control::Moment(Moment { kind: MomentKind::DateTime, ..Moment::default() });
    assert_eq!(read(&form, Some(&asked)), chosen("2026-03-05 14:30:00"));
    let secret = said(json!({"value": {"servicenowQUESTION": "secret", "Answer": "1234"}}));
    assert!(answer(&secret, None).secure);
}

#[test]
fn a_value_of_somebody_else_is_shown_by_what_can_be_read_in_it() {
    for (value, shown) in [
        (json!({"label": "Red", "id": 7}), typed("Red")),
        (json!({"title": "Printer", "id": "INC1"}), typed("id: INC1\ntitle: Printer")),
        (json!({"title": "Monitors", "quantity": 5}), typed("quantity: 5\ntitle: Monitors")),
        (json!({"description": "no ink", "rush": false}), typed("description: no ink\nrush: false")),
        (json!({"text": "a", "items": ["x", "y"]}), typed("items: x, y\ntext: a")),
        (json!({"value": 5, "title": "x"}), typed("title: x\nvalue: 5")),
        (json!({"city": "Graz", "ok": true, "nested": {"a": 1}}), typed("city: Graz\nnested: 1\nok: true")),
        (
            json!({"title": "Printer", "description": "no ink", "urgency": "high"}),
            typed("description: no ink\ntitle: Printer\nurgency: high"),
        ),
        (json!({"value": "5", "comment": "5"}), typed("comment: 5\nvalue: 5")),
        (json!("clicked"), chosen("clicked")),
        (json!(["a", "b"]), typed("a\n\nb")),
        (json!({}), (String::new(), true, false, true)),
        (json!({"serviceNowQuestion": "unknown", "text": "x"}), typed("x")),
        (json!({"serviceNowAnswer": 5}), typed("serviceNowAnswer: 5")),
    ] {
        assert_eq!(read(&said(json!({"value": value})), None), shown, "{value}");
    }
    assert_eq!(read(&said(json!({"value": {"a": 1}, "text": "words"})), None), typed("words"));
}

#[test]
fn files_are_taken_and_cards_are_not() {
    let activity = said(json!({"attachments": [
        {"contentType": "image/png", "contentUrl": "https://dl.example.com/a/cat.png?t=1", "name": "my cat.png"},
        {"contentUrl": "https://dl.example.com/a/report.pdf?t=1"},
        {"contentType": "application/vnd.microsoft.card.hero", "content": {"title": "no"}},
        "odd",
    ]}));
    let file = |name: &str, media_type: &str, url: &str| Attachment {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        url: url.to_owned(),
        bytes: 0,
    };
    assert!(
        answer(&activity, None)
            == Answer {
                attachments: vec![
                    file("my cat.png", "image/png", "https://dl.example.com/a/cat.png?t=1"),
                    file("report.pdf", "application/octet-stream", "https://dl.example.com/a/report.pdf?t=1"),
                ],
                typed: true,
                ..Answer::default()
            }
    );
}
