//! What is entered hidden, and what is shown once.

use super::*;

fn hidden(prompt: &str, mask: Mask, optional: bool, hides: Control) -> Control {
    Control::TextInput(TextInput { prompt: some(prompt), mask, optional, hides: Some(Box::new(hides)) })
}

#[test]
fn a_masked_date_is_entered_hidden() {
    let kinds = [MomentKind::Date, MomentKind::Time, MomentKind::DateTime];
    for (of, kind) in ["Date", "Time", "DateTime"].into_iter().zip(kinds) {
        let asked = shown(json!({"uiType": of, "label": "Born?", "maskType": "SECURE", "required": true}));
        let moment = Control::Moment(Moment { kind, ..Moment::default() });
        assert_eq!(asked, hidden("Born?", Mask::Secure, false, moment), "{of}");
    }
}

#[test]
fn a_masked_choice_is_entered_hidden_and_says_what_there_is_to_choose() {
    let options = json!([{"label": "Red", "value": "r"}, {"label": "Blue", "value": "b"}]);
    let item = |label: &str, value: &str| Option_ {
        label: label.to_owned(),
        value: value.to_owned(),
        ..Option_::default()
    };
    let items = || vec![item("Red", "r"), item("Blue", "b")];
    for (of, kind) in [("Picker", ChoiceKind::Picker), ("Boolean", ChoiceKind::Boolean)] {
        let asked = json!({"uiType": of, "label": "Which?", "options": options, "maskType": "SECURE", "required": true});
        let choice = Control::Choice(Choice { kind, items: items(), ..Choice::default() });
        assert_eq!(shown(asked), hidden("Which?", Mask::Secure, false, choice), "{of}");
    }
    let bare =
        shown(json!({"uiType": "Boolean", "label": "Ever?", "maskType": "SENSITIVE", "required": false}));
    let choice = Control::Choice(Choice { kind: ChoiceKind::Boolean, ..Choice::default() });
    assert_eq!(bare, hidden("Ever?", Mask::Sensitive, true, choice));
}

#[test]
fn masked_words_of_a_form_are_read_sign_for_sign_and_none_is_left_out() {
    let table = json!({"uiType": "OutputTable", "headers": ["A*", "B*"], "data": [["1", "2"], ["1", "2"]]});
    let card = json!({"title": "T", "fields": [{"fieldLabel": "a_b_", "fieldValue": "*v* <x>"}]});
    let card = json!({"uiType": "OutputCard", "data": card});
    let html = json!({"uiType": "OutputHtml", "value": "", "links": [{"label": "Mine", "link": "https://a.example"}]});
    let cited = json!({"uiType": "OutputText", "value": "See [1]", "citations": [{"citationRef": "[1]", "citationLabel": "KB"}]});
    let parts =
        json!({"uiType": "GroupedPartsOutput", "header": "H", "values": [{"label": "x"}, {"label": "x"}]});
    for (mut item, words) in [
        (table, "A\\* \\| B\\*\n\n1 \\| 2\n\n1 \\| 2"),
        (card, "T\n\na_b\\_: \\*v\\* &lt;x>"),
        (html, "Mine\n\n[https\\:\\//a\\.example](https://a.example)"),
        (cited, "See [1]\n\n&#91;1&#93; KB"),
        (parts, "H\n\nx\n\nx"),
    ] {
        item["maskType"] = "SECURE".into();
        let Control::Masked(mut masked) = shown(item.clone()) else { panic!("{item}") };
        assert_eq!(masked.take(), words, "{item}");
    }
}

#[test]
fn whatever_is_shown_masked_is_words_to_be_shown_once() {
    let card = r#"{"title": "Card", "fields": [{"fieldLabel": "PIN", "fieldValue": "4711"}]}"#;
    let table = json!({"uiType": "OutputTable", "headers": [{"label": "PIN"}], "data": [["4711"]]});
    let parts = json!({"uiType": "GroupedPartsOutputControl", "header": "Codes",
        "values": [{"label": "4711", "action": "https://example.com/4711"}]});
    let picture = json!({"uiType": "OutputImage", "value": "https://example.com/4711.png", "altText": "PIN"});
    let several = json!({"uiType": "MultiPartOutput", "header": "4711", "content": {"uiType": "OutputText", "value": "PIN"}});
    for mut item in [json!({"uiType": "OutputCard", "data": card}), table, parts, picture, several] {
        item["maskType"] = "SECURE".into();
        let of = item["uiType"].clone();
        let mut control = shown(item);
        assert_eq!(control.waits_for_done(), of == "OutputTable", "{of}");
        assert!(!serde_json::to_string(&control).expect("stored").contains("4711"), "{of}: {control:?}");
        let Some(Control::Masked(masked)) = control.masked() else { panic!("{of}: {control:?}") };
        let words = masked.take();
        assert!(words.contains("4711") && words.to_uppercase().contains(['P', 'C']), "{of}: {words}");
    }
}

#[test]
fn an_action_that_is_masked_shows_its_words_once() {
    let steps = json!([{"message": "SEC01"}]);
    for (of, fields) in [
        ("System", json!({"message": "SEC01"})),
        ("ChatSubHeader", json!({"anything": {"text": "SEC01"}})),
        ("Separator", json!({"label": "SEC01"})),
        ("SwitchToLiveAgent", json!({"message": "SEC01"})),
        ("StartSpinner", json!({"message": "SEC01", "waitTime": "8 Seconds"})),
        ("DynamicLoader", json!({"parentMessageId": "p", "progressMessages": steps})),
    ] {
        for mask in [json!("SECURE"), json!({"value": "SECURE"})] {
            let mut element = fields.clone();
            (element["uiType"], element["actionType"], element["maskType"]) =
                (json!("ActionMsg"), json!(of), mask);
            let mut items = items_of(&[element]);
            let Some(Item { what: What::Said(control), .. }) = items.last_mut() else {
                panic!("{of}: {items:?}")
            };
            assert!(!serde_json::to_string(&control).expect("stored").contains("SEC01"), "{of}");
            let words = control.masked().map(|masked| masked.clone());
            assert!(words.is_some(), "{of}");
            let means: Vec<_> = items.iter().map(|item| &item.what).collect();
            let rest = format!("{:?}", &means[..means.len() - 1]);
            assert!(!rest.contains("SEC01"), "{of}: {rest}");
        }
    }
    let card = shown(json!({"uiType": "OutputCard", "data": r#"{"title": "SEC01", "maskType": "SECURE"}"#}));
    assert!(matches!(card, Control::Masked(_)), "{card:?}");
}
