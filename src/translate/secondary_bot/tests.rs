use serde_json::{Value, json};

use super::{
    Pending,
    answer::{Answered, answer},
    context, said,
};
use crate::{
    translate::texts::{Texts, Words},
    wire::{
        activity::Activity,
        virtual_agent::request::{HistoryItem, SwitchTo},
    },
};

fn activity(value: Value) -> Activity {
    serde_json::from_value(value).expect("an activity")
}

fn events() -> Vec<String> {
    vec!["handoff.initiate".to_owned()]
}

/// The elements of one message, without what all of them have.
fn elements(message: &Value) -> Vec<Value> {
    let mut message = message.clone();
    message["type"] = "message".into();
    let mut elements = said(&[activity(message)], &events(), "t", &Words::default()).elements;
    for element in &mut elements {
        for key in ["group", "messageId", "nluTextEnabled", "maskType", "renderStyle"] {
            element.as_object_mut().expect("an object").remove(key);
        }
    }
    elements
}

fn pending(message: &Value) -> Pending {
    let mut message = message.clone();
    message["type"] = "message".into();
    said(&[activity(message)], &events(), "t", &Words::default()).pending
}

fn hero(content: &Value) -> Value {
    json!({"attachments": [{"contentType": "application/vnd.microsoft.card.hero", "content": content}]})
}

