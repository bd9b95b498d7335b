mod any;
mod asked;
mod carried;
mod chosen;

use serde_json::json;

use super::*;
use crate::{
    domain::control::{
        Card, CardLook, Choice, ChoiceKind, Generated, Item, Mask, Moment, MomentKind, MultiPart, TextInput,
        Upload,
    },
    translate::virtual_agent::{What, inbound},
    wire::virtual_agent::response::Response,
};

fn said(value: Value) -> Activity {
    let mut activity = json!({"type": "message", "from": {"id": "u", "role": "user"}});
    for (key, field) in value.as_object().expect("an object") {
        activity[key] = field.clone();
    }
    serde_json::from_value(activity).expect("an activity")
}

fn text(text: &str) -> Activity {
    said(json!({"text": text}))
}

/// Text, typed, secure, nothing.
fn read(activity: &Activity, pending: Option<&Control>) -> (String, bool, bool, bool) {
    let Answer { text, typed, secure, attachments: _, nothing, question: _, amiss: _ } =
        answer(activity, pending);
    (text, typed, secure, nothing)
}

fn typed(text: &str) -> (String, bool, bool, bool) {
    (text.to_owned(), true, false, false)
}

fn chosen(text: &str) -> (String, bool, bool, bool) {
    (text.to_owned(), false, false, false)
}

fn item(label: &str, value: &str) -> Item {
    Item { label: label.to_owned(), value: value.to_owned(), ..Item::default() }
}

fn picker(several: bool, optional: bool) -> Control {
    let items =
        vec![item("Laptop", "hw-1"), item("Phone, mobile", "hw-2"), item("laptop", "hw-3"), item("No", "0")];
    Control::Choice(Choice { items, several, optional, ..Choice::default() })
}

fn input(mask: Mask, optional: bool) -> Control {
    Control::TextInput(TextInput { prompt: Some("?".to_owned()), mask, optional, hides: None })
}

fn pressed(value: Value) -> Activity {
    said(json!({"value": value}))
}

#[test]
fn text_is_told_as_it_was_typed() {
    for pending in [None, Some(input(Mask::None, true)), Some(Control::Generated(Generated::default()))] {
        assert_eq!(read(&text(" hi *there* "), pending.as_ref()), typed(" hi *there* "));
        for said in [
            "It shows [Hours](cite:1 and then nothing. Please help me",
            "[1]: cite:1 what does this mean?",
            "See [my page](cite:2) first",
            "a [1]\n[1]: cite:1",
        ] {
            assert_eq!(read(&text(said), pending.as_ref()), typed(said));
        }
    }
    assert_eq!(read(&text("  "), None), (String::new(), true, false, true));
    assert_eq!(read(&said(json!({})), Some(&picker(false, false))), (String::new(), true, false, true));
}

#[test]
fn what_is_entered_hidden_is_told_as_if_it_were_seen() {
    let moment = |kind| Control::Moment(Moment { kind, ..Moment::default() });
    let items = vec![item("Yes", "true"), item("No", "false")];
    let boolean = Control::Choice(Choice { kind: ChoiceKind::Boolean, items, ..Choice::default() });
    for (hidden, said_so, told, is_typed) in [
        (picker(false, false), "phone, mobile", "hw-2", false),
        (picker(false, false), "2", "hw-2", false),
        (picker(true, false), "Laptop; No", "hw-1,0", false),
        (picker(false, false), "a boat", "a boat", true),
        (picker(false, false), "Skip", "Skip", true),
        (boolean, "ja", "true", false),
        (moment(MomentKind::Date), "5. März 2026", "2026-03-05", true),
        (moment(MomentKind::Time), "2 pm", "14:00:00", true),
    ] {
        let hides = Some(Box::new(hidden));
        let asked = TextInput { mask: Mask::Secure, optional: true, hides, ..TextInput::default() };
        let asked = Control::TextInput(asked);
        let entered = pressed(json!({"serviceNowQuestion": "secret", "answer": said_so}));
        for activity in [text(said_so), entered] {
            assert_eq!(read(&activity, Some(&asked)), (told.to_owned(), is_typed, true, false), "{said_so}");
        }
    }
}

