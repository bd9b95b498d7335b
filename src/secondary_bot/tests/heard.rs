//! What of all that the agent says answers an action, and what the words beside it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use super::{doubt::answer_by, *};
use crate::{
    far_end::testing::{FarEnd, Reply},
    ledger::journal::{MemoryJournal, encode},
    secondary_bot::converse::Heard,
    translate::secondary_bot::{
        Said,
        answer::{Answered, answer as reads},
    },
};

/// What a primary bot gets for an action, with or without a text, of an agent that answers one of the two. `tells`: whether
/// Direct Line answers a post with its id.
async fn with_an_answer_to(what: &str, body: &Value, tells: bool) -> (Vec<String>, Arc<Value>) {
    let store = MemoryJournal::default();
    let mut asks = asked(body);
    (asks.at, asks.asynchronous) = (Timestamp::now(), false);
    for fact in [Fact::Asked(asks), opened(0)] {
        store.push("secondary/s:s", &encode(&fact));
    }
    let (posted, what) = (Mutex::new(Vec::new()), what.to_owned());
    let direct_line = FarEnd::start(move |heard, _| {
        let mut posted = posted.lock().unwrap();
        if heard.method == "POST" {
            let (id, mut echo) = (format!("dl|{}", posted.len()), heard.json());
            echo["id"] = id.as_str().into();
            let is_asked = echo["type"] == what;
            posted.push(echo);
            if is_asked {
                let answer = json!({"type": "message", "id": format!("{id}.answer"), "text": "Here I am.",
                    "from": {"id": "bot", "role": "bot"}, "replyToId": id});
                posted.push(answer);
            }
            return if tells { Reply::json(200, &json!({"id": id})) } else { Reply::text(204, "") };
        }
        Reply::json(200, &json!({"activities": *posted, "watermark": "2"}))
    });
    let answer = answer_by(&direct_line, &store, 0, Some(2_500)).await;
    let said = answer["body"].as_array().expect("elements").iter();
    let said = said.map(|element| element["value"].as_str().unwrap_or("?").to_owned()).collect();
    (said, answer)
}

#[tokio::test]
async fn an_answer_to_the_switch_itself_opens_the_topic_whatever_becomes_of_the_text_beside_it() {
    let body = json!({"requestId": "1", "userId": "ada", "action": "SWITCH", "topic": {"name": "VPN"},
        "message": {"text": "my vpn is down"}});
    for tells in [true, false] {
        let (said, answer) = with_an_answer_to("event", &body, tells).await;
        assert_eq!((said, answer.get("completed")), (vec!["Here I am.".to_owned()], None), "{tells}");
    }
}

#[tokio::test]
async fn a_wish_that_only_its_text_is_answered_of_finds_nobody_whether_or_not_posts_are_told_their_ids() {
    let body =
        json!({"requestId": "1", "userId": "ada", "action": "AGENT", "message": {"text": "How are you?"}});
    for tells in [true, false] {
        let (said, answer) = with_an_answer_to("message", &body, tells).await;
        assert_eq!(said, ["Here I am.", "No person can be reached here."], "{tells}");
        assert_eq!(answer["takeControl"], true, "{tells}");
    }
}

#[test]
fn words_in_doubt_are_told_of_though_the_action_beside_them_is_answered() {
    let body = json!({"action": "SWITCH", "topic": {"name": "VPN"}, "message": {"text": "my vpn is down"}});
    let state = session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]);
    for (reply_to, doubtful) in [("event", true), ("words", false)] {
        let mut heard = Heard::default();
        (heard.in_doubt, heard.acted) = (Some("0.1".to_owned()), BTreeSet::from(["event".to_owned()]));
        let welcome = json!({"type": "message", "text": "Welcome.", "replyToId": reply_to});
        heard.activities = vec![serde_json::from_value(welcome).expect("an activity")];
        let answer = Answer::of("s", planned(&state, None), heard, &[], &Words::default());
        assert_eq!((answer.elements.len(), answer.over), (1 + usize::from(doubtful), false), "{answer:?}");
    }
}

#[test]
fn a_wish_for_a_person_that_may_be_lost_gives_control_back_and_asks_for_nothing_again() {
    let (doubt, none) = ("I can't tell whether your message arrived.", "No person can be reached here.");
    for (text, told) in [(None, &[none][..]), (Some("hi"), &[doubt, none])] {
        let mut body = json!({"action": "AGENT"});
        body.as_object_mut().unwrap().extend(text.map(|text| ("message".to_owned(), json!({"text": text}))));
        let state = session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]);
        for lost in [false, true] {
            let mut heard = Heard::default();
            (heard.in_doubt, heard.lost) = (Some("0.0".to_owned()).filter(|_| !lost), lost);
            let answer = Answer::of("s", planned(&state, None), heard, &[], &Words::default());
            let said: Vec<_> =
                answer.elements.iter().map(|e| e["value"].as_str().unwrap_or_default()).collect();
            let is_told = said.iter().zip(told).all(|(said, told)| said.starts_with(told));
            assert!(is_told && said.len() == told.len() && answer.take_control, "{text:?} {lost}: {said:?}");
        }
    }
}

