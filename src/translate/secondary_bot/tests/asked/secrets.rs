//! Questions whose answer nobody may see.

use super::*;
use crate::translate::secondary_bot::answer::Typed;

#[test]
fn a_secret_is_asked_last_and_known_as_one() {
    let card = adaptive(
        &json!([{"type": "Input.Text", "id": "pin", "label": "PIN", "style": "password"},
            {"type": "Input.Text", "id": "name", "label": "Name"}]),
        &json!([]),
    );
    let first = pending(&card);
    assert!(!first.is_secret());
    let Answered::Ask(form) = answer(&first, "Ada", &Words::default()) else { panic!("no question") };
    let second = Pending::Form(form);
    assert!(second.is_secret());
    let Answered::Post(fields) = answer(&second, "1234", &Words::default()) else { panic!("no answer") };
    assert_eq!(fields["value"], json!({"name": "Ada", "pin": "1234"}));
}

#[test]
fn several_secrets_are_asked_one_after_the_other_and_none_is_in_what_is_stored() {
    let password = |id: &str| json!({"type": "Input.Text", "id": id, "label": id, "style": "password"});
    let card = adaptive(
        &json!([password("old"), {"type": "Input.Text", "id": "name"}, password("new")]),
        &json!([]),
    );
    let ask = |pending: &Pending, text: &str| {
        let name = format!("kept-{text}");
        match answer(pending, Typed { text, name: Some(&name), held: &[] }, &Words::default()) {
            Answered::Ask(form) => Pending::Form(form),
            Answered::Post(fields) => panic!("{fields:?}"),
        }
    };
    let first = ask(&pending(&card), "Ada");
    let second = ask(&first, "1234");
    assert!(first.is_secret() && second.is_secret());
    assert_eq!(second.held().collect::<Vec<_>>(), ["kept-1234"]);
    let Pending::Form(form) = &second else { panic!("no form") };
    assert_eq!(Pending::Form(form.without_secrets()), first);
    let stored = serde_json::to_string(&second).expect("JSON").replace("kept-1234", "");
    assert!(!stored.contains("1234"), "{stored}");
    let last = Typed { text: "5678", name: Some("n"), held: &["1234".into()] };
    let Answered::Post(fields) = answer(&second, last, &Words::default()) else { panic!("no answer") };
    assert_eq!(fields["value"], json!({"name": "Ada", "old": "1234", "new": "5678"}));
}

#[test]
fn a_cards_way_out_is_open_at_every_question_and_takes_no_answers_along() {
    let card = |style: &str| {
        adaptive(
            &json!([{"type": "Input.Number", "id": "n", "label": "How many?", "isRequired": true},
                {"type": "Input.Text", "id": "why", "label": "Why?", "style": style}]),
            &json!([{"type": "Action.Submit", "title": "Cancel", "associatedInputs": "none", "data": {"stop": 1}},
                {"type": "Action.Submit", "title": "Send"}]),
        )
    };
    let out = |pending: &Pending| {
        let Answered::Post(fields) = answer(pending, "cancel", &Words::default()) else {
            panic!("no way out")
        };
        assert_eq!(fields["value"], json!({"stop": 1}));
    };
    for (style, asks_how) in [("text", true), ("password", false)] {
        let first = pending(&card(style));
        out(&first);
        let Answered::Ask(second) = answer(&first, "3", &Words::default()) else { panic!("no question") };
        let second = Pending::Form(second);
        out(&second);
        match answer(&second, "because", &Words::default()) {
            Answered::Ask(how) if asks_how => {
                let how = Pending::Form(how);
                out(&how);
                let Answered::Post(fields) = answer(&how, "send", &Words::default()) else {
                    panic!("not sent")
                };
                assert_eq!(fields["value"], json!({"n": 3, "why": "because"}));
            }
            Answered::Post(fields) if !asks_how => {
                assert_eq!(
                    fields["value"],
                    json!({"n": 3, "why": "because"}),
                    "a secret waits for no other question"
                );
            }
            other => panic!("{style}: {other:?}"),
        }
        let kept = serde_json::to_value(&first).expect("JSON");
        assert_eq!(serde_json::from_value::<Pending>(kept).expect("read"), first);
    }
}