fn adaptive(body: &Value, actions: &Value) -> Value {
    let content = json!({"type": "AdaptiveCard", "body": body, "actions": actions});
    json!({"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}]})
}

fn option(label: &str, value: &str) -> Value {
    json!({"label": label, "value": value, "renderStyle": "data", "enabled": true})
}

#[test]
fn each_thing_an_agent_shows_has_its_control() {
    let text = |value: &str| json!({"uiType": "OutputText", "value": value});
    let link = |label: &str, header: &str, url: &str| {
        json!({"uiType": "OutputLink", "label": label, "header": header, "type": "link",
            "value": {"action": url, "target": "_blank"}})
    };
    let picker = |label: &str, options: Value| {
        json!({"uiType": "Picker", "required": true, "label": label, "itemType": "List", "style": "list",
            "multiSelect": false, "options": options})
    };
    let rows: Vec<(Value, Vec<Value>)> = vec![
        (json!({"text": "**Hello**"}), vec![text("**Hello**")]),
        (json!({"text": "  "}), vec![]),
        (json!({"speak": "<speak>Hello</speak>"}), vec![text("Hello")]),
        (
            json!({"text": "Which?", "suggestedActions": {"actions": [
                {"type": "imBack", "title": "One", "value": "first"}, {"type": "openUrl", "title": "More", "value": "https://example.com"},
            ]}}),
            vec![
                text("Which?"),
                link("More", "", "https://example.com"),
                picker("Please choose:", json!([option("One", "first")])),
            ],
        ),
        (
            json!({"text": "Which?", "suggestedActions": {"actions": ["?", {"type": "imBack", "title": "One"}, {"type": "postBack", "title": "One", "value": {"n": 1}}]}}),
            vec![picker("Which?", json!([option("One", "One"), option("One", "One (2)")]))],
        ),
        (
            hero(
                &json!({"title": "T", "subtitle": "S", "text": "x", "images": [{"url": "https://example.com/i"}]}),
            ),
            vec![json!({"uiType": "OutputCard", "templateName": "Large image with text",
                "data": r#"{"description":"x","image":"https://example.com/i","imageAlt":"T","subtitle":"S","title":"T"}"#})],
        ),
        (hero(&json!({"title": "T", "text": "x"})), vec![text("**T**\n\nx")]),
        (
            json!({"attachments": [
                {"contentType": "image/png", "contentUrl": "https://example.com/i.png", "name": "i.png"},
                {"contentType": "application/pdf", "contentUrl": "https://example.com/d", "name": "d.pdf"},
                {"contentType": "application/x", "content": {"title": "Odd"}},
                {"contentType": "application/vnd.microsoft.card.signin", "content": {"text": "Sign in",
                    "buttons": [{"type": "signin", "title": "Go", "value": "https://example.com/s"}]}},
            ]}),
            vec![
                json!({"uiType": "OutputImage", "value": "https://example.com/i.png", "altText": "i.png"}),
                link("d.pdf", "", "https://example.com/d"),
                text("Odd"),
                link("Go", "Sign in", "https://example.com/s"),
            ],
        ),
        (
            adaptive(
                &json!([{"type": "TextBlock", "text": "Ticket"}, {"type": "Container", "items": [
                    {"type": "FactSet", "facts": [{"title": "Number", "value": "INC1"}]}]}]),
                &json!([{"type": "Action.OpenUrl", "title": "See", "url": "https://example.com"}]),
            ),
            vec![
                json!({"uiType": "OutputCard", "templateName": "Card",
                    "data": r#"{"fields":[{"fieldLabel":"Number","fieldValue":"INC1"}],"title":"Ticket"}"#}),
                link("See", "", "https://example.com"),
            ],
        ),
        (
            adaptive(
                &json!([{"type": "TextBlock", "text": "Sure?"}]),
                &json!([{"type": "Action.Submit", "title": "Yes", "data": {"y": 1}}]),
            ),
            vec![text("Sure?"), picker("Please choose:", json!([option("Yes", "Yes")]))],
        ),
        (
            adaptive(
                &json!([{"type": "TextBlock", "text": "Your PIN"}, {"type": "Input.Text", "id": "pin", "style": "Password", "isRequired": true}]),
                &json!([]),
            ),
            vec![json!({"uiType": "InputText", "required": true, "label": "Your PIN"})],
        ),
        (
            adaptive(&json!([{"type": "Input.Date", "id": "d", "label": "When"}]), &json!([])),
            vec![json!({"uiType": "Date", "required": false, "label": "When"})],
        ),
        (
            adaptive(&json!([{"type": "Input.Toggle", "id": "t", "title": "Fast"}]), &json!([])),
            vec![json!({"uiType": "Boolean", "required": false, "label": "Fast",
                "options": [option("Yes", "yes"), option("No", "no")]})],
        ),
        (
            json!({"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {"fallbackText": "old"}}]}),
            vec![text("old")],
        ),
    ];
    for (message, expected) in rows {
        assert_eq!(elements(&message), expected, "{message}");
    }
}

#[test]
fn sources_become_citations() {
    let entities = json!([{"type": "https://schema.org/Message", "citation": [
        {"position": 1, "appearance": {"name": "Leave", "url": "https://example.com/l"}}]}]);
    let cited = |mark: &str, label: &str, url: Option<&str>| {
        let mut citation = json!({"index": 0, "citationRef": mark, "citationLabel": label});
        if let Some(url) = url {
            citation["citationHref"] = url.into();
        }
        json!([citation])
    };
    for (text, value, citations) in [
        ("30 [1]\n\n[1]: cite:1 \"Title\"", "30 [1]", cited("[1]", "Title", Some("https://example.com/l"))),
        ("30 [1]\n\n[1]: cite:1", "30 [1]", cited("[1]", "Leave", Some("https://example.com/l"))),
        (
            "30 [1]\n[1]: https://example.com/x \"X\"",
            "30 [1]",
            cited("[1]", "X", Some("https://example.com/x")),
        ),
        ("30 [2]\n[2]: cite:9 \"Y\"", "30 [2]", cited("[2]", "Y", None)),
        ("30 [1]", "30 [1]", cited("[1]", "Leave", Some("https://example.com/l"))),
        ("30", "30", Value::Null),
    ] {
        let shown = elements(&json!({"text": text, "entities": entities}));
        assert_eq!((&shown[0]["value"], &shown[0]["citations"]), (&json!(value), &citations), "{text}");
    }
}

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
        (input("Toggle", json!({"valueOn": "on"})), "Yes", Some(json!("on"))),
        (input("Toggle", json!({})), "false", Some(json!("false"))),
        (input("Toggle", json!({})), "perhaps", None),
        (input("ChoiceSet", json!({"choices": choices})), "blue", Some(json!("b"))),
        (input("ChoiceSet", json!({"choices": choices})), "green please", None),
        (input("ChoiceSet", json!({"choices": []})), "looked up", Some(json!("looked up"))),
        (
            input("ChoiceSet", json!({"choices": choices, "isMultiSelect": true})),
            "Red, b",
            Some(json!("r,b")),
        ),
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
fn a_carousel_of_choices_is_one_picker_of_pictures() {
    let card = |title: &str, button: Value| {
        json!({"contentType": "application/vnd.microsoft.card.hero", "content": {"title": title, "text": "Light",
            "images": [{"url": "https://example.com/i.png"}], "buttons": [button]}})
    };
    let pick = |value: &str| json!({"type": "imBack", "title": "Choose", "value": value});
    let carousel = json!({"text": "Which one?", "attachmentLayout": "carousel",
        "attachments": [card("Basic", pick("basic")), card("Pro", pick("pro"))]});
    let option = |label: &str, value: &str| {
        json!({"label": label, "value": value, "enabled": true, "attachment": "https://example.com/i.png",
            "description": "Light"})
    };
    let shown = elements(&carousel);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!((&shown[0]["itemType"], &shown[0]["style"]), (&json!("Picture"), &json!("carousel")));
    let bare = |mut option: Value| {
        option.as_object_mut().expect("an object").remove("renderStyle");
        option
    };
    let options: Vec<_> =
        shown[0]["options"].as_array().expect("options").iter().cloned().map(bare).collect();
    assert_eq!(options, [option("Basic", "basic"), option("Pro", "pro")]);
    let Answered::Post(fields) = answer(&pending(&carousel), "pro", &Words::default()) else {
        panic!("no answer")
    };
    assert_eq!(Value::from(fields), json!({"text": "pro"}));
    let mut linked = carousel.clone();
    let link = json!({"type": "openUrl", "title": "See", "value": "https://example.com"});
    linked["attachments"][1] = card("Pro", link.clone());
    assert_eq!(elements(&linked)[0]["uiType"], "OutputText", "one that only leads elsewhere is no choice");
    linked["attachments"][1]["content"]["buttons"] = json!([pick("pro"), link]);
    let shown = elements(&linked);
    assert_eq!((&shown[0]["label"], &shown[1]["itemType"]), (&json!("Pro: See"), &json!("Picture")));
    let mut listed = carousel;
    listed.as_object_mut().expect("an object").remove("attachmentLayout");
    let labels = elements(&listed).pop().expect("a picker")["options"].clone();
    assert_eq!((&labels[0]["label"], &labels[1]["label"]), (&json!("Basic: Choose"), &json!("Pro: Choose")));
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
fn a_turn_ends_by_hand_over_or_by_the_agents_word() {
    let told = json!({"type": "message", "id": "c|1", "text": "Wait", "channelData": {"score": "0.9"}});
    let handoff = json!({"type": "event", "name": "handoff.initiate", "value": {"Topic": "vpn"}, "from": {"role": "bot"}});
    let trace = json!({"type": "trace", "name": "handoff.initiate"});
    let turn = said(
        &[activity(told.clone()), activity(trace.clone()), activity(handoff)],
        &events(),
        "t",
        &Words::default(),
    );
    assert_eq!(turn.handoff.as_ref().map(|variables| &variables["Topic"]), Some(&json!("vpn")));
    assert_eq!((turn.completed, turn.score), (false, Some(json!(0.9))));
    assert_eq!(turn.elements[0]["messageId"], "c|1.0");
    let turn = said(
        &[activity(trace), activity(json!({"type": "endOfConversation"}))],
        &events(),
        "t",
        &Words::default(),
    );
    assert!(turn.completed && turn.handoff.is_none() && turn.elements.is_empty() && turn.score.is_none());
}

#[test]
fn history_and_switches_are_told_in_the_agents_terms() {
    let line = |bot: bool, text: &str| HistoryItem {
        is_bot_message: bot,
        value: text.to_owned(),
        ..HistoryItem::default()
    };
    assert_eq!(context::history(&[], &Words::default()), None);
    assert_eq!(
        context::history(&[line(true, "a"), line(false, "b")], &Words::default()).as_deref(),
        Some("Bot: a\nUser: b")
    );
    let long = [line(true, &"x".repeat(50_000)), line(false, &"y".repeat(50_000))];
    assert!(
        context::history(&long, &Words::default())
            .is_some_and(|told| told.starts_with("User: y") && !told.contains('x'))
    );
    assert_eq!(
        Value::from(context::switch(&SwitchTo::TopicName("VPN".to_owned()))),
        json!({"type": "event", "name": "servicenow.switch", "value": {"topicName": "VPN"}})
    );
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
