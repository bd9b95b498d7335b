use serde_json::{Value, json};

use super::{activity, adaptive, elements, events, hero, pending, said};
use crate::translate::{
    secondary_bot::{
        Pending,
        answer::{Answered, answer},
    },
    texts::{Texts, Words},
};

mod cards;
mod chosen;
mod secrets;

#[test]
fn a_choice_says_what_its_action_says() {
    let message = json!({"text": "Which?", "suggestedActions": {"actions": [
        {"type": "imBack", "title": "One", "value": "the first"},
        {"type": "postBack", "title": "Two", "value": {"n": 2}},
        {"type": "postBack", "title": "Three", "value": "three!"},
        {"type": "messageBack", "title": "Four", "text": "four", "value": {"n": 4}},
    ]}});
    let pending = pending(&message);
    let back = json!({"postBack": true});
    for (text, posted) in [
        ("the first", json!({"text": "the first"})),
        ("ONE ", json!({"text": "the first"})),
        ("Two", json!({"value": {"n": 2}, "channelData": back})),
        ("three", json!({"text": "three!", "channelData": back})),
        ("Four", json!({"text": "four", "value": {"n": 4}, "channelData": back})),
        ("something else", json!({"text": "something else"})),
    ] {
        let Answered::Post(fields) = answer(&pending, text, &Words::default()) else { panic!("{text}") };
        assert_eq!(Value::from(fields), posted, "{text}");
    }
    assert_eq!(
        serde_json::from_value::<Pending>(serde_json::to_value(&pending).expect("JSON")).expect("read"),
        pending
    );
}