#[test]
fn what_is_asked_behind_a_secret_does_not_take_its_place_and_can_be_chosen_all_the_same() {
    let card = adaptive(
        &json!([{"type": "Input.Text", "id": "pin", "label": "PIN", "style": "password"}]),
        &json!([]),
    );
    let buttons = json!({"text": "Or?", "suggestedActions": {"actions": [
        {"type": "imBack", "title": "Forgot it", "value": "I forgot my PIN"}]}});
    let plain = adaptive(&json!([{"type": "Input.Text", "id": "name", "label": "Name"}]), &json!([]));
    let asked = |messages: &[&Value]| {
        let message = |message: &&Value| {
            let mut message = (*message).clone();
            message["type"] = "message".into();
            activity(message)
        };
        said(&messages.iter().map(message).collect::<Vec<_>>(), &events(), "t", &Words::default()).pending
    };
    let mut at_once = card.clone();
    at_once["suggestedActions"] = buttons["suggestedActions"].clone();
    for pending in
        [asked(&[&card, &buttons]), asked(&[&at_once]), asked(&[&buttons]).behind(&asked(&[&card]))]
    {
        assert!(pending.is_secret(), "{pending:?}");
        let Answered::Post(fields) = answer(&pending, "1234", &Words::default()) else { panic!("no answer") };
        assert_eq!(fields["value"], json!({"pin": "1234"}));
        let Answered::Post(fields) = answer(&pending, "forgot it", &Words::default()) else {
            panic!("no choice")
        };
        assert_eq!(fields["text"], "I forgot my PIN");
    }
    assert!(asked(&[&card, &plain]).is_secret() && asked(&[&plain]).behind(&asked(&[&card])).is_secret());
    let waits = asked(&[&plain, &card]);
    let Pending::Form(first) = &waits else { panic!("no form") };
    assert!(!waits.is_secret() && first.will_be_secret() && first.next().is_some_and(|pin| pin.is_secret()));
}

#[test]
fn how_a_card_with_a_secret_is_sent_is_asked_before_the_secret() {
    let password = |id: &str| json!({"type": "Input.Text", "id": id, "label": id, "style": "password"});
    let submit = |title: &str| json!({"type": "Action.Submit", "title": title, "data": {"do": title}});
    let inner = json!({"type": "Action.ShowCard", "title": "With a code", "card": {
        "body": [password("code"), {"type": "Input.Text", "id": "place", "label": "Place"}], "actions": [submit("Go"), submit("Stay")]}});
    let card = adaptive(
        &json!([password("pin"), {"type": "Input.Text", "id": "name", "label": "Name"}]),
        &json!([submit("Sign in"), submit("Register"), inner,
            {"type": "Action.Submit", "title": "Cancel", "associatedInputs": "none", "data": {"stop": 1}}]),
    );
    let next = |pending: &Pending, text: &str| match answer(pending, text, &Words::default()) {
        Answered::Ask(form) => Pending::Form(form),
        Answered::Post(fields) => panic!("{fields:?}"),
    };
    let value = |pending: &Pending, typed: Typed<'_>| match answer(pending, typed, &Words::default()) {
        Answered::Post(fields) => fields["value"].clone(),
        Answered::Ask(form) => panic!("{form:?}"),
    };
    let question = |pending: &Pending| pending.form().and_then(|form| form.question(&Words::default()));
    let how = next(&pending(&card), "Ada");
    assert!(!how.is_secret());
    assert_eq!(question(&how).expect("a question")["options"].as_array().map(Vec::len), Some(4));
    assert_eq!(value(&how, "4".into()), json!({"stop": 1}), "without the secret");
    let no_choice = next(&how, "what?");
    assert!(no_choice.form().is_some_and(|form| form.asks_how() && form.complaint.is_some()));
    let pin = next(&how, "Register");
    assert!(pin.is_secret() && question(&pin).expect("a question")["maskType"] == "SECURE");
    assert_eq!(value(&pin, "12".into()), json!({"do": "Register", "name": "Ada", "pin": "12"}));

    let place = next(&how, "With a code");
    assert!(!place.is_secret());
    let code = next(&next(&place, "Rome"), "Go");
    assert!(code.is_secret());
    let Answered::Ask(pin) =
        answer(&code, Typed { text: "34", name: Some("kept"), held: &[] }, &Words::default())
    else {
        panic!("the secret of the card around it is not asked for")
    };
    let last = Typed { text: "12", name: Some("n"), held: &["34".into()] };
    let whole = json!({"do": "Go", "name": "Ada", "place": "Rome", "code": "34", "pin": "12"});
    assert_eq!(value(&Pending::Form(pin), last), whole);
}
