use serde_json::json;

use super::*;
use crate::domain::control::{
    Card, CardField, CardLook, Choice, ChoiceKind, ChoiceLook, Citation, Control, Generated, GroupedParts,
    Html, Image, Item as Option_, Link, Mask, Moment, MomentKind, MultiPart, Part, Step, Table, TextInput,
    Upload,
};

mod controls;
mod masked;
mod steps;

fn read(value: &Value) -> Inbound {
    inbound(Response::parse(value.to_string().as_bytes()).expect("JSON"))
}

fn items_of(elements: &[Value]) -> Vec<Item> {
    read(&json!({"body": elements})).items
}

fn shown(element: Value) -> Control {
    match items_of(&[element]).remove(0).what {
        What::Said(control) => control,
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> Control {
    Control::Text { text: text.to_owned() }
}

#[test]
fn a_message_carries_its_flags_and_ids() {
    let read = read(&json!({
        "requestId": "r", "clientSessionId": "c~2", "interactionId": "i", "userId": "u", "nowSessionId": "",
        "clientVariables": {"k": "v"}, "agentChat": true, "takeControl": "true", "score": 1,
        "message": {"text": "echo"},
        "body": [{"uiType": "OutputText", "messageId": "m1", "value": "Hello **you**",
            "agentInfo": {"sentFromAgent": true, "agentName": "Ana Example", "agentAvatar": "a.iix?t=small"}}],
    }));
    let expected = Inbound {
        session: some("c~2"),
        request_id: some("r"),
        interaction_id: some("i"),
        user_id: some("u"),
        client_variables: Some(json!({"k": "v"})),
        agent_chat: true,
        completed: false,
        take_control: true,
        streaming: false,
        stream_ends: false,
        notifies: false,
        items: vec![Item {
            message_id: some("m1"),
            agent: Some(Agent { name: some("Ana Example"), id: None, avatar: some("a.iix?t=small") }),
            what: What::Said(text("Hello **you**")),
        }],
    };
    assert_eq!(read, expected);
}

#[test]
fn a_bots_agent_info_names_no_agent() {
    let element = json!({"uiType": "OutputText", "value": "x", "agentInfo": {"agentName": "VA", "sentFromAgent": false}});
    assert_eq!(items_of(&[element])[0].agent, None);
}

#[test]
fn texts_stand_in_value_label_or_message() {
    for (element, expected) in [
        (json!({"value": "v", "label": "l", "message": "m", "maskType": "NONE"}), "v"),
        (json!({"label": "File got", "required": false, "itemType": "outputtext"}), "File got"),
        (json!({"message": "m"}), "m"),
        (json!({"value": {"label": "inner"}}), "inner"),
        (json!({"value": 5}), "5"),
        (json!({"value": "v", "header": "H"}), "H\n\nv"),
    ] {
        let mut element = element;
        element["uiType"] = json!("OutputText");
        assert_eq!(shown(element), text(expected));
    }
    let nothing = items_of(&[json!({"uiType": "OutputText", "value": " "})]);
    assert_eq!(nothing[0].what, What::Unreadable { ui_type: String::new() });
}

#[test]
fn what_is_masked_is_kept_out_of_every_control_that_would_be_stored() {
    let inner = json!({"uiType": "OutputText", "value": "4711"});
    for element in [
        json!({"uiType": "OutputText", "value": "4711"}),
        json!({"uiType": "OutputText", "value": "4711", "citations": [{"citationLabel": "x"}]}),
        json!({"uiType": "OutputHtml", "value": "<b>4711</b>"}),
        json!({"uiType": "OutputLink", "label": "4711", "value": {"action": "https://example.com/4711"}}),
        json!({"uiType": "MultiPartOutput", "navigationBtnLabel": "More", "content": inner}),
        json!({"uiType": "MultiPartOutput", "value": inner}),
        json!({"uiType": "OutputHologram", "value": "4711"}),
    ] {
        let mut element = element;
        element["maskType"] = json!("SECURE");
        let stored = serde_json::to_string(&shown(element.clone())).expect("JSON");
        assert!(!stored.contains("4711"), "{element}: {stored}");
    }
    let nested =
        shown(json!({"uiType": "OutputHologram", "parts": [{"text": "4711", "maskType": "SECURE"}]}));
    assert!(matches!(nested, Control::Masked(_)));
    let stream = items_of(&[json!({"uiType": "StreamChunk", "value": "4711", "maskType": "SECURE"})]);
    assert!(matches!(&stream[0].what, What::StreamChunk { text, .. } if text.is_empty()));
    for asked in ["InputPin", "SecureInputText"] {
        let element = json!({"uiType": asked, "label": "PIN", "maskType": "SECURE", "required": true});
        assert!(shown(element).is_secure(), "{asked}");
    }
    let inside = json!({"uiType": "InputText", "label": "PIN", "maskType": "SECURE"});
    for form in [
        json!({"uiType": "FormControl", "header": "Sign", "fields": [inside]}),
        json!({"uiType": "MultiPartOutput", "header": "Sign", "control": inside}),
    ] {
        assert!(shown(form.clone()).is_secure(), "{form}");
    }
}

#[test]
fn what_is_unknown_is_shown_by_its_readable_text_and_drops_no_neighbour() {
    let said = |ui_type: &str, text: &str| {
        What::Said(Control::Degraded { ui_type: ui_type.to_owned(), text: text.to_owned() })
    };
    let packed = json!({"title": "Inside", "fields": []}).to_string();
    let items = items_of(&[
        json!({"uiType": "OutputHologram", "label": "L", "value": "V", "rows": [{"text": "R"}]}),
        json!({"uiType": "ActionMsg", "actionType": "Dance", "message": "Dancing"}),
        json!({"uiType": "Nothing", "id": 5}),
        json!("bare"),
        json!({"uiType": "CustomControl", "name": "Seat map", "serializedControlData": "{}"}),
        json!({"uiType": "CustomControl", "name": "Seat map", "serializedControlData": packed}),
        json!({"uiType": "CustomControl", "serializedControlData": format!("\u{feff}{packed}")}),
        json!({"uiType": "CustomControl", "serializedControlData": r#"{"title":"cut \ud83d","n":1e400}"#}),
        json!({"uiType": "FancyCard", "data": r#"{"title":"cut \ud83d"}"#}),
        json!({"uiType": "OutputCard", "templateName": "Card", "data": "no JSON"}),
        json!(null),
        json!({"uiType": "OutputText", "value": "after"}),
    ]);
    assert_eq!(
        items.into_iter().map(|item| item.what).collect::<Vec<_>>(),
        [
            said("OutputHologram", "V\n\nL\n\nR"),
            said("ActionMsg", "Dancing"),
            What::Unreadable { ui_type: "Nothing".to_owned() },
            said("", "bare"),
            said("CustomControl", "Seat map"),
            said("CustomControl", "Inside"),
            said("CustomControl", "Inside"),
            said("CustomControl", "cut \u{fffd}"),
            said("FancyCard", "cut \u{fffd}"),
            said("OutputCard", "no JSON"),
            What::Unreadable { ui_type: String::new() },
            What::Said(text("after")),
        ]
    );
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}
