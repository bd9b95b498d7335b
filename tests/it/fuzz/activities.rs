//! Activities: what the user does in a live chat, and what the bot says when it hands over.

use serde_json::{Map, Value, json};
use servicenow_handoff::{
    domain::{Timestamp, control::Control},
    session::{Command, ToAgent, UserSaid},
    simulate::servicenow::samples,
    translate::{answer::answer_one, context, escalation, history, takeover, texts::Words},
    wire::{
        activity::{Activity, ActivitySet},
        virtual_agent::response::Response,
    },
};

use crate::{
    fuzz::{bend, run},
    pure::Talk,
};

#[test]
fn any_activity_of_the_user_is_told_as_documented() {
    let known = said();
    let words = bend::words(&known);
    let questions: Vec<Value> = samples::all().into_iter().flat_map(|sample| sample.bodies).collect();
    let case = |random: &mut bend::Random| {
        let mut activity = random.pick(&known).clone();
        bend::bend(&mut activity, &words, random);
        bend::bytes(&activity, random)
    };
    run("activities", case, |input, random| {
        let Ok(activity) = serde_json::from_slice::<Activity>(input) else { return };
        let mut talk = Talk::live();
        let asked = random.pick(&questions).to_string();
        talk.hear(Response::parse(asked.as_bytes()).expect("JSON"));
        let open = talk.state.questions.open().to_vec();
        say(&mut talk, &activity, &open);
        // As a client shows a question: whatever of it is pressed comes back to us.
        let pressed = Activity { value: Some(random.pick(&questions).clone()), ..activity };
        say(&mut talk, &pressed, &open);
        for request in talk.deliver() {
            assert!(request["message"].get("attachment") != Some(&Value::Null), "{request}");
            assert!(request["requestId"].is_string() && request["userId"].is_string(), "{request}");
        }
    });
}

#[test]
fn any_batch_of_the_bot_is_taken_over() {
    let known = batches();
    let words = bend::words(&known);
    let case = |random: &mut bend::Random| {
        let mut batch = random.pick(&known).clone();
        bend::bend(&mut batch, &words, random);
        bend::bytes(&batch, random)
    };
    let template = json!({"queue": "{SupportQueue}", "all": "a {Device} {{ {va_Topics}"});
    let template: Map<String, Value> = template.as_object().expect("an object").clone();
    run("batches", case, |input, _| {
        let Ok(set) = serde_json::from_slice::<ActivitySet>(input) else { return };
        let spoken = history::in_order(set.activities.clone());
        history::bound(history::lines(&spoken, &Words::default()), 300);
        let found = escalation::find(&set.activities, &["handoff.initiate".to_owned()]);
        for at in found.into_iter().chain([0, usize::MAX]) {
            let Some(event) = set.activities.get(at) else { continue };
            let read = escalation::read(event);
            let transcript = read.transcript.clone().unwrap_or_default();
            history::lines(&transcript, &Words::default());
            filled(&template, &read.variables);
            let taken =
                takeover::around_event(&set.activities, at, &transcript, &Words::default(), Timestamp(0));
            assert!(taken.said.len() <= set.activities.len());
            let mut talk = Talk::live();
            talk.on(Command::UpstreamRead {
                segment: 0,
                said: taken.said,
                history: Some(vec![history::lines(&spoken, &Words::default())].into()),
            });
            talk.deliver();
        }
    });
}

fn filled(template: &Map<String, Value>, variables: &Map<String, Value>) {
    let template =
        template.iter().map(|(name, text)| (name.clone(), text.as_str().unwrap_or_default().to_owned()));
    let template = template.collect::<Vec<_>>();
    context::context(&template, variables, Some("en-US"), None);
}

