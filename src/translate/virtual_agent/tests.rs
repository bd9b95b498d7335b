use serde_json::json;

use super::*;
use crate::domain::control::{
    Card, CardField, CardLook, Choice, ChoiceKind, ChoiceLook, Citation, Generated, GroupedParts, Html,
    Image, Item as Option_, Link, Mask, Moment, MomentKind, MultiPart, Part, Table, TextInput, Upload,
};

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

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn text(text: &str) -> Control {
    Control::Text { text: text.to_owned() }
}

fn option(label: &str, value: &str) -> Option_ {
    Option_ { label: label.to_owned(), value: value.to_owned(), ..Option_::default() }
}

fn link(label: &str, url: &str) -> Link {
    Link { heading: None, label: label.to_owned(), url: url.to_owned() }
}

fn card(look: CardLook, data: &Value, template: &str) -> (Control, CardLook) {
    (shown(json!({"uiType": "OutputCard", "templateName": template, "data": data.to_string()})), look)
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
fn outputs_become_controls() {
    let html = json!({"uiType": "OutputHtml", "style": "inline", "height": 1,
        "value": "<p>Hi <b>you</b> <a href='/kb'>kb</a></p>", "imageUrl": "/x.iix",
        "links": [{"link": "/kb", "label": "kb"}, {"link": "https://b.example", "label": "b"}]});
    let grouped = json!({"uiType": "GroupedPartsOutputControl", "groupPartType": "Link", "header": "Links", "values": [
        {"action": "https://a.example", "description": "d", "label": "A", "context": "KB", "target": "_blank"},
        {"label": "no address"}, {"action": "/only"}, 7, {}]});
    let table = json!({"uiType": "OutputTable", "label": "Incidents", "headers": ["Number", "Text"],
        "data": [["INC1", "slow"], ["INC2", null, 3], {"Text": "t", "Number": {"displayValue": "INC3"}}],
        "paginationBreak": 2, "totalSearchResultsCount": 9, "navigationBtnLabel": "More rows"});
    let part = |label: &str, url: Option<&str>, description: Option<&str>, context: Option<&str>| Part {
        label: label.to_owned(),
        url: url.map(str::to_owned),
        description: description.map(str::to_owned),
        context: context.map(str::to_owned),
    };
    for (element, control) in [
        (
            html,
            Control::Html(Html {
                markdown: "Hi **you** [kb](/kb)".to_owned(),
                picture: some("/x.iix"),
                links: vec![link("b", "https://b.example")],
            }),
        ),
        (
            json!({"uiType": "OutputLink", "label": "ServiceNow", "header": "Works", "type": "link",
                "value": {"action": "https://a.example", "target": "_blank"}}),
            Control::Link(Link { heading: some("Works"), ..link("ServiceNow", "https://a.example") }),
        ),
        (
            json!({"uiType": "OutputImage", "value": "https://a.example/1.png", "altText": "A cat"}),
            Control::Image(Image {
                url: "https://a.example/1.png".to_owned(),
                alt: some("A cat"),
                caption: None,
            }),
        ),
        (
            json!({"uiType": "OutputText", "itemType": "image", "value": "/api/now/v1/cs/media/x", "label": "pic"}),
            Control::Image(Image {
                url: "/api/now/v1/cs/media/x".to_owned(),
                alt: some("pic"),
                caption: some("pic"),
            }),
        ),
        (
            json!({"uiType": "OutputText", "itemType": "File", "value": "sys_attachment.do?sys_id=1", "label": "a.pdf"}),
            Control::Link(link("a.pdf", "sys_attachment.do?sys_id=1")),
        ),
        (
            table,
            Control::Table(Table {
                title: some("Incidents"),
                headers: vec!["Number".to_owned(), "Text".to_owned()],
                rows: [vec!["INC1", "slow"], vec!["INC2", "", "3"], vec!["INC3", "t"]]
                    .map(|row| row.into_iter().map(str::to_owned).collect())
                    .to_vec(),
                page: Some(2),
                total: Some(9),
                more_label: some("More rows"),
            }),
        ),
        (
            json!({"uiType": "MultiPartOutput", "navigationBtnLabel": "Next",
                "content": {"uiType": "OutputText", "value": "part one"}}),
            Control::MultiPart(MultiPart {
                heading: None,
                part: Box::new(text("part one")),
                more_label: some("Next"),
            }),
        ),
        (
            grouped,
            Control::GroupedParts(GroupedParts {
                heading: some("Links"),
                parts: vec![
                    part("A", Some("https://a.example"), Some("d"), Some("KB")),
                    part("no address", None, None, None),
                    part("/only", Some("/only"), None, None),
                    part("7", None, None, None),
                ],
            }),
        ),
    ] {
        assert_eq!(shown(element), control);
    }
}

#[test]
fn cards_of_every_template_become_cards() {
    let record = json!({"sys_id": "1", "subtitle": "INC1", "title": "Incident", "table_name": "incident",
        "fields": [{"fieldLabel": "Number", "fieldValue": "INC1"}], "url": "https://a.example/i", "target": "_blank"});
    let large = json!({"image": "https://a.example/1.png", "description": "About", "title": "Large",
        "imageAlt": "alt", "url": "", "target": "_blank"});
    let video = json!({"id": "abc", "title": "Film", "description": "About"});
    let notice = json!({"sys_id": "5", "recordDisplayValue": "INC2", "messageHeading": "News", "imageUrl": null,
        "tableLabel": "Incident", "enableLink": true, "message": "It came", "fields": [], "url": "https://a.example/n"});
    let simple = json!({"sys_id": null, "messageHeading": "News", "enableLink": false, "message": "It came",
        "url": "https://a.example/null.do"});
    let actionable =
        json!({"title": "Approve?", "actions": [{"label": "Yes", "value": "y"}, {"label": "No"}]});
    let odd =
        json!({"title": "Approve?", "actions": [{"name": "Yes", "actionValue": "y"}, {"actionLabel": "No"}]});
    let open = |url: &str| vec![link("", url)];
    for ((control, look), expected) in [
        (
            card(CardLook::Plain, &record, "Card"),
            Card {
                title: some("Incident"),
                subtitle: some("INC1"),
                fields: vec![CardField { label: "Number".to_owned(), value: "INC1".to_owned() }],
                links: open("https://a.example/i"),
                ..Card::default()
            },
        ),
        (
            card(CardLook::LargeImage, &large, "Large image with text"),
            Card {
                title: some("Large"),
                paragraphs: vec!["About".to_owned()],
                image: Some(Image {
                    url: "https://a.example/1.png".to_owned(),
                    alt: some("alt"),
                    caption: None,
                }),
                ..Card::default()
            },
        ),
        (
            card(CardLook::Video, &video, "Youtube Video Card"),
            Card {
                title: some("Film"),
                paragraphs: vec!["About".to_owned()],
                links: open("https://www.youtube.com/watch?v=abc"),
                ..Card::default()
            },
        ),
        (
            card(CardLook::Notification, &notice, "Notification"),
            Card {
                title: some("News"),
                subtitle: some("INC2 · Incident"),
                paragraphs: vec!["It came".to_owned()],
                links: open("https://a.example/n"),
                ..Card::default()
            },
        ),
        (
            card(CardLook::Notification, &simple, "Notification"),
            Card { title: some("News"), paragraphs: vec!["It came".to_owned()], ..Card::default() },
        ),
        (
            card(CardLook::Notification, &odd, "Notification"),
            Card {
                title: some("Approve?"),
                actions: vec![option("Yes", "y"), option("No", "No")],
                ..Card::default()
            },
        ),
        (
            card(CardLook::Notification, &actionable, "notification"),
            Card {
                title: some("Approve?"),
                actions: vec![option("Yes", "y"), option("No", "No")],
                ..Card::default()
            },
        ),
    ] {
        assert_eq!(control, Control::Card(Card { look, ..expected }));
    }
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
            json!({"uiType": "InputText", "required": "false", "label": "Say", "maskType": "SECURE"}),
            Control::TextInput(TextInput { prompt: some("Say"), mask: Mask::Secure, optional: true }),
        ),
        (
            json!({"uiType": "InputText", "label": "Say", "maskType": "sensitive"}),
            Control::TextInput(TextInput { prompt: some("Say"), mask: Mask::Sensitive, optional: false }),
        ),
        (
            json!({"uiType": "InputText", "label": "Say", "maskType": "NEW_KIND"}),
            Control::TextInput(TextInput { prompt: some("Say"), mask: Mask::Secure, optional: false }),
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
            }),
        ),
    ] {
        assert_eq!(shown(element), control);
    }
}

