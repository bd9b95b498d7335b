//! Questions of every kind, asked, answered and left alone over several chats, by whatever was ever shown.

use serde_json::{Value, json};
use servicenow_handoff::{
    domain::SessionId,
    session::{Command, Fact, Notice, Opening, ToAgent, UserSaid},
    simulate::servicenow::samples,
    translate::{
        answer::{Amiss, answer_one},
        takeover,
        texts::Words,
    },
    wire::{activity::Activity, virtual_agent::response::Response},
};

use super::{bend::Random, run};
use crate::pure::{Talk, escalation};

/// ServiceNow gets one documented message in the present chat, or none, and then the user reads why.
#[test]
fn any_reaction_to_anything_shown_is_told_in_its_own_chat_or_the_user_is_told_why_not() {
    let bodies: Vec<Value> = samples::all().into_iter().flat_map(|sample| sample.bodies).collect();
    run(
        "questions",
        |_| Vec::new(),
        |_, random| {
            let mut talk = Talk::live();
            let (mut shown, mut said) = (Vec::new(), Vec::<Activity>::new());
            for step in 0..24 {
                match random.below(8) {
                    0..3 => hear(&mut talk, random.pick(&bodies), &mut shown),
                    3 => hear(&mut talk, random.pick(&ENDS), &mut shown),
                    _ => {
                        let activity = match said.len() {
                            0 => react(&shown, step, random),
                            known if random.one_in(6) => said[random.below(known)].clone(),
                            _ => react(&shown, step, random),
                        };
                        let again = said
                            .iter()
                            .any(|other| takeover::client_id(other) == takeover::client_id(&activity));
                        answered(&mut talk, &activity, again);
                        said.push(activity);
                    }
                }
                next_chat(&mut talk);
            }
        },
    );
}

const ENDS: [&str; 3] = [
    r#"{"body": [{"uiType": "ActionMsg", "actionType": "TopicFinished"}]}"#,
    r#"{"completed": true, "body": []}"#,
    r#"{"takeControl": true, "body": [{"uiType": "Boolean", "label": "Was that all?", "options": [{"label": "Yes", "value": "y"}]}]}"#,
];

fn hear(talk: &mut Talk, body: &(impl ToString + ?Sized), shown: &mut Vec<Value>) {
    let response = Response::parse(body.to_string().as_bytes()).expect("JSON");
    shown.extend(talk.hear(response).activities);
    talk.deliver();
}

/// Another chat follows the one that is over.
fn next_chat(talk: &mut Talk) {
    if talk.state.is_live() {
        return;
    }
    let conversation = format!("bot-{}", talk.state.chat);
    talk.on(Command::BotReturned { conversation, token: None, instead_of: None });
    let segment = talk.state.segments.len() - 1;
    let request = Box::new(escalation(Opening::CreateThenStart));
    talk.on(Command::Escalated { segment, request, said: vec![] });
    talk.deliver();
    assert!(talk.state.is_live(), "a chat of its own");
}

/// Presses something that was ever shown, here or elsewhere, or types.
fn react(shown: &[Value], step: usize, random: &mut Random) -> Activity {
    let mut found = Vec::new();
    shown.iter().for_each(|activity| pressable(activity, &mut found));
    let mut activity = json!({"type": "message", "from": {"id": "dana", "role": "user"},
        "channelData": {"clientActivityID": format!("c{step}")}});
    if found.is_empty() || random.one_in(3) {
        activity["text"] =
            (*random.pick(&["hello", "Option 2", "option 3", "yes", "2026-03-05", "9:05", "Skip", "2", " "]))
                .into();
        return serde_json::from_value(activity).expect("an activity");
    }
    let mut value = random.pick(&found).clone();
    for input in ["answer", "date", "time"] {
        value[input] =
            (*random.pick(&["value_1", "value_1,value_3", "2026-03-05", "09:05", "4711", "", "other"]))
                .into();
    }
    match random.below(6) {
        0 => value["serviceNowIn"] = "elsewhere".into(),
        1 => value["serviceNowAsked"] = random.below(40).into(),
        _ => {}
    }
    activity["value"] = value;
    serde_json::from_value(activity).expect("an activity")
}

fn pressable(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Array(list) => list.iter().for_each(|entry| pressable(entry, found)),
        Value::Object(map) => {
            let ours = map.contains_key("serviceNowAnswer") || map.contains_key("serviceNowQuestion");
            found.extend(ours.then(|| value.clone()));
            map.values().for_each(|entry| pressable(entry, found));
        }
        _ => {}
    }
}

fn answered(talk: &mut Talk, activity: &Activity, again: bool) {
    let open = talk.state.questions.open().to_vec();
    let answer = answer_one(activity, &talk.state.conversation, &open, &Words::default());
    let pressed = activity.value.as_ref();
    let elsewhere = pressed.is_some_and(|value| value["serviceNowIn"] == "elsewhere");
    let asked = pressed.and_then(|value| value["serviceNowAsked"].as_u64());
    let closed = asked.is_some_and(|asked| !open.iter().any(|(at, _)| *at == asked));
    let words = UserSaid {
        message: None,
        answers: answer.question,
        ..takeover::said(activity, &Words::default(), talk.now)
    };
    let heard = match answer.amiss {
        Some(amiss) => {
            let why = match amiss {
                Amiss::Closed => Notice::QuestionClosed,
                Amiss::Missing(what) => Notice::Missing { what },
            };
            talk.on(Command::NotTaken { said: Box::new(words), why })
        }
        None => {
            let message = ToAgent { text: answer.text.clone(), typed: answer.typed, ..ToAgent::default() };
            talk.on(Command::UserSaid(Box::new(UserSaid { message: Some(message), ..words })))
        }
    };
    let session =
        SessionId { conversation: talk.state.conversation.clone(), chat: talk.state.chat }.to_string();
    let requests = talk.deliver();
    let told: Vec<_> = requests.iter().filter(|request| request["action"].is_null()).collect();
    let noticed = heard.facts.iter().any(|fact| matches!(fact, Fact::Noticed { .. }));
    if again {
        assert!(told.is_empty() && heard.facts.is_empty(), "a repeat: {told:?} {:?}", heard.facts);
        return;
    }
    assert_eq!(told.len(), usize::from(!noticed), "{activity:?}: {told:?}");
    assert!(!(elsewhere || closed) || noticed, "pressed where nothing is asked: {activity:?}");
    for request in told {
        assert_eq!(request["clientSessionId"], session.as_str());
        assert_eq!(
            (&request["message"]["text"], &request["message"]["typed"]),
            (&json!(answer.text), &json!(answer.typed))
        );
        assert!(!answer.text.trim().is_empty());
    }
}
