//! Several cards, cards inside cards, and what is no answer to one.

use super::*;
use crate::translate::secondary_bot::{Form, Said};

fn ask(pending: &Pending, text: &str) -> Form {
    match answer(pending, text, &Words::default()) {
        Answered::Ask(form) => form,
        Answered::Post(fields) => panic!("{text}: {fields:?}"),
    }
}

fn posted(pending: &Pending, text: &str) -> Value {
    match answer(pending, text, &Words::default()) {
        Answered::Post(fields) => fields["value"].clone(),
        Answered::Ask(form) => panic!("{text}: {form:?}"),
    }
}

#[test]
fn what_nobody_sees_answers_no_input_and_breaks_no_rule() {
    let submits =
        json!([{"type": "Action.Submit", "title": "OK"}, {"type": "Action.Submit", "title": "Stop"}]);
    let inputs = [
        json!({"type": "Input.Text", "id": "x", "label": "X", "isRequired": true}),
        json!({"type": "Input.Text", "id": "x", "label": "X"}),
        json!({"type": "Input.Text", "id": "x", "label": "X", "value": "as it stands"}),
        json!({"type": "Input.Text", "id": "x", "label": "X", "style": "password"}),
        json!({"type": "Input.Number", "id": "x", "label": "X"}),
        json!({"type": "Input.ChoiceSet", "id": "x", "label": "X", "choices": [{"title": "A", "value": "a"}]}),
    ];
    for input in inputs {
        let first = pending(&adaptive(&json!([input]), &submits));
        for blank in ["", "  ", "\u{a0}", "\u{200b}", "\u{0}\u{feff}"] {
            assert_eq!(Pending::Form(ask(&first, blank)), first, "{input} {blank:?}");
        }
    }
    let name = adaptive(&json!([{"type": "Input.Text", "id": "x", "label": "X"}]), &submits);
    let last = Pending::Form(ask(&pending(&name), "Ada"));
    assert_eq!(Pending::Form(ask(&last, "\u{200b}")), last);
    let blank = json!([{"type": "Input.Text", "id": "x", "label": "X", "value": " ", "isRequired": true}]);
    assert!(ask(&pending(&adaptive(&blank, &submits)), "_skip_").complaint.is_some());
}

#[test]
fn a_card_inside_a_card_is_one_more_thing_to_choose_and_asked_when_it_is_chosen() {
    let reject = json!({"type": "Action.ShowCard", "title": "Reject", "card": {"body": [
        {"type": "TextBlock", "text": "Tell her."}, {"type": "Input.Text", "id": "why", "label": "Why?", "isRequired": true}],
        "actions": [{"type": "Action.Submit", "title": "OK", "data": {"verdict": "reject"}}]}});
    let approve = json!({"type": "Action.Submit", "title": "Approve", "data": {"verdict": "approve"}});
    let unseen = json!({"type": "Input.Text", "id": "n", "value": "7", "isVisible": false});
    let bare = adaptive(&json!([{"type": "TextBlock", "text": "40 EUR"}, unseen]), &json!([approve, reject]));
    let shown = elements(&bare);
    assert_eq!((shown.len(), &shown[1]["options"][1]["label"]), (2, &json!("Reject")));
    assert_eq!(posted(&pending(&bare), "approve"), json!({"verdict": "approve", "n": "7"}));
    let why = ask(&pending(&bare), "2");
    let said = why.questions(&Words::default());
    assert_eq!((&said[0]["value"], &said[1]["label"]), (&json!("Tell her."), &json!("Why?")));
    let again = ask(&Pending::Form(why.clone()), "_skip_").questions(&Words::default());
    assert_eq!((again.len(), &again[1]["label"]), (2, &json!("Why?")));
    let rejected = posted(&Pending::Form(why), "too much");
    assert_eq!(rejected, json!({"verdict": "reject", "n": "7", "why": "too much"}));

    let note = json!({"type": "Input.Text", "id": "note", "label": "Note"});
    let noted = Pending::Form(ask(&pending(&adaptive(&json!([note]), &json!([approve, reject]))), "late"));
    assert_eq!(posted(&noted, "Approve"), json!({"verdict": "approve", "note": "late"}));
    let why = Pending::Form(ask(&noted, "reject"));
    assert_eq!(posted(&why, "so"), json!({"verdict": "reject", "note": "late", "why": "so"}));

    let sure = json!({"type": "Action.ShowCard", "title": "Delete", "card": {"actions": [
        {"type": "Action.Submit", "title": "Really", "data": {"gone": 1}}]}});
    let really = Pending::Form(ask(&pending(&adaptive(&json!([]), &json!([sure]))), "delete"));
    let question = really.form().and_then(|form| form.question(&Words::default()));
    assert_eq!(question.expect("a question")["options"][0]["label"], "Really");
    assert_eq!(posted(&really, "really"), json!({"gone": 1}));
    let details = json!({"type": "Action.ShowCard", "title": "Details", "card": {"body": [
        {"type": "TextBlock", "text": "Blue"}]}});
    let details = adaptive(&json!([{"type": "TextBlock", "text": "A car"}]), &json!([details]));
    assert_eq!(
        (pending(&details), elements(&details)[2]["value"].clone()),
        (Pending::Nothing, json!("Blue"))
    );
}

