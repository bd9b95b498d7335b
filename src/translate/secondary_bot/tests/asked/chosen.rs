//! How choices are typed.

use super::*;
use crate::translate::secondary_bot::Said;

#[test]
fn what_there_is_to_choose_may_be_named_numbered_or_affirmed() {
    let offered = |labels: &[&str]| {
        let action =
            |label: &&str| json!({"type": "postBack", "title": label, "value": format!("go {label}")});
        let actions = labels.iter().map(action).collect::<Vec<_>>();
        pending(&json!({"text": "Which?", "suggestedActions": {"actions": actions}}))
    };
    let submits = json!([{"type": "Action.Submit", "title": "OK", "data": {"do": "go OK"}},
        {"type": "Action.Submit", "title": "Réserver", "data": {"do": "go Réserver"}}]);
    let name = pending(&adaptive(&json!([{"type": "Input.Text", "id": "n", "label": "N"}]), &submits));
    let Answered::Ask(asks_how) = answer(&name, "Ada", &Words::default()) else { panic!("no question") };
    let asks_how = Pending::Form(asks_how);
    for (pending, text, chosen) in [
        (&offered(&["Café", "Thé"]), "2", "go Thé"),
        (&offered(&["Café", "Thé"]), "the", "go Thé"),
        (&offered(&["Café", "Thé"]), "Thé!", "go Thé"),
        (&offered(&["Yes", "No"]), "yep", "go Yes"),
        (&offered(&["Yes", "No"]), "nope", "go No"),
        (&offered(&["1", "5"]), "2", "2"),
        (&offered(&["1", "5"]), "5", "go 5"),
        (&offered(&["1. Red", "2. Blue"]), "2", "go 2. Blue"),
        (&offered(&["(1) Red", "(2) Blue"]), "2.", "go (2) Blue"),
        (&offered(&["2FA token", "VPN", "Password"]), "2", "go VPN"),
        (&asks_how, "2.", "go Réserver"),
        (&asks_how, "reserver", "go Réserver"),
        (&asks_how, "Réserver.", "go Réserver"),
        (&asks_how, "OK!", "go OK"),
    ] {
        let Answered::Post(fields) = answer(pending, text, &Words::default()) else { panic!("{text}") };
        let said = fields.get("text").unwrap_or_else(|| &fields["value"]["do"]);
        assert_eq!(said, chosen, "{text}");
    }
    let out = json!([{"type": "Action.Submit", "title": "Cancel", "associatedInputs": "none", "data": {"stop": 1}},
        {"type": "Action.Submit", "title": "OK"}]);
    let form = pending(&adaptive(&json!([{"type": "Input.Number", "id": "n", "label": "N"}]), &out));
    let Answered::Post(fields) = answer(&form, "cancel.", &Words::default()) else { panic!("no way out") };
    assert_eq!(fields["value"], json!({"stop": 1}));
    assert!(matches!(answer(&form, "1", &Words::default()), Answered::Ask(_)), "a number is the answer");
}

/// Presses every option of every picker: what each posts.
fn pressed(messages: &[Value]) -> Vec<Value> {
    let message = |message: &Value| {
        let mut message = message.clone();
        message["type"] = "message".into();
        activity(message)
    };
    let said = said(&messages.iter().map(message).collect::<Vec<_>>(), &events(), "t", &Words::default());
    let options = said.elements.iter().filter_map(|element| element["options"].as_array()).flatten();
    let press = |option: &Value| {
        let text = option["value"].as_str().expect("a value");
        let Answered::Post(fields) = answer(&said.pending, text, &Words::default()) else { panic!("{text}") };
        fields.get("value").unwrap_or_else(|| &fields["text"]).clone()
    };
    options.map(press).collect()
}

#[test]
fn what_is_pressed_is_done_whatever_else_has_the_same_title() {
    let order = |item: &str| {
        adaptive(
            &json!([{"type": "TextBlock", "text": item}]),
            &json!([{"type": "Action.Submit", "title": "Order", "data": {"item": item}}]),
        )
    };
    let yes =
        |of: &str| hero(&json!({"buttons": [{"type": "postBack", "title": "Yes", "value": {"of": of}}]}));
    let suggested = |of: &str| json!({"suggestedActions": {"actions": [{"type": "postBack", "title": "Yes", "value": {"of": of}}]}});
    let pick = |of: &str| {
        let card = |nth| {
            json!({"contentType": "application/vnd.microsoft.card.hero", "content": {"title": "Basic", "images": [{"url": "https://example.com/i"}],
                "buttons": [{"type": "messageBack", "title": "Yes", "value": {"of": of, "nth": nth}}]}})
        };
        json!({"attachmentLayout": "carousel", "attachments": [card(0), card(1)]})
    };
    let mut together = order("laptop");
    together["attachments"].as_array_mut().expect("cards").push(order("phone")["attachments"][0].clone());
    let labels = elements(&together).pop().expect("a picker")["options"].clone();
    assert_eq!((&labels[0]["label"], &labels[1]["label"]), (&json!("laptop: Order"), &json!("phone: Order")));
    let of = |of: &str| json!({"of": of});
    for (messages, posted) in [
        (vec![together], vec![json!({"item": "laptop"}), json!({"item": "phone"})]),
        (vec![yes("vpn"), yes("printer")], vec![of("vpn"), of("printer")]),
        (
            vec![suggested("vpn"), yes("printer"), suggested("mail")],
            vec![of("vpn"), of("printer"), of("mail")],
        ),
        (
            vec![pick("a"), pick("b")],
            ["a", "b"].iter().flat_map(|of| [0, 1].map(|nth| json!({"of": of, "nth": nth}))).collect(),
        ),
        (
            vec![
                json!({"suggestedActions": {"actions": [{"type": "imBack", "title": "A", "value": "a (2)"}, {"type": "imBack", "title": "A", "value": "a"}]}}),
                json!({"suggestedActions": {"actions": [{"type": "postBack", "title": "a", "value": {"of": "x"}}]}}),
            ],
            vec![json!("a (2)"), json!("a"), of("x")],
        ),
    ] {
        assert_eq!(pressed(&messages), posted, "{messages:?}");
    }
}

