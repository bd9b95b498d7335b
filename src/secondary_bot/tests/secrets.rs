use super::*;
use crate::{
    domain::MASKED,
    secondary_bot::{converse::Heard, plan::Plan},
    wire::json::{self, Read},
};

mod kept;

#[test]
fn what_is_typed_while_a_secret_is_asked_for_is_stored_nowhere_whatever_it_comes_with() {
    for (what, body) in [
        (What::Say, json!({"requestId": "2", "message": {"text": "4711", "typed": true}})),
        (What::Say, json!({"requestId": "2", "message": "4711"})),
        (What::Say, json!({"requestId": "2", "message": [{"text": "4711"}]})),
        (What::Agent, json!({"requestId": "2", "action": "AGENT", "message": {"text": "4711"}})),
        (What::Start, json!({"requestId": "2", "action": "START_CONVERSATION", "message": {"text": "4711"}})),
        (
            What::StartCreated,
            json!({"requestId": "2", "action": "START_CREATED_CONVERSATION", "message": {"text": "4711"}}),
        ),
        (
            What::Switch { to: json!({"topicName": "VPN"}) },
            json!({"requestId": "2", "action": "SWITCH", "topic": "VPN", "message": {"text": "4711"}}),
        ),
        (What::End, json!({"requestId": "2", "action": "END_CONVERSATION", "message": {"text": "4711"}})),
    ] {
        let state = asked_for_a_pin();
        let incoming = incoming(&body);
        let held = incoming.words().map(|_| whisper("a", "m"));
        let asked = asked_of(&state, &held.into_iter().fold(incoming, Incoming::whispered));
        let stored = serde_json::to_string(&Fact::Asked(asked.clone())).expect("JSON");
        assert!(!stored.contains("4711"), "{stored}");
        assert_eq!((&asked.what, asked.whisper.is_some()), (&what, what != What::End), "{body}");
        // While it is worked on, the next words are no less secret.
        let mut state = state;
        state.apply(&Fact::Asked(asked));
        assert!(state.is_secret(), "{body}");
    }
}

#[test]
fn a_primary_bot_that_tells_its_history_with_a_secret_has_dots_stored_for_it() {
    let history = json!([{"isBotMessage": false, "type": "text", "value": "it is 4711"}]);
    let body = json!({"requestId": "2", "message": {"text": "4711"}, "history": history,
        "contextVariables": {"last": " 4711", "n": [{"deep": "4711"}]}, "clientVariables": {"last": "4711", "trace": "x"}});
    let asked = asked_of(&asked_for_a_pin(), &incoming(&body).whispered(whisper("a", "m")));
    let stored = serde_json::to_string(&Fact::Asked(asked.clone())).expect("JSON");
    assert!(!stored.contains("4711"), "{stored}");
    assert_eq!(asked.echo["clientVariables"]["trace"], "x");
    let open = asked_of(&session_of(&[]), &incoming(&body));
    assert_eq!(open.echo["clientVariables"]["last"], "4711", "no secret was asked for");
}

/// A session in which the agent was told this PIN.
fn told_a_pin(secret: &str) -> State {
    told_another(asked_for_a_pin(), secret)
}

fn told_another(mut state: State, secret: &str) -> State {
    state.pending = pin();
    let position = state.position;
    let body = json!({"requestId": secret, "message": {"text": secret}});
    let whispered = incoming(&body).whispered(whisper("a", &marks().mark(secret)));
    state.apply(&Fact::Asked(asked_of(&state, &whispered)));
    state.apply(&leased(position, 1));
    state.apply(&answered(position, |_| {}));
    state.apply(&settled(position, 1, Settlement::Done));
    state
}

#[test]
fn a_history_that_comes_later_has_dots_for_what_was_said_in_secret() {
    let told = |value: &str| {
        let history = json!([
            {"isBotMessage": true, "type": "text", "value": "Your PIN, please. It is not 12: 47."},
            {"isBotMessage": false, "type": "text", "value": value},
            {"isBotMessage": false, "type": "text", "value": "That is all"},
        ]);
        let body = json!({"requestId": "3", "action": "SEND_HISTORY", "history": history});
        incoming(&body).with_marks(&marks())
    };
    for words in ["47", "pin-4711-pin"] {
        let state = told_a_pin(words);
        let stored = |told: &Incoming| serde_json::to_string(&asked_of(&state, told)).expect("JSON");
        let later = stored(&told(&format!(" {words} ")));
        assert!(!later.contains(&format!("User: {words}")) && later.contains("That is all"), "{later}");
        assert!(stored(&told("another")).contains("another"));
    }
}

