//! Elements that ask something.

use super::*;

#[test]
fn a_choice_is_named_without_its_tags_and_means_what_it_meant() {
    let options = json!([{"label": "<b>Reset</b> it", "value": "<b>r</b>"}, "<i>x</i>", "Plan <x> end"]);
    let picker = shown(json!({"uiType": "Picker", "label": "?", "options": options}));
    let Control::Choice(Choice { items, .. }) = picker else { panic!("{picker:?}") };
    let named = items.iter().map(|item| (item.label.as_str(), item.value.as_str())).collect::<Vec<_>>();
    assert_eq!(named, [("Reset it", "<b>r</b>"), ("x", "<i>x</i>"), ("Plan <x> end", "Plan <x> end")]);
}

#[test]
fn questions_become_controls() {
    let picture = |label: &str| Option_ {
        description: some("about"),
        image: some("https://a.example/1.png"),
        ..option(label, "v")
    };
    for (element, control) in [
        (
            json!({"uiType": "Picker", "required": true, "label": "Which?", "itemType": "List", "style": "list",
                "multiSelect": "true", "options": [{"label": "One", "value": "1", "enabled": false},
                    {"label": "Two"}, {"value": 3}, {}, "four"], "scriptedData": null}),
            Control::Choice(Choice {
                prompt: some("Which?"),
                items: vec![
                    option("One", "1"),
                    option("Two", "Two"),
                    option("3", "3"),
                    option("four", "four"),
                ],
                several: true,
                ..Choice::default()
            }),
        ),
        (
            json!({"uiType": "Picker", "label": "Pic?", "itemType": "Picture", "style": "carousel", "required": false,
                "options": [{"label": "a", "description": "about", "attachment": "https://a.example/1.png",
                    "value": "v"}]}),
            Control::Choice(Choice {
                prompt: some("Pic?"),
                items: vec![picture("a")],
                look: ChoiceLook::Pictures,
                optional: true,
                ..Choice::default()
            }),
        ),
        (
            json!({"uiType": "TopicPickerControl", "promptMsg": "Hi guest", "label": "Show all", "style": "button",
                "options": [{"label": "b2b", "value": "2bb7"}],
                "scriptedData": {"cardName": "Card", "cardData": "{\"title\":\"Beside\"}"}}),
            Control::Choice(Choice {
                kind: ChoiceKind::Topic,
                prompt: some("Hi guest\n\nShow all"),
                items: vec![option("b2b", "2bb7")],
                look: ChoiceLook::Buttons,
                card: Some(Card { title: some("Beside"), ..Card::default() }),
                ..Choice::default()
            }),
        ),
        (
            json!({"uiType": "Boolean", "required": true, "label": "Sure?", "options": [{"label": "Yes"}, {"label": "No"}]}),
            Control::Choice(Choice {
                kind: ChoiceKind::Boolean,
                prompt: some("Sure?"),
                items: vec![option("Yes", "Yes"), option("No", "No")],
                ..Choice::default()
            }),
        ),
        (
            json!({"uiType": "Boolean", "required": false, "label": "Sure?", "options": []}),
            Control::Choice(Choice {
                kind: ChoiceKind::Boolean,
                prompt: some("Sure?"),
                optional: true,
                ..Choice::default()
            }),
        ),
        (
            json!({"uiType": "InputText", "required": "false", "label": "Say", "maskType": "SECURE"}),
            Control::TextInput(TextInput {
                prompt: some("Say"),
                mask: Mask::Secure,
                optional: true,
                hides: None,
            }),
        ),
        (
            json!({"uiType": "InputText", "label": "Say", "maskType": "sensitive"}),
            Control::TextInput(TextInput {
                prompt: some("Say"),
                mask: Mask::Sensitive,
                optional: false,
                hides: None,
            }),
        ),
        (
            json!({"uiType": "InputText", "label": "Say", "maskType": "NEW_KIND"}),
            Control::TextInput(TextInput {
                prompt: some("Say"),
                mask: Mask::Secure,
                optional: false,
                hides: None,
            }),
        ),
        (
            json!({"uiType": "Date", "label": "When?"}),
            Control::Moment(Moment { kind: MomentKind::Date, prompt: some("When?"), optional: false }),
        ),
        (
            json!({"uiType": "Time", "label": "When?"}),
            Control::Moment(Moment { kind: MomentKind::Time, prompt: some("When?"), optional: false }),
        ),
        (
            json!({"uiType": "DateTime", "required": false}),
            Control::Moment(Moment { kind: MomentKind::DateTime, prompt: None, optional: true }),
        ),
        (
            json!({"uiType": "FileUpload", "label": "Send it", "maxCount": "3", "maxSize": 4.5, "itemType": "Image"}),
            Control::Upload(Upload {
                prompt: some("Send it"),
                max_count: Some(3),
                max_megabytes: Some(5),
                pictures_only: true,
                optional: false,
                only_told: false,
            }),
        ),
    ] {
        assert_eq!(shown(element), control);
    }
}