#[test]
fn cards_that_come_together_are_asked_in_a_row_and_submitted_each_on_its_own() {
    let card = |id: &str| {
        adaptive(
            &json!([{"type": "Input.Text", "id": id, "label": id}]),
            &json!([{"type": "Action.Submit", "data": {"of": id}}]),
        )
    };
    let mut together = card("name");
    together["attachments"].as_array_mut().expect("cards").push(card("mail")["attachments"][0].clone());
    let choice = json!({"text": "Or?", "suggestedActions": {"actions": [{"type": "imBack", "title": "Help", "value": "help me"}]}});
    let turn = |messages: &[&Value]| {
        let message = |message: &&Value| {
            let mut message = (*message).clone();
            message["type"] = "message".into();
            activity(message)
        };
        said(&messages.iter().map(message).collect::<Vec<_>>(), &events(), "t", &Words::default())
    };
    for messages in [&[&together, &choice][..], &[&card("name"), &choice, &card("mail")]] {
        let said = turn(messages);
        let labels = said.elements.iter().filter(|one| one["uiType"] == "InputText").map(|one| &one["label"]);
        assert_eq!(labels.collect::<Vec<_>>(), ["name"]);
        assert_eq!(posted(&said.pending, "Ada"), json!({"of": "name", "name": "Ada"}));
        let Answered::Post(help) = answer(&said.pending, "help", &Words::default()) else {
            panic!("no choice")
        };
        assert_eq!(help["text"], "help me");
        let next = said.pending.form().and_then(Form::next).expect("another card");
        for (answered, asks) in [(turn(&[&json!({"text": "Thanks"})]), 2), (turn(&[&card("more")]), 1)] {
            let mut answered = answered;
            answered.goes_on(next.clone(), "t.next", &Words::default());
            assert_eq!(answered.elements.len(), asks);
            let form = answered.pending.form().expect("a form");
            assert_eq!(form.then.is_empty(), asks == 2, "the agent's own question is first");
            if asks == 2 {
                assert_eq!(answered.elements[1]["label"], "mail");
                assert_eq!(
                    posted(&answered.pending, "a@b.example"),
                    json!({"of": "mail", "mail": "a@b.example"})
                );
            }
        }
        let mut over = turn(&[&json!({"text": "Bye"})]);
        over.completed = true;
        over.goes_on(next, "t.next", &Words::default());
        assert_eq!(over.pending, Pending::Nothing);
    }
}

#[test]
fn choices_stand_beside_a_card_whichever_message_brings_them_and_a_card_of_buttons_has_its_turn() {
    let turn = |messages: &[Value]| {
        let message = |message: &Value| {
            let mut message = message.clone();
            message["type"] = "message".into();
            activity(message)
        };
        said(&messages.iter().map(message).collect::<Vec<_>>(), &events(), "t", &Words::default()).pending
    };
    let buttons = |title: &str| json!([{"type": "Action.Submit", "title": title, "data": {"did": title}}]);
    let input = |style: &str| {
        adaptive(&json!([{"type": "Input.Text", "id": "x", "label": "X", "style": style}]), &buttons("Send"))
    };
    let choice = json!({"text": "Continue?", "suggestedActions": {"actions": [{"type": "imBack", "title": "Yes", "value": "yes please"}]}});
    for messages in [[choice.clone(), input("text")], [input("password"), choice]] {
        let Answered::Post(yes) = answer(&turn(&messages), "Yes", &Words::default()) else {
            panic!("{messages:?}")
        };
        assert_eq!(yes["text"], "yes please");
    }
    let show = json!([{"type": "Action.ShowCard", "title": "Open", "card": {
        "body": [{"type": "Input.Text", "id": "n", "label": "N"}], "actions": buttons("OK")}}]);
    let opener = adaptive(&json!([]), &show);
    let mut together = opener.clone();
    together["attachments"].as_array_mut().expect("cards").push(input("password")["attachments"][0].clone());
    for (asked, is_seen) in [(turn(&[together]), false), (turn(&[opener, input("password")]), true)] {
        let inner = Pending::Form(ask(&asked, "Open"));
        assert_eq!(
            inner.is_secret(),
            is_seen,
            "what is typed may be the password that is asked for beside it"
        );
        assert_eq!(posted(&inner, "Bob"), json!({"did": "OK", "n": "Bob"}));
        let next = inner.form().and_then(Form::next).expect("the card behind it");
        assert!(next.is_secret());
    }
    let mut agree = adaptive(&json!([]), &buttons("Agree"));
    agree["attachments"].as_array_mut().expect("cards").push(input("text")["attachments"][0].clone());
    let asked = turn(&[agree]);
    assert_eq!(posted(&asked, "agree"), json!({"did": "Agree"}));
    assert!(asked.form().and_then(Form::next).is_some_and(|next| next.steps.len() == 1));
}

