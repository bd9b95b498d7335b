use serde_json::{Value, json};

use super::{activity, adaptive, elements, events, hero, option, pending, said};
use crate::{
    translate::{
        secondary_bot::{
            answer::{Answered, answer},
            context,
        },
        texts::Words,
    },
    wire::virtual_agent::request::{HistoryItem, SwitchTo},
};

mod cards;

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
        (
            json!({"attachments": [{"contentType": "application/vnd.microsoft.card.oauth",
                "content": {"text": "", "buttons": [{"type": "signin", "title": "Go", "value": ""}]}}]}),
            vec![],
        ),
        (hero(&json!({"images": [{"url": ""}], "media": [{"url": ""}]})), vec![]),
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
        (
            "30 [1]\n[1]: https://example.com/x 'X'\n",
            "30 [1]",
            cited("[1]", "X", Some("https://example.com/x")),
        ),
        ("[1]: cite:1 \"T\"", "[1]: cite:1 \"T\"", cited("[1]", "T", Some("https://example.com/l"))),
        ("[VPN]: https://example.com is down", "[VPN]: https://example.com is down", Value::Null),
        ("30", "30", Value::Null),
        (
            "```\n[7]: https://example.com/x\n```\nend",
            "```\n[7]: https://example.com/x\n```\nend",
            Value::Null,
        ),
    ] {
        let shown = elements(&json!({"text": text, "entities": entities}));
        assert_eq!((&shown[0]["value"], &shown[0]["citations"]), (&json!(value), &citations), "{text}");
    }
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
    // Ids begin anew after a pause.
    let at = |time: &str| {
        let mut told = told.clone();
        told["timestamp"] = time.into();
        activity(told)
    };
    let again = [at("1970-01-01T00:00:01"), at("1970-01-01T00:00:02Z")];
    let again = said(&again, &events(), "t", &Words::default()).elements;
    assert_eq!(
        (&again[0]["messageId"], &again[1]["messageId"]),
        (&json!("c|1@1000.0"), &json!("c|1@2000.0"))
    );
    let turn = said(
        &[activity(trace), activity(json!({"type": "endOfConversation"}))],
        &events(),
        "t",
        &Words::default(),
    );
    assert!(turn.completed && turn.handoff.is_none() && turn.elements.is_empty() && turn.score.is_none());
    let words = activity(json!({"type": "endOfConversation", "text": "Bye"}));
    assert_eq!(said(&[words], &events(), "t", &Words::default()).elements[0]["value"], "Bye");
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
    let longer = [line(true, "first"), line(false, &"z".repeat(61_000))];
    let told = context::history(&longer, &Words::default()).expect("a history");
    assert!(told.starts_with("User: zzz") && told.len() == 60_000, "{}", told.len());
    assert_eq!(
        Value::from(context::event(context::SWITCH, context::target(&SwitchTo::TopicName("VPN".to_owned())))),
        json!({"type": "event", "name": "servicenow.switch", "value": {"topicName": "VPN"}})
    );
}
