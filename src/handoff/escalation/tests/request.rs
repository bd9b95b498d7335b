//! What is asked of ServiceNow at a hand-off: who the user is, and what of the conversation is known by then.

use super::*;

/// What stands before a hand-off, as Direct Line has it.
fn spoken() -> Value {
    let bot = json!({"id": "bot", "role": "bot"});
    let pin = json!({"type": "Input.Text", "id": "pin", "style": "password"});
    let card = json!({"contentType": "application/vnd.microsoft.card.adaptive",
        "content": {"type": "AdaptiveCard", "body": [pin]}});
    json!({"watermark": "3", "activities": [
        {"type": "message", "id": "1", "text": "Hallo", "locale": "de", "from": {"id": "ann", "name": "Ann", "role": "user"}},
        {"type": "message", "id": "2", "from": bot, "attachments": [card]},
        {"type": "event", "name": "handoff.initiate", "id": "3", "from": bot},
    ]})
}

/// What is asked of ServiceNow when a hand-off comes by itself, with this transcript.
async fn requested(
    direct_line: &FarEnd,
    attachments: Value,
    asked: tokio::time::Instant,
) -> HandoffRequested {
    let here = instance_at(&MemoryJournal::default(), direct_line.url.as_str());
    let id = conversation();
    let entry = here.ledger.begin(&id);
    let event = json!({"type": "event", "name": "handoff.initiate", "id": "3", "attachments": attachments,
        "from": {"id": "bot", "role": "bot"}});
    let batch = ActivitySet::read(json!({"activities": [event]}).to_string().as_bytes()).expect("a set").set;
    let source = Source { asked, ..Source::own(&id, "Bearer a-token") };
    *here.escalations.request(&entry, &batch, 0, &source, None).await.0
}

#[tokio::test]
async fn a_direct_line_that_fails_once_makes_the_user_nobody_else() {
    for failing in [|| Reply::HangUp, || Reply::Answer { status: 503, headers: vec![], body: vec![] }] {
        let direct_line = FarEnd::start(move |_, number| match number {
            0 => failing(),
            _ => Reply::json(200, &spoken()),
        });
        let request = requested(&direct_line, json!([]), tokio::time::Instant::now()).await;
        let User { id, name, locale, .. } = request.user;
        assert_eq!([Some(id), name, locale], ["ann", "Ann", "de"].map(|told| Some(told.to_owned())));
        assert!(!request.history_missing);
    }
}

/// A transcript that does not show the card.
fn transcript(attachments: &Value) -> Value {
    let line =
        json!({"type": "message", "text": "Hello", "from": {"role": "user"}, "attachments": attachments});
    json!([{"contentType": "application/json", "name": "Transcript", "content": {"activities": [line]}}])
}

#[tokio::test]
async fn a_transcript_without_the_card_hides_no_password_and_no_user() {
    let direct_line = FarEnd::start(|_, _| Reply::json(200, &spoken()));
    for attachments in [json!([]), json!([{"contentType": "image/png"}]), json!([{}])] {
        let request = requested(&direct_line, transcript(&attachments), tokio::time::Instant::now()).await;
        assert!(request.history[0].text.starts_with("Hello"), "{:?}", request.history);
        assert!(request.cut.password_inputs.contains("pin"), "{:?}", request.cut);
        assert_eq!(request.user.locale.as_deref(), Some("de"));
        assert!(!request.cut.unread);
    }
}

#[tokio::test]
async fn the_user_is_whom_direct_line_names_and_not_the_transcript() {
    let direct_line = FarEnd::start(|_, _| Reply::json(200, &spoken()));
    for id in ["9f86d081884c7d65", ""] {
        let line = json!({"type": "message", "text": "Hello", "from": {"role": 1, "id": id}});
        let told = json!([{"contentType": "application/json", "name": "Transcript", "content": {"activities": [line]}}]);
        let request = requested(&direct_line, told, tokio::time::Instant::now()).await;
        let User { id, name, locale, .. } = request.user;
        assert_eq!([Some(id), name, locale], ["ann", "Ann", "de"].map(|told| Some(told.to_owned())));
    }
}

#[tokio::test]
async fn a_hand_off_that_took_a_poll_long_to_find_does_not_wait_long_for_its_history() {
    let direct_line = FarEnd::start(|_, _| Reply::Silence);
    let now = tokio::time::Instant::now();
    let request = requested(&direct_line, json!([]), now - Duration::from_secs(15)).await;
    assert!(request.history_missing && now.elapsed() < Duration::from_secs(2), "{:?}", now.elapsed());
}

/// The user of a second hand-off, whose event and words before it are `said`, behind a first one of `user`'s.
async fn handed_over_again(user: &User, said: Value) -> User {
    let direct_line = FarEnd::start(|_, _| Reply::json(200, &json!({"activities": []})));
    let store = MemoryJournal::default();
    let here = instance_at(&store, direct_line.url.as_str());
    let mut chat = Chat { now: Timestamp::now(), ..Chat::new() };
    let first = HandoffRequested { user: user.clone(), ..request(Opening::Agent) };
    chat.on(Command::Escalated { segment: 0, request: Box::new(first), said: vec![] });
    let id = conversation();
    store.store().append(&id, 0, &chat.facts, Some(true)).await.expect("stored");
    let entry = here.ledger.find(&id).await.expect("the store answers").expect("it is there");
    let batch = ActivitySet::read(json!({"activities": said}).to_string().as_bytes()).expect("a set").set;
    let source = Source::own(&id, "Bearer a-token");
    let event = batch.activities.len() - 1;
    let (second, _) = here.escalations.request(&entry, &batch, event, &source, None).await;
    second.user
}

fn jo() -> User {
    User {
        id: "dl_jo".to_owned(),
        name: Some("Jo".to_owned()),
        locale: Some("de-DE".to_owned()),
        timezone: Some("Europe/Berlin".to_owned()),
        ..User::default()
    }
}

#[tokio::test]
async fn what_the_client_has_said_of_itself_once_holds_at_the_next_hand_off() {
    let event =
        json!({"type": "event", "name": "handoff.initiate", "id": "1", "from": {"id": "bot", "role": "bot"}});
    let own = json!({"type": "message", "id": "0", "text": "Hi", "from": {"id": "dl_jo"}});
    assert_eq!(handed_over_again(&jo(), json!([event])).await, jo());
    assert_eq!(handed_over_again(&jo(), json!([own, event])).await, jo());
}

#[tokio::test]
async fn nobody_is_handed_over_as_who_spoke_before_them() {
    let event =
        json!({"type": "event", "name": "handoff.initiate", "id": "2", "from": {"id": "bot", "role": "bot"}});
    let say = |id: &str, from: Value, zone: &str| json!({"type": "message", "id": id, "text": "Hi", "from": from, "localTimezone": zone});
    let jos = say("0", json!({"id": "dl_jo", "name": "Jo"}), "Europe/Berlin");
    let anns = json!({"type": "message", "id": "1", "text": "Hi", "from": {"id": "dl_ann"}});
    let ann = User { id: "dl_ann".to_owned(), ..User::default() };
    let jo = User { email: Some("jo@example.com".to_owned()), ..jo() };
    assert_eq!(handed_over_again(&jo, json!([anns, event])).await, ann);
    assert_eq!(handed_over_again(&User::default(), json!([jos, anns, event])).await, ann);
    // Who is signed in says the agent's variable, each time.
    assert_eq!(handed_over_again(&jo, json!([jos, event])).await.email, None);
}