#[test]
fn a_choice_is_known_by_its_label_its_value_or_the_click() {
    let pending = picker(false, false);
    for (activity, value) in [
        (text("Laptop"), "hw-1"),
        (text("laptop"), "hw-3"),
        (text("LAPTOP "), "hw-1"),
        (text("hw-2"), "hw-2"),
        (text("Phone, mobile"), "hw-2"),
        (said(json!({"value": "hw-3"})), "hw-3"),
        (said(json!({"value": "Phone, mobile", "text": "whatever"})), "hw-2"),
        (said(json!({"value": 0})), "0"),
        (said(json!({"value": {"serviceNowAnswer": "hw-2"}, "text": "Laptop"})), "hw-2"),
        (said(json!({"value": {"serviceNowQuestion": "one", "answer": "hw-1"}})), "hw-1"),
    ] {
        assert_eq!(read(&activity, Some(&pending)), chosen(value), "{activity:?}");
    }
    assert_eq!(read(&text("something else"), Some(&pending)), typed("something else"));
    assert_eq!(read(&text("Skip"), Some(&pending)), typed("Skip"));
    let boolean = Control::Choice(Choice {
        kind: ChoiceKind::Boolean,
        items: vec![item("Yes", "yes"), item("No", "No")],
        ..Choice::default()
    });
    assert_eq!(read(&text("yes"), Some(&boolean)), chosen("yes"));
    assert_eq!(read(&text("no"), Some(&boolean)), chosen("No"));
    for (said, value) in [
        ("ja", "yes"),
        (" Oui! ", "yes"),
        ("NEIN", "No"),
        ("いいえ", "No"),
        ("yep", "yes"),
        ("ok.", "yes"),
        ("si", "yes"),
        ("Sí, ", "yes"),
        ("d’accord", "yes"),
        ("nao", "No"),
        ("nee", "No"),
        ("Nö!", "No"),
        ("うん", "yes"),
        ("好的。", "yes"),
        ("不是", "No"),
        ("Ｙｅｓ", "yes"),
        ("True", "yes"),
        ("false", "No"),
    ] {
        assert_eq!(read(&text(said), Some(&boolean)), chosen(value));
    }
    assert_eq!(read(&text("ja, but"), Some(&boolean)), typed("ja, but"));
}

#[test]
fn a_yes_or_no_means_the_label_that_says_it_and_else_the_value() {
    for (labels, said, value) in [
        ([("Richtig", "true"), ("Falsch", "false")], "nein", "false"),
        ([("No", "yes"), ("Yes", "no")], "yep", "no"),
        ([("No", "yes"), ("Yes", "no")], "yes", "no"),
        ([("No", "yes"), ("Yes", "no")], "non", "yes"),
        ([("Nein", "true"), ("Ja", "false")], "ok", "false"),
        ([("Nein", "yes"), ("Ja", "no")], "yes", "no"),
        ([("Nein", "yes"), ("Ja", "no")], "No.", "yes"),
        ([("Yes, please", "true"), ("No", "false")], "ja", "true"),
        ([("Ja", "0"), ("Nein", "1")], "2", "1"),
    ] {
        let items = labels.map(|(label, value)| item(label, value)).to_vec();
        let boolean = Control::Choice(Choice { kind: ChoiceKind::Boolean, items, ..Choice::default() });
        assert_eq!(read(&text(said), Some(&boolean)), chosen(value), "{labels:?} {said}");
    }
    let items = vec![item("Keep it", "no"), item("No", "yes")];
    let boolean = Control::Choice(Choice { kind: ChoiceKind::Boolean, items, ..Choice::default() });
    assert_eq!(read(&text("oui"), Some(&boolean)), typed("oui"), "its value says so, its label the contrary");
}

#[test]
fn several_choices_are_separated_by_commas() {
    let pending = picker(true, false);
    let submitted = json!({"serviceNowQuestion": "several", "answer": "hw-1,with%2C comma,100%25"});
    assert_eq!(read(&said(json!({"value": submitted})), Some(&pending)), chosen("hw-1,with, comma,100%"));
    assert_eq!(read(&text("Laptop, no"), Some(&pending)), chosen("hw-1,0"));
    assert_eq!(read(&text("Laptop, boat"), Some(&pending)), typed("Laptop, boat"));
}

#[test]
fn a_yes_or_no_without_options_is_answered_with_the_documented_word() {
    let body = json!({"body": [{"uiType": "Boolean", "label": "Did that help?"}]});
    let heard = inbound(Response::parse(body.to_string().as_bytes()).expect("JSON"));
    let What::Said(asked) = &heard.items[0].what else { panic!("{heard:?}") };
    for (pressed, value) in [(text("Ja"), "yes"), (text("2"), "no"), (text("no"), "no")] {
        assert_eq!(read(&pressed, Some(asked)), chosen(value), "{pressed:?}");
    }
}