#[test]
fn a_button_says_which_one_it_is_stands_for_another_or_can_not_be_pressed() {
    let execute = |title: &str, verb: &str| json!({"type": "Action.Execute", "title": title, "verb": verb});
    let verbs = json!([execute("Approve", "approve"), execute("Reject", "reject"),
        {"type": "Action.Execute", "title": "Ask", "verb": "ask", "data": {"verb": "own", "n": 1}},
        {"type": "Action.Execute", "title": "Next", "verb": "next", "data": null},
        {"type": "Action.Execute", "title": "Last", "verb": "last", "data": "of all"},
        {"type": "Action.Submit", "title": "None", "data": null}]);
    let bare = pending(&adaptive(&json!([]), &verbs));
    assert_eq!(posted(&bare, "Reject"), json!({"verb": "reject"}));
    assert_eq!(posted(&bare, "Ask"), json!({"verb": "own", "n": 1}));
    assert_eq!(posted(&bare, "Next"), json!({"verb": "next"}));
    assert_eq!(posted(&bare, "Last"), json!({"verb": "last", "data": "of all"}));
    assert_eq!(posted(&bare, "None"), json!({}));
    let why = pending(&adaptive(&json!([{"type": "Input.Text", "id": "why"}]), &verbs));
    let how = Pending::Form(ask(&why, "because"));
    assert_eq!(posted(&how, "Approve"), json!({"verb": "approve", "why": "because"}));

    let ok = json!({"type": "Action.Submit", "title": "Approve", "data": {"ok": 1}});
    let instead = json!({"type": "Action.Popover", "title": "Approve", "fallback": ok});
    assert_eq!(posted(&pending(&adaptive(&json!([]), &json!([instead]))), "Approve"), json!({"ok": 1}));
    let fancy = json!({"type": "Input.Fancy", "id": "x", "fallback": {"type": "Input.Date", "id": "d", "label": "When?"}});
    assert_eq!(elements(&adaptive(&json!([fancy]), &json!([])))[0]["uiType"], "Date");
    let needs = json!({"type": "TextBlock", "text": "here", "requires": {"teams": "1.0"}, "fallback": {"type": "TextBlock", "text": "elsewhere"}});
    assert_eq!(elements(&adaptive(&json!([needs]), &json!([])))[0]["value"], "elsewhere");

    let off = json!({"type": "Action.Submit", "title": "Later", "isEnabled": false});
    let options =
        elements(&adaptive(&json!([]), &json!([ok, off]))).pop().expect("a picker")["options"].clone();
    assert_eq!(options.as_array().map(Vec::len), Some(1));
    let looked_up = json!({"type": "Input.ChoiceSet", "id": "c", "label": "Who?", "style": "filtered", "choices.data": {"dataset": "people"}});
    assert_eq!(elements(&adaptive(&json!([looked_up]), &json!([])))[0]["uiType"], "InputText");
}

#[test]
fn what_comes_unasked_leaves_what_was_asked_open() {
    let turn = |before: Pending, message: &Value| {
        let mut message = message.clone();
        message["type"] = "message".into();
        Said::behind(before, None).hearing(&[activity(message)], &events(), "t", &Words::default())
    };
    let offer = |of: &str| json!({"text": "Go on?", "suggestedActions": {"actions": [{"type": "postBack", "title": "Yes", "value": {"of": of}}]}});
    let card = |id: &str| adaptive(&json!([{"type": "Input.Text", "id": id, "label": id}]), &json!([]));
    let both = turn(pending(&offer("first")), &offer("second")).pending;
    assert_eq!(posted(&both, "Yes"), json!({"of": "first"}));
    assert_eq!(posted(&both, "Yes (2)"), json!({"of": "second"}));
    assert_eq!(posted(&both, "1"), json!({"of": "second"}), "what was offered last is counted");
    assert_eq!(turn(both.clone(), &json!({"text": "Hm"})).pending, both);
    let filled = turn(pending(&card("name")), &offer("second")).pending;
    assert_eq!(posted(&filled, "Ada"), json!({"name": "Ada"}));
    assert_eq!(posted(&filled, "yes"), json!({"of": "second"}));
    let row = turn(pending(&card("name")), &card("mail"));
    assert!(row.elements.is_empty(), "asked once the first is answered: {:?}", row.elements);
    assert_eq!(posted(&row.pending, "Ada"), json!({"name": "Ada"}));
    assert!(row.pending.form().and_then(Form::next).is_some_and(|next| next.steps[0].id == "mail"));
    let beside = turn(pending(&offer("first")), &card("name")).pending;
    assert_eq!(posted(&beside, "Yes"), json!({"of": "first"}));
    assert_eq!(posted(&beside, "Ada"), json!({"name": "Ada"}));
}
