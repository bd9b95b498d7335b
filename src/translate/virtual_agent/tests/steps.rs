//! Elements that say how the conversation goes on.

use super::*;

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
        ("TopicFinished", json!({}), What::TopicFinished),
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
    let task = |header: &str, is_standing: bool, steps: &[&str]| {
        let steps = steps.iter().map(|step| Step { text: (*step).to_owned(), status: some("completed") });
        let header = Some(Header { text: header.to_owned(), is_standing });
        [(None, What::Progress { key: some("p"), header, steps: steps.collect() })]
    };
    let (standing, both) = ("View AI Steps", ["Searched", "Answered"]);
    assert_eq!(told(loader(standing, &both)), task(standing, true, &both));
    assert_eq!(told(loader("Looking", &["Searched"])), task("Looking", false, &["Searched"]));
    assert_eq!(told(loader(standing, &[])), task(standing, true, &[]));
    let worded = json!({"uiType": "ActionMsg", "actionType": "DynamicLoader", "message": "Please wait",
        "progressMessages": [{"message": {"text": "Searched"}}]});
    let searched = Step { text: "Searched".to_owned(), status: None };
    let header = Some(Header { text: "Please wait".to_owned(), is_standing: false });
    assert_eq!(told(worded), [(None, What::Progress { key: None, header, steps: vec![searched] })]);
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
        json!({"uiType": "StreamChunk", "streamId": "s", "streamSequence": 3, "value": " \n\n"}),
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
            What::StreamStarted { stream: some("s"), hint: some("Looking") },
            What::StreamChunk { stream: some("s"), sequence: Some(2), text: "Who".to_owned() },
            What::StreamChunk { stream: some("s"), sequence: Some(3), text: " \n\n".to_owned() },
            What::Said(Control::Generated(Generated {
                text: "Whole [1]".to_owned(),
                citations: vec![cited("[1]", "What?", Some("/kb?id=1")), cited("[2]", "Second", None)],
                stream: some("s"),
                feedback: Some(json!({"messageId": "m", "feedbackEnabled": true})),
            })),
        ]
    );
}
