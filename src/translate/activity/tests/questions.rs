//! What the user is asked.

use super::*;
use crate::translate::texts::Texts;

fn send(question: &str) -> Value {
    json!({"type": "Action.Submit", "title": "Send", "data": {"serviceNowQuestion": question}})
}

fn skip() -> Value {
    json!({"type": "Action.Submit", "title": "Skip", "data": {"serviceNowAnswer": "_skip_"},
        "associatedInputs": "none"})
}

#[test]
fn a_handful_of_choices_are_buttons_that_stay() {
    let buttons = (0..6).map(|at| button(&format!("Option {at}"), &format!("v{at}"))).collect::<Vec<_>>();
    let expected = Rendered { attachments: vec![offers(&buttons)], ..asked("Which?") };
    assert_eq!(shown(&Control::Choice(picker(6))), expected);
    let optional = Choice { optional: true, ..picker(1) };
    let expected = Rendered {
        attachments: vec![offers(&[button("Option 0", "v0"), button("Skip", "_skip_")])],
        ..asked("Which?")
    };
    assert_eq!(shown(&Control::Choice(optional)), expected);
}

#[test]
fn a_yes_or_no_without_labels_is_asked_in_the_readers_language() {
    let texts = Texts::default();
    let instance = Url::parse("https://acme.example.com").expect("a URL");
    let german = RenderContext { words: texts.of(Some("de-AT")), ..RenderContext::unlinked(&instance) };
    let asked = |items: &[(&str, &str)], several| {
        let item = |(label, value): &(&str, &str)| Item {
            label: (*label).to_owned(),
            value: (*value).to_owned(),
            ..Item::default()
        };
        let items = items.iter().map(item).collect();
        let choice = Choice { kind: ChoiceKind::Boolean, items, several, ..Choice::default() };
        render(&Control::Choice(choice), &german).attachments
    };
    let buttons = |words: [(&str, &str); 2]| vec![offers(&words.map(|(label, value)| button(label, value)))];
    assert_eq!(asked(&[], false), buttons([("Ja", "yes"), ("Nein", "no")]));
    assert_eq!(
        asked(&[("true", "true"), ("false", "false")], false),
        buttons([("Ja", "true"), ("Nein", "false")])
    );
    assert_eq!(
        asked(&[("Yes", "yes"), ("Nope", "Nope")], false),
        buttons([("Yes", "yes"), ("Nope", "Nope")])
    );
    assert_eq!(asked(&[("yes", "yes")], true)[0]["content"]["body"][0]["choices"][0]["title"], "Ja");
}

#[test]
fn more_choices_are_a_list() {
    let many = shown(&Control::Choice(Choice { optional: true, ..picker(7) }));
    let choices = (0..7).map(|at| json!({"title": format!("Option {at}"), "value": format!("v{at}")}));
    let input = json!({"type": "Input.ChoiceSet", "id": "answer", "label": "Please choose:", "isRequired": true,
        "errorMessage": "Please choose:", "isMultiSelect": false, "style": "compact", "wrap": true, "placeholder": "Choose one",
        "choices": choices.collect::<Vec<_>>()});
    let card = adaptive(
        json!({"body": [input], "actions": [send("one"), skip()], "fallbackText": "Please choose:"}),
    );
    assert_eq!(many, Rendered { attachments: vec![card], ..asked("Which?") });
}

#[test]
fn several_choices_are_ticked_in_a_card() {
    let choice = Choice { several: true, items: items(&["a"]), prompt: None, ..Choice::default() };
    let choice =
        Choice { items: vec![Item { value: "x,y".to_owned(), ..choice.items[0].clone() }], ..choice };
    let input = json!({"type": "Input.ChoiceSet", "id": "answer", "label": "Please choose:", "isRequired": true,
        "errorMessage": "Please choose:", "isMultiSelect": true, "style": "expanded", "wrap": true,
        "choices": [{"title": "a", "value": "x%2Cy"}]});
    let card =
        adaptive(json!({"body": [input], "actions": [send("several")], "fallbackText": "Please choose:"}));
    assert_eq!(shown(&Control::Choice(choice)), Rendered { attachments: vec![card], ..asked("") });
}

#[test]
fn pictures_of_several_choices_stand_over_what_is_ticked() {
    let picture = |label: &str, url: Option<&str>| Item {
        label: label.to_owned(),
        image: url.map(str::to_owned),
        ..Item::default()
    };
    let items = vec![picture("Cat*", Some("https://a.example/1.png")), picture("Dog", None)];
    let asked = shown(&Control::Choice(Choice { several: true, items, ..picker(0) }));
    let body = &asked.attachments[0]["content"]["body"];
    let image =
        json!({"type": "Image", "url": "https://a.example/1.png", "altText": "Cat*", "size": "Small"});
    assert_eq!(body[0]["columns"][0]["items"], json!([image]));
    assert_eq!(body[0]["columns"][1]["items"], json!([block("Cat\\*")]));
    assert_eq!((&body[1]["type"], &body[2]), (&json!("Input.ChoiceSet"), &Value::Null));
}