#[test]
fn an_answer_to_a_card_has_the_cards_own_form() {
    let input = |kind: &str, more: Value| {
        let mut input = json!({"type": format!("Input.{kind}"), "id": "x", "label": "X"});
        input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        pending(&adaptive(&json!([input]), &json!([{"type": "Action.Submit", "data": {"a": 1}}])))
    };
    let choices = json!([{"title": "Red", "value": "r"}, {"title": "Blue", "value": "b"}]);
    let from_zero =
        json!([{"title": "1", "value": "0"}, {"title": "2", "value": "1"}, {"title": "3", "value": "2"}]);
    let contrary = json!({"title": "No newsletter, please", "valueOn": "no", "valueOff": "yes"});
    let rows = [
        (input("Text", json!({})), "words", Some(json!("words"))),
        (input("Text", json!({"maxLength": 5})), "words", Some(json!("words"))),
        (input("Text", json!({"maxLength": 4})), "words", None),
        (input("Text", json!({"regex": "^INC[0-9]{7}$"})), "INC0010001", Some(json!("INC0010001"))),
        (input("Text", json!({"regex": "^INC[0-9]{7}$"})), "INC1", None),
        (input("Text", json!({"regex": "(?=ahead)"})), "left to the agent", Some(json!("left to the agent"))),
        (input("Text", json!({"value": "as it stands"})), "_skip_", Some(json!("as it stands"))),
        (input("Number", json!({})), "4", Some(json!(4))),
        (input("Number", json!({})), "4,5", Some(json!(4.5))),
        (input("Number", json!({})), "lots", None),
        (input("Number", json!({"min": 1, "max": 5})), "5", Some(json!(5))),
        (input("Number", json!({"min": 1, "max": 5})), "9", None),
        (input("Number", json!({"min": 1, "max": 5})), "0.5", None),
        (
            input("Date", json!({"min": "2026-01-01", "max": "2026-12-31"})),
            "2026-12-31",
            Some(json!("2026-12-31")),
        ),
        (input("Date", json!({"min": "2026-01-01", "max": "2026-12-31"})), "2027-01-01", None),
        (input("Time", json!({"min": "09:00", "max": "17:00"})), "08:59:00", None),
        (input("Toggle", json!({"isRequired": true})), "no", None),
        (input("Text", json!({})), "_skip_", Some(Value::Null)),
        (input("Text", json!({"isRequired": true})), "_skip_", None),
        (input("Date", json!({})), "2026-02-03", Some(json!("2026-02-03"))),
        (input("Date", json!({})), "2026-02-03 10:00:00", Some(json!("2026-02-03"))),
        (input("Date", json!({})), "tomorrow, please", None),
        (input("Time", json!({})), "09:05:00", Some(json!("09:05"))),
        (input("Time", json!({})), "2026-02-03 10:00:00", Some(json!("10:00"))),
        (input("Time", json!({})), "soon", None),
        (input("Time", json!({})), "not at 10:00", None),
        (input("Date", json!({})), "2026-02-03 or later", None),
        (input("Toggle", json!({"valueOn": "on"})), "Yes", Some(json!("on"))),
        (input("Toggle", json!({})), "false", Some(json!("false"))),
        (input("Toggle", json!({})), "perhaps", None),
        (input("ChoiceSet", json!({"choices": choices})), "blue", Some(json!("b"))),
        (input("ChoiceSet", json!({"choices": choices})), "green please", None),
        (input("ChoiceSet", json!({"choices": []})), "looked up", Some(json!("looked up"))),
        (input("ChoiceSet", json!({"choices": [{"title": "None", "value": ""}]})), "None", Some(json!(""))),
        (
            input("ChoiceSet", json!({"choices": [{"title": "", "value": "v"}, {"value": " "}]})),
            "1",
            Some(json!("v")),
        ),
        (
            input("ChoiceSet", json!({"choices": choices, "isMultiSelect": true})),
            "Red, b",
            Some(json!("r,b")),
        ),
        (
            input(
                "ChoiceSet",
                json!({"choices": [{"title": "A, b", "value": "x"}, {"title": "A", "value": "y"}, {"title": "C", "value": "z"}], "isMultiSelect": true}),
            ),
            "a, B,c, A",
            Some(json!("x,z,y")),
        ),
        (
            input("ChoiceSet", json!({"choices": choices, "isMultiSelect": true})),
            "Red,, and blue",
            Some(json!("r,b")),
        ),
        (input("ChoiceSet", json!({"choices": choices, "isMultiSelect": true})), "Red, green", None),
        (input("Date", json!({})), "5. März 2026", Some(json!("2026-03-05"))),
        (input("Date", json!({"max": "2026-12-31"})), "5.3.2027", None),
        (input("Time", json!({})), "2 pm", Some(json!("14:00"))),
        (input("Time", json!({})), "14 Uhr", Some(json!("14:00"))),
        (input("Toggle", json!({})), "yep", Some(json!("true"))),
        (input("Toggle", json!({"valueOn": "nein"})), "Nein", Some(json!("nein"))),
        (input("ChoiceSet", json!({"choices": choices})), "(2)", Some(json!("b"))),
        // What is pressed, though it reads as another.
        (input("ChoiceSet", json!({"choices": from_zero})), "1", Some(json!("1"))),
        (input("ChoiceSet", json!({"choices": from_zero})), "3", Some(json!("2"))),
        (input("ChoiceSet", json!({"choices": from_zero, "isMultiSelect": true})), "1,2", Some(json!("1,2"))),
        (
            input(
                "ChoiceSet",
                json!({"choices": [{"title": "Bob", "value": "carl"}, {"title": "Ann", "value": "bob"}]}),
            ),
            "bob",
            Some(json!("bob")),
        ),
        (input("Toggle", contrary.clone()), "yes", Some(json!("no"))),
        (input("Toggle", contrary.clone()), "No", Some(json!("yes"))),
        // What stands in an input and is no answer stands there for nobody.
        (input("ChoiceSet", json!({"choices": choices, "value": "none"})), "_skip_", Some(Value::Null)),
        (
            input("ChoiceSet", json!({"choices": choices, "value": "none", "isRequired": true})),
            "_skip_",
            None,
        ),
        (input("Date", json!({"value": "today"})), "_skip_", Some(Value::Null)),
        (input("Number", json!({"value": 0, "min": 1})), "_skip_", Some(Value::Null)),
        (input("Toggle", json!({})), "_skip_", Some(json!("false"))),
        (input("Toggle", json!({"value": "true"})), "_skip_", Some(json!("true"))),
        (input("Toggle", json!({"isRequired": true})), "_skip_", None),
        (input("Toggle", contrary), "_skip_", Some(json!("yes"))),
    ];
    for (pending, text, expected) in rows {
        match (answer(&pending, text, &Words::default()), expected) {
            (Answered::Post(fields), Some(Value::Null)) => {
                assert_eq!(fields["value"], json!({"a": 1}), "{text}")
            }
            (Answered::Post(fields), Some(value)) => {
                assert_eq!(fields["value"], json!({"a": 1, "x": value}), "{text}");
            }
            (Answered::Ask(again), None) => {
                let Pending::Form(first) = &pending else { panic!("{pending:?}") };
                assert_eq!(again.steps, first.steps, "{text}");
                let [complaint, question] = &again.questions(&Words::default())[..] else {
                    panic!("{again:?}")
                };
                assert_eq!(complaint["uiType"], "OutputText", "{text}");
                assert_eq!(Some(question), first.question(&Words::default()).as_ref(), "{text}");
            }
            (answered, expected) => panic!("{text}: {answered:?}, not {expected:?}"),
        }
    }
}

