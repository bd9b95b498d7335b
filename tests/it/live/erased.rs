//! A person is forgotten while the program runs.

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