#[test]
fn what_is_optional_can_be_skipped() {
    let moment = |optional| Control::Moment(Moment { optional, ..Moment::default() });
    let upload = |optional| Control::Upload(Upload { optional, ..Upload::default() });
    for pending in
        [picker(false, true), picker(true, true), input(Mask::None, true), moment(true), upload(true)]
    {
        for word in ["Skip", "_skip_", "skip.", "Überspringen!", "uberspringen", "スキップ。", "\u{200f}Skip"]
        {
            assert_eq!(read(&text(word), Some(&pending)), chosen("_skip_"), "{word} {pending:?}");
        }
        let pressed = said(json!({"value": {"serviceNowAnswer": "_skip_"}}));
        assert_eq!(read(&pressed, Some(&pending)), chosen("_skip_"), "{pending:?}");
        assert_eq!(read(&text("Skip it"), Some(&pending)), typed("Skip it"));
    }
    for pending in [picker(false, false), input(Mask::None, false), moment(false), upload(false)] {
        assert_eq!(read(&text("skip"), Some(&pending)), typed("skip"), "{pending:?}");
    }
}

#[test]
fn dates_and_times_are_written_as_service_now_writes_them() {
    let pending = |kind| Control::Moment(Moment { kind, ..Moment::default() });
    for (kind, value, written) in [
        (MomentKind::Date, json!({"serviceNowQuestion": "date", "date": "2026-03-05"}), "2026-03-05"),
        (MomentKind::Time, json!({"serviceNowQuestion": "time", "time": "14:30"}), "14:30:00"),
        (
            MomentKind::DateTime,
            json!({"serviceNowQuestion": "date_time", "date": "2026-03-05", "time": "14:30"}),
            "2026-03-05 14:30:00",
        ),
        (
            MomentKind::DateTime,
            json!({"serviceNowQuestion": "date_time", "date": "2026-03-05"}),
            "2026-03-05 00:00:00",
        ),
        (
            MomentKind::DateTime,
            json!({"serviceNowQuestion": "date_time", "date": "2026-03-05 9:05", "time": "14:30"}),
            "2026-03-05 14:30:00",
        ),
    ] {
        assert_eq!(read(&said(json!({"value": value})), Some(&pending(kind))), chosen(written));
        assert_eq!(read(&said(json!({"value": value})), None), chosen(written));
    }
    assert_eq!(
        read(&text("2026-3-5 9pm"), Some(&pending(MomentKind::DateTime))),
        typed("2026-03-05 21:00:00")
    );
    assert_eq!(read(&text("next week"), Some(&pending(MomentKind::Date))), typed("next week"));
}

#[test]
fn a_masked_answer_is_secure_however_it_comes() {
    let secret = |typed| ("hunter2".to_owned(), typed, true, false);
    let submitted = said(json!({"value": {"serviceNowQuestion": "secret", "answer": "hunter2"}}));
    for mask in [Mask::Secure, Mask::Sensitive] {
        assert_eq!(read(&submitted, Some(&input(mask, false))), secret(true));
        assert_eq!(read(&text("hunter2"), Some(&input(mask, false))), secret(true));
        assert_eq!(read(&text("_skip_"), Some(&input(mask, true))), chosen("_skip_"));
        assert_eq!(read(&text("Skip"), Some(&input(mask, true))), ("Skip".to_owned(), true, true, false));
    }
    assert_eq!(read(&submitted, None), secret(true));
    assert!(!format!("{:?}", answer(&submitted, None)).contains("hunter2"));
}

#[test]
fn the_next_part_is_asked_for_by_its_label_or_the_click() {
    let part = Box::new(picker(false, false));
    let pending = Control::MultiPart(MultiPart {
        heading: None,
        part,
        more_label: Some("Click for more".to_owned()),
        last: false,
    });
    for activity in [
        text("click for more"),
        text("Click for more!"),
        said(json!({"value": {"serviceNowAnswer": "click_for_more"}})),
    ] {
        assert_eq!(read(&activity, Some(&pending)), chosen("click_for_more"));
    }
    assert_eq!(read(&text("Laptop"), Some(&pending)), chosen("hw-1"));
    assert_eq!(read(&text("what?"), Some(&pending)), typed("what?"));
}