#[test]
fn what_breaks_a_rule_is_told_in_the_cards_own_words_and_asked_until_it_fits() {
    let card = adaptive(
        &json!([{"type": "Input.Number", "id": "n", "label": "How many?", "min": 1, "max": 5, "errorMessage": "One to five."},
            {"type": "Input.Text", "id": "who", "label": "Name", "isRequired": true}]),
        &json!([]),
    );
    let Answered::Ask(again) = answer(&pending(&card), "9", &Words::default()) else {
        panic!("not asked again")
    };
    assert_eq!(again.complaint.as_deref(), Some("One to five."));
    let Answered::Ask(next) = answer(&Pending::Form(again), "3", &Words::default()) else {
        panic!("not taken")
    };
    assert_eq!((next.complaint.as_deref(), next.steps.len()), (None, 1));
    let Answered::Ask(required) = answer(&Pending::Form(next), "_skip_", &Words::default()) else {
        panic!("passed over")
    };
    let Answered::Post(fields) = answer(&Pending::Form(required), "Ada", &Words::default()) else {
        panic!("not submitted")
    };
    assert_eq!(fields["value"], json!({"n": 3, "who": "Ada"}));
}

#[test]
fn several_buttons_are_asked_for_after_the_inputs() {
    let card = adaptive(
        &json!([{"type": "Input.Text", "id": "why", "label": "Why"}]),
        &json!([{"type": "Action.Submit", "title": "Send", "data": {"do": "send"}},
            {"type": "Action.Submit", "title": "Stop", "data": {"do": "stop"}}]),
    );
    let Answered::Ask(form) = answer(&pending(&card), "because", &Words::default()) else {
        panic!("no question")
    };
    let question = form.question(&Words::default()).expect("a question");
    assert_eq!(question["options"].as_array().map(Vec::len), Some(2));
    let Answered::Post(fields) = answer(&Pending::Form(form), "stop", &Words::default()) else {
        panic!("no answer")
    };
    assert_eq!(fields["value"], json!({"do": "stop", "why": "because"}));
}