#[test]
fn what_was_said_in_secret_is_known_inside_later_sentences_and_variables_too() {
    for (secret, sentence) in [
        ("4711", "I said 4711."),
        ("4711", "(4711) it was"),
        ("4711", "Thanks for \"4711\"!"),
        ("4711", "4711"),
        ("739", "The code is 739, as printed."),
        ("van der Berg", "Her name was (van der Berg)."),
        ("4711", "PIN:4711"),
        ("4711", "pin=4711"),
        ("4711", "PIN-4711"),
        ("4711", "my_4711"),
        ("4711", "<p>4711</p>"),
        ("4711", "https://h/x?pin=4711&a=1"),
        ("4711", "a,4711,b"),
        ("4711", r#"{"a":1,"pin":"4711","z":2}"#),
        ("S3cretx!", r#"it was "S3cretx!", ok"#),
        ("S3cretx!", "S3cretx!, ok"),
        ("Ques8pin?", "I typed Ques8pin?."),
        ("p@ss-w0rd", "it is(p@ss-w0rd)"),
        ("Kö8lnér", "«Kö8lnér»"),
        ("correct horse battery staple", "Two lines:\nit was correct horse battery staple, I think"),
    ] {
        let state = told_a_pin(secret);
        let number: Value = secret.parse::<u64>().map_or(Value::Null, Value::from);
        let body = json!({"requestId": "3", "action": "SEND_HISTORY",
            "history": [{"isBotMessage": true, "type": "text", "value": sentence}],
            "contextVariables": {"last": [sentence], sentence: {sentence: 1}, "kept": "4712", "number": number}, "clientVariables": {"last": sentence, sentence: 1}});
        let told = incoming(&body).with_marks(&marks());
        let stored = serde_json::to_string(&asked_of(&state, &told)).expect("JSON");
        assert!(!stored.contains(secret) && stored.contains("4712"), "{sentence}: {stored}");
        // A digest of what is hidden would tell it to who tries out.
        let first = asked_of(&state, &told);
        assert!(first.key != incoming(&body).asked.key && first.key.is_some(), "{sentence}");
        let mut after = state.clone();
        after.apply(&Fact::Asked(first));
        assert!(matches!(told.accept(&after, Timestamp(9)), Accepted::Repeat(_)), "{sentence}");
    }
}

#[test]
fn a_number_that_was_said_in_secret_is_known_with_all_its_digits() {
    for (secret, number) in [("110169484474386276334", "110169484474386276334"), ("4711", "4711.10")] {
        let state = told_a_pin(secret);
        let body = format!(
            r#"{{"requestId": "3", "action": "SEND_HISTORY", "clientVariables": {{"last": {number}}}}}"#
        );
        let Ok(Read { value: Value::Object(fields), .. }) = json::read(body.as_bytes()) else {
            panic!("{body}")
        };
        let incoming = Incoming::read(Request::of(fields.clone()), &fields, true, None, &Texts::default());
        let stored = asked_of(&state, &incoming.with_marks(&marks()));
        assert_eq!(stored.echo["clientVariables"]["last"], MASKED, "{number}");
    }
}

#[test]
fn a_secret_that_holds_another_and_one_in_two_lines_of_the_history_leave_nothing_behind() {
    let state = told_another(told_a_pin("4711"), "pin-4711-pin");
    let history = ["4711", "I said 4711", "pin-4711-pin"].map(|value| json!({"value": value}));
    let body = json!({"requestId": "3", "action": "SEND_HISTORY", "history": history});
    let stored = asked_of(&state, &incoming(&body).with_marks(&marks()));
    let told = serde_json::to_string(&stored).expect("JSON");
    assert!(!told.contains("4711") && !told.contains("pin-"), "{told}");
}

#[test]
fn what_was_said_in_secret_is_known_however_much_is_asked_after_it() {
    let mut state = told_a_pin("4711");
    let body = json!({"requestId": "3", "action": "SEND_HISTORY", "history": [{"value": "it was 4711"}]});
    let note = asked(&json!({"action": "SEND_HISTORY"}));
    (0..100).for_each(|_| state.apply(&Fact::Asked(note.clone())));
    let late = asked_of(&state, &incoming(&body).with_marks(&marks()));
    assert!(!serde_json::to_string(&late).expect("JSON").contains("4711"));
}

#[test]
fn what_a_primary_bot_tells_while_a_secret_is_asked_for_is_its_answer_too() {
    let history = json!([{"isBotMessage": false, "value": "my name is Ada"}, {"isBotMessage": true, "value": "Your PIN?"},
        {"isBotMessage": false, "value": "4711"}, {"isBotMessage": false, "value": "I mean 4712"}]);
    for body in [
        json!({"requestId": "2", "action": "SEND_HISTORY", "history": history}),
        json!({"requestId": "2", "message": {"text": ""}, "history": history}),
        json!({"requestId": "2", "message": {"text": "4711", "clientMessageId": "4711"}, "history": history}),
        json!({"requestId": "2", "message": {"text": 4711, "clientMessageId": 4711}, "history": history}),
    ] {
        let state = asked_for_a_pin();
        let incoming = incoming(&body).with_marks(&marks());
        let held = incoming.words().map(|_| whisper("a", "m"));
        let incoming = held.into_iter().fold(incoming, Incoming::whispered);
        let asked = asked_of(&state, &incoming);
        let stored = serde_json::to_string(&asked).expect("JSON");
        assert!(!stored.contains("471") && stored.contains("my name is Ada"), "{stored}");
        assert!(asked.key.is_some() && asked.key != incoming.asked.key, "its digest would tell: {body}");
        let mut after = state.clone();
        after.apply(&Fact::Asked(asked));
        assert!(matches!(incoming.accept(&after, Timestamp(9)), Accepted::Repeat(_)), "{body}");
    }
    let plain = asked(&json!({"requestId": "2", "action": "SEND_HISTORY", "history": history}));
    assert!(serde_json::to_string(&plain).expect("JSON").contains("I mean 4712"), "no secret was asked for");
}

#[test]
fn a_question_for_a_secret_stays_open_when_a_person_or_a_topic_is_asked_for() {
    for body in [json!({"action": "AGENT"}), json!({"action": "SWITCH", "topic": {"name": "VPN"}})] {
        let asked_with = |mut state: State, said: &[Value]| {
            let position = state.position;
            state.apply(&Fact::Asked(asked_of(&state, &incoming(&body))));
            let queued = state.outbox.get(CallId(position, 0)).expect("queued").clone();
            let said = said.iter().cloned().map(serde_json::from_value);
            let mut heard = Heard::default();
            heard.activities = said.collect::<Result<_, _>>().expect("activities");
            let answer = Answer::of("s", planned(&state, None), heard, &[], &Words::default());
            settle(&state, &queued, &Outcome::Done(Some(answer))).iter().for_each(|fact| state.apply(fact));
            state
        };
        let offer = |title: &str| json!({"type": "imBack", "title": title, "value": title});
        let says = json!({"type": "message", "text": "Not now."});
        let offers = json!({"type": "message", "suggestedActions": {"actions": [offer("Yes"), offer("No")]}});
        let ends = json!({"type": "endOfConversation"});
        assert!(asked_with(asked_for_a_pin(), std::slice::from_ref(&says)).is_secret(), "{body}");
        assert!(!asked_with(asked_for_a_pin(), &[says, ends]).is_secret(), "{body}: it is over");
        let open = asked_with(session_of(&[]), &[offers]);
        assert!(matches!(open.pending, Pending::Choices { .. }), "{body}");
    }
}

#[test]
fn the_key_of_a_secret_tells_nothing_of_its_words() {
    let state = asked_for_a_pin();
    let key = |text: &str| {
        let body = json!({"requestId": "2", "message": {"text": text}});
        asked_of(&state, &incoming(&body).whispered(whisper("a", text))).key
    };
    assert!(key("4711").is_some());
    assert_eq!(key("4711"), key("1234"));
}

#[test]
fn the_answer_to_a_secret_question_is_posted_as_the_cards_value() {
    for action in [Value::Null, json!("AGENT"), json!("START_CONVERSATION")] {
        let mut state = asked_for_a_pin();
        let mut body = json!({"requestId": "2", "message": {"text": "4711"}});
        if !action.is_null() {
            body["action"] = action;
        }
        let asked = asked_of(&state, &incoming(&body).whispered(whisper("a", "m")));
        state.apply(&Fact::Asked(asked));
        let post = planned(&state, Some("4711")).posts.pop().expect("a post");
        assert_eq!(post.fields["value"], json!({"pin": "4711"}));
    }
}

/// The state once this request is taken and answered so.
fn after(mut state: State, body: &Value, more: &[Fact], answer: Answer) -> State {
    let position = state.position;
    state.apply(&Fact::Asked(asked_of(&state, &incoming(body))));
    more.iter().for_each(|fact| state.apply(fact));
    let queued = state.outbox.get(CallId(position, 0)).expect("queued").clone();
    settle(&state, &queued, &Outcome::Done(Some(answer))).iter().for_each(|fact| state.apply(fact));
    state
}

fn left_idle(mut state: State) -> State {
    let idle = Command::Idle { now: Timestamp(9_000_000), tells: true };
    let Decided::Facts(facts) = Dialogue::default().decide(&state, &idle, Timestamp(0)) else {
        panic!("not ended")
    };
    facts.iter().for_each(|fact| state.apply(fact));
    state
}

#[test]
fn what_is_typed_for_a_secret_that_is_asked_for_no_more_goes_nowhere_and_the_next_words_are_open() {
    let start = json!({"requestId": "7", "action": "START_CONVERSATION"});
    let create = json!({"requestId": "7", "action": "CREATE_CONVERSATION"});
    let zone = json!({"requestId": "8", "action": "SET_USER_TIMEZONE", "timezone": "UTC"});
    let silence = |body: &Value| {
        let plan = plan(&session_of(&[]), &asked(body), "".into(), &Words::default());
        Answer::of("s", plan, Heard::default(), &[], &Words::default())
    };
    let mut gone = Heard::behind(&asked_for_a_pin());
    gone.lost = true;
    let hi = json!({"requestId": "7", "message": {"text": "hi"}});
    let lost = Answer::of("s", Plan::default(), gone, &[], &Words::default());
    for (state, lost) in [
        (asked_for_a_pin(), true),
        (left_idle(asked_for_a_pin()), false),
        (after(left_idle(asked_for_a_pin()), &start, &[opened(9)], silence(&start)), false),
        (after(left_idle(asked_for_a_pin()), &create, &[opened(9)], silence(&create)), false),
        (after(left_idle(asked_for_a_pin()), &zone, &[], Answer::default()), false),
        (after(asked_for_a_pin(), &start, &[opened(5)], silence(&start)), false),
        (after(asked_for_a_pin(), &hi, &[], lost.clone()), true),
        (after(asked_for_a_pin(), &hi, &[], Answer::out_of_reach("s", &Words::default())), false),
    ] {
        for action in [Value::Null, json!("AGENT"), json!("START_CONVERSATION")] {
            let mut state = state.clone();
            let mut body = json!({"requestId": "9", "message": {"text": "4711"}});
            if !action.is_null() {
                body["action"] = action;
            }
            let position = state.position;
            let asked = asked_of(&state, &incoming(&body).whispered(whisper("a", "m")));
            assert!(asked.whisper.is_some() && asked.text.is_empty(), "{body}");
            state.apply(&Fact::Asked(asked));
            if lost {
                state.apply(&opened(position));
            }
            let plan = planned(&state, Some("4711"));
            assert_eq!((plan.posts.len(), plan.open), (0, None), "{body} {plan:?}");
            let answer = Answer::of("s", plan, Heard::default(), &[], &Words::default());
            assert!(is_closed(&answer.elements[0]), "{answer:?}");
            let queued = state.outbox.get(CallId(position, 0)).expect("queued").clone();
            let facts = settle(&state, &queued, &Outcome::Done(Some(answer)));
            facts.iter().for_each(|fact| state.apply(fact));
            assert!(!state.is_secret(), "{body}");
        }
    }
}

fn is_closed(element: &Value) -> bool {
    element["value"].as_str().is_some_and(|text| text.starts_with("That question is no longer open"))
}

#[test]
fn what_is_typed_while_a_secret_is_on_its_way_answers_no_other_question() {
    let name = json!({"asks": "form", "steps": [{"id": "n", "prompt": "Name", "required": true, "kind": {"kind": "text", "secret": false}}]});
    let name: Pending = serde_json::from_value(name).expect("a form");
    for asks in [Pending::Nothing, Pending::Choices { choices: vec![] }, name] {
        let mut state = asked_for_a_pin();
        let first = state.position;
        for (id, mark) in [("2", "m"), ("3", "n")] {
            let body = json!({"requestId": id, "message": {"text": "4711"}});
            state.apply(&Fact::Asked(asked_of(&state, &incoming(&body).whispered(whisper("a", mark)))));
        }
        state.apply(&leased(first, 1));
        state.apply(&answered(first, |given| given.pending = asks.clone()));
        state.apply(&settled(first, 1, Settlement::Done));
        let Plan { posts, answer, .. } = planned(&state, Some("4711"));
        assert_eq!((posts.len(), answer.pending), (0, Some(asks.clone())), "{asks:?}");
        assert_eq!(answer.elements.len(), 1 + usize::from(asks.form().is_some()), "{asks:?}");
        assert_eq!(is_closed(&answer.elements[0]), asks.form().is_none(), "{asks:?}");
    }
}
