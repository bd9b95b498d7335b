//! A secret on its way: said again, lost, or still asked for.

use super::*;

#[test]
fn the_same_secret_again_is_known_by_its_id_and_its_words() {
    let say = |id: &str, by: &str, mark: &str| {
        incoming(&json!({"requestId": id, "message": {"text": "4711"}})).whispered(whisper(by, mark))
    };
    let mut state = asked_for_a_pin();
    let first = state.position;
    let mut asked = asked_of(&state, &say("2", "a", "m"));
    asked.at = Timestamp(0);
    state.apply(&Fact::Asked(asked));
    let known = |state: &State, incoming: Incoming, at: i64| match incoming.accept(state, Timestamp(at)) {
        Accepted::Repeat(known) => Some(known),
        Accepted::New(_) => None,
    };
    let answered = |pending: Pending| {
        let mut state = state.clone();
        state.apply(&leased(first, 1));
        state.apply(&answered(first, |given| given.pending = pending.clone()));
        state.apply(&settled(first, 1, Settlement::Done));
        state
    };
    let (over, anew) = (answered(Pending::Nothing), answered(pin()));
    for state in [&state, &over, &anew] {
        assert_eq!(known(state, say("2", "a", "m"), 700), Some(first), "the same request");
        assert_eq!(known(state, say("2", "b", "m"), 700), Some(first), "on another instance");
        assert_eq!(known(state, say("2", "b", "other"), 700), None, "other words under one id");
    }
    assert_eq!(known(&state, say("3", "a", "m"), 700), Some(first), "a double click");
    assert_eq!(known(&state, say("3", "b", "m"), 700), Some(first), "that lands on two instances");
    assert_eq!(known(&over, say("3", "a", "m"), 700), Some(first), "a slow one");
    assert_eq!(known(&over, say("3", "a", "m"), 60_000), None, "said again, and meant");
    assert_eq!(known(&anew, say("3", "a", "m"), 700), None, "asked for once more");
}

#[test]
fn a_secret_whose_words_are_gone_is_asked_for_again() {
    let mut state = asked_for_a_pin();
    let position = state.position;
    let body = json!({"requestId": "2", "message": {"text": "4711"}});
    state.apply(&Fact::Asked(asked_of(&state, &incoming(&body).whispered(whisper("a", "m")))));
    let queued = state.outbox.get(CallId(position, 0)).expect("queued").clone();
    let facts = settle(&state, &queued, &Outcome::GivenUp(Why::WordsGone));
    let [Fact::Answered(given), Fact::Settled(_)] = &facts[..] else { panic!("{facts:?}") };
    let elements = given.body["body"].as_array().expect("elements");
    assert_eq!(elements[0]["actionType"], "EndTypingIndicator");
    assert!(elements[1]["value"].as_str().is_some_and(|text| text.starts_with("Your answer may not")));
    assert_eq!((&elements[2]["label"], &elements[2]["maskType"]), (&json!("PIN"), &json!("SECURE")));
    facts.iter().for_each(|fact| state.apply(fact));
    assert!(state.is_secret() && !state.is_busy());
}

#[test]
fn a_secret_that_did_not_get_through_is_told_of() {
    let mut state = asked_for_a_pin();
    let position = state.position;
    let body = json!({"requestId": "2", "message": {"text": "4711"}});
    state.apply(&Fact::Asked(asked_of(&state, &incoming(&body).whispered(whisper("a", "m")))));
    let queued = state.outbox.get(CallId(position, 0)).expect("queued").clone();
    for (why, leaves) in [(Why::MayHaveArrived, false), (Why::Unreachable, true), (Why::Refused, true)] {
        let facts = settle(&state, &queued, &Outcome::GivenUp(why));
        let [Fact::Answered(given), Fact::Settled(_)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!(given.body["body"].as_array().map(Vec::len), Some(2), "{why:?}: {}", given.body);
        assert_eq!(given.body.get("takeControl").is_some(), leaves, "{why:?}");
    }
}

#[test]
fn a_secret_stays_asked_for_when_a_choice_beside_it_is_pressed() {
    let mut state = asked_for_a_pin();
    let Pending::Form(form) = pin() else { panic!("no form") };
    let forgot = json!({"label": "Forgot", "value": "forgot", "reply": {"reply": "text", "text": "forgot"}});
    let beside = vec![serde_json::from_value(forgot).expect("a choice")];
    state.pending = Pending::Form(crate::translate::secondary_bot::Form { beside, ..form });
    let body = json!({"requestId": "2", "message": {"text": "forgot"}});
    let incoming = incoming(&body).whispered(whisper("a", "m")).with_marks(&marks());
    state.apply(&Fact::Asked(asked_of(&state, &incoming)));
    let plan = planned(&state, Some("forgot"));
    assert_eq!(plan.posts[0].fields["text"], "forgot");
    let mut heard = crate::secondary_bot::converse::Heard::default();
    heard.activities =
        vec![serde_json::from_value(json!({"type": "message", "text": "Look there."})).expect("a message")];
    let answer = Answer::of("s", plan, heard, &[], &Words::default());
    assert_eq!(answer.elements.len(), 1, "it is asked already");
    assert!(answer.pending.is_some_and(|pending| pending.is_secret()));
}
