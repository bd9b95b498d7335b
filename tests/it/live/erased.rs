//! A person is forgotten while the program runs.

use serde_json::json;
use servicenow_handoff::domain::Timestamp;

use crate::world::World;

#[tokio::test]
async fn after_an_erase_servicenow_knows_nothing_is_left_and_the_old_event_opens_nothing() {
    let world = World::start().await;
    let mut chat = world.live_chat().await;
    let session = chat.conversation().to_owned();
    chat.say("My secret words").await.unwrap();
    world.agent_hears(&session, &["My secret words"]).await;
    let holds = |words: &str| {
        let stored = world.stored_bytes();
        stored.windows(words.len()).any(|part| part == words.as_bytes())
    };
    assert!(holds("My secret words") && holds(&session));
    let erased = world.operator().erase(&session, false).await.unwrap();
    assert_eq!(erased.conversations.len(), 1);
    assert!(
        world.actions(&session).contains(&"END_CONVERSATION".to_owned()),
        "{:?}",
        world.actions(&session)
    );
    assert!(!holds("My secret words") && !holds(&session));
    chat.reload();
    for _ in 0..4 {
        chat.poll().await.unwrap();
    }
    assert!(
        chat.received.iter().any(|activity| activity["name"] == "handoff.initiate"),
        "Direct Line's own history"
    );
    assert_eq!(world.servicenow.chats().len(), 1, "the old event opened another chat");
    assert!(!holds("My secret words") && !holds(&session));
}

#[tokio::test]
async fn who_was_forgotten_may_ask_for_a_person_again_and_begins_anew() {
    let world = World::start().await;
    let mut chat = world.chat().await;
    chat.say("said before").await.unwrap();
    let session = chat.conversation().to_owned();
    let event = |nth: usize| {
        let mut event =
            json!({"type": "event", "name": "handoff.initiate", "value": {"va_LastPhrase": "a person"}});
        let now = Timestamp::now().0;
        // However a far end writes times.
        match nth {
            2 => event["timestamp"] = now.into(),
            3 => event["timestamp"] = format!("{}.{:03}", now / 1_000, now % 1_000).into(),
            _ => {}
        }
        event
    };
    let opened = || {
        let asked = world.servicenow.requests_of(&session).into_iter();
        asked
            .filter(|request| request.action == "CREATE_CONVERSATION")
            .map(|request| request.body.to_string())
    };
    for nth in 1..4 {
        let later = format!("said later {nth}");
        chat.say(&later).await.unwrap();
        world.copilot.bot_says(&session, event(nth)).unwrap();
        // Loaded again, the page gets the old events before the new one.
        chat.reload();
        chat.until("the new event", |a| a["name"] == "handoff.initiate").await.unwrap();
        world.accept(&session).await;
        let asked = opened().next_back().unwrap();
        assert!(asked.contains(&later) && asked.contains("said before") == (nth == 1), "{asked}");
        world.operator().erase(&session, false).await.unwrap();
        chat.reload();
        for _ in 0..4 {
            chat.poll().await.unwrap();
        }
        assert_eq!(opened().count(), nth, "an old event opened another chat");
        assert!(!world.stored_bytes().windows(later.len()).any(|bytes| bytes == later.as_bytes()));
    }
}

#[tokio::test]
async fn servicenow_is_answered_200_by_who_has_not_yet_noticed_an_erase() {
    let world = World::start().await;
    let chat = world.live_chat().await;
    world.operator().erase(chat.conversation(), false).await.unwrap();
    let text = json!({"uiType": "OutputText", "messageId": "late", "value": "Are you there?"});
    let late = json!({"clientSessionId": chat.conversation(), "requestId": "late", "body": [text]});
    let sent = world.servicenow.send_raw(chat.conversation(), late).await;
    assert_eq!(sent.status, Some(200), "another status would make it give up all");
}

#[tokio::test]
async fn what_a_client_says_next_goes_to_the_bot_at_once() {
    for kind in ["message", "typing", "endOfConversation"] {
        let world = World::start().await;
        let mut chat = world.live_chat().await;
        let session = chat.conversation().to_owned();
        let (second, _) = world.second_instance();
        world.operator().erase(&session, false).await.unwrap();
        let told =
            || world.copilot.said_to_bot(&session).iter().filter(|activity| activity["type"] == kind).count();
        let before = told();
        for root in [&world.url, &second] {
            chat.move_to(root);
            let said = json!({"type": kind, "text": "to the bot", "from": {"id": "dana", "role": "user"}});
            chat.post(&said).await.expect(kind);
        }
        assert_eq!(told(), before + 2, "{kind}");
    }
}