#[test]
fn a_card_is_asked_for_and_complained_about_in_the_users_language() {
    let texts = Texts::default();
    let german = texts.of(Some("de-AT"));
    let mut card = adaptive(
        &json!([{"type": "Input.Toggle", "id": "t", "title": "VPN?"},
            {"type": "Input.Number", "id": "n", "label": "Wie viele?", "min": 1}]),
        &json!([{"type": "Action.Submit", "data": {}}, {"type": "Action.Submit", "title": "Halt"}]),
    );
    card["type"] = "message".into();
    let said = said(&[activity(card)], &events(), "t", &german);
    let labels = |question: &Value| {
        let options = question["options"].as_array().expect("options");
        options
            .iter()
            .map(|option| option["label"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(labels(&said.elements[0]), ["Ja", "Nein"]);
    let Answered::Ask(number) = answer(&said.pending, "ja", &german) else { panic!("no question") };
    let given = Texts::parse(r#"{"de-AT": {"yes": "Eh klar"}}"#).expect("right");
    let same = Answered::Ask(number.clone());
    assert_eq!(answer(&said.pending, "eh klar", &given.of(Some("de-AT"))), same);
    assert_eq!(number.answers, json!({"t": "true"}).as_object().expect("an object").clone());
    let Answered::Ask(again) = answer(&Pending::Form(number.clone()), "0", &german) else { panic!("taken") };
    assert_eq!(again.complaint.as_deref(), Some("Erlaubt ist mindestens 1."));
    let Answered::Ask(send) = answer(&Pending::Form(number), "2", &german) else { panic!("no question") };
    let question = send.question(&german).expect("a question");
    assert_eq!(
        (&question["label"], labels(&question)),
        (&json!("Bitte auswählen:"), vec!["Senden".to_owned(), "Halt".to_owned()])
    );
}

#[test]
fn a_number_is_read_as_people_write_it() {
    let card = adaptive(&json!([{"type": "Input.Number", "id": "n", "label": "N"}]), &json!([]));
    let written = |json: &str| serde_json::from_str::<Value>(json).expect("JSON");
    let rows = [
        ("+5", Some(json!(5))),
        ("-3", Some(json!(-3))),
        ("−3", Some(json!(-3))),
        ("1,000", Some(json!(1_000))),
        ("1,000.5", Some(json!(1_000.5))),
        ("1.000,5", Some(json!(1_000.5))),
        ("1.000.000", Some(json!(1_000_000))),
        ("1 000", Some(json!(1_000))),
        ("0,125", Some(json!(0.125))),
        ("4,25", Some(json!(4.25))),
        ("1.5", Some(json!(1.5))),
        ("9223372036854775808", Some(json!(9_223_372_036_854_775_808_u64))),
        ("1,2,3", None),
        ("1,00", Some(written("1.00"))),
        ("12345678901234567890124", Some(written("12345678901234567890124"))),
        ("１２", Some(json!(12))),
        ("\u{200f}١٢", Some(json!(12))),
        ("١٬٠٠٠٫٥", Some(json!(1_000.5))),
        ("12。", Some(json!(12))),
        ("12!", Some(json!(12))),
        ("12 or 13", None),
        ("NaN", None),
        ("inf", None),
        ("", None),
    ];
    for (text, number) in rows {
        let read = match answer(&pending(&card), text, &Words::default()) {
            Answered::Post(fields) => Some(fields["value"]["n"].clone()),
            Answered::Ask(_) => None,
        };
        assert_eq!(read, number, "{text}");
    }
}

#[test]
fn stars_are_a_number_up_to_five_unless_the_card_says_otherwise() {
    let card =
        adaptive(&json!([{"type": "Input.Rating", "id": "stars", "label": "How was it?"}]), &json!([]));
    let Answered::Ask(again) = answer(&pending(&card), "7", &Words::default()) else {
        panic!("not asked again")
    };
    let Answered::Post(fields) = answer(&Pending::Form(again), "4", &Words::default()) else {
        panic!("no answer")
    };
    assert_eq!(fields["value"]["stars"], 4);
}

#[test]
fn what_stands_in_inputs_that_nobody_sees_is_submitted_too() {
    let unseen = json!([{"type": "Container", "isVisible": false, "items": [
        {"type": "Input.Text", "id": "ticket", "value": "INC1"}, {"type": "Input.Number", "id": "n", "value": 4}, {"type": "Input.Text", "id": "empty"},
        {"type": "Input.Toggle", "id": "sure?", "valueOff": "0"}]},
        {"type": "TextBlock", "text": "Sure?"}]);
    let submit = json!([{"type": "Action.Submit", "title": "Yes", "data": {"sure": true}}]);
    let Answered::Post(fields) = answer(&pending(&adaptive(&unseen, &submit)), "yes", &Words::default())
    else {
        panic!("no answer")
    };
    assert_eq!(fields["value"], json!({"sure": true, "ticket": "INC1", "n": "4", "sure?": "0"}));
    let mut asks = unseen;
    asks[1] = json!({"type": "Input.Text", "id": "why", "label": "Why?"});
    let Answered::Post(fields) = answer(&pending(&adaptive(&asks, &submit)), "so", &Words::default()) else {
        panic!("no answer")
    };
    assert_eq!(fields["value"], json!({"sure": true, "ticket": "INC1", "n": "4", "sure?": "0", "why": "so"}));
}