#[test]
fn action_messages_are_steps_of_the_conversations_life() {
    let waiting = json!({"spinnerType": "none", "message": "Routing you…", "waitTime": "13 Seconds"});
    for (name, fields, what) in [
        (
            "CreateConversation",
            json!({"conversationId": "c", "interactionId": "i"}),
            What::Created { conversation: some("c"), interaction: some("i") },
        ),
        (
            "StartConversation",
            json!({"conversationId": "c"}),
            What::Created { conversation: some("c"), interaction: None },
        ),
        ("SubscribeToSupportQueue", json!({"supportQueue": "{@type=Queue}"}), What::Queued),
        ("SubscribeToChatPresence", json!({"channel": "/x", "userDetails": "{name=Guest}"}), What::Nothing),
        ("StartSpinner", waiting, What::Waiting("Routing you… (13 Seconds)".to_owned())),
        (
            "StartSpinner",
            json!({"spinnerType": "wait_time", "waitTime": "8 Seconds"}),
            What::Waiting("8 Seconds".to_owned()),
        ),
        ("StartSpinner", json!({"spinnerType": "processing"}), What::Nothing),
        ("EndSpinner", json!({"spinnerType": "processing"}), What::Nothing),
        ("SwitchToLiveAgent", json!({}), What::AgentJoined),
        ("SwitchToVirtualAgent", json!({}), What::BackToVirtualAgent),
        ("SwitchConversation", json!({}), What::NewConversation),
        (
            "System",
            json!({"message": "Ana has entered the chat."}),
            What::System("Ana has entered the chat.".to_owned()),
        ),
        (
            "ChatSubHeader",
            json!({"anything": {"text": "Translation failed"}}),
            What::System("Translation failed".to_owned()),
        ),
        ("System", json!({}), What::Nothing),
        ("StartTypingIndicator", json!({}), What::TypingStarted),
        ("EndTypingIndicatorActionMsg", json!({}), What::TypingStopped),
        ("TopicFinished", json!({}), What::Nothing),
        ("Separator", json!({}), What::Nothing),
    ] {
        let mut element = fields;
        element["uiType"] = json!("ActionMsg");
        element["actionType"] = json!(name);
        element["messageId"] = json!("m");
        assert_eq!(items_of(&[element]), [Item { message_id: some("m"), agent: None, what }], "{name}");
    }
}