fn say(talk: &mut Talk, activity: &Activity, open: &[(u64, Control)]) {
    let meant = answer_one(activity, &talk.state.conversation, open, &Words::default());
    let has_some = !meant.text.trim().is_empty() || activity.attachments.is_some();
    assert!(meant.nothing || has_some);
    let message = (!meant.nothing && !meant.secure).then_some(ToAgent {
        text: meant.text,
        typed: meant.typed,
        attachments: meant.attachments,
        whisper: None,
    });
    let said = UserSaid { message, ..takeover::said(activity, &Words::default(), talk.now) };
    let heard = talk.on(Command::UserSaid(Box::new(said)));
    for fact in &heard.facts {
        serde_json::to_string(fact).expect("a fact is stored as JSON");
    }
}

/// What a client posts.
fn said() -> Vec<Value> {
    let user = json!({"id": "dana", "name": "Dana", "role": "user"});
    vec![
        json!({"type": "message", "text": "My VPN drops", "from": user, "locale": "en-US",
            "localTimezone": "Europe/Berlin", "channelData": {"clientActivityID": "a-1"}}),
        json!({"type": "message", "text": "yes", "value": {"serviceNowAnswer": "value_2"}, "from": user,
            "channelData": {"postBack": true}}),
        json!({"type": "message", "value": {"serviceNowQuestion": "date_time", "date": "2026-11-20", "time": "10:15"}, "from": user}),
        json!({"type": "message", "value": {"serviceNowQuestion": "several", "answer": "a%2C,b"}, "from": user}),
        json!({"type": "message", "value": {"serviceNowQuestion": "secret", "answer": "hidden"}, "from": user}),
        json!({"type": "message", "value": {"room": "2.17", "urgent": true}, "from": user}),
        json!({"type": "message", "from": user, "attachments": [
            {"contentType": "image/png", "contentUrl": "https://files.example.com/a.png", "name": "a.png"},
            {"contentType": "application/vnd.microsoft.card.hero", "content": {"title": "T"}},
        ]}),
        json!({"type": "typing", "from": user}),
        json!({"type": "endOfConversation", "from": user}),
    ]
}

/// What Direct Line gives around a hand-off.
fn batches() -> Vec<Value> {
    let (user, bot) =
        (json!({"id": "dana", "role": "user"}), json!({"id": "bot", "name": "Guide", "role": "bot"}));
    let asked = json!({"type": "message", "id": "c|0000001", "text": "agent", "from": user,
        "timestamp": "2026-11-20T10:00:00Z", "locale": "en-US", "localTimezone": "Europe/Berlin"});
    let answered = json!({"type": "message", "id": "c|0000002", "text": "Connecting [1].\n\n[1]: cite:1 \"T\"", "from": bot,
        "timestamp": 1_790_000_000, "replyToId": "c|0000001", "suggestedActions": {"actions": [{"title": "Yes", "value": "y"}]},
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard",
            "body": [{"type": "TextBlock", "text": "Ticket"}, {"type": "FactSet", "facts": [{"title": "S", "value": "N"}]}]}}]});
    let variables = json!({"va_AgentMessage": "Help", "va_LastPhrases": ["a", "b"], "va_Language": "en-US", "va_Topics": [],
        "SupportQueue": "IT", "Device": {"Model": "L"}, "Category": {"$kind": "OptionDataValue", "value": "Hardware"},
        "ServiceNowTopicId": "0a1b2c3d4e5f60718293a4b5c6d7e8f9"});
    let event = json!({"type": "event", "name": "handoff.initiate", "id": "c|0000003", "from": bot, "value": variables,
        "replyToId": "c|0000001", "relatesTo": {"activityId": "c|0000001", "user": user},
        "attachments": [{"contentType": "application/json", "name": "Transcript",
            "content": {"activities": [asked, answered]}}]});
    let handoff = json!({"type": "handoff", "id": "c|0000003", "from": bot,
        "value": {"type": "transferToAgent", "message": "Help", "context": variables}});
    let later = json!({"type": "message", "id": "c|0000004", "text": "hello?", "from": user});
    vec![
        json!({"activities": [answered, event, asked, later], "watermark": "00004-17"}),
        json!({"activities": [asked, answered, handoff, later], "watermark": 4}),
        json!({"activities": [event], "watermark": null}),
        json!({"activities": []}),
    ]
}