#[test]
fn what_is_chosen_hidden_or_only_told_is_named_sign_for_sign() {
    let items =
        || ["__init__.py", "2. Second"].map(|label| Item { label: label.to_owned(), ..Item::default() });
    let choice = Control::Choice(Choice { items: items().into(), ..Choice::default() });
    let (prompt, hides) = (Some("*Which*?".to_owned()), Some(Box::new(choice)));
    let hidden =
        shown(&Control::TextInput(TextInput { prompt, mask: Mask::Secure, hides, ..TextInput::default() }));
    assert_eq!(hidden.text.as_deref(), Some("*Which*?\n\n\\_\\_init\\_\\_.py\n\n2\\. Second"));
    let told = Choice { items: items().into(), optional: true, ..picker(0) };
    let told = shown(&Control::Choice(told).only_told());
    assert_eq!(told, self::told("Which?\n\n\\_\\_init\\_\\_.py\n\n2\\. Second"));
    let upload = Upload { prompt: Some("File?".to_owned()), max_count: Some(2), ..Upload::default() };
    let told = shown(&Control::Upload(upload).only_told());
    assert_eq!(told.input_hint, Some("acceptingInput"));
    assert!(
        told.text.as_ref().is_some_and(|text| text.starts_with("File?\n\n") && text.contains('2')),
        "{told:?}"
    );
}

#[test]
fn pictures_are_a_carousel_and_descriptions_are_told() {
    let item = Item {
        label: "Cat".to_owned(),
        value: "c".to_owned(),
        description: Some("purrs".to_owned()),
        image: Some("https://a.example/1.png".to_owned()),
    };
    let pictures = Choice { look: ChoiceLook::Pictures, items: vec![item.clone()], ..picker(0) };
    let hero = json!({"contentType": "application/vnd.microsoft.card.hero", "content": {
        "title": "Cat", "text": "purrs", "images": [{"url": "https://a.example/1.png", "alt": "Cat"}],
        "buttons": [button("Cat", "c")]}});
    let expected = Rendered {
        attachments: vec![hero],
        attachment_layout: Some("carousel".to_owned()),
        ..asked("Which?")
    };
    assert_eq!(shown(&Control::Choice(pictures)), expected);
    let plain = Choice { items: vec![Item { image: None, ..item }], ..picker(0) };
    let expected =
        Rendered { attachments: vec![offers(&[button("Cat", "c")])], ..asked("Which?\n\n- **Cat**: purrs") };
    assert_eq!(shown(&Control::Choice(plain)), expected);
}

#[test]
fn inputs_ask_in_their_own_way() {
    let input = |mask, optional| {
        shown(&Control::TextInput(TextInput { prompt: Some("Say".to_owned()), mask, optional, hides: None }))
    };
    assert_eq!(input(Mask::None, false), asked("Say"));
    let skippable = Rendered { attachments: vec![offers(&[button("Skip", "_skip_")])], ..asked("Say") };
    assert_eq!(input(Mask::None, true), skippable);
    let silent = shown(&Control::TextInput(TextInput::default()));
    assert_eq!(silent, asked("Please enter an answer."));
    let hint = "Your answer stays hidden";
    let password = json!({"type": "Input.Text", "id": "answer", "label": hint, "style": "Password",
        "isRequired": true, "errorMessage": hint});
    let card =
        adaptive(json!({"body": [password], "actions": [send("secret"), skip()], "fallbackText": hint}));
    assert_eq!(input(Mask::Secure, true), Rendered { attachments: vec![card], ..asked("Say") });

    let moment = |kind| {
        let rendered =
            shown(&Control::Moment(Moment { kind, prompt: Some("When?".to_owned()), optional: false }));
        assert_eq!(rendered.text.as_deref(), Some("When?"));
        rendered.attachments[0]["content"].clone()
    };
    let field = |kind: &str, id: &str, label: &str| json!({"type": kind, "id": id, "label": label, "isRequired": true, "errorMessage": label});
    let (date, time) = (field("Input.Date", "date", "Date"), field("Input.Time", "time", "Time"));
    assert_eq!(moment(MomentKind::Date)["body"], json!([date]));
    assert_eq!(moment(MomentKind::Time)["body"], json!([time]));
    assert_eq!(moment(MomentKind::DateTime)["body"], json!([date, time]));
    assert_eq!(moment(MomentKind::DateTime)["actions"], json!([send("date_time")]));
}

#[test]
fn an_upload_tells_its_limits() {
    let upload = |max_count, max_megabytes| {
        let upload =
            Upload { prompt: Some("File?".to_owned()), max_count, max_megabytes, ..Upload::default() };
        shown(&Control::Upload(upload))
    };
    assert_eq!(upload(Some(3), Some(5)), asked("File?\n\n(number of files: 3 at most, 5 MB each at most)"));
    assert_eq!(upload(Some(1), None), asked("File?\n\n(number of files: 1 at most)"));
    assert_eq!(upload(None, None), asked("File?"));
    let bare = Upload { optional: true, ..Upload::default() };
    let expected =
        Rendered { attachments: vec![offers(&[button("Skip", "_skip_")])], ..asked("Please send a file.") };
    assert_eq!(shown(&Control::Upload(bare)), expected);
}