#[test]
fn a_step_with_words_is_followed_by_its_words() {
    let element = json!({"uiType": "ActionMsg", "actionType": "SwitchToLiveAgent", "message": "Here is Ana", "messageId": "m"});
    assert_eq!(
        items_of(&[element]),
        [
            Item { message_id: None, agent: None, what: What::AgentJoined },
            Item { message_id: some("m"), agent: None, what: What::System("Here is Ana".to_owned()) },
        ]
    );
}

#[test]
fn progress_is_told_with_all_its_steps() {
    let loader = |header: &str, steps: &[&str]| {
        let steps =
            steps.iter().map(|step| json!({"message": step, "status": "COMPLETED"})).collect::<Vec<_>>();
        json!({"uiType": "ActionMsg", "actionType": "DynamicLoader", "defaultHeader": "View AI Steps", "header": header,
            "parentMessageId": "p", "messageId": "m", "shouldUpdateParentMessage": true, "progressMessages": steps})
    };
    let told = |element: Value| {
        items_of(&[element]).into_iter().map(|item| (item.message_id, item.what)).collect::<Vec<_>>()
    };
    let steps = |steps: &[&str]| {
        let steps = steps.iter().map(|step| (*step).to_owned()).collect();
        [(None, What::Progress { key: some("p"), steps })]
    };
    assert_eq!(told(loader("View AI Steps", &["Searched", "Answered"])), steps(&["Searched", "Answered"]));
    assert_eq!(told(loader("Looking", &["Searched"])), steps(&["Looking", "Searched"]));
    assert_eq!(told(loader("View AI Steps", &[])), steps(&["View AI Steps"]));
    let bare = json!({"uiType": "ActionMsg", "actionType": "DynamicLoader"});
    assert_eq!(told(bare), [(None, What::Nothing)]);
}

#[test]
fn a_stream_is_told_as_it_goes_and_said_whole_at_its_end() {
    let end = json!({"uiType": "OutputText", "messageId": "m", "streamId": "s", "value": "Whole [1]", "relatedList": [],
        "feedback": {"messageId": "m", "feedbackEnabled": true},
        "citations": [{"citationHref": "/kb?id=1", "citationLabel": "What?", "citationRef": "[1]", "index": 0},
            {"description": "Second", "index": 1}, "odd"]});
    let items = items_of(&[
        json!({"uiType": "StreamStart", "streamId": "s", "streamSequence": 1, "value": "Looking"}),
        json!({"uiType": "StreamChunk", "streamId": "s", "streamSequence": "2", "value": "Who"}),
        end,
    ]);
    let cited = |mark: &str, label: &str, url: Option<&str>| Citation {
        mark: mark.to_owned(),
        label: label.to_owned(),
        url: url.map(str::to_owned),
    };
    assert_eq!(
        items.into_iter().map(|item| item.what).collect::<Vec<_>>(),
        [
            What::StreamStarted { stream: some("s") },
            What::StreamChunk { stream: some("s"), sequence: Some(2), text: "Who".to_owned() },
            What::Said(Control::Generated(Generated {
                text: "Whole [1]".to_owned(),
                citations: vec![cited("[1]", "What?", Some("/kb?id=1")), cited("[2]", "Second", None)],
                stream: some("s"),
                feedback: Some(json!({"messageId": "m", "feedbackEnabled": true})),
            })),
        ]
    );
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
            said("OutputCard", "no JSON"),
            What::Unreadable { ui_type: String::new() },
            What::Said(text("after")),
        ]
    );
}