#[test]
fn who_wishes_for_something_behind_an_end_that_came_unasked_is_not_told_to_say_it_again() {
    let late = |kind: &str, text: &str| {
        serde_json::from_value(json!({"type": kind, "text": text})).expect("an activity")
    };
    let (bye, none) = ("Still there? I end this.", "No person can be reached here.");
    let (doubt, closed) = ("I can't tell whether your message arrived.", "The conversation has ended.");
    for (action, text, told, takes) in [
        ("AGENT", None, &[bye, none][..], true),
        ("AGENT", Some("hi"), &[bye, doubt, none], true),
        ("SWITCH", None, &[bye, "That topic can't be opened here.", closed], false),
        ("SWITCH", Some("hi"), &[bye, doubt], false),
        ("START_CREATED_CONVERSATION", None, &["", bye], false),
    ] {
        let mut body = json!({"action": action, "topic": {"name": "VPN"}});
        body.as_object_mut().unwrap().extend(text.map(|text| ("message".to_owned(), json!({"text": text}))));
        let state = session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]);
        let mut heard = Heard::default();
        heard.activities = vec![late("message", bye), late("endOfConversation", "")];
        heard.late = BTreeSet::from([0, 1]);
        let answer = Answer::of("s", planned(&state, None), heard, &[], &Words::default());
        let said: Vec<_> = answer.elements.iter().map(|e| e["value"].as_str().unwrap_or_default()).collect();
        let is_told = said.iter().zip(told).all(|(said, told)| said.starts_with(told));
        assert!(is_told && said.len() == told.len(), "{action} {text:?}: {said:?}");
        assert_eq!((answer.take_control, answer.completed), (takes, !takes), "{action} {text:?}");
    }
}

#[test]
fn a_message_that_shows_nothing_is_no_answer_and_takes_no_doubt_away() {
    let message = |value: Value| serde_json::from_value(value).expect("an activity");
    let late = json!({"type": "message", "text": "And one more thing."});
    let (none, doubt) = ("I have no answer to that.", "I can't tell whether your message arrived.");
    for empty in [
        json!({"type": "message", "text": "", "attachments": []}),
        json!({"type": "message", "text": "  "}),
        json!({"type": "message", "attachments": [{"contentType": "video/mp4"}]}),
    ] {
        for (body, in_doubt, told) in [
            (json!({"message": {"text": "hi"}}), false, none),
            (json!({"message": {"text": "hi"}}), true, doubt),
            (json!({"action": "AGENT"}), false, "No person can be reached here."),
            (json!({"action": "SWITCH", "topic": {"name": "x"}}), false, "That topic can't be opened here."),
        ] {
            let state = session_of(&[Fact::Asked(asked(&body)), leased(0, 1), opened(0)]);
            let mut heard = Heard::default();
            heard.activities = vec![message(late.clone()), message(empty.clone())];
            (heard.late, heard.in_doubt) = (BTreeSet::from([0]), in_doubt.then(|| "0.0".to_owned()));
            let answer = Answer::of("s", planned(&state, None), heard, &[], &Words::default());
            let said = answer.elements.get(1).and_then(|said| said["value"].as_str()).unwrap_or_default();
            assert!(said.starts_with(told), "{body} {empty}: {answer:?}");
        }
    }
}

#[test]
fn what_a_wish_beside_a_password_is_answered_with_is_unlike_what_was_offered_before() {
    let offer = |k: &str, title: &str| json!({"type": "postBack", "title": title, "value": {"k": k}});
    let card = json!({"type": "AdaptiveCard", "body": [{"type": "Input.Text", "id": "pin", "style": "password", "label": "PIN"}]});
    let message = |actions: &[Value], card: Option<&Value>| {
        let card = card
            .map(|card| json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": card}));
        let message = json!({"type": "message", "text": "Well?", "suggestedActions": {"actions": actions},
            "attachments": card.into_iter().collect::<Vec<_>>()});
        serde_json::from_value(message).expect("an activity")
    };
    for wish in [json!({"action": "AGENT"}), json!({"action": "SWITCH", "topic": {"name": "x"}})] {
        let before = [message(&[offer("old", "Reset"), offer("help", "Help")], Some(&card))];
        let before = Said::default().hearing(&before, &[], "t", &Words::default()).pending;
        let mut state = asked_for_a_pin();
        state.pending = before;
        state.apply(&Fact::Asked(asked(&wish)));
        let mut heard = Heard::default();
        heard.activities = vec![message(&[offer("new", "Reset"), offer("more", "More")], None)];
        let answer = Answer::of("s", planned(&state, None), heard, &[], &Words::default());
        let values = answer.elements[0]["options"].as_array().expect("a picker").iter();
        let values: Vec<_> = values.map(|option| option["value"].clone()).collect();
        assert_eq!(values, ["Reset (2)", "More"], "{wish}");
        let pending = answer.pending.expect("a question");
        assert!(pending.is_secret(), "{wish}");
        for (typed, k) in [("Reset (2)", "new"), ("Reset", "old"), ("Help", "help"), ("More", "more")] {
            let Answered::Post(fields) = reads(&pending, typed, &Words::default()) else { panic!("{typed}") };
            assert_eq!(fields["value"], json!({"k": k}), "{typed}");
        }
    }
}

#[test]
fn a_wish_for_a_person_that_was_given_up_in_doubt_gives_control_back() {
    for (text, said) in [(None, 1), (Some("hi"), 2)] {
        let mut body = json!({"action": "AGENT"});
        body.as_object_mut().unwrap().extend(text.map(|text| ("message".to_owned(), json!({"text": text}))));
        let asked = asked(&body);
        let state = session_of(&[Fact::Asked(asked.clone()), leased(0, 1), opened(0)]);
        let answer = Answer::given_up(&state, 0, &asked, Why::MayHaveArrived, &Words::default());
        assert_eq!((answer.elements.len(), answer.take_control), (said, true), "{answer:?}");
        assert_eq!(answer.elements[said - 1]["value"], "No person can be reached here.");
    }
}
