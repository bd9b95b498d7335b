//! Samples of what happens rather than what is said: action messages, streams, flags, and odd bodies.

use serde_json::{Value, json};

use super::{super::ids, Sample, body, one};

const CONVERSATION: &str = "2b3c4d5e6f708192a3b4c5d6e7f80910";

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = actions();
    samples.extend(starts());
    samples.extend([loader(), wrapped(), stream(), torn_stream()]);
    samples.extend(odd());
    samples.extend(ends());
    samples
}

fn action(kind: &str, fields: Value) -> Value {
    let mut action = json!({"uiType": "ActionMsg", "actionType": kind});
    if let (Some(action), Value::Object(fields)) = (action.as_object_mut(), fields) {
        action.extend(fields);
    }
    action
}

fn actions() -> Vec<Sample> {
    let spinner = |kind: &str, wait: &str| {
        json!({"spinnerType": kind,
        "message": "Routing you to a live agent...", "waitTime": wait})
    };
    [
        ("typing starts", "StartTypingIndicator", json!({})),
        ("typing ends", "EndTypingIndicator", json!({})),
        ("typing, longer name", "StartTypingIndicatorActionMsg", json!({})),
        ("spinner with a wait", "StartSpinner", spinner("wait_time", "30 Seconds")),
        (
            "spinner, processing",
            "StartSpinner",
            json!({"spinnerType": "processing", "message": "Working on it..."}),
        ),
        ("spinner ends", "EndSpinner", json!({"spinnerType": "wait_time"})),
        ("sub header", "ChatSubHeader", json!({"message": "This chat is translated."})),
        ("system line", "System", json!({"message": "The chat was passed to another group."})),
        ("separator", "Separator", json!({})),
        ("topic finished", "TopicFinished", json!({})),
        ("another conversation", "SwitchConversation", json!({"conversationId": CONVERSATION})),
        ("to a live agent", "SwitchToLiveAgent", json!({})),
        ("an unknown action", "ShowConfetti", json!({"message": "Hooray!"})),
    ]
    .map(|(name, kind, fields)| one("Actions", name, action(kind, fields)))
    .into()
}

/// What the answers to the opening calls carry; here as a webhook, as without `syncResponse`.
fn starts() -> Vec<Sample> {
    let create = json!({"conversationId": CONVERSATION,
        "interactionId": "3b3c4d5e6f708192a3b4c5d6e7f80910"});
    let queue = json!({"supportQueue": "{@type=InteractionQueue, external=false, type=interaction}"});
    let presence = json!({"channel": format!("/sn/rp/sys_cs_conversation/{CONVERSATION}"),
        "userDetails": "{name=Guest, displayName=Guest, initials=G, channel=null}",
            "chatSessionId": CONVERSATION});
    vec![
        one("Actions", "conversation created", action("CreateConversation", create)),
        one(
            "Actions",
            "conversation queued",
            json!([
                action("StartConversation", json!({"conversationId": CONVERSATION})),
                action("SubscribeToSupportQueue", queue),
                action("SubscribeToChatPresence", presence),
            ]),
        ),
    ]
}

fn loader() -> Sample {
    let (parent, child) = (ids::sys_id(), ids::sys_id());
    let step = |id: &str, steps: Value| {
        let fields = json!({"header": "Steps", "defaultHeader": "Steps", "progressMessages": steps,
            "parentMessageId": parent, "messageId": id, "shouldUpdateParentMessage": true});
        body(action("DynamicLoader", fields))
    };
    let first = json!([{"message": "Looked for articles", "status": "IN_PROGRESS"}]);
    let second = json!([
        {"message": "Looked for articles", "status": "COMPLETED"},
        {"message": "Wrote an answer", "status": "COMPLETED"},
    ]);
    let bodies = vec![step(&parent, first), step(&child, second)];
    Sample { name: "progress", group: "Actions", bodies }
}

/// An action message as instances wrap it that know custom chat clients.
fn wrapped() -> Sample {
    let inner = json!({"actionType": "ChatSubHeader", "message": "The agent's autopilot is on."});
    one("Actions", "wrapped action", json!({"uiType": "ActionRichControl", "actionMsg": inner}))
}

/// A piece is lost, one comes late, and the end comes twice.
fn torn_stream() -> Sample {
    let [start, _lost, late, end]: [Value; 4] = pieces();
    Sample { name: "torn stream", group: "Streams", bodies: vec![late, start, end.clone(), end] }
}

fn stream() -> Sample {
    Sample { name: "stream", group: "Streams", bodies: pieces().into() }
}

/// START and the chunks have no score; the end repeats the whole text.
fn pieces() -> [Value; 4] {
    let id = ids::sys_id();
    let piece = |kind: &str, sequence: u8, value: &str| {
        let state = if kind == "StreamStart" { "START" } else { "INPROGRESS" };
        json!({"streamActive": true, "streamState": state,
            "body": [{"streamId": id, "uiType": kind, "streamSequence": sequence, "value": value}]})
    };
    let citation = |index: u8, label: &str, url: &str| {
        json!({"citationHref": url, "header": "KB article", "description": label, "citationLabel": label,
            "index": index, "source": "internal", "category": "kb", "table": "kb_knowledge",
            "citationRef": format!("[{}]", index + 1)})
    };
    let end = json!({"streamActive": false, "streamState": "END", "score": 1, "body": [{
        "uiType": "OutputText", "group": "DefaultText", "maskType": "NONE", "streamId": id, "relatedList": [],
    "feedback": {"feedbackEnabled": true},
    "value": "Restart the VPN client first [1]. If that fails, install it again [2].",
    "citations": [
        citation(0, "Restart the VPN", "https://kb.example.com/vpn-restart"),
        citation(1, "Install the VPN", "https://kb.example.com/vpn-install"),
    ]}]});
    [
        piece("StreamStart", 1, "Looking into it"),
        piece("StreamChunk", 2, "Restart the VPN client first [1]."),
        piece("StreamChunk", 3, " If that fails, install it again [2]."),
        end,
    ]
}

fn odd() -> Vec<Sample> {
    let text = json!({"uiType": "OutputText", "group": "DefaultText", "value": "A score in quotes."});
    let mut scored = body(text);
    scored["score"] = json!("0.92");
    vec![
        Sample { name: "empty body", group: "Odd", bodies: vec![json!({"body": [], "score": 1})] },
        Sample { name: "score as a string", group: "Odd", bodies: vec![scored] },
        one(
            "Odd",
            "an unknown control",
            json!([
                {"uiType": "Hologram", "group": "DefaultHologram",
                    "label": "Something from a later release"},
                {"uiType": "OutputText", "group": "DefaultText", "value": "The text beside it."},
            ]),
        ),
        one("Odd", "a control without anything", json!({"uiType": "OutputText"})),
        one(
            "Odd",
            "a value that is an object",
            json!({"uiType": "OutputText", "value": {"text": "Inside."}}),
        ),
        one("Odd", "items that are no objects", json!(["just a string", 7, null])),
    ]
}

/// These end something for whoever reads them; the simulated chat itself stays open.
fn ends() -> Vec<Sample> {
    let closed = action("System", json!({"message": "The support session was closed."}));
    let mut completed = body(closed);
    completed["completed"] = json!(true);
    let back = body(action("SwitchToVirtualAgent", json!({})));
    let take = json!({"body": [], "takeControl": true, "score": 0});
    [("back to the virtual agent", back), ("take control", take), ("completed", completed)]
        .map(|(name, body)| Sample { name, group: "Ends", bodies: vec![body] })
        .into()
}