#[test]
fn a_card_and_what_stands_beside_it_are_told_apart_by_what_is_pressed() {
    let red = json!({"suggestedActions": {"actions": [
        {"type": "imBack", "title": "Red", "value": "I like red cars"}, {"type": "imBack", "title": "Yes"}, {"type": "imBack", "title": "Send"}]}});
    let card = |input: Value, more: &Value| {
        let mut card = adaptive(
            &json!([input]),
            &json!([{"type": "Action.Submit", "title": "Send", "data": {"by": "card"}}, {"type": "Action.Submit", "title": "Stop"}]),
        );
        card["suggestedActions"] = more["suggestedActions"].clone();
        pending(&card)
    };
    let toggle = json!({"type": "Input.Toggle", "id": "t", "title": "Fast?"});
    let choices = json!({"type": "Input.ChoiceSet", "id": "c", "choices": [{"title": "Rot", "value": "red"}, {"title": "Send", "value": "send"}]});
    for (input, pressed, answers) in
        [(toggle, "yes", json!({"t": "true"})), (choices, "red", json!({"c": "red"}))]
    {
        let pending = card(input, &red);
        let Answered::Ask(form) = answer(&pending, pressed, &Words::default()) else { panic!("{pressed}") };
        assert_eq!(Value::from(form.answers.clone()), answers);
        let Answered::Post(fields) = answer(&Pending::Form(form), "Send", &Words::default()) else {
            panic!("not sent")
        };
        assert_eq!(fields["value"]["by"], "card");
        let Answered::Post(fields) = answer(&pending, "Red", &Words::default()) else { panic!("no choice") };
        assert_eq!(fields["text"], "I like red cars", "by its label");
    }
    let out = adaptive(
        &json!([{"type": "Input.ChoiceSet", "id": "c", "choices": [{"title": "Cancel", "value": "Cancel"}]}]),
        &json!([{"type": "Action.Submit", "title": "Cancel", "associatedInputs": "none", "data": {"stop": 1}}, {"type": "Action.Submit"}]),
    );
    assert!(matches!(answer(&pending(&out), "Cancel", &Words::default()), Answered::Ask(_)));
}

#[test]
fn what_an_input_offers_is_unlike_what_was_offered_before_it() {
    let offer = |value: &str| json!({"suggestedActions": {"actions": [{"type": "postBack", "title": value, "value": {"k": value}}]}});
    let colours = json!([{"title": "Red car", "value": "red"}, {"title": "Green", "value": "green"}]);
    let choices = |several: bool| {
        adaptive(
            &json!([{"type": "Input.ChoiceSet", "id": "n", "choices": colours, "isMultiSelect": several}]),
            &json!([]),
        )
    };
    let toggle = adaptive(&json!([{"type": "Input.Toggle", "id": "n", "title": "News?"}]), &json!([]));
    let row = |card: &Value| {
        let mut two = card.clone();
        two["attachments"].as_array_mut().expect("cards").push(card["attachments"][0].clone());
        two
    };
    let posted = |value: &str| json!({"n": value});
    let red = || vec![json!({"k": "red"}), posted("red"), posted("green")];
    for (messages, each) in [
        (vec![offer("red"), choices(false)], red()),
        (vec![offer("red"), row(&choices(false))], red()),
        (vec![offer("yes"), toggle.clone()], vec![json!({"k": "yes"}), posted("true"), posted("false")]),
        (vec![toggle, offer("yes")], vec![posted("true"), posted("false"), json!({"k": "yes"})]),
    ] {
        assert_eq!(pressed(&messages), each, "{messages:?}");
    }
    let mut card = choices(true);
    card["type"] = "message".into();
    let said = Said::behind(pending(&offer("red")), None).hearing(
        &[activity(card)],
        &events(),
        "t",
        &Words::default(),
    );
    assert_eq!(said.elements[0]["options"][0]["value"], "red (2)", "{:?}", said.elements);
    for (text, submitted) in [
        ("red (2),green", "red,green"),
        ("green, red (2)", "green,red"),
        ("Red car", "red"),
        ("green", "green"),
    ] {
        let Answered::Post(fields) = answer(&said.pending, text, &Words::default()) else { panic!("{text}") };
        assert_eq!(fields["value"], posted(submitted), "{text}");
    }
}

#[test]
fn thousands_of_one_title_are_told_apart_at_once() {
    let action = json!({"type": "imBack", "title": "A", "value": "a"});
    let many = json!({"suggestedActions": {"actions": vec![action; 5_000]}});
    let options = elements(&many).pop().expect("a picker")["options"].clone();
    let options = options.as_array().expect("options");
    let values: std::collections::HashSet<_> =
        options.iter().map(|option| option["value"].as_str()).collect();
    assert_eq!((values.len(), &options[4_999]["value"]), (5_000, &json!("a (5000)")));
}
