//! What is shown for a while: typing, and an answer as it grows.

use super::*;

#[test]
fn typing_that_is_over_is_not_shown() {
    let typing = Fact::AgentTyping { by: Speaker::VirtualAgent, at: AT };
    assert_eq!(
        seen(&typing),
        whole(
            json!({"type": "typing", "from": {"id": "servicenow-virtual-agent", "name": "Virtual Agent", "role": "bot"}})
        )
    );
    assert_eq!(seen_as(&typing, None, &[], &[]), None);
    let later = AgentTypes { position: 18, by: Speaker::VirtualAgent, since: AT };
    assert_eq!(seen_as(&typing, Some(&later), &[], &[]), None);
}

#[test]
fn an_answer_that_grows_is_shown_as_far_as_it_has_come_and_its_end_takes_its_place() {
    let mut state = State::new(here());
    let piece = |first, sequence, hint: Option<&str>, text: &str| {
        Fact::StreamPiece(Box::new(StreamPiece {
            first,
            stream: Some("s".to_owned()),
            sequence: Some(sequence),
            hint: hint.map(str::to_owned),
            text: text.to_owned(),
            by: Speaker::VirtualAgent,
            at: AT,
        }))
    };
    state.position = 16;
    state.apply(&piece(None, 1, Some("Reading the *articles*"), ""));
    let begun = state.streams().cloned().collect::<Vec<_>>();
    let first = piece(None, 1, None, "");
    let expected = |kind: &str, sequence: u64, text: &str| {
        json!({"type": "typing", "text": text, "textFormat": "markdown",
            "from": {"id": "servicenow-virtual-agent", "name": "Virtual Agent", "role": "bot"},
            "channelData": {"streamId": "91hcXEd0-eu|L0000016", "streamType": kind, "streamSequence": sequence}})
    };
    let shown = seen_at(&first, 16, None, &begun, &[]).expect("shown");
    assert_eq!(shown["channelData"]["streamType"], "informative");
    assert_eq!(shown["text"], "Reading the *articles*");
    state.apply(&piece(Some(16), 2, None, "Restart "));
    state.apply(&piece(Some(16), 3, None, "it."));
    let grown = state.streams().cloned().collect::<Vec<_>>();
    assert_eq!(seen_at(&first, 16, None, &grown, &[]), None, "it has grown since");
    let mut newest = seen_at(&piece(Some(16), 3, None, "it."), 18, None, &grown, &[]).expect("shown");
    for set in ["id", "timestamp", "channelId", "conversation"] {
        newest.as_object_mut().expect("an object").remove(set);
    }
    assert_eq!(newest, expected("streaming", 3, "Restart it."));
    let Fact::AgentSaid(said) = agent_said(Some("m"), Speaker::VirtualAgent, text("Restart it now.")) else {
        return;
    };
    let end = Fact::AgentSaid(Box::new(AgentSaid { ends: Some(16), ..*said }));
    let data = &seen(&end).expect("shown")["channelData"];
    assert_eq!((&data["streamId"], &data["streamType"]), (&json!("91hcXEd0-eu|L0000016"), &json!("final")));
    let dropped = seen(&Fact::StreamDropped { first: 16, at: AT }).expect("shown");
    assert_eq!(
        (&dropped["type"], &dropped["channelData"]["streamType"]),
        (&json!("typing"), &json!("final"))
    );
    assert!(dropped.get("text").is_none());
}

#[test]
fn typing_comes_from_the_one_who_will_speak() {
    let ana = Agent { name: Some("Ana".to_owned()), id: Some("5c1d2e3f".to_owned()), avatar: None };
    for by in [Speaker::Agent(ana), Speaker::VirtualAgent] {
        let typing = seen(&Fact::AgentTyping { by: by.clone(), at: AT }).expect("shown");
        let words = seen(&agent_said(None, by, text("Hi"))).expect("shown");
        assert_eq!(typing["from"], words["from"]);
    }
}
